"""Which texts synthetic lines should have, and in which fonts, for labels like these."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distill.data.labels import LabelForm
from distill.synthesis.capitals import families_of_capitals
from distill.synthesis.font_files import font_files
from distill.synthesis.fonts import characters_of_families, find_faces
from distill.synthesis.templates import CHARACTERS, TEMPLATE_KINDS
from students.errors import DataError

FEW_FAMILIES, MANY_FAMILIES = 3, 40
LONGEST = 200  # characters of a synthetic line at most
GENERAL = {
    "words": 2,
    "pseudo_words": 2,
    "numbers": 1,
    "prices": 1,
    "dates": 0.7,
    "times": 0.4,
    "codes": 1,
    "phrases": 2,
}


@dataclass(frozen=True)
class Fonts:
    """Families to draw with, and the characters that none of them has."""

    families: tuple[str, ...]
    lacking: str
    folders: tuple[str, ...] = ()


def expect_fonts(folder: Path | None) -> None:
    """Raise `DataError` for a folder without font files; None is none, and will do."""
    if folder is not None and not font_files(folder):
        raise DataError(f"--fonts {folder}: holds no font file (.ttf, .otf, .ttc or .otc)")


def as_corpus(labels: Iterable[str]) -> str:
    """Return labels as a file of texts: each once, one a line, sorted, without those that are empty."""
    return "".join(f"{text}\n" for text in sorted({" ".join(label.split()) for label in labels} - {""}))


def fonts_for(characters: str, folder: Path | None = None) -> Fonts:
    """Return the families that have these characters, all of them where that leaves a few.

    With a folder of the user's own these are its fonts, else those of installed packages, and then of the system.
    Raises `DataError` where no family has half of the characters.
    """
    wanted = {c for c in characters if not c.isspace()}
    folders = (folder,) if folder else ()
    expect_fonts(folder)
    known = _of_wanted(characters_of_families(folders), wanted)
    if not folders and wanted not in known.values():
        known = _of_wanted(characters_of_families(system=True), wanted)
    most = max(map(len, known.values()), default=0)
    if most < len(wanted) / 2:
        some = "".join(sorted(wanted))[:40]
        raise DataError(
            f"no installed font has half of the characters of these labels ({some} ...): give a folder of font files "
            "that have them with --fonts, or install a font package for the script"
        )
    whole = sorted(family for family, has in known.items() if has == wanted)
    if len(whole) < FEW_FAMILIES:  # a few rare characters shall not leave one font alone
        enough = sorted(known, key=lambda family: (-len(known[family]), family))[:FEW_FAMILIES]
        shared = set.intersection(*(known[family] for family in enough))
        whole = enough if len(shared) >= 0.9 * most else [enough[0]]
    shared = set.intersection(*(known[family] for family in whole))
    spread = np.unique(np.linspace(0, len(whole) - 1, min(MANY_FAMILIES, len(whole))).astype(int))
    chosen = tuple(whole[i] for i in spread.tolist())
    if any(c.islower() and c.upper() in wanted for c in wanted):
        capitals = families_of_capitals(find_faces(chosen, "", folders))
        chosen = tuple(family for family in chosen if family not in capitals) or chosen
    return Fonts(chosen, "".join(sorted(wanted - shared)), tuple(map(str, folders)))


def _of_wanted(families: Mapping[str, frozenset[int]], wanted: set[str]) -> dict[str, set[str]]:
    """Which of the wanted characters each family has."""
    return {family: set(map(chr, has)) & wanted for family, has in families.items()}


def texts_like(labels: Sequence[str], form: LabelForm, lacking: str, corpus_file: str) -> tuple[dict[str, Any], str]:
    """Return the text section of a rendered source for labels of this form, and why it is so.

    `lacking` are characters that the fonts do not have. `corpus_file` is where the labels will be written. Labels that
    do not record the case get general texts besides, whose letters have both.
    """
    lengths = [len(text) for text in labels if text]
    low, high = (int(np.percentile(lengths, share)) for share in (2, 98))
    low, high = max(1, low), min(LONGEST, max(1, high))
    bounds = {"min_characters": low, "max_characters": high}
    nothing = dict.fromkeys(("words", "pseudo_words", *TEMPLATE_KINDS), 0)
    rendered = {c for text in labels for c in text} - set(lacking)
    visible = {c for c in rendered if not c.isspace()}
    if visible <= set(string.digits):
        return {**bounds, **nothing, "random": 1, "alphabet": string.digits}, "digits only, all equally likely"
    corpus = {"corpus": 10, "balanced": 4, "corpus_file": corpus_file}
    both_cases = form.startswith("caseless") or any(c in visible for c in string.ascii_lowercase)
    if len(visible & set(CHARACTERS)) > 0.9 * len(visible) and both_cases:
        general = {**nothing, **GENERAL}
        return {
            **bounds,
            **general,
            **corpus,
        }, "texts of the training labels, rare characters more often, and general ones"
    alphabet = "".join(sorted(visible | {" "} if any(" " in text for text in labels) else visible))
    why = "texts of the training labels, rare characters more often, and their characters in any order"
    return {**bounds, **nothing, **corpus, "random": 2, "alphabet": alphabet}, why


def needed_characters(text: dict[str, Any], characters: Sequence[str]) -> str:
    """Return the characters that fonts must have to draw such texts."""
    templates = any(text.get(kind) for kind in TEMPLATE_KINDS)
    return "".join(sorted({*characters, *(CHARACTERS if templates else "")}))
