"""Readings and lines as a notebook shows them: every text escaped, pictures inside, long lists counted."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

import students
from students.errors import DataError
from students.image import ImageInput
from students.reading import Character, Reading
from students.showing import HEIGHT_PX, SHOWN, WIDTH_PX, Readings, code, marked, picture_address, shown_readings
from tests.samples import png_bytes, write_student

EVIL = '<script>alert("&")</script>'


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def reading(text: str, confidence: float = 0.99) -> Reading:
    characters = tuple(Character(c, confidence, i, i + 1) for i, c in enumerate(text))
    return Reading(text, confidence, characters, alternatives=((EVIL, 0.01),))


@pytest.mark.parametrize("confidence", [0.99, 0.7, 0.2])
def test_whatever_was_read_is_shown_as_text(confidence: float) -> None:
    shown = Tags(reading(EVIL, confidence)._repr_html_())
    assert "script" not in shown.tags
    assert shown.text.count(EVIL) == 2  # the reading, and another text
    assert f"{confidence:.3f}" in shown.text
    assert ("span" in shown.tags) == (confidence < 0.9)


def test_nothing_is_said_to_be_nothing() -> None:
    assert "(nothing)" in marked(Reading("", 1.0))
    assert "(nothing)" in code("")
    assert code(None) == "(no label)"
    assert EVIL in Tags(code(EVIL)).text


def test_a_long_list_is_counted() -> None:
    shown = Tags(Readings([reading("ab")] * (SHOWN + 40))._repr_html_())
    assert shown.tags.count("tr") == SHOWN + 1
    assert f"{SHOWN} of {SHOWN + 40} lines" in shown.text
    assert "of" not in Tags(Readings([reading("ab")])._repr_html_()).text


def test_pictures_are_small_copies_inside_the_page() -> None:
    address = picture_address(png_bytes(200, 4000))
    kind, data = address.split(",", 1)
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.width <= WIDTH_PX
        assert picture.height <= HEIGHT_PX
    with pytest.raises(DataError, match="image"):
        picture_address(b"no picture")


def test_a_reader_shows_what_it_reads(tmp_path: Path) -> None:
    reader = students.load(write_student(tmp_path / "model.safetensors"))
    images: list[ImageInput] = [png_bytes(seed=i) for i in range(3)]
    readings = reader.read(images)
    assert isinstance(readings, list)
    assert readings == [reader.read(image) for image in images]
    shown = reader.show(images)
    assert Tags(shown._repr_html_()).tags.count("img") == 3
    assert shown == shown_readings(images, readings)
    assert Tags(reader.show(images[0])._repr_html_()).tags.count("img") == 1
