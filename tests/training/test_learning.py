"""Networks that learn: 16 lines by heart, and a student that follows its teacher's posteriors without labels."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from PIL import Image

from distill.data.augment import Augment
from distill.data.feed import FeedSettings, feed
from distill.data.lines import Lines
from distill.data.sampler import Order
from distill.evaluation.evaluate import read_lines, truths_of
from distill.evaluation.metrics import score
from distill.recipe.objective import Objective
from distill.seeds import generator_of
from distill.synthesis.appearance import Appearance
from distill.synthesis.fonts import find_faces
from distill.synthesis.render import render_line
from distill.teaching.criterion import LineCriterion
from distill.teaching.teacher import FrozenTeacher, Member
from distill.training.step import StepSettings, take_step
from distill.training.trainee import Trainee
from students.charset import Charset
from students.config import STUDENTS
from students.greedy import best_path_text
from students.image import Preparation
from students.parts import Recogniser

CHARSET = Charset(characters="0123456789")
STILL = Augment(probability=0, contrast=0, brightness=0, blur_probability=0, noise_probability=0, jpeg_probability=0)
ROUND_STEPS, MOST_STEPS = 20, 800
PREPARATION = Preparation(width_quantum_px=64)


def sixteen_lines(labelled: bool = True) -> Lines:
    face = find_faces(("dejavu-sans",), "0123456789")[0]
    data = []
    for i in range(16):
        buffer = io.BytesIO()
        picture = render_line(f"{(i + 1) * 7919 % 100000:05d}", face, Appearance(), 32, generator_of("sixteen", i))
        Image.fromarray(picture).save(buffer, "PNG")
        data.append((buffer.getvalue(), picture.shape))
    keys = tuple(f"line/{i}" for i in range(16))
    texts = tuple(f"{(i + 1) * 7919 % 100000:05d}" if labelled else None for i in range(16))
    widths = np.array([PREPARATION.padded_width_px(*shape) for _, shape in data])
    return Lines(
        keys,
        keys,
        texts,
        ("line",) * 16,
        widths,
        keys,
        tuple((lambda row: data[row][0], i) for i in range(16)),
    )


def student(seed: int = 0) -> Recogniser:
    torch.manual_seed(seed)
    return STUDENTS.validate_python({"kind": "recurrent", "norm": "group"}).build(CHARSET.n_classes, 1, 32)


def learn(model: Recogniser, lines: Lines, teacher: FrozenTeacher | None = None) -> int:
    """Train in rounds until every line is read; the steps that took.

    Rounding differs from processor to processor and decides how many: 80 to 320 with the seeds 0 to 2.
    """
    accelerator = Accelerator(cpu=True)
    trainee = Trainee(model, [torch.optim.AdamW(model.parameters(), lr=6e-3)])
    criterion = LineCriterion(Objective(), teacher)
    order = Order(lines.padded_width_px, 16, 0)
    for data in feed(FeedSettings(lines, order, CHARSET, PREPARATION, STILL), range(MOST_STEPS)):
        take_step(trainee, criterion, data, accelerator, StepSettings())
        n_steps = data.step + 1
        if n_steps % ROUND_STEPS == 0 and cer(model) == 0:
            return n_steps
    pytest.fail(f"after {MOST_STEPS} steps the CER is {cer(model)}")


def cer(model: Recogniser) -> float:
    lines = sixteen_lines()
    texts = read_lines(model, lines, partial(best_path_text, charset=CHARSET), PREPARATION, Accelerator(cpu=True))
    return score(truths_of(lines), texts, "exact").cer


@pytest.fixture(scope="module")
def learned() -> Recogniser:
    """A student that has learnt sixteen lines by heart."""
    model = student(seed=1)
    learn(model, sixteen_lines())
    return model


def test_a_student_learns_sixteen_lines_by_heart(learned: Recogniser) -> None:
    assert cer(student(seed=1)) > 0.5
    assert cer(learned) == 0


def test_unlabelled_lines_teach_a_second_student_what_the_first_reads(learned: Recogniser) -> None:
    teacher = FrozenTeacher([Member(learned)], torch.device("cpu"), "fp32")
    pupil = student(seed=2)
    assert cer(pupil) > 0.5
    learn(pupil, sixteen_lines(labelled=False), teacher)
    teacher.assert_unchanged()
    assert cer(pupil) == 0


def test_splitting_a_step_into_micro_batches_changes_no_gradient() -> None:
    lines = sixteen_lines()
    gradients = []
    for size in (1, 5, 16):
        order = Order(lines.padded_width_px, 16, 0, size)
        (data,) = feed(FeedSettings(lines, order, CHARSET, PREPARATION, STILL), range(1))
        model = student()
        still = [torch.optim.SGD(model.parameters(), lr=0.0)]
        teacher = FrozenTeacher([Member(student(1))], torch.device("cpu"), "fp32")
        settings = StepSettings(clip_norm=1e9)
        take_step(Trainee(model, still), LineCriterion(Objective(), teacher), data, Accelerator(cpu=True), settings)
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    for split in gradients[:-1]:
        assert (split - gradients[-1]).abs().max() <= 1e-5
