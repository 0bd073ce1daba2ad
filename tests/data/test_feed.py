"""Steps as the trainer gets them: the same for any number of workers and ranks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch

from distill.data.augment import Augment
from distill.data.feed import FeedSettings, feed
from distill.data.mixing import Mix, plan_of
from distill.data.sampler import Order
from students.errors import DataError, UserError
from students.image import Preparation
from tests.feeding import CHARSET, fed, folder, in_bytes
from tests.samples import CleanFetch
from tests.spawned import Killed


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


def test_lines_in_the_slots_of_unlabelled_ones_stay_within_the_views_of_a_cycle(tmp_path: Path) -> None:
    lines = folder(tmp_path / "lines")
    labelled = np.array([text is not None for text in lines.texts])
    control = Order(lines.padded_width_px, 8, 3, labelled=labelled)
    augmented: dict[str, set[bytes]] = {}
    for step in fed(lines, 3 * control.steps_per_epoch, control, cycle=2):
        for batch in step.batches:
            for key, image_CHW in zip(batch.keys, batch.images_NCHW, strict=True):
                augmented.setdefault(key, set()).add(image_CHW.numpy().tobytes())
    assert max(map(len, augmented.values())) == 2


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
    for _ in range(600):  # a minute: on a busy machine even an end takes seconds
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker outlived its trainer")


def test_a_worker_says_nothing_of_a_trainer_that_was_killed() -> None:
    trainer = """
from distill.data.feed import prepared_ahead
from tests.samples import ManyTensors

for step in prepared_ahead(ManyTensors(), range(10**9), 1):
    print("ready", flush=True)
"""
    for _ in range(3):  # a trainer dies in the middle of taking over a tensor, more often than not
        command = [sys.executable, "-c", trainer]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            for _ in range(20):
                process.stdout.readline()
            process.kill()
            assert "Traceback" not in process.stderr.read()  # until every process that has it has ended
