"""Checkpoints that are damaged, cut short by a full disk, or written twice; and digests of tensors."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from distill import checkpoint as checkpoints
from distill.checkpoint import Checkpoint, load, newest, read_state, save
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


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_stay_as_are_asked_for_also_where_the_newest_is_there_already(tmp_path: Path, keep: int) -> None:
    for step in range(1, 6):
        save(tmp_path, step, made(step), keep=4)
    assert len(list(tmp_path.iterdir())) == 4
    save(tmp_path, 5, made(5), keep)
    assert [p.name for p in sorted(tmp_path.iterdir())] == [f"step-{step:08d}" for step in range(6 - keep, 6)]
    save(tmp_path, 6, made(6), keep)
    assert [p.name for p in sorted(tmp_path.iterdir())] == [f"step-{step:08d}" for step in range(7 - keep, 7)]


def test_what_a_killed_process_has_half_written_goes_with_the_next_checkpoint(tmp_path: Path) -> None:
    root = tmp_path / "new" / "checkpoints"
    save(root, 5, made(5))
    for step in (7, 10):
        half = root / f".step-{step:08d}.tmp"
        half.mkdir()
        (half / "weights.safetensors").write_bytes(b"half")
    save(root, 10, made(10))
    assert [p.name for p in sorted(root.iterdir())] == ["step-00000005", "step-00000010"]


def test_a_warning_says_what_is_wrong_with_a_checkpoint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path, 5, made(5))
    folder = tmp_path / "step-00000005"

    def said() -> str:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert newest(tmp_path) is None
        (record,) = caplog.records
        return record.getMessage()

    (folder / "more.txt").write_text("")
    assert said() == (
        f"{folder}: passed over: its files are ['more.txt', 'state.json', 'weights.safetensors'], "
        "the manifest names ['state.json', 'weights.safetensors']"
    )
    (folder / "more.txt").unlink()
    (folder / "state.json").write_text("{}")
    assert said() == f"{folder}: passed over: state.json was altered or cut short"
    for text in ("", "[1]", "{"):
        (folder / "MANIFEST.json").write_text(text)
        assert f"{folder}: passed over: " in said()
    (folder / "MANIFEST.json").unlink()
    assert f"{folder}: passed over: no readable manifest ([Errno 2]" in said()


def test_a_checkpoint_that_cannot_be_read_again_is_no_reason_to_delete_an_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that loses what it was given, and says nothing."""
    for step in (5, 10):
        save(tmp_path, step, made(step))
    whole = Path.replace

    def losing(self: Path, target: Path) -> Path:
        (self / "state.json").write_text("")
        return whole(self, target)

    monkeypatch.setattr(Path, "replace", losing)
    with pytest.raises(CheckpointError) as caught:
        save(tmp_path, 15, made(15))
    folder = tmp_path / "step-00000015"
    assert str(caught.value) == f"{folder}: written but not readable: state.json was altered or cut short"
    assert [p.name for p in sorted(tmp_path.iterdir())] == [f"step-{step:08d}" for step in (5, 10, 15)]
    assert newest_step(tmp_path) == 10


def test_the_manifest_names_size_and_sha256_of_every_file(tmp_path: Path) -> None:
    """Checkpoints of any version verify by it."""
    save(tmp_path, 5, made(5))
    folder = tmp_path / "step-00000005"
    assert json.loads((folder / "MANIFEST.json").read_text()) == {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name in ("state.json", "weights.safetensors")
        for data in [(folder / name).read_bytes()]
    }


def test_the_state_is_read_without_the_tensors(tmp_path: Path) -> None:
    save(tmp_path, 5, made(5))
    (tmp_path / "step-00000005" / "weights.safetensors").unlink()
    assert read_state(tmp_path / "step-00000005") == {"step": 5}


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
    root = tmp_path / "file" / "checkpoints"
    with pytest.raises(CheckpointError) as caught:
        save(root, 1, made(1))
    assert str(caught.value) == (
        f"{root / 'step-00000001'}: the checkpoint cannot be written: Not a directory; earlier ones are intact, "
        "mend it and start the same command again"
    )


def test_a_refusal_without_a_reason_of_the_system_is_named_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError("the store is gone")

    monkeypatch.setattr(checkpoints.os, "fsync", refuse)
    with pytest.raises(CheckpointError, match=r"cannot be written: the store is gone; earlier"):
        save(tmp_path, 1, made(1))
    assert list(tmp_path.iterdir()) == []


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
