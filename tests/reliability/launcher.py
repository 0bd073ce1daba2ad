"""A process that has imported the suite and forks a child for every command, so that a kill costs no import.

It holds one thread and computes nothing itself. Commands come as lines of JSON on standard input, exit codes go out on
standard output: those of a shell, with minus the number of a signal that ended the child.
"""

from __future__ import annotations

import gc
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.reliability.barriers import Plan, run_command

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said on standard error."""

    code: int
    said: str


class Launcher:
    """Starts commands, one at a time, in children of one process: its own, or this one. To be closed."""

    def __init__(self, said: Path, own: bool = True) -> None:
        self.said = said
        self.process: subprocess.Popen[str] | None = None
        if not own:
            return
        command = [sys.executable, "-m", "tests.reliability.launcher"]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, words: Sequence[str], plan: Plan | None = None, kill_after_s: float | None = None) -> Ended:
        """Run one command to its end, or kill it so many seconds after it has passed the first barrier of the plan."""
        job: dict[str, Any] = {"words": list(words), "plan": asdict(plan) if plan else None, "said": str(self.said)}
        job["kill_after_s"] = kill_after_s
        if self.process is None:
            return Ended(_forked(job), self.said.read_text(errors="replace"))
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the launcher has ended"
        return Ended(int(answer), self.said.read_text(errors="replace"))

    def close(self) -> None:
        """End the process, which holds nothing that could be lost."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


def _forked(job: dict[str, Any]) -> int:
    log = Path(job["plan"]["log"]) if job["plan"] else None
    size = _size(log)
    child = os.fork()
    if child:
        return _waited(child, job["kill_after_s"], lambda: log is None or _size(log) > size)
    code = 70
    try:
        said = os.open(job["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(said, 2)
        os.dup2(said, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout, sys.stderr = (os.fdopen(each, "w", buffering=1, closefd=False) for each in (1, 2))  # not pytest's
        plan = job["plan"]
        code = run_command(job["words"], Plan(**{**plan, "roots": tuple(plan["roots"])}) if plan else None)
        sys.stdout.flush()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 2
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _size(path: Path | None) -> int:
    return path.stat().st_size if path and path.exists() else 0


def _waited(child: int, kill_after_s: float | None, has_begun: Callable[[], bool]) -> int:
    if kill_after_s is not None:
        end = math.inf
        while time.monotonic() < end:
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                return os.waitstatus_to_exitcode(status)
            if end == math.inf and has_begun():
                end = time.monotonic() + kill_after_s
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _serve() -> None:
    import accelerate
    import datasets
    import onnxruntime
    import timm

    import distill.cli
    import distill.delivery.export.recogniser
    import distill.runs.lines
    import distill.runs.pages
    import distill.runs.tasks

    del accelerate, datasets, onnxruntime, timm, distill
    gc.collect()
    gc.freeze()  # the children look through what they have made, not through all that is imported
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(_forked(json.loads(line)), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
