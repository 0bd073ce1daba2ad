"""Named sets of characters: as large as their standards, each character once."""

import unicodedata
from typing import get_args

import pytest

from distill.data.characters import NamedSet, characters_of_set, characters_of_sets, in_short
from distill.pools.lines import choose_charset
from distill.recipe.line_data import CharsetChoice

SIZES = {"ascii": 95, "han-signs": 70, "gb2312-level-1": 3755, "gb2312": 6763, "big5-level-1": 5401}


@pytest.mark.parametrize("name", get_args(NamedSet))
def test_a_set_has_the_characters_of_its_standard_once_and_in_nfc(name: NamedSet) -> None:
    characters = characters_of_set(name)
    assert len(characters) == len(set(characters)) == SIZES[name]
    assert unicodedata.normalize("NFC", characters) == characters
    assert not [c for c in characters if unicodedata.category(c) in ("Co", "Cn", "Mn")]


def test_sets_overlap_and_each_character_stands_once() -> None:
    both = characters_of_sets(("gb2312", "big5-level-1"))
    assert len(both) == len(set(both)) == 8836
    assert both.startswith(characters_of_set("gb2312-level-1"))
    assert {"国", "國", "龟", "龜"} <= set(both)


def test_a_message_shows_some_of_many_characters_and_says_how_many_more() -> None:
    assert in_short("ßé") == "'ßé'"
    assert in_short({chr(0x41 + i) for i in range(20)}) == "'ABCDEFGHIJKLMNOPQRST'"
    assert in_short(map(chr, range(0x4E00, 0x4E00 + 1500))).endswith("丅丆万丈三上下丌不与丏丐丑丒专' and 1,480 more")


def test_named_sets_are_written_besides_labels_or_characters() -> None:
    named = CharsetChoice(named=("gb2312-level-1",))
    assert set(choose_charset(["囡é", None], named).characters) == {*" 囡é", *characters_of_set("gb2312-level-1")}
    given = choose_charset(["x"], CharsetChoice(characters="z国", named=("gb2312-level-1",)))
    assert given.characters.startswith("z国")
    assert given.n_classes == 3755 + 2
    assert "named" not in CharsetChoice().model_dump(), "older digests do not have it"
