"""What labels give away by their characters alone: look-alikes, invisible and damaged ones; counts of every class.

Scripts are recognised by the names that Unicode gives the letters, so that there is no table to keep.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache

from distill.data.formats.contents import counted
from distill.data.lines import Lines
from distill.evaluation.doctor.east_asian import (
    AS_PRINTED,
    compatibility,
    private_use,
    radicals,
    two_manners,
    variation_selectors,
)
from distill.evaluation.doctor.findings import Finding, about
from distill.evaluation.doctor.naming import is_mark, listed, named, script_of
from students.charset import Charset

FEW_LINES = 10
SHOWN_CHARACTERS = 60
CONFUSED_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK"})  # many of their capitals look the same
PLAIN_AND_PRINTED = {  # plain character: what stands for it in print
    "'": "single quotes or apostrophes",
    '"': "double quotes",
    "-": "dashes",
}
SHAPES = ("<initial>", "<medial>", "<final>", "<isolated>")  # as Unicode decomposes a joined letter as it is drawn
LOOK_OTHERWISE = "write what the pictures show, all labels in one way; the protocol exact tells them apart"
LETTERS = "write the letters (Unicode's NFKC has them) as they are read: out of a PDF they may stand backwards"


def findings_in_labels(part: str, lines: Lines) -> list[Finding]:
    """Return notes on the labels of one part, one for each kind."""
    labels = [(key, text) for key, text in zip(lines.keys, lines.texts, strict=True) if text]
    found = []
    for kind, find, what, advice in CHECKS:
        hits = [(key, f"{key}: {text!r}: {fault}") for key, text in labels if (fault := find(text))]
        found += about("note", kind, part, hits, what, advice)
    return found + two_manners(part, labels)


def findings_in_charset(charset: Charset, counts: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """Return notes on characters that look alike, and on those that hardly any training line holds."""
    found = []
    for plain, what in PLAIN_AND_PRINTED.items():
        printed = [c for c in charset.characters if _plain(c) == plain and c != plain]
        if printed and plain in charset.characters:
            spellings = ", ".join(f"{c} ({counts[c]['train']:,})" for c in [plain, *printed])
            message = f"plain and typographic {what} both occur, in lines: {spellings}"
            advice = "if the pictures do not distinguish them, write all labels in one way"
            found.append(Finding("note", "spellings", "train", message, advice=advice))
    rare = sorted((n["train"], c) for c, n in counts.items() if n["train"] < FEW_LINES and c in charset.characters)
    if rare and any(n["train"] for n in counts.values()):  # else no training line has a label
        listed = " ".join(f"{named(c)}:{n}" for n, c in rare[:SHOWN_CHARACTERS])
        listed += f" and {len(rare) - SHOWN_CHARACTERS} more" * (len(rare) > SHOWN_CHARACTERS)
        message = f"{counted(len(rare), 'character')} in fewer than {FEW_LINES} training lines: {listed}"
        found.append(
            Finding("note", "rare", "train", message, advice="add lines with them (a rendered source), or drop them")
        )
    return found


def class_counts(parts: Mapping[str, Lines], charset: Charset) -> dict[str, dict[str, int]]:
    """Count, for every character of the charset and of the labels, the lines of each part that hold it."""
    counts = {part: Counter(c for text in lines.texts for c in set(text or "")) for part, lines in parts.items()}
    characters = sorted(set(charset.characters).union(*counts.values()))
    return {c: {part: count[c] for part, count in counts.items()} for c in characters}


def mixed_scripts(text: str) -> str:
    """Find words whose letters are of several scripts that look alike."""
    words = [] if text.isascii() else re.findall(r"[^\W\d_]+", text)
    return ", ".join(
        f"{word!r} mixes {' and '.join(sorted(scripts))}"
        for word in words
        if len(scripts := {script_of(c) for c in word} & CONFUSED_SCRIPTS) > 1
    )


def other_width(text: str) -> str:
    """Find full-width and half-width forms; among wide letters, such as Chinese, full-width punctuation is at home."""
    if text.isascii():
        return ""
    at_home = any(unicodedata.east_asian_width(c) == "W" for c in text)
    forms = [c for c in text if unicodedata.decomposition(c).startswith(("<wide>", "<narrow>"))]
    return listed(c for c in forms if c.isalnum() or not at_home)


def letter_shapes(text: str) -> str:
    """Find Arabic letters in the place of which stands how they are drawn, as in texts taken out of PDFs."""
    if text.isascii():
        return ""
    shapes = (c for c in text if unicodedata.decomposition(c).startswith(SHAPES))
    return listed(c for c in shapes if not "\ufdf0" <= c <= "\ufdff")  # words and signs that are printed as one


def invisible(text: str) -> str:
    """Find format and control characters: zero width, soft hyphens, byte order and direction marks, tabs, new lines."""
    return "" if text.isprintable() else listed(c for c in text if unicodedata.category(c) in ("Cf", "Cc"))


def no_character(text: str) -> str:
    """Find code points without a meaning, and the replacement character, a sign of bytes decoded wrongly."""
    if text.isascii():
        return ""
    without = ("Cn", "Cs")  # unassigned, surrogate
    return listed(c for c in text if unicodedata.category(c) in without or c == "\N{REPLACEMENT CHARACTER}")


def decoded_twice(text: str) -> str:
    """Find UTF-8 that was once read as Windows-1252: é as Ã©."""
    if text.isascii():
        return ""
    try:
        return f"is {text.encode('cp1252').decode()!r}, read in a wrong encoding"
    except UnicodeError:
        return ""


def odd_spaces(text: str) -> str:
    """Find spaces of another kind than the plain one."""
    return "" if text.isascii() else listed(c for c in text if unicodedata.category(c)[0] == "Z" and c != " ")


def loose_spaces(text: str) -> str:
    """Find spaces that no picture shows: at an end, or several in a row."""
    return "spaces at an end or in a row" if text != text.strip(" ") or "  " in text else ""


def loose_marks(text: str) -> str:
    """Find combining marks that NFC could not join to a letter of an alphabet that has them joined, or to any."""
    if text.isascii():
        return ""
    pairs = zip(" " + text, text, strict=False)
    return listed(c for before, c in pairs if is_mark(c) and (script_of(before) in CONFUSED_SCRIPTS or before == " "))


CHECKS: tuple[tuple[str, Callable[[str], str], str, str], ...] = (
    ("mixed-scripts", mixed_scripts, "look-alike scripts mixed inside a word", "type these words in one script"),
    ("width-forms", other_width, "full-width or half-width forms", f"write the plain characters; {AS_PRINTED}"),
    ("letter-shapes", letter_shapes, "shapes of Arabic letters in the place of the letters", LETTERS),
    ("variation-selectors", variation_selectors, "variation selectors", f"take them out: {AS_PRINTED}"),
    ("radicals", radicals, "radicals in the place of characters", f"write the characters; {AS_PRINTED}"),
    ("compatibility", compatibility, "characters that nfkc compares as others", LOOK_OTHERWISE),
    ("private-use", private_use, "private-use characters", "write what their font shows, or drop these lines"),
    ("invisible", invisible, "invisible characters", "take them out: no picture shows them"),
    ("no-character", no_character, "unassigned or replacement characters", "decode the labels anew"),
    ("wrong-encoding", decoded_twice, "UTF-8 read in a wrong encoding, it seems", "decode the labels anew"),
    ("odd-spaces", odd_spaces, "spaces of another kind", "write the plain space"),
    ("loose-spaces", loose_spaces, "spaces at an end or several in a row", "take them out"),
    ("loose-marks", loose_marks, "combining marks of their own", "a class of its own is learnt for each mark"),
)


@cache
def _plain(character: str) -> str:
    """The plain character of the keyboard that a quote or dash stands for, or nothing."""
    name = unicodedata.name(character, "")
    if unicodedata.category(character) == "Pd" or name == "MINUS SIGN":
        return "-"
    if "ANGLE" in name or not ("QUOTATION MARK" in name or "APOSTROPHE" in name):
        return ""
    return "'" if "SINGLE" in name or "APOSTROPHE" in name else '"'
