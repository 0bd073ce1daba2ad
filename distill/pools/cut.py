"""Whole documents taken out of the training lines: into validation, or out of the labelled ones.

Which document a line belongs to is found in its name; documents that share what is written in them may be kept
together. They are chosen by the seed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import torch

from distill.data.documents import document_of
from distill.data.formats.contents import counted
from distill.data.lines import Lines
from distill.data.together import groups_of
from distill.recipe.documents import Cut, Documents, Unlabel
from distill.seeds import generator_of
from students.errors import DataError

TEST_CUT = "test_cut"
LABEL_SOME = "Some 50 lines will do: `distill read TEACHER FOLDER --review-below 1` writes a page to label them on"


def cut_by_document(lines: Lines, cut: Cut, seed: int, name: str = "cut") -> tuple[Lines, Lines, tuple[str, ...]]:
    """Return train, the part that is cut (validation, or with another `name` test), and the keys of lines in neither.

    Whole documents go to that part until it holds its share of the labelled lines; the unlabelled lines of such
    a document are set aside. Unlabelled lines of no document stay in train, and so does every other source than
    those of the cut.
    """
    documents, chosen = choose_documents(lines, cut, name, seed)
    stay = [i for i, d in enumerate(documents) if d not in chosen]
    leave = [i for i, d in enumerate(documents) if d in chosen and lines.texts[i] is not None]
    aside = tuple(lines.keys[i] for i, d in enumerate(documents) if d in chosen and lines.texts[i] is None)
    return lines.take(stay), lines.take(leave), aside


def without_labels(lines: Lines, unlabel: Unlabel, seed: int) -> Lines:
    """Return the same lines; whole documents lose their labels until that share of the labelled lines has none."""
    documents, chosen = choose_documents(lines, unlabel, "unlabel", seed)
    texts = tuple(None if d in chosen else text for d, text in zip(documents, lines.texts, strict=True))
    return replace(lines, texts=texts)


def choose_documents(lines: Lines, part: Documents, name: str, seed: int) -> tuple[list[str | None], set[str]]:
    """Return the document of every line, None outside the sources of `part`, and the documents that make up its share.

    Documents that are kept together count as one. The share is one of labelled lines. Raises `DataError` where it would
    take every document, unless it is 1, and for a labelled line without a document.
    """
    documents = _documents(lines, part, name)
    labelled = Counter(d for d, text in zip(documents, lines.texts, strict=True) if d is not None and text is not None)
    chosen = sampled_documents(labelled, part.share, name, seed)
    if not labelled and all(text is None for text in lines.texts):
        wanted = "test" if name == TEST_CUT else "validation"
        raise DataError(
            f"{name}: no training line has a label, so none can be cut; give labelled {wanted} sources. {LABEL_SOME}"
        )
    if not chosen:
        kept = f" and kept together by labels of {part.together} characters or more" if part.together else ""
        raise DataError(
            f"{name}: {counted(len(labelled), 'document')} found by {part.document!r}{kept}; "
            "at least two are needed, or give "
            + {"cut": "validation sources", TEST_CUT: "test sources"}.get(name, "other sources")
        )
    return documents, chosen


def sampled_documents(labelled: Counter[str], share: float, name: str, seed: int) -> set[str]:
    """Return documents that make up a share of the labelled lines, sampled for a name and a seed.

    `labelled` has the number of labelled lines of each document. One document at least is left, unless the share is 1.
    """
    order = torch.randperm(len(labelled), generator=generator_of(name, seed)).tolist()
    documents_in_order = sorted(labelled)
    chosen: set[str] = set()
    n_chosen = 0
    for i in order if share == 1 else order[:-1]:
        if n_chosen >= share * labelled.total():
            break
        chosen.add(documents_in_order[i])
        n_chosen += labelled[documents_in_order[i]]
    return chosen


def kept_together(lines: Lines, part: Documents, name: str) -> dict[str, int] | None:
    """Return how many labelled documents and groups there are, and the documents of the largest; None: one by one."""
    if part.together is None:
        return None
    labelled = lines.where(lambda text: text is not None)
    group_of = groups_of(_named(labelled, part, name), labelled.texts, part.together)
    sizes = Counter(group_of.values())
    return {"documents": sizes.total(), "groups": len(sizes), "largest": max(sizes.values(), default=0)}


def _documents(lines: Lines, part: Documents, name: str) -> list[str | None]:
    """The document of every line, or the group that it is kept together with; None outside the sources of `part`."""
    documents = _named(lines, part, name)
    if part.together is None:
        return documents
    group_of = groups_of(documents, lines.texts, part.together)
    return [None if document is None else group_of[document] for document in documents]


def _named(lines: Lines, part: Documents, name: str) -> list[str | None]:
    """The document of every line, by its name."""
    pattern = re.compile(part.document)
    return [
        document_of(pattern, line, name, needed=text is not None)
        if part.sources is None or source in part.sources
        else None
        for line, text, source in zip(lines.names, lines.texts, lines.sources, strict=True)
    ]
