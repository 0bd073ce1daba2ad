"""Pages a second on one thread, and how much of them is right, beside RapidOCR and Tesseract on the same pages.

    python tests/benchmarks/pages.py PAGES [--model LOCATOR [--recogniser MODEL]] [--pages N] [--rounds N]
        [--protocol P] [--record FILE.json]

PAGES is marked as `docs/data.md` says. In every round all readers read a page before the next page comes, so that a
busy machine slows them alike; of each page the fastest round counts. Opening a picture is not timed. The others need
`pip install 'crnn-distill[peers]'`, the system's tesseract-ocr-eng and, for PP-OCRv6 tiny, `make recognisers`; those
that are not installed are skipped by name.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from distill.data.pages.record import PageRecord
from distill.evaluation.pages.evaluate import open_page_data
from distill.evaluation.pages.matching import FoundText, count_read_page
from distill.evaluation.pages.models import open_page_model
from distill.evaluation.pages.peers import PagePeer, open_page_peers
from distill.evaluation.pages.scores import summarise_pages
from distill.records import Question, Record, check_target, measured_here, put_records
from distill.schema import Protocol

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT"), "1")

SHOWN = {
    "hmean": ("H-mean", "H-mean at IoU 0.5"),
    "hmean_70": ("at 0.7", "H-mean at IoU 0.7"),
    "end_to_end": ("end2end", "end to end F1"),
    "cer": ("CER", "CER"),
    "cer_unordered": ("unordered", "CER, whatever the order"),
}


class Measured(NamedTuple):
    """One reader: seconds of each page in its fastest round, and the scores of what it read."""

    seconds_N: np.ndarray
    scores: Mapping[str, Any]
    n_bytes: int | None

    @property
    def pages_a_second(self) -> float:
        return len(self.seconds_N) / float(self.seconds_N.sum())


def measure(
    readers: Sequence[PagePeer], pages: Sequence[PageRecord], protocol: Protocol, rounds: int = 2
) -> dict[str, Measured]:
    """Read every page with every reader, `rounds` times."""
    seconds_PNR = np.empty((len(readers), len(pages), rounds))
    found: dict[str, list[list[FoundText]]] = {reader.name: [] for reader in readers}
    for number, page in enumerate(pages):
        page_HWC = page.load()
        for turn in range(rounds):
            for which, reader in enumerate(readers):
                start = time.perf_counter()
                lines = reader.read(page_HWC)
                seconds_PNR[which, number, turn] = time.perf_counter() - start
                if turn == 0:
                    found[reader.name].append(lines)
        print(f"\r{number + 1} of {len(pages)} pages", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    sources = [page.source for page in pages]
    measured = {}
    for which, reader in enumerate(readers):
        reads = any(line.text is not None for lines in found[reader.name] for line in lines)
        counts = [
            count_read_page(page.lines or (), lines, protocol)
            for page, lines in zip(pages, found[reader.name], strict=True)
        ]
        scores = summarise_pages(counts, sources, protocol if reads else None)
        measured[reader.name] = Measured(seconds_PNR[which].min(axis=1), scores, reader.n_bytes)
    return measured


def heading() -> str:
    """The names of the columns of a table."""
    return f"{'':40s} {'pages/s':>8s} {'MB':>6s} " + " ".join(f"{short:>9s}" for short, _ in SHOWN.values())


def row(name: str, of: Measured) -> str:
    """One reader as a row of the table."""
    size = "-" if of.n_bytes is None else f"{of.n_bytes / 1e6:.1f}"
    rates = ("-" if of.scores[key] is None else f"{of.scores[key]:.1%}" for key in SHOWN)
    return f"{name:40s} {of.pages_a_second:8.2f} {size:>6s} " + " ".join(f"{rate:>9s}" for rate in rates)


def records(measured: Mapping[str, Measured], protocol: str, words: Sequence[str]) -> Question:
    origin = measured_here(()).model_copy(update={"command": " ".join(("python tests/benchmarks/pages.py", *words))})
    made = []
    for reader, of in measured.items():
        seconds, columns = round(float(of.seconds_N.sum()), 1), {"reader": reader}
        figures: list[tuple[str, float, str, Any]] = [("pages a second", round(of.pages_a_second, 2), "", None)]
        for key, (_, what) in SHOWN.items():
            if of.scores[key] is not None:
                around = of.scores["intervals"][key]
                interval = (round(100 * around["low"], 1), round(100 * around["high"], 1))
                figures.append((what, round(100 * of.scores[key], 1), "%", interval))
        if of.n_bytes is not None:
            figures.append(("size", round(of.n_bytes / 1e6, 1), "MB", None))
        for what, value, unit, interval in figures:
            found = {"what": what, "value": value, "unit": unit, "interval": interval}
            made.append(Record(**origin.model_dump(), **found, seconds=seconds, columns=columns))
    return Question(
        section="Pages",
        title="How much of a page is found and read, and how fast, beside other readers?",
        rows=("reader",),
        notes=(f"One thread, the same pages in the same run, protocol `{protocol}`. Intervals resample pages.",),
        records=tuple(made),
    )


def readers_of(options: argparse.Namespace) -> list[PagePeer]:
    """The model, if one is named, and every peer that is installed."""
    own = []
    if options.model:
        model = open_page_model(options.model, options.recogniser)
        own.append(PagePeer(Path(options.model).stem or options.model, model.read, model.n_bytes))
    peers, skipped = open_page_peers()
    for name, reason in skipped.items():
        print(f"skipped: {name}: {reason}", file=sys.stderr)
    return [*own, *peers]


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="PAGES")
    parser.add_argument("--model", metavar="LOCATOR", help="file or run folder of a locator")
    parser.add_argument("--recogniser", metavar="MODEL", help="reads the lines that it finds")
    parser.add_argument("--pages", type=int, metavar="N", help="the first N pages only")
    parser.add_argument("--rounds", type=int, default=2, metavar="N")
    parser.add_argument("--protocol", choices=["exact", "nospace", "alnum"], default="nospace")
    parser.add_argument("--record", type=Path, metavar="FILE.json", help="write the figures there")
    options = parser.parse_args(words)
    if options.record:
        check_target(options.record)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    measured = measure(
        readers_of(options), open_page_data([options.data])[0][: options.pages], options.protocol, options.rounds
    )
    print(heading())
    for name, of in measured.items():
        print(row(name, of))
    if options.record:
        kept = [word for word in words if word not in ("--record", str(options.record))]
        put_records(options.record, records(measured, options.protocol, ["DATA", *kept[1:]]))
    return 0


if __name__ == "__main__":
    if not ONE_THREAD.items() <= os.environ.items():  # libraries read it when they are loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    sys.exit(main(sys.argv[1:]))
