"""The whole of it: look, choose, plan the time, and write recipe and texts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import teachers
from distill.data.documents import document_of
from distill.data.formats.contents import counted
from distill.data.formats.opening import source_at
from distill.data.labels import LabelForm
from distill.durable import write_text
from distill.durations import seconds_of
from distill.pools.cut import TEST_CUT, sampled_documents
from distill.proposing.budget import (
    BATCH,
    Plan,
    Speeds,
    TooShort,
    learning_speed,
    plan_for,
    reading_speed,
    speed_of_reader,
)
from distill.proposing.proposal import (
    HAN,
    MANY_CHARACTERS,
    Decisions,
    Seen,
    Size,
    recipe_of,
    refuse_too_few,
    texts_and_fonts,
)
from distill.proposing.shipped import best_beginning, readings_of, student_readers, teacher_readers, told
from distill.proposing.survey import Survey, label_form_of, notes_on, repeated, survey
from distill.proposing.teaching import Beginning, Teaching, choices
from distill.proposing.texts import as_corpus, expect_fonts
from distill.proposing.wishes import Wishes, taken_of_a_set
from distill.proposing.writing import written
from distill.recipe.file import load_recipe
from distill.schema import expect_folder_name
from distill.teaching.teacher_files import model_of
from distill.track import say
from students.charset import Charset
from students.config import STUDENTS
from students.errors import DataError, UserError
from students.image import Preparation
from students.reader import Reader
from students.showing import table
from teachers.crnn import TEACHERS


@dataclass(frozen=True)
class Proposal:
    """A recipe that fits the lines, its texts, what was seen, and what was chosen and why."""

    target: Path
    yaml: str
    corpus: str
    label_form: LabelForm
    why_form: str
    seen: tuple[str, ...]
    chosen: tuple[str, ...]

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what was seen, what was chosen, and the recipe."""
        rows = [("seen", row) for row in self.seen] + [("chosen", row) for row in self.chosen]
        cells = ([what, escape(row)] for what, row in rows)
        return f"{table(['', escape(str(self.target))], cells, len(rows))}<pre>{escape(self.yaml)}</pre>"

    def write(self) -> None:
        """Write the recipe and the texts beside it, and see that the recipe is valid. Raises `UserError`."""
        try:
            write_text(corpus_of(self.target), self.corpus)
            write_text(self.target, self.yaml)
        except OSError as error:
            raise UserError(f"{self.target}: cannot be written: {error.strerror or error}") from error
        load_recipe(str(self.target))


def corpus_of(target: Path) -> Path:
    """Return where the texts of synthetic lines stand: beside the recipe."""
    return target.with_suffix(".texts.txt")


def propose(wishes: Wishes, cache: Path) -> Proposal:
    """Look at the lines and return a recipe for them. Raises `UserError` for what cannot be used."""
    budget_s = seconds_of(wishes.budget, "--budget")
    given, wishes = wishes, wishes.of_a_set()
    _refuse_unusable(wishes)
    seen, notes = _look(wishes, cache)
    notes = taken_of_a_set(given, wishes) + notes
    form, why_form = label_form_of(seen.lines.labels)
    if wishes.label_form is not None:
        form, why_form = wishes.label_form, "as you said"
    decisions = Decisions(wishes.target.stem, wishes.size, budget_s, form, Teaching(wishes.teacher), fonts=wishes.fonts)
    refuse_too_few(seen, decisions)
    chosen = [f"label_form {form}: {why_form}"]
    may_teach, student_begins, why_begun = _beginnings(seen, decisions)
    chosen += why_begun
    decisions = replace(decisions, student_begins=student_begins)
    text, fonts, why_text = texts_and_fonts(seen, decisions, str(corpus_of(wishes.target)))
    chosen.append(f"synthetic lines in {len(fonts.families)} font families: {why_text}")
    decisions, plan, why_plan = _that_fits(seen, decisions, may_teach)
    chosen += why_plan
    sections, reasons = recipe_of(seen, decisions, plan, text, fonts)
    head = "\n".join([f"Written by `distill new` for {given.lines}.", *notes, *chosen])
    yaml = written(sections, reasons, head)
    return Proposal(wishes.target, yaml, _corpus(seen, sections["data"]), form, why_form, tuple(notes), tuple(chosen))


