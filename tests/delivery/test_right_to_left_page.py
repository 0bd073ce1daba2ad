"""Right-to-left lines on the pages: in the browser as in Python, and on the page of doubtful lines."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import students
from distill.delivery.demo import BIDI_FILE, ORT_FILES, open_server
from distill.delivery.export.graph import graph_of, signed
from distill.delivery.review import Doubtful, write_review
from students.charset import Charset
from students.direction import runs_right_to_left
from students.errors import UserError
from students.reading import Character, Reading
from tests.samples import png_bytes, write_talkative

ORT = Path(__file__).parents[2] / "distill" / "delivery" / "pages" / "ort"
HEBREW, ARABIC = "\u05d0\u05d1\u05d2\u05d3\u05d4\u05d5\u05d6\u05d7\u05b8", "\u0633\u0644\u0627\u0645\u064e\u0661\u0662"
CHARSET = Charset(characters=f"{HEBREW}{ARABIC}abAB 0123.,:-()[]%\U00010900").for_lines()
N_LINES = 12
READ = """async (encoded) => {
  const blob = await (await fetch("data:image/png;base64," + encoded)).blob();
  const { text, confidence, characters } = await readBlob(blob);
  return { text, confidence, characters: characters.map((c) => [c.text, c.start, c.end]) };
}"""


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    reader = students.load(write_talkative(tmp_path / "model.safetensors", CHARSET))
    path = tmp_path / "model.onnx"
    path.write_bytes(signed(graph_of(reader), reader.description, path))
    return path


@pytest.fixture
def address(exported: Path) -> Iterator[str]:
    if not all((ORT / name).is_file() for name in (*ORT_FILES, BIDI_FILE)):
        pytest.skip("onnxruntime-web or bidi-js is not here: the page is not tested (make page)")
    with open_server(exported, None, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.browser
def test_the_browser_orders_lines_as_python_does(browser, address: str, exported: Path) -> None:
    pictures = [png_bytes(width=60 + 20 * seed, seed=seed) for seed in range(N_LINES)]
    reader = students.load(exported)
    assert reader.description.charset == CHARSET
    expected = reader.read(pictures)
    turned = [reading for reading in expected if runs_right_to_left(reading.text)]
    assert len(turned) > N_LINES / 2
    assert any(
        [c.start for c in reading.characters] != sorted(c.start for c in reading.characters) for reading in turned
    )
    page = browser.new_context().new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready=yes]")
    for picture, reading in zip(pictures, expected, strict=True):
        read = page.evaluate(READ, base64.b64encode(picture).decode())
        assert read["text"] == reading.text
        assert read["confidence"] == pytest.approx(reading.confidence, rel=1e-3, abs=1e-9)
        assert read["characters"] == [[c.text, c.start, c.end] for c in reading.characters]
    bars = page.locator("#doubts > div").all_inner_texts()
    in_picture = sorted(expected[-1].characters, key=lambda c: c.start)
    assert [bar.strip() for bar in bars] == [c.text.strip() for c in in_picture]


def test_what_orders_such_lines_is_asked_for_where_a_model_writes_them(exported: Path, tmp_path: Path) -> None:
    for name in ORT_FILES:
        (tmp_path / name).write_bytes(b"here")
    with pytest.raises(UserError, match=r"lacks bidi\.mjs of bidi-js; run `make page`"):
        open_server(exported, tmp_path, "127.0.0.1", 0)


def test_the_page_of_doubtful_lines_has_stored_text_over_the_right_places(tmp_path: Path) -> None:
    (tmp_path / "line.png").write_bytes(png_bytes(width=100))
    characters = (Character("\u05d0", 0.9, 6, 8), Character("(", 0.8, 4, 6), Character("1", 0.7, 0, 2))
    reading = Reading("\u05d0(1", 0.5, characters, (("\u05d1(1", 0.1),), frames=8)
    charset = Charset(characters="\u05d0\u05d11)").for_lines()
    preparation = students.Preparation(width_quantum_px=4)
    write_review(tmp_path / "review.html", [Doubtful(tmp_path / "line.png", tmp_path, reading)], charset, preparation)
    found = re.search(r'id="data">(.*?)</script>', (tmp_path / "review.html").read_text("utf-8"), re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert set(data["charset"]) == set("\u05d0\u05d11()")  # with the bracket that is drawn as the one in the charset
    (line,) = data["lines"]
    assert line["text"] == "\u05d0(1"
    assert line["alternatives"] == [["\u05d1(1", 0.1]]
    assert [(text, left) for text, _, left, _ in line["characters"]] == [("\u05d0", 0.75), ("(", 0.5), ("1", 0.0)]
