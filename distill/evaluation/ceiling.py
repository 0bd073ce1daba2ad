"""The ceiling of a run: test lines with characters that no training line has, which it can hardly have learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distill.data.labels import LabelForm, fold_label
from distill.data.lines import Lines
from distill.evaluation.document import Block, Code, Heading, Paragraph, Table, Text
from distill.evaluation.metrics import Compared, fold
from distill.schema import Protocol
from students.charset import Charset

SHOWN_CHARACTERS = 20
SHOWN_LINES = 12


def ceiling(shown: frozenset[str], roles: Mapping[str, Sequence[Compared]], protocol: Protocol) -> dict[str, Any]:
    """Return the part of `report.json` on test lines with characters that training does not show.

    Characters are compared as the protocol and the form of the test label fold them. `exact_at_most` is the share of
    the other lines; `lines` names these with the characters of each, `characters` counts lines a character. `read`
    says how many a role reads exactly all the same: a teacher from elsewhere, or finished first weights, may know more
    than the lines of this run.
    """
    compared = next(iter(roles.values()))
    known = {form: _folded(shown, form, protocol) for form in {line.truth.form for line in compared}}
    missing = {
        line.truth.key: "".join(unknown)
        for line in compared
        if (unknown := sorted(set(line.want) - known[line.truth.form]))
    }
    counts = Counter(character for characters in missing.values() for character in characters)
    return {
        "n": len(missing),
        "exact_at_most": round(1 - len(missing) / len(compared), 6) if compared else 1.0,
        "characters": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        "lines": missing,
        "read": {role: sum(line.exact for line in lines if line.truth.key in missing) for role, lines in roles.items()},
    }


def shown_characters(train: Lines, charset: Charset) -> frozenset[str]:
    """Return the characters that labels of training lines show; of a label without case both letters.

    Those of the charset where no training line has a label.
    """
    shown: set[str] = set()
    for i, text in enumerate(train.texts):
        if text:
            shown.update(text)
            if train.form(i).startswith("caseless"):
                shown.update(text.swapcase())
    return frozenset(shown or charset.characters)


def _folded(characters: Iterable[str], form: LabelForm, protocol: Protocol) -> frozenset[str]:
    """The characters as a protocol compares them on lines of a label form; a space is never missing."""
    return frozenset(c for one in characters for c in fold(fold_label(one, form), protocol)) | {" "}


def page(found: Mapping[str, Any], n_lines: int) -> list[Block]:
    """Return the part of the report on the ceiling."""
    heading = Heading("The ceiling")
    if not found["n"]:
        return [heading, Paragraph("None: every character of the test lines stands in a label of a training line.")]
    characters = list(found["characters"].items())
    named: list[Text] = []
    for character, n in characters[:SHOWN_CHARACTERS]:
        named += [", " if named else "", Code(character), f" ({n:,})"]
    if len(characters) > SHOWN_CHARACTERS:
        named.append(f" and {len(characters) - SHOWN_CHARACTERS:,} more")
    one = found["n"] == 1
    said = (
        f"{found['n']:,} of {n_lines:,} test lines {'holds' if one else 'hold'} characters that no label of a training "
        f"line has. From these lines alone at most {found['exact_at_most']:.1%} can be learnt to be read exactly. "
    )
    read = ", ".join(f"the {role} {n:,}" for role, n in found["read"].items())
    rows = [[Code(key), Code(missing)] for key, missing in list(found["lines"].items())[:SHOWN_LINES]]
    more = found["n"] - len(rows)
    note = f"Read exactly all the same: {read}." + (f" {more:,} more lines stand in report.json." if more else "")
    return [
        heading,
        Paragraph([said, "The characters, each with its number of lines: ", *named, "."]),
        Table(["test line", "characters"], rows, words=2),
        Paragraph(note),
    ]
