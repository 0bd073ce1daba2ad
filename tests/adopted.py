"""A small ONNX recogniser as `distill adopt` writes them, for tests: random weights, the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import helper, numpy_helper

from students.charset import Charset
from students.image import Preparation
from students.model_file import KEY, Description, signed_onnx, unsigned_json

FRAME_PX = 8
PREPARATION = Preparation(height_px=48, width_quantum_px=8, channels=3, padding_value=0, least_width_px=160)
TRAINING = {
    "licence": "Apache-2.0",
    "origin": "made for a test",
    "public_data": "it is not known whether this model saw public test sets in training",
}


CHARACTERS = "0123456789abcdefghij"
COLUMNS = np.arange(len(CHARACTERS) + 1) * 2 + 1  # foreign classes of the blank and the characters
FEATURES = 12


Form = Literal["product", "time first", "rows", "no product"]


def write_adopted(path: Path, n_foreign: int = 60, form: Form = "product", scale: float = 1.0) -> Path:
    """A graph of `n_foreign` classes; those numbered `COLUMNS` are the blank and `CHARACTERS`. Returns the path.

    Its scores are a product with constant weights, of a tensor (N, T, D); or of one (T, N, D), turned afterwards; or of
    one of all frames as rows, (T x N, D), shaped and turned afterwards; or no product. Weights are random, times
    `scale`.
    """
    weights = _weights(n_foreign, scale)
    if form == "rows":
        weights["weights"] = weights["weights"].T.copy()
        weights |= {"flat": np.array([-1, FEATURES]), "two": np.array([0, 1]), "last": np.array([n_foreign])}
    model = helper.make_model(_graph(weights, form), opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    parameters = sum(values.size for values in weights.values() if values.dtype == np.float32)
    description = Description(
        kind="teacher",
        architecture={"kind": "adopted", "frame_px": FRAME_PX, "parameters": parameters, "sha256": "a" * 64},
        charset=Charset(characters=CHARACTERS),
        preparation=PREPARATION,
        training=TRAINING,
    )
    helper.set_model_props(model, {KEY: unsigned_json(description)})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(signed_onnx(model.SerializeToString(), path))
    return path


def _weights(n_foreign: int, scale: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    kernel = rng.normal(0, 0.02, (FEATURES, PREPARATION.channels, PREPARATION.height_px, FRAME_PX))
    return {
        "kernel": kernel.astype(np.float32),
        "weights": (scale * rng.normal(0, 1, (FEATURES, n_foreign))).astype(np.float32),
        "bias": np.zeros(n_foreign, np.float32),
        "columns": COLUMNS.astype(np.int64),
    }


def _graph(weights: dict[str, np.ndarray], form: Form) -> onnx.GraphProto:
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["maps"], strides=[PREPARATION.height_px, FRAME_PX]),
        helper.make_node("Squeeze", ["maps"], ["squeezed"], axes=[2]),
        *_multiplied(form),
        helper.make_node("Tanh" if form == "no product" else "Identity", ["added"], ["raw_scores"]),
        helper.make_node("Softmax", ["raw_scores"], ["posteriors"], axis=2),
        helper.make_node("Gather", ["posteriors", "columns"], ["gathered"], axis=2),
        helper.make_node("Log", ["gathered"], ["logits"]),
    ]
    images = ["N", PREPARATION.channels, PREPARATION.height_px, "W"]
    return helper.make_graph(
        nodes,
        "adopted",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, images)],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", "T", len(COLUMNS)])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )


def _multiplied(form: Form) -> list[onnx.NodeProto]:
    """From the features to the scores before the last node; with time as the first axis as recurrent layers have it."""
    if form in ("product", "no product"):
        return [
            helper.make_node("Transpose", ["squeezed"], ["features"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["features", "weights"], ["multiplied"]),
            helper.make_node("Add", ["multiplied", "bias"], ["added"]),
        ]
    product = [
        helper.make_node("MatMul", ["features", "weights"], ["multiplied"]),
        helper.make_node("Add", ["multiplied", "bias"], ["by_time"]),
    ]
    if form == "rows":
        product = [
            helper.make_node("Reshape", ["features", "flat"], ["rows"]),
            helper.make_node("Gemm", ["rows", "weights", "bias"], ["multiplied"], transB=1),
            helper.make_node("Shape", ["features"], ["sizes"]),
            helper.make_node("Gather", ["sizes", "two"], ["first"], axis=0),
            helper.make_node("Concat", ["first", "last"], ["shape"], axis=0),
            helper.make_node("Reshape", ["multiplied", "shape"], ["by_time"]),
        ]
    turned = helper.make_node("Transpose", ["by_time"], ["added"], perm=[1, 0, 2])
    return [helper.make_node("Transpose", ["squeezed"], ["features"], perm=[2, 0, 1]), *product, turned]
