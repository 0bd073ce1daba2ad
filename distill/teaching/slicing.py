"""An ONNX graph that writes the classes of a run and no others.

A recogniser of another language may have twenty thousand classes where a run has a hundred. The graph is cut where its
scores are, before the softmax, and given another tail. Where the scores are a product with constant weights, the wanted
columns are a product of their own, and of all others only the logarithm of their sum is kept, a block of columns at a
time. Otherwise the wanted columns are gathered behind the softmax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from distill.onnx_graphs import computed_from, rename_tensor
from students.onnx_reader import OUTPUT

SCORES = "raw_scores"  # as adopted files name the scores before the softmax
BLOCK = 4096  # columns of the rest that stand in memory together
AXES_ARE_INPUTS = {"ReduceSum": 13, "ReduceMax": 18}  # from these versions of the operators on


class Sliced(NamedTuple):
    """A graph with other columns, and how many columns stand in memory together at its end."""

    blob: bytes
    n_columns: int


class _Move(NamedTuple):
    """A Transpose to the order of axes `order`, or a Reshape to `shape` but for its last axis, which stays the last."""

    order: tuple[int, ...] = ()
    shape: str = ""


class _Product(NamedTuple):
    """Scores as a product: a tensor (N, T, D) by weights (D, C), and what is added, (C,).

    Where the graph multiplies first and changes the order of the axes or the shape then, `moves` does so to the tensor,
    one after the other.
    """

    features: str
    weights_DC: np.ndarray
    bias_C: np.ndarray
    moves: tuple[_Move, ...] = ()


def sliced(blob: bytes, wanted_K: np.ndarray, n_classes: int, temperature: float) -> Sliced:
    """Return the graph in `blob` with log-posteriors (N, T, K + R) of the classes `wanted_K` of `n_classes` as output.

    They are those of the softmax over all scores of the graph at `temperature`. The R columns behind them hold the
    logarithms of what the other scores get together; R is 0 where the graph does not end in a product, and the rest is
    what is missing to 1. In a graph without a tensor `raw_scores` its output is the scores, a column a class.
    """
    model = onnx.load_from_string(blob)
    graph = model.graph
    if not any(SCORES in node.output for node in graph.node):
        rename_tensor(graph, OUTPUT, SCORES)
    index_C = _gathered_columns(graph)
    columns_K = wanted_K if index_C is None else index_C[wanted_K]
    product = _product(graph)
    _cut_behind(
        graph, [SCORES] if product is None else [product.features, *(m.shape for m in product.moves if m.shape)]
    )
    tail = _Tail(model)
    if product is None:
        tail.gather(columns_K, temperature)
        n_columns = n_classes if index_C is None else max(n_classes, int(index_C.max()) + 1)
    else:
        tail.multiply(product, columns_K, temperature)
        n_columns = min(BLOCK, len(product.bias_C)) + len(columns_K)
    graph.output.append(helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ["N", "T", "K"]))
    return Sliced(model.SerializeToString(), n_columns)


class _Tail:
    """Nodes and weights added to a graph, all under names of their own."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.opset = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
        self.n_names = 0

    def gather(self, columns_K: np.ndarray, temperature: float) -> None:
        """The wanted columns of the log-posteriors of all scores."""
        scaled = self.node("Mul", [SCORES, self.weight(np.array(1 / temperature, np.float32))])
        all_columns = self.node("LogSoftmax", [scaled], axis=2)
        self.node("Gather", [all_columns, self.weight(columns_K.astype(np.int64))], OUTPUT, axis=2)

    def multiply(self, product: _Product, columns_K: np.ndarray, temperature: float) -> None:
        """The wanted columns of the product, and behind them the sums of all others, block by block."""
        for move in product.moves:
            product = product._replace(features=self._moved(product.features, move))
        rest = np.setdiff1d(np.arange(len(product.bias_C)), columns_K)
        blocks = [rest[first : first + BLOCK] for first in range(0, len(rest), BLOCK)]
        wanted = self._columns_of(product, columns_K, temperature)
        sums = [self._log_sum(self._columns_of(product, block, temperature)) for block in blocks]
        together = self.node("Concat", [wanted, *sums], axis=2)
        self.node("LogSoftmax", [together], OUTPUT, axis=2)

    def _moved(self, tensor: str, move: _Move) -> str:
        if move.order:
            return self.node("Transpose", [tensor], perm=list(move.order))
        first = self.node("Gather", [move.shape, self.weight(np.array([0, 1], np.int64))], axis=0)
        shape = self.node("Concat", [first, self.weight(np.array([-1], np.int64))], axis=0)
        return self.node("Reshape", [tensor, shape])

    def _columns_of(self, product: _Product, columns: np.ndarray, temperature: float) -> str:
        weights, bias = product.weights_DC[:, columns] / temperature, product.bias_C[columns] / temperature
        multiplied = self.node("MatMul", [product.features, self.weight(weights.astype(np.float32))])
        return self.node("Add", [multiplied, self.weight(bias.astype(np.float32))])

    def _log_sum(self, scores: str) -> str:
        """The logarithm of the sum of exponentials, (N, T, 1): the runtime's own operator for it is far slower."""
        largest = self._reduced("ReduceMax", scores)
        powers = self.node("Exp", [self.node("Sub", [scores, largest])])
        return self.node("Add", [self.node("Log", [self._reduced("ReduceSum", powers)]), largest])

    def _reduced(self, operator: str, tensor: str) -> str:
        if self.opset >= AXES_ARE_INPUTS[operator]:
            return self.node(operator, [tensor, self.weight(np.array([2], np.int64))], keepdims=1)
        return self.node(operator, [tensor], axes=[2], keepdims=1)

    def node(self, operator: str, inputs: list[str], output: str = "", **attributes: int | list[int]) -> str:
        """Add a node and return the name of its output."""
        output = output or self._name()
        node = helper.make_node(operator, inputs, [output])
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.graph.node.append(node)
        return output

    def weight(self, values: np.ndarray) -> str:
        """Add a constant and return its name."""
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name := self._name()))
        return name

    def _name(self) -> str:
        self.n_names += 1
        return f"classes_of_the_run_{self.n_names}"


