"""Lines decoded, scaled and augmented: every source and view as it should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from distill.data.augment import Augment
from distill.data.lines import joined
from distill.data.prepared import ScaledLines, View
from tests.feeding import PREPARATION, STILL, folder


def test_a_source_has_its_own_augmentation(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", 6, augment=STILL.model_dump())
    usual = folder(tmp_path / "usual", 6)
    lines = joined([own, usual])
    scaled, view = ScaledLines(lines, PREPARATION), View(Augment(probability=1), 0, 0)
    assert all(np.array_equal(scaled.augmented(i, view), scaled[i]) for i in range(6))
    assert not any(np.array_equal(scaled.augmented(i, view), scaled[i]) for i in range(6, 12))
    bare = ScaledLines(replace(lines, augments={}), PREPARATION)
    assert all(np.array_equal(scaled.augmented(i, view), bare.augmented(i, view)) for i in range(6, 12))
    assert (
        len({lines.digest, replace(lines, augments={}).digest, replace(lines, augments={"own": Augment()}).digest}) == 3
    )
    assert lines.take(range(6, 12)).digest == usual.digest  # no line of it is there


def test_a_line_used_again_shows_the_next_view_of_a_cycle() -> None:
    view = View(Augment(), 0, epoch=2, cycle=3)
    assert [view.moment(use) for use in range(4)] == [(2, 0), (0, 0), (1, 0), (2, 0)]
    assert View(Augment(), 0, 2).moment(1) == (2, 1)