def _refuse_unusable(wishes: Wishes) -> None:
    """Raise `UserError` for what would only show after minutes: no name of a recipe, no lines, teacher or fonts."""
    try:
        expect_folder_name(wishes.target.stem)
    except ValueError as error:
        raise UserError(f"{wishes.target}: {error}") from None
    for where in (wishes.lines, wishes.unlabelled, wishes.validation, wishes.test):
        if where is not None:
            source_at(where, "data")
    if wishes.teacher:
        model_of(wishes.teacher)
    expect_fonts(wishes.fonts)


def _beginnings(seen: Seen, decisions: Decisions) -> tuple[list[Teaching], Beginning | None, list[str]]:
    """Return who may teach, the shipped student that students begin with, if any, and why."""
    why = []
    shipped = {
        name: each for name, each in student_readers().items() if _fits(each, decisions.size, seen.lines.scripts)
    }
    shares = readings_of(seen.lines, decisions.label_form, shipped)
    student = best_beginning(shares, shipped)
    begun = f"the shipped {student.name}" if student else "fresh weights"
    found = (
        f"shipped students of this size read of some lines: {told(shares)}"
        if shares
        else f"none of size {decisions.size} is shipped"
    )
    why.append(f"student from {begun}: {found}")
    if decisions.teaching.file:
        return [decisions.teaching], student, why
    planned = replace(decisions, student_begins=student)
    shipped = teacher_readers()
    shares = readings_of(seen.lines, decisions.label_form, shipped)
    why.append(f"shipped teachers read of some lines: {told(shares)}")
    teacher = best_beginning(shares, shipped)
    if teacher and not teacher.finished and teacher.height_px != planned.height_px:
        why.append(f"teacher not from the shipped {teacher.name}: it reads lines of {teacher.height_px} px")
        teacher = None
    n_classes = _charset(seen, planned).n_classes
    fresh_may = student is None or n_classes < MANY_CHARACTERS
    if not fresh_may:
        why.append(
            f"no teacher from fresh weights: in {n_classes:,} classes it would read less than the student does; "
            "--teacher names a finished one"
        )
    return choices(teacher, student is not None, fresh_may, decisions.budget_s), student, why


def _that_fits(seen: Seen, decisions: Decisions, may_teach: Sequence[Teaching]) -> tuple[Decisions, Plan, list[str]]:
    """Return the best teaching whose trainings fit the time, what is planned, and why; raises `TooShort` for none."""
    why: list[str] = []
    least: TooShort | None = None
    say("measuring how fast this machine trains")
    student = STUDENTS.validate_python(decisions.student_model(len(seen.lines.characters))).build(
        *_form(seen, decisions)
    )
    student_speed = learning_speed(student, *_size_px(seen, decisions))
    for teaching in may_teach:
        tried = replace(decisions, teaching=teaching)
        speeds = Speeds(*_teacher_speeds(seen, tried), student_speed)
        try:
            plan = plan_for(decisions.budget_s, speeds, seen.n_real, teaching.least_steps)
        except TooShort as error:
            why.append(f"teacher {teaching}: needs a budget of {math.ceil(error.least_s / 60)} minutes")
            least = error if least is None or error.least_s < least.least_s else least
            continue
        if seen.unlabelled and not plan.views:
            why.append(f"{counted(len(seen.unlabelled.texts), 'unlabelled line')} left out: nobody teaches them")
        if teaching.file and not decisions.teaching.file:
            why.append(
                f"the shipped {teaching.file} may have learned from lines like your test; then its figures are too "
                "good (docs/teachers.md says what it learned from)"
            )
        return tried, plan, [*why, f"teacher: {teaching}", *_of_plan(plan, speeds, tried)]
    assert least is not None
    options = [] if decisions.size == "small" else ["a smaller --size"]
    options += [] if decisions.teaching.file else ["a finished --teacher"]
    raise TooShort(decisions.budget_s, least.least_s, "".join(f", or {option}" for option in options))


def _fits(student: Reader, size: Size, scripts: Sequence[str]) -> bool:
    """Whether students of this size can begin with the weights of a shipped one.

    It reads lines of the usual height. Where labels have Han another height will do: its head has thousands of classes.
    """
    seen = student.description
    usual = seen.preparation.height_px == Preparation().height_px
    return seen.architecture.get("size") == size and (usual or HAN in scripts)


