"""What `distill speed` does with a reader of pages."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.commands import show
from distill.commands.images import found_images
from distill.commands.recording import Figure, Measured, clock, write_record
from distill.data.formats.contents import counted
from students.errors import DataError, UserError

DEFAULT_PAGES = 30


def measure_page_speed(options: argparse.Namespace, model: str) -> int:
    """Measure how fast a model reads the pictures of pages that the options name, and print it."""
    from distill.delivery.page_processes import Opening
    from distill.delivery.speed.pages import measure_pages
    from distill.delivery.speed.summary import draw_page_speed, page_speed_table
    from distill.evaluation.pages.peers import open_page_peers

    if not options.data:
        raise UserError("speed of a page reader: name pictures of pages, or folders with them, by --data")
    if options.protocol:
        raise UserError("--protocol: speed compares no texts of pages; distill evaluate does")
    files = [found.image for found in found_images(options.data)[0]][: options.n or DEFAULT_PAGES]
    peers, skipped = open_page_peers() if options.against else ([], {})
    name = Path(model).name
    with clock() as seconds:
        opening = Opening(model, options.recogniser)
        pictures = [_bytes_of(file) for file in files]
        result = measure_pages({name: opening}, pictures, peers, processes=options.processes)
    result |= {"skipped": skipped} if options.against else {}
    words = [page_speed_table(result), *(f"skipped: {each}: {reason}" for each, reason in skipped.items())]
    show(result, options, "\n".join(words))
    write_record(options, lambda: of_page_speed(name, result, seconds[0]))
    if options.chart:
        draw_page_speed(result, options.chart)
    return 0


def of_page_speed(model: str, result: Mapping[str, Any], seconds: float) -> Measured:
    """Return the figures of `distill speed` of a page reader, of it and of the peers."""
    figures = []

    def add(what: str, value: float, reader: str, unit: str = "") -> None:
        figures.append(Figure(what, value, {"reader": reader}, unit, seconds=seconds))

    for name, row in result["models"].items():
        add("pages/s", round(row["pages_a_second"], 2), name)
        add("pages/s, several in a batch", round(row["together"], 2), name)
        for phase, ms in row["ms_a_page"].items():
            add(f"{phase}, a page", round(ms, 1), name, "ms")
        if "seconds" in row["cold"]:
            add("first page of a fresh process", round(row["cold"]["seconds"], 2), name, "s")
            add("peak memory", round(row["cold"]["mib"]), name, "MiB")
        if "processes" in row:
            add(f"{row['processes']['n']} processes over one", round(row["processes"]["times_one"], 2), name, "times")
    fastest = max(row["pages_a_second"] for row in result["models"].values())
    for name, row in result["peers"].items():
        add("pages/s", round(row["pages_a_second"], 2), name)
        add("the model is faster by", round(fastest / row["pages_a_second"], 2), name, "times")
    return Measured(f"speed of {model}, {counted(result['pages'], 'page')}, one thread", ("reader",), figures)


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from error
