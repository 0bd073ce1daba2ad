"""Killed or stopped at any step and started again with the same command, a run ends with equal bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distill.cli import main

MAY_DIFFER = {"timing.json", "environment.json"}


def contents(run: Path) -> dict[str, bytes]:
    files = (p for p in sorted(run.rglob("*")) if p.is_file() and p.name not in MAY_DIFFER)
    return {str(p.relative_to(run)): p.read_bytes() for p in files}


def start(command: str, cache: Path, run: Path) -> subprocess.Popen[bytes]:
    words = [
        sys.executable,
        "-m",
        "distill",
        command,
        "smoke",
        f"runtime.cache_root={cache}",
        "--run",
        str(run),
    ]
    return subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def when_there(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while not path.exists():
        assert process.poll() is None, "the run ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_command_that_is_killed_and_stopped_ends_as_two_that_were_not(
    finished_run: Path, cache: Path, tmp_path: Path
) -> None:
    run = tmp_path / "interrupted"
    killed = start("run", cache, run)
    when_there(run / "teacher" / "checkpoints" / "step-00000020", killed)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert not (run / "teacher" / "model.safetensors").exists()

    stopped = start("run", cache, run)
    when_there(run / "student" / "checkpoints" / "step-00000000", stopped)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(120) == 75
    assert not (run / "student" / "model.safetensors").exists()
    assert main(["run", "smoke", f"runtime.cache_root={cache}", "--run", str(run)]) == 0

    whole, interrupted = contents(finished_run), contents(run)
    assert whole.keys() == interrupted.keys()
    assert [name for name in whole if whole[name] != interrupted[name]] == []


@pytest.mark.skipif(os.name != "posix", reason="folders without write permission")
def test_a_run_folder_that_cannot_be_written_is_named(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["teacher", "smoke", f"runtime.cache_root={cache}", "--run", str(tmp_path / "file" / "run")]) == 2
    assert "cannot be written" in capsys.readouterr().err
