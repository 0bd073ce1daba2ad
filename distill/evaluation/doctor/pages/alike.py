"""Pages that are nearly the same picture: between two parts they are a leak, inside one they were marked twice.

Drawn pages are left out: they share no photograph with anything. Equal bytes are found when the pages are opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations

from distill.data.documents import document_of
from distill.data.formats.contents import counted
from distill.evaluation.doctor.alike import Pair, near_pairs
from distill.evaluation.doctor.pages.looked import LookedAt
from distill.evaluation.doctor.pages.places import Found, Place, Spot, found

ALIKE = 0.9  # correlation of two receipts of one shop, or of one picture
SAME = 0.97  # of one picture saved twice, smaller or darker


def shared_pages(parts: Mapping[str, LookedAt]) -> list[Found]:
    """Return problems with pages that two parts share, notes on nearly equal ones and on what is there twice."""
    result = []
    for one, other in combinations(parts, 2):
        same, alike = _pairs(parts[one], parts[other])
        advice = f"take these pages out of {one}: a score on {other} counts what was seen before"
        result += found("problem", "leak", one, same, f"the same picture as one of {other}", advice, "page")
        advice = "one form filled in twice, or one page scanned twice: look, and cut by document where it is a leak"
        result += found("note", "alike", one, alike, f"nearly the picture of one of {other}", advice, "page")
    for part, looked in parts.items():
        advice = "a page that is there twice counts twice; do both have the same boxes?"
        result += found(
            "note", "same-page", part, _pairs(looked, looked)[0], "the same picture as another", advice, "page"
        )
    return result


def shared_documents(parts: Mapping[str, LookedAt], document: str) -> list[Found]:
    """Return notes on documents that two parts share, where the expression of the cut finds them in the names."""
    pattern = re.compile(document)
    result = []
    for one, other in combinations(parts, 2):
        here = {document_of(pattern, page.key) for page in parts[one].pages} - {None}
        paired = [(page, document_of(pattern, page.key)) for page in parts[other].pages]
        spots = [Spot(page.key, f"{page.key}: document {name}", Place(page)) for page, name in paired if name in here]
        what = f"of {counted(len({name for _, name in paired} & here), 'document')} that {one} has too, by their names"
        advice = f"if equal names mean one document, scores on {other} are of documents that were seen in {one}"
        result += found("note", "documents", other, spots, what, advice, "page")
    return result


def _pairs(one: LookedAt, other: LookedAt) -> tuple[list[Spot], list[Spot]]:
    """Pages of two parts that are the same picture, and those that are nearly so."""
    pairs = near_pairs(one, other, least=ALIKE)
    same, alike = ([pair for pair in pairs if (pair.correlation >= SAME) == which] for which in (True, False))
    return list(_spots(one, other, same)), list(_spots(one, other, alike))


def _spots(one: LookedAt, other: LookedAt, pairs: list[Pair]) -> Iterator[Spot]:
    for pair in pairs:
        page, its = one.pages[pair.left], other.pages[pair.right]
        n_lines = "unmarked" if page.lines is None else counted(len(page.lines), "line")
        of_its = "unmarked" if its.lines is None else counted(len(its.lines), "line")
        remark = f"{page.key} ({n_lines}), {its.key} ({of_its}): correlation {pair.correlation:.2f}"
        yield Spot(page.key, remark, Place(page, (), its))
