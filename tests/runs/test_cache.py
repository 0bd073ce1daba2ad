"""The posterior cache in a run: the student gets the same outputs, nothing is computed twice, damage is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from distill.cli import main
from distill.recipe.file import load_recipe
from distill.runs.opening import open_run
from distill.runs.teachers import FILLED, cache_teacher
from distill.runtime import StopFlag, Stopped
from distill.teaching import cache as teacher_cache
from distill.track import read_metrics
from tests.trained import trained

STILL = [
    f"student.training.augment.{key}=0"
    for key in ("probability", "contrast", "brightness", "blur_probability", "noise_probability", "jpeg_probability")
]
BUDGET = ["student.training.steps=20", "student.training.log_every=5", "student.control=false"]  # over one epoch
# the teacher of smoke spreads its posteriors over many classes: at the default weight their tail leads elsewhere
KL = ["objective.blank_split.weight=0", "objective.frame_kl.weight=1"]


def settings(tiny: list[str], cache: Path, *more: str) -> list[str]:
    return [*tiny, *BUDGET, *more, f"runtime.cache_root={cache}"]


def in_run(command: str, run: Path, tiny: list[str], cache: Path, *more: str) -> int:
    return main([command, "smoke", *settings(tiny, cache, *more), "--run", str(run)])


def written_at(parts: list[Path]) -> list[int]:
    return [part.stat().st_mtime_ns for part in parts]


def damaged(part: Path) -> bytes:
    """Turn a bit in the middle of a file; return the bytes that it had."""
    whole = part.read_bytes()
    middle = len(whole) // 2
    part.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    return whole


def test_a_cached_teacher_teaches_what_the_teacher_does(
    tiny_run: Path,
    tiny: list[str],
    own_cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teacher_cache, "PART_LINES", 48)
    runs = {name: tmp_path / name for name in ("online", "cached")}
    for run in runs.values():
        shutil.copytree(tiny_run / "teacher", run / "teacher")
    views = ("objective.cache.views=1", "objective.frame_kl.temperature=2", "objective.cache.top_k=40")
    trained(settings(tiny, own_cache, *STILL, *KL, views[1]), runs["online"])
    found = {}
    for top_k in (8, 40):
        capsys.readouterr()
        words = (*KL, *views[:2], f"objective.cache.top_k={top_k}", "--json")
        assert in_run("cache", runs["cached"], tiny, own_cache, *STILL, *words) == 0
        (found[top_k],) = json.loads(capsys.readouterr().out).values()
    assert found[8]["bytes_a_line"] < 3000
    for tau in ("tau 1", "tau 2"):
        few, many = found[8]["error"][tau], found[40]["error"][tau]
        assert many["loss"] < few["loss"]
        assert many["loss"] < 0.05
        assert many["gradient"] < 0.2
    shutil.rmtree(max(own_cache.glob("posteriors-*"), key=lambda f: -sum(p.stat().st_size for p in f.iterdir())))
    parts = sorted(own_cache.glob("posteriors-*/*.arrow"))
    times = written_at(parts)
    trained(settings(tiny, own_cache, *STILL, *KL, *views), runs["cached"])
    assert written_at(parts) == times
    curves = [
        [entry["frame_kl"] for entry in read_metrics(run / "student" / "metrics.jsonl") if "loss" in entry]
        for run in runs.values()
    ]
    assert curves[1] == pytest.approx(curves[0], rel=0.05)

    assert len(parts) == 3
    parts[0].unlink()  # an interrupted cache: only what is missing is computed
    shutil.rmtree(runs["cached"] / "student")
    fill = [*settings(tiny, own_cache, *STILL, *KL, *views), "student.training.steps=1"]
    trained(fill, runs["cached"])
    assert parts[0].is_file()
    assert written_at(parts[1:]) == times[1:]
    whole = damaged(parts[0])
    assert in_run("cache", runs["cached"], tiny, own_cache, *STILL, *KL, *views) == 0
    assert parts[0].read_bytes() == whole
    assert written_at(parts[1:]) == times[1:]


def test_a_cache_that_is_stopped_goes_on_to_the_same_bytes(
    tiny_run: Path, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher_cache, "PART_LINES", 48)
    parts = {}
    for name in ("whole", "stopped"):
        own = f"runtime.cache_root={tmp_path / name / 'cache'}"
        recipe = load_recipe("smoke", [*tiny, "objective.cache.views=2", own])
        shutil.copytree(tiny_run / "teacher", tmp_path / name / "teacher")
        stop = StopFlag()
        run = open_run(recipe, tmp_path / name, stop)
        if name == "stopped":
            stop.is_set = True
            with pytest.raises(Stopped):
                cache_teacher(run)
            assert len(list((tmp_path / name).glob("cache/posteriors-*/*.arrow"))) == 1
            run = open_run(recipe, tmp_path / name, StopFlag())
        cache_teacher(run)
        files = sorted((tmp_path / name).glob("cache/posteriors-*/*.arrow"))
        parts[name] = {file.name: file.read_bytes() for file in files}
    assert len(parts["whole"]) > 2
    assert parts["stopped"] == parts["whole"]
    filled = [phase for phase in run.stopwatch.seconds if phase.endswith(FILLED)]
    assert len(filled) == 1
    before = run.stopwatch.seconds[filled[0]]
    assert before > 0
    again = open_run(recipe, tmp_path / "again", StopFlag())
    shutil.copytree(tiny_run / "teacher", tmp_path / "again" / "teacher")
    cache_teacher(again)  # which another run has filled, at a cost that is known
    assert again.stopwatch.seconds[filled[0]] == before


def test_augmented_views_are_cached_as_they_are_shown(
    tiny_run: Path, tiny: list[str], own_cache: Path, tmp_path: Path
) -> None:
    """With as many views as epochs every picture is the online one's, so the losses are near."""
    shutil.copytree(tiny_run / "teacher", tmp_path / "online" / "teacher")
    shutil.copytree(tiny_run / "teacher", tmp_path / "cached" / "teacher")
    whole = ("objective.cache.top_k=100",)  # every class: no tail that is spread evenly
    trained(settings(tiny, own_cache, *whole), tmp_path / "online")
    trained(settings(tiny, own_cache, *whole, "objective.cache.views=3"), tmp_path / "cached")
    curves = [
        [
            entry["blank_split"]
            for entry in read_metrics(tmp_path / name / "student" / "metrics.jsonl")
            if "loss" in entry
        ]
        for name in ("online", "cached")
    ]
    assert curves[1] == pytest.approx(curves[0], rel=0.08)


