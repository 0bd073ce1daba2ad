"""From a torch network to one ONNX file that carries everything its reader needs.

torch's TorchScript exporter writes the graph: on these networks it takes a twentieth of the time of the exporter over
`torch.export`, names everything alike each time, and knows the bidirectional GRU. `recogniser.py` proves the result.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from pydantic import BaseModel
from torch import Tensor, nn

from students.model_file import KEY, Description, signed_onnx, unsigned_json
from students.onnx_reader import INPUT, OUTPUT
from students.pages.locate import MAPS_OUTPUT, LocatorReader
from students.pages.model_file import LocatorDescription
from students.pages.network import Locator
from students.parts import Columns, Recogniser
from students.reader import Reader

OPSET = 17  # the lowest that knows all operators of the teachers; browsers' runtimes have it
SMALLEST_HALF = 64  # an array of fewer numbers is not worth a conversion

Described = TypeVar("Described", Description, LocatorDescription)


class _Logits(nn.Module):
    def __init__(self, model: Recogniser) -> None:
        super().__init__()
        self.model = model

    def forward(self, images_NCHW: Tensor) -> Tensor:
        logits_NTC: Tensor = self.model(images_NCHW).logits_NTC
        return logits_NTC


class _Maps(nn.Module):
    def __init__(self, model: Locator) -> None:
        super().__init__()
        self.model = model

    def forward(self, images_NCHW: Tensor) -> Tensor:
        maps_NCHW: Tensor = self.model(images_NCHW).maps_NCHW
        return maps_NCHW


class _ColumnsAsConvolution(nn.Module):
    """`Columns` and the linear layer behind it as one convolution over the height: equal sums, no transposed map.

    ONNX Runtime 1.32 spends a tenth of a student's time on that transposition.
    """

    def __init__(self, linear: nn.Linear, channels: int) -> None:
        super().__init__()
        rows = linear.in_features // channels
        self.convolution = nn.Conv2d(channels, linear.out_features, (rows, 1))
        weight_FHD = linear.weight.detach().view(linear.out_features, rows, channels)
        self.convolution.weight = nn.Parameter(weight_FHD.permute(0, 2, 1).unsqueeze(3).contiguous())
        self.convolution.bias = linear.bias

    def forward(self, maps_NDHT: Tensor) -> Tensor:
        features_NFT: Tensor = self.convolution(maps_NDHT).squeeze(2)
        return features_NFT.transpose(1, 2)


def _for_runtimes(model: Recogniser, example_NCHW: Tensor) -> Recogniser:
    """The same network, its columns as a convolution where a linear layer collapses them."""
    collapse = model.collapse
    if not (isinstance(collapse, nn.Sequential) and isinstance(collapse[0], Columns)):
        return model
    with torch.inference_mode():
        channels = model.eval().backbone(example_NCHW).shape[1]
    as_convolution = nn.Sequential(_ColumnsAsConvolution(cast(nn.Linear, collapse[1]), channels), *collapse[2:])
    return Recogniser(model.backbone, as_convolution, model.neck, model.head)


def graph_of(reader: Reader) -> onnx.ModelProto:
    """Return the network of a reader as a checked graph from `images` (N, channels, H, W) to `logits` (N, T, C).

    N and W are free.
    """
    preparation = reader.description.preparation
    example_NCHW = torch.zeros(1, preparation.channels, preparation.height_px, 64)
    axes = {INPUT: {0: "N", 3: "W"}, OUTPUT: {0: "N", 1: "T"}}
    return _traced(_Logits(_for_runtimes(reader.model, example_NCHW)), example_NCHW, OUTPUT, axes)


def graph_of_locator(reader: LocatorReader) -> onnx.ModelProto:
    """Return the network of a locator as a checked graph from `images` (N, channels, H, W) to `maps` (N, 5, H/4, W/4).

    N, H and W are free; H and W are multiples of the quantum of its preparation.
    """
    preparation = reader.description.preparation
    example_NCHW = torch.zeros(1, preparation.channels, 2 * preparation.quantum_px, 3 * preparation.quantum_px)
    axes = {INPUT: {0: "N", 2: "H", 3: "W"}, MAPS_OUTPUT: {0: "N", 2: "MH", 3: "MW"}}
    return _traced(_Maps(reader.model), example_NCHW, MAPS_OUTPUT, axes)


def _traced(module: nn.Module, example: Tensor, output: str, axes: dict[str, dict[int, str]]) -> onnx.ModelProto:
    """The graph of one output that a module gives for one input; `axes` are the sides that are free."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on its age, and on what tracing might fix: that is what the gate checks
        torch.onnx.export(
            module.eval(),
            (example,),
            Path(folder, "graph.onnx"),
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[output],
            dynamic_axes=axes,
        )
        graph = onnx.load(Path(folder, "graph.onnx"))
    graph.producer_name, graph.producer_version = KEY, ""
    for node in graph.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    onnx.checker.check_model(graph, full_check=True)
    return graph


def halved(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return the same graph with its weights stored in float16 and widened where they are used: half the file.

    Arithmetic stays in float32, so it runs everywhere at the same speed; a runtime widens the weights once.
    """
    half = onnx.ModelProto()
    half.CopyFrom(graph)
    casts = []
    for weight in half.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < SMALLEST_HALF:
            continue
        name = weight.name
        with np.errstate(over="ignore"):
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(onnx.helper.make_node("Cast", [weight.name], [name], f"{name}_widened", to=onnx.TensorProto.FLOAT))
    nodes = list(half.graph.node)
    del half.graph.node[:]
    half.graph.node.extend(casts + nodes)
    onnx.checker.check_model(half, full_check=True)
    return half


def noted(description: Described, about: Mapping[str, Any]) -> Described:
    """Return a description with the facts of its export in its training record."""
    return description.model_copy(update={"training": description.training | {"export": dict(about)}})


def signed(graph: onnx.ModelProto, description: BaseModel, path: Path) -> bytes:
    """Return the bytes of the file: a graph, its description, the digest of both. Equal parts give equal bytes."""
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, {KEY: unsigned_json(description)})
    return signed_onnx(graph.SerializeToString(deterministic=True), path)
