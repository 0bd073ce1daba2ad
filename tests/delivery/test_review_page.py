"""The review page in a browser: read, correct by keyboard, save, and open the saved labels as a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.cli import main
from distill.data.formats.opening import open_source
from distill.data.sources import FolderSource
from distill.delivery.review import Doubtful, write_review
from students.charset import Charset
from students.image import Preparation
from students.reading import Reading
from tests.browsing import opened, write
from tests.samples import png_bytes, write_student

pytestmark = pytest.mark.browser

NAMES = ("a.png", "deep/b.png", "c <&'\"> é.png", "d.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "lines"
    for number, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png_bytes(width=60 + 40 * number, seed=number))
    return folder


def test_what_is_corrected_by_keyboard_trains_the_next_round(browser, folder: Path, tmp_path: Path) -> None:
    page_file = tmp_path / "review.html"
    student = write_student(tmp_path / "model.safetensors")
    arguments = ["--review-below", "1", "--n-best", "3", "--review-page", str(page_file)]
    assert main(["read", str(student), str(folder), *arguments]) == 0
    page, troubles = opened(browser, page_file)
    order = [page.evaluate(f"data.lines[{i}].file") for i in range(4)]
    assert sorted(order) == sorted(NAMES)
    assert page.locator("#save").is_disabled()

    write(page, "Ünlisted <b>1</b>", "Enter")
    assert "Ü" in page.locator(".note").first.inner_text()
    page.keyboard.press("Alt+2")  # an alternative, as it is
    second = page.evaluate("data.lines[1].alternatives[1][0]")
    page.keyboard.press("Enter")
    write(page, "nobody knows", "Shift+Enter")
    write(page, "thrown away", "Escape", "ArrowUp", "ArrowDown")
    write(page, "4711", "Enter")
    assert page.locator("#count").inner_text() == "3 accepted, 1 unreadable, 0 of 4 left"
    page.reload()  # nothing is lost
    assert page.locator("#count").inner_text() == "3 accepted, 1 unreadable, 0 of 4 left"
    with page.expect_download() as saved:
        page.keyboard.press("Control+s")
    assert saved.value.suggested_filename == "labels.tsv"
    saved.value.save_as(folder / "labels.tsv")
    assert troubles == []

    lines, refused = open_source(FolderSource(name="next", path="lines"), tmp_path, tmp_path, Preparation())
    assert refused == []
    found = dict(zip(lines.names, lines.texts, strict=True))
    assert found == {order[0]: "Ünlisted <b>1</b>", order[1]: second, order[3]: "4711"}


def test_a_page_holds_hostile_texts_as_texts_and_fits_a_phone(browser, folder: Path, tmp_path: Path) -> None:
    page_file = tmp_path / "review.html"
    hostile = "</script><script>document.title = 'taken'</script>" + "\u2028" + "x" * 300
    lines = [Doubtful(folder / "a.png", folder, Reading(hostile, 0.3, alternatives=((hostile, 0.2),), review=True))]
    write_review(page_file, lines, Charset(characters="ab"), Preparation())
    for scheme in ("light", "dark"):
        page, troubles = opened(browser, page_file, viewport={"width": 390, "height": 844}, color_scheme=scheme)
        assert page.title() != "taken"
        assert page.locator("input").input_value() == hostile
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.get_by_role("button", name="right").click()
        assert page.locator("li.done").count() == 1
        assert troubles == []
