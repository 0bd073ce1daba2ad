"""How the threads of this process wait for each other while other processes want the cores too.

torch computes with the threads of GNU OpenMP, which spin for some milliseconds before they sleep. That is fast on an
idle machine. With other processes running, a thread that spins keeps the core on which the thread it waits for could
run. `watch` measures this contention, and while it lasts the threads sleep almost at once. Their number never changes,
so results stay equal to the bit. `docs/busy.md` has more.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event, Thread

SWITCH = "DISTILL_WAITING"  # "spin": how threads wait is left as it is
CHOSEN_BY_USER = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
INTERVAL_S = 0.25
OTHERS_CORES, STILL_OTHERS_CORES = 0.2, 0.1  # that other processes take where this one needs them: to begin, to last
WAITING_SHARE, STILL_WAITING_SHARE = 0.1, 0.03  # a thread that sleeps waits less for a core than one that spins
CALM_SAMPLES = 4  # so many in a row end the contention
LISTED_EVERY_S = 2.0  # at most so often all processes are listed


@dataclass(frozen=True)
class Load:
    """What a stretch of time was like. `others_cores`: cores that processes not of this run kept busy.

    `waiting_share`: of the time in which threads of this process could run, how much they waited for a core.
    """

    others_cores: float
    waiting_share: float

    def contends(self, spare_cores: int, still: bool = False) -> bool:
        """Return whether others take cores that this process needs, or `still` do; it leaves `spare_cores` to them."""
        cores, share = (STILL_OTHERS_CORES, STILL_WAITING_SHARE) if still else (OTHERS_CORES, WAITING_SHARE)
        return self.others_cores >= spare_cores + cores and self.waiting_share >= share


@dataclass(frozen=True)
class _Counters:
    """Seconds so far: of the clock, of all processors, of this process and of those it started, of its threads."""

    clock: float
    busy: float
    own: float
    children: Mapping[int, float]
    ran: float
    waited: float


class LoadMeter:
    """Measures the load between two calls of `sample`, from the files of Linux; elsewhere there is nothing to read."""

    def __init__(self) -> None:
        self._children: set[int] = set()
        self._listed = -LISTED_EVERY_S
        self._before: _Counters | None = None

    def sample(self) -> Load | None:
        """Return the load since the last call; None at the first one, and where the system does not report it."""
        try:
            return self._since_the_last(_counters(self._children))
        except (OSError, ValueError):
            return None

    def _since_the_last(self, now: _Counters) -> Load | None:
        before, self._before = self._before, now
        if before is None or now.clock <= before.clock:
            return None
        own = now.own - before.own + sum(spent - before.children.get(pid, spent) for pid, spent in now.children.items())
        others_cores = max(0.0, now.busy - before.busy - own) / (now.clock - before.clock)
        if others_cores >= OTHERS_CORES and self._finds_children(now.clock):
            self._before = _counters(self._children)
            return None  # what they did stands among what others did
        ran, waited = now.ran - before.ran, now.waited - before.waited
        return Load(others_cores, max(0.0, waited) / max(ran + waited, 1e-3))

    def _finds_children(self, clock: float) -> bool:
        """List all processes, which takes long where there are thousands; whether this one has started further ones."""
        if clock - self._listed < LISTED_EVERY_S:
            return False
        self._listed, known = clock, self._children
        self._children = _descendants(os.getpid())
        return not self._children <= known


def _counters(children: set[int]) -> _Counters:
    tick = os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, irq, soft, stolen = map(int, Path("/proc/stat").read_text().split(None, 9)[1:9])
    ran, waited = 0, 0
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread may end meanwhile
            on_core, off_core, _ = map(int, (task / "schedstat").read_text().split())
            ran, waited = ran + on_core, waited + off_core
    return _Counters(
        clock=time.monotonic(),
        busy=(user + nice + system + irq + soft + stolen) / tick,
        own=time.process_time(),
        children={pid: _cpu_ticks(pid) / tick for pid in children},
        ran=ran / 1e9,
        waited=waited / 1e9,
    )


def _descendants(pid: int) -> set[int]:
    """The processes that `pid`, and those it started, have started and that still run."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # a process may end meanwhile
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
    found, newest = set[int](), {pid}
    while newest := {child for child, parent in parents.items() if parent in newest}:
        found |= newest
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, which may hold blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu_ticks(pid: int) -> int:
    try:
        fields = _stat(pid)
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


