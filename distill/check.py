"""Pre-flight: recipe, data, fonts and networks looked at together, every problem reported, nothing trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.data.pools import open_pools
from distill.recipe import Recipe
from distill.run import feasible, mismatches
from students.errors import DataError


def check(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """`lines` of each part and `problems`, all of them. Rendered lines are drawn into the run's cache."""
    try:
        pools = open_pools(recipe, Path(recipe.runtime.cache_root or folder / "cache"))
    except DataError as error:
        return {"lines": {}, "problems": [str(error)]}
    problems = [f"{part}: {refusal.reason}" for part, refusals in pools.refused.items() for refusal in refusals]
    image = recipe.image
    teacher = recipe.teacher.model.build(pools.charset.n_classes, image.channels, image.height_px)
    problems += mismatches(recipe, pools, teacher, pools.charset)
    student = recipe.student.model.build(pools.charset.n_classes, image.channels, image.height_px)
    for role, model in (("teacher", teacher), ("student", student)):
        problems += [f"{role}: {refusal.key}: {refusal.reason}" for refusal in feasible(recipe, pools, model)[1]]
    return {
        "lines": {"train": len(pools.train), "validation": len(pools.validation), "test": len(pools.test)},
        "problems": problems,
    }
