"""Texts for rendered lines from files: how they are cut, balanced and counted."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from distill.synthesis.corpus import character_counts
from distill.synthesis.templates import CHARACTERS
from distill.synthesis.text import TextMix, possible_characters, sample_text, texts_of_mix
from students.errors import DataError

KINDS = [name for name, field in TextMix.model_fields.items() if field.annotation is float]
NOTHING = dict.fromkeys(KINDS, 0.0)
PROSE = """The café opens at nine and closes late.

  A short   line.
Every evening the zookeeper quietly quizzes his ox.
"""


def _sample(root: Path, n: int = 400, **fields: object) -> list[str]:
    mix = TextMix.model_validate(NOTHING | fields)
    generator, texts = torch.Generator().manual_seed(0), texts_of_mix(mix, root)
    return [sample_text(mix, generator, texts) for _ in range(n)]


def _file(folder: Path, text: str) -> str:
    (folder / "text.txt").write_text(text, "utf-8")
    return "text.txt"


def test_a_corpus_is_cut_at_its_words(tmp_path: Path) -> None:
    sampled = _sample(tmp_path, corpus=1, corpus_file=_file(tmp_path, PROSE), min_characters=3, max_characters=20)
    lines = [" ".join(line.split()) for line in PROSE.splitlines()]
    words = {word for line in lines for word in line.split()}
    for text in sampled:
        assert 3 <= len(text) <= 20
        assert set(text.split()) <= words
    assert "A short line." in sampled
    assert len(set(sampled)) > 30


def test_writing_without_spaces_is_cut_between_characters(tmp_path: Path) -> None:
    line = "春眠不覺曉處處聞啼鳥夜來風雨聲花落知多少" * 3
    sampled = _sample(tmp_path, corpus=1, corpus_file=_file(tmp_path, line), min_characters=2, max_characters=8)
    assert all(2 <= len(text) <= 8 and text in line for text in sampled)
    assert len(set(sampled)) > 50


def test_a_word_list_gives_its_words(tmp_path: Path) -> None:
    name = _file(tmp_path, "\ufeffAachen\nNew York\nSão Paulo\n")
    assert {"Aachen", "New York"} <= set(_sample(tmp_path, word_list=1, word_file=name))
    assert all("S" in text or "a" in text or "o" in text for text in _sample(tmp_path, word_list=1, word_file=name))


def test_balanced_words_bring_rare_characters_up(tmp_path: Path) -> None:
    name = _file(tmp_path, "eat tea ate tee\n" * 300 + "zax jynx\n")
    natural, balanced = (
        Counter("".join(_sample(tmp_path, corpus_file=name, **{kind: 1.0}))) for kind in ("corpus", "balanced")
    )
    assert natural["z"] / natural["e"] < 0.05
    assert balanced["z"] / balanced["e"] > 0.2
    assert {"q", "x", "z"} <= set("".join(_sample(tmp_path, balanced=1)))  # without files: the common words


def test_random_strings_use_every_character_alike(tmp_path: Path) -> None:
    counts = Counter("".join(_sample(tmp_path, random=1, alphabet="abc漢字", max_characters=12)))
    assert set(counts) == set("abc漢字")
    assert max(counts.values()) < 1.3 * min(counts.values())


def test_lines_outside_the_alphabet_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    name = _file(tmp_path, "plain line\nnaïve line\n")
    assert set(_sample(tmp_path, corpus=1, corpus_file=name, alphabet="abcdefghijklmnopqrstuvwxyz")) == {"plain line"}
    assert "1 of 2 lines" in caplog.text
    decomposed = "abcdefghijklmnopqrstuvwxyzi\N{COMBINING DIAERESIS}"
    assert set(_sample(tmp_path, corpus=1, corpus_file=name, alphabet=decomposed)) == {"plain line", "naïve line"}
    with pytest.raises(DataError, match=r"text\.alphabet"):
        _sample(tmp_path, corpus=1, corpus_file=name, alphabet="xyz")


def test_fonts_must_have_what_texts_can_give(tmp_path: Path) -> None:
    mix = TextMix.model_validate(NOTHING | {"corpus": 1.0, "corpus_file": _file(tmp_path, "漢字 ab")})
    assert possible_characters(mix, texts_of_mix(mix, tmp_path)) == " ab字漢"
    mixed = mix.model_copy(update={"words": 1.0})
    assert set(possible_characters(mixed, texts_of_mix(mixed, tmp_path))) == {*CHARACTERS, "漢", "字"}
    digits = TextMix.model_validate(NOTHING | {"digits": 1.0})
    assert possible_characters(digits, texts_of_mix(digits, tmp_path)) == " 0123456789"
    assert possible_characters(TextMix(), texts_of_mix(TextMix(), tmp_path)) == "".join(sorted(CHARACTERS))


def test_what_cannot_be_sampled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="corpus_file"):
        TextMix(corpus=1)
    with pytest.raises(ValidationError, match="word_file"):
        TextMix(word_list=1)
    with pytest.raises(ValidationError, match="alphabet"):
        TextMix(alphabet=" ")
    with pytest.raises(DataError, match=r"none\.txt.*data\.root"):
        _sample(tmp_path, corpus=1, corpus_file="none.txt")
    (tmp_path / "latin.txt").write_bytes("Müller".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        _sample(tmp_path, corpus=1, corpus_file="latin.txt")


def test_characters_are_counted_the_frequent_first() -> None:
    assert character_counts(["aab", None, "", "b c"]) == {"a": 2, "b": 2, " ": 1, "c": 1}
