"""Shards of work, each done once, on the workers of a Ray cluster or in this process.

A shard writes its files whole or not at all, under names that say what is in them, so it may be begun again at any
time: after a worker was killed, or in a second start, which takes what is finished as it is. What the work is, this
module does not know. Ray is imported where it is asked for.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from distill.processes import one_thread
from students.errors import UserError

Shard = TypeVar("Shard")
KILLED_AT_MOST = 3  # times that a worker may be killed at one shard before the job gives up
SHARDS_AHEAD = 2  # that a worker has at hand: the one it does, and the next, so that it never waits to be told
SHOWN = 5
PACKAGES = ("numpy", "opencv-python-headless", "onnxruntime", "pillow", "pyarrow", "torch")  # what files depend on


class Work(Protocol[Shard]):
    """What is shared out: pickled once for every worker."""

    @property
    def shards(self) -> Sequence[Shard]:
        """Return the shards that are to be done, each a plain value."""

    def name(self, shard: Shard) -> str:
        """Return what a shard is called in messages: its file."""

    def is_finished(self, shard: Shard) -> bool:
        """Return whether the files of a shard are there and hold what was written."""

    def maker(self) -> Callable[[Shard], int]:
        """Open what the work needs, and return what does a shard and says how many lines it has."""


class Done(NamedTuple):
    """A shard that was tried: how many lines it has, or why there are none."""

    name: str
    lines: int
    error: str


Spread = Callable[[Work[Any]], Iterator[Done]]


def here(work: Work[Any]) -> Iterator[Done]:
    """Do one shard after another in this process."""
    make = work.maker()
    for shard in work.shards:
        yield _done(work, make, shard)


def _done(work: Work[Shard], make: Callable[[Shard], int], shard: Shard) -> Done:
    """A shard, done or failed; a fault that the user can mend costs this shard alone, any other one ends the job."""
    name = work.name(shard)
    try:
        return Done(name, make(shard), "")
    except (UserError, OSError) as error:
        return Done(name, 0, f"{name}: {error}")


def lines_done(done: Iterator[Done], n_shards: int) -> Iterator[int]:
    """Yield the lines of each shard as it is done; raises `UserError` at the end where some failed, and names them."""
    failed: list[str] = []
    for each in done:
        if each.error:
            failed.append(each.error)
        else:
            yield each.lines
    if failed:
        more = f"\nand {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        raise UserError(
            f"{len(failed)} of {n_shards} shards failed; the same command does them again, what is finished stays:\n"
            + "\n".join(sorted(failed)[:SHOWN])
            + more
        )


@cache
def versions() -> Mapping[str, str]:
    """Return what the same shard depends on besides its work: the suite's code by its digest, and some packages."""
    code = hashlib.sha256()
    root = Path(__file__).parents[1]
    for package in ("distill", "students", "teachers"):
        for module in sorted((root / package).rglob("*.py")):
            code.update(str(module.relative_to(root)).encode() + module.read_bytes())
    found = {"crnn-distill": f"code {code.hexdigest()[:12]}"}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name).partition("+")[0]  # +cu130, +cpu: the same for other processors
    return found


def other_than(expected: Mapping[str, str]) -> str:
    """Return what this machine has in another version than the one that shares the work out; empty: nothing."""
    here = versions()
    for name in sorted({*expected, *here}):
        if expected.get(name) != here.get(name):
            return (
                f"{socket.gethostname()}: this worker has another {name} than the machine that shares the work out: "
                f"{here.get(name)}, not {expected.get(name)}; install the same everywhere, and restart Ray's workers"
            )
    return ""


def begin_ray(workers: int, address: str | None = None) -> None:
    """Connect this process to a Ray cluster, or start one of this machine alone with so many cores.

    Raises `UserError` without Ray, and where it cannot be reached or started.
    """
    ray = _ray()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere unless somebody asks for it
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 leaves its workers nothing of a core that is shared
    own = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    settings: dict[str, Any] = {"address": address} if address else own
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **settings)
    except Exception as error:  # Ray raises plain ones where it does not come up in time
        where = f"the Ray cluster {address}" if address else "Ray on this machine"
        raise UserError(f"{where} cannot be reached or started: {error}") from error
    if threading.current_thread() is threading.main_thread():
        for number, handler in before.items():
            signal.signal(number, handler)  # Ray sets its own, and we stop between two shards


@dataclass(frozen=True)
class OnRay:
    """A `Spread` over the workers of a Ray cluster, or of one that is started on this machine for as long as it takes.

    `address` is the cluster's (`auto`: the one of this machine). Each worker takes a core and `gpus` of a GPU.
    """

    workers: int
    address: str | None = None
    gpus: float = 0.0

    def __call__(self, work: Work[Any]) -> Iterator[Done]:
        """Do the shards, in the order in which they are finished.

        Raises `UserError` without Ray, and for a shard that kills its worker again and again.
        """
        ray = _ray()
        begun = not ray.is_initialized()
        if begun:
            begin_ray(self.workers, self.address)
        try:
            yield from self._done(work)
        finally:
            if begun:
                ray.shutdown()

    def _done(self, work: Work[Any]) -> Iterator[Done]:
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        numbers = list(range(len(work.shards)))
        rows = ray.data.from_items(numbers, override_num_blocks=len(numbers)).map(
            _Worker,
            fn_constructor_args=(ray.put(work), versions()),
            compute=ray.data.ActorPoolStrategy(
                size=min(self.workers, len(numbers)), max_tasks_in_flight_per_actor=SHARDS_AHEAD
            ),
            num_cpus=1,
            num_gpus=self.gpus,
            max_restarts=-1,
            max_task_retries=KILLED_AT_MOST,
        )
        missing = {work.name(shard) for shard in work.shards}
        try:
            for row in rows.iter_rows():
                missing.discard(row["name"])
                yield Done(row["name"], row["lines"], row["error"])
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.OutOfMemoryError,
        ) as error:
            raise UserError(
                f"a worker was killed {KILLED_AT_MOST + 1} times at one shard or the one before it, as happens where "
                "memory is short; "
                f"{len(missing)} of {len(numbers)} shards are missing, the first: {min(missing)}; the same command "
                "goes on with them"
            ) from error


class _Worker:
    """One worker: it opens what the work needs at its first shard."""

    def __init__(self, work: Any, expected: Mapping[str, str]) -> None:
        import ray

        one_thread()
        self.refusal = other_than(expected)
        self.work: Any = None if self.refusal else ray.get(work)
        self.make: Callable[[Any], int] | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        if self.refusal:
            return Done(f"shard {row['item']}", 0, self.refusal)._asdict()
        shard = self.work.shards[int(row["item"])]
        if self.work.is_finished(shard):  # by a worker that was killed before it could say so
            return Done(self.work.name(shard), 0, "")._asdict()
        try:
            self.make = self.make or self.work.maker()
        except (UserError, OSError) as error:
            name = self.work.name(shard)
            return Done(name, 0, f"{name}: {error}")._asdict()
        return _done(self.work, self.make, shard)._asdict()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UserError(
            "ray is not installed; pip install 'crnn-distill[cluster]', or leave it out with --here"
        ) from error
    return ray
