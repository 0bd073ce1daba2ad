"""Recognisers as others write them, for tests: a shipped student without what this suite writes, in many forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import students
from distill.adoption.presets import KNOWN
from distill.delivery.export.graph import graph_of

NAME = "receipts"
FRAME_PX = 4  # of that student
UNLIKELY = -30.0  # score of a class that the student does not have
VOCABULARY = KNOWN["onnxtr"]["docTR's french"]
Kind = Literal["logits", "probabilities", "log_probabilities"]


@dataclass(frozen=True)
class Form:
    """How a model is written: what it gives, in which order, and what it wants."""

    kind: Kind = "logits"
    time_first: bool = False
    blank_last: bool = False
    channels_last: bool = False
    colours: bool = False  # three channels, of which the mean is read
    levels: Literal["-1 to 1", "0 to 1"] = "-1 to 1"
    one_channel: int | None = None  # three channels, of which this one is read
    half: bool = False  # takes and gives float16
    one_line: bool = False  # a shape fixed inside for one line
    opened: bool = True  # the number of lines and the width are declared open
    fixed_px: int | None = None  # a shape fixed inside for one width
    doctr: bool = False  # colours, levels and classes of docTR's models: its vocabulary, then the blank


def characters() -> str:
    """Those of the classes other than the blank, in their order."""
    return students.load(NAME).description.charset.characters


@lru_cache
def _graph() -> bytes:
    return graph_of(students.load(NAME)).SerializeToString()


def write_foreign(path: Path, form: Form = Form(), metadata: dict[str, str] | None = None) -> Path:
    """The student's network in another form, under names of others; returns the path."""
    model = onnx.compose.add_prefix(onnx.load_model_from_string(_graph()), "net.")
    graph = model.graph
    front, constants = _front(form)
    back, more = _back(form)
    nodes = [*front, *graph.node, *back]
    del graph.node[:], graph.input[:], graph.output[:], model.metadata_props[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*constants, *more])
    element = TensorProto.FLOAT16 if form.half else TensorProto.FLOAT
    channels = 3 if form.colours or form.doctr or form.one_channel is not None else 1
    n, width = ("n", form.fixed_px or "width") if form.opened else (1, form.fixed_px or 320)
    sizes = [n, 32, width, channels] if form.channels_last else [n, channels, 32, width]
    graph.input.append(helper.make_tensor_value_info("x", element, sizes))
    graph.output.append(helper.make_tensor_value_info("y", element, [1, "sequence"]))  # believe what comes
    model.producer_name = "others"
    helper.set_model_props(model, metadata or {})
    path.write_bytes(model.SerializeToString())
    return path


def _front(form: Form) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    steps: list[tuple[str, list[str], dict[str, Any]]] = []
    constants = []
    if form.half:
        steps.append(("Cast", [], {"to": TensorProto.FLOAT}))
    if form.channels_last:
        steps.append(("Transpose", [], {"perm": [0, 3, 1, 2]}))
    if form.doctr:  # back to levels of 0 to 1
        levels = {"deviations": (0.299, 0.296, 0.301), "means": (0.694, 0.695, 0.693)}
        for (name, values), operator in zip(levels.items(), ("Mul", "Add"), strict=True):
            constants.append(numpy_helper.from_array(np.array(values, np.float32).reshape(1, 3, 1, 1), name))
            steps.append((operator, [name], {}))
    if form.one_channel is not None:
        constants.append(numpy_helper.from_array(np.array([form.one_channel], np.int64), "channel"))
        steps.append(("Gather", ["channel"], {"axis": 1}))
    if form.colours or form.doctr:
        steps.append(("ReduceMean", [], {"axes": [1], "keepdims": 1}))
    if form.levels == "0 to 1" or form.doctr:
        for name, value in (("two", 2.0), ("less", -1.0)):
            constants.append(numpy_helper.from_array(np.array(value, np.float32), name))
        # without its sign, since a network of convolutions reads as well with twice the contrast
        steps += [("Abs", [], {}), ("Mul", ["two"], {}), ("Add", ["less"], {})]
    return _chain("x", "net.images", steps), constants


def _back(form: Form) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    n_classes = len(characters()) + 1
    steps: list[tuple[str, list[str], dict[str, Any]]] = []
    constants = []
    if form.blank_last:
        constants.append(numpy_helper.from_array(np.array([*range(1, n_classes), 0], np.int64), "order"))
        steps.append(("Gather", ["order"], {"axis": 2}))
    if form.doctr:
        constants.append(numpy_helper.from_array(np.array([0, 0, 0, 0, 0, 1], np.int64), "one_class_more"))
        constants.append(numpy_helper.from_array(np.array(UNLIKELY, np.float32), "unlikely"))
        places = [1 + characters().find(c) or n_classes for c in VOCABULARY]
        constants.append(numpy_helper.from_array(np.array([*places, 0], np.int64), "order"))
        steps += [("Pad", ["one_class_more", "unlikely"], {}), ("Gather", ["order"], {"axis": 2})]
        n_classes = len(VOCABULARY) + 1
    if form.fixed_px:
        frames = form.fixed_px // FRAME_PX
        constants.append(numpy_helper.from_array(np.array([-1, frames, n_classes], np.int64), "fixed"))
        steps.append(("Reshape", ["fixed"], {}))
    if form.one_line:
        constants.append(numpy_helper.from_array(np.array([1, -1, n_classes], np.int64), "single"))
        steps.append(("Reshape", ["single"], {}))
    if form.kind != "logits":
        steps.append(("Softmax" if form.kind == "probabilities" else "LogSoftmax", [], {"axis": 2}))
    if form.time_first:
        steps.append(("Transpose", [], {"perm": [1, 0, 2]}))
    if form.half:
        steps.append(("Cast", [], {"to": TensorProto.FLOAT16}))
    return _chain("net.logits", "y", steps), constants


def _chain(first: str, last: str, steps: Sequence[tuple[str, list[str], dict[str, Any]]]) -> list[onnx.NodeProto]:
    steps = steps or [("Identity", [], {})]
    names = [first, *(f"{last}.{i}" for i in range(len(steps) - 1)), last]
    return [
        helper.make_node(operator, [names[i], *more], [names[i + 1]], **attributes)
        for i, (operator, more, attributes) in enumerate(steps)
    ]


def write_graph(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    sizes: Sequence[int | str],
    constants: dict[str, np.ndarray] | None = None,
    inputs: Sequence[str] = ("x",),
    opset: int = 17,
) -> Path:
    """A file with these nodes from `inputs` of one shape to `y`."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(sizes)) for name in inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
