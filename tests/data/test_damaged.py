"""Damaged lines are replaced by others of their kind, and named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distill.data.sampler import Order
from students.errors import DataError
from tests.feeding import fed, folder, in_bytes
from tests.samples import png_bytes


def test_a_damaged_line_is_named_and_replaced_by_its_like(tmp_path: Path) -> None:
    lines = folder(tmp_path / "lines")
    whole = fed(lines)
    for i, damage in ((4, b""), (5, png_bytes(32, 500)), (6, (tmp_path / "lines" / "6.png").read_bytes()[:200])):
        (tmp_path / "lines" / f"{i}.png").write_bytes(damage)
    keys = {f"lines/{i}.png" for i in (4, 5, 6)}
    broken = fed(lines)
    assert in_bytes(broken) == in_bytes(fed(lines))
    assert {key for step in broken for key in step.replaced} == keys
    assert all(key in reason for step in broken for key, reason in step.replaced.items())
    for before, after in zip(whole, broken, strict=True):
        assert [b.images_NCHW.shape for b in before.batches] == [b.images_NCHW.shape for b in after.batches]
        for b, a in zip(before.batches, after.batches, strict=True):
            assert torch.equal(a.labelled_N, b.labelled_N)
            for row, (old, new) in enumerate(zip(b.keys, a.keys, strict=True)):
                assert (old in keys) == (old != new)
                assert old in keys or torch.equal(a.images_NCHW[row], b.images_NCHW[row])
    ranks = [fed(lines, rank=rank, n_ranks=2) for rank in (0, 1)]
    for step, *parts in zip(broken, *ranks, strict=True):
        assert sorted(k for p in parts for b in p.batches for k in b.keys) == sorted(
            k for b in step.batches for k in b.keys
        )
        assert {**parts[0].replaced, **parts[1].replaced} == step.replaced


def test_a_lone_width_is_replaced_by_the_nearest(tmp_path: Path) -> None:
    lines = folder(tmp_path / "lines", 9)
    (tmp_path / "lines" / "1.png").write_bytes(b"")
    lone = replace(lines, texts=("1",) * 9).take([0, 1, 3, 6])  # 32 px, but for one of 64
    (step,) = fed(lone, 1, Order(lone.padded_width_px, 4, 0))
    assert [b.images_NCHW.shape[3] for b in step.batches] == [32, 32]
    assert (step.n_items, set(step.replaced)) == (4, {"lines/1.png"})
    with pytest.raises(DataError, match="can no longer be decoded"):
        fed(lone.take([1]), 1)
