"""How fast this machine trains networks, and how many steps of each fit a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from students.errors import UserError
from students.parts import Recogniser
from students.reader import Reader

BATCH = 32
OPTIMISER = 1.2  # a whole step, with data and optimiser, over forward and backward alone
KEPT = 0.85  # of the time is planned for; the rest is for what cannot be foreseen
RENDERED_A_SECOND = 300
LEAST_STEPS = 150
LEAST_FRESH_STEPS = 500  # of a teacher from fresh weights: with fewer it reads less than a student alone of equal time
TEACHER_SHARE = 0.5
SLOW_S = 2.0  # work that takes longer is measured twice, other work four times


@dataclass(frozen=True)
class Speeds:
    """Lines a second on this machine at one width: each network learning, and the teacher reading (infinite: none)."""

    teacher: float
    teacher_reads: float
    student: float


class TooShort(UserError):
    """Not even short trainings fit a time; `least_s` would do."""

    def __init__(self, budget_s: float, least_s: float, options: str = "") -> None:
        """Say both times, and which `options` need less."""
        super().__init__(
            f"--budget: {budget_s / 60:.0f} minutes are too short for lines like these on this machine; give at least "
            f"{math.ceil(least_s / 60)}m{options}"
        )
        self.least_s = least_s


@dataclass(frozen=True)
class Plan:
    """Steps of 32 lines for each network (teacher 0: none is trained), synthetic lines, and seconds of each phase.

    `views` of each line have cached posteriors; 0: nobody teaches.
    """

    teacher_steps: int
    student_steps: int
    synthetic: int
    views: int
    seconds: dict[str, float]


def learning_speed(model: Recogniser, height_px: int, width_px: int) -> float:
    """Return how many lines of this size a second a network learns from, measured on lines of noise."""
    images_NCHW = _noise(height_px, width_px)
    model.train().to(memory_format=torch.channels_last)

    def step() -> None:
        outputs = model(images_NCHW)
        log_p_TNC = outputs.logits_NTC.log_softmax(-1).transpose(0, 1)
        labels_NL = torch.ones(BATCH, 4, dtype=torch.long) + torch.arange(4) % 2
        F.ctc_loss(log_p_TNC, labels_NL, outputs.lengths_N, torch.full((BATCH,), 4)).backward()
        model.zero_grad()

    return BATCH / _fastest_s(step) / OPTIMISER


def reading_speed(model: Recogniser, height_px: int, width_px: int) -> float:
    """Return how many lines of this size a second a network reads, measured on lines of noise."""
    images_NCHW = _noise(height_px, width_px)
    model.eval().to(memory_format=torch.channels_last)

    def batch() -> None:
        with torch.inference_mode():
            model(images_NCHW)

    return BATCH / _fastest_s(batch)


def speed_of_reader(reader: Reader, aspect: float) -> float:
    """Return how many lines a second a finished model reads, measured on noise, so many times as wide as high."""
    preparation = reader.description.preparation
    height_px = preparation.height_px
    width_px = preparation.padded_px(min(preparation.max_width_px, max(height_px, round(height_px * aspect))))
    size = (BATCH, preparation.channels, height_px, width_px)
    images_NCHW = np.random.default_rng(0).random(size, np.float32)
    return BATCH / _fastest_s(lambda: reader.logits_of(images_NCHW))


def _noise(height_px: int, width_px: int) -> torch.Tensor:
    return torch.rand(BATCH, 1, height_px, width_px).to(memory_format=torch.channels_last)


def _fastest_s(work: Callable[[], object]) -> float:
    """The least seconds that some work takes, as if no other process took cores from it.

    They are those of this thread's processor time: it takes part in all that the others do.
    """
    taken: list[float] = []
    began_s = time.perf_counter()
    while len(taken) < 2 or (len(taken) < 4 and time.perf_counter() - began_s < SLOW_S):
        start_s = time.thread_time()
        work()
        taken.append(time.thread_time() - start_s)
    return min(taken)


def plan_for(budget_s: float, speeds: Speeds, n_real: int, teacher_steps: int | None) -> Plan:
    """Return what fits a time: lines opened and rendered, a teacher trained, posteriors cached, two students trained.

    `teacher_steps` are the least that a teacher must have to teach; 0: none is trained; None: nobody teaches one
    student. Raises `TooShort`, naming the least time, where not even short trainings fit.
    """
    share = TEACHER_SHARE if teacher_steps else 0.0
    students = 1 if teacher_steps is None else 2
    least_s = 0.0
    for synthetic, most_views in ((24_000, 8), (12_000, 4), (6_000, 4), (3_000, 2), (1_000, 1)):
        views = 0 if teacher_steps is None else most_views
        fixed = {
            "lines": 15 + n_real / 500 + synthetic / RENDERED_A_SECOND,
            "cache": (n_real * views + synthetic) / speeds.teacher_reads,
            "report": 20 + n_real / 10 / speeds.teacher_reads,
        }
        left_s = budget_s * KEPT - sum(fixed.values())
        teacher_s, student_s = left_s * share, left_s * (1 - share) / students
        steps = {
            "teacher": int(teacher_s * speeds.teacher / BATCH) if share else 0,
            "student": int(student_s * speeds.student / BATCH),
        }
        fits = steps["student"] >= LEAST_STEPS and steps["teacher"] >= (teacher_steps or 0)
        if fits and left_s > 0.6 * budget_s * KEPT:
            seconds = fixed | {"teacher": teacher_s, "control": student_s * (students - 1), "student": student_s}
            return Plan(steps["teacher"], steps["student"], synthetic, views, seconds)
        trained_s = students * LEAST_STEPS * BATCH / speeds.student / (1 - share)
        if teacher_steps:
            trained_s = max(trained_s, teacher_steps * BATCH / speeds.teacher / share)
        least_s = (max(trained_s, 1.5 * sum(fixed.values())) + sum(fixed.values())) / KEPT
    raise TooShort(budget_s, least_s)
