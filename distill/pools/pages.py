"""The pages of a run: opened, cut by document, and what would mislead taken out and named.

Nothing is left out silently: what is refused stands with its reason in `data.json` of the run folder.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distill.data.documents import document_of
from distill.data.formats.contents import counted
from distill.data.lines import Refusal
from distill.data.pages.opening import open_pages
from distill.data.pages.record import PageRecord, pages_digest
from distill.paths import expanded
from distill.pools.cut import sampled_documents
from distill.pools.lines import cache_of
from distill.pools.parts import open_parts
from distill.processes import Poll, never_stop
from distill.recipe.pages import PageCut, PageRecipe, PageSource
from distill.synthesis.pages.opening import open_drawn_pages, pages_on_demand, problems_of_sources
from distill.synthesis.pages.source import DrawnPagesSource
from students.errors import DataError

Pages = tuple[PageRecord, ...]


@dataclass(frozen=True)
class PagePools:
    """The pages that a run learns from (`train`, marked or not), chooses weights on, and is tested on."""

    train: Pages
    validation: Pages
    test: Pages
    refused: Mapping[str, list[Refusal]] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()  # unmarked pages of validation documents

    @property
    def parts(self) -> dict[str, Pages]:
        """Return the pages by the name of what they are for."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def summary(self) -> dict[str, Any]:
        """Return the counts for `data.json`, with every refused page named."""
        return {
            "digest": {name: pages_digest(pages) for name, pages in self.parts.items()},
            "pages": {name: per_source(pages) for name, pages in self.parts.items()},
            "set_aside": list(self.set_aside),
            "refused": {
                part: [{"key": r.key, "reason": r.reason} for r in refusals] for part, refusals in self.refused.items()
            },
        }


def open_page_pools(
    recipe: PageRecipe, folder: Path, poll: Poll = never_stop, may_draw: bool = True, on_demand: bool = False
) -> PagePools:
    """Open every source of a run in `folder`; raises one `DataError` for all sources that do not open.

    It is raised before a page is drawn; without `may_draw` none is: `NotMadeError` for drawn sources. With
    `on_demand` each page is drawn when it is looked at. A training page whose picture validation or test holds too is
    left out, by name.
    """
    data = recipe.data
    refused: dict[str, list[Refusal]] = {"train": [], "validation": [], "test": []}
    train, validation, test = _open_parts(_Opening(recipe, folder, [], poll, on_demand), refused, may_draw)
    set_aside: tuple[str, ...] = ()
    if data.cut is not None:
        train, validation, set_aside = cut_pages_by_document(train, data.cut, recipe.seed)
    for name, pages in (("validation", validation), ("test", test)):
        if unmarked := [page.key for page in pages if page.lines is None]:
            raise DataError(
                f"{name}: {len(unmarked)} of {len(pages)} pages without boxes, the first {unmarked[0]}; mark them, or "
                "take their source out"
            )
        if not any(page.lines for page in pages):
            raise DataError(
                f"{name}: there must be a page with a line; found {counted(len(pages), 'page')} without any"
            )
    train, refused["train: leaked"] = _without(train, (*validation, *test))
    if not any(page.lines for page in train) and (recipe.teacher.needs_boxes or recipe.student.needs_boxes):
        raise DataError("train: not one marked page; a teacher that is trained, and a control, need boxes")
    return PagePools(train, validation, test, refused, set_aside)


def _open_parts(opening: _Opening, refused: Mapping[str, list[Refusal]], may_draw: bool) -> tuple[Pages, Pages, Pages]:
    """The training, validation and test pages; what is refused of each part is added to `refused` under its name."""
    data, problems = opening.recipe.data, opening.problems
    drawn = [source for source in data.sources if isinstance(source, DrawnPagesSource)]
    problems += problems_of_sources(drawn, expanded(data.root))
    found = open_parts(
        data.parts,
        DrawnPagesSource,
        lambda part, source: opening.of([source], refused[part]),
        problems,
        opening.poll if may_draw else None,
    )
    train, validation, test = (tuple(itertools.chain(*pages)) for pages in found.values())
    return train, validation, test


