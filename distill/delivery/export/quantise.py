"""Static int8 for ONNX graphs: u8 activations and s8 weights per channel, between QuantizeLinear and DequantizeLinear.

Ranges come from calibration lines. Recurrent layers have no such form and stay float, and so does the convolution
that reads the image, which is slower in int8. Where the rest costs too much, the layers that hurt most stay float too.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QDQQuantizer,
    QuantType,
    create_calibrator,
)

from distill.track import progress
from students.errors import ExportError
from students.onnx_reader import INPUT, session
from students.reader import LogitsOf

WEIGHED = ("Conv", "MatMul", "Gemm")
OPERATORS = [*WEIGHED, "Relu"]
WITHIN_PERCENT = 99.999  # of the values of a tensor: the range of int8, which the outermost ones would coarsen
TRIED_IMAGES = 48  # images on which the harm of each layer is measured
Ranges = Any  # ONNX Runtime's own record of the range of every tensor
Points = Callable[[LogitsOf], float]


def in_int8(
    graph: onnx.ModelProto, batches: Sequence[np.ndarray], points_lost: Points, budget_points: float
) -> tuple[onnx.ModelProto, list[str]]:
    """Return the graph in int8, and the layers that stayed float because they hurt, most harmful first.

    `batches` are prepared images (N, channels, H, W), of lines or of pages; the graph has one output. Layers stay
    float one after another, in steps that double, until `points_lost` is within the budget. Raises `ExportError` where
    every layer would have to.
    """
    inferred = onnx.shape_inference.infer_shapes(graph)
    ranges = _ranges(inferred, batches)
    layers = weighed_layers(inferred)
    hurting: list[str] = []
    kept = 0
    while kept < len(layers):
        candidate = _quantised(inferred, ranges, [layer for layer in layers if layer not in hurting[:kept]])
        lost = points_lost(_opened(candidate))
        if lost <= budget_points:
            return candidate, hurting[:kept]
        if not hurting:
            hurting = _most_harmful_first(inferred, ranges, layers, batches)
        kept = kept * 2 or 1
    if not layers:
        raise ExportError("int8: the network has no layer that can be quantised; export it as onnx or fp16")
    raise ExportError(
        f"int8 loses {lost:.2f} points on the calibration lines, budget {budget_points:g}, even with "
        f"{kept // 2} of {len(layers)} layers in float; nothing was written"
    )


def weighed_layers(graph: onnx.ModelProto) -> list[str]:
    """Return the names of the nodes whose weights int8 has a form for, without the one that reads the image."""
    weights = {weight.name for weight in graph.graph.initializer}
    return [
        node.name
        for node in graph.graph.node
        if node.op_type in WEIGHED and INPUT not in node.input and weights.intersection(node.input)
    ]


def _ranges(graph: onnx.ModelProto, batches: Sequence[np.ndarray]) -> Ranges:
    """Between which values all but the outermost of every tensor lie, over all batches."""
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):  # the calibrator prints a line a batch
        path = Path(folder, "graph.onnx")
        onnx.save(graph, path)
        target, options = str(Path(folder, "ranges.onnx")), {"percentile": WITHIN_PERCENT}
        calibrator = create_calibrator(path, OPERATORS, target, CalibrationMethod.Percentile, extra_options=options)
        with progress("calibrating", sum(map(len, batches)), "line") as bar:
            for batch in batches:
                calibrator.collect_data(_Batches(iter([batch])))
                bar.update(len(batch))
        return calibrator.compute_data()


class _Batches(CalibrationDataReader):
    """Batches as ONNX Runtime asks for them."""

    def __init__(self, batches: Iterator[np.ndarray]) -> None:
        self.batches = batches

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch}


def _quantised(graph: onnx.ModelProto, ranges: Ranges, layers: Sequence[str]) -> onnx.ModelProto:
    """The graph with `layers`, and the activations between them, in int8."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    named = {*layers, *(node.name for node in graph.graph.node if node.op_type == "Relu")}
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # the quantiser warns about every name it makes up
    try:
        quantiser = QDQQuantizer(
            copy,
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=ranges,
            nodes_to_quantize=sorted(named),
            nodes_to_exclude=[],
            op_types_to_quantize=OPERATORS,
            extra_options={},
        )
        quantiser.quantize_model()
        quantiser.model.topological_sort()
    finally:
        logging.getLogger().setLevel(level)
    quantised: onnx.ModelProto = quantiser.model.model
    onnx.checker.check_model(quantised)
    return quantised


def _most_harmful_first(
    graph: onnx.ModelProto, ranges: Ranges, layers: Sequence[str], batches: Sequence[np.ndarray]
) -> list[str]:
    """Layers by the mean squared change of the logits when each alone is in int8."""
    some = [batch[:1] for batch in batches[:: max(1, len(batches) // TRIED_IMAGES)]]
    exact = [_opened(graph)(image_1CHW) for image_1CHW in some]
    harm = {}
    with progress("weighing layers", len(layers), "layer") as bar:
        for layer in layers:
            logits_of = _opened(_quantised(graph, ranges, [layer]))
            changes = (logits_of(image) - logits for image, logits in zip(some, exact, strict=True))
            harm[layer] = float(np.mean([np.square(change).mean() for change in changes]))
            bar.update()
    return sorted(harm, key=lambda layer: -harm[layer])


def _opened(graph: onnx.ModelProto) -> LogitsOf:
    return session(graph.SerializeToString(), Path("int8"), output=graph.graph.output[0].name)
