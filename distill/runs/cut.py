"""Whole documents taken out of the training lines: into validation, or out of the labelled ones.

Which document a line belongs to is found in its name. Documents are chosen by the seed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import torch

from distill.data.documents import document_of
from distill.data.lines import Lines
from distill.recipe.sections import Cut, Documents, Unlabel
from distill.seeds import generator_of
from students.errors import DataError


def cut_by_document(lines: Lines, cut: Cut, seed: int) -> tuple[Lines, Lines, tuple[str, ...]]:
    """Return train, validation, and the keys of the lines in neither.

    Whole documents go to validation until it holds its share of the labelled lines; the unlabelled lines of such
    a document are set aside. Unlabelled lines of no document stay in train, and so does every other source than
    those of the cut.
    """
    documents, chosen = choose_documents(lines, cut, "cut", seed)
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

    The share is one of labelled lines. Raises `DataError` where it would take every document, unless it is 1, and
    for a labelled line without a document.
    """
    pattern = re.compile(part.document)
    documents = [
        document_of(pattern, line, name, needed=text is not None)
        if part.sources is None or source in part.sources
        else None
        for line, text, source in zip(lines.names, lines.texts, lines.sources, strict=True)
    ]
    labelled = Counter(d for d, text in zip(documents, lines.texts, strict=True) if d is not None and text is not None)
    order = torch.randperm(len(labelled), generator=generator_of(name, seed)).tolist()
    documents_in_order = sorted(labelled)
    chosen: set[str] = set()
    n_chosen = 0
    for i in order if part.share == 1 else order[:-1]:
        if n_chosen >= part.share * labelled.total():
            break
        chosen.add(documents_in_order[i])
        n_chosen += labelled[documents_in_order[i]]
    if not chosen:
        raise DataError(
            f"{name}: {len(labelled)} documents found by {part.document!r}; at least two are needed, or give "
            + ("validation sources" if name == "cut" else "other sources")
        )
    return documents, chosen
