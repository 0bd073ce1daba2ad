"""Text files in another encoding: the one that they seem to be in is named by everything that reads such a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from distill.adoption.dictionary import read_lists
from distill.cli import main
from distill.data.formats.contents import text_of
from distill.recipe.file import load_recipe
from distill.synthesis.text_files import utf8_of
from students.encodings import LOOKED_AT, seems_to_be
from students.errors import UserError
from students.words import read_words

TEXTS = {
    "GB18030": "简体中文的词表，还有频率",
    "BIG5": "繁體中文的詞表與頻率",
    "SHIFT_JIS": "日本語のテキスト、かなと漢字",
    "CP1252": "Größe, café et naïveté",
    "UTF-16": "第一章",
}


@pytest.mark.parametrize(("encoding", "text"), TEXTS.items())
def test_the_encoding_that_a_text_seems_to_be_in(encoding: str, text: str) -> None:
    assert seems_to_be(text.encode(encoding)) == encoding


def test_a_character_that_is_cut_through_and_ascii_before_it_are_no_hindrance() -> None:
    data = b"plain\n" * LOOKED_AT + ("简体中文" * LOOKED_AT).encode("gb18030")
    assert seems_to_be(data, data.index("简".encode("gb18030"))) == "GB18030"
    assert seems_to_be(data) is None, "nothing beyond ASCII stands where it looks"


def test_bytes_of_no_text_seem_to_be_nothing() -> None:
    assert seems_to_be(b"\x81\xff\x81\xff") is None


@pytest.mark.parametrize(
    "read",
    [
        read_words,
        read_lists,
        utf8_of,
        lambda path: text_of(path.read_bytes(), path),
        lambda path: load_recipe(str(path), []),
    ],
    ids=["--words", "dictionary of a teacher", "words of rendered lines", "labels", "recipe"],
)
def test_what_reads_a_text_file_names_the_encoding_that_it_seems_to_be_in(
    read: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(("\n".join(TEXTS["GB18030"])).encode("gb18030"))
    with pytest.raises(UserError, match=r"text\.txt: .*it seems to be GB18030: `iconv -f GB18030 -t UTF-8`"):
        read(path)


def test_a_language_model_is_not_counted_of_a_text_in_another_encoding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_bytes(TEXTS["BIG5"].encode("big5"))
    assert main(["lm", str(tmp_path / "text.txt"), str(tmp_path / "lm")]) == 2
    assert "it seems to be BIG5" in capsys.readouterr().err
