"""Stored and drawn order of right-to-left and mixed lines. Hebrew is written here as escapes where order matters."""

from __future__ import annotations

import re
import sys

import pytest
from bidi import get_display
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from students import direction
from students.direction import base_of, mirrored, needs_reordering, runs_right_to_left, to_logical, to_visual
from students.errors import DataError

A, B, C, D = "\u05d0\u05d1\u05d2\u05d3"  # the first letters of the Hebrew alphabet
SIN, LAM, ALEF, MEEM = "\u0633\u0644\u0627\u0645"  # the letters of an Arabic word
QAMATS, FATHA = "\u05b8", "\u064e"
SHEQEL = "\u20aa"
ONE, TWO, THREE = "\u0661\u0662\u0663"  # Arabic digits

DRAWN = {
    "a word": (A + B + C, C + B + A),
    "two words": (f"{A}{B} {C}", f"{C} {B}{A}"),
    "a number behind a word": (f"{A}{B} 123", f"123 {B}{A}"),
    "a number first": (f"123 {A}{B}", f"{B}{A} 123"),
    "a telephone number": (f"{A}. 03-1234567", f"03-1234567 .{A}"),
    "a Latin name with its number": (f"{A}{B} abc 15 {C}", f"{C} abc 15 {B}{A}"),
    "Latin first": (f"abc def {A}{B}", f"abc def {B}{A}"),
    "a price": (f"{A}{B}: 19.90{SHEQEL}", f"19.90{SHEQEL} :{B}{A}"),
    "a price behind a Latin word": (f"{A}{B} USB: 19.90{SHEQEL}", f"USB: 19.90{SHEQEL} {B}{A}"),
    "brackets": (f"{A} ({B}{C}) [1]", f"[1] ({C}{B}) {A}"),
    "two pairs, one behind Latin": (f"{A} ({B}) a(b)", f"a(b) ({B}) {A}"),
    "brackets about Latin": (f"{A} (abc) {B}", f"{B} (abc) {A}"),
    "a list": (f"{A})  {B}", f"{B}  ({A}"),
    "a full stop in quotes": (f'"{A}{B}".', f'."{B}{A}"'),
    "an Arabic word": (SIN + LAM + ALEF + MEEM, MEEM + ALEF + LAM + SIN),
    "a date behind Arabic letters, whose parts are turned": (f"{SIN}{LAM} 12-03-2024", f"2024-03-12 {LAM}{SIN}"),
    "a date behind Hebrew letters, which is one number": (f"{A}{B} 12-03-2024", f"12-03-2024 {B}{A}"),
    "a sum behind Arabic letters": (f"{SIN}{LAM} 31.3-0", f"0-31.3 {LAM}{SIN}"),
    "a range in two notations": (f"{SIN} 30-130/0", f"130/0-30 {SIN}"),
    "shares behind an Arabic letter": (f"{LAM}3.%2", f"2%.3{LAM}"),
    "numbers and a share behind an Arabic letter": (f"{SIN}22 2%:2", f"2:%2 22{SIN}"),
    "a share": (f"{SIN}{LAM} 50%", f"%50 {LAM}{SIN}"),
    "Arabic digits": (f"{SIN}{LAM} {ONE}{TWO}{THREE}", f"{ONE}{TWO}{THREE} {LAM}{SIN}"),
    "Arabic digits alone": (f"{ONE}{TWO} {THREE}", f"{THREE} {ONE}{TWO}"),
    "vowels stay behind their letter": (f"{A}{QAMATS}{B} {C}{QAMATS}", f"{C}{QAMATS} {B}{A}{QAMATS}"),
    "vowels in Arabic": (f"{SIN}{FATHA}{LAM}", f"{LAM}{SIN}{FATHA}"),
    "Latin": ("Plain (text) 12", "Plain (text) 12"),
    "spaces at the ends": (f" {A}{B}", f"{B}{A} "),
}


@pytest.mark.parametrize(("stored", "drawn"), DRAWN.values(), ids=DRAWN.keys())
def test_a_line_is_drawn_as_it_should_be_and_read_back(stored: str, drawn: str) -> None:
    assert to_visual(stored).text == drawn
    assert to_visual(to_logical(drawn).text).text == drawn
    if stored != DRAWN["Latin first"][0]:  # a line that runs to the right
        assert to_logical(drawn, "R").text == stored


@pytest.mark.parametrize(("stored", "drawn"), DRAWN.values(), ids=DRAWN.keys())
def test_every_character_knows_its_place(stored: str, drawn: str) -> None:
    for source, (text, places) in ((stored, to_visual(stored)), (drawn, to_logical(drawn))):
        assert sorted(places) == list(range(len(source)))
        assert all(c in (source[place], mirrored(source[place])) for c, place in zip(text, places, strict=True))


def test_the_direction_is_that_of_most_letters_where_a_line_could_run_either_way() -> None:
    assert to_visual(f"abc {A}{B}").text == to_visual(f"{A}{B} abc").text[::1] == f"abc {B}{A}"
    assert to_logical(f"abc {B}{A}").text == f"abc {A}{B}"
    assert to_logical(f"ab {C}{B}{A}").text == f"{A}{B}{C} ab"
    assert to_logical(f"ab {B}{A}").text == f"{A}{B} ab"


