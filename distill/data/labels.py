"""What a label records of its picture: every character, or all but the case of letters or the punctuation.

Many public labels were written in capitals, or without punctuation, whatever the picture shows. A source
declares that as its `label_form`; training and evaluation then ask for no more than the label records.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import torch
from torch import Tensor

from students.charset import BLANK, Charset, normalise

LabelForm = Literal["exact", "caseless", "no_punctuation", "caseless_no_punctuation"]
TELL_THE_CASE = ("exact", "no_punctuation")


def fold_label(text: str, form: LabelForm) -> str:
    """Return the part of a text, label or reading, that a label of this form records: NFC, folded."""
    return "".join(folded for c in normalise(text) if (folded := _folded(c, form)))


def agree(one: tuple[str, LabelForm], other: tuple[str, LabelForm]) -> bool:
    """Return whether two labels are equal in all that both their forms record."""
    (text, form), (other_text, other_form) = one, other
    return fold_label(fold_label(text, form), other_form) == fold_label(fold_label(other_text, other_form), form)


def as_label(text: str, form: LabelForm) -> str:
    """Return a label in NFC, without the punctuation that its form leaves out; letters keep their case."""
    return "".join(c for c in normalise(text) if _folded(c, form))


def _folded(character: str, form: LabelForm) -> str:
    if form.endswith("no_punctuation") and unicodedata.category(character)[0] in "PS":
        return ""
    lower = character.lower()
    return lower if form.startswith("caseless") and len(lower) == 1 else character


@dataclass(frozen=True)
class Folding:
    """Classes that a label form does not distinguish, as groups; punctuation that it leaves out joins the blank."""

    groups: tuple[tuple[int, ...], ...]

    @cached_property
    def group_of(self) -> Tensor:
        """Return the group of every class, (C,) int64."""
        groups_C = torch.zeros(sum(map(len, self.groups)), dtype=torch.int64)
        for number, members in enumerate(self.groups):
            groups_C[list(members)] = number
        return groups_C

    @property
    def blank(self) -> int:
        """Return the group that the blank is in."""
        return int(self.group_of[BLANK])

    @cached_property
    def alternatives(self) -> tuple[Tensor, Tensor]:
        """Return the classes that share a group, not with the blank, (M,), and their groups, (M,); int64."""
        pairs = [
            (member, number)
            for number, members in enumerate(self.groups)
            if len(members) > 1 and BLANK not in members
            for member in members
        ]
        classes_M, groups_M = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).unbind(1)
        return classes_M, groups_M

    def fold(self, classes: Sequence[int]) -> list[int]:
        """Return the groups of the classes of a text, without those that join the blank."""
        return [group for group in self.group_of[list(classes)].tolist() if group != self.blank]

    def summed(self, log_p_TNC: Tensor) -> Tensor:
        """Return the log of the posterior of every group, (T, N, groups), from the log-posteriors of the classes."""
        parts = []
        for size in sorted({len(members) for members in self.groups}):
            members_GK = [members for members in self.groups if len(members) == size]
            picked = log_p_TNC[..., torch.tensor(members_GK, device=log_p_TNC.device)]
            parts.append(picked.logsumexp(-1) if size > 1 else picked[..., 0])
        return torch.cat(parts, -1)


@lru_cache(maxsize=64)
def folding(characters: str, form: LabelForm) -> Folding | None:
    """Return the groups of a charset's classes under a form, smallest first; None where all are distinguished."""
    members: dict[str, list[int]] = {"": [BLANK]}
    for number, character in enumerate(characters, 1):
        members.setdefault(_folded(character, form), []).append(number)
    if len(members) == len(characters) + 1:
        return None
    return Folding(tuple(sorted((tuple(group) for group in members.values()), key=lambda g: (len(g), g))))


def foldings(charset: Charset, forms: Sequence[LabelForm]) -> tuple[Folding | None, ...]:
    """Return the folding of every line of a batch."""
    return tuple(folding(charset.characters, form) for form in forms)
