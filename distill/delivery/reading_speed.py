"""How fast a finished model reads on one core, and how near that is to what the core can do.

Every figure of one report comes from one run on one machine: only their ratios travel. A network is timed by itself
on tensors of several widths and batches, and from encoded pictures to texts, beside peers on the same pictures.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import teachers
from distill.data.lines import Lines
from distill.delivery.together import rate_together
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import score
from distill.evaluation.peers import Peer
from distill.schema import Protocol
from distill.training.initial import undownloaded
from students.config import STUDENTS
from students.model_file import Description, weights_of
from students.parts import Recogniser
from students.reading import LogitsOf, Reader
from teachers.crnn import TEACHERS

WIDTHS_PX = (128, 320, 640)
BATCHES = (1, 8, 32)
LEAST_S = 0.3
ROUNDS = 3
PRODUCTS = 8000  # a second or two
_STATUS = "/proc/self/status"  # of memory: what getrusage says begins with that of the process that starts this one
_COLD = f"""
import importlib, re, sys
importlib.import_module(sys.argv[4]).load(sys.argv[1]).read(sys.argv[2])
print(re.search(r"VmHWM:\\s*(\\d+)", open("{_STATUS}").read()).group(1) if sys.argv[3] == "yes" else 0)
"""


def measure(
    models: Mapping[str, Path], lines: Lines, protocol: Protocol, peers: Sequence[Peer] = (), processes: int = 1
) -> dict[str, Any]:
    """Figures of every model (by name) and peer on labelled `lines`, one thread each.

    `network`: ms a line, lines/s and share of the peak by width and batch. `lines`: from encoded pictures to texts,
    lines/s beside those of the network alone, and what was read right. `cold`: a fresh process to its first text.
    `product_times_one`: what as many processes gain here on products of small matrices.
    """
    torch.set_num_threads(1)
    pictures = [lines[i].image for i in range(len(lines))]
    peak = peak_gflops()
    result: dict[str, Any] = {"peak_gflops": peak, "lines": len(lines), "models": {}, "peers": {}}
    for name, path in models.items():
        reader = teachers.load(path)
        mflop = {width: mflop_a_line(reader.description, width) for width in WIDTHS_PX}
        of_model = {
            "mflop": mflop,
            "network": list(_network(reader.logits_of, reader.description, mflop, peak)),
            **_reading(reader, lines, pictures, protocol),
            "cold": cold_start(path, pictures[0], reader.description.kind),
        }
        if processes > 1:
            of_model["processes"] = {"n": processes, "times_one": _scaling(path, pictures, processes)}
        result["models"][name] = of_model
    if processes > 1:
        result["product_times_one"] = product_scaling(processes)
    for peer in peers:
        peer.read(pictures[:8])
        seconds, texts = _timed(partial(peer.read, pictures))
        result["peers"][peer.name] = {"lines_a_second": len(lines) / seconds, **_right(lines, texts, protocol)}
    return result


def forms_of(path: Path) -> dict[str, Path]:
    """A model file and what was exported from its weights: by name, the files of one folder."""
    exported = sorted(file for file in path.parent.glob("model*.onnx") if file != path)
    own = weights_of(path)
    return {file.name: file for file in (path, *(file for file in exported if weights_of(file) == own))}


def peak_gflops() -> float:
    """What one thread reaches here in float32: the better of a matrix product and a convolution, 10^9 flop/s."""
    with torch.inference_mode():
        a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
        x, kernel = torch.rand(1, 128, 64, 64), torch.rand(128, 128, 3, 3)
        product = 2 * 1024**3 / best_seconds(lambda: a @ b)
        convolution = 2 * 64 * 64 * 128 * 128 * 9 / best_seconds(lambda: nn.functional.conv2d(x, kernel, padding=1))
    return max(product, convolution) / 1e9


def best_seconds(work: Callable[[], object]) -> float:
    """Seconds of one call: the best of several rounds of at least `LEAST_S` seconds."""
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
    """Multiplications and additions of convolutions, linear and recurrent layers for one line, in millions."""
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


def _network(
    logits_of: LogitsOf, description: Description, mflop: Mapping[int, float],
    peak: float,
) -> Iterator[dict[str, float]]:  # fmt: skip
    preparation = description.preparation
    for width_px in WIDTHS_PX:
        for batch in BATCHES:
            images = np.zeros((batch, preparation.channels, preparation.height_px, width_px), np.float32)
            seconds = best_seconds(partial(logits_of, images)) / batch
            yield {
                "width_px": width_px, "batch": batch, "ms_a_line": 1e3 * seconds, "lines_a_second": 1 / seconds,
                "share_of_peak": mflop[width_px] / 1e3 / seconds / peak,
            }  # fmt: skip


def _reading(reader: Reader, lines: Lines, pictures: Sequence[bytes], protocol: Protocol) -> dict[str, Any]:
    """From encoded pictures to texts, and the network's part of that, on the same lines in the same batches."""
    reader.read(list(pictures[:8]))
    network_s = 0.0

    def watched(images_NCHW: np.ndarray) -> np.ndarray:
        nonlocal network_s
        spent, logits_NTC = _timed(partial(reader.logits_of, images_NCHW))
        network_s += spent
        return logits_NTC

    clocked = Reader(reader.description, reader.path, watched)
    seconds, readings = _timed(partial(clocked.read, list(pictures)))
    return {
        "lines_a_second": len(pictures) / seconds,
        "over_the_network_alone": seconds / network_s,
        **_right(lines, [reading.text for reading in readings], protocol),
    }