def test_the_labels_tell_the_direction_of_lines_that_could_run_either_way() -> None:
    catalogue = [f"{A}{B} abcdef", f"{A} xyz 15", f"{A}{B}{C}"]
    assert base_of(catalogue) == "R"
    assert to_logical(to_visual(catalogue[0]).text, "R").text == catalogue[0] != to_logical(f"abcdef {B}{A}").text
    assert base_of([f"abc {A}{B}{C}{D}", f"x {A}{B}"]) == "L"
    assert base_of([f"abc {A}{B}", f"{A}{B} x", "abc"]) is None
    assert base_of([A, "abc"]) is None
    assert to_logical(f"12 abc {B}{A}", "R").text == f"12 abc {A}{B}"  # no line to the left is drawn so


def test_the_direction_of_most_lines_decides_where_that_of_most_letters_is_more_often_wrong() -> None:
    two_wrong_and_one_right = [f"a {A}{B}{C}{D}", f"b {A}{B}{C}{D}", f"{A}{B}{C} ab"]
    assert base_of(two_wrong_and_one_right) == "L"
    assert base_of([*two_wrong_and_one_right[:2], A, B, C, "abc", "def"]) == "L"  # others have no say
    assert base_of([f"abc {A}{B}{C}{D}", f"{A}{B} abcdef"]) == "R"  # as many of both
    assert base_of([f"{A}{B}{C} ab"]) is None
    assert base_of([f"abc {A}", f"{A}{B}{C} ab", f"{A} bcd"]) is None  # as often wrong as the lines that run otherwise


def test_direction_marks_order_a_line_and_are_not_drawn() -> None:
    right_to_left_mark = "\u200f"
    assert to_visual(f"{A} abc!").text == f"!abc {A}"
    assert to_visual(f"{right_to_left_mark}abc {A}").text == f"{A} abc"
    assert to_visual(f"abc {A}").text == f"abc {A}"
    assert needs_reordering(right_to_left_mark)
    assert not runs_right_to_left(f"abc{right_to_left_mark}")


def test_other_text_does_not_run_to_the_left() -> None:
    for text in ("", "plain", "Ünï \u0301", "漢字", "हिन्दी", "12 €", "😀", "\U000e0067"):
        assert not runs_right_to_left(text)
    for text in (A, f"plain {A}", SIN, ONE, "\U00010900"):
        assert runs_right_to_left(text)


LETTERS = {
    "Hebrew": f"{A}{B}{C}{D} ",
    "with numbers": f"{A}{B}{C} 0123.,:/-+%{SHEQEL}",
    "with punctuation": f"{A}{B}{C} .,!?()[]\"'-",
    "Arabic": f"{SIN}{LAM}{ALEF}{MEEM} 0123.,:/-%()",
}
SIGN_BETWEEN = re.compile(rf"\d[.,:/+-]?[%{SHEQEL}]+[.,:/+-]?[%{SHEQEL}]*\d")  # 0:%0 and %0:0 may be drawn alike
EVERYTHING = f"{A}{B}{C}{SIN}{LAM}{QAMATS} abX012{ONE}{TWO}.,:-()[]%/"


@pytest.mark.parametrize("letters", LETTERS.values(), ids=LETTERS.keys())
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_lines_in_one_script_with_numbers_come_back(letters: str, data: st.DataObject) -> None:
    stored = letters[0] + data.draw(st.text(letters, max_size=14))
    assume(not SIGN_BETWEEN.search(stored))
    assert to_logical(to_visual(stored).text).text == stored


@settings(max_examples=80, deadline=None)
@given(st.text(EVERYTHING, min_size=1, max_size=16))
def test_order_is_that_of_the_library_and_no_character_is_lost(stored: str) -> None:
    drawn, places = to_visual(stored)
    if not set(stored) & {QAMATS}:  # which the library leaves in front of their letter
        assert "".join(stored[place] for place in places) == get_display(stored)
    logical, back = to_logical(drawn)
    assert sorted(places) == sorted(back) == list(range(len(stored)))
    assert sorted(map(mirrored, logical)) == sorted(map(mirrored, logical[::-1]))


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bidi", None)
    direction._library.cache_clear()
    with pytest.raises(DataError, match=r"pip install 'crnn-distill\[bidi\]'"):
        to_visual(A)
    assert not runs_right_to_left("plain text needs none")


def test_a_character_without_a_width_is_one_of_the_line_and_lost_in_neither_order() -> None:
    tag, joiner = "\U000e0067", "\u200d"
    assert to_visual(f"{tag}{A}{B}") == (f"{B}{A}{tag}", (2, 1, 0))
    assert to_visual(f"{joiner}{A}{B} abc") == (f"abc {B}{A}{joiner}", (4, 5, 6, 3, 2, 1, 0))
    for stored in (f"{A}{tag}{B}", f"{tag}abc", f"\u200babc {A}"):
        assert to_logical(to_visual(stored).text).text == stored


def test_long_lines_are_turned_too_and_one_too_long_to_be_one_is_refused() -> None:
    assert to_visual(A * 150 + B * 150).text == B * 150 + A * 150
    assert to_visual(A * 9024 + B).places[0] == 9024
    with pytest.raises(DataError) as caught:
        to_visual(A * 9026)
    assert str(caught.value) == f"a line of 9026 characters, '{A * 20}'...: too long to be one"
