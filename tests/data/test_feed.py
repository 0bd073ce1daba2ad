"""Steps as the trainer gets them: the same for any number of workers and ranks, damaged lines replaced and named."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch

from distill.data.augment import Augment
from distill.data.batch import StepData
from distill.data.columns import ColumnFetch
from distill.data.feed import FeedSettings, feed
from distill.data.lines import Lines, joined, open_source
from distill.data.mixing import Mix, plan_of
from distill.data.padding import padding
from distill.data.prepared import ScaledLines, View
from distill.data.sampler import Order
from distill.data.sources import FolderSource, SavedSource
from distill.track import Stopwatch
from students.charset import Charset
from students.errors import DataError, UserError
from students.image import Preparation
from tests.samples import CleanFetch, Killed, png_bytes

PREPARATION = Preparation()
CHARSET = Charset(characters="0123456789")
WIDTHS = (30, 60, 61, 90)
STILL = Augment(probability=0, contrast=0, brightness=0, blur_probability=0, noise_probability=0, jpeg_probability=0)


def folder(path: Path, n: int = 40, **more: object) -> Lines:
    """Lines of several widths as files, every fourth unlabelled."""
    path.mkdir()
    for i in range(n):
        (path / f"{i}.png").write_bytes(png_bytes(32, WIDTHS[i % 3], i))
    (path / "labels.tsv").write_text("".join(f"{i}.png\t{i}\n" for i in range(n)))
    source = FolderSource.model_validate({"name": path.name, "path": str(path), **more})
    lines, refused = open_source(source, Path(), Path(), PREPARATION)
    assert not refused
    return replace(lines, texts=tuple(None if i % 4 == 0 else text for i, text in enumerate(lines.texts)))


def fed(lines: Lines, steps: int = 8, order: Order | None = None, **more: Any) -> list[StepData]:
    order = order or Order(lines.padded_width_px, 8, 3)
    return list(feed(FeedSettings(lines, order, CHARSET, PREPARATION, Augment(), **more), range(steps)))


def in_bytes(steps: list[StepData]) -> list[tuple[object, ...]]:
    return [
        (
            s.n_items,
            s.n_labelled,
            s.sampled,
            s.replaced,
            *((b.keys, b.images_NCHW.numpy().tobytes()) for b in s.batches),
        )
        for s in steps
    ]


@pytest.mark.parametrize("mixed", [False, True])
def test_batches_are_equal_for_any_number_of_workers(tmp_path: Path, mixed: bool) -> None:
    lines = folder(tmp_path / "lines")
    (tmp_path / "lines" / "7.png").write_bytes(b"damaged since")
    plan = plan_of(Mix(), lines.sources, 8, 8) if mixed else None
    order = Order(lines.padded_width_px, 8, 3, plan=plan)
    alone = in_bytes(fed(lines, order=order))
    assert any("7.png" in key for step in alone for key in step[3])  # type: ignore[attr-defined]
    for workers in (1, 2):
        assert in_bytes(fed(lines, order=order, workers=workers)) == alone


def test_a_worker_has_imported_neither_timm_nor_datasets(tmp_path: Path) -> None:
    assert datasets  # the trainer has
    lines = folder(tmp_path / "lines", 8)
    looking = replace(lines, fetch=tuple((CleanFetch(("timm", "datasets")), row) for row in range(8)), texts=("1",) * 8)
    looking = replace(looking, padded_width_px=np.full(8, 112))
    (step,) = fed(looking, 1, workers=1)
    assert not step.replaced
    with pytest.raises(DataError, match="can no longer be decoded"):  # here they are imported, so it can fail
        fed(looking, 1)


def test_a_killed_worker_ends_with_advice(tmp_path: Path) -> None:
    lines = replace(folder(tmp_path / "lines", 8), fetch=tuple((Killed(), row) for row in range(8)))
    with pytest.raises(UserError, match=r"memory is short; runtime.workers=0 .* newest checkpoint \(DataLoader worker"):
        fed(lines, 1, workers=1)


def test_lines_go_to_another_process_without_their_pictures(tmp_path: Path) -> None:
    pictures = [png_bytes(32, 200, i) for i in range(50)]
    table = datasets.Dataset.from_dict({"image": [{"bytes": p, "path": None} for p in pictures], "text": ["1"] * 50})
    table.save_to_disk(str(tmp_path / "saved"))
    lines, _ = open_source(SavedSource(name="s", path=str(tmp_path / "saved")), Path(), Path(), PREPARATION)
    sent = pickle.dumps(lines)
    assert len(sent) < sum(map(len, pictures)) / 20
    back = pickle.loads(sent)
    assert [back[i].image for i in range(50)] == pictures
    fetch = lines.fetch[0][0]
    assert isinstance(fetch, ColumnFetch)
    part = replace(fetch, data=replace(fetch.data, values=fetch.data.values[10:20]))  # its files hold more than it
    assert [pickle.loads(pickle.dumps(part))(row) for row in range(10)] == pictures[10:20]


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


def test_lines_in_the_slots_of_unlabelled_ones_stay_within_the_views_of_a_cycle(tmp_path: Path) -> None:
    lines = folder(tmp_path / "lines")
    labelled = np.array([text is not None for text in lines.texts])
    control = Order(lines.padded_width_px, 8, 3, labelled=labelled)
    looks: dict[str, set[bytes]] = {}
    for step in fed(lines, 3 * control.steps_per_epoch, control, cycle=2):
        for batch in step.batches:
            for key, image_CHW in zip(batch.keys, batch.images_NCHW, strict=True):
                looks.setdefault(key, set()).add(image_CHW.numpy().tobytes())
    assert max(map(len, looks.values())) == 2


def test_padding_is_counted_against_each_line(tmp_path: Path) -> None:
    lines = folder(tmp_path / "lines", 12)
    scaled = [WIDTHS[i % 3] for i in range(12)]
    padded = [-(-width // 16) * 16 for width in scaled]
    found = padding(lines)
    assert found["share"] == pytest.approx(1 - sum(scaled) / sum(padded), abs=1e-4)
    assert (found["widths"], found["few_widths_quantum_px"]) == (len(set(padded)), 16)
    many = replace(lines, scaled_width_px=np.arange(1, 1001))
    found = padding(many)
    assert found["widths"] == 63
    assert len(set(-(-np.arange(1, 1001) // int(found["few_widths_quantum_px"])))) == found["few_widths"] == 8


def test_waiting_is_measured_and_summed_over_interruptions(tmp_path: Path) -> None:
    for _ in range(2):
        watched = Stopwatch(tmp_path / "timing.json", writes=True).waited("teacher", iter(range(3)))
        assert next(watched) == 0
        watched.close()
    seconds = Stopwatch(tmp_path / "timing.json", writes=False).seconds
    whole, part = seconds["teacher: steps"], seconds["teacher: waiting for data"]
    assert 0 <= part <= whole
    assert set(seconds) == {"teacher: steps", "teacher: waiting for data", "teacher: waiting for data, share"}


def test_lines_augmented_on_a_device_are_those_of_the_processor(tmp_path: Path) -> None:
    lines = folder(tmp_path / "lines")
    device = torch.device("cpu")
    here, there = (
        [batch.finished_on(device) for step in fed(lines, 2, augment_on=where) for batch in step.batches]
        for where in ("auto", "device")
    )
    for one, other in zip(here, there, strict=True):
        assert one.keys == other.keys
        assert one.images_NCHW.shape == other.images_NCHW.shape
        assert not torch.equal(one.images_NCHW, other.images_NCHW)  # they went another way
        assert (one.images_NCHW - other.images_NCHW).abs().mean() <= 2 / 127.5


def test_a_device_refuses_jpeg_of_colour(tmp_path: Path) -> None:
    lines = folder(tmp_path / "lines", 8)
    order, colour = Order(lines.padded_width_px, 8, 3), Preparation(channels=3)
    settings = FeedSettings(lines, order, CHARSET, colour, Augment(), augment_on="device")
    with pytest.raises(UserError, match="no JPEG of colour"):
        next(feed(settings, range(1)))


def test_a_worker_ends_with_a_trainer_that_is_killed() -> None:
    trainer = """
import time
from distill.data.feed import ready_workers
from tests.samples import waiting_worker

context = ready_workers()
queue = context.Queue()
context.Process(target=waiting_worker, args=(queue,)).start()
print(queue.get(), flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", trainer], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        os.kill(worker, 0)
        process.kill()
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker outlived its trainer")
