"""How a teacher's symbols are matched where the recipe leaves it to the suite (`objective.match.how: auto`).

It goes by what is measured of the finished teacher before a student is trained, and is written down in `match.json`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import teachers
from distill.digests import digest_of
from distill.evaluation.doctor.scatter import MOST_FRAMES, Scatter, scatter_of
from distill.pools.lines import Pools, real_lines
from distill.pools.usable import fresh
from distill.recipe.objective import FrameMatch, Objective
from distill.recipe.sections import Recipe
from distill.runs.opening import LineRun
from distill.signed_json import read_signed_json, write_signed_json
from distill.teaching.provenance import provenance_of
from distill.teaching.teacher import FrozenTeacher, measured_frame_px
from distill.teaching.teacher_files import model_in, model_of
from distill.track import say
from students.errors import CheckpointError
from students.reader import Reader

MATCH_NAME = "match.json"
log = logging.getLogger(__name__)
EQUAL = 1e-3  # frames a height that differ by less are equal


class FrameRates(NamedTuple):
    """Frames of the student and of the first teacher for as much line as is high."""

    student: float
    teacher: float


def objective_of_student(run: LineRun, teacher: FrozenTeacher | None) -> Objective:
    """Return the objective of the recipe, with how to match settled where that is left to the suite.

    What was measured is taken from `match.json` where it was measured before of the same teacher, student and lines.
    """
    objective = run.recipe.objective
    if teacher is None or objective.match.how != "auto":
        return objective
    recipe, lines = run.recipe, run.pools.train
    of = digest_of(teacher.digest, recipe.student.model, recipe.image, lines.digest, recipe.seed, objective.match)
    with run.accelerator.main_process_first():
        found = _whole_choice(run.folder)
        if found is None or found["of"] != of:
            with run.stopwatch.measure("match"):
                match, why, scatter = _measured(run, teacher)
            found = {**match.model_dump(mode="json"), "why": why, "scatter": scatter and scatter._asdict(), "of": of}
            if run.accelerator.is_main_process:
                write_signed_json(run.folder / MATCH_NAME, found)
    say(f"match: {found['why']}")
    settled = objective.match.model_copy(update={"how": found["how"], "always": found.get("always", False)})
    return objective.model_copy(update={"match": settled})


def chosen_before(folder: Path) -> dict[str, Any] | None:
    """Return what a run in `folder` has chosen and why, or None."""
    path = folder / MATCH_NAME
    return read_signed_json(path) if path.is_file() else None


def _whole_choice(folder: Path) -> dict[str, Any] | None:
    """What was chosen; None, with a warning, where its file is damaged, since it can be measured again."""
    try:
        return chosen_before(folder)
    except CheckpointError as error:
        log.warning("%s; it is measured anew", error)
        return None


def choice(match: FrameMatch, scatter: Scatter | None, rates: FrameRates, adopted: bool) -> tuple[FrameMatch, str]:
    """Return how a teacher is matched, and why.

    Symbol by symbol with other frames than the student's, and where the characters of an adopted teacher scatter by
    more than `MOST_FRAMES` frames of the student about their ink; else frame by frame. Without a measure as by default.
    """
    match = match.model_copy(update={"how": "symbols"})
    if abs(rates.student - rates.teacher) > EQUAL:
        frames = f"{rates.teacher:.3g} frames a line height, the student {rates.student:.3g}"
        return match, f"symbol by symbol, since the teacher has {frames}"
    if not adopted:
        return match, "frame by frame, since the teacher is a network of this suite with frames as the student's"
    if scatter is None:
        few = "too few of the characters that it reads can be paired with their ink to say how far they scatter"
        return match, f"frame by frame, as by default: {few}"
    measured = (
        f"the teacher's characters scatter by {scatter.heights * rates.student:.2f} frames of the student about their "
        f"ink ({scatter.heights:.3f} line heights, {scatter.n_symbols:,} characters of {scatter.n_lines:,} lines)"
    )
    if scatter.heights * rates.student > MOST_FRAMES:
        always = match.model_copy(update={"always": True})
        return always, f"symbol by symbol on equal frames, since {measured}, more than {MOST_FRAMES}"
    return match, f"frame by frame, since {measured}, at most {MOST_FRAMES}"


def _measured(run: LineRun, teacher: FrozenTeacher) -> tuple[FrameMatch, str, Scatter | None]:
    """The choice for a run, and the scatter of the adopted teacher that scatters most, if frames are equal."""
    rates = _rates(run.recipe, run.pools, teacher)
    adopted = _adopted(run) if abs(rates.student - rates.teacher) <= EQUAL else []
    scatter = _most_scatter(run, adopted)
    return *choice(run.recipe.objective.match, scatter, rates, bool(adopted)), scatter


def _rates(recipe: Recipe, pools: Pools, teacher: FrozenTeacher) -> FrameRates:
    student_px = measured_frame_px(fresh(recipe.student, recipe, pools.charset), recipe.image)
    first = teacher.members[0]
    preparation = first.preparation or recipe.image
    teacher_px = measured_frame_px(first.model, preparation)
    return FrameRates(recipe.image.height_px / student_px, preparation.height_px / teacher_px)


def _adopted(run: LineRun) -> list[Reader]:
    """The teachers that the student follows frame by frame and that others made.

    A network of this suite puts its spikes where its students do, however little of that shows in photographs.
    """
    objective = run.recipe.objective
    further = [model_of(each.file) for each in objective.more_teachers] if objective.ensemble == "frames" else []
    readers = [teachers.load(path) for path in (model_in(run.folder / "teacher"), *further)]
    return [reader for reader in readers if provenance_of(reader.description)]


def _most_scatter(run: LineRun, adopted: Sequence[Reader]) -> Scatter | None:
    """The scatter of the teacher that scatters most, on real lines; on all where none is real."""
    train = run.pools.train
    lines = real_lines(run.recipe, train)
    found = [scatter_of(reader, lines if len(lines) else train, run.recipe.seed) for reader in adopted]
    return max((scatter for scatter in found if scatter is not None), default=None)
