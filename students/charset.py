"""The characters a recogniser can write, and the class number of each.

Class 0 is the CTC blank; character `i` of the charset is class `i + 1`. A character is one Unicode code
point of NFC text. Nothing is skipped: text that the charset cannot write is an error that names what is
missing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, field_validator

from students.errors import DataError

BLANK = 0


class Charset(BaseModel):
    """The ordered characters of classes 1 to C - 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    characters: str

    @field_validator("characters")
    @classmethod
    def _distinct_and_not_empty(cls, characters: str) -> str:
        if not characters:
            raise ValueError("a charset needs at least one character")
        doubled = sorted({c for c in characters if characters.count(c) > 1})
        if doubled:
            raise ValueError(f"characters stand twice in the charset: {doubled}")
        return characters

    @classmethod
    def of(cls, texts: Iterable[str]) -> Charset:
        """Return the charset of all characters in `texts`, in code point order."""
        return cls(characters="".join(sorted(set().union(*map(normalise, texts)))))

    @property
    def n_classes(self) -> int:
        """Return the number of classes, the blank included."""
        return len(self.characters) + 1

    def missing(self, text: str) -> list[str]:
        """Return the characters of `text` that the charset lacks, sorted."""
        return sorted(set(normalise(text)) - set(self.characters))

    def encode(self, text: str) -> list[int]:
        """Return the classes of `text`. Raises `DataError` naming every character outside the charset."""
        if missing := self.missing(text):
            raise DataError(f"the label {text!r} holds {missing}, which the charset lacks")
        return [self.characters.index(c) + 1 for c in normalise(text)]

    def decode(self, classes: Sequence[int]) -> str:
        """Return the text of `classes`, none of which is the blank."""
        return "".join(self.characters[c - 1] for c in classes)


def normalise(text: str) -> str:
    """Return the text in the one Unicode form used for labels, predictions and metrics: NFC."""
    return unicodedata.normalize("NFC", text)
