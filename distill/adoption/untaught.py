"""Characters that a foreign network has a class for and was never taught: one vector of its last layer for them all.

What no training line showed is only ever pushed down, on every frame alike, so that the vectors of such classes end up
equal. See findings/ppocr-classes-never-learnt.sh for networks with thousands of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from distill.onnx_graphs import computed_from

SAME_WAY = 0.999  # cosine from which two vectors count as one
SAME_LENGTH = 0.1  # by which share their lengths may differ
FEWEST = 5  # equal vectors; fewer may be characters that look alike
COMPARED = 500  # vectors that all are compared with
FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)


def untaught(model: onnx.ModelProto, output: str, character_of: Sequence[str | None]) -> list[str]:
    """Return the characters of the classes whose vectors in the layer that scores them are one: none can be written.

    The layer is the last matrix product before `output` with as many columns (or rows) as there are classes, of floats;
    where there is none, none is returned.
    """
    vectors_CD = _vectors(model.graph, output, len(character_of))
    if vectors_CD is None:
        return []
    lengths_C = np.linalg.norm(vectors_CD, axis=1)
    directions_CD = vectors_CD / np.maximum(lengths_C, 1e-12)[:, None]
    chosen = range(0, len(character_of), max(1, len(character_of) // COMPARED))
    same_KC = directions_CD[chosen] @ directions_CD.T > SAME_WAY
    most = int(same_KC.sum(1).argmax())
    length = lengths_C[chosen[most]]
    equal_C = same_KC[most] & (np.abs(lengths_C - length) <= SAME_LENGTH * length)
    found = [character for character, equal in zip(character_of, equal_C, strict=True) if equal and character]
    return found if len(found) >= FEWEST else []


def _vectors(graph: onnx.GraphProto, output: str, n_classes: int) -> np.ndarray | None:
    """The weights of the last layer, (C, D)."""
    needed = computed_from(graph, output)
    constants = {array.name: array for array in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            constants[node.output[0]] = node.attribute[0].t
    for node in reversed(graph.node):
        if node.op_type in ("MatMul", "Gemm") and needed.intersection(node.output):
            for array in _matrices(node, constants):
                if n_classes in array.dims and len(set(array.dims)) == 2:
                    matrix = numpy_helper.to_array(array).astype(np.float32)
                    return matrix if matrix.shape[0] == n_classes else matrix.T
    return None


def _matrices(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> Iterator[onnx.TensorProto]:
    for name in node.input[:2]:
        array = constants.get(name)
        if array is not None and len(array.dims) == 2 and array.data_type in FLOATS:
            yield array
