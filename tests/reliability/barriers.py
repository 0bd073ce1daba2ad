"""Barriers in a process: every file operation under some folders, every step and every batch that a network reads.

At a barrier that has not struck before, the process is killed, signalled, or its operation refused as by a full disk.
What has struck is remembered in a file, so that the same command, started again and again, meets each barrier once.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import re
import signal
import sys
import zlib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.isolation import isolated

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PHASES = (  # by what a path holds; the first that fits
    (r"rendered-|/pages-[0-9a-f]{16}", "rendering"),
    (r"posteriors-", "posterior cache"),
    (r"/(teacher|control|student)/.*checkpoints|/(teacher|control|student)/checkpoints", "checkpoint of the {}"),
    (r"/(teacher|control|student)/metrics\.jsonl", "training of the {}"),
    (r"/(teacher|control|student)/\.?answers\.json", "validation of the {}"),
    (r"/(teacher|control|student)/", "model file of the {}"),
    (r"/pictures|report|predictions|pages\.tsv", "report"),
    (r"export", "export"),
    (r"import", "import"),
    (r"", "run folder"),
)
COMPUTING = ("step", "batch read")
OF_AN_OPEN_FILE = ("write", "fsync")
REFUSED = {"full": errno.ENOSPC, "readonly": errno.EROFS, "forbidden": errno.EACCES}
SIGNALS = {"kill": signal.SIGKILL, "torn": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}


@dataclass(frozen=True)
class Plan:
    """What happens at barriers under `roots`: `what` strikes once at each `grain`, a process once; all stand in `log`.

    `what`: kill; torn (killed where a file is half written); SIGTERM; SIGINT; full; readonly; forbidden; or nothing.
    `grain`: phase (once a phase), or operation (once a barrier). `every`: besides the first barrier of each phase one
    in so many, chosen by their names. `isolated`: what unpickles, `torch.load`, and what leaves the machine, is
    refused. `writes`: every write of a file that Python opens is a barrier, too.
    """

    roots: tuple[str, ...]
    log: str
    struck: str
    what: str = "nothing"
    grain: str = "phase"
    every: int = 1
    isolated: bool = False
    writes: bool = False


def may_strike(plan: Plan, operation: str, writes_file: bool) -> bool:
    """Return whether something can strike at a barrier: no disk refuses a step, and only a file is half written.

    Rights are asked for where a file is opened, not where it is written.
    """
    if plan.what == "torn":
        return operation == "fsync" and writes_file
    if plan.what == "forbidden" and operation in OF_AN_OPEN_FILE:
        return False
    return plan.what != "nothing" and (plan.what not in REFUSED or operation not in COMPUTING)


class Barriers:
    """The barriers of this process. `operations` are counted by their names, which hold no process number."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.log = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        known = Path(plan.struck).read_text().splitlines() if Path(plan.struck).exists() else []
        self.struck, self.phases = set(known), {line.split("\t")[0] for line in known}
        self.counts: dict[str, int] = {}
        self.on_disk: dict[str, int] = {}  # bytes of a file that was opened for writing which no power failure takes
        self.role, self.inside, self.is_struck = "", False, False

    def reach(self, operation: str, path: str, half: int | None = None) -> None:
        """One barrier; `half` is the file descriptor of what is being written."""
        if self.inside or not any(path.startswith(root) for root in self.plan.roots):
            return
        self.inside = True
        try:
            self._reached(operation, re.sub(r"\.\d+\.tmp", ".PID.tmp", path), half)
        finally:
            self.inside = False

    def computing(self, operation: str) -> None:
        """A barrier between file operations: a step, a batch that is read."""
        self.inside = True
        try:
            self._reached(operation, f"{self.plan.roots[0]}/{self.role}/metrics.jsonl" if self.role else "", None)
        finally:
            self.inside = False

    def _reached(self, operation: str, path: str, half: int | None) -> None:
        plan = self.plan
        phase = self._phase_of(path)
        if operation == "batch read":
            phase = "evaluation"
        name = f"{operation} {path}"
        self.counts[name] = self.counts.get(name, 0) + 1
        full = f"{phase}\t{name}\t{self.counts[name]}"
        os.write(self.log, f"{full}\n".encode())
        if self.is_struck or not may_strike(plan, operation, half is not None) or full in self.struck:
            return
        if phase in self.phases and (plan.grain == "phase" or zlib.crc32(full.encode()) % plan.every):
            return
        self.is_struck = True
        with open(plan.struck, "a") as file:
            file.write(f"{full}\n")
        self._strike(operation, path, half)

    def _strike(self, operation: str, path: str, half: int | None) -> None:
        what = self.plan.what
        if what in REFUSED:  # what is open has no name for the system
            named = () if operation in OF_AN_OPEN_FILE else (path,)
            raise OSError(REFUSED[what], os.strerror(REFUSED[what]), *named)
        if what == "torn" and half is not None:
            where = f"/proc/self/fd/{half}"  # a file that was opened for reading cannot be cut by its number
            os.truncate(where, (self.on_disk.get(os.readlink(where), 0) + os.fstat(half).st_size) // 2)
        os.kill(os.getpid(), SIGNALS[what])

    def _phase_of(self, path: str) -> str:
        for pattern, phase in PHASES:
            if found := re.search(pattern, path):
                role = next(filter(None, found.groups()), "") if found.groups() else ""
                self.role = role or self.role
                return phase.format(role)
        raise AssertionError


def install(plan: Plan) -> None:
    """Set up the barriers of this process, once and for as long as it lives."""
    barriers = Barriers(plan)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path, _, flags = arguments
            if flags is not None and flags & WRITES:
                where = _absolute(path)
                known = not flags & os.O_TRUNC and os.path.exists(where)
                barriers.on_disk[where] = os.stat(where).st_size if known else 0
                barriers.reach("open", where)
        elif event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink"):
            target = arguments[1] if event in ("os.rename", "os.link", "os.symlink") else arguments[0]
            folder = arguments[-1] if event in ("os.remove", "os.rmdir", "os.mkdir") else -1
            if isinstance(target, str | bytes | os.PathLike):
                where = _absolute(target, folder)
                if event != "os.mkdir" or not os.path.isdir(where):  # else nothing is made
                    barriers.reach(event.removeprefix("os."), where)

    sys.addaudithook(audit)
    os.fsync = _watched_fsync(os.fsync, barriers)
    if plan.writes:
        _watch_writes(barriers)
    _watch_networks(barriers)


def _absolute(path: Any, folder: int = -1) -> str:
    """The whole path of a name that may be relative to an open folder."""
    text = os.fsdecode(path)
    if folder is not None and folder != -1 and not os.path.isabs(text):
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text)
    return os.path.abspath(text)


