"""Checkpoints that are damaged, cut short by a full disk, or written twice; and digests of tensors."""

from __future__ import annotations

import errno
import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from distill import checkpoint as checkpoints
from distill.checkpoint import Checkpoint, load, newest, save
from distill.digests import on_host, tensors_digest
from students.errors import CheckpointError


def made(step: int) -> Checkpoint:
    return Checkpoint({"weights": {"a": torch.full((3, 2), float(step)), "b": torch.arange(4)}}, {"step": step})


def newest_step(root: Path) -> int | None:
    folder = newest(root)
    if folder is None:
        return None
    found = load(folder)
    assert found.tensors["weights"]["a"].eq(found.state["step"]).all()
    return found.state["step"]


def test_the_newest_two_stay_and_the_newest_is_loaded(tmp_path: Path) -> None:
    assert newest_step(tmp_path) is None
    for step in (5, 10, 15):
        save(tmp_path, step, made(step))
        assert newest_step(tmp_path) == step
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["step-00000010", "step-00000015"]


def test_the_same_step_may_be_saved_again(tmp_path: Path) -> None:
    save(tmp_path, 5, made(5))
    save(tmp_path, 5, made(5))
    assert newest_step(tmp_path) == 5


@pytest.mark.parametrize("name", ["weights.safetensors", "state.json", "MANIFEST.json"])
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, 5, made(5))
    save(tmp_path, 10, made(10))
    victim = tmp_path / "step-00000010" / name
    whole = victim.read_bytes()
    for damaged in (whole[:-1], bytes([whole[0] ^ 1]) + whole[1:], whole[:-1] + bytes([whole[-1] ^ 4])):
        victim.write_bytes(damaged)
        with caplog.at_level(logging.WARNING):
            assert newest_step(tmp_path) == 5
        assert "step-00000010: passed over" in caplog.text
    victim.unlink()
    assert newest_step(tmp_path) == 5
    save(tmp_path, 10, made(10))
    assert newest_step(tmp_path) == 10


class FullDisk:
    """An operation on files that fails at one of its calls."""

    def __init__(self, whole: Callable[..., Any], failing: int) -> None:
        self.whole, self.failing, self.calls = whole, failing, 0

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        self.calls += 1
        if self.calls == self.failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.whole(*arguments, **more)


@pytest.mark.parametrize("operation", ["fsync", "replace", "mkdir", "open"])
def test_after_a_full_disk_at_any_place_a_whole_checkpoint_remains(
    tmp_path: Path, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = checkpoints.os if operation == "fsync" else Path
    for failing in itertools.count(1):
        folder = tmp_path / str(failing)
        save(folder, 5, made(5))
        disk = FullDisk(getattr(holder, operation), failing)
        with monkeypatch.context() as patched:
            patched.setattr(holder, operation, lambda *a, disk=disk, **k: disk(*a, **k))  # a function, to be a method
            try:
                save(folder, 10, made(10))
            except CheckpointError as error:
                assert "No space left" in str(error)  # noqa: PT017
        assert newest_step(folder) in (5, 10)
        save(folder, 15, made(15))
        assert newest_step(folder) == 15
        assert not list(folder.glob(".*"))
        if disk.calls < failing:  # every call has failed once
            assert failing > 1
            return


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="file"):
        save(tmp_path / "file" / "checkpoints", 1, made(1))


def test_recurrent_weights_packed_in_one_storage_are_all_saved(tmp_path: Path) -> None:
    """As cuDNN packs them: every weight a view of one flat tensor."""
    lstm = nn.LSTM(4, 6, bidirectional=True)
    flat = torch.cat([p.detach().flatten() for p in lstm.parameters()])
    position, packed = 0, {}
    for name, parameter in lstm.named_parameters():
        packed[name] = flat[position : position + parameter.numel()].view_as(parameter)
        position += parameter.numel()
    save(tmp_path, 1, Checkpoint({"weights": packed}, {"step": 1}))
    folder = newest(tmp_path)
    assert folder is not None
    loaded = load(folder)
    assert loaded.tensors["weights"].keys() == packed.keys()
    assert all(torch.equal(loaded.tensors["weights"][n], t) for n, t in packed.items())


def test_digests_see_every_change_and_nothing_else() -> None:
    tensors = {"a": torch.randn(3), "b": torch.arange(3)}
    assert tensors_digest(tensors) == tensors_digest(dict(reversed(on_host(tensors).items())))
    for name in tensors:
        other = on_host(tensors)
        other[name].numpy().view(np.uint8)[0] ^= 1
        assert tensors_digest(other) != tensors_digest(tensors)
