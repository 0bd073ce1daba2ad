"""Rendered lines and posteriors made by shards beforehand: byte for byte what a run makes itself, and taken by it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from distill.cli import main
from distill.cluster import here
from distill.pools.lines import open_pools
from distill.recipe.file import load_line_recipe
from distill.runs.jobs import jobs_of
from distill.runs.opening import open_run
from distill.runs.shared_out import fill_shared
from distill.runs.teachers import fill_caches, finished_teacher
from distill.runtime import StopFlag
from distill.synthesis import materialise
from distill.teaching import cache as teacher_cache


def parts(root: Path, begin: str) -> dict[str, bytes]:
    found = {f"{path.parent.name}/{path.name}": path.read_bytes() for path in root.glob(f"{begin}-*/*.arrow")}
    assert len(found) >= 2
    return found


def test_lines_rendered_by_shards_are_those_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(materialise, "PART_LINES", 4)
    few = [f"data.{part}.lines=6" for part in ("train.0", "train.1", "validation.0", "test.0")]
    settings = {name: [*few, f"runtime.cache_root={tmp_path / name}"] for name in ("alone", "shared")}
    open_pools(load_line_recipe("smoke", settings["alone"]), tmp_path / "run")
    words = ["cluster", "render", "smoke", *settings["shared"], "--run", str(tmp_path / "run"), "--here"]
    assert main(words) == 0
    alone = parts(tmp_path / "alone", "rendered")
    assert parts(tmp_path / "shared", "rendered") == alone
    first, second = sorted((tmp_path / "shared").glob("rendered-*/*.arrow"))[:2]
    first.unlink()
    written = second.stat().st_mtime_ns
    assert main(words) == 0
    assert parts(tmp_path / "shared", "rendered") == alone
    assert second.stat().st_mtime_ns == written
    pools = open_pools(load_line_recipe("smoke", settings["shared"]), tmp_path / "run")
    assert len(pools.train) + len(pools.validation) + len(pools.test) == 24
    assert parts(tmp_path / "shared", "rendered") == alone


def test_posteriors_filled_by_shards_are_those_of_the_run(
    tiny_run: Path, tiny: list[str], own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher_cache, "PART_LINES", 80)
    folder, other = tmp_path / "run", tmp_path / "other"
    shutil.copytree(tiny_run / "teacher", folder / "teacher")
    settings = [*tiny, "objective.cache.views=2"]
    run = open_run(load_line_recipe("smoke", [*settings, f"runtime.cache_root={own_cache}"]), folder, StopFlag())
    fill_caches(run, [job.task for job in jobs_of(run, "student", finished_teacher(run))])
    alone = parts(own_cache, "posteriors")
    shared = replace(run, recipe=load_line_recipe("smoke", [*settings, f"runtime.cache_root={other}"]))
    fill_shared(shared, here)
    assert parts(other, "posteriors") == alone
    first, second, *_ = sorted(other.glob("posteriors-*/*.arrow"))
    first.write_bytes(first.read_bytes()[:-100])
    second.unlink()
    fill_shared(shared, here)
    assert parts(other, "posteriors") == alone
