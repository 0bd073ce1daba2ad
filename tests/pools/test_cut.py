"""Whole documents into validation, or out of the labelled lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.pools.cut import cut_by_document, kept_together, without_labels
from distill.recipe.documents import Cut, Unlabel
from students.errors import DataError
from tests.line_files import many


def test_validation_is_cut_by_document_never_through_one(tmp_path: Path) -> None:
    names = [f"{d:03d}_{i}.png" for d in range(10) for i in range(3)]
    lines = many(names, [None if n.endswith("2.png") else n for n in names], tmp_path)
    train, validation, aside = cut_by_document(lines, Cut(share=0.25, document=r"^(\d{3})"), seed=0)
    assert len(aside) == 3  # the unlabelled lines of three documents
    assert len(train) + len(validation) + len(aside) == len(lines)
    documents = [{name[:3] for name in part.names} for part in (train, validation)]
    assert not documents[0] & documents[1]
    assert len(documents[1]) == 3
    assert None not in validation.texts
    assert cut_by_document(lines, Cut(share=0.25, document=r"^(\d{3})"), seed=0)[1].keys == validation.keys
    with pytest.raises(DataError, match="at least two"):
        cut_by_document(lines, Cut(document="^(0)"), seed=0)
    with pytest.raises(DataError, match="finds no document"):
        cut_by_document(lines, Cut(document="^x"), seed=0)


def test_whole_documents_of_the_named_sources_lose_their_labels_and_no_line(tmp_path: Path) -> None:
    names = [f"{d:03d}_{i}.png" for d in range(10) for i in range(3)]
    lines = many(names, list(names), tmp_path)
    half = Unlabel(share=0.5, document=r"^(\d{3})", sources=tuple({*lines.sources}))
    stripped = without_labels(lines, half, seed=0)
    assert stripped.keys == lines.keys
    bare = {name[:3] for name, text in zip(stripped.names, stripped.texts, strict=True) if text is None}
    assert len(bare) == 5
    assert all((text is None) == (name[:3] in bare) for name, text in zip(stripped.names, stripped.texts, strict=True))
    assert without_labels(lines, half, seed=0).texts == stripped.texts != without_labels(lines, half, seed=1).texts
    every = Unlabel(share=1, document=r"^(\d{3})", sources=half.sources)
    assert without_labels(lines, every, seed=0).texts == (None,) * len(lines)
    with pytest.raises(DataError, match="unlabel: 0 documents"):
        without_labels(lines, Unlabel(sources=("another",)), seed=0)


def test_documents_that_share_what_is_written_stay_on_one_side(tmp_path: Path) -> None:
    shops = [f"shop number {c} of this town" for c in "abcdef"]
    names = [f"{d:03d}_{i}.png" for d in range(24) for i in range(3)]
    texts = [(shops[d % 6], f"street {shops[d % 6]}", f"only here {d}")[i] for d in range(24) for i in range(3)]
    lines = many(names, texts, tmp_path)
    cut = Cut(share=0.25, document=r"^(\d{3})", together=12)
    train, validation, _ = cut_by_document(lines, cut, seed=0)
    assert len(validation) == 24  # two shops of four documents
    assert not set(validation.texts) & set(train.texts)
    alone = cut_by_document(lines, cut.model_copy(update={"together": None}), seed=0)
    assert set(alone[1].texts) & set(alone[0].texts)
    assert kept_together(lines, cut, "cut") == {"documents": 24, "groups": 6, "largest": 4}
    assert kept_together(lines, Cut(document=r"^(\d{3})"), "cut") is None
    one = many(names, [f"all of one shop {i}" for _ in range(24) for i in "abc"], tmp_path)
    with pytest.raises(DataError, match="kept together by labels of 12 characters"):
        cut_by_document(one, cut, seed=0)
    assert "together" not in Cut().model_dump()
    assert Cut(together=9).model_dump()["together"] == 9
