"""What an accelerator does, and how fast: `python tests/benchmarks/accelerator.py`, at most ten minutes, no network.

First come the tests marked `accelerator`, then trainings of the networks of the recipe `scene` in bf16 on lines made
here. `images a second` is of whole steps with batches that are ready; `waiting for data` the share of the time of
trainings that are fed as the suite feeds them. MFU is the share of the device's dense bf16 peak: FLOPs are counted by
torch on the processor, forward and backward, a multiplication and an addition as two, the online teacher's included.
What fails is reported and the rest goes on; the exit code is 1 then. Without an accelerator, everything is rehearsed
on the processor in small, and the figures are "not measured".
"""

from __future__ import annotations

import argparse
import io
import os
import string
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from distill.data.batch import StepData
from distill.data.feed import FeedSettings, feed
from distill.data.lines import Lines
from distill.data.sampler import Order
from distill.recipe.file import load_recipe
from distill.recipe.objective import Objective
from distill.recipe.sections import Recipe
from distill.records import Question, Record, check_target, measured_here, put_records
from distill.teaching.criterion import LineCriterion
from distill.teaching.teacher import FrozenTeacher, Member
from distill.training.optimisers import build_optimisers
from distill.training.step import StepSettings, take_step
from distill.training.trainee import Trainee
from students.charset import Charset
from students.parts import Recogniser

ROOT = Path(__file__).parents[2]
CHARSET = Charset(characters=string.printable[:94])
NOT_MEASURED = "not measured"
TESTS_S = 420
PEAK_TFLOPS = {  # dense bf16, without sparsity, as their makers state it
    "H200": 989,
    "H100 PCIe": 756,
    "H100": 989,
    "A100": 312,
    "L40S": 362,
    "L4": 121,
    "A10G": 70,
    "A10": 125,
    "RTX 4090": 165,
    "RTX 3090": 71,
}
Role = Literal["teacher", "student"]


@dataclass(frozen=True)
class Size:
    """How much is measured. The first batch is the recipe's."""

    batches: tuple[int, ...]
    steps: int
    warm_steps: int
    n_lines: int
    workers: int


FULL = Size((48, 384), 40, 10, 4096, max(1, min(8, (os.cpu_count() or 2) - 1)))
REHEARSAL = Size((4,), 2, 1, 32, 1)


@dataclass(frozen=True)
class Figures:
    """Of one training. `mfu` is None where the peak of the device is not known."""

    images_a_second: float
    waiting: float
    mfu: float | None
    peak_memory_gb: float


