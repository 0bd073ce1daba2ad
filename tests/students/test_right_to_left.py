"""Right-to-left lines through charset and decoders: classes stand as they are drawn, readings as text is stored."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from students import direction
from students.charset import BLANK, Charset
from students.decoder import decoder_of
from students.decoding_settings import Beam, Greedy
from students.errors import DataError
from students.image import Preparation
from students.language import CharacterModel, count_text, language_for, read_language, write_language
from students.reading import Reading

A, B, C, D = "\u05d0\u05d1\u05d2\u05d3"
LABELS = [f"{A}{B}{C} 123", f"{D}{A} (USB) 4.50", f"{A}\u05b8{B}", "Plain 12", f"{B}-{C}{C}"]
CHARSET = Charset.of_lines(LABELS)
FRAMES_EACH = 2


def posteriors(drawn: str, charset: Charset = CHARSET, doubt: dict[int, str] | None = None) -> np.ndarray:
    """Log-posteriors (1, T, C) of a picture with these glyphs: two frames each, at places of `doubt` torn in two."""
    p_TC = np.full((FRAMES_EACH * len(drawn), charset.n_classes), 1e-4)
    for place, glyph in enumerate(drawn):
        p_TC[FRAMES_EACH * place, BLANK] = 1.0
        other = (doubt or {}).get(place, glyph)
        p_TC[FRAMES_EACH * place + 1, charset.characters.index(other) + 1] += 0.4
        p_TC[FRAMES_EACH * place + 1, charset.characters.index(glyph) + 1] += 0.6
    return np.log(p_TC / p_TC.sum(1, keepdims=True))[None]


def read(drawn: str, decoding: Greedy | Beam, doubt: dict[int, str] | None = None) -> Reading:
    return decoder_of(decoding, CHARSET)(posteriors(drawn, doubt=doubt))[0]


def test_classes_stand_as_the_picture_shows_them() -> None:
    assert CHARSET.order == "visual"
    numbers = {c: i for i, c in enumerate(CHARSET.characters, 1)}
    assert CHARSET.encode(LABELS[0]) == [numbers[c] for c in f"123 {C}{B}{A}"]
    assert CHARSET.encode("Plain 12") == [numbers[c] for c in "Plain 12"]
    for label in LABELS:
        assert CHARSET.decode(CHARSET.encode(label)) == CHARSET.read_back(label) == label


def test_a_bracket_that_is_drawn_the_other_way_round_has_a_class() -> None:
    charset = Charset.of_lines([f"{A})"])
    assert set(charset.characters) == {A, "("}
    assert charset.decode(charset.encode(f"{A})")) == f"{A})"
    assert set(charset.writable) == {A, "(", ")"}
    with pytest.raises(DataError, match=r"\['\)'\]"):
        charset.encode(f"{A}(")


def test_lines_without_such_letters_have_the_charset_that_they_always_had() -> None:
    charset = Charset.of_lines(["plain", "text 12"])
    assert charset == Charset.of(["plain", "text 12"])
    assert charset.model_dump() == {"characters": charset.characters}
    old = Charset.model_validate({"characters": f"{A}{B}1"})
    assert old.order == "logical"
    assert old.encode(f"{A}{B}1") == [1, 2, 3]
    assert old.decode([1, 2, 3]) == old.read_back(f"{A}{B}1") == f"{A}{B}1"
    assert charset.for_lines() == charset
    assert old.for_lines().order == "visual"
    assert Charset.model_validate(CHARSET.model_dump()) == CHARSET


def test_labels_say_how_lines_are_read_that_could_run_either_way() -> None:
    catalogue = [f"{A}{B} abcdef", f"{A} xyz"]
    charset = Charset.of_lines(catalogue)
    assert charset.base == "R"
    assert [charset.decode(charset.encode(label)) for label in catalogue] == catalogue
    assert Charset.of_lines([f"{A}{B}{C} ab", f"{A}{B}"]).base is None


@pytest.mark.parametrize("decoding", [Greedy(), Beam(), Beam(n_best=3)], ids=["greedy", "beam", "n-best"])
@pytest.mark.parametrize("label", LABELS)
def test_a_reading_is_stored_text_and_each_character_keeps_its_frames(label: str, decoding: Greedy | Beam) -> None:
    drawn = direction.to_visual(label).text
    reading = read(drawn, decoding)
    assert reading.text == label == "".join(c.text for c in reading.characters)
    assert reading.classes == tuple(CHARSET.encode(label))
    for character in reading.characters:
        glyph = drawn[character.start // FRAMES_EACH]
        assert character.text in (glyph, direction.mirrored(glyph))
        assert character.confidence > 0.9
    in_picture = sorted(reading.characters, key=lambda c: c.start)
    extents = dict(zip(reading.characters, reading.extents_px(Preparation(), 32, 8 * len(drawn)), strict=True))
    lefts = [extents[c][0] for c in in_picture]
    assert lefts == sorted(lefts)


def test_alternatives_are_stored_text() -> None:
    reading = read(f"123 {C}{B}{A}", Beam(n_best=2), doubt={4: D})
    assert reading.text == f"{A}{B}{C} 123"
    assert [text for text, _ in reading.alternatives] == [f"{A}{B}{D} 123"]
    assert reading.least_sure is not None
    assert reading.least_sure.text == C


def test_a_word_list_holds_stored_words() -> None:
    words = (f"{A}{B}{D}", "USB", "123")
    assert read(f"123 {C}{B}{A}", Beam(words=words), doubt={4: D}).text == f"{A}{B}{D} 123"
    assert read(f"USB {D}{B}{A}", Beam(words=words)).text == f"{A}{B}{D} USB"


PATTERNS = {
    "letters then digits": (rf"[{A}-{D}]{{2}}{D} \d{{3}}", f"123 {C}{B}{A}", {4: D}, f"{A}{B}{D} 123"),
    "so many letters": (rf"[{A}-{D}]+ \d\d1", f"123 {C}{B}{A}", {2: "1"}, f"{A}{B}{C} 121"),
    "a Latin word in brackets": (rf"[{A}-{D}]+ \([A-Z]+\) \d\.\d0", f"4.20 (USB) {A}{D}", {2: "5"}, ""),
    "a decimal number": (rf"[{A}-{D}]+ \([A-Z]+\) 4[.]\d+", f"4.50 (USB) {A}{D}", {}, f"{D}{A} (USB) 4.50"),
    "no such letters": (r"Plain \d2", "Plain 12", {6: "2"}, "Plain 12"),
    "either": (rf"Plain|[{A}{B}]+", f"{B}{B}{A}", {0: A}, f"{A}{B}{B}"),
}


@pytest.mark.parametrize(("pattern", "drawn", "doubt", "wanted"), PATTERNS.values(), ids=PATTERNS.keys())
def test_a_pattern_is_one_of_stored_text(pattern: str, drawn: str, doubt: dict[int, str], wanted: str) -> None:
    reading = read(drawn, Beam(pattern=pattern), doubt)
    if wanted:
        assert reading.text == wanted
    else:
        assert re.fullmatch(pattern, reading.text)


def test_a_pattern_far_from_the_best_path_is_still_found() -> None:
    reading = read(f"123 {C}{B}{A}", Beam(pattern=rf"{D}{{3}} 4+"))
    assert reading.text.startswith(f"{D}{D}{D} 4")
    assert reading.confidence < 1e-6


def test_a_language_model_counts_lines_as_they_are_drawn(tmp_path: Path) -> None:
    model = count_text([f"{A}{B}{D} 123"] * 3 + ["Plain"], 3)
    write_language(tmp_path / "lines.lm", model)
    assert read_language(tmp_path / "lines.lm").visual
    beam = Beam(language=str(tmp_path / "lines.lm"), language_weight=1.0, length_bonus=0.0)
    assert read(f"123 {C}{B}{A}", Beam(), doubt={4: D}).text == f"{A}{B}{C} 123"
    assert read(f"123 {C}{B}{A}", beam, doubt={4: D}).text == f"{A}{B}{D} 123"


def test_a_language_model_of_the_other_order_is_refused_and_one_of_latin_is_not() -> None:
    drawn, latin = count_text([f"{A}{B}"], 2), count_text(["Plain"], 2)
    stored = CharacterModel(drawn.characters, drawn.order, drawn.grams_G, drawn.counts_G)
    with pytest.raises(DataError, match="distill lm"):
        language_for(stored, CHARSET, 1.0)
    with pytest.raises(DataError, match="otherwise"):
        language_for(drawn, Charset(characters=f"{A}{B}"), 1.0)
    assert not latin.visual
    for charset in (CHARSET, Charset(characters="Plain")):
        language_for(latin, charset, 1.0)


def test_an_alphabet_has_no_order() -> None:
    assert read(f"123 {C}{B}{A}", Greedy(alphabet=f"{A}{B}{C} ")).text == f"{A}{B}{C} "
    assert read(f"123 {C}{B}{A}", Greedy(alphabet="digits")).text == "123"


def test_a_reader_of_such_lines_says_at_once_that_the_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bidi", None)
    direction._library.cache_clear()
    decoder_of(Greedy(), Charset(characters=f"{A}ab"))
    with pytest.raises(DataError, match=r"pip install 'crnn-distill\[bidi\]'"):
        decoder_of(Greedy(), CHARSET)
    with pytest.raises(DataError, match=r"pip install 'crnn-distill\[bidi\]'"):
        Charset.of_lines(LABELS)
