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
from distill.data.labels import LabelForm
from distill.durations import seconds_of
from distill.pools.cut import TEST_CUT, sampled_documents
from distill.proposing.budget import BATCH, Plan, Speeds, TooShort, learning_speed, plan_for, reading_speed
from distill.proposing.proposal import (
    Seen,
    Size,
    Wishes,
    recipe_of,
    refuse_too_few,
    texts_and_fonts,
)
from distill.proposing.shipped import best_beginning, readings_of, student_readers, teacher_readers, told
from distill.proposing.survey import Survey, label_form_of, repeated, survey
from distill.proposing.teaching import Beginning, Teaching, choices
from distill.proposing.writing import written
from distill.recipe.file import load_recipe
from distill.teaching.teacher_files import model_of
from distill.track import say
from students.charset import Charset
from students.config import STUDENTS
from students.errors import DataError, UserError
from students.image import Preparation
from students.model_file import write_whole
from students.reader import Reader
from students.showing import table
from teachers.crnn import TEACHERS

SHOWN = 40  # characters of a charset


@dataclass(frozen=True)
class Request:
    """What the user gave."""

    target: Path
    lines: str
    unlabelled: str | None = None
    test: str | None = None
    fonts: Path | None = None
    teacher: str | None = None
    size: Size = "medium"
    budget: str = "30m"
    label_form: LabelForm | None = None

    def with_form(self, form: LabelForm) -> Request:
        """Return the same with a label form that was chosen."""
        return replace(self, label_form=form)


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
            write_whole(corpus_of(self.target), self.corpus.encode())
            write_whole(self.target, self.yaml.encode())
        except OSError as error:
            raise UserError(f"{self.target}: cannot be written: {error.strerror or error}") from error
        load_recipe(str(self.target))


def corpus_of(target: Path) -> Path:
    """Return where the texts of synthetic lines stand: beside the recipe."""
    return target.with_suffix(".texts.txt")


def propose(request: Request, cache: Path) -> Proposal:
    """Look at the lines and return a recipe for them. Raises `UserError` for what cannot be used."""
    budget_s = seconds_of(request.budget, "--budget")
    seen, notes = _look(request, cache)
    form, why_form = label_form_of(seen.lines.labels)
    if request.label_form is not None:
        form, why_form = request.label_form, "as you said"
    wishes = Wishes(request.target.stem, request.size, budget_s, form, Teaching(request.teacher), fonts=request.fonts)
    refuse_too_few(seen, wishes)
    chosen = [f"label_form {form}: {why_form}"]
    may_teach, student_begins, why_begun = _beginnings(seen, wishes)
    chosen += why_begun
    text, fonts, why_text = texts_and_fonts(seen, wishes, str(corpus_of(request.target)))
    chosen.append(f"synthetic lines in {len(fonts.families)} font families: {why_text}")
    wishes, plan, why_plan = _that_fits(seen, replace(wishes, student_begins=student_begins), may_teach)
    chosen += why_plan
    sections, reasons = recipe_of(seen, wishes, plan, text, fonts)
    head = "\n".join([f"Written by `distill new` for {request.lines}.", *notes, *chosen])
    yaml = written(sections, reasons, head)
    return Proposal(request.target, yaml, _corpus(seen, sections["data"]), form, why_form, tuple(notes), tuple(chosen))


def _beginnings(seen: Seen, wishes: Wishes) -> tuple[list[Teaching], Beginning | None, list[str]]:
    """Return who may teach, the shipped student that students begin with, if any, and why."""
    why = []
    if wishes.teaching.file:
        model_of(wishes.teaching.file)  # raises where there is none
    shipped = {name: each for name, each in student_readers().items() if _fits(each, wishes.size)}
    shares = readings_of(seen.lines, wishes.label_form, shipped)
    student = best_beginning(shares, shipped)
    begun = f"the shipped {student.name}" if student else "fresh weights"
    found = (
        f"shipped students of this size read of some lines: {told(shares)}"
        if shares
        else f"none of size {wishes.size} is shipped"
    )
    why.append(f"student from {begun}: {found}")
    if wishes.teaching.file:
        return [wishes.teaching], student, why
    shipped = teacher_readers()
    shares = readings_of(seen.lines, wishes.label_form, shipped)
    why.append(f"shipped teachers read of some lines: {told(shares)}")
    return choices(best_beginning(shares, shipped), student is not None, wishes.budget_s), student, why


def _that_fits(seen: Seen, wishes: Wishes, may_teach: Sequence[Teaching]) -> tuple[Wishes, Plan, list[str]]:
    """Return the best teaching whose trainings fit the time, what is planned, and why; raises `TooShort` for none."""
    why: list[str] = []
    least: TooShort | None = None
    say("measuring how fast this machine trains")
    student_speed = learning_speed(STUDENTS.validate_python(wishes.student_model).build(*_form(seen)), *_size_px(seen))
    for teaching in may_teach:
        tried = replace(wishes, teaching=teaching)
        speeds = Speeds(*_teacher_speeds(seen, teaching), student_speed)
        try:
            plan = plan_for(wishes.budget_s, speeds, seen.n_real, teaching.least_steps)
        except TooShort as error:
            why.append(f"teacher {teaching}: needs a budget of {math.ceil(error.least_s / 60)} minutes")
            least = error if least is None or error.least_s < least.least_s else least
            continue
        if seen.unlabelled and not plan.views:
            why.append(f"the {len(seen.unlabelled.texts):,} unlabelled lines are left out: nobody teaches them")
        if teaching.file and not wishes.teaching.file:
            why.append(
                f"the shipped {teaching.file} may have learned from lines like your test; then its figures are too "
                "good (docs/teachers.md says what it learned from)"
            )
        return tried, plan, [*why, f"teacher: {teaching}", *_of_plan(plan, speeds, tried)]
    assert least is not None
    options = [] if wishes.size == "small" else ["a smaller --size"]
    options += [] if wishes.teaching.file else ["a finished --teacher"]
    raise TooShort(wishes.budget_s, least.least_s, "".join(f", or {option}" for option in options))