def _look(wishes: Wishes, cache: Path) -> tuple[Seen, list[str]]:
    lines = survey(wishes.lines, "mine", cache)
    unlabelled = survey(wishes.unlabelled, "unlabelled", cache) if wishes.unlabelled else None
    notes = notes_on(wishes.lines, lines) + (notes_on(wishes.unlabelled or "", unlabelled) if unlabelled else [])
    apart: dict[str, Survey] = {}
    for part, where in (("validation", wishes.validation), ("test", wishes.test)):
        if where is not None:
            apart[part] = survey(where, part, cache)
            notes += notes_on(where, apart[part]) + _repeated(wishes.lines, lines, where, apart[part])
    return Seen(lines, unlabelled, **apart), notes


def _repeated(learnt: str, lines: Survey, where: str, apart: Survey) -> list[str]:
    """A note on pictures of validation or test that are in the lines too; raises `DataError` where it cannot judge."""
    part = apart.source.name
    if not apart.labels or apart.n_unlabelled:
        raise DataError(f"{where}: every line of a {part} needs a label; {apart.n_unlabelled} have none")
    again, compared = repeated(lines, apart)
    if again == compared:
        raise DataError(f"{where}: all of its {again} pictures are in {learnt} too; a {part} needs lines of its own")
    return [f"{again} of {compared} {part} pictures are in {learnt} too: training leaves them out"] if again else []


def _size_px(seen: Seen, decisions: Decisions) -> tuple[int, int]:
    """The height and the width of a line of middling length, as networks see it."""
    height_px = decisions.height_px
    return height_px, Preparation().padded_px(max(height_px, round(height_px * seen.lines.looks.aspect)))


def _charset(seen: Seen, decisions: Decisions) -> Charset:
    """The characters of the labels, and those of the weights that the student begins with."""
    known = decisions.student_begins.description.charset.characters if decisions.student_begins else ""
    return Charset.of([" ", "".join(seen.lines.characters), known])


def _form(seen: Seen, decisions: Decisions) -> tuple[int, int, int]:
    """The classes, channels and height in pixels that networks are built for."""
    return _charset(seen, decisions).n_classes, Preparation().channels, decisions.height_px


def _teacher_speeds(seen: Seen, decisions: Decisions) -> tuple[float, float]:
    """How fast the teacher learns and reads; infinite where nothing of that is to be done."""
    teaching, size_px = decisions.teaching, _size_px(seen, decisions)
    if teaching.model:
        teacher = TEACHERS.validate_python(teaching.model).build(*_form(seen, decisions))
        return learning_speed(teacher, *size_px), reading_speed(teacher, *size_px)
    if teaching.file:
        return math.inf, speed_of_reader(teachers.load(model_of(teaching.file)), seen.lines.looks.aspect)
    return math.inf, math.inf


def _of_plan(plan: Plan, speeds: Speeds, decisions: Decisions) -> list[str]:
    minutes = ", ".join(f"{what} {taken_s / 60:.1f}" for what, taken_s in plan.seconds.items() if taken_s)
    teacher = f"{speeds.teacher:.0f} lines/s of the teacher, " if plan.teacher_steps else ""
    return [
        f"budget {decisions.budget_s / 60:g} minutes, planned: {minutes}",
        f"steps of {BATCH} lines from this machine's speed: {teacher}{speeds.student:.0f} lines/s of the student",
    ]


def _corpus(seen: Seen, data: Mapping[str, Any]) -> str:
    """The labels, one a line, without those of documents that the recipe cuts for validation or test.

    The same documents as in the run are sampled, unless lines that cannot be opened change how many there are.
    """
    cuts = [name for name in (TEST_CUT, "cut") if name in data]
    if not cuts:
        return as_corpus(seen.lines.labels)
    pattern = re.compile(data[cuts[0]]["document"])
    labelled = [(name, text) for name, text in zip(seen.lines.names, seen.lines.texts, strict=True) if text is not None]
    documents = [document_of(pattern, name, needed=True) or "" for name, _ in labelled]
    left = Counter(documents)
    for name in cuts:
        for document in sampled_documents(left, data[name]["share"], name, seed=0):
            del left[document]
    return as_corpus(text for document, (_, text) in zip(documents, labelled, strict=True) if document in left)