def _right(lines: Lines, texts: Sequence[str], protocol: Protocol) -> dict[str, float]:
    result = score(truths_of(lines), dict(zip(lines.keys, texts, strict=True)), protocol)
    return {"exact": result.as_dict()["exact"], "cer": result.as_dict()["cer"]}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def cold_start(model: Path, picture: bytes, kind: str) -> dict[str, float]:
    """A fresh process that loads the model and reads one picture: its seconds, best of several, and peak memory."""
    tells = Path(_STATUS).is_file()
    with NamedTemporaryFile(suffix=".png") as file:
        file.write(picture)
        file.flush()
        command = [sys.executable, "-c", _COLD, str(model), file.name, "yes" if tells else "no", f"{kind}s"]
        runs = [_timed(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(ROUNDS)]
    cold = {"seconds": min(seconds for seconds, _ in runs)}
    return cold | ({"mib": int(runs[-1][1].stdout) / 1024} if tells else {})


def _scaling(model: Path, pictures: Sequence[bytes], n_processes: int) -> float:
    """Lines a second of several processes over those of one."""
    alone, together = (rate_together(_span_of_one, (model, pictures), len(pictures), n) for n in (1, n_processes))
    return together / alone


def product_scaling(n_processes: int) -> float:
    """What several processes gain over one here where nothing is shared but the cores: products of small matrices."""
    alone, together = (rate_together(_products, PRODUCTS, PRODUCTS, n) for n in (1, n_processes))
    return together / alone


def _products(n: int) -> tuple[float, float]:
    torch.set_num_threads(1)
    a = torch.rand(256, 256)
    a @ a
    start = time.time()
    for _ in range(n):
        a @ a
    return start, time.time()


def _span_of_one(job: tuple[Path, Sequence[bytes]]) -> tuple[float, float]:
    model, pictures = job
    torch.set_num_threads(1)
    reader = teachers.load(model)
    reader.read(list(pictures[:8]))
    start = time.time()
    reader.read(list(pictures))
    return start, time.time()


def draw(result: Mapping[str, Any], target: Path) -> None:
    """Lines a second and share read right, of every model and peer."""
    from matplotlib.figure import Figure

    rows = {**result["models"], **result["peers"]}
    figure = Figure(figsize=(8, 1.2 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, (name, row) in enumerate(rows.items()):
        axes.barh(y, row["lines_a_second"], color="tab:blue" if name in result["models"] else "tab:gray")
        axes.text(row["lines_a_second"], y, f" {row['lines_a_second']:,.0f}, exact {row['exact']:.1%}", va="center")
    axes.set(yticks=range(len(rows)), yticklabels=list(rows), xlabel="lines a second on one thread, pictures to texts")
    axes.margins(x=0.25)
    axes.invert_yaxis()
    figure.savefig(target, dpi=110, metadata={"Software": None})


def in_words(result: Mapping[str, Any]) -> str:
    """The table that the command prints."""
    said = [f"{result['lines']:,} lines, one thread, peak {result['peak_gflops']:.0f} Gflop/s"]
    for name, row in result["models"].items():
        said.append(f"{name}: {_lines(row)}, {row['over_the_network_alone']:.2f} times the network alone")
        memory = f", {row['cold']['mib']:.0f} MiB" if "mib" in row["cold"] else ""
        said.append(f"  a fresh process: {row['cold']['seconds']:.2f} s to its first text{memory}")
        if "processes" in row:
            said.append(
                f"  {row['processes']['n']} processes: {row['processes']['times_one']:.2f} times one "
                f"(a matrix product here: {result['product_times_one']:.2f})"
            )
        said.append(f"  {'width':>6s} {'batch':>6s} {'ms a line':>10s} {'lines/s':>9s} {'of peak':>8s}")
        said += [
            f"  {cell['width_px']:6.0f} {cell['batch']:6.0f} {cell['ms_a_line']:10.3f} {cell['lines_a_second']:9,.0f} "
            f"{cell['share_of_peak']:8.0%}"
            for cell in row["network"]
        ]
    fastest = max((row["lines_a_second"] for row in result["models"].values()), default=0.0)
    said += [
        f"{name}: {_lines(row)}; the fastest model is {fastest / row['lines_a_second']:.1f} times as fast"
        for name, row in result["peers"].items()
    ]
    return "\n".join(said)


def _lines(row: Mapping[str, Any]) -> str:
    return f"{row['lines_a_second']:,.0f} lines/s, exact {row['exact']:.1%}, CER {row['cer']:.1%}"
