"""Stopped at any step and started again with the same command, a run ends with equal bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from distill import checkpoint
from distill.cli import main
from tests.spawned import signalling

MAY_DIFFER = {"timing.json", "environment.json"}


def contents(run: Path) -> dict[str, bytes]:
    files = (p for p in sorted(run.rglob("*")) if p.is_file() and p.name not in MAY_DIFFER)
    return {str(p.relative_to(run)): p.read_bytes() for p in files}


SIGNALLED = """
import sys
from distill import checkpoint
from distill.cli import main
from tests.spawned import signalling

number, role, at, *words = sys.argv[1:]
checkpoint.save = signalling(int(number), role, int(at))
sys.exit(main(words))
"""


def signalled(number: int, role: str, step: int, words: list[str]) -> int:
    """The exit code of a process that gets a signal behind this checkpoint of a network."""
    code = [sys.executable, "-c", SIGNALLED, str(number), role, str(step)]
    return subprocess.run([*code, *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode


def test_one_command_that_is_stopped_ends_as_two_that_were_not(
    tiny_run: Path, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "interrupted"
    words = ["run", "smoke", *tiny, "--run", str(run)]
    feeding = [*words, "runtime.workers=1"]  # with steps that a worker has prepared and nobody takes
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "save", signalling(signal.SIGTERM, "student", 4))
        assert main(feeding) == 75
    assert (run / "student" / "checkpoints" / "step-00000004").is_dir()
    assert not (run / "student" / "model.safetensors").exists()
    assert main(words) == 0

    whole, interrupted = contents(tiny_run), contents(run)
    assert whole.keys() == interrupted.keys()
    assert [name for name in whole if whole[name] != interrupted[name]] == []


@pytest.mark.skipif(os.name != "posix", reason="folders without write permission")
def test_a_run_folder_that_cannot_be_written_is_named(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["teacher", "smoke", *tiny, "--run", str(tmp_path / "file" / "run")]) == 2
    assert "cannot be written" in capsys.readouterr().err
