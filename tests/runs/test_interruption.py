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
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, "the run ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_and_stopped_it_ends_as_if_nothing_had_happened(finished_run: Path, cache: Path, tmp_path: Path) -> None:
    run = tmp_path / "interrupted"
    teacher = start("teacher", cache, run)
    when_there(run / "teacher" / "checkpoints" / "step-00000020", teacher)
    teacher.kill()
    assert teacher.wait() == -signal.SIGKILL
    assert not (run / "teacher" / "model.safetensors").exists()
    again = ["smoke", f"runtime.cache_root={cache}", "--run", str(run)]
    assert main(["teacher", *again]) == 0

    control = start("student", cache, run)
    when_there(run / "control" / "checkpoints" / "step-00000000", control)
    control.kill()
    control.wait()

    student = start("student", cache, run)
    when_there(run / "student" / "checkpoints" / "step-00000000", student)
    student.send_signal(signal.SIGTERM)
    assert student.wait(60) == 75
    assert not (run / "student" / "model.safetensors").exists()
    assert main(["student", *again]) == 0

    whole, interrupted = contents(finished_run), contents(run)
    assert whole.keys() == interrupted.keys()
    assert [name for name in whole if whole[name] != interrupted[name]] == []


def test_one_command_does_what_two_do(finished_run: Path, cache: Path, tmp_path: Path) -> None:
    assert main(["run", "smoke", f"runtime.cache_root={cache}", "--run", str(tmp_path / "run")]) == 0
    assert contents(tmp_path / "run") == contents(finished_run)


@pytest.mark.skipif(os.name != "posix", reason="folders without write permission")
def test_a_run_folder_that_cannot_be_written_is_named(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["teacher", "smoke", f"runtime.cache_root={cache}", "--run", str(tmp_path / "file" / "run")]) == 2
    assert "cannot be written" in capsys.readouterr().err
