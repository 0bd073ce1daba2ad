"""What the review page of pages is made of, and what becomes of bad input. In a browser: `test_page_review_page.py`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from distill.cli import main
from distill.delivery import page_review
from distill.delivery.page_review import PageReview, add_pages_at
from students.charset import Charset
from students.errors import DataError
from students.pages.page import Page
from tests.read_pages import HEIGHT, WIDTH, box, read_line, read_page

Printed = pytest.CaptureFixture[str]
BLANK = np.full((HEIGHT, WIDTH, 3), 220, np.uint8)


def data_of(path: Path) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def scans(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(BLANK).save(folder / name)
    return [folder / name for name in names]


def page_of(*confidences: float) -> Page:
    lines = [read_line("ab", *box(20, 20 + 40 * i, 90, 44 + 40 * i), confidence=p) for i, p in enumerate(confidences)]
    return Page(WIDTH, HEIGHT, tuple(lines))


def test_pages_come_by_their_least_sure_line_and_those_without_one_first(tmp_path: Path) -> None:
    images = scans(tmp_path / "scans", "a.png", "b.png", "deep/c.png")
    review = PageReview(tmp_path / "review.html", tmp_path / "scans")
    for image, page in zip(images, (page_of(0.9, 0.7), page_of(0.99, 0.2), page_of()), strict=True):
        review.add_found(image, BLANK, page)
    written = review.write(Charset(characters="ab"))
    assert (written.shown, written.left_out, written.unnameable, written.kept) == (3, 0, (), 0)
    data = data_of(tmp_path / "review.html")
    assert [page["file"] for page in data["pages"]] == ["deep/c.png", "b.png", "a.png"]
    assert data["charset"] == ["a", "b"]
    assert data["target"] == str(tmp_path / "scans" / "pages.json")
    first, second = data["pages"][1]["lines"]
    assert (first["confidence"], second["confidence"]) == (0.99, 0.2)
    assert first["points"] == [[20, 20], [90, 20], [90, 44], [20, 44]]
    assert [c[0] for c in first["characters"]] == ["a", "b"]
    assert not data["pages"][1]["marked"]


def test_of_too_many_pages_the_least_sure_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_review, "MOST_PAGES", 2)
    images = scans(tmp_path / "scans", "a.png", "b.png", "c.png", "d.png")
    review = PageReview(tmp_path / "review.html", tmp_path / "scans")
    for image, sure in zip(images, (0.5, 0.1, 0.9, 0.2), strict=True):
        review.add_found(image, BLANK, page_of(sure))
    written = review.write()
    assert (written.shown, written.left_out) == (2, 2)
    data = data_of(tmp_path / "review.html")
    assert [page["file"] for page in data["pages"]] == ["b.png", "d.png"]
    assert (data["left_out"], data["rest"]) == (2, [])


def test_marked_pages_that_are_not_shown_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_review, "MOST_PAGES", 1)
    folder = tmp_path / "shop"
    scans(folder, "a.png", "b.png", "c.png")
    (folder / "c.png").write_bytes(b"no picture")
    bent = [[10, 100], [60, 90], [110, 100], [110, 124], [60, 114], [10, 124]]
    lines = [{"box": [10, 10, 90, 40], "text": "ab"}, {"polygon": bent, "text": "cd", "ignored": True}]
    marked = [{"file": name, "lines": lines} for name in ("a.png", "b.png", "c.png")]
    (folder / "pages.json").write_text(json.dumps(marked))
    review = PageReview(tmp_path / "review.html", folder)
    refused = add_pages_at(review, folder)
    assert [each.key for each in refused] == ["pages/c.png"]
    written = review.write()
    assert (written.shown, written.left_out, written.kept) == (1, 1, 1)
    data = data_of(tmp_path / "review.html")
    (shown,) = data["pages"]
    assert shown["file"] == "a.png"
    assert shown["marked"]
    assert [line["points"] for line in shown["lines"]] == [[[10, 10], [90, 10], [90, 40], [10, 40]], bent]
    assert [line["ignored"] for line in shown["lines"]] == [False, True]
    rest = {page["file"]: page for page in data["rest"]}
    assert rest["c.png"] == marked[2]  # as it stood, picture or not
    assert [line["text"] for line in rest["b.png"]["lines"]] == ["ab", "cd"]
    assert rest["b.png"]["lines"][1] == {"polygon": bent, "text": "cd", "ignored": True}


def test_a_page_is_made_small_enough_for_a_screen_and_keeps_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_review, "MOST_PIXELS", WIDTH * HEIGHT // 4)
    review = PageReview(tmp_path / "review.html", tmp_path)
    review.add_found(*scans(tmp_path, "a.png"), BLANK, page_of(0.5))
    review.write()
    (page,) = data_of(tmp_path / "review.html")["pages"]
    assert (page["width"], page["height"]) == (WIDTH, HEIGHT)
    assert page["picture"].startswith("data:image/webp;base64,")


def test_an_earlier_page_of_the_name_is_kept(tmp_path: Path) -> None:
    for sure in (0.5, 0.6):
        review = PageReview(tmp_path / "review.html", tmp_path)
        review.add_found(*scans(tmp_path, "a.png"), BLANK, page_of(sure))
        written = review.write()
    assert written.earlier == tmp_path / "review-1.html"
    assert data_of(tmp_path / "review-1.html")["pages"][0]["lines"][0]["confidence"] == 0.5


def test_nothing_is_written_without_a_page(tmp_path: Path) -> None:
    assert PageReview(tmp_path / "review.html", tmp_path).write().shown == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["{", "[1]", '{"pages": 3}', '[{"file": "a.png"}, {"file": "./a.png"}]'])
def test_a_pages_json_that_cannot_be_kept_is_refused_before_pages_are_read(tmp_path: Path, content: str) -> None:
    scans(tmp_path, "a.png")
    (tmp_path / "pages.json").write_text(content)
    with pytest.raises(DataError, match=r"pages\.json"):
        PageReview(tmp_path / "review.html", tmp_path)


def test_an_image_that_no_pages_json_can_name_is_named(tmp_path: Path) -> None:
    (image,) = scans(tmp_path / "scans", "a.png")
    review = PageReview(tmp_path / "review.html", tmp_path / "elsewhere" / "far" / "far" / "far" / "away")
    review.add_found(image, BLANK, page_of(0.5))
    assert review.write().unnameable == (str(image),)


def test_a_place_where_nothing_can_be_written_is_refused_before_pages_are_read(
    tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans(tmp_path / "scans", "a.png")

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "file").write_text("")
    for place in ("file/review.html", "scans"):
        assert main(["review", str(tmp_path / "scans"), "--review-page", str(tmp_path / place)]) == 2
        assert f"{tmp_path / place}: no page can be written there" in capsys.readouterr().err
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    for command in (["review"], ["read", "--pages", "no-model"], ["read", "no-model", "--review-below", "1"]):
        assert main([*command, str(tmp_path / "scans"), "--review-page", str(tmp_path / "review.html")]) == 2
        assert "review.html: no page can be written there: Permission denied" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.png", "file", "scans"]


def test_missing_and_damaged_pictures_and_other_page_sets_are_named(tmp_path: Path, capsys: Printed) -> None:
    command = ["review", "--review-page", str(tmp_path / "review.html")]
    assert main([*command, str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such file or folder" in capsys.readouterr().err
    folder = tmp_path / "shop"
    scans(folder, "a.png")
    (folder / "pages.json").write_text(json.dumps([{"file": "z.png", "lines": []}, {"file": "a.png", "lines": []}]))
    assert main([*command, str(folder)]) == 2
    assert "1 of 2 images cannot be found: z.png" in capsys.readouterr().err
    assert not (tmp_path / "review.html").exists()
    (folder / "z.png").write_bytes(b"no picture")
    assert main([*command, str(folder)]) == 2  # the other is shown
    assert f"review.html: 1 page to look at; save them as {folder / 'pages.json'}" in capsys.readouterr().err
    (page,) = data_of(tmp_path / "review.html")["pages"]
    assert (page["file"], page["lines"], page["marked"]) == ("a.png", [], True)


def test_unmarked_pages_are_to_be_marked(tmp_path: Path, capsys: Printed) -> None:
    scans(tmp_path / "scans", "a.png", "b.png")
    assert main(["review", str(tmp_path / "scans"), "--review-page", str(tmp_path / "review.html")]) == 0
    printed = capsys.readouterr().err
    assert "2 pages to look at" in printed
    assert "labels pictures of lines" not in printed
    assert [page["marked"] for page in data_of(tmp_path / "review.html")["pages"]] == [False, False]


def test_pictures_of_lines_are_told_from_pages(tmp_path: Path, capsys: Printed) -> None:
    scans(tmp_path / "crops", "a.png")
    (tmp_path / "crops" / "labels.tsv").write_text("a.png\ta line\n")
    assert main(["review", str(tmp_path / "crops"), "--review-page", str(tmp_path / "review.html")]) == 0
    assert "crops: labels.tsv labels pictures of lines there, and they are taken as pages" in capsys.readouterr().err


def test_every_kind_of_line_has_its_place_and_characters(tmp_path: Path) -> None:
    review = PageReview(tmp_path / "review.html", tmp_path)
    review.add_found(*scans(tmp_path, "a.png"), BLANK, read_page())
    review.write()
    (page,) = data_of(tmp_path / "review.html")["pages"]
    for line, read in zip(page["lines"], read_page().lines, strict=True):
        assert line["points"] == [list(point) for point in read.polygon]
        assert line["text"] == read.text
        assert [c[0] for c in line["characters"]] == list(read.text)
