"""Pre-flight of a recipe of pages: recipe, pages, boxes and networks looked at together, nothing trained.

`evaluation/doctor/pages/` holds the single checks, this module their order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import teachers
from distill.data.formats.contents import counted
from distill.data.lines import Refusal
from distill.data.pages.record import PageRecord
from distill.evaluation.doctor.diagnosis import Diagnosis
from distill.evaluation.doctor.findings import Finding, Severity
from distill.evaluation.doctor.pages.alike import shared_documents, shared_pages
from distill.evaluation.doctor.pages.boxes import findings_in_boxes, pages_without_boxes
from distill.evaluation.doctor.pages.located import findings_of_locator
from distill.evaluation.doctor.pages.looked import LookedAt, look_at_pages
from distill.evaluation.doctor.pages.places import Found, Place
from distill.evaluation.doctor.pages.texts import findings_in_texts, findings_in_words
from distill.pools.pages import PagePools, open_page_pools, pages_of
from distill.pools.parts import NotMadeError
from distill.recipe.pages import PageRecipe, PageSource, PageTeacher
from distill.runs.opening import make_writable
from distill.runs.pages import locator_of, problems_of_locators
from distill.synthesis.pages.source import DrawnPagesSource
from distill.training.initial import undownloaded
from students.errors import CheckpointError, UserError
from students.model_file import MODEL_NAME
from students.pages.locate import LocatorReader
from students.pages.preparation import PagePreparation


def check_pages(recipe: PageRecipe, folder: Path, locator: str | None = None, ask: bool = True) -> Diagnosis:
    """Check everything that a recipe of pages names.

    With `ask` a locator says what people overlooked: the named one, else the run's finished teacher, or that of the
    recipe. Pages are drawn into the run's cache, unless a model is missing. Raises `CheckpointError` for a named
    locator that is none, and `DataError` where the run folder cannot be written.
    """
    named = None if locator is None else teachers.load_locator(locator)
    make_writable(folder)
    models = tuple(_locators(recipe, folder))
    try:
        pools = open_page_pools(recipe, folder, may_draw=not models)
    except UserError as error:
        severity: Severity = "note" if isinstance(error, NotMadeError) else "problem"
        without = (Finding(severity, "pages", "recipe", str(error)), *_unbuildable(recipe), *models)
        return diagnosis([Found(each) for each in without], ())
    found = [Found(each) for each in (*models, *_networks(recipe, pools), *_sources(recipe))]
    found += _refused(pools)
    looked = {part: look_at_pages(part, pages) for part, pages in pools.parts.items()}
    found += findings_on_pages(looked, recipe.page)
    drawn = {each.name for each in recipe.data.sources if isinstance(each, DrawnPagesSource)}
    real = {part: each.without(drawn) for part, each in looked.items()}
    found += shared_pages(real)
    if recipe.data.cut is not None:
        found += shared_documents(real, recipe.data.cut.document)
    if ask:
        found += _asked_of_run(real, recipe, folder) if named is None else asked(real, named, recipe.seed)
    return diagnosis(found, _counts(pools))


def findings_on_pages(looked: Mapping[str, LookedAt], preparation: PagePreparation | None = None) -> list[Found]:
    """Return what is odd about the pictures, boxes and texts of every part."""
    found: list[Found] = []
    for part, each in looked.items():
        found += pages_that_do_not_open(part, each)
        found += findings_in_boxes(part, each, preparation)
        found += findings_in_texts(part, each)
        found += findings_in_words(part, each)
        found += pages_without_boxes(part, each)
    return found


def pages_that_do_not_open(part: str, looked: LookedAt) -> list[Found]:
    """Return a problem with the pages whose picture cannot be opened; none where all can be."""
    lines = [(refusal.key, refusal.reason) for refusal in looked.broken]
    return _without_picture("problem", "picture", part, lines, "pages whose picture cannot be opened", "mend them")


def asked(looked: Mapping[str, LookedAt], locator: LocatorReader, seed: int) -> list[Found]:
    """Return what a locator says of the pages of every part."""
    return [each for part, some in looked.items() for each in findings_of_locator(part, some.pages, locator, seed)]


def _asked_of_run(looked: Mapping[str, LookedAt], recipe: PageRecipe, folder: Path) -> list[Found]:
    """What the locator of a run says of marked pages; a note where there is none to ask."""
    if not any(page.lines is not None for each in looked.values() for page in each.pages):
        return []
    if (path := _locator_of(recipe, folder)) is None:
        message, advice = "no locator was asked for text without boxes", "give --locator MODEL, such as pages"
        return [Found(Finding("note", "not-asked", "recipe", message, advice=advice))]
    try:
        locator = teachers.load_locator(path)
    except CheckpointError as error:
        return [Found(Finding("problem", "locator", "recipe", str(error)))]
    return asked(looked, locator, recipe.seed)


def diagnosis(found: Sequence[Found], counts: tuple[tuple[str, ...], ...]) -> Diagnosis:
    """Return all that was found, problems first; else in the order in which it was found."""
    in_order = sorted(found, key=lambda each: each.finding.severity != "problem")
    places = {each.finding: each.places for each in in_order}
    return Diagnosis(tuple(each.finding for each in in_order), pages=counts, places=places)


def counts_of(parts: Mapping[str, Mapping[str, Mapping[str, int]]]) -> tuple[tuple[str, ...], ...]:
    """Return pages and lines of every source of every part as rows, after a row of headings."""
    rows: list[tuple[str, ...]] = [("", "", "pages", "unmarked", "lines", "ignored")]
    for part, of_sources in parts.items():
        for source, n in of_sources.items():
            numbers = (f"{n[key]:,}" for key in ("pages", "unmarked", "lines", "ignored"))
            rows.append((part, source, *numbers))
    return tuple(rows)


def _counts(pools: PagePools) -> tuple[tuple[str, ...], ...]:
    return counts_of(pools.summary()["pages"])


def _locator_of(recipe: PageRecipe, folder: Path) -> str | None:
    """The run's finished teacher, or the one that the recipe names; None without."""
    own = folder / "teacher" / MODEL_NAME
    if own.is_file():
        return str(own)
    try:
        return None if recipe.teacher.file is None else str(locator_of(recipe.teacher.file))
    except CheckpointError:
        return None  # which `problems_of_locators` says


