"""Pre-flight of a recipe of pages: recipe, pages, boxes and networks looked at together, nothing trained."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from distill.data.lines import Refusal
from distill.data.pages.record import PageRecord
from distill.data.pages.targets import LEAST_HEIGHT_PX
from distill.evaluation.doctor.diagnosis import Diagnosis
from distill.evaluation.doctor.findings import Finding, Severity
from distill.recipe.pages import PageNetwork, PageRecipe, PageSource
from distill.runs.opening import make_writable
from distill.runs.page_pools import PagePools, Pages, open_page_pools, pages_of
from distill.runs.pages import problems_of_locators
from distill.synthesis.pages.source import DrawnPagesSource
from distill.track import write_json
from distill.training.initial import undownloaded
from students.errors import DataError, UserError
from students.pages.preparation import PagePreparation


def check_pages(recipe: PageRecipe, folder: Path) -> Diagnosis:
    """Check everything that a recipe of pages names; raises `DataError` where the run folder cannot be written."""
    make_writable(folder)
    try:
        pools = open_page_pools(recipe, folder)
    except UserError as error:
        return Diagnosis((Finding("problem", "pages", "recipe", str(error)),))
    found = [*_refused(pools), *_networks(recipe, pools, folder), *_sources(recipe)]
    for part, pages in pools.parts.items():
        found += _boxes(part, pages, recipe.page)
    in_order = tuple(sorted(found, key=lambda finding: finding.severity != "problem"))
    return Diagnosis(in_order, pages=_counts(pools))


def _counts(pools: PagePools) -> tuple[tuple[str, ...], ...]:
    """Pages and lines of every source, with a row of headings."""
    rows = [("", "", "pages", "unmarked", "lines", "ignored")]
    for part, of_sources in pools.summary()["pages"].items():
        for source, n in of_sources.items():
            numbers = (f"{n[key]:,}" for key in ("pages", "unmarked", "lines", "ignored"))
            rows.append((part, source, *numbers))
    return tuple(rows)


def write_page_check(folder: Path, found: Diagnosis) -> list[Path]:
    """Write `check.json` into the run folder and return the files written."""
    path = folder / "check.json"
    write_json(path, found.as_dict())
    return [path]


def _refused(pools: PagePools) -> Iterator[Finding]:
    for name, refusals in pools.refused.items():
        part, _, why = name.partition(": ")
        what = f"pages or lines left out, {why}" if why else "pages or lines left out"
        yield from _about("problem", "left-out", part, refusals, what, "mend them, or go on without them")


def _networks(recipe: PageRecipe, pools: PagePools, folder: Path) -> Iterator[Finding]:
    """What keeps networks from being built, begun, used as teachers, or from having a page to learn from."""
    for message in problems_of_locators(recipe, folder):
        yield Finding("problem", "teacher" if message.startswith("teacher.file") else "start", "recipe", message)
    networks: dict[str, PageNetwork] = {"teacher": recipe.teacher, "student": recipe.student}
    for name, part in networks.items():
        if name == "teacher" and recipe.teacher.file:
            continue
        model = undownloaded(recipe.teacher.model if name == "teacher" else recipe.student.model)
        try:
            model.build(recipe.page.channels)
        except (ValueError, RuntimeError) as error:
            message = f"{name}: {model.kind} cannot be built: {str(error).splitlines()[0]}"
            yield Finding("problem", "network", "recipe", message)
        if not any(page.lines for page in pages_of(part.sources, pools.train)):
            yield Finding("problem", "pages", "recipe", f"{name}: its sources have no page with a marked line")


def _sources(recipe: PageRecipe) -> Iterator[Finding]:
    """Notes on fonts and layouts that synthetic pages of two parts share."""
    data = recipe.data
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    for (one, some), (other, others) in itertools.combinations(parts.items(), 2):
        for key, what in (("fonts", "font families"), ("layouts", "layouts")):
            if shared := sorted(_drawn_with(some, key) & _drawn_with(others, key)):
                message = f"{len(shared)} {what} are on pages of {one} and of {other}: {', '.join(shared)}"
                advice = f"hold some {what} out; figures are too good otherwise"
                yield Finding("note", key, "recipe", message, advice=advice)


def _drawn_with(sources: tuple[PageSource, ...], key: str) -> set[str]:
    return {each for source in sources if isinstance(source, DrawnPagesSource) for each in getattr(source, key)}


def _boxes(part: str, pages: Pages, preparation: PagePreparation) -> Iterator[Finding]:
    """What is odd about pages and the boxes on them: pictures that do not open, boxes beside the page, tiny lines."""
    broken: list[Refusal] = []
    beside: list[Refusal] = []
    tiny: list[Refusal] = []
    for page in pages:
        try:
            height, width = page.load().shape[:2]
        except DataError as error:
            broken.append(Refusal(page.key, str(error)))
            continue
        beside += _beside(page, width, height)
        tiny += _tiny(page, preparation.scaled_size_px(width, height)[0] / width)
    yield from _about("problem", "picture", part, broken, "pages whose picture cannot be opened", "mend them")
    yield from _about(
        "problem",
        "box",
        part,
        beside,
        "pages with boxes beside them",
        "do boxes and picture belong together, or is it turned?",
    )
    yield from _about(
        "note",
        "tiny",
        part,
        tiny,
        f"pages with lines below {LEAST_HEIGHT_PX} px once scaled",
        "raise page.pixels, or mark them as ignored",
    )
    if n := sum(page.lines is None for page in pages):
        yield Finding("note", "unmarked", part, f"{n:,} pages without boxes, on which the teacher alone is followed")


def _beside(page: PageRecord, width: int, height: int) -> list[Refusal]:
    """The page, where the middle of a box lies outside of it."""
    centres = [line.corners_42.mean(0) for line in page.lines or ()]
    out = sum(not (0 <= x <= width and 0 <= y <= height) for x, y in centres)
    return [Refusal(page.key, f"{page.key}: {out} of {len(centres)} boxes")] if out else []


def _tiny(page: PageRecord, scale: float) -> list[Refusal]:
    """The page, where lines are too low to be learnt at the size that it is scaled to."""
    heights = [scale * _height(line.corners_42) for line in page.lines or () if not line.ignored]
    low = [height for height in heights if height < LEAST_HEIGHT_PX]
    if not low:
        return []
    return [Refusal(page.key, f"{page.key}: {len(low)} of {len(heights)} lines, the lowest {min(low):.1f} px")]


def _height(corners_42: np.ndarray) -> float:
    """The mean length of the two short sides of a line."""
    return float(np.hypot(*(corners_42[[3, 2]] - corners_42[[0, 1]]).T).mean())


def _about(
    severity: Severity, kind: str, part: str, refused: list[Refusal], what: str, advice: str
) -> Iterator[Finding]:
    """One finding on all that is refused, none where nothing is."""
    if refused:
        keys, reasons = tuple(each.key for each in refused), tuple(each.reason for each in refused)
        yield Finding(severity, kind, part, f"{len(keys):,} {what}", keys, reasons, (), advice)
