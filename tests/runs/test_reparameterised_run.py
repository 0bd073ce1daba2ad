"""A student whose branches are merged in the model file, through stages, a repeated command and `init`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from distill.cli import main
from students.model_file import read_model
from tests.trained import trained


def test_the_last_stage_alone_writes_merged_branches(
    tiny_run: Path, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run / "teacher", run / "teacher")
    budget = "{steps: 3, batch_lines: 8, validate_every: 3, log_every: 1}"
    choices = [
        *tiny,
        "student.model={kind: reparameterised, channels: [4, 4, 6, 8], features: 16, hidden: 8}",
        f"student.stages=[{{name: first, training: {budget}}}]",
        f"student.training={budget}",
        "student.control=false",
    ]
    trained(choices, run)
    files = {name: run / "student" / name / "model.safetensors" for name in ("stages/first", "")}
    (stage, of_stage), (last, of_last) = (read_model(file) for file in files.values())
    assert (stage.architecture["merged"], last.architecture["merged"]) == (False, True)
    assert any("identity_norm" in name for name in of_stage)
    assert not any("norm" in name for name in of_last)
    written = files[""].read_bytes()
    trained(choices, run)
    assert files[""].read_bytes() == written
    begun = [*choices, f"student.init={run}", "student.stages=[]", "--run", str(tmp_path / "other")]
    assert main(["check", "smoke", *begun]) == 1
    assert "its merged is True, the recipe's False" in " ".join(capsys.readouterr().out.split())
    assert main(["check", "smoke", *begun[:-2], "student.model.merged=true", *begun[-2:]]) == 0
