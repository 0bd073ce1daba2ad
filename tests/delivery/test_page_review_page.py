"""The review page of pages in a browser: lines moved, added, split, joined and read; what it saves trains on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from distill.cli import main
from distill.data.lines import open_source
from distill.data.pages.opening import open_pages
from distill.data.pages.record import PageRecord
from distill.data.pages.sources import PageFileSource
from distill.data.sources import PagesSource
from distill.delivery.page_review import PageReview
from students.charset import Charset
from students.image import Preparation
from students.pages.page import Page, PageLine, Point
from tests.read_pages import box, read_line

pytestmark = pytest.mark.browser
WIDTH, HEIGHT = 600, 800
FIRST, SECOND, THIRD = box(60, 60, 360, 100), box(60, 160, 260, 200), box(300, 160, 500, 200)
SLANTED = (60.0, 260.0), (460.0, 280.0), (458.0, 320.0), (58.0, 300.0)
LINES = (
    read_line("two words", *FIRST, confidence=0.9),
    read_line("left", *SECOND, confidence=0.4),
    read_line("right", *THIRD, confidence=0.6),
    read_line("slanted", *SLANTED, confidence=0.8),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((HEIGHT, WIDTH), 220, np.uint8)).save(folder / name)
    return folder


def review_of(folder: Path, *pages: tuple[str, tuple[PageLine, ...]]) -> Path:
    path = folder.parent / "review.html"
    review = PageReview(path, folder)
    for name, lines in pages:
        review.add_found(folder / name, np.asarray(Image.open(folder / name)), Page(WIDTH, HEIGHT, lines))
    review.write(Charset(characters="abcdefghijklmnopqrstuvwxyz "))
    return path


def opened(browser: Any, page_file: Path, **settings: object) -> tuple[Any, list[str]]:
    page = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **settings}).new_page()
    troubles: list[str] = []  # errors, and whatever it would fetch from elsewhere
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: troubles.append(request.url) if request.url.startswith("http") else None)
    page.goto(page_file.as_uri())
    page.wait_for_function("ui.picture.complete && ui.picture.naturalWidth > 0")
    return page, troubles


def on_screen(page: Any, point: Point) -> Point:
    rect = page.locator("#lines").bounding_box()
    return rect["x"] + point[0] / WIDTH * rect["width"], rect["y"] + point[1] / HEIGHT * rect["height"]


def drag(page: Any, begin: Point, end: Point) -> None:
    page.mouse.move(*on_screen(page, begin))
    page.mouse.down()
    page.mouse.move(*on_screen(page, ((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2)))
    page.mouse.move(*on_screen(page, end))
    page.mouse.up()


def tap(page: Any, point: Point) -> None:
    page.mouse.click(*on_screen(page, point))


def boxes(page: Any) -> list[list[float]]:
    found: list[list[float]] = page.evaluate("pages[at].lines.map(line => boxOf(line.points))")
    return found


def texts(page: Any) -> list[str | None]:
    found: list[str | None] = page.evaluate("pages[at].lines.map(line => line.text)")
    return found


def saved(page: Any, path: Path) -> list[dict[str, Any]]:
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    assert download.value.suggested_filename == "pages.json"
    download.value.save_as(path)
    pages: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return pages


def records(path: Path) -> dict[str, PageRecord]:
    return {record.key: record for record in open_pages(PageFileSource(name="next", path=path.name), path.parent)}


def close(found: list[float], wanted: tuple[float, ...]) -> bool:
    return found == pytest.approx(list(wanted), abs=2.5)


def test_boxes_are_moved_resized_added_and_deleted(browser: Any, folder: Path) -> None:
    page, troubles = opened(browser, review_of(folder, ("a.png", LINES)))
    drag(page, (100, 80), (120, 110))
    assert close(boxes(page)[0], (80, 90, 380, 130))
    drag(page, (380, 130), (420, 150))  # a corner
    assert close(boxes(page)[0], (80, 90, 420, 150))
    drag(page, (250, 90), (250, 70))  # the upper side
    assert close(boxes(page)[0], (80, 70, 420, 150))
    drag(page, (250, 110), (900, 110))  # not beyond the page
    assert close(boxes(page)[0], (260, 70, 600, 150))
    page.keyboard.press("Alt+Shift+ArrowDown")
    assert close(boxes(page)[0], (260, 71, 600, 151))
    for _ in range(5):
        page.keyboard.press("Control+z")
    assert boxes(page)[0] == [60, 60, 360, 100]
    assert page.locator("#undo").is_disabled()

    page.locator("#draw").click()
    drag(page, (60, 400), (300, 440))
    assert close(boxes(page)[4], (60, 400, 300, 440))
    page.keyboard.type("added")
    drag(page, (400, 62), (500, 98))  # beside the first: second in the reading order
    assert close(boxes(page)[1], (400, 62, 500, 98))
    page.keyboard.press("Escape")
    assert texts(page) == ["two words", None, "left", "right", "slanted", "added"]
    tap(page, (450, 80))
    page.keyboard.press("Alt+Delete")
    tap(page, (350, 180))
    page.locator("#delete").click()
    assert texts(page) == ["two words", "left", "slanted", "added"]
    assert troubles == []


def test_corners_of_slanted_lines_stay_a_line(browser: Any, folder: Path) -> None:
    page, troubles = opened(browser, review_of(folder, ("a.png", LINES)))
    tap(page, (250, 290))
    drag(page, SLANTED[1], (480, 290))
    points = page.evaluate("lineHere().points")
    assert close(points[1], (480, 290))
    assert [points[0], points[2], points[3]] == [list(SLANTED[i]) for i in (0, 2, 3)]
    drag(page, (480, 290), (20, 500))  # its sides would cross
    assert page.evaluate("isConvex(lineHere().points)")
    tap(page, (200, 80))
    page.locator("#free").click()
    drag(page, (360, 60), (360, 75))
    points = page.evaluate("lineHere().points")
    assert close(points[1], (360, 75))
    assert points[0] == [60, 60]
    assert troubles == []


def test_lines_are_split_and_joined(browser: Any, folder: Path) -> None:
    page, troubles = opened(browser, review_of(folder, ("a.png", LINES)))
    tap(page, (200, 80))
    page.locator("#text").evaluate("input => input.setSelectionRange(3, 3)")
    page.keyboard.press("Alt+s")
    assert texts(page) == ["two", "words", "left", "right", "slanted"]
    assert boxes(page)[0] == [60, 60, 160, 100]
    assert boxes(page)[1] == [160, 60, 360, 100]
    page.keyboard.press("Alt+j")
    assert texts(page)[0] == "two words"
    assert boxes(page)[0] == [60, 60, 360, 100]
    page.locator("#split").click()
    tap(page, (60 + 300 * 7 / 9 + 1, 80))
    assert texts(page)[:2] == ["two wor", "ds"]
    page.keyboard.press("Control+z")
    tap(page, (100, 180))
    page.locator("#join").click()
    tap(page, (400, 180))
    assert texts(page) == ["two words", "left right", "slanted"]
    assert boxes(page)[1] == [60, 160, 500, 200]
    page.locator("#rows").click()
    tap(page, (400, 180))
    assert texts(page) == ["two words", "left right", None, "slanted"]
    assert boxes(page)[1:3] == [[60, 160, 500, 180], [60, 180, 500, 200]]
    tap(page, (250, 290))
    page.locator("#split").click()
    tap(page, (260, 290))
    first, second = page.evaluate("pages[at].lines.slice(3).map(line => line.points)")
    assert first[0] == list(SLANTED[0])
    assert first[1] == second[0]
    assert second[1:3] == [list(SLANTED[1]), list(SLANTED[2])]
    page.keyboard.press("Alt+j")
    assert len(page.evaluate("lineHere().points")) == 8  # the edges one after the other
    page.keyboard.press("Alt+ArrowUp")
    assert [(text or "").replace(" ", "") for text in texts(page)] == ["twowords", "leftright", "slanted", ""]
    assert troubles == []


def test_a_right_to_left_line_comes_apart_in_the_order_of_its_text(browser: Any, folder: Path) -> None:
    hebrew = read_line("אבג דהו", *FIRST, right=True)
    page, troubles = opened(browser, review_of(folder, ("a.png", (hebrew,))))
    page.locator("#split").click()
    tap(page, (60 + 300 * 3.5 / 7, 80))
    assert texts(page) == ["אבג", "דהו"]
    right, left = boxes(page)
    assert left[0] == 60
    assert right[2] == 360
    page.keyboard.press("Alt+j")
    assert texts(page) == ["אבג דהו"]
    assert troubles == []


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

    def write(text: str, *keys: str) -> None:
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
        for key in keys:
            page.keyboard.press(key)

    write("Ü <b>1</b>", "Enter")
    page.keyboard.press("Shift+Enter")  # nobody can read "right"
    write("thrown away", "Escape", "ArrowUp", "ArrowDown", "Enter")
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
    assert take([elsewhere, {"file": "a.png", "lines": [line]}]).startswith("1 pages opened; 1 more are not here")
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


def test_it_fits_a_phone_and_takes_a_finger(browser: Any, folder: Path) -> None:
    hostile = "</script><script>document.title = 'taken'</script>\u2028" + "x" * 200
    page_file = review_of(folder, ("a.png", (read_line(hostile, *FIRST), *LINES[1:])))
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page, troubles = opened(browser, page_file, **phone)
    assert page.title() != "taken"
    assert hostile in (texts(page)[0] or "")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.touchscreen.tap(*on_screen(page, (400, 180)))
    assert page.locator("#text").input_value() == "right"
    touch = page.context.new_cdp_session(page)

    def swipe(begin: Point, end: Point) -> None:
        for kind, point in (("touchStart", begin), ("touchMove", end), ("touchMove", end), ("touchEnd", None)):
            x, y = on_screen(page, point) if point else (0, 0)
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}] if point else []})

    swipe((370, 180), (390, 240))  # the chosen line is moved
    assert boxes(page)[2] == pytest.approx([320, 220, 520, 260], abs=3)
    swipe((200, 80), (200, 40))  # another is not
    assert boxes(page)[0] == [60, 60, 360, 100]
    page.locator("#accept").tap()
    assert page.locator("li.done").count() == 1
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
