"""The page in a browser that reads whole pages: its lines and texts are those of the Python reader."""

from __future__ import annotations

import base64
import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import students
from distill.delivery.demo import ORT_FILES, open_page_server, open_server, page_routes
from distill.delivery.export.graph import graph_of, graph_of_locator, signed
from students.errors import CheckpointError
from students.pages.page import Page
from students.pages.reader import PageReader
from tests.conftest import REAL_DATA

ORT = Path(__file__).parents[2] / "distill" / "delivery" / "pages" / "ort"
N_PAGES = int(os.environ.get("REAL_PAGES", "1"))  # `make browse` reads more
MOST_BYTES = 4_000_000  # to download beside the runtime
MOST_ASIDE = 1  # characters of a page that may end a frame of the recogniser aside, where two are as probable
OFF_PX = 0.5  # by which points may differ from Python's: the runtimes round otherwise
READ = """async (encoded) => {
  const blob = await (await fetch("data:image/png;base64," + encoded)).blob();
  return readBlob(blob);
}"""


@pytest.fixture(scope="module")
def reader() -> PageReader:
    return students.load_page("pages")


@pytest.fixture(scope="module")
def models(reader: PageReader, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    locator, recogniser = folder / "locator.onnx", folder / "recogniser.onnx"
    locator.write_bytes(signed(graph_of_locator(reader.locator), reader.locator.description, locator))
    recogniser.write_bytes(signed(graph_of(reader.recogniser), reader.recogniser.description, recogniser))
    return locator, recogniser


@pytest.fixture(scope="module")
def ort_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with the names of the runtime's, for what is tested without a browser."""
    folder = tmp_path_factory.mktemp("ort")
    for name in ORT_FILES:
        (folder / name).write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def address(models: tuple[Path, Path]) -> Iterator[str]:
    if not all((ORT / name).is_file() for name in ORT_FILES):
        pytest.skip("onnxruntime-web is not here: the page is not tested (make page)")
    with open_page_server(*models, None, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The page on a phone's screen, loaded, and offline from then on."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, accept_downloads=True)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]")
    context.set_offline(True)
    yield page
    context.close()


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def drawn(mode: str = "L", turned: float = 0) -> bytes:
    """A small page in two columns, as PNG."""
    page = Image.new(mode, (320, 200), {"L": 235, "RGB": (240, 230, 215), "RGBA": (0, 0, 0, 0)}[mode])
    draw = ImageDraw.Draw(page)
    for row, words in enumerate((("Coffee", "2.50"), ("Black tea 3", "10.75"), ("Total", "13.25"), ("Thank you", ""))):
        for left, text in zip((16, 220), words, strict=True):
            draw.text(
                (left, 20 + 44 * row), text, font=ImageFont.load_default(24), fill=(20,) * len(page.getbands()[:3])
            )
    return png(
        page.rotate(turned, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC) if turned else page
    )


def expect_equal(found: dict[str, Any], page: Page) -> None:
    """The same lines, in one order, with equal texts; points within `OFF_PX`."""
    assert [line["text"] for line in found["lines"]] == [line.text for line in page.lines]
    assert found["text"] == page.text
    assert (found["width"], found["height"]) == (page.width, page.height)
    aside = 0
    for read, line in zip(found["lines"], page.lines, strict=True):
        assert np.abs(np.array(read["polygon"]) - np.array(line.polygon)).max() <= OFF_PX
        assert np.abs(np.array(read["box"]) - np.array(line.box)).max() <= OFF_PX
        assert read["confidence"] == pytest.approx(line.confidence, abs=0.05)
        assert read["found"] == pytest.approx(line.found, abs=0.05)  # a pixel more or less in a short line
        frame_px = (line.box[3] - line.box[1]) / 6  # eight are as wide as the line was cut high
        extents = [line.part(*extent) for extent in line.extents]
        for character, wanted, polygon in zip(read["characters"], line.characters, extents, strict=True):
            assert character["text"] == wanted.text
            off_px = np.abs(np.array(character["polygon"]) - np.array(polygon)).max()
            aside += off_px > OFF_PX + 1  # edges are whole pixels
            assert off_px <= OFF_PX + 1 + frame_px, wanted
    assert aside <= MOST_ASIDE


@pytest.mark.browser
@pytest.mark.parametrize(("mode", "turned"), [("L", 0), ("RGB", 6), ("RGBA", 0)])
def test_the_browser_reads_drawn_pages_as_python_does(
    opened: Any, reader: PageReader, mode: str, turned: float
) -> None:
    picture = drawn(mode, turned)
    page = reader.read_page(picture)
    assert len(page.lines) >= 6
    assert "Coffee" in page.text
    expect_equal(opened.evaluate(READ, base64.b64encode(picture).decode()), page)


@pytest.mark.browser
@pytest.mark.real
@pytest.mark.timeout(900)
def test_the_browser_reads_real_pages_as_python_does(opened: Any, reader: PageReader) -> None:
    folder = REAL_DATA / "pages_sroie"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    files = [*sorted((folder / "test").glob("*.jpg")), *sorted((folder / "train").glob("*.jpg"))][:N_PAGES]
    assert len(files) == N_PAGES
    for file in files:
        picture = file.read_bytes()
        expect_equal(opened.evaluate(READ, base64.b64encode(picture).decode()), reader.read_page(picture))


def chosen(opened: Any, path: Path, content: bytes) -> None:
    """Choose a file, and wait until it was read."""
    path.write_bytes(content)
    opened.set_input_files("#file", path)
    opened.wait_for_function("document.getElementById('working').hidden")


@pytest.mark.browser
def test_a_page_that_was_read_is_shown_and_taken_away(opened: Any, reader: PageReader, tmp_path: Path) -> None:
    opened.evaluate(
        """() => {
        window.steps = [];
        new MutationObserver(() => steps.push(step.textContent)).observe(step, { childList: true });
    }"""
    )
    picture = drawn()
    page = reader.read_page(picture)
    chosen(opened, tmp_path / "menu.png", picture)
    n = len(page.lines)
    assert opened.locator("#frame polygon").count() == n
    assert opened.locator("#lines li").all_inner_texts() == [line.text for line in page.lines]
    assert f"{n} lines in reading order" in opened.inner_text("#note")
    steps = opened.evaluate("steps")
    assert "menu.png: locating the lines" in steps
    assert [f"menu.png: line {k} of {n}" for k in range(1, n + 1)] == [step for step in steps if ": line" in step]
    opened.locator("#lines li").nth(2).click()
    assert opened.locator("#frame polygon.on").count() == 1
    for link, name in (("#as-text", "menu.txt"), ("#as-json", "menu.json")):
        with opened.expect_download() as download:
            opened.click(link)
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
    assert (tmp_path / "menu.txt").read_text("utf-8") == page.text + "\n"
    record = json.loads((tmp_path / "menu.json").read_text("utf-8"))
    assert (record["image"], record["page"]) == ("menu.png", 1)
    expect_equal(record, page)
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.click("#copy")
    opened.wait_for_function("document.getElementById('copy').textContent === 'Copied'")
    assert opened.evaluate("navigator.clipboard.readText()") == page.text
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"no picture", "PNG, JPEG, WebP, BMP are read on this page"), (drawn()[:500], "damaged, or too large")],
)
def test_what_is_no_picture_is_named(opened: Any, tmp_path: Path, content: bytes, reason: str) -> None:
    chosen(opened, tmp_path / "notes.png", content)
    trouble = opened.inner_text("#trouble")
    assert trouble.startswith("notes.png cannot be read: ")
    assert reason in trouble
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_a_picture_without_text_says_so(opened: Any, tmp_path: Path) -> None:
    chosen(opened, tmp_path / "empty.png", png(Image.new("L", (160, 120), 240)))
    assert "No text was found" in opened.inner_text("#note")
    assert opened.locator("#frame polygon").count() == 0
    assert not opened.is_visible("#trouble")


