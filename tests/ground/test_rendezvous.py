"""Processes of one launch agree on where in the store they meet, whatever dead ones have left there."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from torch.distributed import HashStore, PrefixStore, Store, TCPStore
from torch.distributed.rendezvous import rendezvous

from distill import runtime
from distill.rendezvous import agreed_name, fresh_rendezvous
from distill.runtime import Runtime, start
from students.errors import UserError

SOON = timedelta(seconds=60)
AT_ONCE = timedelta(seconds=-1)
WORLD = 3


def names(store: Store, *delays_s: float, timeout: timedelta = SOON) -> set[str]:
    """What the processes agree on that call after so many seconds, the first of them first."""

    def called(rank: int) -> str:
        time.sleep(delays_s[rank])
        return agreed_name(store, rank, len(delays_s), timeout)

    with ThreadPoolExecutor(len(delays_s)) as pool:
        return set(pool.map(called, range(len(delays_s))))


def test_every_start_has_a_name_of_its_own_whoever_comes_first() -> None:
    store = HashStore()
    found = [names(store, 0, 0, 0), names(store, 0.15, 0, 0), names(store, 0, 0.15, 0), names(store, 0, 0)]
    assert [len(each) for each in found] == [1, 1, 1, 1]
    assert len(set.union(*found)) == 4


@pytest.mark.parametrize("dead", [{0}, {1}, {0, 1}, {1, 2}], ids=str)
def test_processes_that_died_while_they_agreed_change_nothing(dead: set[int]) -> None:
    store = HashStore()
    for rank in sorted(dead):
        with pytest.raises(UserError):
            agreed_name(store, rank, WORLD, AT_ONCE)
    (name,) = names(store, 0.1, 0, 0.2)
    assert names(store, 0, 0, 0) != {name}


@pytest.mark.parametrize(("rank", "missing"), [(0, "process 1"), (2, "process 0")])
def test_one_that_waits_in_vain_says_for_whom(rank: int, missing: str) -> None:
    store = HashStore()
    names(store, 0, 0, 0)
    with pytest.raises(UserError, match=f"{missing} of 3 has not come within -1 s: see on its machine why"):
        agreed_name(store, rank, WORLD, AT_ONCE)


def test_a_group_does_not_see_what_stands_in_the_launchers_store(monkeypatch: pytest.MonkeyPatch) -> None:
    launchers = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    of_torchrun = {"RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": launchers.port}
    for name, value in (of_torchrun | {"TORCHELASTIC_USE_AGENT_STORE": True}).items():
        monkeypatch.setenv(name, str(value))
    plain, _, _ = next(rendezvous("env://"))
    plain.set("address", "of a dead process")
    assert launchers.get("address") == b"of a dead process"  # it is the launcher's store that they meet in
    for _ in range(2):
        store, rank, world = next(rendezvous(fresh_rendezvous()))
        assert (rank, world, isinstance(store, PrefixStore)) == (0, 1, True)
        assert not store.check(["address"])
        store.set("address", "of one that lives")


def test_a_run_of_several_processes_meets_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Met(Exception):
        """What the accelerator was made with."""

    def accelerator(**given: object) -> None:
        raise Met(given["kwargs_handlers"])

    monkeypatch.setattr(runtime, "Accelerator", accelerator)
    two = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    with pytest.raises(Met, match=r"\[\]"):
        start(Runtime(), tmp_path)
    for name, value in two.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Met, match=fresh_rendezvous()):
        start(Runtime(), tmp_path)
