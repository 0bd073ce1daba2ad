"""What every change of an ONNX graph needs: tensors under other names, and what a tensor is computed from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def rename_tensor(graph: onnx.GraphProto, before: str, after: str) -> None:
    """Give a tensor another name where it is made and where it is used; graphs inside of nodes are left alone."""
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [after if name == before else name for name in names]


def computed_from(graph: onnx.GraphProto, tensor: str) -> set[str]:
    """Return the names of all tensors that `tensor` is computed from, weights and `tensor` itself included."""
    maker = {output: node for node in graph.node for output in node.output if output}
    needed, waiting = set[str](), [tensor]
    while waiting:
        name = waiting.pop()
        if name and name not in needed:
            needed.add(name)
            waiting += _inputs(maker[name]) if name in maker else []
    return needed


def _inputs(node: onnx.NodeProto) -> Iterator[str]:
    """What a node is computed from, the graphs inside it included."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from _inputs(inner)
