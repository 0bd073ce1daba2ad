"""What lies at a place where lines are: how many, what they say, what their names tell, how they look."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.data.formats.contents import Contents, counted
from distill.data.formats.opening import open_contents, source_at
from distill.data.labels import LabelForm
from distill.data.sources import FileSource
from distill.evaluation.doctor.naming import script_of
from distill.proposing.looks import Looks, looks_of
from distill.synthesis.corpus import character_counts
from distill.track import say
from students.errors import DataError

LOOKED_AT = 240  # pictures that are decoded
COMPARED = 20_000  # pictures of a source that are compared with those of another
ENOUGH_LETTERS = 200  # before labels without lower case, or without punctuation, are taken for a habit
ENOUGH_LABELS = 50
SHOWN = 40  # characters
OWN = r"^(.*)$"  # every file a document of its own
BEFORE_THE_LAST = r"^(.+)[_\-/][^_\-/]*$"
FOLDER = r"^(.+)/[^/]*$"


@dataclass(frozen=True)
class Survey:
    """The lines of one source. `texts` are in NFC; `characters` has how often each occurs in them."""

    source: FileSource
    contents: Contents
    texts: Sequence[str | None]
    characters: dict[str, int]
    looks: Looks

    @property
    def names(self) -> Sequence[str]:
        """Return the names of the lines."""
        return self.contents.names

    @property
    def labels(self) -> list[str]:
        """Return the labels, empty ones too."""
        return [text for text in self.texts if text is not None]

    @property
    def n_unlabelled(self) -> int:
        """Return how many lines have no label."""
        return len(self.texts) - len(self.labels)

    @property
    def scripts(self) -> list[str]:
        """Return the scripts of the letters, the most frequent first."""
        return scripts_of(self.characters)


def survey(where: str, name: str, root: Path) -> Survey:
    """Open the lines at a place and look at them; raises `DataError` where none are or the place means nothing."""
    source = source_at(where, name)
    contents = open_contents(source, Path(), root)
    texts = [None if text is None else unicodedata.normalize("NFC", text) for text in contents.texts]
    say(f"{where}: {counted(len(texts), 'line')}, {sum(text is not None for text in texts):,} of them labelled")
    return Survey(source, contents, texts, character_counts(texts), looks_of(_some_pictures(contents)))


def notes_on(where: str, seen: Survey) -> list[str]:
    """Return what was seen at a place, in words."""
    looks = seen.looks
    rows = [f"{where}: {counted(len(seen.texts), 'line')}, {len(seen.labels):,} labelled, read as {seen.source.kind}"]
    size = f"{looks.middle('height_px'):.0f} px high, {looks.aspect:.1f} times as wide"
    grey = f"ink {looks.middle('ink'):.0f} and paper {looks.middle('paper'):.0f} of 255"
    rows.append(f"{where}: {size}, {grey}, {looks.inverted:.0%} light on dark")
    if looks.unreadable:
        rows.append(f"{where}: {looks.unreadable} of the pictures looked at cannot be opened")
    if seen.labels:
        some = "".join(seen.characters)
        scripts = f", of {', '.join(seen.scripts[:4])}" if seen.scripts else ""
        more = " ..." if len(some) > SHOWN else ""
        longest = max(map(len, seen.labels))
        rows.append(
            f"{where}: {counted(len(some), 'character')}{scripts}: {some[:SHOWN]}{more}; "
            f"the longest label has {longest}"
        )
        doubled = len(seen.labels) - len(set(seen.labels))
        rows.append(f"{where}: {counted(doubled, 'label occurs', 'labels occur')} more than once")
    return rows


def scripts_of(characters: Iterable[str]) -> list[str]:
    """Return the scripts of letters, most letters first."""
    return [script for script, _ in Counter(filter(None, map(script_of, characters))).most_common()]


def label_form_of(labels: Sequence[str]) -> tuple[LabelForm, str]:
    """Return what the labels record, as far as they show it, and why."""
    text = "".join(labels)
    letters = [c for c in text if c.isalpha()]
    cased = [c for c in letters if c.lower() != c.upper()]
    if len(labels) < ENOUGH_LABELS or len(cased) < ENOUGH_LETTERS:
        return "exact", "too few cased letters to tell a habit from chance"
    capitals = all(c.isupper() for c in cased)
    bare = not any(unicodedata.category(c)[0] in "PS" for c in text)
    match capitals, bare:
        case True, True:
            return "caseless_no_punctuation", "capitals only and no punctuation: the labels may not record either"
        case True, False:
            return "caseless", "capitals only: the labels may not record the case"
        case False, True:
            return "no_punctuation", "no punctuation in any label: they may not record it"
        case _:
            return "exact", "both cases and punctuation occur"


def documents_in(names: Sequence[str]) -> tuple[str, str]:
    """Return the expression that finds a line's document in its name, and why; each line its own where none does."""
    for pattern, what in ((FOLDER, "folder"), (BEFORE_THE_LAST, "the name up to its last _ or -")):
        found = [re.match(pattern, Path(name).with_suffix("").as_posix()) for name in names]
        if not all(found):
            continue
        groups = Counter(match.group(1) for match in found if match)
        if len(groups) >= 5 and len(groups) <= 0.7 * len(names) and max(groups.values()) <= 0.3 * len(names):
            example = next(iter(groups))
            return pattern, f"{what} names {len(groups):,} documents, such as {example!r}"
    return OWN, "no part of the names tells documents: every line is one of its own"


def repeated(one: Survey, other: Survey) -> tuple[int, int]:
    """Return how many pictures of `other` are in `one` too, byte for byte, and how many of them were compared."""
    first = set(_digests(one.contents))
    found = [digest in first for digest in _digests(other.contents)]
    return sum(found), len(found)


def _digests(contents: Contents) -> list[bytes]:
    found = []
    for row in range(min(COMPARED, len(contents.names))):
        try:
            found.append(hashlib.blake2b(contents.fetch(row), digest_size=16).digest())
        except DataError:  # noqa: PERF203 - `distill check` names it
            continue
    return found


def _some_pictures(contents: Contents) -> list[tuple[str, bytes]]:
    """Names and bytes of pictures evenly spread over the source; `distill check` tells those that cannot be fetched."""
    rows = np.unique(np.linspace(0, len(contents.names) - 1, min(LOOKED_AT, len(contents.names))).astype(int))
    found = []
    for row in rows.tolist():
        try:
            found.append((contents.names[row], contents.fetch(row)))
        except DataError as error:  # noqa: PERF203 - one bad picture costs the others nothing
            say(f"left out of the look at pictures: {error}")
    return found
