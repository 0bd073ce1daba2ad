"""The service under load: `python tests/benchmarks/serving.py [--clients 64] [--seconds 20] [--record FILE.json]`.

`python -m students.serving` runs on one core, the clients on the others (two cores are needed). On that core one reader
reads the same lines before and after, in lists and one by one. Clients send a line, wait for its text, and send
the next one; a 503 is asked again after what its Retry-After says. Figures are ratios within this run: lines a second
over the reader's; the slowest of a hundred answers (p99) over the time of one client that is alone. Seconds of the
processor stand beside them, which a busy machine moves least. Then come clients that mean no good, and the memory that
they cost; last SIGTERM in the middle of the load.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import re
import resource
import signal
import statistics
import string
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from serving_clients import Client, Seen, alone, large, silent, slow, together

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import students  # noqa: E402 - the root has to be known first
from distill.records import Question, Record, check_target, measured_here, put_records  # noqa: E402

N_LINES = 256
SILENT = 10_000
TICKS = os.sysconf("SC_CLK_TCK")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def rendered_lines(n: int) -> list[bytes]:
    """Lines of one to five words in print, PNG: the same each time."""
    chance, font = random.Random(0), ImageFont.load_default(22)
    found = []
    for _ in range(n):
        words = ("".join(chance.choices(string.ascii_letters + string.digits, k=chance.randint(2, 8))) for _ in "12345")
        text = " ".join(list(words)[: chance.randint(1, 5)])
        picture = Image.new("L", (int(font.getlength(text)) + 12, 34), 250)
        ImageDraw.Draw(picture).text((6, 3), text, fill=20, font=font)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        found.append(buffer.getvalue())
    return found


def one_reader(model: str, n_lines: int, rounds: int = 3) -> dict[str, float]:
    """Lines a second of a reader in this process, of lists and one by one, and its processor's seconds a line."""
    reader, pictures = students.load(model), rendered_lines(n_lines)
    reader.read(pictures)
    found: dict[str, list[float]] = {"list": [], "list_cpu_s": [], "single": [], "single_cpu_s": []}
    for _ in range(rounds):
        for name, work in (
            ("list", lambda: reader.read(pictures)),
            ("single", lambda: [reader.read(p) for p in pictures]),
        ):
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            work()
            found[f"{name}_cpu_s"].append((time.process_time() - cpu_s) / len(pictures))
            found[name].append(len(pictures) / (time.perf_counter() - wall_s))
    return {name: statistics.median(values) for name, values in found.items()}


