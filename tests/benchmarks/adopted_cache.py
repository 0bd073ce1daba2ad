"""What a teacher that others made costs: `python tests/benchmarks/adopted_cache.py ADOPTED ORIGINAL DATA [N]`.

ADOPTED is the file that `distill adopt` made of ORIGINAL (an ONNX recogniser of PaddleOCR), DATA a Parquet file of
lines (columns image and text), N how many of them are read (512). Not collected by pytest. Figures:

- lines a second of a bare loop on one thread with the makers' padding: decode, scale to 48 px, pad to 320 px or more,
  ONNX Runtime on ORIGINAL, best class of each frame, one line after the other;
- lines a second of two processes that fill a cache, everything included, over that;
- seconds of the processor a line, of that loop and of one process that fills a cache: a busy machine moves them less;
- an epoch of a student with the cached posteriors over one of the student alone, as `cache.py` measures it.

Each is the best of several rounds in turn, so that a busy machine is as busy for all.
"""

from __future__ import annotations

import io
import multiprocessing
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cache as steps  # the script beside this one
import cv2
import numpy as np
import onnxruntime
import torch
from accelerate import Accelerator
from PIL import Image

import teachers
from distill.data.formats.opening import open_source, source_at
from distill.data.lines import Lines
from distill.data.posteriors import Cached
from distill.teaching import cache as posterior_cache
from distill.teaching.cache import TaughtLines, cache_posteriors
from distill.teaching.teacher import CachedTeacher, FrozenTeacher, member_of

ROUNDS = 3
PART_LINES = 32  # small, so that both processes have as many parts
CPU = torch.device("cpu")


def lines_of(data: str, n: int) -> Lines:
    lines, _ = open_source(source_at(data, "lines"), Path(), Path(), steps.PREPARATION)
    return lines.take(range(min(n, len(lines))))


def frozen(adopted: str) -> FrozenTeacher:
    member = member_of(teachers.load(adopted), 1.0, False, steps.CHARSET, steps.PREPARATION)
    return FrozenTeacher([member], CPU, "fp32")


def bare_s(original: str, images: list[bytes]) -> float:
    """Seconds of a plain loop over the original file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(original, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    cv2.setNumThreads(1)
    start = time.perf_counter()
    for image in images:
        bgr = np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))[..., ::-1]
        width = max(16, int(np.ceil(48 * bgr.shape[1] / bgr.shape[0])))
        x = np.zeros((1, 3, 48, max(320, width)), np.float32)
        x[0, :, :, :width] = (cv2.resize(bgr, (width, 48)).transpose(2, 0, 1) / 255 - 0.5) / 0.5
        session.run(None, {name: x})[0][0].argmax(-1)
    return time.perf_counter() - start


def fill(adopted: str, lines: Lines, root: str, accelerator: Any) -> Cached:
    """Fill a cache, or this process's share of it."""
    posterior_cache.PART_LINES = PART_LINES
    taught = TaughtLines(frozen(adopted), lines, steps.PREPARATION, steps.STILL, 0)
    return cache_posteriors(taught, steps.OBJECTIVE, steps.CHARSET.n_classes, Path(root), accelerator, lambda: None)


class OneOf:
    """As much of an accelerator as a cache needs: which process this is, and a barrier."""

    def __init__(self, index: int, barrier: Any) -> None:
        self.process_index, self.num_processes, self.barrier = index, 2, barrier
        self.device, self.is_main_process = CPU, index == 0

    def wait_for_everyone(self) -> None:
        self.barrier.wait()


def one_process(index: int, barrier: Any, adopted: str, data: str, n: int, root: str, seconds: Any) -> None:
    """One of two that fill a cache; the clock runs from when both have opened everything."""
    torch.set_num_threads(1)
    lines, accelerator = lines_of(data, n), OneOf(index, barrier)
    barrier.wait()
    start = time.perf_counter()
    fill(adopted, lines, root, accelerator)
    barrier.wait()
    seconds.value = time.perf_counter() - start


def together_s(adopted: str, data: str, n: int, root: str) -> float:
    """Seconds that two processes take to fill a cache."""
    context = multiprocessing.get_context("spawn")
    barrier, seconds = context.Barrier(2), context.Value("d", 0.0)
    work = [context.Process(target=one_process, args=(i, barrier, adopted, data, n, root, seconds)) for i in range(2)]
    for each in work:
        each.start()
    for each in work:
        each.join()
    return float(seconds.value)


def processor_s(adopted: str, original: str, lines: Lines, images: list[bytes]) -> tuple[float, float]:
    """Seconds of the processor a line: of the bare loop, and of one process that fills a cache."""
    best = [np.inf, np.inf]
    for _ in range(ROUNDS):
        start = time.process_time()
        bare_s(original, images)
        best[0] = min(best[0], time.process_time() - start)
        with tempfile.TemporaryDirectory() as root:
            start = time.process_time()
            fill(adopted, lines, root, Accelerator(cpu=True))
            best[1] = min(best[1], time.process_time() - start)
    return best[0] / len(images), best[1] / len(images)


def step_ratio(adopted: str) -> tuple[float, float]:
    """Seconds of an epoch of the student alone and with the posteriors of the teacher, on lines of 32 x 320 px."""
    made = replace(steps.lines(), preparation=steps.PREPARATION)
    with tempfile.TemporaryDirectory() as root:
        cached = CachedTeacher(frozen(adopted), fill(adopted, made, root, Accelerator(cpu=True)))
        best = [np.inf, np.inf]
        for _ in range(ROUNDS):
            for i, teacher in enumerate((None, cached)):
                start = time.perf_counter()
                steps.suite(made, teacher)
                best[i] = min(best[i], time.perf_counter() - start)
    return best[0], best[1]


def main() -> None:
    adopted, original, data, *more = sys.argv[1:]
    n = int(more[0]) if more else 512
    torch.set_num_threads(1)
    lines = lines_of(data, n)
    images = [lines[i].image for i in range(len(lines))]
    alone, filled = [], []
    for _ in range(ROUNDS):
        alone.append(bare_s(original, images))
        with tempfile.TemporaryDirectory() as root:
            filled.append(together_s(adopted, data, n, root))
    ratios = [one / two for one, two in zip(alone, filled, strict=True)]
    print(f"{len(images)} lines; bare loop {len(images) / min(alone):.1f} lines/s")
    print(f"two processes fill a cache: {len(images) / min(filled):.1f} lines/s, {min(alone) / min(filled):.2f} times")
    print(f"round by round: {', '.join(f'{ratio:.2f}' for ratio in ratios)} times")
    bare, one = processor_s(adopted, original, lines, images)
    print(f"ms of the processor a line: bare loop {1e3 * bare:.1f}, filling {1e3 * one:.1f}, {bare / one:.2f} times")
    student, cached = step_ratio(adopted)
    print(f"an epoch of the student alone {student:.2f} s, cached {cached:.2f} s: {cached / student:.2f} times")


if __name__ == "__main__":
    main()
