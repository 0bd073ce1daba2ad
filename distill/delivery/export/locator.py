"""What leaves of page reading: a locator as ONNX, held against its network on pages; or both networks as one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch

import teachers
from distill.data.formats.contents import counted
from distill.data.formats.parts import expect_there
from distill.data.pages.opening import open_pages
from distill.data.pages.record import PageRecord, pages_digest
from distill.data.pages.sources import PageFileSource
from distill.delivery.export.graph import graph_of_locator, noted, signed
from distill.delivery.export.locator_int8 import BUDGET_POINTS, quantise_locator
from distill.delivery.export.recogniser import RENDERED_FAMILIES
from distill.delivery.target import expect_no_other, expect_target
from distill.pools.pages import validation_pages
from distill.recipe.file import RECIPE_NAME, load_recipe
from distill.recipe.pages import PageRecipe
from distill.runs.run_of_model import run_of
from distill.seeds import generator_of
from distill.synthesis.pages.opening import open_drawn_pages
from distill.synthesis.pages.source import DrawnPagesSource
from distill.track import progress
from students.errors import ExportError
from students.model_file import expect_student, kind_of, read_model, write_whole
from students.onnx_reader import session
from students.pages.locate import MAPS_OUTPUT, LocatorReader
from students.pages.model_file import (
    PagesDescription,
    PagesFile,
    expect_locator,
    read_locator,
    read_pages_file,
    write_pages_file,
)
from students.pages.reader import lines_of
from teachers.shipped import is_shipped

GATE_PAGES = 32
LARGEST_DIFFERENCE = 1e-3  # of maps, whose distances are tens of pixels
LARGEST_SHIFT_PX = 0.5
LOCATOR_NAMES = {"onnx": "model.onnx", "int8": "model.int8.onnx"}
PAGES_NAME = "pages.safetensors"


def export_locator(
    path: Path,
    out: Path | None,
    pages: Sequence[PageRecord],
    origin: str,
    to: Literal["onnx", "int8"] = "onnx",
    budget_points: float = BUDGET_POINTS,
) -> dict[str, Any]:
    """Write a locator as ONNX, by default next to its file, and return what was seen on pages, which are of `origin`.

    Raises `ExportError`, and writes nothing, where the result would not find the lines that the network finds; in
    `int8` all but `budget_points` percent of them, and faster.
    """
    target = _target([path], out, LOCATOR_NAMES[to])
    reader = teachers.load_locator(path)
    reader.model.cpu()
    graph = graph_of_locator(reader)
    exported = LocatorReader(reader.description, path, session(graph.SerializeToString(), target, MAPS_OUTPUT))
    seen = check_lines(reader, exported, pages)
    result: dict[str, Any] = {"found": seen}
    about: dict[str, Any] = {"to": to}
    if to == "int8":
        graph, of_int8 = quantise_locator(reader, graph, pages, budget_points)
        result |= of_int8
        about |= {"float_layers": of_int8["float_layers"]}
    blob = signed(graph, noted(reader.description, about), target)
    write_whole(target, blob)
    return {"file": str(target), "to": to, "bytes": len(blob), "pages_from": origin, **result}


def join(locator: Path, recogniser: Path, out: Path | None = None) -> dict[str, Any]:
    """Write a locator and a recogniser as one file, by default next to the locator, with their weights as they are.

    Raises `CheckpointError` where either is no model file of its kind, or a teacher.
    """
    finds, locator_weights = read_locator(locator)
    expect_locator(finds, locator)
    reads, recogniser_weights = read_model(recogniser)
    expect_student(reads, recogniser)
    target = _target([locator, recogniser], out, PAGES_NAME)
    description = PagesDescription(locator=finds, recogniser=reads)
    write_pages_file(target, PagesFile(description, locator_weights, recogniser_weights))
    return {"file": str(target), "to": "pages", "bytes": target.stat().st_size}


def _target(models: Sequence[Path], out: Path | None, name: str) -> Path:
    """Where a file of this name goes, by default next to the first of the models that it is made of."""
    if out is None:
        out = (Path() if is_shipped(models[0]) else models[0].parent) / name
        expect_no_other(out, models[0])
    expect_target(out, models, Path(name).suffix)
    return out


def check_lines(model: LocatorReader, exported: LocatorReader, pages: Sequence[PageRecord]) -> dict[str, Any]:
    """Find the lines of pages by both: as many, in one order, corners within `LARGEST_SHIFT_PX`, and equal maps.

    Raises `ExportError` naming the first page where they differ, or where no line is found on any page.
    """
    n_lines, difference, shift_px = 0, 0.0, 0.0
    with progress("comparing", len(pages), "page") as bar:
        for page in pages:
            page_HWC = page.load()
            tensor_CHW = model.description.preparation.prepare(page_HWC).tensor_CHW
            apart = float(np.abs(model.output(tensor_CHW) - exported.output(tensor_CHW)).max())
            want, got = (lines_of(each, page_HWC) for each in (model, exported))
            if len(want) != len(got):
                raise ExportError(
                    f"{page.key}: finds {counted(len(got), 'line')}, torch {len(want)}; nothing was written"
                )
            moved_px = max(
                (float(np.abs(a.corners_42 - b.corners_42).max()) for a, b in zip(want, got, strict=True)), default=0.0
            )
            if not (apart <= LARGEST_DIFFERENCE and moved_px <= LARGEST_SHIFT_PX):  # nan too
                raise ExportError(
                    f"{page.key}: maps differ from torch's by up to {apart:.2g} (at most {LARGEST_DIFFERENCE:g}), "
                    f"corners by {moved_px:.2g} px (at most {LARGEST_SHIFT_PX:g}); nothing was written"
                )
            n_lines, difference, shift_px = n_lines + len(want), max(difference, apart), max(shift_px, moved_px)
            bar.update()
    if not n_lines:
        raise ExportError(
            f"the locator finds no line on any of {len(pages)} pages, so nothing was compared; give pages with text"
        )
    return {"pages": len(pages), "lines": n_lines, "largest_difference": difference, "largest_shift_px": shift_px}


def gate_pages(path: Path, data: Sequence[str]) -> tuple[Sequence[PageRecord], str]:
    """Return at most `GATE_PAGES` pages that a locator's export is checked on, and their origin.

    They are of `data`, of the validation of the run that the locator lies in, or, where there is neither, drawn from
    fonts. Raises `DataError` for pages that cannot be opened.
    """
    expect_there(data)
    both = kind_of(path) == "pages"
    description = read_pages_file(path).description.locator if both else read_locator(path)[0]
    run = None if data else run_of(path, description)
    if data:
        pages = [page for number, where in enumerate(data) for page in open_pages(_source(where, number), Path())]
    elif run is not None and isinstance(recipe := load_recipe(str(run / RECIPE_NAME)), PageRecipe):
        pages = list(validation_pages(recipe, run))
    else:
        return drawn_pages(), "fonts"
    order = torch.randperm(len(pages), generator=generator_of("export", pages_digest(pages))).tolist()
    return [pages[i] for i in sorted(order[:GATE_PAGES])], "data" if data else "validation"


def drawn_pages() -> tuple[PageRecord, ...]:
    """Draw pages to compare on where there are no others."""
    source = DrawnPagesSource(name="drawn", pages=GATE_PAGES, fonts=RENDERED_FAMILIES)
    # the drawn files are mapped into memory, and stay readable for this process once their folder is gone
    with TemporaryDirectory() as cache:
        return open_drawn_pages(source, Path(), Path(cache))


def _source(path: str, number: int) -> PageFileSource:
    return PageFileSource(name=f"data-{number + 1}", path=path)
