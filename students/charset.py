"""The characters a recogniser can write, and the class number of each.

Class 0 is the CTC blank; character `i` of the charset is class `i + 1`. A character is one Unicode code
point of NFC text. Nothing is skipped: text that the charset cannot write is an error that names what is
missing. Here texts become classes and classes texts, so here right-to-left lines change their order.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from students import direction
from students.errors import DataError

BLANK = 0


class Charset(BaseModel):
    """The ordered characters of classes 1 to C - 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    characters: str
    order: Literal["logical", "visual"] = Field(
        "logical", description="of the classes of a text: as it is stored, or as it is drawn from left to right"
    )

    base: direction.Direction | None = Field(
        None, description="direction of drawn lines whose letters run both ways; null: that of most of their letters"
    )

    @field_validator("characters")
    @classmethod
    def _distinct_and_not_empty(cls, characters: str) -> str:
        if not characters:
            raise ValueError("a charset needs at least one character")
        if len(set(characters)) < len(characters):
            doubled = sorted(c for c, n in Counter(characters).items() if n > 1)
            raise ValueError(f"characters stand twice in the charset: {doubled}")
        return characters

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is not set is left out, so that files without right-to-left text and older ones keep their digest."""
        unset = {"order": "logical", "base": None}
        return {name: value for name, value in dump(self).items() if name not in unset or value != unset[name]}

    @classmethod
    def of(cls, texts: Iterable[str]) -> Charset:
        """Return the charset of all characters in `texts`, in code point order."""
        return cls(characters="".join(sorted(set().union(*map(normalise, texts)))))

    @classmethod
    def of_lines(cls, texts: Iterable[str]) -> Charset:
        """Return the charset of the labels of lines; in visual order if any runs right to left.

        Raises `DataError` where python-bidi, which that needs, is missing.
        """
        labels = [normalise(text) for text in texts]
        if not any(map(direction.runs_right_to_left, labels)):
            return cls.of(labels)
        charset = cls.of(direction.to_visual(label).text for label in labels).for_lines()
        return charset.model_copy(update={"base": direction.base_of(labels)})

    def for_lines(self) -> Charset:
        """Return the same characters, in visual order if any of them runs right to left."""
        return self.model_copy(update={"order": "visual"}) if self.runs_right_to_left else self

    @property
    def runs_right_to_left(self) -> bool:
        """Return whether any of the characters does."""
        return direction.runs_right_to_left(self.characters)

    @property
    def n_classes(self) -> int:
        """Return the number of classes, the blank included."""
        return len(self.characters) + 1

    @property
    def writable(self) -> str:
        """Return the characters that a text may hold: with each bracket its counterpart, where lines are reordered."""
        mirrored = map(direction.mirrored, self.characters if self.order == "visual" else "")
        return "".join(dict.fromkeys([*self.characters, *mirrored]))

    def in_order(self, text: str) -> str:
        """Return the text in NFC and in the order of its classes; `DataError` where python-bidi is missing for that."""
        text = normalise(text)
        if self.order == "logical" or not direction.needs_reordering(text):
            return text
        return direction.to_visual(text).text

    def read_back(self, text: str) -> str:
        """Return what a line with this label is read as where every class is read: several texts may look alike."""
        ordered = self.in_order(text)
        is_visual = self.order == "visual" and direction.runs_right_to_left(ordered)
        return direction.to_logical(ordered, self.base).text if is_visual else ordered

    def missing(self, text: str) -> list[str]:
        """Return the characters of `text`, in the order of its classes, that the charset lacks, sorted."""
        return self._lacking(self.in_order(text))

    def _lacking(self, ordered: str) -> list[str]:
        known = class_numbers(self.characters)
        return sorted(c for c in set(ordered) if c not in known)  # a difference of sets goes through all classes

    def encode(self, text: str) -> list[int]:
        """Return the classes of `text`. Raises `DataError` naming every character outside the charset."""
        ordered = self.in_order(text)
        if missing := self._lacking(ordered):
            raise DataError(f"the label {text!r} holds {numbered(missing)}, which the charset lacks")
        return list(map(class_numbers(self.characters).__getitem__, ordered))

    def decode(self, classes: Sequence[int]) -> str:
        """Return the text of `classes`, none of which is the blank."""
        return self.written(classes)[0]

    def written(self, classes: Sequence[int]) -> tuple[str, Sequence[int]]:
        """Return the text of `classes`, and for each of its characters the place of the class that it comes from."""
        characters = self.characters
        text = "".join([characters[c - 1] for c in classes])
        if self.order == "visual" and direction.runs_right_to_left(text):
            return direction.to_logical(text, self.base)
        return text, range(len(text))


@lru_cache(maxsize=8)
def class_numbers(characters: str) -> Mapping[str, int]:
    """Return the class of every character: with thousands of them a search for each would take the longest."""
    return {c: number for number, c in enumerate(characters, 1)}


def in_one_form(characters: str) -> str:
    """Return the characters of a charset in NFC; raises `ValueError` naming those that are one character in it."""
    same: dict[str, list[str]] = {}
    for c in dict.fromkeys(characters):
        same.setdefault(normalise(c), []).append(c)
    if several := {one: given for one, given in same.items() if len(given) > 1}:
        raise ValueError(
            "characters of the charset are the same in NFC; keep one of each: "
            + "; ".join(f"{' and '.join(map(_by_number, given))} are {one}" for one, given in sorted(several.items()))
        )
    return normalise(characters)


def numbered(characters: Iterable[str]) -> str:
    """Return characters for a message, those beyond ASCII with their numbers: a Cyrillic і looks like an i."""
    return f"[{', '.join(repr(c) if c.isascii() else f'{c!r} (U+{ord(c):04X})' for c in characters)}]"


def _by_number(character: str) -> str:
    return f"U+{ord(character):04X} {character}"


def normalise(text: str) -> str:
    """Return the text in the one Unicode form used for labels, predictions and metrics: NFC."""
    return unicodedata.normalize("NFC", text)
