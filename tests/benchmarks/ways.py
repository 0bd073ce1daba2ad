"""The ways to read a line beside each other: `python tests/benchmarks/ways.py [--rounds 5] [--record FILE.json]`.

ONNX Runtime and torch in Python, and the npm package in Chromium, read the same lines one by one, by turns. All
of it in seconds of the processor, one thread, which a busy machine moves least; of the browser those of the page's own
process. Beside it what a fresh process costs until its first text, and the memory that it takes; of the service what it
takes before its first picture. Needs Chromium and `make page`; two minutes.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from typing import Any

from serving import ENVIRONMENT, ROOT, rendered_lines

import students
from distill.delivery.demo import ORT_FILES
from distill.delivery.export import npm
from distill.delivery.serving import open_routes
from distill.records import Question, Record, check_target, measured_here, put_records
from students.model_file import read_onnx
from students.shipped import SHIPPED

ORT = ROOT / "distill" / "delivery" / "pages" / "ort"
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}
PAGE = b"""<!doctype html>
<p>Lines are read here</p>
<script type="module">
  import * as ort from "/ort/ort.wasm.bundle.min.mjs";
  import { openReader } from "/package/index.js";
  ort.env.wasm.numThreads = 1;
  const reader = await openReader(ort);
  window.readAll = async (pictures) => {
    const texts = [];
    for (const picture of pictures) {
      const blob = await (await fetch("data:image/png;base64," + picture)).blob();
      texts.push((await reader.read(blob)).text);
    }
    return texts;
  };
  document.body.dataset.ready = "yes";
</script>"""
COLD = """
import resource, sys
way, model, picture = sys.argv[1:]
class NoTorch:
    def find_spec(self, name, *_):
        if name == "torch":
            raise ImportError(name)
if way != "torch":
    sys.meta_path.insert(0, NoTorch())
import students
if way == "service":
    from students.serving.server import server_of
    server_of(students.load(model))
else:
    students.load(model).read(picture)
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(row for row in open("/proc/self/status") if row.startswith("VmHWM"))  # ru_maxrss has the parent's in it
print(used.ru_utime + used.ru_stime, int(peak.split()[1]) / 1024)
"""
Reads = Callable[[Sequence[bytes]], tuple[list[str], float]]


def by(reader: Any) -> Reads:
    """Texts of pictures by a reader of this process, one by one, and its processor's seconds."""

    def read(pictures: Sequence[bytes]) -> tuple[list[str], float]:
        begun = process_time()
        texts = [reader.read(picture).text for picture in pictures]
        return texts, process_time() - begun

    return read


@contextmanager
def in_chromium(model: Path, chromium: str) -> Iterator[Reads]:
    """The same by the npm package of a model in a page of its own."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "crnn-reader"
        description, blob = read_onnx(model)
        npm.write_package(package, (description.model_dump(mode="json"), blob))
        files = {f"package/{path.relative_to(package).as_posix()}": path for path in package.rglob("*.*")}
        files |= {f"ort/{name}": ORT / name for name in ORT_FILES}
        routes = {
            name: (KINDS.get(path.suffix, "application/octet-stream"), path.read_bytes) for name, path in files.items()
        }
        with open_routes(routes | {"": ("text/html", lambda: PAGE)}, "127.0.0.1", 0) as server, sync_playwright() as by:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            browser = by.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(600_000)
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            page.wait_for_selector("body[data-ready=yes]")

            def read(pictures: Sequence[bytes]) -> tuple[list[str], float]:
                encoded, begun = [base64.b64encode(each).decode() for each in pictures], renderers_s()
                return page.evaluate("pictures => readAll(pictures)", encoded), renderers_s() - begun

            yield read
            browser.close()
            server.shutdown()


def renderers_s() -> float:
    """The processor's seconds so far of every page's process that Chromium has open for this user."""
    return sum(_renderer_s(path) for path in Path("/proc").iterdir() if path.name.isdigit())


def _renderer_s(process: Path) -> float:
    try:
        if b"--type=renderer" not in (process / "cmdline").read_bytes():
            return 0.0
        words = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    return (int(words[11]) + int(words[12])) / TICKS


def cold(way: str, model: Path, picture: bytes) -> tuple[float, float]:
    """A fresh process's seconds of the processor until its first text, and its memory in MiB."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(picture)
        file.flush()
        words = [sys.executable, "-c", COLD, way, str(model), file.name]
        said = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout.split()
    return float(said[0]), float(said[1])


