"""Rendered lines and posteriors made by shards beforehand: byte for byte what a run makes itself, and taken by it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from distill.cli import main
from distill.recipe.file import load_line_recipe
from distill.runs.pools import open_pools
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
    run = tmp_path / "run"
    shutil.copytree(tiny_run / "teacher", run / "teacher")
    other = tmp_path / "other"
    other.mkdir()
    for rendered in own_cache.iterdir():
        (other / rendered.name).symlink_to(rendered.resolve())
    words = ["smoke", *tiny, "objective.cache.views=2", "--run", str(run)]
    assert main(["cache", *words, f"runtime.cache_root={own_cache}"]) == 0
    shared = ["cluster", "cache", *words, f"runtime.cache_root={other}", "--here"]
    assert main(shared) == 0
    alone = parts(own_cache, "posteriors")
    assert parts(other, "posteriors") == alone
    first, second, *_ = sorted(other.glob("posteriors-*/*.arrow"))
    first.write_bytes(first.read_bytes()[:-100])
    second.unlink()
    assert main(shared) == 0
    assert parts(other, "posteriors") == alone
