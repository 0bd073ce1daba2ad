"""The review page of pages in a browser: lines moved, added, split, joined and read, by mouse, keyboard and finger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from students.pages.page import Point
from tests.read_pages import read_line
from tests.reviewed_pages import FIRST, HEIGHT, LINES, SLANTED, WIDTH, opened, review_of, scans_in, texts

pytestmark = pytest.mark.browser


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return scans_in(tmp_path)


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
