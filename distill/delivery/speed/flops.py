"""Arithmetic of a network and of the core that it runs on: operations of one line, and operations a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from distill.training.initial import undownloaded
from students.config import STUDENTS
from students.model_file import Description, read_onnx
from students.parts import Recogniser
from teachers.crnn import TEACHERS

LEAST_S = 0.3
ROUNDS = 3


def peak_gflops() -> float:
    """Return what one thread reaches here in float32, 10^9 flop/s: the better of a matrix product and a convolution."""
    with torch.inference_mode():
        a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
        x, kernel = torch.rand(1, 128, 64, 64), torch.rand(128, 128, 3, 3)
        product = 2 * 1024**3 / best_seconds(lambda: a @ b)
        convolution = 2 * 64 * 64 * 128 * 128 * 9 / best_seconds(lambda: nn.functional.conv2d(x, kernel, padding=1))
    return max(product, convolution) / 1e9


def best_seconds(work: Callable[[], object]) -> float:
    """Return the seconds of one call: the best of several rounds of at least `LEAST_S` seconds."""
    work()
    best = float("inf")
    for _ in range(ROUNDS):
        start, n = time.perf_counter(), 0
        while (spent := time.perf_counter() - start) < LEAST_S or not n:
            work()
            n += 1
        best = min(best, spent / n)
    return best


def mflop_a_line(description: Description, width_px: int) -> float:
    """Return the multiplications and additions, in millions, that a line of this padded width takes.

    Those of convolutions, linear and recurrent layers are counted.
    """
    preparation = description.preparation
    model = _built(description)
    counted: list[float] = []

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        counted.append(_macs(module, inputs[0], output))

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, _COUNTED)]
    with torch.inference_mode():
        model(torch.zeros(1, preparation.channels, preparation.height_px, width_px))
    for hook in hooks:
        hook.remove()
    return 2 * sum(counted) / 1e6


def mflop_of_graph(path: Path, width_px: int) -> float:
    """Return the same of an ONNX file: products, convolutions and recurrent layers, by the shapes that they have."""
    import onnx
    import onnxruntime

    from students.onnx_reader import INPUT

    description, blob = read_onnx(path)
    model, preparation = onnx.load_from_string(blob), description.preparation
    weights = {weight.name: tuple(weight.dims) for weight in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type in ("Conv", "MatMul", "Gemm", *_RECURRENT)]
    wanted = {name for node in nodes for name in (*_factors(node), *node.output)} - weights.keys() - {INPUT}
    named = {output.name for output in model.graph.output}
    made = {name for node in model.graph.node for name in node.output}
    seen = sorted(wanted & made)
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in seen if name not in named)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    images = np.zeros((1, preparation.channels, preparation.height_px, width_px), np.float32)
    shapes = weights | dict(zip(seen, (v.shape for v in session.run(seen, {INPUT: images})), strict=True))
    shapes[INPUT] = images.shape
    return 2 * sum(_macs_of_node(node, shapes) for node in nodes if shapes.keys() >= {*_factors(node)}) / 1e6


def _factors(node: Any) -> Sequence[str]:
    """What a node multiplies: its input and its weights, of which a recurrent layer has two."""
    return node.input[: 3 if node.op_type in _RECURRENT else 2]


def _macs_of_node(node: Any, shapes: Mapping[str, tuple[int, ...]]) -> float:
    if node.op_type in _RECURRENT:
        frames, *weights = (shapes[name] for name in _factors(node))
        return math.prod(frames[:2]) * sum(map(math.prod, weights))
    outputs = math.prod(shapes[node.output[0]])
    if node.op_type == "Conv":
        return outputs * math.prod(shapes[node.input[1]][1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return outputs * shapes[node.input[0]][0 if transposed else -1]


_RECURRENT = ("LSTM", "GRU", "RNN")
_COUNTED = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.RNNBase)


def _macs(module: nn.Module, given: Tensor, output: Any) -> float:
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    if isinstance(module, nn.RNNBase):
        weights = sum(w.numel() for name, w in module.named_parameters() if "weight" in name)
        return given.numel() / given.shape[-1] * weights
    assert isinstance(module, (nn.Conv1d, nn.Conv2d))
    return output.numel() * module.weight[0].numel()


def _built(description: Description) -> Recogniser:
    preparation = description.preparation
    configs = STUDENTS if description.kind == "student" else TEACHERS
    config = undownloaded(configs.validate_python(description.architecture))
    return config.build(description.charset.n_classes, preparation.channels, preparation.height_px).eval()
