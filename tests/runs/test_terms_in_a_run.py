"""A student of half the teacher's frames, taught by every term at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors import safe_open

from distill.cli import main
from distill.recipe.file import load_recipe
from distill.recipe.objective import TAUGHT, UNTAUGHT, Objective
from distill.runs.jobs import final_job
from distill.runs.lines import train_pair
from distill.runs.opening import open_run
from distill.runtime import StopFlag, Stopped
from distill.track import read_metrics
from distill.training.train import _begin
from students import load
from teachers import load as load_any
from tests.trained import trained


def choices(tiny: list[str], how: str) -> list[str]:
    budget = {"steps": 3, "log_every": 1, "validate_every": 3, "batch_lines": 8}
    return [
        *tiny,
        *(f"objective.{name}.weight=0.5" for name in (*TAUGHT, *UNTAUGHT)),
        *(f"student.training.{key}={value}" for key, value in budget.items()),
        "student.model={kind: recurrent, frame_px: 8}",
        f"objective.match.how={how}",
        "objective.trust.policy=drop",
        "objective.consistency.warmup=0",
        "student.control=false",
    ]


def with_teacher(tiny_run: Path, run: Path) -> Path:
    shutil.copytree(tiny_run / "teacher", run / "teacher")
    return run


LONG = [pytest.param(how, marks=pytest.mark.long) for how in ("shift", "near")]


@pytest.mark.parametrize("how", ["area", "symbols", *LONG])
def test_every_term_teaches_a_student_of_other_frames(
    how: str, tiny_run: Path, tiny: list[str], tmp_path: Path
) -> None:
    run = with_teacher(tiny_run, tmp_path / "run")
    assert main(["check", "smoke", *choices(tiny, how), "--run", str(run)]) == 0
    trained(choices(tiny, how), run)
    entries = [entry for entry in read_metrics(run / "student" / "metrics.jsonl") if "loss" in entry]
    assert len(entries) == 3
    assert all(set(entry) >= set(Objective().terms) | {"teacher_wrong"} for entry in entries)
    readers = load(run), load_any(run / "teacher" / "model.safetensors")
    frames = [reader.model.eval()(torch.zeros(1, 1, 32, 64)).lengths_N.item() for reader in readers]
    assert frames == [8, 16]


def test_a_peer_has_first_weights_of_its_own(tiny_run: Path, tiny: list[str], tmp_path: Path) -> None:
    recipe = load_recipe("smoke", [*choices(tiny, "area"), f"student.init={tiny_run}", "student.model={kind: digits}"])
    job = final_job(open_run(recipe, with_teacher(tiny_run, tmp_path / "run"), StopFlag()), "control")
    task = job.task
    assert torch.equal(*(next(task.build(purpose).parameters()) for purpose in ("weights", "peer")))  # both are init's
    trainee = _begin(job, Accelerator(cpu=True))
    pairs = zip(trainee.auxiliary["peer"].parameters(), trainee.model.parameters(), strict=True)
    assert not all(torch.equal(theirs, ours) for theirs, ours in pairs)


def test_auxiliary_modules_are_resumed_and_not_shipped(tiny_run: Path, tiny: list[str], tmp_path: Path) -> None:
    recipe = load_recipe("smoke", [*choices(tiny, "area"), "objective.feature_hint.through_neck=true"])
    files = []
    for name in ("whole", "stopped"):
        stop = StopFlag()
        run = open_run(recipe, with_teacher(tiny_run, tmp_path / name), stop)
        if name == "stopped":
            stop.is_set = True
            with pytest.raises(Stopped):
                train_pair(run)
            run = open_run(recipe, run.folder, StopFlag())
        files.append(train_pair(run))
    assert files[0].read_bytes() == files[1].read_bytes()
    with safe_open(files[0], "pt") as file:
        assert not any(part in key for part in ("projection", "peer", "decoder") for key in file.keys())  # noqa: SIM118
