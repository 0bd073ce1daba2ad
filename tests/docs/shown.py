"""What the documents show: their blocks, the commands in them, and the commands in their sentences."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from distill.cli import _parser
from docs.website import ROOT

CHANGES = "CHANGELOG.md"  # of what was said before
PAGES = [path for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))) if path.name != CHANGES]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"^([A-Z]+) +\?=", MAKEFILE, re.MULTILINE))
OPERATORS = {"&&", "||", "|", ";", "&"}
PLACEHOLDERS = {"...", "…"}


def blocks(page: Path, *languages: str) -> list[str]:
    """The text of every block of a page in one of these languages, also of those inside a list."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```", page.read_text(), re.MULTILINE | re.DOTALL)
    wanted = [(indent, text) for indent, language, text in found if language in languages]
    return [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, text in wanted]


def commands_of(page: Path) -> list[list[str]]:
    """The words of every command in a page's shell blocks, in order; of several in a line, each."""
    return [words for line in lines_of(page) for words in _commands_in(line)]


def lines_of(page: Path) -> list[str]:
    """The lines of a page's shell blocks, in order: those that go on are joined, the block's variables put in."""
    unnamed = [block for block in blocks(page, "") if re.match("(distill|make|torchrun) ", block)]
    return [line for block in [*blocks(page, "sh", "bash"), *unnamed] for line in _lines_in(block)]


def _lines_in(block: str) -> Iterator[str]:
    variables: dict[str, str] = {}
    for line in block.replace("\\\n", " ").splitlines():
        for name, value in variables.items():
            line = re.sub(rf"\${name}\b|\$\{{{name}\}}", lambda _, value=value: value, line)
        if assigned := re.fullmatch(r"([A-Z_]+)=(.*)", line.strip()):
            variables[assigned[1]] = " ".join(shlex.split(assigned[2], comments=True))
        elif _words(line):
            yield line.strip()


def _commands_in(line: str) -> Iterator[list[str]]:
    """The commands of a line; redirections and comments are left out."""
    words: list[str] = []
    for word in _words(line):
        if word in OPERATORS:
            yield words
            words = []
        else:
            words.append(word)
    if words:
        yield words


def words_of(line: str) -> tuple[list[str], str | None]:
    """The words of a line that holds one command, and the file that its output goes to."""
    words, redirected = [], None
    it = iter(_split(line))
    for word in it:
        if word == ">":
            redirected = next(it)
        else:
            words.append(word)
    return words, redirected


def _split(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    return list(lexer)


def _words(line: str) -> list[str]:
    kept, skip = [], False
    for word in _split(line):
        if skip:
            skip = False
        elif set(word) <= set("<>"):
            skip = True  # and the file behind it
        else:
            kept.append(word)
    return kept


def in_sentences(page: Path, program: str) -> list[list[str]]:
    """The words of every command of a program that stands as code in a sentence or table; pieces may be left out."""
    prose = re.sub(r"^( *)```.*?^\1```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`]+)`", prose)
    found = [span.replace("\\|", "|").replace("\n", " ").split() for span in spans]
    return [words[1:] for words in found if len(words) > 1 and words[0] == program]


def subcommands() -> dict[str, argparse.ArgumentParser]:
    """The parser of every command of `distill`, by its name."""
    actions = [action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(actions[0].choices)
