"""The suite from Python: `run = distill.run("mine.yaml"); run.report; run.student.read("line.png")`."""

from __future__ import annotations

import html
import json
import random
import tempfile
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.paths import expanded
from students.errors import UserError

if TYPE_CHECKING:
    from distill.proposing.proposing import Proposal
    from students.pages.locate import LocatorReader
    from students.reader import Reader
    from students.showing import ShownLines

COLUMNS = {"exact": ("exact lines", ".1%"), "cer": ("CER", ".2%")}  # of a table: key, name and form
PAGE_COLUMNS = {"hmean": ("H-mean at IoU 0.5", ".1%"), "hmean_70": ("H-mean at IoU 0.7", ".1%")}


class Report(dict[str, Any]):
    """The report of a run as `report.json` has it; a notebook shows its page, with curves and lines as pictures."""

    def __init__(self, figures: Mapping[str, Any], page: Path) -> None:
        super().__init__(figures)
        self.page = page

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, so that its styles stay inside; without one, its figures."""
        try:
            page = self.page.read_text("utf-8")
        except OSError:
            return f"<pre>{html.escape(json.dumps(self, indent=1, ensure_ascii=False))}</pre>"
        return f'<iframe sandbox srcdoc="{html.escape(page)}" style="width:100%;height:36rem;border:0"></iframe>'


@dataclass(frozen=True)
class Run:
    """A run that came to its end: its folder, and its report. A notebook shows both, the run as a table."""

    folder: Path
    report: Report

    @property
    def of_pages(self) -> bool:
        """Return whether its networks find the lines of pages; else they read lines."""
        return self.report.get("task") == "pages"

    @cached_property
    def student(self) -> Reader | LocatorReader:
        """Return the distilled student: it reads pictures of lines, or finds the lines of pages."""
        if self.of_pages:
            from students.model_file import MODEL_NAME
            from students.pages.locate import open_locator

            return open_locator(self.folder / "student" / MODEL_NAME)
        import students

        return students.load(self.folder)

    @cached_property
    def teacher(self) -> Reader | LocatorReader:
        """Return the teacher that it learned from; raises `UserError` where nobody taught it."""
        if self.report["teacher"] is None:
            raise UserError(f"{self.folder}: its student was trained without a teacher")
        import teachers
        from distill.teaching.teacher_files import model_in

        path = model_in(self.folder / "teacher")
        return teachers.load_locator(path) if self.of_pages else teachers.load(path)

    def __str__(self) -> str:
        from distill.evaluation.verdict import in_words

        if not self.of_pages:
            return f"{self.folder}: {in_words(self.report)}"
        from distill.evaluation.pages.report import MEASURE

        return f"{self.folder}: {in_words(self.report, MEASURE)}"

    def _repr_html_(self) -> str:
        """Return the three networks as a table, and the verdict beneath: what a notebook shows."""
        columns = PAGE_COLUMNS if self.of_pages else COLUMNS
        from distill.evaluation.report import REPORTED

        rows = "".join(
            f"<tr><td>{role}</td><td>{part['parameters']:,}</td>"
            + "".join(f"<td>{part[key]:{form}}</td>" for key, (_, form) in columns.items())
            + "</tr>"
            for role in REPORTED
            if (part := self.report.get(role))
        )
        named = "".join(f"<th>{name}</th>" for name, _ in columns.values())
        head = f"<tr><th>network</th><th>parameters</th>{named}</tr>"
        return f"<table>{head}{rows}</table><p>{html.escape(str(self))}</p>"


def run(
    recipe: str | PathLike[str],
    folder: str | PathLike[str] | None = None,
    stop_after: str | None = None,
    **overrides: Any,
) -> Run:
    """Train teacher, control and student of a recipe, evaluate them, and return the finished run; reuse what is there.

    `recipe` is the name of a shipped one, a YAML file, or a run folder; `folder` is where it runs, by default
    `runs/<recipe>`. `stop_after` (`"2h"`) ends the trainings so that all is done in about that time. `overrides` set
    keys of the recipe, with two underscores for a dot: `data__root="lines"`, `student__training__steps=500`; or as
    `**{"data.root": "lines"}`. Raises `UserError` for a user's mistake, and `distill.runtime.Stopped` after Ctrl-C; the
    same call then continues.
    """
    from distill.durations import seconds_of
    from distill.recipe.file import load_recipe, run_folder
    from distill.runs.tasks import open_any_run, train_whole
    from distill.runtime import StopFlag, stoppable

    settings = [f"{key.replace('__', '.')}={_text(value)}" for key, value in overrides.items()]
    resolved = load_recipe(fspath(recipe), settings)
    where = expanded(folder) if folder else run_folder(fspath(recipe), resolved)
    limit = None if stop_after is None else seconds_of(stop_after, "stop_after")
    in_main = threading.current_thread() is threading.main_thread()  # only there can a signal be waited for
    with stoppable(limit) if in_main else nullcontext(StopFlag(limit)) as stop:
        opened = open_any_run(resolved, where, stop)
        report = train_whole(opened)
        opened.accelerator.end_training()
    return Run(where, Report(report, where / "report.html"))


def new(name: str, lines: str | PathLike[str], over: bool = False, **wishes: Any) -> Proposal:
    """Look at lines, write `NAME.yaml` with the reason above each choice, and return what was seen and chosen.

    `wishes` are the options of `distill new`: `unlabelled`, `validation`, `test`, `fonts`, `teacher`, `size`, `budget`
    ("30m") and `label_form`. `over` writes over a recipe that is there. Raises `UserError` for lines that cannot be
    used, for a wish that there is not, and where the recipe is there already.
    """
    from distill.proposing.proposing import propose
    from distill.proposing.wishes import Wishes

    known = [field.name for field in fields(Wishes) if field.name not in ("target", "lines")]
    if unknown := sorted(wishes.keys() - set(known)):
        raise UserError(f"distill.new: no such wish: {', '.join(unknown)}; there are {', '.join(known)}")
    target = Path(f"{name.removesuffix('.yaml')}.yaml")
    if target.exists() and not over:
        raise UserError(f"{target}: is there already; choose another name, or over=True to write over it")
    with tempfile.TemporaryDirectory() as cache:
        proposal = propose(Wishes(target, fspath(lines), **wishes), Path(cache))
    proposal.write()
    return proposal


def lines(where: str | PathLike[str], n: int = 24, seed: int = 0) -> ShownLines:
    """Return `n` lines of a source, sampled by a seed, for a person to look at: a notebook shows picture and label.

    `where` is whatever `--from` of `distill new` takes: a folder, a file or `hf://user/name`. Raises `UserError` where
    no lines are there or a picture cannot be opened.
    """
    from distill.data.formats.opening import open_contents, source_at
    from students.showing import SHOWN, ShownLines, code, picture_address

    with tempfile.TemporaryDirectory() as cache:
        contents = open_contents(source_at(fspath(where), "lines"), Path(), Path(cache))
        total = len(contents.names)
        chosen = sorted(random.Random(seed).sample(range(total), min(n, SHOWN, total)))
        pictures = [picture_address(contents.fetch(row), contents.names[row]) for row in chosen]
    cells = [[html.escape(contents.names[row]), code(contents.texts[row])] for row in chosen]
    return ShownLines(["name", "label"], pictures, cells, total)


def _text(value: Any) -> str:
    """A value as an override writes it: text as it stands, everything else as JSON, which YAML reads."""
    return value if isinstance(value, str) else json.dumps(value, default=fspath)