class ShortSpin:
    """Lets the threads of GNU OpenMP in this process spin for about a microsecond only, from `begin` to `end`.

    Its library does so by itself while it manages more threads than there are processors (see GOMP_SPINCOUNT in the
    manual of libgomp). `begin` gives it threads that sleep: a second team, which takes no part in any computation.
    """

    def __init__(self) -> None:
        self._done = Event()
        self._holder: Thread | None = None

    @property
    def is_on(self) -> bool:
        """Return whether the threads spin for a microsecond only."""
        return self._holder is not None

    def begin(self, n_threads: int) -> None:
        """Shorten the spinning of a team of `n_threads`; nothing happens where another runtime computes."""
        libraries = [] if self.is_on else _gnu_openmp()
        if not libraries:
            return
        self._done = Event()
        size = max(2, available_cores() - n_threads + 2)
        self._holder = Thread(target=_hold_teams, args=(libraries, size, self._done), daemon=True)
        self._holder.start()

    def end(self) -> None:
        """Let the threads spin as long as before."""
        if self._holder is not None:
            self._done.set()
            self._holder.join()
            self._holder = None


def _hold_teams(libraries: list[ctypes.CDLL], size: int, done: Event) -> None:
    for library in libraries:
        nothing = ctypes.cast(library.omp_get_thread_num, ctypes.c_void_p)  # a function that every thread may call
        library.GOMP_parallel(nothing, None, ctypes.c_uint(size), ctypes.c_uint(0))
    done.wait()  # the threads of a team live as long as the thread that has begun it


def _gnu_openmp() -> list[ctypes.CDLL]:
    """The GNU OpenMP libraries that this process has loaded."""
    try:
        mapped = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    paths = sorted({line.split(None, 5)[-1] for line in mapped if "/libgomp" in line})
    opened = [ctypes.CDLL(path) for path in paths]
    return [library for library in opened if hasattr(library, "GOMP_parallel")]


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Watch(Thread):
    """Checks four times a second whether the machine is contended, and how threads wait follows."""

    def __init__(self, switches: bool) -> None:
        """`switches`: whether the way of waiting is changed, or contention only noticed."""
        super().__init__(name="load", daemon=True)
        self.contended = False
        self._switches = switches
        self._calm = 0
        self._spin = ShortSpin()

    def run(self) -> None:
        meter = LoadMeter()
        while True:
            self.notice(meter.sample())
            time.sleep(INTERVAL_S)

    def notice(self, load: Load | None) -> None:
        """Take one measurement into account: the first that contends begins the contention, calm ones end it."""
        n_threads = _n_threads()
        if load is not None and load.contends(max(0, available_cores() - n_threads), self.contended):
            self.contended, self._calm = True, 0
        elif self.contended:
            self._calm += 1
            self.contended = self._calm < CALM_SAMPLES
        if self._switches and self.contended and n_threads > 1:
            self._spin.begin(n_threads)  # begins once torch is loaded
        else:
            self._spin.end()


def _n_threads() -> int:
    """Threads that torch computes with; before it is loaded, as many as there are cores."""
    ask = getattr(sys.modules.get("torch"), "get_num_threads", None)
    return int(ask()) if ask is not None else available_cores()


@cache
def watch() -> Watch:
    """Return the one watch of this process, begun at the first call."""
    chosen = os.environ.get(SWITCH) == "spin" or any(name in os.environ for name in CHOSEN_BY_USER)
    begun = Watch(switches=not chosen)
    begun.start()
    return begun
