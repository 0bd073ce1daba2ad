"""Training, cache, evaluation, export and reading beside busy processes: `python tests/benchmarks/busy.py`.

Two processes stay open and take turns: in one torch's threads wait as they do by themselves (`DISTILL_WAITING=spin`,
"before"), in the other as `distill/waiting.py` lets them. Each work is measured idle, beside one process that keeps a
core busy, and beside four, all of equal priority. 100 % is the speed of "before" on the idle machine. Not collected by
pytest; about twelve minutes, with `--quick` about three, on a machine on which nothing else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from distill.records import Question, Record, check_target, measured_here, put_records
from distill.waiting import CHOSEN_BY_USER, SWITCH, LoadMeter

WORKS = ("teacher", "student", "cache", "evaluation", "export", "reading")
HOGS = {0: "idle", 1: "beside one", 4: "beside four"}
AIMS = {0: 95, 1: 45, 4: 15}  # per cent of the idle speed before
HOG = (sys.executable, "-c", "while True: pass")
MOST_BY_OTHERS = 0.05  # cores that processes outside of the measurement may take


@dataclass(frozen=True)
class Pace:
    """How long and how often every cell of the table is measured."""

    pairs: int
    settle_s: float
    measured_s: float


FULL, QUICK = Pace(7, 0.8, 1.2), Pace(3, 0.6, 0.6)


class Worker:
    """A process that does what it is asked for."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in (*CHOSEN_BY_USER, SWITCH)}
        script = Path(__file__).with_name("busy_work.py")
        self._log = folder / f"{'-'.join(environment) or 'now'}.log"  # progress lines, and an error where there is one
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(script), str(folder)],
                env=kept | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._answer()

    def speed(self, work: str, pace: Pace) -> float:
        """Lines (for an export: files) a second."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{work} {pace.settle_s} {pace.measured_s}\n")
        self.process.stdin.flush()
        return float(self._answer())  # type: ignore[arg-type]

    def _answer(self) -> object:
        assert self.process.stdout is not None
        if not (line := self.process.stdout.readline()):
            raise SystemExit(f"a measured process has ended:\n{self._log.read_text()[-2000:]}")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


class Hogs:
    """Processes that keep a core busy each, stopped until they are let go."""

    def __init__(self, n: int) -> None:
        self.processes = [subprocess.Popen(HOG) for _ in range(n)]
        self._signal(signal.SIGSTOP, n)

    def _signal(self, number: signal.Signals, n: int) -> None:
        for process in self.processes[:n]:
            process.send_signal(number)

    @contextmanager
    def running(self, n: int) -> Iterator[None]:
        self._signal(signal.SIGCONT, n)
        try:
            yield
        finally:
            self._signal(signal.SIGSTOP, n)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@dataclass
class Measured:
    """Speeds by work and number of busy processes, one a pair."""

    before: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    now: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    others_cores: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def share(self, which: str, work: str, n_hogs: int) -> float:
        """The median speed in per cent of the idle one before; idle, the median over pairs of now by before."""
        if which == "now" and not n_hogs:
            pairs = zip(self.now[work, 0], self.before[work, 0], strict=True)
            return 100 * statistics.median(now / before for now, before in pairs)
        speeds = self.now if which == "now" else self.before
        return 100 * statistics.median(speeds[work, n_hogs]) / statistics.median(self.before[work, 0])


def measure(works: Sequence[str], pace: Pace, now: dict[str, str]) -> Measured:
    found, begun = Measured(), time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        before_worker = Worker(folder, {SWITCH: "spin"})  # renders the lines for both
        stack.callback(before_worker.close)
        now_worker = Worker(folder, now)
        stack.callback(now_worker.close)
        hogs = Hogs(max(HOGS))
        stack.callback(hogs.close)
        meter = LoadMeter()
        for n_hogs in HOGS:
            for work in works:
                turns = [(before_worker, found.before), (now_worker, found.now)]
                with hogs.running(n_hogs):
                    for pair in range(pace.pairs):
                        for worker, speeds in turns if pair % 2 == 0 else reversed(turns):
                            speeds.setdefault((work, n_hogs), []).append(worker.speed(work, pace))
                if (load := meter.sample()) is not None:
                    found.others_cores.append(load.others_cores)
                print(_row(found, work, n_hogs), flush=True)
        found.seconds = time.monotonic() - begun
    return found


def _row(found: Measured, work: str, n_hogs: int) -> str:
    now, before = (found.share(which, work, n_hogs) for which in ("now", "before"))
    speed = statistics.median(found.now[work, n_hogs])
    met = "" if now >= AIMS[n_hogs] else f"  below {AIMS[n_hogs]} %"
    return f"{HOGS[n_hogs]:12s} {work:11s} {now:6.0f} % {before:6.0f} % {speed:9.1f}{met}"


def records(found: Measured, works: Sequence[str], words: Sequence[str]) -> Question:
    origin = measured_here(()).model_copy(update={"command": " ".join(("python tests/benchmarks/busy.py", *words))})
    made = [
        Record(
            **origin.model_dump(),
            what="speed",
            value=round(found.share(which, work, n_hogs)),
            unit="%",
            seconds=round(found.seconds),
            columns={"work": work, "threads wait": way, "column": HOGS[n_hogs]},
        )
        for work in works
        for which, way in (("before", "as torch lets them"), ("now", "by the load"))
        for n_hogs in HOGS
    ]
    return Question(
        section="A busy machine",
        title="How fast is it beside other processes?",
        rows=("work", "threads wait"),
        across=("column",),
        notes=("Per cent of the speed that torch's own way of waiting reaches on the idle machine.",),
        records=tuple(made),
    )


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three short pairs instead of seven")
    parser.add_argument("--works", default=",".join(WORKS), help=f"some of {','.join(WORKS)}")
    parser.add_argument("--now", nargs="*", default=[], metavar="NAME=VALUE", help="variables of the second process")
    parser.add_argument("--record", type=Path, metavar="FILE.json", help="write the figures there")
    options = parser.parse_args(words)
    if options.record:
        check_target(options.record)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # what it has started ends with it
    works = options.works.split(",")
    print(f"{'':12s} {'':11s} {'now':>8s} {'before':>8s} {'now, a second':>15s}", flush=True)
    found = measure(works, QUICK if options.quick else FULL, dict(each.split("=", 1) for each in options.now))
    others_cores = max(found.others_cores, default=0.0)
    print(f"{found.seconds:.0f} s; processes outside of the measurement took up to {others_cores:.2f} cores")
    if others_cores > MOST_BY_OTHERS:
        print("the machine was not quiet: these figures say little")
    if options.record:
        put_records(options.record, records(found, works, [word for word in words if word == "--quick"]))
    missed = [(work, n) for work in works for n in HOGS if found.share("now", work, n) < AIMS[n]]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
