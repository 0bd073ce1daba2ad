"""Pre-flight: recipe, data, fonts and networks looked at together, every problem reported, nothing trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.data.pools import open_pools
from distill.initial import problems_of_starts
from distill.recipe import Recipe
from distill.run import cache_of, usable_lines
from distill.teacher import problems_of_teachers, unknown_characters
from students.errors import DataError

SHOWN_KEYS = 5


def check(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """`lines` of each part, `notes` on labels, all `problems`. Rendered lines are drawn into the run's cache."""
    try:
        pools = open_pools(recipe, cache_of(recipe, folder))
    except DataError as error:
        return {"lines": {}, "notes": [], "problems": [str(error)]}
    _, too_long = usable_lines(recipe, pools)
    problems = [
        f"{part}: {refusal.reason}" for part, refusals in {**pools.refused, **too_long}.items() for refusal in refusals
    ]
    unfit = problems_of_teachers(recipe, pools.charset, folder)
    problems += problems_of_starts(recipe, pools.charset) + unfit
    summary = pools.summary()
    notes = [
        f"{part}: {len(keys)} {what}, the first: {', '.join(keys[:SHOWN_KEYS])}"
        for field, what in (
            ("empty_labels", "labels are empty"),
            ("rewritten_labels", "labels were put into NFC or lost punctuation to their label_form"),
        )
        for part, keys in summary[field].items()
        if keys
    ]
    if not unfit:
        notes += unknown_characters(recipe, pools.charset, folder)
    if outside := summary["test_characters_outside_charset"]:
        notes.append(f"test: characters that no training line has and nobody can learn: {outside}")
    return {
        "lines": {"train": len(pools.train), "validation": len(pools.validation), "test": len(pools.test)},
        "notes": notes,
        "problems": problems,
    }
