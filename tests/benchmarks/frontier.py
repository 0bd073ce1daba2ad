"""What one thread reads, how fast and how large: a student beside Tesseract and PP-OCR, on the same lines.

    python tests/benchmarks/frontier.py exact LINES MODEL... [--every N] [--ascii] [--only NAME]... [--protocol P]
        [--lm NAME] [--record FILE]
    python tests/benchmarks/frontier.py speed LINES MODEL... [--every N] [--only NAME]... [--rounds N] [--lm NAME]
        [--record FILE]
    python tests/benchmarks/frontier.py parts LINES MODEL [--every N] [--rounds N] [--record FILE]

LINES are labelled lines, of which one of N is read (1), with `--ascii` of those whose label is ASCII alone. MODEL is a
shipped student or a file; where an ONNX file lies beside it, that is read with ONNX Runtime, too. Of several, the first
is the one that others are compared with. `speed`: in each
round all readers take their turn, from encoded pictures to texts, and of a reader the fastest round counts. It is
clocked in seconds of the processor, which work of others on the machine stretches less; only ratios travel. `parts`
says what the student spends them on. `--only` names some of the readers by how they begin. The others need `pip
install 'crnn-distill[peers]'`, the system's tesseract-ocr-eng and, for PP-OCRv6 tiny, `make recognisers`.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import torch
from PIL import Image

import students
from distill.data.lines import Lines
from distill.evaluation.evaluate import open_data, truths_of
from distill.evaluation.metrics import score, wilson
from distill.evaluation.peers import Peer, open_peers
from distill.records import Question, Record, check_target, measured_here, put_records
from distill.schema import PROTOCOLS
from students.decoding_settings import Beam
from students.image import Preparation
from students.modes import in_mode
from students.reader import READ_BATCH, Reader
from students.shipped import find_language, find_model

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT"), "1")
BLOCK = 64  # lines that are read before a line of progress
SECTION = "Frontier: one thread, from encoded pictures to texts"
Row = tuple[str, float | int, str, tuple[float, float] | None]


def students_of(model: str, decoding: Beam | None = None) -> list[Reader]:
    """A student, the ONNX file of the same weights first where one lies beside it."""
    path = find_model(model)
    beside = path.with_suffix(".onnx")
    return [students.load(each, decoding) for each in dict.fromkeys((beside, path)) if each.is_file()]


def as_peer(reader: Reader, language: str | None = None) -> Peer:
    """A student as a reader of lists; `language` is the name of the language model that it decodes with."""

    def read(pictures: Sequence[bytes]) -> list[str]:
        return [reading.text for reading in reader.read(list(pictures))]

    name = reader.path.stem + (", torch" if reader.path.suffix == ".safetensors" else "")
    size = reader.path.stat().st_size + (find_language(language).stat().st_size if language else 0)
    return Peer(f"{name} with {language}" if language else name, read, size)


def exact(reader: Peer, lines: Lines, protocol: str) -> list[Row]:
    """What a reader reads of all lines, in %."""
    texts: list[str] = []
    for start in range(0, len(lines), BLOCK):
        texts += reader.read([lines[i].image for i in range(start, min(start + BLOCK, len(lines)))])
        print(f"\r{reader.name}: {len(texts)} of {len(lines)} lines", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    found = score(truths_of(lines), dict(zip(lines.keys, texts, strict=True)), protocol)
    low, high = wilson(found.exact, found.n)
    interval = (round(100 * low, 1), round(100 * high, 1))
    rows: list[Row] = [("exact lines", round(100 * found.exact, 1), "%", interval)]
    return [*rows, ("CER", round(100 * found.cer, 2), "%", None)]


def speeds(readers: Sequence[Peer], pictures: Sequence[bytes], rounds: int) -> dict[str, float]:
    """Lines a second of the processor, of every reader."""
    seconds: dict[str, list[float]] = {reader.name: [] for reader in readers}
    for reader in readers:
        reader.read(pictures[:8])
    for number in range(rounds):
        for reader in readers:
            start = time.process_time()
            reader.read(pictures)
            seconds[reader.name].append(time.process_time() - start)
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return {name: len(pictures) / min(spent) for name, spent in seconds.items()}


def parts(reader: Reader, pictures: Sequence[bytes], rounds: int) -> list[Row]:
    """What a line costs by parts in microseconds of the processor, the least of several rounds."""
    preparation = reader.description.preparation
    spent: dict[str, list[float]] = {"decoding and scaling alone": [], "preparation": [], "network": [], "collapse": []}

    def clocked(part: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        spent[part][-1] += time.process_time() - start
        return result

    logits_of = reader.logits_of
    reader.logits_of = lambda images_NCHW: clocked("network", lambda: logits_of(images_NCHW))
    for _ in range(rounds):
        for seconds in spent.values():
            seconds.append(0.0)
        clocked("decoding and scaling alone", lambda: [plainly_scaled(each, preparation) for each in pictures])
        prepared = [clocked("preparation", partial(preparation.prepare_ways, each)) for each in pictures]
        clocked("collapse", partial(reader._read_prepared, prepared, READ_BATCH))
        spent["collapse"][-1] -= spent["network"][-1]
    rows: list[Row] = [(name, round(1e6 * min(each) / len(pictures)), "µs", None) for name, each in spent.items()]
    alone, *_ = spent.values()
    over = median((p + c) / a for a, p, c in zip(alone, spent["preparation"], spent["collapse"], strict=True))
    return [*rows, ("preparation and collapse over decoding and scaling alone", round(over, 2), "times", None)]


def plainly_scaled(picture: bytes, preparation: Preparation) -> Image.Image:
    """What no reader can do without: an encoded picture in grey or colour, at the height of the model."""
    image = Image.open(io.BytesIO(picture))
    image.load()
    image = in_mode(image, "L" if preparation.channels == 1 else "RGB")
    size = (preparation.scaled_width_px(image.height, image.width), preparation.height_px)
    return image.resize(size, Image.Resampling.BILINEAR)


def speed_rows(reader: Peer, lines_a_second: float, of_student: float | None) -> list[Row]:
    """The figures of one reader; how many times as fast the student is, for all but the student."""
    rows: list[Row] = [("lines/s", float(f"{lines_a_second:.3g}"), "", None)]
    if of_student is not None:
        rows.append(("the student is faster by", float(f"{of_student / lines_a_second:.2g}"), "times", None))
    if reader.n_bytes is not None:
        rows.append(("size of the model file", round(reader.n_bytes / 1e6, 2), "MB", None))
    return rows


def put(options: argparse.Namespace, words: Sequence[str], reader: str, rows: Sequence[Row]) -> None:
    """Print the figures of one reader, and write them down."""
    for what, value, unit, interval in rows:
        print(f"{reader}: {what} {value} {unit} {interval or ''}", flush=True)
    if not options.record:
        return
    kept = [word for word in words if word not in ("--record", str(options.record))]
    data = "/".join(["DATA", *Path(options.lines).parts[-2:]])
    command = shlex.join([data if word == options.lines else word for word in kept])
    origin = measured_here(()).model_copy(update={"command": f"python tests/benchmarks/frontier.py {command}"})
    records = tuple(
        Record(**origin.model_dump(), what=what, value=value, unit=unit, interval=interval, columns={"reader": reader})
        for what, value, unit, interval in rows
    )
    title = f"What does a thread read of `{Path(options.lines).parent.name}`?"
    put_records(options.record, Question(section=SECTION, title=title, rows=("reader",), records=records))


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["exact", "speed", "parts"])
    parser.add_argument("lines", metavar="LINES")
    parser.add_argument("models", metavar="MODEL", nargs="+")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="readers that begin so")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="nospace")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="read one line of so many")
    parser.add_argument("--ascii", action="store_true", help="read lines alone whose labels are ASCII")
    parser.add_argument("--lm", metavar="NAME", help="the student with this language model, too")
    parser.add_argument("--rounds", type=int, default=2, metavar="N")
    parser.add_argument("--record", type=Path, metavar="FILE.json", help="write the figures there")
    options = parser.parse_args(words)
    if options.record:
        check_target(options.record)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    own = [reader for model in options.models for reader in students_of(model)]
    lines, refused = open_data([options.lines], own[0].description.preparation)
    for refusal in refused:
        print(f"left out: {refusal.reason}", file=sys.stderr)
    asked = [i for i, text in enumerate(lines.texts) if not options.ascii or (text or "").isascii()]
    lines = lines.take(asked[:: options.every])
    if options.what == "parts":
        put(
            options, words, own[0].path.stem, parts(own[0], [lines[i].image for i in range(len(lines))], options.rounds)
        )
        return 0
    every = [*map(as_peer, own), *open_peers()]
    if options.lm:
        beam = Beam(language=options.lm)
        with_language = [reader for model in options.models for reader in students_of(model, beam)]
        every[len(own) : len(own)] = [as_peer(reader, options.lm) for reader in with_language]
    readers = [each for each in every if not options.only or each.name.startswith(tuple(options.only))]
    if options.what == "exact":
        for reader in readers:
            put(options, words, reader.name, exact(reader, lines, options.protocol))
        return 0
    found = speeds(readers, [lines[i].image for i in range(len(lines))], options.rounds)
    for reader in readers:
        of_student = None if reader is readers[0] else found[readers[0].name]
        put(options, words, reader.name, speed_rows(reader, found[reader.name], of_student))
    return 0


if __name__ == "__main__":
    if not ONE_THREAD.items() <= os.environ.items():  # libraries read it when they are loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    sys.exit(main(sys.argv[1:]))
