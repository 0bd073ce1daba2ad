"""Sets of characters that have a name, computed from the codecs of Python; and how a message shows many characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Literal

from typing_extensions import assert_never

NamedSet = Literal["ascii", "han-signs", "gb2312-level-1", "gb2312", "big5-level-1"]

_SHOWN = 20  # characters in a message
_SIGNS = "、。〃々〇〈〉《》「」『』【】〔〕〖〗·—…‘’“”～℃※①②③④⑤⑥⑦⑧⑨⑩"
_WIDE_PUNCTUATION = "".join(chr(c) for c in range(0xFF01, 0xFF5E) if not chr(c - 0xFEE0).isalnum())


def characters_of_sets(names: Iterable[NamedSet]) -> str:
    """Return the characters of all sets, each once, in the order of the sets and of their standards."""
    return "".join(dict.fromkeys("".join(characters_of_set(name) for name in names)))


@cache
def characters_of_set(name: NamedSet) -> str:
    """Return the characters of a set.

    `gb2312-level-1` has the 3,755 common simplified characters and `gb2312` all 6,763, `big5-level-1` the 5,401 common
    traditional ones; `han-signs` is the punctuation beside them, full-width marks included, `ascii` what is printable.
    """
    match name:
        case "ascii":
            return "".join(map(chr, range(0x20, 0x7F)))
        case "han-signs":
            return _SIGNS + _WIDE_PUNCTUATION
        case "gb2312-level-1":
            return "".join(_decoded("gb2312", range(0xB0, 0xD8), range(0xA1, 0xFF)))
        case "gb2312":
            return "".join(_decoded("gb2312", range(0xB0, 0xF8), range(0xA1, 0xFF)))
        case "big5-level-1":
            seconds = (*range(0x40, 0x7F), *range(0xA1, 0xFF))
            last = 5401  # of row C6, the codec has signs behind it
            return "".join(_decoded("big5", range(0xA4, 0xC7), seconds))[:last]
        case _:
            assert_never(name)


def in_short(characters: Iterable[str]) -> str:
    """Return characters for a message, sorted and quoted: the first of them, and how many more there are."""
    some = sorted(characters)
    more = f" and {len(some) - _SHOWN:,} more" if len(some) > _SHOWN else ""
    return f"{''.join(some[:_SHOWN])!r}{more}"


def _decoded(codec: str, firsts: Iterable[int], seconds: Iterable[int]) -> Iterator[str]:
    """The characters of two bytes, in the order of the codec; places without one are passed over."""
    for first in firsts:
        for second in seconds:
            yield bytes((first, second)).decode(codec, "ignore")
