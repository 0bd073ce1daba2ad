"""The suite from Python: `run = distill.run("mine.yaml"); run.report; run.student.read("line.png")`."""

from __future__ import annotations

import html
import json
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from students.pages.locate import LocatorReader
    from students.reading import Reader

COLUMNS = {"exact": ("exact lines", ".1%"), "cer": ("CER", ".2%")}  # of a table: key, name and form
PAGE_COLUMNS = {"hmean": ("H-mean at IoU 0.5", ".1%"), "hmean_70": ("H-mean at IoU 0.7", ".1%")}


@dataclass(frozen=True)
class FinishedRun:
    """A run that came to its end: its folder, and its report as `report.json` has it. A notebook shows a table."""

    folder: Path
    report: dict[str, Any]

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
        """Return the teacher that it learned from."""
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
        from distill.evaluation.report import ROLES

        rows = "".join(
            f"<tr><td>{role}</td><td>{part['parameters']:,}</td>"
            + "".join(f"<td>{part[key]:{form}}</td>" for key, (_, form) in columns.items())
            + "</tr>"
            for role in ROLES
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
) -> FinishedRun:
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
    where = Path(folder).expanduser() if folder else run_folder(fspath(recipe), resolved)
    limit = None if stop_after is None else seconds_of(stop_after, "stop_after")
    in_main = threading.current_thread() is threading.main_thread()  # only there can a signal be waited for
    with stoppable(limit) if in_main else nullcontext(StopFlag(limit)) as stop:
        opened = open_any_run(resolved, where, stop)
        report = train_whole(opened)
        opened.accelerator.end_training()
    return FinishedRun(where, report)


def _text(value: Any) -> str:
    """A value as an override writes it: text as it stands, everything else as JSON, which YAML reads."""
    return value if isinstance(value, str) else json.dumps(value, default=fspath)
