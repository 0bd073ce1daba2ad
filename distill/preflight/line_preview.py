"""A picture of what training sees: lines of the training pool, prepared and augmented as in the first epoch.

Lines that the teacher learns from are augmented as for the teacher, the others as for the student.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from distill.data.lines import Lines
from distill.data.prepared import ScaledLines, View
from distill.pools.some import some_training_lines
from distill.recipe.sections import Recipe, Stage, Teacher
from distill.synthesis.contact import contact_sheet

COLUMNS = 3


def training_sheet(recipe: Recipe, folder: Path, n: int) -> Image.Image:
    """Return a picture of `n` training lines chosen at random, each over its label."""
    lines = some_training_lines(recipe, folder, n)
    views = {name: View(part.training.augment, recipe.seed, epoch=0) for name, part in recipe.networks.items()}
    scaled = ScaledLines(lines, recipe.image)
    images = [
        scaled.augmented(i, views["teacher" if _teacher_learns(recipe.teacher, lines, i) else "student"]).squeeze()
        for i in range(len(lines))
    ]
    texts = ["(unlabelled)" if text is None else text for text in lines.texts]
    return contact_sheet(images, texts, COLUMNS)


def _teacher_learns(teacher: Teacher | None, lines: Lines, i: int) -> bool:
    if teacher is None or teacher.file is not None or lines.texts[i] is None:
        return False
    parts: tuple[Stage | Teacher, ...] = (*teacher.stages, teacher)
    return any(part.sources is None or lines.sources[i] in part.sources for part in parts)