def test_a_teacher_of_more_frames_is_cached_once_and_not_for_a_finished_student(
    tiny_run: Path, tiny: list[str], own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_run / "teacher", tmp_path / "run" / "teacher")
    words = ["objective.cache.views=1", "objective.cache.top_k=40", "student.model={kind: recurrent, frame_px: 8}"]
    assert in_run("cache", tmp_path / "run", tiny, own_cache, *STILL, *words, "--json") == 0
    (found,) = json.loads(capsys.readouterr().out).values()
    assert 0 < found["error"]["tau 1"]["loss"] < 0.05
    by_area = [*STILL, *words, "objective.match.how=area", "--json"]
    assert in_run("cache", tmp_path / "run", tiny, own_cache, *by_area) == 0
    (other,) = json.loads(capsys.readouterr().out).values()
    assert other["error"]["tau 1"]["loss"] != found["error"]["tau 1"]["loss"]  # measured at the temperature of the term
    trained(settings(tiny, own_cache, *STILL, *words), tmp_path / "run")
    for kept in own_cache.glob("posteriors-*"):
        shutil.rmtree(kept)
    trained(settings(tiny, own_cache, *STILL, *words), tmp_path / "run")
    assert not list(own_cache.glob("posteriors-*"))


def test_a_recipe_without_views_has_nothing_to_cache(
    tiny_run: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", "smoke", *tiny, "--run", str(tiny_run)]) == 2
    assert "objective.cache.views" in capsys.readouterr().err