def validation_pages(recipe: PageRecipe, folder: Path) -> Pages:
    """Open the validation pages of a run in `folder`, those of `open_page_pools` in the same order, and no others.

    Only a recipe that cuts validation from train has training pages looked at: those of the sources that are cut.
    Raises `DataError` for a source that cannot be opened.
    """
    cut, problems = recipe.data.cut, list[str]()
    sources = recipe.data.validation
    if cut is not None:
        sources = tuple(source for source in recipe.data.train if cut.sources is None or source.name in cut.sources)
    pages = _Opening(recipe, folder, problems, never_stop).of(sources, [])
    if problems:
        raise DataError("\n".join(problems))
    return pages if cut is None else cut_pages_by_document(pages, cut, recipe.seed)[1]


def pages_of(sources: Sequence[str] | None, pages: Pages) -> Pages:
    """Return the pages of the named sources; None means all."""
    return pages if sources is None else tuple(page for page in pages if page.source in sources)


def cut_pages_by_document(pages: Pages, cut: PageCut, seed: int) -> tuple[Pages, Pages, tuple[str, ...]]:
    """Return train, validation, and the keys of the pages in neither: whole documents leave until the share is there.

    Unmarked pages of a document that leaves are set aside. Raises `DataError` where fewer than two documents are there.
    """
    pattern = re.compile(cut.document)
    documents = [
        document_of(pattern, page.key, "cut", needed=page.lines is not None)
        if cut.sources is None or page.source in cut.sources
        else None
        for page in pages
    ]
    paired = list(zip(pages, documents, strict=True))
    marked = Counter(document for page, document in paired if document is not None and page.lines is not None)
    chosen = sampled_documents(marked, cut.share, "cut", seed)
    if not chosen:
        raise DataError(
            f"cut: {counted(len(marked), 'document')} found by {cut.document!r}; "
            "at least two are needed, or give validation "
            "sources"
        )
    stay = tuple(page for page, document in paired if document not in chosen)
    leave = tuple(page for page, document in paired if document in chosen and page.lines is not None)
    aside = tuple(page.key for page, document in paired if document in chosen and page.lines is None)
    return stay, leave, aside


@dataclass(frozen=True)
class _Opening:
    """What opens the sources of a run; one that cannot be opened is added to `problems`, and the next is opened."""

    recipe: PageRecipe
    folder: Path
    problems: list[str]
    poll: Poll
    on_demand: bool = False  # drawn pages

    def of(self, sources: Iterable[PageSource], refused: list[Refusal]) -> Pages:
        """The pages of several sources; pages and lines that cannot be used are added to `refused`."""
        root, cache = expanded(self.recipe.data.root), cache_of(self.recipe, self.folder)
        pages: list[PageRecord] = []
        for source in sources:
            self.poll()
            try:
                if isinstance(source, DrawnPagesSource) and self.on_demand:
                    pages += pages_on_demand(source, root)
                elif isinstance(source, DrawnPagesSource):
                    pages += open_drawn_pages(source, root, cache, self.poll)
                else:
                    pages += open_pages(source, root, refused)
            except DataError as error:
                self.problems.append(str(error))
        return tuple(pages)


def _without(pages: Pages, held: Iterable[PageRecord]) -> tuple[Pages, list[Refusal]]:
    """The pages whose picture is not held, and those that are, with the page that they equal."""
    equals = {page.sha256: page.key for page in held}
    leaked = [
        Refusal(page.key, f"{page.key}: the same picture as {equals[page.sha256]}, byte for byte")
        for page in pages
        if page.sha256 in equals
    ]
    return tuple(page for page in pages if page.sha256 not in equals), leaked


def per_source(pages: Pages) -> dict[str, dict[str, int]]:
    """Return the numbers of pages, unmarked pages, lines and ignored lines of every source."""
    counts: dict[str, Counter[str]] = {}
    for page in pages:
        of_source = counts.setdefault(page.source, Counter())
        marked = page.lines or ()
        of_source.update(pages=1, unmarked=page.lines is None, lines=len(marked))
        of_source.update(ignored=sum(line.ignored for line in marked))
    return {source: dict(counts[source]) for source in sorted(counts)}