def lines(n: int) -> Lines:
    """Lines of noise in strokes, 32 px high and 40 to 160 px wide, with labels that fit."""
    rng = np.random.default_rng(0)
    widths_px = rng.integers(40, 161, n)
    images, texts = [], []
    for width_px in widths_px.tolist():
        pixels = rng.integers(0, 255, (8, width_px // 4)).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).resize((width_px, 32)).save(buffer, "PNG")
        images.append(buffer.getvalue())
        texts.append("".join(rng.choice(list(CHARSET.characters), width_px // 20)))
    keys = tuple(f"line/{i}" for i in range(n))
    fetch = tuple((images.__getitem__, i) for i in range(n))
    padded_width_px = -(-widths_px // 32) * 32
    return Lines(keys, keys, tuple(texts), ("made",) * n, padded_width_px, keys, fetch)


@dataclass(frozen=True)
class Bench:
    """One network of `scene` on a device, at one batch size."""

    recipe: Recipe
    role: Role
    device: torch.device
    batch_lines: int

    def network(self, role: Role) -> Recogniser:
        torch.manual_seed(0)
        return getattr(self.recipe, role).model.build(CHARSET.n_classes, self.recipe.image.channels, 32)

    def criterion(self, device: torch.device) -> LineCriterion:
        """The student learns from a teacher that is asked in every step."""
        if self.role == "teacher":
            return LineCriterion(Objective().without_teacher, None, "bf16")
        teacher = FrozenTeacher([Member(self.network("teacher"))], device, "bf16")
        return LineCriterion(self.recipe.objective, teacher, "bf16")

    def trainee(self, device: torch.device) -> Trainee:
        model = self.network(self.role).to(device).to(memory_format=torch.channels_last)
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        return Trainee(model, build_optimisers(model, getattr(self.recipe, self.role).training))

    def feeding(self, made: Lines, workers: int) -> FeedSettings:
        order = Order(made.padded_width_px, self.batch_lines, 0)
        augment = getattr(self.recipe, self.role).training.augment
        image = self.recipe.image
        return FeedSettings(
            made, order, CHARSET, image, augment, augment_on="auto", device=self.device, workers=workers
        )


def measured(bench: Bench, size: Size) -> Figures:
    """Train a little and look at the clock."""
    made, accelerator = lines(size.n_lines), Accelerator(cpu=bench.device.type == "cpu")
    trainee, criterion = bench.trainee(bench.device), bench.criterion(bench.device)

    def step(data: StepData) -> None:
        take_step(trainee, criterion, data, accelerator, StepSettings(done=0.5))

    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    waiting_s, begun, asked, ready = 0.0, 0.0, 0.0, []
    for number, data in enumerate(feed(bench.feeding(made, size.workers), range(size.warm_steps + size.steps))):
        waiting_s += time.perf_counter() - asked if begun else 0.0
        step(data)
        if number + 1 == size.warm_steps:
            begun = time.perf_counter()
        asked = time.perf_counter()
        ready = [*ready, data][-8:]
    whole_s = time.perf_counter() - begun
    begun = time.perf_counter()
    for number in range(size.steps):
        step(ready[number % len(ready)])
    step_s = (time.perf_counter() - begun) / size.steps
    shown = [ready[number % len(ready)] for number in range(size.steps)]
    peak = peak_tflops(bench.device)
    flops = np.mean([flops_of(bench, data) for data in ready]) if peak else 0.0
    return Figures(
        images_a_second=float(np.mean([data.n_items for data in shown])) / step_s,
        waiting=waiting_s / whole_s,
        mfu=float(flops) / step_s / (peak * 1e12) if peak else None,
        peak_memory_gb=torch.cuda.max_memory_allocated() / 2**30 if bench.device.type == "cuda" else 0.0,
    )


def flops_of(bench: Bench, data: StepData) -> float:
    """FLOPs of one step: one line of every batch is computed on the processor, forward and backward."""
    host, total = torch.device("cpu"), 0.0
    student, teacher = bench.network(bench.role), bench.network("teacher").eval()
    with torch.backends.mkldnn.flags(enabled=False):  # an LSTM is then a sequence of products, which are counted
        for batch in data.batches:
            images_NCHW = batch.finished_on(host).images_NCHW[:1]
            with FlopCounterMode(display=False) as counted:
                student(images_NCHW).logits_NTC.sum().backward()
                if bench.role == "student":
                    with torch.no_grad():
                        teacher(images_NCHW)
            total += counted.get_total_flops() * len(batch.keys)
    return total


def peak_tflops(device: torch.device) -> float | None:
    """Of dense bf16, by the name of the device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return next((float(peak) for known, peak in PEAK_TFLOPS.items() if known in name), None)


def run_tests(on_accelerator: bool) -> None:
    """The tests marked `accelerator`; a rehearsal leaves out whole trainings, which `tests/runs` has."""
    where = "tests/accelerator" if on_accelerator else "tests/accelerator/test_networks_on_it.py"
    environment = os.environ | ({} if on_accelerator else {"DISTILL_REHEARSE": "cpu"})
    words = [sys.executable, "-m", "pytest", "-q", "-m", "accelerator", where]
    subprocess.run(words, cwd=ROOT, check=True, timeout=TESTS_S, env=environment)


def attempt(what: str, check: Callable[[], object]) -> bool:
    """Whether a check passes; where it fails, why is printed."""
    begun = time.perf_counter()
    try:
        check()
    except Exception:  # the next check is to be made whatever this one met
        traceback.print_exc()
        print(f"FAILED: {what}", flush=True)
        return False
    print(f"passed: {what}, {time.perf_counter() - begun:.0f} s", flush=True)
    return True


def rows(role: Role, batch_lines: int, found: Figures | None) -> list[tuple[dict[str, str], str, float | str, str]]:
    """Columns, name, value and unit of the figures of one training; `None` where nothing was measured."""
    columns = {"network": role, "lines a step": str(batch_lines)}
    mfu = NOT_MEASURED if found is None or found.mfu is None else round(100 * found.mfu, 1)
    shown: list[tuple[str, float | str, str]] = [
        ("images a second", NOT_MEASURED if found is None else round(found.images_a_second), ""),
        ("waiting for data", NOT_MEASURED if found is None else round(100 * found.waiting, 1), "%"),
        ("MFU", mfu, "%"),
        ("peak memory", NOT_MEASURED if found is None else round(found.peak_memory_gb, 2), "GB"),
    ]
    return [(columns, what, value, "" if value == NOT_MEASURED else unit) for what, value, unit in shown]


def rehearse_counting(recipe: Recipe) -> None:
    bench = Bench(recipe, "student", torch.device("cpu"), 1)
    flops = flops_of(bench, next(feed(bench.feeding(lines(8), 0), range(1))))
    if flops <= 0:
        raise ValueError("nothing was counted")
    print(f"{flops:.3g} FLOPs a line of the student, its teacher's included")


def question(figures: Sequence[tuple[dict[str, str], str, float | str, str]], seconds: int) -> Question:
    origin = measured_here(()).model_copy(update={"command": "python tests/benchmarks/accelerator.py"})
    return Question(
        section="An accelerator",
        title="How fast are trainings on an accelerator?",
        rows=("network", "lines a step"),
        records=tuple(
            Record(**origin.model_dump(), what=what, value=value, unit=unit, seconds=seconds, columns=columns)
            for columns, what, value, unit in figures
        ),
    )


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=Path, default=Path("accelerator.json"), metavar="FILE.json")
    options = parser.parse_args(words)
    check_target(options.record)
    there, begun = torch.cuda.is_available(), time.perf_counter()
    device, size = torch.device("cuda" if there else "cpu"), FULL if there else REHEARSAL
    print(torch.cuda.get_device_name() if there else "no accelerator here: a rehearsal on the processor", flush=True)
    recipe = load_recipe("scene")
    passed = [attempt("tests marked accelerator", lambda: run_tests(there))]
    if not there:
        passed.append(attempt("counting FLOPs", lambda: rehearse_counting(recipe)))
    figures = []
    roles: tuple[Role, ...] = ("teacher", "student")
    for bench in (Bench(recipe, role, device, batch_lines) for role in roles for batch_lines in size.batches):
        found: list[Figures] = []
        what = f"{bench.role}, {bench.batch_lines} lines a step"
        passed.append(attempt(what, lambda b=bench, f=found: f.append(measured(b, size))))
        figures += rows(bench.role, bench.batch_lines, found[0] if found and there else None)
    for columns, name, value, unit in figures:
        print(f"{columns['network']:8s} {columns['lines a step']:>4s}  {name:18s} {value} {unit}".rstrip())
    seconds = round(time.perf_counter() - begun)
    put_records(options.record, question(figures, seconds))
    print(f"{sum(passed)} of {len(passed)} checks passed in {seconds} s; figures in {options.record}")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
