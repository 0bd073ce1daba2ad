"""What the review page of pages saves: it trains, is opened again, and replaces nothing that nobody has looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distill.cli import main
from distill.data.formats.opening import open_source
from distill.data.pages.opening import open_pages
from distill.data.pages.record import PageRecord
from distill.data.pages.sources import PageFileSource
from distill.data.sources import PagesSource
from students.image import Preparation
from tests.browsing import write
from tests.reviewed_pages import FIRST, LINES, SECOND, SLANTED, THIRD, opened, review_of, scans_in, texts

pytestmark = pytest.mark.browser


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return scans_in(tmp_path)


def saved(page: Any, path: Path) -> list[dict[str, Any]]:
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    assert download.value.suggested_filename == "pages.json"
    download.value.save_as(path)
    pages: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return pages


def records(path: Path) -> dict[str, PageRecord]:
    return {record.key: record for record in open_pages(PageFileSource(name="next", path=path.name), path.parent)}


def test_what_is_corrected_by_keyboard_trains_the_next_round(browser: Any, folder: Path, tmp_path: Path) -> None:
    page_file = review_of(folder, ("a.png", LINES), ("b.png", (LINES[0],)))
    page, troubles = opened(browser, page_file)
    assert page.locator("#save").is_disabled()
    assert page.locator("#list .says").all_inner_texts() == [
        "left",
        "right",
        "slanted",
        "two words",
    ]  # least sure first

    write(page, "Ü <b>1</b>", "Enter")
    page.keyboard.press("Shift+Enter")  # nobody can read "right"
    write(page, "thrown away", "Escape", "ArrowUp", "ArrowDown", "Enter")
    assert page.locator("#count").inner_text() == "0 of 2 pages right; 1 of 4 lines open here"
    draft, untouched = saved(page, tmp_path / "early.json")
    assert (draft["lines"], untouched["lines"], "draft" in untouched) == (None, None, False)
    assert [line["is"] for line in draft["draft"]] == ["open", "done", "ignored", "done"]
    page.reload()  # nothing is lost
    assert page.locator("#count").inner_text() == "0 of 2 pages right; 1 of 4 lines open here"
    page.keyboard.press("Control+Enter")
    assert page.locator("#count").inner_text() == "1 of 2 pages right; 1 of 1 lines open here"
    page.keyboard.press("Enter")  # the last line of the page
    page.keyboard.press("Enter")  # and the page
    assert page.locator("#count").inner_text() == "2 of 2 pages right; no line open here"
    pages = saved(page, folder / "pages.json")
    assert troubles == []
    assert pages[0]["lines"][0] == {"box": [60, 60, 360, 100], "text": "two words"}

    read = records(folder)
    assert [line.text for line in read["next/a.png"].lines or ()] == ["two words", "Ü <b>1</b>", "right", "slanted"]
    assert [line.ignored for line in read["next/a.png"].lines or ()] == [False, False, True, False]
    for line, polygon in zip(read["next/a.png"].lines or (), (FIRST, SECOND, THIRD, SLANTED), strict=True):
        assert line.corners_42.tolist() == [list(point) for point in polygon]
    lines, refused = open_source(PagesSource(name="next", path="scans"), tmp_path, tmp_path, Preparation())
    assert refused == []
    assert sorted(map(str, lines.texts)) == ["right", "slanted", "two words", "two words", "Ü <b>1</b>"]
    assert main(["review", str(folder), "--review-page", str(tmp_path / "again.html")]) == 0
    again, _ = opened(browser, tmp_path / "again.html")
    assert saved(again, tmp_path / "again.json") == pages  # what nobody touches stays as it is


def test_a_saved_file_is_opened_and_one_of_other_pages_refused(browser: Any, folder: Path, tmp_path: Path) -> None:
    page_file = review_of(folder, ("a.png", LINES))
    page, troubles = opened(browser, page_file)

    def take(content: object) -> str:
        path = tmp_path / "saved.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        before = page.locator("#message").inner_text()
        page.locator("#file").set_input_files(path)
        page.wait_for_function("before => ui.message.textContent !== before", arg=before)
        said: str = page.locator("#message").inner_text()
        page.evaluate("ui.message.textContent = ''")
        return said

    unchanged = texts(page)
    line = {"box": [1, 2, 30, 40], "text": "new"}
    for content, problem in (
        ("{", "it is not JSON"),
        ({"file": "a.png"}, "it is no list of pages"),
        ([{"file": "z.png", "lines": [line]}], "it is of other pages: none of its 1 is here, such as z.png"),
        (
            [{"file": "a.png", "width": 1, "height": 2, "lines": [line]}],
            "a.png is 600 × 800 px here, but was marked on 1 × 2",
        ),
        ([{"file": "a.png", "lines": [line, {"text": "x"}]}], "a.png: line 1 has no box and no polygon"),
        ([{"file": "a.png", "lines": [{**line, "text": 3}]}], "a.png: line 0 has a text that is none"),
    ):
        said = take(content)
        assert problem in said
        assert said.endswith("nothing was changed")
        assert texts(page) == unchanged
    elsewhere = {"file": "z.png", "lines": [line]}
    assert take([elsewhere, {"file": "a.png", "lines": [line]}]).startswith(
        "1 page opened; not here, and kept in what is saved: 1"
    )
    assert texts(page) == ["new"]
    mine, other = saved(page, tmp_path / "out.json")
    assert (mine["lines"], other) == ([line], elsewhere)
    page.keyboard.press("Control+z")
    assert texts(page) == unchanged
    assert troubles == []


def test_earlier_marks_and_drafts_stay_until_the_page_is_right(browser: Any, folder: Path) -> None:
    line = {"box": [1, 2, 30, 40], "text": "marked"}
    draft = {"box": [5, 6, 70, 80], "text": "begun", "is": "open", "sure": 0.3}
    earlier = [{"file": "a.png", "lines": [line], "draft": [3]}, {"file": "b.png", "lines": None, "draft": [draft]}]
    (folder / "pages.json").write_text(json.dumps(earlier))
    page, troubles = opened(browser, review_of(folder, ("a.png", LINES), ("b.png", LINES)))
    assert page.evaluate("pages.map(page => page.lines.length)") == [4, 1]  # what was found, and the draft
    assert "that cannot be used: a.png: line 0 has no box and no polygon" in page.locator("#message").inner_text()
    page.keyboard.type("x")
    page.keyboard.press("PageDown")
    assert texts(page) == ["begun"]
    page.keyboard.press("Control+Enter")
    marked, finished = saved(page, folder / "pages.json")
    assert marked["lines"] == [line]
    assert len(marked["draft"]) == 4
    assert finished["lines"] == [{"box": [5, 6, 70, 80], "text": "begun"}]
    assert "draft" not in finished
    assert [line.text for record in records(folder).values() for line in record.lines or ()] == ["marked", "begun"]
    assert troubles == []


def test_a_page_without_lines_is_accepted_as_one(browser: Any, folder: Path) -> None:
    page, troubles = opened(browser, review_of(folder, ("a.png", ())))
    assert "no line on this page" in page.locator("#about").inner_text()
    for key in ("Enter", "Escape", "Alt+s", "Alt+j", "Alt+Delete", "ArrowDown"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Page has no text").click()
    (mine,) = saved(page, folder / "pages.json")
    assert mine["lines"] == []
    assert records(folder)["next/a.png"].lines == ()
    assert troubles == []


def test_where_the_browser_keeps_nothing_it_says_so(browser: Any, folder: Path) -> None:
    page, troubles = opened(browser, review_of(folder, ("a.png", LINES)))
    assert page.locator("#unkept").is_hidden()
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
    page.keyboard.type("x")
    assert page.locator("#unkept").is_visible()
    assert troubles == []
