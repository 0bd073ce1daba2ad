"""Charsets: what is encoded comes back, and what cannot be written is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from students.charset import BLANK, Charset, in_one_form, normalise
from students.errors import DataError


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5))
def test_every_text_it_is_made_of_comes_back(texts: list[str]) -> None:
    charset = Charset.of(texts)
    for text in texts:
        classes = charset.encode(text)
        assert BLANK not in classes
        assert charset.decode(classes) == normalise(text)


def test_combining_and_composed_forms_are_one_character() -> None:
    charset = Charset.of(["é"])
    assert charset.encode("e\u0301") == charset.encode("é") == [1]


def test_what_is_missing_is_named() -> None:
    with pytest.raises(DataError, match=r"\['x', 'y'\]"):
        Charset(characters="abc").encode("axby")


@pytest.mark.parametrize("characters", ["", "aba"])
def test_empty_and_doubled_are_refused(characters: str) -> None:
    with pytest.raises(ValidationError):
        Charset(characters=characters)


def test_characters_that_are_one_after_normalisation_are_refused_by_both_their_numbers() -> None:
    assert in_one_form("a雲\ufa10") == "a雲塚"
    with pytest.raises(ValueError, match="characters") as caught:
        in_one_form("\uf901a\u585a更\ufa10")
    assert str(caught.value) == (
        "characters of the charset are the same in NFC; keep one of each: "
        "U+585A 塚 and U+FA10 \ufa10 are 塚; U+F901 \uf901 and U+66F4 更 are 更"
    )