@dataclass
class Service:
    """A service in a process of its own, on one core."""

    process: subprocess.Popen[str]
    port: int

    def cpu_s(self) -> float:
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / TICKS

    def mib(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def served(model: str, core: int, *options: str) -> Iterator[Service]:
    words = [sys.executable, "-m", "students.serving", model, "--port", "0", *options]
    process = subprocess.Popen(
        words, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    try:
        assert process.stdout
        address = re.search(r":(\d+)/read", process.stdout.readline())
        assert address, "the service did not start"
        yield Service(process, int(address[1]))
    finally:
        process.terminate()
        process.wait(60)


async def stopped(service: Service, lines: Sequence[tuple[bytes, str]], n_clients: int) -> Seen:
    """Send SIGTERM in the middle of a load; what had been taken in is answered, then no connection is taken."""
    seen = Seen()

    async def once(i: int) -> None:
        await Client(service.port, seen).read(*lines[i % len(lines)])

    begun = [asyncio.ensure_future(once(i)) for i in range(n_clients)]
    while not seen.seconds:  # the first is answered once all of them have come
        await asyncio.sleep(0.001)
    service.process.send_signal(signal.SIGTERM)
    await asyncio.wait(begun, timeout=60)
    return seen


@dataclass
class Figures:
    """What one run has measured."""

    reader: dict[str, float]
    alone_s: float
    load: Seen
    seconds: float
    cpu_s: float
    rows: dict[str, float | int | str] = field(default_factory=dict)


def measured(model: str, options: argparse.Namespace) -> Figures:
    """Measure it all, the reader before and after the load."""
    core, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(others) or {core})
    pictures = rendered_lines(options.lines)
    lines = list(zip(pictures, (each.text for each in students.load(model).read(pictures)), strict=True))
    before = on_core(core, model, options.lines)
    with served(model, core) as service:
        alone_s = asyncio.run(alone(service.port, lines))
        cpu_s = service.cpu_s()
        load = asyncio.run(together(service.port, lines, options.clients, options.seconds))
        cpu_s = service.cpu_s() - cpu_s
        alone_s = (alone_s + asyncio.run(alone(service.port, lines))) / 2
    after = on_core(core, model, options.lines)
    reader = {name: (value + after[name]) / 2 for name, value in before.items()}
    figures = Figures(reader, alone_s, load, options.seconds, cpu_s)
    figures.rows = ratios(figures) | misused(model, core, lines, options.clients)
    return figures


def on_core(core: int, model: str, n_lines: int) -> dict[str, float]:
    words = [sys.executable, __file__, "--one-reader", "--model", model, "--lines", str(n_lines)]
    ran = subprocess.run(
        words,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def ratios(figures: Figures) -> dict[str, float | int | str]:
    """The figures of the load."""
    load, reader = figures.load, figures.reader
    rate, cpu_s = len(load.seconds) / figures.seconds, figures.cpu_s / len(load.seconds)
    return {
        "lines/s over one reader's, one by one": round(rate / reader["single"], 2),
        "lines/s over one reader's, of lists": round(rate / reader["list"], 2),
        "the same in seconds of the processor, one by one": round(reader["single_cpu_s"] / cpu_s, 2),
        "the same in seconds of the processor, of lists": round(reader["list_cpu_s"] / cpu_s, 2),
        "p50 over one client's time": round(load.p(0.5) / figures.alone_s, 1),
        "p99 over one client's time": round(load.p(0.99) / figures.alone_s, 1),
        "lines read": len(load.seconds),
        "answered with 503 and read later": load.refused,
        "requests lost": load.lost,
        "texts that differ from the reader's": load.wrong,
    }


def misused(model: str, core: int, lines: Sequence[tuple[bytes, str]], n_clients: int) -> dict[str, float | int | str]:
    """What clients that mean no good get, and the memory that they cost; then a stop in the middle of a load."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100
    with served(model, core, "--body-s", "3", "--max-waiting", str(n_clients)) as service:
        asyncio.run(together(service.port, lines, 8, 2))
        before_mib = service.mib()
        seen = asyncio.run(silent(service.port, lines, min(SILENT, most)))
        sent, dripped = asyncio.run(large(service.port)), asyncio.run(slow(service.port))
        asyncio.run(together(service.port, lines, 8, 2))
        grown_mib = service.mib() - before_mib
        end = asyncio.run(stopped(service, lines, n_clients))
        code = service.process.wait(60)
    return {
        "silent connections": min(SILENT, most),
        "lines read beside them, of 20": len(seen.seconds),
        "uploads of 60 MB answered with 413, of 10": sent.count(413),
        "uploads by single bytes answered with 408, of 200": dripped.count(408),
        "memory that all of these cost, MiB": round(grown_mib, 1),
        "lines read of those begun when SIGTERM came": f"{len(end.seconds)} of {n_clients}",
        "exit code after SIGTERM": code,
    }


def question(figures: Figures, words: Sequence[str], seconds: float) -> Question:
    """The figures as records."""
    origin = measured_here([]).model_copy(update={"command": " ".join(["python tests/benchmarks/serving.py", *words])})
    records = tuple(
        Record(**origin.model_dump(), what=what, value=value, columns={"column": "figure"}, seconds=round(seconds))
        for what, value in figures.rows.items()
    )
    return Question(title="How much does the service carry?", rows=("what",), across=("column",), records=records)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the figures, and record them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(ROOT / "students" / "weights" / "receipts.onnx"))
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--lines", type=int, default=N_LINES, help="different lines (256); fewer on a busy machine")
    parser.add_argument("--record", type=Path, metavar="FILE.json")
    parser.add_argument("--one-reader", action="store_true", help="measure a reader alone and print JSON")
    options = parser.parse_args(words)
    if options.one_reader:
        print(json.dumps(one_reader(options.model, options.lines)))
        return 0
    if options.record:
        check_target(options.record)
    began_s = time.perf_counter()
    cores = os.sched_getaffinity(0)
    figures = measured(options.model, options)
    os.sched_setaffinity(0, cores)  # records say how many there are
    for what, value in figures.rows.items():
        print(f"{what:50s} {value}")
    print(json.dumps({"reader": figures.reader, "alone_s": figures.alone_s, "cpu_s": figures.cpu_s}))
    if options.record:
        typed = [word for word in (sys.argv[1:] if words is None else words) if word != "--record"]
        kept = [word for word in typed if word != str(options.record)]
        put_records(options.record, question(figures, kept, time.perf_counter() - began_s))
    return 0


if __name__ == "__main__":
    sys.exit(main())
