"""Every message that docs/troubleshooting.md explains is one that the code can say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from docs.messages import GAP, formatted, plain
from docs.website import ROOT
from tests.docs.shown import blocks

PAGE = ROOT / "docs" / "troubleshooting.md"


@cache
def sayings() -> str:
    """The texts in the code, a line each, with a gap where a value is put in."""
    files = [path for package in ("distill", "students", "teachers") for path in sorted((ROOT / package).rglob("*.py"))]
    return "\n".join(text for path in files for text in texts_of(ast.parse(path.read_text())))


def texts_of(tree: ast.AST) -> Iterator[str]:
    """Plain and formatted texts; spaces are single, and neighbouring gaps are one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield plain(formatted(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield plain(node.value)


def messages() -> list[str]:
    return [plain(block) for block in blocks(PAGE, "text")]


def test_every_message_is_one_of_the_code() -> None:
    assert len(messages()) >= 40
    assert [message for message in messages() if message not in sayings()] == []


def test_every_message_says_enough_to_be_found() -> None:
    for message in messages():
        assert len(message.replace(GAP, "").split()) >= 3, message
    assert len(set(messages())) == len(messages())
    assert "the disk has eaten the lines" not in sayings()
