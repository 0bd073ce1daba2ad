"""Documents that belong together by their labels, against a search over all pairs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import combinations

import pytest
import torch

from distill.data.together import groups_of


def slow_groups(documents: Sequence[str], texts: Sequence[str], n: int) -> set[frozenset[str]]:
    """Every pair looked at, and sets joined until nothing changes."""
    long = {
        d: {t.casefold().replace(" ", "") for e, t in zip(documents, texts, strict=True) if e == d} for d in documents
    }
    long = {d: {t for t in of_document if len(t) >= n} for d, of_document in long.items()}
    groups = [{d} for d in long]
    for one, other in combinations(long, 2):
        common = long[one] & long[other]
        if len(common) > 1 or any(sum(c.isdigit() for c in t) >= 6 for t in common):
            both = [g for g in groups if one in g or other in g]
            groups = [g for g in groups if g not in both] + [set().union(*both)]
    return set(map(frozenset, groups))


def as_sets(groups: dict[str, str]) -> set[frozenset[str]]:
    return {frozenset(d for d, g in groups.items() if g == name) for name in groups.values()}


@pytest.mark.parametrize(("n_documents", "n_lines"), [(30, 4), (4, 30)])  # fewer pairs of texts; of documents
def test_groups_are_those_of_all_pairs(n_documents: int, n_lines: int) -> None:
    words = [f"long label {c}" for c in "abcdefghijklmnopqrstuvwxyzåäö"] + [
        "reg 123 456 no",
        "tel 03 12 34 56",
        "short",
    ]
    for seed in range(20):
        picks = torch.randint(
            len(words), (n_documents, n_lines), generator=torch.Generator().manual_seed(seed)
        ).tolist()
        pairs = [(f"{d:02d}", words[p]) for d, of_document in enumerate(picks) for p in of_document]
        documents, texts = zip(*pairs, strict=True)
        found = groups_of(documents, texts, 10)
        assert as_sets(found) == slow_groups(documents, texts, 10)
        assert all(name == min(d for d, g in found.items() if g == name) for name in found.values())


def test_one_line_that_everybody_prints_joins_nobody_and_a_number_does() -> None:
    lines = [
        ("a", "Thank you come again"),
        ("b", "THANK YOU  COME AGAIN"),
        ("b", "Corner Shop Limited"),
        ("c", "corner shop limited"),
        ("c", "12 High Street, Anywhere"),
        ("d", "12 high street, anywhere"),
        ("d", "CORNER SHOP LIMITED"),
        ("e", "tel. 0123 456789"),
        ("f", "TEL. 0123 456 789"),
        ("g", "total"),
        ("h", "total"),
        ("a", None),
        (None, "tel. 0123 456789"),
    ]
    documents, texts = zip(*lines, strict=True)
    assert groups_of(documents, texts, 12) == dict(zip("abcdefgh", "abcceegh", strict=True))


def test_a_hundred_thousand_lines_take_little_time() -> None:
    """Receipts of 300 shops, each with five lines of its shop, a greeting of all shops, and ten lines of its own."""
    documents = [f"{d:04d}" for d in range(6250) for _ in range(16)]
    texts = [
        f"line {i} of the shop {d % 300}" if i < 5 else "thank you, come again" if i == 5 else f"only here {d} {i}"
        for d in range(6250)
        for i in range(16)
    ]
    begin = time.process_time()
    groups = groups_of(documents, texts, 12)
    assert time.process_time() - begin < 4
    assert len(set(groups.values())) == 300
