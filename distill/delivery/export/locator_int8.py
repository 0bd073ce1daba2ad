"""A locator in int8: calibrated on parts of some pages, held against float32 on others, kept where it is faster."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

from distill.data.pages.matching import boxes_of, pairs_of
from distill.data.pages.record import PageRecord
from distill.delivery.export.quantise import in_int8
from distill.track import progress
from students.errors import ExportError
from students.onnx_reader import session
from students.pages.locate import MAPS_OUTPUT, LocatorReader, MapsOf
from students.pages.preparation import STRIDE_PX
from students.pages.reader import lines_of

BUDGET_POINTS = 1.0  # percent of the lines that int8 may find otherwise than float32
SAME = 0.7  # the IoU from which a line is found alike
CALIBRATION_PAGES, PART_PX = 8, 512  # the side of the part of each page that ranges are taken from
ROUNDS = 7


class Alike(NamedTuple):
    """How many lines two locators find on some pages, and how many of them alike."""

    pages: int
    float_lines: int
    lines: int
    same: int

    @property
    def points_lost(self) -> float:
        """Return the percentage of lines, of both together, that only one of them finds."""
        found = self.float_lines + self.lines
        return 100 * (1 - 2 * self.same / found) if found else 0.0


def quantise_locator(
    reader: LocatorReader, graph: onnx.ModelProto, pages: Sequence[PageRecord], budget_points: float
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """Return a locator's graph in int8, and what was seen on pages; every third, eight at most, calibrates.

    A line is found alike where the boxes of both overlap by `SAME`. Raises `ExportError` where more than
    `budget_points` percent of the lines are not, on pages of the calibration or on the others; where no line is found;
    and where int8 takes as long as float32 on this machine.
    """
    first = pages[::3][:CALIBRATION_PAGES]
    others = [page for i, page in enumerate(pages) if i % 3 or i >= 3 * CALIBRATION_PAGES]
    if not others:
        raise ExportError(f"int8 is calibrated on some pages and judged on others; {len(pages)} are too few, give 3")
    tensors = [reader.description.preparation.prepare(page.load()).tensor_CHW for page in first]
    exact = partial(_with, reader, opened(graph))

    def points_lost(maps_of: MapsOf) -> float:
        return alike(exact(), _with(reader, maps_of), first).points_lost

    int8, float_layers = in_int8(
        graph, [_middle(tensor_CHW)[None] for tensor_CHW in tensors], points_lost, budget_points
    )
    seen = alike(exact(), _with(reader, opened(int8)), others)
    if not seen.float_lines:
        raise ExportError(f"the locator finds no line on any of {len(others)} pages, so nothing was compared")
    if seen.points_lost > budget_points:
        raise ExportError(
            f"int8 finds {seen.points_lost:.2f} % of {seen.float_lines:,} lines on {seen.pages} pages otherwise than "
            f"float32, budget {budget_points:g}; nothing was written"
        )
    ms = _ms_a_page([opened(graph), opened(int8)], tensors[0])
    if ms[1] >= ms[0]:
        raise ExportError(
            f"int8 takes {ms[1]:.1f} ms a page on this machine, float32 {ms[0]:.1f}, so it is not faster; nothing was "
            "written: export it as onnx"
        )
    return int8, {
        "calibration_pages": len(first),
        "float_layers": float_layers,
        "alike": seen._asdict() | {"points_lost": round(seen.points_lost, 3), "budget_points": budget_points},
        "ms_a_page": {"fp32": round(ms[0], 1), "this": round(ms[1], 1)},
        "speed_ratio": round(ms[0] / ms[1], 2),
    }


def alike(model: LocatorReader, other: LocatorReader, pages: Sequence[PageRecord]) -> Alike:
    """Find the lines of pages by two locators, and count those that they find alike."""
    counts = Alike(0, 0, 0, 0)
    with progress("comparing", len(pages), "page") as bar:
        for page in pages:
            page_HWC = page.load()
            one, two = (boxes_of([line.polygon_P2 for line in lines_of(each, page_HWC)]) for each in (model, other))
            same = int((pairs_of(one, two).iou_K >= SAME).sum())
            counts = Alike(counts.pages + 1, counts.float_lines + len(one), counts.lines + len(two), counts.same + same)
            bar.update()
    return counts


def opened(graph: onnx.ModelProto) -> MapsOf:
    """Return a locator's graph as a function from prepared pages to their maps."""
    return session(graph.SerializeToString(), Path("graph"), MAPS_OUTPUT)


def _with(reader: LocatorReader, maps_of: MapsOf) -> LocatorReader:
    return LocatorReader(reader.description, reader.path, maps_of)


def _middle(tensor_CHW: np.ndarray) -> np.ndarray:
    """The middle of a prepared page, which starts at a multiple of every stride."""
    slices = []
    for side_px in tensor_CHW.shape[1:]:
        first_px = max(0, side_px - PART_PX) // 2 // (8 * STRIDE_PX) * (8 * STRIDE_PX)
        slices.append(slice(first_px, first_px + PART_PX))
    return np.ascontiguousarray(tensor_CHW[:, slices[0], slices[1]])


def _ms_a_page(networks: Sequence[MapsOf], tensor_CHW: np.ndarray) -> list[float]:
    """Milliseconds of a processor that each takes for a page, the least of some rounds in which they take turns."""
    least = [float("inf")] * len(networks)
    for _ in range(ROUNDS):
        for i, maps_of in enumerate(networks):
            start = time.process_time()
            maps_of(tensor_CHW[None])
            least[i] = min(least[i], 1e3 * (time.process_time() - start))
    return least
