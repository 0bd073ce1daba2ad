"""What a killed process has half written goes when the same file is written anew; nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from students.model_file import write_whole


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    return ended.pid


def test_what_a_killed_process_left_goes_when_its_file_is_written(tmp_path: Path, dead: int) -> None:
    (tmp_path / f".model.onnx.{dead}.tmp").write_bytes(b"half")
    write_whole(tmp_path / "model.onnx", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_what_lives_or_is_something_else_stays(tmp_path: Path, dead: int) -> None:
    others = {f".other.onnx.{dead}.tmp", f".model.onnx.{os.getppid()}.tmp", ".model.onnx.tmp", f"model.onnx.{dead}.tmp"}
    for name in others:
        (tmp_path / name).write_bytes(b"")
    write_whole(tmp_path / "model.onnx", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == others | {"model.onnx"}