def _watched_fsync(fsync: Callable[[Any], None], barriers: Barriers) -> Callable[[Any], None]:
    def watched(file: Any) -> None:
        number = file if isinstance(file, int) else file.fileno()
        path = os.readlink(f"/proc/self/fd/{number}")
        is_file = not os.path.isdir(path)
        barriers.reach("fsync", path, number if is_file else None)
        fsync(file)
        if is_file:
            barriers.on_disk[path] = os.fstat(number).st_size

    return watched


def _watch_writes(barriers: Barriers) -> None:
    """A barrier before every write of a file that Python opens for writing, by whichever library."""

    class Watched(io.FileIO):
        def write(self, data: Any) -> int:
            barriers.reach("write", _absolute(self.name), self.fileno())
            return super().write(data)

    plain = io.open

    def opened(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if isinstance(file, int) or not set(mode) & set("wxa+"):
            return plain(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Watched(file, "".join(set(mode) - set("bt")), closefd, opener)
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    io.open = builtins.open = opened


def _watch_networks(barriers: Barriers) -> None:
    """A barrier within every step, and before every batch that a network reads outside of training."""
    from torch.nn.modules.module import register_module_forward_pre_hook
    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    from students.pages.network import Locator
    from students.parts import Recogniser

    def before_forward(module: Any, _: Any) -> None:
        if isinstance(module, Recogniser | Locator) and not module.training:
            barriers.computing("batch read")

    register_module_forward_pre_hook(before_forward)
    register_optimizer_step_pre_hook(lambda *_: barriers.computing("step"))
    register_optimizer_step_post_hook(lambda *_: barriers.computing("step"))


def run_command(words: Sequence[str], plan: Plan | None) -> int:
    """Run one command of the suite behind the barriers of a plan and return its exit code; or, after -c, Python."""
    from distill.cli import main

    if plan is not None:
        install(plan)
    with isolated() if plan is not None and plan.isolated else nullcontext():
        if words[0] == "-c":
            exec(words[1], {})
            return 0
        return main(list(words))