def _refused(pools: PagePools) -> Iterator[Found]:
    for name, refusals in pools.refused.items():
        part, _, why = name.partition(": ")
        yield from refused(part, refusals, pools.parts[part], why)


def refused(part: str, refusals: Sequence[Refusal], pages: Sequence[PageRecord], why: str = "") -> list[Found]:
    """Return a problem with the pages and lines of a part that were left out, and their pages where these are used."""
    what = f"pages or lines left out, {why}" if why else "pages or lines left out"
    advice = "mend them, or go on without them"
    found = _without_picture("problem", "left-out", part, [(each.key, each.reason) for each in refusals], what, advice)
    keys = {page.key: page for page in pages}
    shown = [_page_of(refusal.key, keys) for refusal in refusals]
    return [Found(each.finding, tuple(shown)) for each in found]


def _page_of(key: str, pages: Mapping[str, PageRecord]) -> Place | None:
    """The page whose name a line's name begins with."""
    while key not in pages and "/" in key:
        key = key.rpartition("/")[0]
    return Place(pages[key]) if key in pages else None


def _without_picture(
    severity: Severity, kind: str, part: str, named: Sequence[tuple[str, str]], what: str, advice: str
) -> list[Found]:
    if not named:
        return []
    keys, remarks = zip(*named, strict=True)
    return [Found(Finding(severity, kind, part, f"{len(keys):,} {what}", keys, remarks, (), advice))]


def _networks(recipe: PageRecipe, pools: PagePools) -> Iterator[Finding]:
    """What keeps networks from being built, or from having a page to learn from."""
    yield from _unbuildable(recipe)
    for name, part in recipe.networks.items():
        if isinstance(part, PageTeacher) and part.file:
            continue
        if not any(page.lines for page in pages_of(part.sources, pools.train)):
            yield Finding("problem", "pages", "recipe", f"{name}: its sources have no page with a marked line")


def _unbuildable(recipe: PageRecipe) -> Iterator[Finding]:
    """The networks that cannot be built."""
    for name, part in recipe.networks.items():
        if isinstance(part, PageTeacher) and part.file:
            continue
        model = undownloaded(part.model)
        try:
            model.build(recipe.page.channels)
        except (ValueError, RuntimeError) as error:
            message = f"{name}: {model.kind} cannot be built: {str(error).splitlines()[0]}"
            yield Finding("problem", "network", "recipe", message)


def _locators(recipe: PageRecipe, folder: Path) -> Iterator[Finding]:
    """What keeps the model files that the recipe names from teaching, or from beginning a training."""
    for message in problems_of_locators(recipe, folder):
        yield Finding("problem", "teacher" if message.startswith("teacher.file") else "start", "recipe", message)


def _sources(recipe: PageRecipe) -> Iterator[Finding]:
    """Notes on fonts and layouts that synthetic pages of two parts share."""
    for (one, some), (other, others) in itertools.combinations(recipe.data.parts.items(), 2):
        for key, what in (("fonts", ("font family", "font families")), ("layouts", ("layout", "layouts"))):
            if shared := sorted(_drawn_with(some, key) & _drawn_with(others, key)):
                message = f"{counted(len(shared), *what)} on pages of {one} and of {other}: {', '.join(shared)}"
                advice = f"hold some {what[1]} out; figures are too good otherwise"
                yield Finding("note", key, "recipe", message, advice=advice)


def _drawn_with(sources: tuple[PageSource, ...], key: str) -> set[str]:
    return {each for source in sources if isinstance(source, DrawnPagesSource) for each in getattr(source, key)}