def _gathered_columns(graph: onnx.GraphProto) -> np.ndarray | None:
    """The column of the scores for every class, (C,): what the file's own tail gathers; None where it gathers none."""
    constants = {weight.name: weight for weight in graph.initializer}
    behind = {SCORES}
    for node in graph.node:  # in the order in which they are computed
        if behind.intersection(node.input):
            if node.op_type == "Gather" and node.input[1] in constants:
                index_C: np.ndarray = numpy_helper.to_array(constants[node.input[1]])
                return index_C
            behind.update(node.output)
    return None


def _product(graph: onnx.GraphProto) -> _Product | None:
    """The scores as a product with constant weights, plus a constant; None where they are something else."""
    constants = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    maker = {output: node for node in graph.node for output in node.output}
    last, moves = _behind_moves(maker, SCORES)
    bias: np.ndarray | None = None
    if last is not None and last.op_type == "Add":
        added = [name for name in last.input if name in constants]
        if len(added) != 1:
            return None
        bias = constants[added[0]]
        last, earlier = _behind_moves(maker, next(name for name in last.input if name != added[0]))
        moves += earlier
    if last is None or last.op_type not in ("MatMul", "Gemm") or last.input[1] not in constants:
        return None
    attributes = {a.name: helper.get_attribute_value(a) for a in last.attribute}
    weights_DC = constants[last.input[1]].T if attributes.get("transB") else constants[last.input[1]]
    if last.op_type == "Gemm":
        if attributes.get("transA") or {attributes.get("alpha", 1.0), attributes.get("beta", 1.0)} != {1.0}:
            return None
        if len(last.input) > 2 and (bias is not None or last.input[2] not in constants):
            return None
        bias = constants[last.input[2]] if len(last.input) > 2 else bias
    if weights_DC.ndim != 2 or weights_DC.dtype != np.float32:
        return None
    bias_C = np.zeros(weights_DC.shape[1], np.float32) if bias is None else bias.reshape(-1)
    if len(bias_C) != weights_DC.shape[1] or (bias is not None and bias.shape[-1:] != bias_C.shape):
        return None
    return _Product(last.input[0], weights_DC, bias_C, tuple(reversed(moves)))


def _behind_moves(maker: Mapping[str, onnx.NodeProto], tensor: str) -> tuple[onnx.NodeProto | None, list[_Move]]:
    """What computes a tensor before it is renamed, turned or shaped, the classes staying last; and those, last first.

    The classes are the last axis of a Reshape's result, and of what a product of rows by weights gives it.
    """
    moves: list[_Move] = []
    node = maker.get(tensor)
    while node is not None:
        match node.op_type:
            case "Identity":
                pass
            case "Transpose":
                order = next((tuple(a.ints) for a in node.attribute if a.name == "perm"), ())
                if len(order) != 3 or order[-1] != 2:
                    break
                moves.append(_Move(order=order))
            case "Reshape":
                below = maker.get(node.input[0])
                if below is None or below.op_type != "Gemm":  # whose result has rows of classes, whatever is shaped
                    break
                moves.append(_Move(shape=node.input[1]))
            case _:
                break
        node = maker.get(node.input[0])
    return node, moves


def _cut_behind(graph: onnx.GraphProto, ends: Sequence[str]) -> None:
    """Keep only what the tensors `ends` are computed from; the graph has no outputs then."""
    needed = {name for end in ends for name in computed_from(graph, end)}
    nodes = [node for node in graph.node if needed.intersection(node.output)]
    weights = [weight for weight in graph.initializer if weight.name in needed]
    for field, values in ((graph.node, nodes), (graph.initializer, weights)):
        kept = [type(value).FromString(value.SerializeToString()) for value in values]
        del field[:]
        field.extend(kept)
    del graph.output[:]
    del graph.value_info[:]
