"""How the processes of one launch find each other, also where their launcher has started them before.

torchrun keeps one store of keys and values for all its restarts. What dead processes wrote there is still there, their
addresses among it, and its count of restarts may differ between machines. Here the processes that live agree on a name
that no earlier ones had, and whatever they write from then on stands below it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import register_rendezvous_handler, rendezvous

from students.errors import UserError

SCHEME = "distill"
NAME, ALL = "distill/name", "all"  # keys of the store
ASKS_EVERY_S = 0.05
MEETS_WITHIN = timedelta(minutes=10)


@cache
def fresh_rendezvous() -> str:
    """Return an `init_method` of torch under which process groups meet anew, with what torchrun has set."""
    register_rendezvous_handler(SCHEME, _meet)
    return f"{SCHEME}://"


def _meet(_: str, timeout: timedelta = MEETS_WITHIN, **options: Any) -> Iterator[tuple[Store, int, int]]:
    store, rank, world = next(rendezvous("env://", timeout=timeout, **options))
    yield PrefixStore(agreed_name(store, rank, world, timeout), store), rank, world


def agreed_name(store: Store, rank: int, world: int, timeout: timedelta) -> str:
    """Return a name on which the `world` processes that call this agree, whatever earlier ones have left in the store.

    The first process proposes one, each of the others answers with a word of its own below it, and takes the name once
    the first has listed this word. An earlier process can have listed no such word.
    Raises `UserError` for those that have not come within the `timeout`.
    """
    word = uuid4().hex
    end = time.monotonic() + timeout.total_seconds()
    if rank == 0:
        store.set(NAME, word)
        answers = [f"{word}/{other}" for other in range(1, world)]
        while missing := [other for other, key in enumerate(answers, 1) if not store.check([key])]:
            _pause(end, f"process {missing[0]}", world, timeout)
        store.set(f"{word}/{ALL}", " ".join(store.get(key).decode() for key in answers))
        return word
    while True:
        if store.check([NAME]):
            name = store.get(NAME).decode()
            store.set(f"{name}/{rank}", word)
            if store.check([f"{name}/{ALL}"]) and word in store.get(f"{name}/{ALL}").decode().split():
                return name
        _pause(end, "process 0", world, timeout)


def _pause(end: float, who: str, world: int, timeout: timedelta) -> None:
    if time.monotonic() > end:
        raise UserError(
            f"{who} of {world} has not come within {timeout.total_seconds():.0f} s: see on its machine why, then start "
            "the launch again"
        )
    time.sleep(ASKS_EVERY_S)
