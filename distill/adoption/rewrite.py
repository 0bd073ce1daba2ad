"""The foreign graph between our nodes: prepared images in, log-probabilities of our classes out.

In front stand the order and scale of the channels. Behind it stands `RAW`, the scores of all foreign classes before
their softmax; then a log-softmax over all of them and the columns of the charset. What the charset lacks has no column,
so the probabilities of a frame may sum to less than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from distill.adoption.foreign import Foreign
from distill.adoption.settings import LEAST_PROBABILITY, ForeignPixels, Kind
from distill.adoption.shape import Shape
from distill.onnx_graphs import computed_from, rename_tensor
from students.model_file import KEY
from students.onnx_reader import INPUT, OUTPUT

RAW, COLUMNS, TAIL = "raw_scores", "columns", "adopted"
MOVING = ("Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Cast")  # operators that change no score
Operation = tuple[str, list[str], dict[str, Any]]  # operator, its other inputs, attributes
LEAST_IR = 4  # from which an array need not be an input as well
SIZED_BY_INPUT = 13  # opset from which Squeeze and Unsqueeze take their axes as an input


def rewritten(
    foreign: Foreign, shape: Shape, pixels: ForeignPixels, kind: Kind, columns: Sequence[int]
) -> onnx.ModelProto:
    """Return the graph from `images` (N, channels, H, W) over `raw_scores` (N, T, C foreign) to `logits` (N, T, C)."""
    model = onnx.compose.add_prefix(foreign.graph, f"{TAIL}/")
    graph = model.graph
    _keep_what_leads_to(graph, f"{TAIL}/{shape.output}")
    raw_kind = _without_softmax(graph, f"{TAIL}/{shape.output}", kind)
    constants: list[onnx.TensorProto] = []
    front = _front(foreign, pixels, f"{TAIL}/{foreign.input}", constants)
    to_raw = _to_raw(f"{TAIL}/{shape.output}", shape, raw_kind, foreign, constants)
    if shape.one_by_one:
        inside = [*front, *graph.node, *to_raw]
        opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        nodes = _each_line(inside, opset, pixels, constants)
    else:
        nodes = [*front, *graph.node, *to_raw]
    nodes += _tail(columns, shape.n_classes, constants)
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:], model.metadata_props[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    preparation = pixels.preparation
    image = ["N", preparation.channels, preparation.height_px, shape.fixed_px or "W"]
    graph.input.append(helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, image))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ["N", "T", len(columns)]))
    model.ir_version = max(model.ir_version, LEAST_IR)
    model.producer_name, model.producer_version = KEY, ""
    return model


def _keep_what_leads_to(graph: onnx.GraphProto, output: str) -> None:
    """Drop nodes that only other outputs need."""
    needed = computed_from(graph, output)
    kept = [node for node in graph.node if needed.intersection(node.output)]
    del graph.node[:]
    graph.node.extend(kept)


def _without_softmax(graph: onnx.GraphProto, output: str, kind: Kind) -> Kind:
    """Pass by the softmax at the end, where there is one; returns what the graph gives then."""
    if kind == "logits":
        return kind
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(output)
    while node is not None and node.op_type in MOVING:
        node = makers.get(node.input[0])
    if node is None or node.op_type not in ("Softmax", "LogSoftmax") or _used_elsewhere(graph, node):
        return kind
    scores = node.input[0]
    if node.output[0] == output and scores in makers:
        maker = _behind_identities(makers, scores)
        graph.node.remove(node)
        rename_tensor(graph, maker, output)
    else:
        node.op_type = "Identity"
        del node.attribute[:]
    return "logits"


def _used_elsewhere(graph: onnx.GraphProto, node: onnx.NodeProto) -> bool:
    return sum(name == node.output[0] for other in graph.node for name in other.input) > 1


def _behind_identities(makers: dict[str, onnx.NodeProto], tensor: str) -> str:
    while makers[tensor].op_type == "Identity" and makers[tensor].input[0] in makers:
        tensor = makers[tensor].input[0]
    return tensor


def _front(
    foreign: Foreign, pixels: ForeignPixels, wanted: str, constants: list[onnx.TensorProto]
) -> list[onnx.NodeProto]:
    """From `images` to the foreign input: order, scale and place of the channels, and type."""
    steps: list[Operation] = []
    if pixels.bgr:
        constants.append(numpy_helper.from_array(np.array([2, 1, 0], np.int64), f"{TAIL}.bgr"))
        steps.append(("Gather", [f"{TAIL}.bgr"], {"axis": 1}))
    for operator, values in (("Mul", pixels.scale), ("Add", pixels.shift)):
        if values:
            name = f"{TAIL}.{operator.lower()}"
            constants.append(numpy_helper.from_array(np.array(values, np.float32).reshape(1, -1, 1, 1), name))
            steps.append((operator, [name], {}))
    if foreign.channels_last:
        steps.append(("Transpose", [], {"perm": [0, 2, 3, 1]}))
    element = foreign.graph_input.type.tensor_type.elem_type
    if element != onnx.TensorProto.FLOAT or not steps:
        steps.append(("Cast", [], {"to": element}))
    return _chain(INPUT, wanted, steps, "front")


def _to_raw(
    given: str, shape: Shape, kind: Kind, foreign: Foreign, constants: list[onnx.TensorProto]
) -> list[onnx.NodeProto]:
    """From the foreign output to `RAW` (N, T, C), or (T, C) for lines that go one by one."""
    steps: list[Operation] = []
    if foreign.graph_input.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        steps.append(("Cast", [], {"to": onnx.TensorProto.FLOAT}))
    if shape.layout == "TNC":
        steps.append(("Transpose", [], {"perm": [1, 0, 2]}))
    if kind == "probabilities":
        constants.append(numpy_helper.from_array(np.array(LEAST_PROBABILITY, np.float32), f"{TAIL}.tiny"))
        steps += [("Add", [f"{TAIL}.tiny"], {}), ("Log", [], {})]
    if shape.one_by_one:
        constants.append(numpy_helper.from_array(np.array([-1, shape.n_classes], np.int64), f"{TAIL}.frames"))
        steps.append(("Reshape", [f"{TAIL}.frames"], {}))
        return _chain(given, f"{TAIL}.line_scores", steps, "raw")
    return _chain(given, RAW, steps or [("Identity", [], {})], "raw")


def _chain(first: str, last: str, steps: list[Operation], name: str) -> list[onnx.NodeProto]:
    """Operators one behind the other."""
    nodes, at = [], first
    for number, (operator, more, attributes) in enumerate(steps):
        to = last if number == len(steps) - 1 else f"{TAIL}.{name}.{number}"
        nodes.append(helper.make_node(operator, [at, *more], [to], f"{TAIL}.{name}.{number}", **attributes))
        at = to
    return nodes


def _each_line(
    inside: list[onnx.NodeProto], opset: int, pixels: ForeignPixels, constants: list[onnx.TensorProto]
) -> list[onnx.NodeProto]:
    """The nodes as the body of a Scan over the lines, for a graph that takes one line at a time."""
    line = f"{TAIL}.line"
    preparation = pixels.preparation
    constants.append(numpy_helper.from_array(np.array([0], np.int64), f"{TAIL}.axis"))
    if opset >= SIZED_BY_INPUT:
        widen = helper.make_node("Unsqueeze", [line, f"{TAIL}.axis"], [f"{TAIL}.one"], f"{TAIL}.widen")
    else:
        widen = helper.make_node("Unsqueeze", [line], [f"{TAIL}.one"], f"{TAIL}.widen", axes=[0])
    for node in inside:
        node.input[:] = [f"{TAIL}.one" if name == INPUT else name for name in node.input]
    element = onnx.TensorProto.FLOAT
    body = helper.make_graph(
        [widen, *inside],
        f"{TAIL}.body",
        [helper.make_tensor_value_info(line, element, [preparation.channels, preparation.height_px, None])],
        [helper.make_tensor_value_info(f"{TAIL}.line_scores", element, [None, None])],
    )
    return [helper.make_node("Scan", [INPUT], [RAW], f"{TAIL}.each_line", body=body, num_scan_inputs=1)]


def _tail(columns: Sequence[int], n_classes: int, constants: list[onnx.TensorProto]) -> list[onnx.NodeProto]:
    """Log-probabilities over all foreign classes, then the columns of the charset where those are not the same."""
    if list(columns) == list(range(n_classes)):
        return [helper.make_node("LogSoftmax", [RAW], [OUTPUT], f"{TAIL}.log_softmax", axis=2)]
    constants.append(numpy_helper.from_array(np.array(columns, np.int64), COLUMNS))
    logs = f"{TAIL}.log_probabilities"
    return [
        helper.make_node("LogSoftmax", [RAW], [logs], f"{TAIL}.log_softmax", axis=2),
        helper.make_node("Gather", [logs, COLUMNS], [OUTPUT], f"{TAIL}.columns", axis=2),
    ]
