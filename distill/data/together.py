"""Documents that belong together by what is written in them: receipts of one shop, forms of one office."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

TELLING_DIGITS = 6  # of a telephone, a registration number, a postcode with a house number


def groups_of(documents: Sequence[str | None], texts: Sequence[str | None], n_characters: int) -> dict[str, str]:
    """Return the group of every document, named after its first document in alphabetical order.

    Two documents are of one group that share two different labels of at least `n_characters` characters, or one with
    six digits or more; so are documents that others connect. Case and white space do not count. One long line may be
    what everybody prints ("thank you, please come again"); two, or a telephone number, seldom are.
    """
    telling: dict[str, set[str]] = {}  # the documents of every long label
    for document, text in zip(documents, texts, strict=True):
        if document is not None and text is not None:
            folded = "".join(text.casefold().split())
            if len(folded) >= n_characters:
                telling.setdefault(folded, set()).add(document)
    shared = {text: sorted(of_text) for text, of_text in telling.items() if len(of_text) > 1}
    group = _Union(sorted({document for document in documents if document is not None}))
    for text, of_text in shared.items():
        if sum(map(str.isdigit, text)) >= TELLING_DIGITS:
            for document in of_text[1:]:
                group.join(of_text[0], document)
    for one, other in _sharing_two(shared):
        group.join(one, other)
    return {document: group.find(document) for document in group.above}


def _sharing_two(shared: dict[str, list[str]]) -> Iterable[tuple[str, str]]:
    """Pairs that connect all documents that share two texts: by pairs of texts, or of documents, whatever are fewer."""
    texts_of: dict[str, list[str]] = {}
    for text, of_text in shared.items():
        for document in of_text:
            texts_of.setdefault(document, []).append(text)
    n_pairs_of_texts, n_pairs_of_documents = (
        sum(len(each) ** 2 for each in lists.values()) for lists in (texts_of, shared)
    )
    if n_pairs_of_texts <= n_pairs_of_documents:
        first_with: dict[tuple[str, str], str] = {}
        for document, of_document in texts_of.items():
            for pair in combinations(of_document, 2):
                if (first := first_with.setdefault(pair, document)) != document:
                    yield first, document
    else:
        together = Counter(pair for of_text in shared.values() for pair in combinations(of_text, 2))
        yield from (pair for pair, n in together.items() if n > 1)


class _Union:
    """Disjoint sets of names (union-find); a set is called by its first name in alphabetical order."""

    def __init__(self, names: Iterable[str]) -> None:
        self.above = {name: name for name in names}

    def find(self, name: str) -> str:
        while self.above[name] != name:
            self.above[name] = self.above[self.above[name]]
            name = self.above[name]
        return name

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.find(one), self.find(other)))
        self.above[second] = first
