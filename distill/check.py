"""Pre-flight: recipe, data, fonts and networks looked at together, every problem reported, nothing trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.data.pools import open_pools
from distill.initial import problems_of_starts
from distill.recipe import Recipe
from distill.run import cache_of, fresh, mismatches, usable_lines
from students.errors import DataError


def check(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """`lines` of each part and `problems`, all of them. Rendered lines are drawn into the run's cache."""
    try:
        pools = open_pools(recipe, cache_of(recipe, folder))
    except DataError as error:
        return {"lines": {}, "problems": [str(error)]}
    _, too_long = usable_lines(recipe, pools)
    problems = [
        f"{part}: {refusal.reason}" for part, refusals in {**pools.refused, **too_long}.items() for refusal in refusals
    ]
    problems += problems_of_starts(recipe, pools.charset)
    teacher = fresh(recipe.teacher, recipe, pools.charset)
    problems += mismatches(recipe, pools, teacher, None)
    return {
        "lines": {"train": len(pools.train), "validation": len(pools.validation), "test": len(pools.test)},
        "problems": problems,
    }
