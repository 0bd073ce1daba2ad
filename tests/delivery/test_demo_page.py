"""The page in a browser: what it reads there is what the Python reader reads, line by line."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import students
from distill.delivery.demo import ORT_FILES, open_server
from distill.delivery.export.graph import graph_of, signed
from students.charset import Charset
from tests.samples import png_bytes, write_talkative

pytestmark = pytest.mark.browser

ORT = Path(__file__).parents[2] / "distill" / "delivery" / "pages" / "ort"
N_LINES, N_TALL = 60, 8
READ = """async (encoded) => {
  const blob = await (await fetch("data:image/png;base64," + encoded)).blob();
  const { text, confidence, characters } = await readBlob(blob);
  return { text, confidence, characters: characters.map((c) => c.confidence) };
}"""


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> students.Reader:
    """A student with random weights, and a head that seldom prefers the blank; it reads tall pictures in three ways."""
    charset = Charset(characters="abcdefghijklmnopqrstuvwxyzABCDEFGHIJ 0123456789.,:€")
    path = write_talkative(tmp_path_factory.mktemp("student") / "model.safetensors", charset)
    return students.load(path, turned="surer")


@pytest.fixture(scope="module")
def address(talkative: students.Reader) -> Iterator[str]:
    if not all((ORT / name).is_file() for name in ORT_FILES):
        pytest.skip("onnxruntime-web is not here: the page is not tested (make page)")
    path = talkative.path.with_name("model.onnx")
    path.write_bytes(signed(graph_of(talkative), talkative.description, path))
    with open_server(path, None, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_browser_reads_real_lines_as_python_does(
    browser, address: str, talkative: students.Reader, real_data: Path
) -> None:
    rows = pq.read_table(real_data / "sroie_lines" / "test.parquet").slice(0, N_LINES).to_pylist()
    pictures = [row["image"]["bytes"] for row in rows] + [png_bytes(120, 40 + i, seed=i) for i in range(N_TALL)]
    expected = talkative.read(pictures)
    assert len({reading.text for reading in expected}) > N_LINES / 2  # they have something to differ in
    assert {reading.quarters for reading in expected[-N_TALL:]} >= {1, 3}
    page = browser.new_context().new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]")
    page.context.set_offline(True)
    for picture, reading in zip(pictures, expected, strict=True):
        read = page.evaluate(READ, base64.b64encode(picture).decode())
        assert read["text"] == reading.text
        assert read["confidence"] == pytest.approx(reading.confidence, rel=1e-3, abs=1e-9)
        assert read["characters"] == pytest.approx([c.confidence for c in reading.characters], abs=1e-3)
    assert page.inner_text("#text") == expected[-1].text
    assert troubles == []


HAND_OVER = """([encoded, how]) => {
  const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], "line.png", { type: "image/png" }));
  const event = how === "drop"
    ? new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: files, bubbles: true });
  document.body.dispatchEvent(event);
}"""


def test_pictures_come_by_choice_photograph_drop_and_paste_and_parts_by_dragging(
    browser, address: str, talkative: students.Reader, tmp_path: Path
) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]")
    for number, how in enumerate(("#file", "#camera", "drop", "paste")):
        picture = png_bytes(width=150 + 40 * number, seed=number)
        if how.startswith("#"):
            (tmp_path / "line.png").write_bytes(picture)
            page.set_input_files(how, tmp_path / "line.png")
        else:
            page.evaluate(HAND_OVER, [base64.b64encode(picture).decode(), how])
        wanted = talkative.read(picture)
        page.wait_for_function("text => document.getElementById('text').innerText === text", arg=wanted.text)
        assert f"{100 * wanted.confidence:.1f} % confidence" in page.inner_text("#confidence")
        assert page.locator("#doubts > div").count() == len(wanted.characters)
    assert page.locator("#rows tr").count() == 4
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 1)
    page.mouse.up()
    page.wait_for_function("text => document.getElementById('text').innerText !== text", arg=wanted.text)
    assert page.locator("#rows tr").count() == 4  # a part of a picture is no new one


def test_a_file_that_is_no_picture_is_named_on_the_page(browser, address: str, tmp_path: Path) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]")
    (tmp_path / "no.png").write_text("not a picture")
    page.set_input_files("#file", tmp_path / "no.png")
    page.wait_for_selector("#trouble:not([hidden])")
    assert "cannot be read" in page.inner_text("#trouble")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing sticks out on a phone
