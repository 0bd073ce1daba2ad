"""How fast a finished model reads on one core, and how near that is to what the core can do.

Every figure of one report comes from one run on one machine: only their ratios travel. A network is timed by itself
on tensors of several widths and batches, and from encoded pictures to texts, as peers are on the same pictures.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import torch

import teachers
from distill.data.lines import Lines
from distill.delivery.speed.flops import ROUNDS, best_seconds, mflop_a_line, mflop_of_graph, peak_gflops
from distill.delivery.speed.single_thread import single_thread
from distill.delivery.speed.together import rate_together
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import score
from distill.evaluation.peers import Peer
from distill.schema import Protocol
from distill.teaching.provenance import provenance_of
from students.model_file import Description, read_description, weights_of
from students.reader import LogitsOf, Reader

WIDTHS_PX = (128, 320, 640)
BATCHES = (1, 8, 32)
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
    """Measure every model (by name) and peer on labelled `lines`, one thread each, and return the figures.

    `network`: ms a line, lines/s and share of the peak by width and batch. `lines_a_second`: from encoded pictures to
    texts; `over_the_network_alone`: its seconds over those of the network; `exact` and `cer`: fractions. `cold`: a
    fresh process to its first text, in seconds and MiB. `product_times_one`: what as many processes gain here on
    products of small matrices.
    """
    with single_thread():
        return _measured(models, lines, protocol, peers, processes)


def _measured(
    models: Mapping[str, Path], lines: Lines, protocol: Protocol, peers: Sequence[Peer], processes: int
) -> dict[str, Any]:
    pictures = [lines[i].image for i in range(len(lines))]
    peak = peak_gflops()
    result: dict[str, Any] = {"peak_gflops": peak, "lines": len(lines), "models": {}, "peers": {}}
    for name, path in models.items():
        result["models"][name] = _of_model(path, lines, pictures, protocol, peak, processes)
    if processes > 1:
        result["product_times_one"] = product_scaling(processes)
    for peer in peers:
        peer.read(pictures[:8])
        seconds, texts = _timed(partial(peer.read, pictures))
        result["peers"][peer.name] = {"lines_a_second": len(lines) / seconds, **_right(lines, texts, protocol)}
    return result


def _of_model(
    path: Path, lines: Lines, pictures: Sequence[bytes], protocol: Protocol, peak: float, processes: int
) -> dict[str, Any]:
    reader = teachers.load(path)
    of_graph = provenance_of(reader.description) is not None
    mflop = {w: mflop_of_graph(path, w) if of_graph else mflop_a_line(reader.description, w) for w in WIDTHS_PX}
    found = {
        "mflop": mflop,
        "network": list(_network(reader.logits_of, reader.description, mflop, peak)),
        **_reading(reader, lines, pictures, protocol),
        "cold": cold_start(path, pictures[0], reader.description.kind),
    }
    if processes > 1:
        found["processes"] = {"n": processes, "times_one": _scaling(path, pictures, processes)}
    return found


def forms_of(path: Path) -> dict[str, Path]:
    """Return a model file and what was exported from its weights, by name: the files of one folder."""
    exported = sorted(file for file in path.parent.glob("model*.onnx") if file != path)
    if provenance_of(read_description(path)) is not None:  # nothing was exported from a file that others made
        return {path.name: path}
    own = weights_of(path)
    return {file.name: file for file in (path, *(file for file in exported if weights_of(file) == own))}


def _network(
    logits_of: LogitsOf, description: Description, mflop: Mapping[int, float], peak: float
) -> Iterator[dict[str, float]]:
    """Yield the speed of the network alone at each width and batch size, on empty images."""
    preparation = description.preparation
    for width_px in WIDTHS_PX:
        for batch in BATCHES:
            images = np.zeros((batch, preparation.channels, preparation.height_px, width_px), np.float32)
            seconds = best_seconds(partial(logits_of, images)) / batch
            yield {
                "width_px": width_px,
                "batch": batch,
                "ms_a_line": 1e3 * seconds,
                "lines_a_second": 1 / seconds,
                "share_of_peak": mflop[width_px] / 1e3 / seconds / peak,
            }


def _reading(reader: Reader, lines: Lines, pictures: Sequence[bytes], protocol: Protocol) -> dict[str, Any]:
    """From encoded pictures to texts, and the network's part of that, on the same lines in the same batches."""
    reader.read(list(pictures[:8]))
    network_s = 0.0

    def watched(images_NCHW: np.ndarray) -> np.ndarray:
        nonlocal network_s
        spent, logits_NTC = _timed(partial(reader.logits_of, images_NCHW))
        network_s += spent
        return logits_NTC

    clocked = copy(reader)
    clocked.logits_of = watched
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
    """Time a fresh process that loads the model and reads one picture: seconds, best of several, and peak MiB."""
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
    """Return how much faster than one several processes are on small matrix products, which share only the cores."""
    alone, together = (rate_together(_products, PRODUCTS, PRODUCTS, n) for n in (1, n_processes))
    return together / alone


@single_thread()
def _products(n: int) -> tuple[float, float]:
    a = torch.rand(256, 256)
    a @ a
    start = time.time()
    for _ in range(n):
        a @ a
    return start, time.time()


@single_thread()
def _span_of_one(job: tuple[Path, Sequence[bytes]]) -> tuple[float, float]:
    model, pictures = job
    reader = teachers.load(model)
    reader.read(list(pictures[:8]))
    start = time.time()
    reader.read(list(pictures))
    return start, time.time()
