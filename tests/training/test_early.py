"""A training that ends before its last step: what it leaves, and that it goes on as if it had not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from accelerate import Accelerator

from distill.recipe.training import Training
from distill.runtime import StopFlag
from distill.track import Stopwatch
from distill.training.early import Early, Ending
from distill.training.job import Extension, Job, finished, recorded, steps_saved
from distill.training.optimisers import rate_at
from distill.training.train import train
from students.errors import CheckpointError
from tests.training.test_second_task import StripeTask

SHORT = Training(steps=40, batch_lines=8, validate_every=20, checkpoint_every=10, log_every=10, ema_decay=0.5)
WHOLE_FILES = ("model.safetensors", "metrics.jsonl", "lines.json", "answers.json")


def stripes(run: Path, training: Training = SHORT, **settings: Any) -> Job[StripeTask]:
    task = StripeTask(2, 3, training=training)
    return Job("control", task, training, 0, run / "control", **settings)


def taken(job: Job[StripeTask], early: Early | None = None) -> Path:
    stopwatch = Stopwatch(job.folder.parent / "timing.json", writes=True)
    return train(job, Accelerator(cpu=True), StopFlag(), stopwatch, early)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("whole")
    taken(stripes(run))
    return run / "control"


def entries(folder: Path) -> list[dict[str, float]]:
    return [json.loads(row) for row in (folder / "metrics.jsonl").read_text().splitlines()]


def test_what_ended_early_goes_on_to_equal_bytes(whole: Path, tmp_path: Path) -> None:
    job = stripes(tmp_path)
    taken(job, Early(ending=Ending(24, 30)))
    assert not finished(job)
    record = recorded(job)
    assert (record["steps"], record["stopped"]) == (30, {"of": 40, "cooled_from": 24})
    rates = {row["step"]: row["learning_rate"] for row in entries(job.folder) if "learning_rate" in row}
    assert rates[30] == pytest.approx(rate_at(29, SHORT) / 6)  # the last of six steps
    assert entries(job.folder)[-1]["step"] == 30
    assert steps_saved(job) == 24
    taken(job)
    assert finished(job)
    for name in WHOLE_FILES:
        assert (job.folder / name).read_bytes() == (whole / name).read_bytes(), name


def test_one_whose_time_is_over_takes_two_steps(tmp_path: Path) -> None:
    job, early = stripes(tmp_path), Early(seconds=0)
    taken(job, early)
    assert early.ending == Ending(1, 2)
    assert recorded(job)["steps"] == 2


def test_it_ends_at_its_floor_at_least_and_not_before_a_near_end() -> None:
    accelerator = Accelerator(cpu=True)
    early = Early(seconds=0, floor=8)
    assert [early.after(step, 100, accelerator) for step in (1, 7, 8, 9)] == [None, None, *[Ending(8, 10)] * 2]
    near = Early(seconds=0, floor=30)
    assert near.after(30, 37, accelerator) is None  # seven more would cool it down
    assert near.after(31, 100, accelerator) is None


def test_what_rests_on_an_early_end_gives_way(whole: Path, tmp_path: Path) -> None:
    other = Training(**{**SHORT.model_dump(), "learning_rate": 0.005})
    provisional = stripes(tmp_path, other, provisional=True)
    taken(provisional, Early(ending=Ending(12, 15)))
    assert recorded(provisional)["provisional"]
    job = stripes(tmp_path)
    assert not finished(job)
    taken(job)
    for name in WHOLE_FILES:
        assert (job.folder / name).read_bytes() == (whole / name).read_bytes(), name
    with pytest.raises(CheckpointError, match="another recipe"):
        finished(provisional)  # what is no longer provisional gives way to nothing


def test_a_longer_training_goes_on_from_a_finished_one(whole: Path, tmp_path: Path) -> None:
    first = stripes(tmp_path)
    taken(first)
    longer = SHORT.model_copy(update={"steps": 60})
    extension = Extension(40, first.digest, "earlier/1")
    job = stripes(tmp_path, longer, extends=extension)
    assert job.digest != replace(job, extends=None).digest
    assert not finished(job)
    taken(job)
    assert finished(job)
    record = recorded(job)
    assert record["extended"] == {"at": 40, "from": "earlier/1"}
    before, after = entries(whole), entries(job.folder)
    assert after[: len(before)] == before
    rates = {row["step"]: row["learning_rate"] for row in after if "learning_rate" in row}
    assert rates[50] == pytest.approx(rate_at(9, SHORT.model_copy(update={"steps": 20})))
    assert rates[50] > rates[40]
    with pytest.raises(CheckpointError, match="another recipe"):
        finished(first)
