"""Rendering by two workers of Ray against two plain processes: `python tests/benchmarks/cluster.py`.

Both render the same lines by turns, on two cores, into folders of their own; what starts processes counts for both. The
start of Ray itself and its first small job, which starts what Ray Data needs besides, are measured by themselves. The
aim is at least 0.9 of the plain processes' lines a second. Where the rest goes is told apart: seconds until the first
lines are there, lines a second from then on, and seconds of the processor by who took them. It needs the extra
`cluster` and two cores on which nothing else runs; eight minutes. `--record FILE.json` writes the figures down.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from distill.cluster import OnRay, Spread, begin_ray
from distill.records import Question, Record, check_target, measured_here, put_records
from distill.synthesis.materialise import PART_LINES, materialise
from distill.synthesis.source import RenderedSource

CORES, AIM = 2, 0.9
LINES, FIRST_LINES, PAIRS = 150_000, 2 * PART_LINES, 3
FONTS = ("dejavu-sans", "dejavu-serif")
TICKS = os.sysconf("SC_CLK_TCK")
SIDES = ("plain", "Ray")


@dataclass
class Turn:
    """One side's work: seconds from its first look, at the end of every part, and the processor's seconds by who."""

    n_lines: int
    seconds: list[float] = field(default_factory=list)
    whole_s: float = 0.0
    processor_s: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        return self.n_lines / self.whole_s

    @property
    def rate_later(self) -> float:
        """Lines a second from the end of the first part to that of the last; 0 for a single part."""
        later = self.seconds[-1] - self.seconds[0]
        return (self.n_lines - PART_LINES) / later if later else 0.0


def source_of(lines: int) -> RenderedSource:
    return RenderedSource(name="lines", lines=lines, fonts=FONTS)


def turn(source: RenderedSource, spread: Spread | None) -> Turn:
    """Render all lines, from the first look to the last file."""
    found, before = Turn(source.lines), processor_s()
    latest = before

    def look() -> None:
        nonlocal latest
        found.seconds.append(time.perf_counter() - begun)
        latest = latest | processor_s()  # a worker that has ended keeps what it had

    with tempfile.TemporaryDirectory() as cache:
        begun = time.perf_counter()
        materialise([source], Path(), 32, Path(cache), poll=look, spread=spread)
        found.whole_s = time.perf_counter() - begun
    for process, (who, taken) in latest.items():
        found.processor_s[who] += taken - before.get(process, (who, 0.0))[1]
    return found


def processor_s() -> dict[int, tuple[str, float]]:
    """Of this process and all that it started: who it is, and its seconds of the processor so far."""
    parents, taken = {}, {}
    for process in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            command = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        parents[process] = int(words[1])
        taken[process] = (command, (int(words[11]) + int(words[12])) / TICKS)
    ours = {os.getpid()}
    while more := {process for process, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return {process: (_who(process, taken[process][0]), taken[process][1]) for process in ours if process in taken}


def _who(process: int, command: str) -> str:
    if process == os.getpid():
        return "this process"
    return "workers" if command.startswith("ray::MapWorker") or "multiprocessing" in command else "others of Ray"


def pairs_of(source: RenderedSource, on_ray: Spread, n: int) -> Iterator[tuple[Turn, Turn]]:
    """Turns of plain processes and of Ray, one after the other; which is first changes."""
    for number in range(n):
        spreads = (None, on_ray)
        turns = {side: turn(source, spreads[side]) for side in ((0, 1) if number % 2 == 0 else (1, 0))}
        plain, shared = turns[0], turns[1]
        print(f"plain {plain.rate:,.0f} lines/s, Ray {shared.rate:,.0f} lines/s: {shared.rate / plain.rate:.2f}")
        yield plain, shared


def question(pairs: Sequence[tuple[Turn, Turn]], first_s: float, words: Sequence[str], seconds: float) -> Question:
    """The figures as records: medians over the pairs, of a ratio its range as well."""
    command = " ".join(["python", "tests/benchmarks/cluster.py", *words])
    origin = measured_here([]).model_copy(update={"command": command})
    records = []

    def put(what: str, side: str, values: Sequence[float], unit: str, digits: int) -> None:
        ends = (round(min(values), digits), round(max(values), digits)) if side == "Ray / plain" else None
        value = round(statistics.median(values), digits or None)
        of_side = {"side": side}
        record = Record(**origin.model_dump(), what=what, value=value, interval=ends, unit=unit, columns=of_side)
        records.append(record.model_copy(update={"seconds": round(seconds)}))

    def compared(what: str, of_turn: Callable[[Turn], float]) -> None:
        for number, side in enumerate(SIDES):
            put(what, side, [of_turn(pair[number]) for pair in pairs], "", 0)
        put(what, "Ray / plain", [of_turn(shared) / of_turn(plain) for plain, shared in pairs], "", 2)

    compared("lines a second", lambda each: each.rate)
    if all(each.rate_later for pair in pairs for each in pair):
        compared("lines a second behind the first part", lambda each: each.rate_later)
    for number, side in enumerate(SIDES):
        turns = [pair[number] for pair in pairs]
        put("seconds of a job", side, [each.whole_s for each in turns], "", 1)
        put("seconds until its first part is there", side, [each.seconds[0] for each in turns], "", 1)
        for who in sorted({who for each in turns for who in each.processor_s}):
            put(f"seconds of the processor: {who}", side, [each.processor_s[who] for each in turns], "", 1)
    put("seconds of a first small job", "Ray", [first_s], "", 1)
    ratio = statistics.median(shared.rate / plain.rate for plain, shared in pairs)
    return Question(
        section="Feeding and rendering",
        title="What do two workers of Ray do of two plain processes' work?",
        finding=f"In jobs of a minute they render {ratio:.2f} of their lines a second; the aim is {AIM}.",
        rows=("what",),
        across=("side",),
        notes=(
            f"{pairs[0][0].n_lines:,} rendered lines a job, {len(pairs)} pairs by turns, two cores and nothing else on "
            "them; medians, of ratios the range as well. Both start their workers within the job.",
            f"The first small job, {FIRST_LINES:,} lines, comes with Ray already started: Ray Data starts three "
            "processes of its own in it, which stay for later jobs.",
        ),
        records=tuple(records),
    )


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=LINES, help=f"a job ({LINES:,}: about a minute)")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--record", type=Path, metavar="FILE.json")
    options = parser.parse_args(words)
    if options.record:
        check_target(options.record)
    allowed = os.sched_getaffinity(0)
    cores = sorted(allowed)[:CORES]
    if len(cores) < CORES:
        print(f"{CORES} cores are needed, {len(cores)} may be used here: not measured", file=sys.stderr)
        return 2
    os.sched_setaffinity(0, cores)
    begun = time.perf_counter()
    begin_ray(CORES)
    import ray

    first_s = turn(source_of(FIRST_LINES), OnRay(CORES)).whole_s
    pairs = list(pairs_of(source_of(options.lines), OnRay(CORES), options.pairs))
    ray.shutdown()
    typed = [word for word in words if word != "--record" and word != str(options.record)]
    found = question(pairs, first_s, typed, time.perf_counter() - begun)
    for record in found.records:
        interval = " to ".join(map(str, record.interval)) if record.interval else ""
        print(f"{record.what:50s} {record.columns['side']:12s} {record.value:>10} {interval}")
    if options.record:
        put_records(options.record, found)
    return 0 if statistics.median(shared.rate / plain.rate for plain, shared in pairs) >= AIM else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
