"""The checks of pages: each finds what was done to a page, by name, and nothing on pages that are right."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from distill.data.pages.record import MarkedLine, PageRecord
from distill.evaluation.doctor.pages.album import picture_of
from distill.evaluation.doctor.pages.alike import shared_documents, shared_pages
from distill.evaluation.doctor.pages.boxes import findings_in_boxes, pages_without_boxes
from distill.evaluation.doctor.pages.located import findings_of_locator
from distill.evaluation.doctor.pages.looked import LookedAt, look_at_pages
from distill.evaluation.doctor.pages.places import Found
from distill.evaluation.doctor.pages.texts import findings_in_texts, findings_in_words
from students.pages.preparation import PagePreparation
from tests.marked_pages import Damaged, IdealLocator, drawn, level

SIZE = (400, 500)  # width and height
TEXTS = ("a line of eighteen", "one that is longer")


def rows(n: int = 8, left: float = 40, right: float = 260) -> list[MarkedLine]:
    return [MarkedLine(level(left, 30 + 40 * i, right, 54 + 40 * i), TEXTS[i % 2]) for i in range(n)]


def page(key: str, lines: Sequence[MarkedLine] | None, seed: int = 0) -> PageRecord:
    """Bars of ink at the lines, on the grain and the light of a photograph of its own."""
    rng = np.random.default_rng(seed)
    picture = drawn(SIZE, [_ink(line.corners_42) for line in lines or ()]).astype(np.float32)
    light = cv2.resize(rng.uniform(-60, 20, (6, 5)).astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC)
    marks = cv2.resize(rng.uniform(0, 1, (62, 50)).astype(np.float32), SIZE, interpolation=cv2.INTER_NEAREST) > 0.8
    pixels_HW = np.clip(picture + light - 90 * marks, 0, 255).astype(np.uint8)
    return PageRecord(f"shop/{key}", "shop", lambda: pixels_HW, None if lines is None else tuple(lines), f"{key}{seed}")


def _ink(corners_42: np.ndarray) -> np.ndarray:
    """The place of a line without the paper about its ink."""
    middle_2 = corners_42.mean(0)
    return (corners_42 - middle_2) * (0.96, 0.7) + middle_2


def looked(*pages: PageRecord) -> LookedAt:
    return look_at_pages("train", pages)


def kinds(found: Sequence[Found]) -> dict[str, tuple[str, ...]]:
    return {each.finding.kind: each.finding.keys for each in found}


def in_all(looked_at: LookedAt) -> list[Found]:
    found = findings_in_boxes("train", looked_at, PagePreparation(pixels=100_000)) + findings_in_texts(
        "train", looked_at
    )
    return found + findings_in_words("train", looked_at) + pages_without_boxes("train", looked_at)


def test_pages_that_are_right_have_no_finding() -> None:
    assert kinds(in_all(looked(*(page(f"{i}.png", rows(), i) for i in range(3))))) == {}


@pytest.mark.parametrize(
    ("kind", "corners", "text", "severity"),
    [
        ("box", level(420, 60, 620, 84), "beside it", "problem"),
        ("over-edge", level(250, 360, 480, 384), "over the edge of it", "note"),
        ("twice", level(41, 31, 259, 54), "a line of eighteen", "note"),
        ("overlap", level(40, 30, 120, 54), "a line ", "note"),
        ("large", level(20, 352, 390, 498), "a box about the rest of this page, far too high", "note"),
        ("small", level(300, 40, 307, 46), "·", "note"),
        ("tiny", level(300, 40, 304, 42), "·", "note"),
        ("narrow", level(300, 110, 350, 134), "far too long for so short a box as this one is", "note"),
        ("wide", level(40, 350, 390, 374), "abc", "note"),
        ("turned", level(330, 100, 352, 300), "runs down", "note"),
    ],
)
def test_what_is_wrong_with_a_box_is_named_with_its_place(
    kind: str, corners: np.ndarray, text: str, severity: str
) -> None:
    wrong = page("wrong.png", [*rows(), MarkedLine(corners, text, name="wrong.png/9")])
    found = in_all(looked(page("right.png", rows(), 1), wrong, page("third.png", rows(), 2)))
    (finding,) = [each for each in found if each.finding.kind == kind]
    assert finding.finding.severity == severity
    assert (len(finding.finding.keys), finding.finding.remarks[0].count("\n")) == (1, 0)
    picture = picture_of(finding.places[0])  # type: ignore[arg-type]
    assert picture is not None
    colours = {colour for _, colour in picture.getcolors(2**24)}  # type: ignore[union-attr]
    assert (220, 0, 0) in colours
    assert max(picture.size) <= 420
    if kind not in ("twice", "overlap", "large"):
        assert finding.finding.keys == ("shop/wrong.png/9",)


def test_a_box_without_ink_is_named_and_one_with_an_empty_text_is_none() -> None:
    blank = level(300, 420, 380, 444)
    white = np.full(SIZE[::-1], 220, np.uint8)
    lines = (
        MarkedLine(blank, "nothing is there"),
        MarkedLine(np.add(blank, (0, 30)), ""),
        MarkedLine(blank - (0, 90), "x", True),
    )
    empty = PageRecord("shop/empty.png", "shop", lambda: white, lines, "e")
    assert kinds(in_all(looked(empty)))["blank"] == ("shop/empty.png, line 1",)


def test_pages_of_words_are_told_from_pages_of_lines_however_they_lie() -> None:
    words = [
        MarkedLine(level(40 + 62 * j, 30 + 40 * i, 94 + 62 * j, 54 + 40 * i), "words")
        for i in range(6)
        for j in range(4)
    ]
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    turned = [replace(line, corners_42=line.corners_42 @ turn * 0.5 + (150, 20)) for line in words]
    goods = [
        line
        for i in range(8)
        for line in (*rows(8)[i : i + 1], MarkedLine(level(330, 30 + 40 * i, 380, 54 + 40 * i), "2.50"))
    ]
    found = findings_in_words("train", looked(page("w.png", words), page("t.png", turned), page("goods.png", goods)))
    assert kinds(found) == {"words": ("shop/w.png", "shop/t.png")}
    assert "18 of 24 boxes" in found[0].finding.remarks[0]


def test_pages_without_boxes_are_counted_by_kind() -> None:
    found = pages_without_boxes("train", looked(page("un.png", None), page("no.png", ()), page("a.png", rows())))
    assert kinds(found) == {"unmarked": ("shop/un.png",), "no-line": ("shop/no.png",)}


def test_a_page_saved_again_is_a_leak_and_other_pages_are_not() -> None:
    def again(of: PageRecord, key: str) -> PageRecord:
        buffer = io.BytesIO()
        smaller = Image.fromarray((of.load() * 0.8 + 10).astype(np.uint8)).resize((310, 388))
        smaller.save(buffer, "JPEG", quality=50)
        return replace(of, key=key, load=lambda: np.asarray(Image.open(buffer)), sha256=key)

    train = [page(f"{i}.png", rows(), i) for i in range(6)]
    test = [page(f"t{i}.png", rows(), 50 + i) for i in range(6)]
    parts = {"train": looked(*train), "test": looked(*test)}
    assert shared_pages(parts) == []
    parts["test"] = looked(*test, again(train[2], "other/again.jpg"))
    (leak,) = shared_pages(parts)
    assert (leak.finding.severity, leak.finding.kind, leak.finding.part) == ("problem", "leak", "train")
    assert (leak.finding.keys, leak.finding.beside) == (("shop/2.png",), ("other/again.jpg",))
    (twice,) = shared_pages({"train": looked(*train, again(train[4], "shop/x"))})
    assert (twice.finding.kind, twice.finding.severity) == ("same-page", "note")
    assert "8 lines" in twice.finding.remarks[0]


def test_documents_that_two_parts_share_are_named() -> None:
    parts = {
        "train": looked(page("a-1.png", rows())),
        "test": looked(page("a-2.png", rows(), 1), page("b-1.png", rows(), 2)),
    }
    (found,) = shared_documents(parts, r"/(\w)-")
    assert (found.finding.part, found.finding.keys) == ("test", ("shop/a-2.png",))
    assert "of 1 document that train has too" in found.finding.message


def test_a_locator_names_text_without_a_box_and_boxes_without_text() -> None:
    lines = rows()
    there = np.array([line.corners_42 for line in lines])
    ignored = replace(lines[5], ignored=True)
    marked = page("a.png", [*lines[:3], *lines[4:5], ignored, MarkedLine(level(300, 420, 390, 444), "nothing")])
    found = findings_of_locator("test", [marked, page("un.png", None)], IdealLocator(there[:6]), 0)
    assert kinds(found) == {"unboxed": ("shop/a.png, at 40,150",), "no-text": ("shop/a.png, line 6",)}
    assert findings_of_locator("test", [page("b.png", lines)], IdealLocator(there), 0) == []


def test_a_page_that_does_not_open_is_left_out_of_every_check_and_has_no_picture() -> None:
    broken = replace(page("broken.png", rows()), load=Damaged("shop/broken.png"))
    looked_at = looked(broken, page("a.png", rows()))
    assert [each.key for each in looked_at.broken] == ["shop/broken.png"]
    assert [each.key for each in looked_at.pages] == ["shop/a.png"]
    assert looked(broken).height_px.size == 0
    assert in_all(looked(broken)) == []
    from distill.evaluation.doctor.pages.places import Place

    assert picture_of(Place(broken)) is None