def _fits(student: Reader, size: Size) -> bool:
    """Whether students of this size can begin with the weights of a shipped one: it reads lines of the same height."""
    seen = student.description
    return seen.architecture.get("size") == size and seen.preparation.height_px == Preparation().height_px


def _look(request: Request, cache: Path) -> tuple[Seen, list[str]]:
    lines = survey(request.lines, "mine", cache)
    unlabelled = survey(request.unlabelled, "unlabelled", cache) if request.unlabelled else None
    test = survey(request.test, "test", cache) if request.test else None
    notes = _notes(request.lines, lines) + (_notes(request.unlabelled or "", unlabelled) if unlabelled else [])
    if test:
        if not test.labels or test.n_unlabelled:
            raise DataError(f"{request.test}: every line of a test needs a label; {test.n_unlabelled} have none")
        notes += _notes(request.test or "", test)
        again, compared = repeated(lines, test)
        if again == compared:
            raise DataError(
                f"{request.test}: all of its {again} pictures are in {request.lines} too; a test needs lines of its own"
            )
        if again:
            notes.append(f"{again} of {compared} test pictures are in {request.lines} too: training leaves them out")
    return Seen(lines, unlabelled, test), notes


def _notes(where: str, seen: Survey) -> list[str]:
    looks = seen.looks
    rows = [f"{where}: {len(seen.texts):,} lines, {len(seen.labels):,} labelled, read as {seen.source.kind}"]
    size = f"{looks.middle('height_px'):.0f} px high, {looks.aspect:.1f} times as wide"
    grey = f"ink {looks.middle('ink'):.0f} and paper {looks.middle('paper'):.0f} of 255"
    rows.append(f"{where}: {size}, {grey}, {looks.inverted:.0%} light on dark")
    if looks.unreadable:
        rows.append(f"{where}: {looks.unreadable} of the pictures looked at cannot be opened")
    if seen.labels:
        some = "".join(seen.characters)
        scripts = f", of {', '.join(seen.scripts[:4])}" if seen.scripts else ""
        more = " ..." if len(some) > SHOWN else ""
        longest = max(map(len, seen.labels))
        rows.append(f"{where}: {len(some)} characters{scripts}: {some[:SHOWN]}{more}; the longest label has {longest}")
        doubled = len(seen.labels) - len(set(seen.labels))
        rows.append(f"{where}: {doubled:,} labels occur more than once")
    return rows


def _size_px(seen: Seen) -> tuple[int, int]:
    """The height and the width of a line of middling length, as networks see it."""
    preparation = Preparation()
    height_px = preparation.height_px
    return height_px, preparation.padded_px(max(height_px, round(height_px * seen.lines.looks.aspect)))


def _form(seen: Seen) -> tuple[int, int, int]:
    """The classes, channels and height in pixels that networks are built for."""
    preparation = Preparation()
    return Charset.of([" ", "".join(seen.lines.characters)]).n_classes, preparation.channels, preparation.height_px


def _teacher_speeds(seen: Seen, teaching: Teaching) -> tuple[float, float]:
    """How fast the teacher learns and reads; infinite where nothing of that is to be done."""
    if teaching.model:
        teacher = TEACHERS.validate_python(teaching.model).build(*_form(seen))
        return learning_speed(teacher, *_size_px(seen)), reading_speed(teacher, *_size_px(seen))
    if teaching.file:
        return math.inf, reading_speed(teachers.load(teaching.file).model, *_size_px(seen))
    return math.inf, math.inf


def _of_plan(plan: Plan, speeds: Speeds, wishes: Wishes) -> list[str]:
    minutes = ", ".join(f"{what} {taken_s / 60:.1f}" for what, taken_s in plan.seconds.items() if taken_s)
    teacher = f"{speeds.teacher:.0f} lines/s of the teacher, " if plan.teacher_steps else ""
    return [
        f"budget {wishes.budget_s / 60:g} minutes, planned: {minutes}",
        f"steps of {BATCH} lines from this machine's speed: {teacher}{speeds.student:.0f} lines/s of the student",
    ]


def _corpus(seen: Seen, data: Mapping[str, Any]) -> str:
    """The labels, one a line, without those of documents that the recipe cuts for validation or test.

    The same documents as in the run are sampled, unless lines that cannot be opened change how many there are.
    """
    pattern = re.compile(data["cut"]["document"])
    labelled = [(name, text) for name, text in zip(seen.lines.names, seen.lines.texts, strict=True) if text is not None]
    documents = [document_of(pattern, name, needed=True) or "" for name, _ in labelled]
    left = Counter(documents)
    for name in (TEST_CUT, "cut"):
        if name in data:
            for document in sampled_documents(left, data[name]["share"], name, seed=0):
                del left[document]
    kept = {" ".join(text.split()) for document, (_, text) in zip(documents, labelled, strict=True) if document in left}
    return "".join(f"{text}\n" for text in sorted(kept - {""}))
