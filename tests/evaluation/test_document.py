"""One report as Markdown that a terminal shows as it is, and as a page on which nothing is taken for a tag."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.evaluation.document import (
    Block,
    Code,
    Heading,
    Items,
    Paragraph,
    Picture,
    Samples,
    Strong,
    Table,
    as_markdown,
)
from distill.evaluation.document_page import MOST_BYTES, MOST_PX, as_page

HEBREW = "\u05d0\u05d1 12"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("a<b&c", "`a<b&c`"),
        ("a`b", "``a`b``"),
        ("`a``", "``` `a`` ```"),
        (" a ", "`  a  `"),
        ("  ", "`  `"),
        ("", "(nothing)"),
        ("a\tb\nc", "`a\\tb\\nc`"),
        (HEBREW, f"\u2068`{HEBREW}`\u2069"),
    ],
)
def test_a_text_is_shown_letter_by_letter(text: str, span: str) -> None:
    assert as_markdown([Paragraph(Code(text))]) == f"{span}\n"


def test_no_cell_breaks_its_row_and_no_word_is_a_tag() -> None:
    table = Table(["a|b", "n"], [[Code("x|y"), "1"], [["<b> ", Strong("now")], "2"]])
    assert as_markdown([Heading("All"), table]) == (
        "## All\n\n| a\\|b | n |\n|---|---:|\n| `x\\|y` | 1 |\n| \\<b> **now** | 2 |\n"
    )
    assert as_markdown([Paragraph(Picture("a.png", "a[1].png"))]) == "![a\\[1\\].png](a.png)\n"
    assert as_markdown([Items(["one", ["two ", Code("3")]])]) == "1. one\n2. two `3`\n"


def test_the_page_holds_its_pictures_and_escapes_what_comes_from_data(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((20, 60), np.uint8)).save(tmp_path / "small.png")
    noise = np.random.default_rng(0).integers(0, 255, (300, 1500), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    blocks: list[Block] = [
        Paragraph(Picture("large.png", "<i>")),
        Samples(["label", "student"], [(Picture("small.png", 'a"b'), [Code("<script>"), Code("x", wrong=True)])]),
        Table(["<t>", "n"], [[Code(HEBREW), "3"]]),
    ]
    page = as_page("<title>", blocks, tmp_path)
    assert "<script" not in page
    assert "<i>" not in page
    assert "&lt;script&gt;" in page
    assert f'<code dir="auto">{HEBREW}</code>' in page
    assert '≠ <code dir="auto" class="wrong">x</code>' in page
    assert "http" not in page
    large, small = (base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", page))
    assert small == (tmp_path / "small.png").read_bytes()
    assert len(large) < MOST_BYTES * 2
    (tmp_path / "read.jpg").write_bytes(large)
    assert max(Image.open(tmp_path / "read.jpg").size) == MOST_PX[0]
