"""Pages as a task: control and student begin alike, the student learns, and a stopped training goes on as it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from distill.digests import tensors_digest
from distill.evaluation.pages.locating import PreparedPages
from distill.evaluation.roles import Role
from distill.recipe.file import load_recipe
from distill.recipe.pages import PageRecipe
from distill.runtime import StopFlag, Stopped
from distill.teaching.pages.teacher import FrozenLocator
from distill.track import Stopwatch
from distill.training.job import Job
from distill.training.pages import PageTask
from distill.training.train import train
from students.pages.model_file import read_locator
from tests.page_task import RECIPE, record
from tests.training.test_second_task import StopAt


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> PageRecipe:
    path = tmp_path_factory.mktemp("recipe") / "bars.yaml"
    path.write_text(RECIPE)
    found = load_recipe(str(path))
    assert isinstance(found, PageRecipe)
    return found


def task_of(recipe: PageRecipe, role: Role, teacher: FrozenLocator | None = None, marked: int = 6) -> PageTask:
    """A task on twelve pages, of which so many are marked; the teacher's all are."""
    part = recipe.teacher if role == "teacher" else recipe.student
    pages = [record(number, marked=role == "teacher" or number < marked) for number in range(12)]
    return PageTask(
        role=role,
        recipe=recipe,
        model=part.model,
        training=part.training,
        objective=recipe.objective if role == "student" else recipe.objective.without_teacher,
        pages=tuple(pages),
        validation=PreparedPages([record(number, "held out") for number in range(100, 104)], recipe.page),
        teacher=teacher,
    )


def trained(task: PageTask, run: Path, stop: StopFlag | None = None) -> Path:
    job = Job(task.role, task, task.training, task.seed, run / task.role)
    return train(job, Accelerator(cpu=True), stop or StopFlag(), Stopwatch(run / "timing.json", writes=True))


@pytest.fixture(scope="module")
def teacher(recipe: PageRecipe) -> FrozenLocator:
    return FrozenLocator(task_of(recipe, "teacher").build(), torch.device("cpu"), "fp32")


@pytest.fixture(scope="module")
def run(recipe: PageRecipe, teacher: FrozenLocator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished student."""
    folder = tmp_path_factory.mktemp("bars")
    trained(task_of(recipe, "student", teacher), folder)
    return folder


def test_control_and_student_begin_alike_and_see_the_same_crops(recipe: PageRecipe, teacher: FrozenLocator) -> None:
    control, student = (task_of(recipe, "control", None, 12), task_of(recipe, "student", teacher, 12))
    assert tensors_digest(control.build().state_dict()) == tensors_digest(student.build().state_dict())
    assert control.digest != student.digest
    for ours, theirs in zip(control.steps(range(4)), student.steps(range(4)), strict=True):
        assert torch.equal(ours.batches[0].images_NCHW, theirs.batches[0].images_NCHW)
        assert torch.equal(ours.batches[0].targets_NCHW, theirs.batches[0].targets_NCHW)


def test_the_control_has_marked_pages_in_the_place_of_the_others(recipe: PageRecipe, teacher: FrozenLocator) -> None:
    control, student = task_of(recipe, "control"), task_of(recipe, "student", teacher)
    unmarked = 0
    for ours, theirs in zip(control.steps(range(3)), student.steps(range(3)), strict=True):
        assert ours.n_items == ours.n_labelled == theirs.n_items == 4
        for mine, others in zip(ours.batches, theirs.batches, strict=True):
            same_N = others.labelled_N.tolist()
            assert all(a == b for a, b, same in zip(mine.keys, others.keys, same_N, strict=True) if same)
            unmarked += same_N.count(False)
    assert unmarked == 6


def test_the_hint_learns_with_the_student_and_stays_out_of_its_file(run: Path, recipe: PageRecipe) -> None:
    entries = [json.loads(line) for line in (run / "student" / "metrics.jsonl").read_text().splitlines()]
    logged = [entry for entry in entries if "loss" in entry]
    assert logged
    terms = {name for name, term in recipe.objective.terms.items() if term.weight}
    assert terms >= {"feature_hint", "core_kl", "cross_entropy", "dice"}
    for entry in logged:
        assert terms | {"core_f1", "agreement", "teacher_core_f1", "text_share", "gradient_norm"} <= entry.keys()
    description, weights = read_locator(run / "student" / "model.safetensors")
    assert description.kind == "locator"
    assert set(weights) == set(recipe.student.model.build(1).state_dict())
    assert description.training["teacher"]
    assert {"teacher_hmean", "parameters"} <= entries[0].keys()


def test_stopped_and_resumed_it_ends_with_equal_bytes(
    run: Path, recipe: PageRecipe, teacher: FrozenLocator, tmp_path: Path
) -> None:
    task = task_of(recipe, "student", teacher)
    with pytest.raises(Stopped):
        trained(task, tmp_path, StopAt(8))
    assert not (tmp_path / "student" / "model.safetensors").exists()
    trained(task, tmp_path)
    for name in ("model.safetensors", "metrics.jsonl", "lines.json", "answers.json"):
        assert (tmp_path / "student" / name).read_bytes() == (run / "student" / name).read_bytes(), name


def test_a_small_network_learns_the_bars(recipe: PageRecipe, tmp_path: Path) -> None:
    training = recipe.student.training.model_copy(update={"steps": 90, "validate_every": 45, "log_every": 15})
    student = recipe.student.model_copy(update={"training": training})
    task = task_of(recipe.model_copy(update={"student": student}), "control")
    trained(task, tmp_path)
    entries = [json.loads(line) for line in (tmp_path / "control" / "metrics.jsonl").read_text().splitlines()]
    hmeans = [entry["validation_hmean"] for entry in entries if "validation_hmean" in entry]
    assert hmeans[-1] > 0.9, hmeans
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    assert losses[-1] < losses[0] / 2


def test_validation_scores_every_page_and_says_where_nothing_is_found(recipe: PageRecipe) -> None:
    task = task_of(recipe, "control")
    model = task.build()
    with torch.no_grad():
        model.head.bias[0] = -20
    found = task.validate(model, Accelerator(cpu=True))
    assert found.silent
    assert found.figures["hmean"] == 0
    np.testing.assert_array_equal(found.scores, np.zeros(4))
    assert model.training, "the network was left in evaluation mode"


def test_a_frozen_teacher_stays_as_it_is(recipe: PageRecipe) -> None:
    frozen = FrozenLocator(task_of(recipe, "teacher").build(), torch.device("cpu"), "fp32")
    outputs = frozen.train()(torch.zeros(2, 1, 64, 64))
    assert not any(module.training for module in frozen.modules())
    assert not any(tensor.requires_grad or tensor.is_inference() for tensor in outputs)
    frozen.assert_unchanged()
    with torch.no_grad():
        frozen.model.head.bias += 1
    with pytest.raises(RuntimeError, match="has changed"):
        frozen.assert_unchanged()
