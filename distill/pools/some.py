"""A few of the training lines, for a person to look at: of rendered sources these alone are rendered."""

from __future__ import annotations

from pathlib import Path

import torch

from distill.data.lines import Lines, joined
from distill.pools.lines import normalised, open_pools
from distill.recipe.sections import Recipe
from distill.seeds import generator_of
from distill.synthesis.opening import OnDemand
from distill.synthesis.source import RenderedSource


def some_training_lines(recipe: Recipe, folder: Path, n: int) -> Lines:
    """Return `n` training lines of a run in `folder`, chosen at random by its seed; fewer where there are no more.

    Raises `DataError` as `open_pools` does. All lines are rendered only where that tells which of them are trained on.
    A picture that equals another one by chance, and would be left out for it, is not known of.
    """
    lines = open_pools(recipe, folder, stand_in=_known_unrendered(recipe)).train
    chosen: list[Lines] = []
    for i in torch.randperm(len(lines), generator=generator_of("preview", recipe.seed)).tolist():
        if len(chosen) == n:
            break
        fetch, row = lines.fetch[i]
        one = normalised(recipe, fetch.line(row)[0]) if isinstance(fetch, OnDemand) else lines.take([i])
        if len(one):  # else it is refused, as too wide
            chosen.append(one)
    return joined(chosen)


def _known_unrendered(recipe: Recipe) -> bool:
    """Whether it can be told without their texts which rendered lines are trained on, labelled or not."""
    data = recipe.data
    rendered = {source.name for source in data.train if isinstance(source, RenderedSource)}
    parted = [part for part in (data.cut, data.test_cut, data.unlabel) if part is not None]
    apart = all(part.sources is not None and rendered.isdisjoint(part.sources) for part in parted)
    return apart and data.charset.characters is None and data.policies.empty == "keep"