@pytest.mark.browser
def test_models_that_do_not_load_are_said(browser: Any, address: str) -> None:
    page = browser.new_context().new_page()
    page.route("**/locator.onnx", lambda route: route.fulfill(status=404, body=""))
    page.goto(address)
    page.wait_for_selector("body[data-failed=yes]")
    assert "/locator.onnx could not be fetched (404)" in page.inner_text("#about")
    page.context.close()


CANVAS_CAMERA = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  const getUserMedia = async () => { // a stream has a picture once one is painted
    setInterval(() => context.fillRect(0, 0, 320, 240), 50);
    return canvas.captureStream();
  };
  Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
}"""


@pytest.mark.browser
def test_a_camera_is_used_or_missed(opened: Any) -> None:
    opened.click("#photograph")
    opened.wait_for_function("document.getElementById('trouble').textContent.includes('no camera was found')")
    assert "Choose a picture instead." in opened.inner_text("#trouble")
    opened.evaluate(CANVAS_CAMERA)
    opened.click("#photograph")
    opened.wait_for_function("document.getElementById('video').videoWidth > 0")
    opened.click("#shoot")
    opened.wait_for_function("document.querySelector('#names button:last-child')?.textContent === 'photo.png'")
    assert "No text was found" in opened.inner_text("#note")
    assert not opened.is_visible("#live")
    opened.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined, configurable: true })")
    opened.click("#photograph")
    opened.wait_for_selector("#trouble:not([hidden])")
    assert "only on pages from this machine or over https" in opened.inner_text("#trouble")
    opened.evaluate("delete navigator.mediaDevices")


def test_all_but_the_runtime_is_a_small_download(models: tuple[Path, Path], ort_folder: Path) -> None:
    routes = page_routes(*models, ort_folder)
    own = {name: len(fetch()) for name, (_, fetch) in routes.items() if not name.startswith("ort/")}
    assert {"", "whole/worker.js", "locator.onnx", "recogniser.json"} <= own.keys()
    assert sum(own.values()) <= MOST_BYTES


def test_models_that_are_exchanged_or_alone_are_named(models: tuple[Path, Path], ort_folder: Path) -> None:
    locator, recogniser = models
    with pytest.raises(CheckpointError, match=r"recogniser\.onnx: holds a student, not a locator.*: exchange the two"):
        open_page_server(recogniser, locator, ort_folder, "127.0.0.1", 0)
    with pytest.raises(CheckpointError, match=r"recogniser\.onnx: holds a student, not a locator that finds lines$"):
        open_page_server(recogniser, recogniser, ort_folder, "127.0.0.1", 0)
    with pytest.raises(CheckpointError, match="holds a locator, which finds the lines"):
        open_page_server(locator, locator, ort_folder, "127.0.0.1", 0)
    with pytest.raises(CheckpointError, match=r"distill demo LOCATOR --recogniser MODEL"):
        open_server(locator, ort_folder, "127.0.0.1", 0)
