"""Shards of work: what fails is named, nothing else is lost; on Ray a killed worker's is done again."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from distill import cluster
from distill.cluster import KILLED_AT_MOST, Done, OnRay, here, lines_done, other_than, versions
from students.errors import UserError
from tests.sharing import Writing

NEEDS_RAY = "ray is not installed: make cluster"


def test_what_fails_is_named_and_the_rest_is_done(tmp_path: Path) -> None:
    work = Writing(tmp_path, tuple(range(8)), bad=(1, 5))
    lines = lines_done(here(work), len(work.shards))
    assert [next(lines) for _ in range(6)] == [10, 12, 13, 14, 16, 17]
    with pytest.raises(UserError, match=r"2 of 8 shards failed; the same command does them again") as caught:
        next(lines)
    assert "1.txt: line 1 is bad" in str(caught.value)
    assert "5.txt: line 5 is bad" in str(caught.value)
    assert [work.is_finished(shard) for shard in work.shards] == [shard not in (1, 5) for shard in work.shards]


def test_many_failures_are_counted() -> None:
    with pytest.raises(UserError, match=r"(?s)9 of 9 shards failed.*and 4 more"):
        list(lines_done((Done(str(i), 0, f"{i}: bad") for i in range(9)), 9))


def test_a_fault_of_ours_ends_the_work(tmp_path: Path) -> None:
    work = Writing(tmp_path / "there is no such folder", (1,))
    object.__setattr__(work, "maker", lambda: lambda shard: 1 // (shard - 1))
    with pytest.raises(ZeroDivisionError):
        list(here(work))


def test_a_worker_with_another_version_is_refused_by_name() -> None:
    assert other_than(versions()) == ""
    assert {"crnn-distill", "pillow", "torch"} <= versions().keys()
    said = other_than({**versions(), "pillow": "9.1"})
    assert f"another pillow than the machine that shares the work out: {versions()['pillow']}, not 9.1" in said
    assert "another onnx than" in other_than({**versions(), "onnx": "1.0"})


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pip install 'crnn-distill\[cluster\]'"):
        list(OnRay(2)(Writing(tmp_path, (1, 2))))


@pytest.fixture(scope="module")
def _ray() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason=NEEDS_RAY)
    begun = "RAY_ADDRESS" in os.environ  # a cluster that somebody has begun
    ray.init(log_to_driver=False, **({} if begun else {"num_cpus": 2, "include_dashboard": False}))
    yield
    ray.shutdown()


@pytest.mark.long
@pytest.mark.usefixtures("_ray")
def test_ray_does_every_shard_and_names_what_fails(tmp_path: Path) -> None:
    work = Writing(tmp_path, tuple(range(12)), bad=(3,), deadly=(5,))
    done = list(OnRay(2)(work))
    assert sorted(each.lines for each in done if not each.error) == [10 + shard for shard in range(12) if shard != 3]
    assert [each.error for each in done if each.error] == [f"{tmp_path / '3.txt'}: line 3 is bad"]
    tries = (tmp_path / "tries").read_text().split()
    assert sorted(map(int, tries)) == sorted([shard for shard in range(12) if shard != 3] + [5])
    assert len(list(tmp_path.glob("opened-by-*"))) <= 3  # once a worker, and once for the one that was killed


@pytest.mark.long
@pytest.mark.usefixtures("_ray")
def test_ray_does_nothing_on_workers_of_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "versions", lambda: {"crnn-distill": "code of last week"})
    with pytest.raises(UserError, match=r"2 of 2 shards failed.*(?s:.*)another crnn-distill.*not code of last week"):
        list(lines_done(OnRay(1)(Writing(tmp_path, (0, 1))), 2))
    assert not list(tmp_path.iterdir())


@pytest.mark.long
@pytest.mark.usefixtures("_ray")
def test_ray_gives_up_on_a_shard_that_kills_every_worker(tmp_path: Path) -> None:
    work = Writing(tmp_path, (0, 1, 2), deadly=(1,), kills=99)
    with pytest.raises(UserError, match=rf"killed {KILLED_AT_MOST + 1} times at one shard.*shards are missing"):
        list(OnRay(1)(work))
    assert (tmp_path / "tries").read_text().split().count("1") == KILLED_AT_MOST + 1
