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
    unnamed = [block for block in blocks(page, "") if re.match("(distill|make|torchrun) ", block)]
    return [words for block in [*blocks(page, "sh", "bash"), *unnamed] for words in commands_in(block)]


def commands_in(block: str) -> Iterator[list[str]]:
    """The commands of a shell block: variables that it sets are put in, redirections and comments left out."""
    variables: dict[str, str] = {}
    for line in block.replace("\\\n", " ").splitlines():
        for name, value in variables.items():
            line = re.sub(rf"\${name}\b|\$\{{{name}\}}", lambda _, value=value: value, line)
        if assigned := re.fullmatch(r"([A-Z_]+)=(.*)", line.strip()):
            variables[assigned[1]] = " ".join(shlex.split(assigned[2], comments=True))
            continue
        words: list[str] = []
        for word in _words(line):
            if word in OPERATORS:
                yield words
                words = []
            else:
                words.append(word)
        if words:
            yield words


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    words = list(lexer)
    kept, skip = [], False
    for word in words:
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
    return [words[1:] for words in found if words[0] == program and len(words) > 1]


def subcommands() -> dict[str, argparse.ArgumentParser]:
    """The parser of every command of `distill`, by its name."""
    actions = [action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(actions[0].choices)
