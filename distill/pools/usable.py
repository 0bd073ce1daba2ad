"""Which training lines a network can learn from: those whose labels fit its frames."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from distill.data.lines import Lines, Refusal
from distill.evaluation.doctor.pictures import ALMOST_BLANK, contrast_of, grey_of, only_noise
from distill.pools.lines import Pools
from distill.pools.policies import without_infeasible
from distill.recipe.sections import Recipe, RecipeError, Student, Teacher
from distill.recipe.training import Learner
from distill.teaching.teacher_files import foreign_teachers
from distill.track import progress
from distill.training.initial import undownloaded
from students.charset import Charset
from students.errors import DataError
from students.image import Preparation, decode_image
from students.parts import Recogniser, n_frames


def usable_lines(recipe: Recipe, pools: Pools, folder: Path) -> tuple[dict[Learner, Lines], dict[str, list[Refusal]]]:
    """Return, for teacher and student, the training lines whose labels fit their frames, and those that do not.

    Raises `DataError` where a network that needs labels has none left, or where the policy on such lines is fail.
    """
    usable: dict[Learner, Lines] = {}
    refused: dict[str, list[Refusal]] = {}
    for network, part in recipe.networks.items():
        if isinstance(part, Teacher) and part.file is not None:
            usable[network] = pools.train
            continue
        name = f"{network}: label longer than its frames"
        refused[name] = []
        frames = frames_of(fresh(part, recipe, pools.charset), pools.train, recipe.image)
        policy = recipe.data.policies.infeasible
        usable[network] = without_infeasible(pools.train, frames, refused[name], policy, pools.charset.in_order)
        if network == "student" and foreign_teachers(recipe, folder):
            blank = refused["student: no writing"] = []
            usable[network] = with_writing(usable[network], blank, recipe.objective.trust.unread)
        if recipe.needs_labels(network) and all(text is None for text in usable[network].texts):
            reason = refused[name][0].reason if refused[name] else "all were left out"
            raise DataError(f"{network}: not one labelled training line can be used; {reason}")
    return usable, refused


def with_writing(lines: Lines, refused: list[Refusal], unread: Collection[str] = ()) -> Lines:
    """Return the lines whose picture holds writing, and those labelled as empty; the others are added to `refused`.

    A recogniser that others made may write something on a blank picture: one of them writes a bracket. Where no label
    says otherwise a student would learn that. A picture is taken as blank by its contrast, or where that is noise,
    before it is augmented. Lines of the sources `unread`, on which the teacher has no say, are not looked at.
    """
    kept = np.ones(len(lines), bool)
    asked = [i for i, text in enumerate(lines.texts) if text != "" and lines.sources[i] not in unread]
    with progress("looking for writing", len(asked), "line", shown=bool(asked)) as bar:
        for i in asked:
            key = lines.keys[i]
            if (why := no_writing(grey_of(decode_image(lines[i].image, key)))) is not None:
                kept[i] = False
                refused.append(Refusal(key, f"{key}: no writing in the picture ({why}), which a teacher may misread"))
            bar.update()
    return lines if kept.all() else lines.take(np.flatnonzero(kept))


def no_writing(grey_HW: np.ndarray) -> str | None:
    """Return why a picture, (H, W) uint8, holds no writing; None where it may hold some."""
    contrast = contrast_of(grey_HW)
    if contrast < ALMOST_BLANK:
        return f"{contrast:.0f} grey levels"
    return f"{contrast:.0f} grey levels of noise" if only_noise(grey_HW) else None


def frames_of(model: Recogniser, lines: Lines, preparation: Preparation) -> dict[int, int]:
    """Return the number of frames of every padded width, px, among `lines`, measured."""
    return {
        int(width): n_frames(model, preparation.channels, preparation.height_px, int(width))
        for width in np.unique(lines.padded_width_px)
    }


def fresh(part: Teacher | Student, recipe: Recipe, charset: Charset) -> Recogniser:
    """Return a network with any first weights, for measuring; raises `RecipeError` where it cannot be built."""
    model = undownloaded(part.model)
    try:
        return model.build(charset.n_classes, recipe.image.channels, recipe.image.height_px)
    except (ValueError, RuntimeError) as error:
        raise RecipeError(
            f"{model.kind} cannot be built for lines of {recipe.image.height_px} px: {str(error).splitlines()[0]}"
        ) from error
