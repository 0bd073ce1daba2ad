"""A file that is written and read again, cut anywhere or with one bit flipped, never gives other contents."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from students.errors import UserError
from tests.reliability.kept_files import Kept, kept_files
from tests.reliability.trials import Trials

CUTS = 256 / 1256  # of the trials; the others flip a bit


def damaged(whole: bytes, n: int) -> Iterator[tuple[str, bytes]]:
    """Cuts spread over the lengths of a file, and flips of bits spread over it at random; each other than the whole."""
    n_cuts, rng = round(n * CUTS), np.random.default_rng(0)
    for length in np.linspace(0, len(whole) - 1, n_cuts).astype(int):
        yield f"cut to {length} of {len(whole)} bytes", whole[:length]
    for position in rng.integers(0, 8 * len(whole), n - n_cuts).tolist():
        altered = bytearray(whole)
        altered[position // 8] ^= 1 << position % 8
        yield f"bit {position % 8} of byte {position // 8} flipped", bytes(altered)


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
    for kept in kept_files(tmp_path):
        whole, wanted = kept.path.read_bytes(), kept.read()
        assert wanted, kept.kind
        for what, data in damaged(whole, trials.n):
            with trials.one(kept.kind):
                try:
                    try_one(kept, data, wanted)
                except Exception as error:
                    raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        kept.path.write_bytes(whole)
        assert kept.read() == wanted
    assert len(trials.counts) >= 14
