"""The page of every message is read out of the code: nothing that a user can mend is missing on it."""

from __future__ import annotations

import ast

from docs.messages import GAP, PARTS, Message, messages, messages_page, plain, texts_of
from docs.website import ROOT
from tests.docs.test_troubleshooting import messages as explained


def test_messages_of_all_parts_are_found() -> None:
    assert len(messages(ROOT)) >= 500
    page = messages_page(ROOT)
    assert [heading for heading, _ in PARTS.values() if f"## {heading}\n" not in page] == []
    assert page.count("\n- `") > 0.9 * len(messages(ROOT))  # some are said by two modules


def test_ways_to_an_error_are_followed() -> None:
    for text, module in (
        (
            "ray is not installed; pip install 'crnn-distill[cluster]', or leave it out with --here",
            "distill/cluster.py",
        ),
        (f"{GAP}: no such folder", "distill/data/formats/folder.py"),
        (
            f"{GAP}: may not be read: {GAP}; credentials are those that fsspec finds",
            "distill/data/formats/stores.py",
        ),  # a class that is a parameter
        ("the teacher reads nothing", "distill/runs/weak.py"),  # by way of a function
        ("is no multiple of page.quantum_px", "distill/recipe/pages.py"),
    ):
        assert any(text in said.text for said in messages(ROOT) if said.module == module), text


def test_what_troubleshooting_explains_is_on_it() -> None:
    page = {said.text for said in messages(ROOT)}
    missing = [text for text in explained() if not any(text.strip(f" :{GAP}") in each for each in page)]
    assert len(missing) <= 0.2 * len(explained()), missing  # reasons for which single lines are left out, and the like


def test_texts_of_an_expression() -> None:
    def of(source: str) -> list[str]:
        return list(map(plain, texts_of(ast.parse(source, mode="eval").body)))

    assert of("f'{a}{b}: {c!r}  is' ' bad'") == [f"{GAP}: {GAP} is bad"]
    assert of("'one' if a else f'two {b}'") == ["one", f"two {GAP}"]
    assert of("'head ' + '; '.join(a)") == [f"head {GAP}"]
    assert of("a") == []
    assert plain(f"a{GAP}{GAP}  b") == f"a{GAP} b"
    assert Message("a", "b") in {Message("a", "b")}
