"""A folder of pages, or one file that marks pages, looked at without a recipe: what `distill check FOLDER` does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import teachers
from distill.data.formats.marking import marks_pages
from distill.data.formats.pages import page_file_in
from distill.data.formats.splits import splits_at
from distill.data.lines import Refusal
from distill.data.pages.opening import open_pages
from distill.data.pages.record import PageRecord
from distill.data.pages.sources import PageFileSource
from distill.evaluation.doctor.diagnosis import Diagnosis
from distill.evaluation.doctor.pages.alike import shared_pages
from distill.evaluation.doctor.pages.looked import look_at_pages
from distill.pools.pages import per_source
from distill.preflight.pages import asked, counts_of, diagnosis, findings_on_pages, refused
from distill.recipe.file import RECIPE_NAME
from distill.runs.opening import make_writable
from distill.schema import plain_name


def is_place_of_pages(path: Path) -> bool:
    """Return whether a folder, or a part of it by its name, holds a file that marks pages; a run folder does not."""
    if not path.is_dir() or (path / RECIPE_NAME).is_file():
        return False
    return any(page_file_in(part) if part.is_dir() else marks_pages(part) for part in parts_in(path).values())


def parts_in(path: Path) -> dict[str, Path]:
    """Return the parts of the set that a folder holds, by their names; without them the path itself."""
    return dict(splits_at(path)) or {"pages": path}


def check_page_folder(path: Path, folder: Path, locator: str | None) -> Diagnosis:
    """Check the pages at a path as `check_pages` does those of a recipe; `locator` None: none is asked.

    `folder` is where the check is written. Raises `DataError` where it cannot be, or where there is no page, and
    `CheckpointError` for a locator that is none.
    """
    opened = None if locator is None else teachers.load_locator(locator)
    make_writable(folder)
    pages: dict[str, list[PageRecord]] = {}
    left_out: dict[str, list[Refusal]] = {}
    for part, where in parts_in(path).items():
        name = plain_name(where.absolute().name, "pages")
        left_out[part] = []
        pages[part] = open_pages(PageFileSource(name=name, path=str(where.absolute())), Path(), left_out[part])
    found = [each for part, some in left_out.items() for each in refused(part, some, pages[part])]
    looked = {part: look_at_pages(part, some) for part, some in pages.items()}
    found += findings_on_pages(looked) + shared_pages(looked)
    if opened is not None:
        found += asked(looked, opened, seed=0)
    return diagnosis(found, counts_of(_counts(pages)))


def _counts(pages: Mapping[str, list[PageRecord]]) -> dict[str, dict[str, dict[str, int]]]:
    return {part: per_source(tuple(some)) for part, some in pages.items()}
