"""Finished models that teach as they are: another charset, height, colour and stride than the student's."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import teachers
from distill.cli import main
from distill.data.prepared import PreparedLines
from distill.data.sampler import in_width_order
from distill.pools.lines import open_pools
from distill.recipe.file import load_recipe
from distill.runs.opening import open_run
from distill.runs.teachers import finished_teacher
from distill.runtime import StopFlag
from distill.synthesis.text import TextMix
from distill.track import read_metrics
from students import load
from students.errors import CheckpointError, DataError
from students.model_file import read_model
from tests.samples import write_student
from tests.trained import trained

ATTENTIVE = {"kind": "recurrent", "neck": "attention"}
BUDGET = {"steps": 4, "log_every": 2, "validate_every": 4, "batch_lines": 8}


def words(tiny_run: Path, tiny: list[str]) -> list[str]:
    known = read_model(tiny_run / "teacher" / "model.safetensors")[0].charset.characters
    ours = known.replace("e", "") + "éß"
    return [
        *tiny,
        f"teacher.file={tiny_run / 'teacher'}",
        "image.height_px=16",
        "image.channels=3",
        f"data.charset={{characters: {json.dumps(ours)}, outside: drop}}",
        "student.model={kind: recurrent}",
        *(f"student.training.{k}={v}" for k, v in BUDGET.items()),
        "student.control=false",
    ]


@pytest.mark.parametrize("views", [0, 1])
def test_a_teacher_of_another_charset_height_colour_and_stride(
    views: int, tiny_run: Path, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choices = [*words(tiny_run, tiny), "--run", str(tmp_path / "run"), f"objective.cache.views={views}"]
    more = () if views else ("feature_hint", "frame_kl", "dist")
    choices += [f"objective.{term}.weight=0.5" for term in more]
    assert main(["check", "smoke", *choices]) == 1  # lines with an e are named and left out
    printed = capsys.readouterr().out
    assert re.search("note +recipe +teacher", printed)
    assert "does not know 2 of the characters: 'ßé'" in printed
    assert not re.search("problem +recipe +teacher", printed)
    assert main(["teacher", "smoke", *choices]) == 0
    assert main(["student", "smoke", *choices]) == 0
    assert "does not know 2 of the characters" in capsys.readouterr().err
    student, teacher = load(tmp_path / "run"), teachers.load(tmp_path / "run" / "teacher" / "model.safetensors")
    assert teacher.path.read_bytes() == (tiny_run / "teacher" / "model.safetensors").read_bytes()
    frames = [r.model(torch.zeros(1, c, h, h)).lengths_N.item() for r, c, h in ((student, 3, 16), (teacher, 1, 32))]
    assert frames == [4, 8]  # of a square picture
    entries = read_metrics(tmp_path / "run" / "student" / "metrics.jsonl")
    values = [entry["blank_split"] for entry in entries if "loss" in entry]
    assert values
    assert np.isfinite(values).all()
    assert (tmp_path / "run" / "report.json").is_file()


def test_it_hears_the_same_view_as_it_would_prepare_it_itself(tiny_run: Path, tiny: list[str], tmp_path: Path) -> None:
    recipe = load_recipe("smoke", words(tiny_run, tiny))
    lines = open_pools(recipe, tmp_path).validation
    theirs = teachers.load(tiny_run / "teacher" / "model.safetensors").description.preparation
    prepared = PreparedLines(lines, recipe.image, [theirs])
    for group in in_width_order(lines.padded_width_px, 64):
        ours_NCHW, others = prepared.stacked(group)
        assert ours_NCHW.shape[1:] == (3, 16, group.width_px)
        assert others[theirs].images_NCHW.shape[1:] == (1, 32, 2 * group.width_px)
        for i, seen_CHW in zip(group.indices, others[theirs].images_NCHW.numpy(), strict=True):
            own_CHW = theirs.prepare(lines[i].image)
            width = min(own_CHW.shape[2], seen_CHW.shape[2])
            assert np.array_equal(seen_CHW[..., :width], own_CHW[..., :width])
    assert lines.prepared_by(recipe.image) is lines
    assert (lines.prepared_by(theirs).padded_width_px % 16 == 0).all()


def test_a_calibrated_teacher_teaches_at_its_own_temperature(tiny_run: Path, tiny: list[str], tmp_path: Path) -> None:
    fitted = read_model(tiny_run / "teacher" / "model.safetensors")[0].calibration.temperature
    assert fitted != 1
    temperatures = {}
    for calibrated in (True, False):
        choices = [*words(tiny_run, tiny), f"objective.calibrated={calibrated}".lower()]
        run = open_run(load_recipe("smoke", choices), tmp_path / str(calibrated), StopFlag())
        temperatures[calibrated] = finished_teacher(run).members[0].temperature
    assert temperatures == {True: fitted, False: 1.0}


def test_it_teaches_where_no_line_has_a_label(tiny_run: Path, tiny: list[str], tmp_path: Path) -> None:
    data = json.dumps(
        [
            {
                "kind": "rendered",
                "name": "bare",
                "lines": 60,
                "drop_labels": True,
                "fonts": ["arimo"],
                "text": {"min_characters": 3, "max_characters": 8},
            }
        ]
    )
    moved = shutil.copytree(tiny_run / "teacher", tmp_path / "moved")
    settings = [
        *(w for w in words(tiny_run, tiny) if not w.startswith(("data.charset", "teacher.file"))),
        f"teacher.file={moved}",
        f"data.train={data}",
    ]
    run = ["--run", str(tmp_path / "run")]
    assert main(["teacher", "smoke", *settings, *run]) == 0
    shutil.rmtree(moved)  # its copy in the run has the charset
    trained(settings, tmp_path / "run")
    ours = load(tmp_path / "run").description.charset
    assert ours == teachers.load(tiny_run / "teacher").description.charset
    metrics = read_metrics(tmp_path / "run" / "student" / "metrics.jsonl")
    assert metrics[-1]["step"] == BUDGET["steps"]
    assert main(["student", "smoke", *settings, "student.control=true", *run]) == 2  # nothing to learn alone from


def test_what_cannot_teach_is_refused_before_anything_is_trained(
    tiny_run: Path, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = [
        *tiny,
        "--run",
        str(tmp_path / "run"),
        "data.charset={characters: ' äöü', outside: drop}",
        f"teacher.file={tiny_run}",
        "student.control=false",
        f"objective.more_teachers=[{{file: {tiny_run / 'teacher'}, weight: 2}}]",
    ]
    assert main(["teacher", "smoke", *foreign]) == 2
    assert "no character of the lines" in capsys.readouterr().err
    choices = [
        *tiny,
        "--run",
        str(tmp_path / "run"),
        f"objective.more_teachers=[{tmp_path / 'none'}]",
    ]
    assert main(["check", "smoke", *choices]) == 1
    assert "objective.more_teachers" in capsys.readouterr().out
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    assert main(["check", "smoke", *choices[:-1], f"teacher.file={tmp_path / 'model.onnx'}"]) == 1
    assert "not an ONNX file of this suite" in " ".join(capsys.readouterr().out.split())
    without_p = [*words(tiny_run, tiny), "--run", str(tmp_path / "run"), "objective.sequence_kd.weight=1"]
    assert main(["student", "smoke", *without_p]) == 2
    assert "sequence_kd follow the teacher's text" in capsys.readouterr().err
    through = ["objective.feature_hint={weight: 1, through_neck: true}", *tiny]
    bare = write_student(tmp_path / "bare.safetensors")
    attentive = write_student(tmp_path / "attentive.safetensors", architecture=ATTENTIVE)
    for without in ("teacher.model.neck=none", f"teacher.file={bare}", f"teacher.file={attentive}"):
        assert main(["check", "smoke", *through, without, "--run", str(tmp_path / "run")]) == 1
        assert "the teacher has no recurrent layer" in " ".join(capsys.readouterr().out.split())
    assert main(["teacher", "smoke", *choices]) == 2
    assert not (tmp_path / "run" / "teacher").exists()


def test_a_protocol_that_compares_nothing_is_refused(few_lines: list[str], tmp_path: Path) -> None:
    kinds = TextMix.model_fields.keys() - {"random", "hanzi", "alphabet", "min_characters", "max_characters"}
    text = {kind: 0 for kind in kinds if not kind.endswith("_file")} | {"random": 1, "alphabet": ".,:"}
    data = json.dumps([{"kind": "rendered", "name": "dots", "lines": 8, "fonts": ["arimo"], "text": text}])
    recipe = load_recipe("smoke", [*few_lines, "data.protocol=alnum", f"data.test={data}"])
    with pytest.raises(DataError, match=r"test: under data.protocol = alnum nothing is left of any of the 8 labels"):
        open_pools(recipe, tmp_path)


def test_a_run_is_whole_without_the_original(tiny_run: Path, tiny: list[str], tmp_path: Path) -> None:
    moved = shutil.copytree(tiny_run / "teacher", tmp_path / "moved")
    choices = [w.replace(str(tiny_run / "teacher"), str(moved)) for w in words(tiny_run, tiny)]
    choices += ["--run", str(tmp_path / "run")]
    assert main(["teacher", "smoke", *choices]) == 0
    shutil.rmtree(moved)
    assert main(["student", "smoke", *choices]) == 0


def test_another_file_does_not_slip_into_a_run(tiny_run: Path, tiny: list[str], tmp_path: Path) -> None:
    choices = [*words(tiny_run, tiny), "--run", str(tmp_path / "run")]
    assert main(["teacher", "smoke", *choices]) == 0
    assert main(["teacher", "smoke", *choices, f"teacher.file={tiny_run / 'student'}"]) == 2
    with pytest.raises(CheckpointError, match="no such"):
        load(tmp_path / "none")


@pytest.mark.parametrize("views", [0, 1])
def test_an_ensemble_is_the_mean_of_its_members_and_another_teacher_to_the_cache(
    views: int, tiny_run: Path, tiny: list[str], tmp_path: Path
) -> None:
    """At a weight of a billion to one the further member alone counts: the student's own weights teach it nothing."""
    own, further = (tiny_run / role / "model.safetensors" for role in ("teacher", "control"))
    still = [f"student.training.augment.{key}=0" for key in ("probability", "contrast", "brightness")]
    still += [f"student.training.augment.{kind}_probability=0" for kind in ("blur", "noise", "jpeg")]
    words = [
        *tiny,
        "student.control=false",
        "student.model={kind: recurrent}",
        *still,
        *(f"student.training.{k}={v}" for k, v in (BUDGET | {"log_every": 1}).items()),
        "objective.cache.top_k=64",
        f"objective.cache.views={views}",
    ]
    curves = {}
    for name, teacher, more in (
        ("alone", further, "[]"),
        ("outweighed", own, f"[{{file: {further}, weight: 1.0e+9}}]"),
        ("mean", own, f"[{further}]"),
    ):
        run = tmp_path / name
        trained([*words, f"teacher.file={teacher}", f"objective.more_teachers={more}"], run)
        entries = read_metrics(run / "student" / "metrics.jsonl")
        curves[name] = [entry["blank_split"] for entry in entries if "loss" in entry]
    assert curves["outweighed"] == pytest.approx(curves["alone"], rel=2e-2)
    assert curves["mean"] != pytest.approx(curves["alone"], rel=2e-2)
