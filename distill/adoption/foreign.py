"""A foreign ONNX file, opened: whole, run by ONNX Runtime, and with one picture as its input.

What it declares about the number of lines and the width is put aside: what comes out is believed, not what is declared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from onnx.external_data_helper import load_external_data_for_model

from students.errors import CheckpointError
from students.model_file import ONNX_ENTRY

TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".pdmodel", ".pdparams", ".json")
FLOATS: dict[int, Any] = {onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.FLOAT16: np.float16}
WEIGHTS = (*FLOATS, onnx.TensorProto.DOUBLE, onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
SOURCE = "/onnxruntime_src/"  # of a message that begins with a place in the runtime's program
SMALLEST_WEIGHT = 2  # numbers; a single one is a constant of the arithmetic


@dataclass(frozen=True)
class Foreign:
    """An opened file. `channels` and `height_px` are None where the file leaves them open."""

    path: Path
    graph: onnx.ModelProto
    session: Any
    sha256: str
    channels_last: bool
    channels: int | None
    height_px: int | None
    width_px: int | None

    @property
    def input(self) -> str:
        """Name of the picture's tensor."""
        return str(self.session.get_inputs()[0].name)

    @property
    def outputs(self) -> list[str]:
        """Return the names of its outputs."""
        return [output.name for output in self.session.get_outputs()]

    @property
    def metadata(self) -> dict[str, str]:
        """Return what its maker wrote into its metadata."""
        return {entry.key: entry.value for entry in self.graph.metadata_props}

    @property
    def from_paddle(self) -> bool:
        """Return whether Paddle2ONNX wrote it, as the names of its tensors say."""
        return any(name.startswith("p2o.") for node in self.graph.graph.node for name in (*node.output, node.name))

    @property
    def parameters(self) -> int:
        """Return how many numbers were trained, as far as the graph shows: all constant fractions and int8."""
        constants = [
            a.t for n in self.graph.graph.node if n.op_type == "Constant" for a in n.attribute if a.HasField("t")
        ]
        arrays = [*self.graph.graph.initializer, *constants]
        sizes = [int(np.prod(array.dims)) for array in arrays if array.data_type in WEIGHTS]
        return sum(size for size in sizes if size >= SMALLEST_WEIGHT)

    def run(self, images_NCHW: np.ndarray) -> list[np.ndarray]:
        """Return all outputs on images as the graph takes them but for the place of the channels and the type."""
        images = images_NCHW.transpose(0, 2, 3, 1) if self.channels_last else images_NCHW
        wanted = FLOATS[self.graph_input.type.tensor_type.elem_type]
        return [np.asarray(found) for found in self.session.run(None, {self.input: images.astype(wanted)})]

    @property
    def graph_input(self) -> onnx.ValueInfoProto:
        """Return the input as the file describes it."""
        return next(value for value in self.graph.graph.input if value.name == self.input)


def open_foreign(path: Path) -> Foreign:
    """Open a recogniser's file; raises `CheckpointError` that says what it is and what to give instead."""
    graph, sha256 = _read(path)
    inputs = _inputs_in_use(graph.graph)
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        raise CheckpointError(
            f"{path}: takes {len(inputs)} inputs ({names}), as an attention decoder or a part of a larger model does; "
            "give a recogniser with a CTC head, from one picture to the scores of every frame"
        )
    sizes = [size.dim_value or None for size in inputs[0].type.tensor_type.shape.dim]
    if len(sizes) != 4 or inputs[0].type.tensor_type.elem_type not in FLOATS:
        raise CheckpointError(
            f"{path}: its input {inputs[0].name} is no picture of floating point numbers (N, channels, H, W); give a "
            "recogniser that reads a line of text from one"
        )
    channels_last = sizes[3] in (1, 3) and sizes[1] not in (1, 3)
    channels, height_px, width_px = (sizes[3], *sizes[1:3]) if channels_last else sizes[1:]
    if channels not in (None, 1, 3):
        raise CheckpointError(f"{path}: takes {channels} channels; a line of text has 1 or 3")
    _forget_sizes(graph, inputs[0], channels_last)
    session = _session(graph, path)
    return Foreign(path, graph, session, sha256, channels_last, channels, height_px, width_px)


def _inputs_in_use(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """What a node takes and no constant is; inputs that nothing takes are dropped: exporters leave the text there."""
    constants = {array.name for array in graph.initializer}
    taken = {name for node in with_inner(graph) for name in node.input}
    kept = [value for value in graph.input if value.name in taken | constants]
    if len(kept) < len(graph.input) and any(value.name not in constants for value in kept):
        kept = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in kept]
        del graph.input[:]
        graph.input.extend(kept)
    return [value for value in graph.input if value.name not in constants]


def with_inner(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of a graph and of the graphs inside its nodes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from with_inner(attribute.g)


def _read(path: Path) -> tuple[onnx.ModelProto, str]:
    """The graph with its weights, and the SHA-256 of the file."""
    if path.suffix.lower() in TORCH_SUFFIXES:
        raise CheckpointError(
            f"{path}: is no ONNX file; export it to ONNX first, or adopt the network from Python: "
            "distill.adoption.callables.adopt_module (docs/adopt.md)"
        )
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    if ONNX_ENTRY in blob:
        raise CheckpointError(f"{path}: is a file of this suite already; use it as it is")
    try:
        graph = onnx.load_model_from_string(blob)
    except DecodeError as error:
        raise CheckpointError(f"{path}: no whole ONNX file; it may be cut short: fetch it anew") from error
    if not graph.graph.node:
        raise CheckpointError(f"{path}: no whole ONNX file, it holds no graph; fetch it anew")
    _load_external(graph, path)
    return graph, hashlib.sha256(blob).hexdigest()


def _load_external(graph: onnx.ModelProto, path: Path) -> None:
    """Bring weights that lie in other files into the graph."""
    outside = sorted({e.value for array in graph.graph.initializer for e in array.external_data if e.key == "location"})
    for name in outside:
        if not (path.parent / name).is_file():
            raise CheckpointError(
                f"{path}: its weights lie in {name}, which is not next to it; put that file into {path.parent}"
            )
    if outside:
        try:
            load_external_data_for_model(graph, str(path.parent))
        except Exception as error:  # onnx has several of its own
            raise CheckpointError(
                f"{path}: its weights in {', '.join(outside)} cannot be read ({str(error).splitlines()[0][:200]}); "
                "that file may be cut short: fetch it anew"
            ) from error


def _forget_sizes(graph: onnx.ModelProto, picture: onnx.ValueInfoProto, channels_last: bool) -> None:
    """Leave the number of lines and their width open, and say nothing of the sizes behind them."""
    sizes = picture.type.tensor_type.shape.dim
    for place, name in ((0, "N"), (2 if channels_last else 3, "W")):
        sizes[place].Clear()
        sizes[place].dim_param = name
    for output in graph.graph.output:
        output.type.tensor_type.ClearField("shape")
    del graph.graph.value_info[:]


def _session(graph: onnx.ModelProto, path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has a class of its own for every status
        opsets = ", ".join(f"{opset.domain or 'ai.onnx'} {opset.version}" for opset in graph.opset_import)
        reason = str(error).splitlines()[0]
        reason = reason.rsplit(") ", 1)[-1][:300] if SOURCE in reason else reason[:300]
        raise CheckpointError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} refuses it (operators {opsets}): {reason}; export it "
            "again with operators that the runtime has, or fetch it anew"
        ) from error
