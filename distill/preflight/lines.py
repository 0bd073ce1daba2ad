"""Pre-flight: recipe, data, fonts and networks looked at together, every problem reported, nothing trained.

Where the run has a teacher, its doubts about labels are reported too. `evaluation/doctor/` holds the single checks,
this module their order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import teachers
from distill.data.formats.contents import counted
from distill.data.lines import Lines, Refusal
from distill.evaluation.doctor.alike import disagreements, leaks, repeats
from distill.evaluation.doctor.diagnosis import Diagnosis
from distill.evaluation.doctor.doubts import Doubts, doubts_of, most_suspicious, turned_over
from distill.evaluation.doctor.findings import Finding, about
from distill.evaluation.doctor.labels import class_counts, findings_in_charset, findings_in_labels
from distill.evaluation.doctor.pictures import Pictures, findings_in_pictures, look_at
from distill.evaluation.doctor.profile import profiles, shared_documents
from distill.evaluation.doctor.scatter import findings_in_scatter, scatter_of
from distill.pools.lines import Pools, open_pools, real_lines
from distill.pools.parts import NotMadeError
from distill.pools.usable import fresh, usable_lines
from distill.recipe.line_data import Source
from distill.recipe.sections import Recipe, Teacher
from distill.runs.jobs import problems_of_trainings
from distill.runs.opening import make_writable
from distill.runs.weak import weakness
from distill.synthesis.source import RenderedSource
from distill.teaching.provenance import provenance_of
from distill.teaching.teacher import measured_frame_px
from distill.teaching.teacher_files import (
    foreign_teachers,
    model_in,
    problems_of_teachers,
    teacher_file,
    too_wide_for_teachers,
    unknown_characters,
    unopened_teachers,
)
from distill.training.initial import problems_of_starts, unopened_starts
from students.charset import Charset
from students.errors import UserError
from students.image import Preparation

ANY_CHARSET = Charset(characters="a")  # whether a network can be built does not depend on it


def check(recipe: Recipe, folder: Path, n_suspicious: int) -> Diagnosis:
    """Check everything that a recipe names, and report the `n_suspicious` most doubtful labels (0: without a teacher).

    Synthetic lines are rendered into the run's cache, unless a model is missing. Raises `DataError` where the run
    folder cannot be written.
    """
    make_writable(folder)
    models = _of_recipe("problem", "start", unopened_starts(recipe))
    models += _of_recipe("problem", "teacher", unopened_teachers(recipe, folder))
    try:
        pools = open_pools(recipe, folder, may_render=not models)
    except UserError as error:
        return Diagnosis(tuple(in_order(_without_lines(error, _unbuildable(recipe, ANY_CHARSET) + models))))
    found = left_out(pools.refused) + _networks(recipe, pools, folder) + _fonts(recipe)
    parts = pools.parts
    real = {part: real_lines(recipe, lines) for part, lines in parts.items()}
    on_lines, classes, pictures = findings_on_lines(pools, real, recipe.image)
    found += on_lines
    found += _together(pools)
    if recipe.data.cut is not None:
        found += shared_documents(real, recipe.data.cut.document)
    doubts, doubted = _asked(recipe, folder, real, n_suspicious, pools.charset)
    found += doubted
    if n_suspicious and not any(finding.kind == "teacher" and finding.severity == "problem" for finding in found):
        found += _of_recipe("problem", "teacher", weakness(recipe, folder, pools))
    suspicious = tuple(most_suspicious(doubts, n_suspicious))
    return Diagnosis(tuple(in_order(found)), parts, classes, tuple(profiles(pictures, doubts)), suspicious)


def _without_lines(error: UserError, others: list[Finding]) -> list[Finding]:
    """What can be said of a recipe whose lines do not open: why, and the `others`, which need no lines."""
    if any(str(error) in finding.message for finding in others):  # its characters were to be those of the lines
        return others
    return _of_recipe("note" if isinstance(error, NotMadeError) else "problem", "lines", [str(error)]) + others


def findings_on_lines(
    pools: Pools, real: Mapping[str, Lines], image: Preparation
) -> tuple[list[Finding], dict[str, dict[str, int]], dict[str, Pictures]]:
    """Return findings in labels and pictures, how many lines of each part have each character, and the pictures.

    `real` are the lines of each part whose pictures are looked at.
    """
    found, classes = _labels(pools), class_counts(pools.parts, pools.charset)
    for part, lines in pools.parts.items():
        found += findings_in_labels(part, lines)
    found += findings_in_charset(pools.charset, classes)
    pictures = {part: look_at(part, lines) for part, lines in real.items()}
    for part, looked_at in pictures.items():
        found += findings_in_pictures(part, looked_at, image) + disagreements(part, looked_at)
        found += repeats(part, looked_at.lines)
    return found + leaks(pictures), classes, pictures


def _together(pools: Pools) -> list[Finding]:
    """A note on the documents that are kept together."""
    if pools.together is None:
        return []
    documents, groups, largest = (pools.together[name] for name in ("documents", "groups", "largest"))
    message = f"{documents:,} documents are kept together in {groups:,} groups, the largest of {largest:,}"
    return [Finding("note", "documents", "train", message)]


def _networks(recipe: Recipe, pools: Pools, folder: Path) -> list[Finding]:
    """What keeps networks from being built, begun or used as teachers, and labels that need too many frames."""
    problems = _unbuildable(recipe, pools.charset)
    if not problems:
        try:
            usable, too_long = usable_lines(recipe, pools, folder)
            problems += left_out(too_long)
            problems += _of_recipe("problem", "lines", problems_of_trainings(recipe, usable))
        except UserError as error:
            problems.append(Finding("problem", "network", "recipe", str(error)))
    problems += _of_recipe("problem", "start", problems_of_starts(recipe, pools.charset))
    unfit = problems_of_teachers(recipe, pools.charset, folder)
    if unfit := unfit or too_wide_for_teachers(recipe, pools.parts, folder):
        return problems + _of_recipe("problem", "teacher", unfit)
    return problems + _of_recipe(
        "note", "teacher", [*unknown_characters(recipe, pools.charset, folder), *foreign_teachers(recipe, folder)]
    )


def _unbuildable(recipe: Recipe, charset: Charset) -> list[Finding]:
    """The networks that cannot be built."""
    problems: list[Finding] = []
    for part in recipe.networks.values():
        if not (isinstance(part, Teacher) and part.file):
            try:
                fresh(part, recipe, charset)
            except UserError as error:
                problems.append(Finding("problem", "network", "recipe", str(error)))
    return problems


def _of_recipe(severity: Literal["problem", "note"], kind: str, messages: Iterable[str]) -> list[Finding]:
    return [Finding(severity, kind, "recipe", message) for message in messages]


def _fonts(recipe: Recipe) -> list[Finding]:
    """Notes on font families that lines of two parts are rendered in."""
    found = []
    for (one, some), (other, others) in itertools.combinations(recipe.data.parts.items(), 2):
        if shared := shared_families(some, others):
            message = (
                f"{counted(len(shared), 'font family', 'font families')} in lines of "
                f"{one} and of {other}: {', '.join(shared)}"
            )
            advice = "hold some families out; figures are too good otherwise"
            found.append(Finding("note", "fonts", "recipe", message, advice=advice))
    return found


def shared_families(some: Iterable[Source], others: Iterable[Source]) -> list[str]:
    """Return the font families that lines of both are rendered in, sorted."""
    one, other = (
        {family for source in sources if isinstance(source, RenderedSource) for family in source.fonts}
        for sources in (some, others)
    )
    return sorted(one & other)


def left_out(refused: Mapping[str, list[Refusal]]) -> list[Finding]:
    """Return a problem for every reason of every part, named as `data.json` does: `train: leaked`."""
    found = []
    for name, refusals in refused.items():
        part, _, why = name.partition(": ")
        lines = [(refusal.key, refusal.reason) for refusal in refusals]
        what = f"left out, {why}" if why else "left out"
        found += about("problem", "left-out", part, lines, what, "mend them, or go on without them")
    return found


def _labels(pools: Pools) -> list[Finding]:
    """Notes on empty and rewritten labels, and on characters of validation and test that no training line has."""
    summary = pools.summary()
    found = []
    for name, kind, what, advice in (
        ("empty_labels", "empty", "an empty label", "data.policies.empty decides whether they are used"),
        (
            "rewritten_labels",
            "rewritten",
            "put into NFC, rewritten by data.normalisation, or without the punctuation that label_form leaves out",
            "",
        ),
    ):
        for part, keys in summary[name].items():
            found += about("note", kind, part, [(key, key) for key in keys], what, advice)
    for part, otherwise in summary.get("read_back_otherwise", {}).items():
        lines = [(key, f"{key}: read as {text!r}") for key, text in otherwise.items()]
        what = "labels that are drawn as another text is, and will be read as that"
        found += about("note", "order", part, lines, what, "see Right-to-left lines in docs/data.md")
    for part, outside in summary["outside_charset"].items():
        lines = [(key, f"{key}: {characters}") for key, characters in outside.items()]
        what = "characters that no training line has and nobody can learn"
        found += about("note", "unlearnt", part, lines, what, "add lines with them, or expect these errors")
    return found


def _asked(
    recipe: Recipe, folder: Path, real: Mapping[str, Lines], n_suspicious: int, charset: Charset
) -> tuple[dict[str, Doubts], list[Finding]]:
    """The doubts of the run's teacher about the labels of the real lines, and findings; empty without a teacher."""
    own = model_in(folder / "teacher")
    if not n_suspicious or not (recipe.teacher_file or (recipe.teacher and own.is_file())):
        return {}, []
    try:
        reader = teachers.load(teacher_file(recipe, folder) if recipe.teacher_file else own)
        doubts = {part: doubts_of(part, lines, reader, recipe.seed) for part, lines in real.items()}
        student_px = measured_frame_px(fresh(recipe.student, recipe, charset), recipe.image)
        adopted = provenance_of(reader.description) is not None
        scatter = scatter_of(reader, real["train"], recipe.seed) if adopted else None
    except UserError as error:
        return {}, [Finding("problem", "teacher", "recipe", str(error))]
    found = findings_in_scatter(scatter, recipe.image.height_px / student_px, recipe.objective.match)
    for part, answers in doubts.items():
        found += _doubt_notes(part, answers)
        worst = most_suspicious({part: answers}, n_suspicious)
        found += turned_over(part, real[part], worst, reader)
    return doubts, found


def _doubt_notes(part: str, doubts: Doubts) -> list[Finding]:
    """How many lines the teacher was asked about, where not all, and which labels it cannot write."""
    unknown = [(key, key) for key in doubts.unknown]
    advice = "its charset lacks their characters, or they need more frames than the line has"
    found = about("note", "not-judged", part, unknown, "labels that the teacher cannot write", advice)
    if (n := len(doubts.doubts) + len(doubts.unknown)) < doubts.n_labelled:
        message = (
            f"the teacher was asked about {n:,} of {counted(doubts.n_labelled, 'labelled line')}, sampled by the seed"
        )
        found.append(Finding("note", "sampled", part, message))
    return found


def in_order(found: list[Finding]) -> list[Finding]:
    """Return problems first; else as they were found."""
    return sorted(found, key=lambda finding: finding.severity != "problem")
