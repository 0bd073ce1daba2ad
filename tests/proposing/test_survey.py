"""What lines show of themselves: the form of their labels, their documents, their looks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from distill.data.labels import LabelForm
from distill.proposing.looks import look_of, looks_of
from distill.proposing.survey import OWN, documents_in, label_form_of, repeated, scripts_of, survey
from students.errors import DataError
from tests.line_files import parquet, row
from tests.samples import png_bytes

WORDS = ("market street", "Opening hours", "to let: 3 rooms", "No. 12", "(closed)")


@pytest.mark.parametrize(
    ("labels", "form"),
    [
        (WORDS, "exact"),
        ([word.upper() for word in WORDS], "caseless"),
        (["market street", "Opening hours", "rooms to let"], "no_punctuation"),
        (["MARKET STREET", "OPENING HOURS"], "caseless_no_punctuation"),
        (["12345", "00990"], "exact"),
        (["市場通り", "営業時間"], "exact"),
    ],
)
def test_the_form_of_labels_is_told_where_they_are_many(labels: list[str], form: LabelForm) -> None:
    assert label_form_of(list(labels) * 40)[0] == form
    assert label_form_of(list(labels))[0] == "exact"  # a few may be so by chance


@pytest.mark.parametrize(
    ("names", "document"),
    [
        ([f"{d:03d}_{i}.png" for d in range(20) for i in range(3)], "007"),
        ([f"{d:03d}_v01_{i}.png" for d in range(20) for i in range(3)], "007_v01"),
        ([f"scan {d}/{i}.png" for d in range(20) for i in range(3)], "scan 7"),
        ([f"page-{d}-line-{i}.png" for d in range(20) for i in range(3)], "page-7-line"),
    ],
)
def test_documents_are_found_in_names(names: list[str], document: str) -> None:
    pattern, why = documents_in(names)
    found = [re.search(pattern, name) for name in names]
    assert {match.group(1) for match in found if match} >= {document}
    assert "20 documents" in why


@pytest.mark.parametrize(
    "names",
    [
        [f"img_{i}.png" for i in range(50)],  # one document
        [f"{i}.png" for i in range(50)],
        [f"{i}_{i}.png" for i in range(50)],  # as many as lines
        ["a_1.png", "a_2.png", *(f"b_{i}.png" for i in range(48))],  # one of them holds nearly all
    ],
)
def test_names_that_tell_nothing_make_every_line_a_document(names: list[str]) -> None:
    assert documents_in(names)[0] == OWN


def test_scripts_are_named_by_their_letters() -> None:
    assert scripts_of("абвгaб1!") == ["CYRILLIC", "LATIN"]


def picture(paper: int, ink: int) -> np.ndarray:
    grey_HW = np.full((40, 200), paper, np.uint8)
    grey_HW[10:30, 20:180:8] = ink
    return grey_HW


def test_a_picture_is_measured() -> None:
    look = look_of(picture(230, 30))
    assert (look.height_px, look.width_px, look.inverted) == (40, 200, False)
    assert look.paper == pytest.approx(230, abs=2)
    assert look.ink == pytest.approx(30, abs=2)
    assert look.ink_rows == pytest.approx(0.5)
    assert look.noise < 0.5
    light = look_of(picture(20, 240))
    assert light.inverted
    assert light.paper == pytest.approx(20, abs=2)
    rng = np.random.default_rng(0)
    noisy = np.clip(picture(200, 30) + rng.normal(0, 8, (40, 200)), 0, 255).astype(np.uint8)
    assert 5 < look_of(noisy).noise < 11


def test_pictures_that_do_not_open_are_counted() -> None:
    looks = looks_of([("a.png", png_bytes()), ("b.png", b"no picture")])
    assert looks.unreadable == 1
    with pytest.raises(
        DataError, match=r"not one of the pictures that were tried, 1, can be opened; the first: b\.png: "
    ):
        looks_of([("b.png", b"no picture")])


def test_lines_are_surveyed_and_compared(tmp_path: Path) -> None:
    rows = [row(text, f"{i}.png", png_bytes(seed=i)) for i, text in enumerate(["ab", "b", None, "ab"])]
    one = survey(str(parquet(tmp_path / "one.parquet", rows)), "one", tmp_path)
    assert (len(one.texts), one.labels, one.n_unlabelled) == (4, ["ab", "b", "ab"], 1)
    assert one.characters == {"b": 3, "a": 2}
    other = survey(
        str(parquet(tmp_path / "other.parquet", [*rows[:1], row("c", "c.png", png_bytes(seed=99))])), "o", tmp_path
    )
    assert repeated(one, other) == (1, 2)
