"""A file that is written and read again, cut anywhere or with one bit flipped, never gives other contents."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from students.errors import UserError
from tests.reliability.kept_files import Kept, kept_files
from tests.reliability.trials import Trials

FIRST = 64  # of each kind, before any takes more
CUTS = 256 / 1256  # of the trials; the others flip a bit


def damaged(whole: bytes, n: int) -> Iterator[tuple[str, bytes]]:
    """Cuts spread over the lengths of a file, and flips of bits spread over it at random; each other than the whole.

    They come mixed, so that the first of them are a sample of all.
    """
    n_cuts, rng = round(n * CUTS), np.random.default_rng(0)
    cuts = [(True, length) for length in np.linspace(0, len(whole) - 1, n_cuts).astype(int).tolist()]
    flips = [(False, position) for position in rng.integers(0, 8 * len(whole), n - n_cuts).tolist()]
    for is_cut, place in random.Random(0).sample(cuts + flips, n):
        if is_cut:
            yield f"cut to {place} of {len(whole)} bytes", whole[:place]
        else:
            altered = bytearray(whole)
            altered[place // 8] ^= 1 << place % 8
            yield f"bit {place % 8} of byte {place // 8} flipped", bytes(altered)


def try_one(kept: Kept, data: bytes, wanted: str) -> None:
    """Read the file with other bytes; `AssertionError` unless it is refused by name, passed over or made anew."""
    kept.path.unlink(missing_ok=True)  # a new file, as a cache sees one that was changed
    kept.path.write_bytes(data)
    try:
        found = kept.read()
    except UserError as error:
        if kept.path.name not in str(error):
            raise AssertionError("the error does not name the file") from error
        return
    assert found in ("", wanted), "other contents were loaded"


def test_damage_never_gives_other_contents(
    tmp_path: Path, trials_of: Callable[[str], Trials], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)  # a warning a trial is too many
    trials = trials_of("damage")
    files = [(kept, kept.path.read_bytes(), kept.read()) for kept in kept_files(tmp_path)]
    assert all(wanted for _, _, wanted in files)
    damages = {kept.kind: damaged(whole, trials.n) for kept, whole, _ in files}
    for n in (min(trials.n, FIRST), trials.n - FIRST):  # some of every kind, then all, in time
        for kept, whole, wanted in files:
            for what, data in islice(damages[kept.kind], max(0, n)):
                with trials.one(kept.kind):
                    try:
                        try_one(kept, data, wanted)
                    except Exception as error:
                        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
                if not trials.in_time:
                    break
            kept.path.unlink(missing_ok=True)
            kept.path.write_bytes(whole)
    for kept, _, wanted in files:
        assert kept.read() == wanted
    assert len(trials.counts) >= 16
