"""A report as blocks, and its Markdown, which a terminal shows as it is: no entities and no tags.

`document_page.py` makes one HTML page of the same blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from students.direction import runs_right_to_left

FIRST_STRONG, POP = "\u2068", "\u2069"  # isolate a text whose first letter says where it runs (UAX 9)
NOTHING = "(nothing)"


class Code(NamedTuple):
    """A label, a reading, a name of a file or key: shown letter by letter. `wrong`: a reading that is not the label."""

    text: str
    wrong: bool = False


class Strong(NamedTuple):
    """Words that a reader sees first."""

    text: str


class Picture(NamedTuple):
    """A picture in a folder beside the page, by its path from there, and what it shows."""

    path: str
    about: str


Text: TypeAlias = "str | Code | Strong | Picture | Sequence[Text]"


@dataclass(frozen=True)
class Heading:
    """A heading of a level, 1 the highest."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """One paragraph."""

    text: Text


@dataclass(frozen=True)
class Items:
    """A list of paragraphs, numbered: the first comes first."""

    items: Sequence[Text]


@dataclass(frozen=True)
class Table:
    """A table whose first columns hold `words` and the others numbers."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Text]]
    words: int = 1


@dataclass(frozen=True)
class Samples:
    """Pictures, each with texts beneath that have names, the same for all."""

    names: Sequence[str]
    samples: Sequence[tuple[Picture, Sequence[Text]]]


Block: TypeAlias = Heading | Paragraph | Items | Table | Samples


def visible(text: str) -> str:
    r"""Return a text in which line breaks and tabs are seen, as `\n` and `\t`; `NOTHING` for an empty one."""
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r") or NOTHING


def as_markdown(blocks: Sequence[Block]) -> str:
    """Return the blocks as Markdown, as GitHub and others show it."""
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_inline(text)}"
        case Paragraph(text):
            return _inline(text)
        case Items(items):
            return "\n".join(f"{number}. {_inline(item)}" for number, item in enumerate(items, 1))
        case Table(heads, rows, words):
            return "\n".join(_rows(heads, rows, words))
        case Samples(names, samples):
            rows = [[picture, *texts] for picture, texts in samples]
            return "\n".join(_rows(["picture", *names], rows, 1 + len(names)))


def _rows(heads: Sequence[str], rows: Sequence[Sequence[Text]], words: int) -> Iterator[str]:
    yield f"| {' | '.join(map(_cell, heads))} |"
    yield "|" + "|".join(["---"] * words + ["---:"] * (len(heads) - words)) + "|"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: Text) -> str:
    return _inline(text).replace("|", "\\|")


def _inline(text: Text) -> str:
    match text:
        case Code():
            return f"{'**≠** ' if text.wrong else ''}{_span(text.text)}"
        case Strong():
            return f"**{_plain(text.text)}**"
        case Picture():
            about = re.sub(r"([\[\]])", r"\\\1", _plain(text.about))
            return f"![{about}]({text.path})"
        case str():
            return _plain(text)
        case _:
            return "".join(map(_inline, text))


def _plain(text: str) -> str:
    """Words in which nothing is taken for a tag."""
    return text.replace("\n", " ").replace("<", "\\<")


def _span(text: str) -> str:
    """Text as a span of code, fenced by more backticks than it holds in a row."""
    if not text:
        return NOTHING
    shown = visible(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    stripped = shown.startswith(" ") and shown.endswith(" ") and shown.strip(" ")  # Markdown takes one from each end
    pad = " " if stripped or shown.startswith("`") or shown.endswith("`") else ""
    span = f"{fence}{pad}{shown}{pad}{fence}"
    return f"{FIRST_STRONG}{span}{POP}" if runs_right_to_left(text) else span