def rounds_of(ways: dict[str, Reads], pictures: Sequence[bytes], rounds: int) -> dict[str, list[float]]:
    """Each way's seconds a round over those of the first way. Raises `SystemExit` where texts differ."""
    first, found = next(iter(ways)), {way: list[float]() for way in ways}
    for way in ways:
        ways[way](pictures[:2])
    for _ in range(rounds):
        took = {way: read(pictures) for way, read in ways.items()}
        for way, (texts, seconds) in took.items():
            if texts != took[first][0]:
                raise SystemExit(f"{way} reads otherwise than {first}")
            found[way].append(seconds / took[first][1])
    return found


def question(
    ratios: dict[str, list[float]], fresh: dict[str, list[tuple[float, float]]], words: Sequence[str]
) -> Question:
    """The figures as records: medians, of ratios their range as well."""
    command = " ".join(["python", "tests/benchmarks/ways.py", *words])
    origin = measured_here([]).model_copy(update={"command": command}).model_dump()

    def record(what: str, way: str, values: Sequence[float], unit: str, digits: int) -> Record:
        ends = (
            (round(min(values), digits), round(max(values), digits)) if what == "a line, over the first way" else None
        )
        value = round(statistics.median(values), digits or None)
        return Record(**origin, what=what, value=value, interval=ends, unit=unit, columns={"way": way})

    records = [record("a line, over the first way", way, values, "times", 1) for way, values in ratios.items()]
    for way, seen in fresh.items():
        if way != "service":
            records.append(record("until the first text", way, [seconds for seconds, _ in seen], "s", 1))
        records.append(record("memory", way, [mib for _, mib in seen], "MiB", 0))
    return Question(
        section="What leaves the suite",
        title="What does each way to read a line cost?",
        finding="Least with ONNX Runtime; torch and the browser take longer for a line, torch for its start, too.",
        rows=("way",),
        notes=(
            "`receipts`, 64 drawn lines, one by one, seconds of the processor, one thread, medians of rounds by turns; "
            "texts are equal. Of the browser those of the page's process, without what Chromium does besides.",
            "Memory of a fresh process behind its first text, of the service before its first picture; without torch "
            "where ONNX Runtime reads.",
        ),
        records=tuple(records),
    )


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--record", type=Path, metavar="FILE.json")
    options = parser.parse_args(words)
    if options.record:
        check_target(options.record)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not all((ORT / name).is_file() for name in ORT_FILES):
        print("Chromium and `make page` are needed: not measured", file=sys.stderr)
        return 2
    import torch

    torch.set_num_threads(1)
    onnx, whole, pictures = SHIPPED / "receipts.onnx", SHIPPED / "receipts.safetensors", rendered_lines(64)
    fresh_of = {"ONNX Runtime": ("onnx", onnx), "torch": ("torch", whole), "service": ("service", onnx)}
    fresh = {way: [cold(*of, pictures[0]) for _ in range(3)] for way, of in fresh_of.items()}
    with in_chromium(onnx, chromium) as read_in_page:
        ways = {"ONNX Runtime": by(students.load(onnx)), "torch": by(students.load(whole)), "browser": read_in_page}
        ratios = rounds_of(ways, pictures, options.rounds)
    typed = [word for word in words if word != "--record" and word != str(options.record)]
    found = question(ratios, fresh, typed)
    for record in found.records:
        print(json.dumps([record.what, record.columns["way"], record.value, record.interval]))
    if options.record:
        put_records(options.record, found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
