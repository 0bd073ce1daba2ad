"""A picture of what training sees: lines of the training pool, prepared and augmented as in the first epoch."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from distill.data.batch import Pixels, View
from distill.data.pools import open_pools
from distill.data.render import contact_sheet
from distill.data.seeds import generator_of
from distill.recipe import Recipe

COLUMNS = 3


def training_sheet(recipe: Recipe, folder: Path, n: int) -> Image.Image:
    """`n` training lines chosen at random, each over its label."""
    lines = open_pools(recipe, folder).train
    order = torch.randperm(len(lines), generator=generator_of("preview", recipe.seed))[:n].tolist()
    view = View(recipe.teacher.training.augment, recipe.seed, epoch=0)
    pixels = Pixels(lines, recipe.image)
    images = [pixels.seen(i, view).squeeze() for i in order]
    texts = ["(unlabelled)" if (text := lines.texts[i]) is None else text for i in order]
    return contact_sheet(images, texts, COLUMNS)
