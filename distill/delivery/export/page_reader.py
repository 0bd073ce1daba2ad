"""A page reader as two ONNX files in a folder: each held against its network on pages, and only then written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

import students
from distill.data.pages.record import PageRecord
from distill.delivery.export import npm
from distill.delivery.export.gate import LARGEST_DIFFERENCE
from distill.delivery.export.graph import graph_of, graph_of_locator, noted, signed
from distill.delivery.export.locator import check_lines
from distill.delivery.export.locator_int8 import opened, quantise_locator
from distill.delivery.target import expect_target
from distill.track import progress
from students.errors import ExportError
from students.model_file import LOCATOR_ONNX, RECOGNISER_ONNX, write_whole
from students.onnx_reader import session
from students.pages.locate import LocatorReader
from students.pages.reader import PageReader, lines_of
from students.reader import Reader
from teachers.shipped import is_shipped

PageFormat = Literal["onnx", "int8", "npm"]
PACKAGE = "crnn-page-reader"


def export_both(
    path: Path, to: PageFormat, out: Path | None, pages: Sequence[PageRecord], origin: str, budget_points: float
) -> dict[str, Any]:
    """Write both networks of a page reader into a folder that `students.load_page` opens without torch.

    In `int8` the locator is; the recogniser is float32 in both forms. Raises `ExportError`, and writes nothing, where
    the result would not find and read what the networks do.
    """
    folder = out or (Path() if is_shipped(path) else path.parent) / (PACKAGE if to == "npm" else f"{path.stem}-{to}")
    expect_target(folder, [path], None)
    reader = students.load_page(path)
    if to == "npm":
        npm.expect_package(folder)
        npm.expect_greedy(reader.recogniser.description, path)
    assert isinstance(reader.locator, LocatorReader)
    locator_graph, recogniser_graph = graph_of_locator(reader.locator), graph_of(reader.recogniser)
    found = check_lines(reader.locator, LocatorReader(reader.locator.description, path, opened(locator_graph)), pages)
    read = check_readings(reader, session(recogniser_graph.SerializeToString(), path), pages)
    seen: dict[str, Any] = {"found": found, "read": read}
    if to == "int8":
        locator_graph, of_int8 = quantise_locator(reader.locator, locator_graph, pages, budget_points)
        seen |= of_int8
    about = {"to": "onnx" if to == "npm" else to} | {key: seen[key] for key in ("float_layers",) if key in seen}
    finds, reads = noted(reader.locator.description, about), noted(reader.recogniser.description, {"to": "onnx"})
    locator = signed(locator_graph, finds, folder / LOCATOR_ONNX)
    recogniser = signed(recogniser_graph, reads, folder / RECOGNISER_ONNX)
    if to == "npm":
        models = (reads.model_dump(mode="json"), recogniser), (finds.model_dump(mode="json"), locator)
        size = npm.write_package(folder, *models)
    else:
        size = len(locator) + len(recogniser)
        for name, blob in ((LOCATOR_ONNX, locator), (RECOGNISER_ONNX, recogniser)):
            write_whole(folder / name, blob)
    return {"file": str(folder), "to": to, "bytes": size, "pages_from": origin, **seen}


def check_readings(model: PageReader, exported: Any, pages: Sequence[PageRecord]) -> dict[str, Any]:
    """Read what the locator finds on pages by torch and by `exported`, logits of the same lines: equal texts.

    Raises `ExportError` naming the first line that is read otherwise, or whose logits differ by more than
    `LARGEST_DIFFERENCE`.
    """
    largest = 0.0
    logits_of = model.recogniser.logits_of

    def compared(images_NCHW: np.ndarray) -> np.ndarray:
        nonlocal largest
        logits_NTC: np.ndarray = exported(images_NCHW)
        largest = max(largest, float(np.abs(logits_of(images_NCHW) - logits_NTC).max()))
        return logits_NTC

    other = PageReader(model.locator, Reader(model.recogniser.description, model.recogniser.path, compared))
    n_lines = 0
    with progress("reading", len(pages), "page") as bar:
        for page in pages:
            page_HWC = page.load()
            found = lines_of(model.locator, page_HWC)
            want, got = (each.read_found(page_HWC, found).lines for each in (model, other))
            for number, (one, two) in enumerate(zip(want, got, strict=True), 1):
                if one.text != two.text or not largest <= LARGEST_DIFFERENCE:  # nan too
                    raise ExportError(
                        f"{page.key}: line {number} reads {two.text!r} and by torch {one.text!r}, logits differ by up "
                        f"to {largest:.2g} (at most {LARGEST_DIFFERENCE:g}); nothing was written"
                    )
            n_lines += len(want)
            bar.update()
    return {"lines": n_lines, "different": 0, "largest_difference": largest}
