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
    from students.reading import Reader

ROLES = ("teacher", "control", "student")


@dataclass(frozen=True)
class FinishedRun:
    """A run that came to its end: its folder, and its report as `report.json` has it. A notebook shows a table."""

    folder: Path
    report: dict[str, Any]

    @cached_property
    def student(self) -> Reader:
        """Return the distilled student, which reads pictures of lines."""
        import students

        return students.load(self.folder)

    @cached_property
    def teacher(self) -> Reader:
        """Return the teacher that it learned from."""
        import teachers
        from distill.teaching.teacher_files import model_in

        return teachers.load(model_in(self.folder / "teacher"))

    def __str__(self) -> str:
        from distill.evaluation.verdict import in_words

        return f"{self.folder}: {in_words(self.report)}"

    def _repr_html_(self) -> str:
        """Return the three networks as a table, and the verdict beneath: what a notebook shows."""
        rows = "".join(
            f"<tr><td>{role}</td><td>{part['parameters']:,}</td><td>{part['exact']:.1%}</td><td>{part['cer']:.2%}</td></tr>"
            for role in ROLES
            if (part := self.report[role])
        )
        head = "<tr><th>network</th><th>parameters</th><th>exact lines</th><th>CER</th></tr>"
        return f"<table>{head}{rows}</table><p>{html.escape(str(self))}</p>"


def run(recipe: str | PathLike[str], folder: str | PathLike[str] | None = None, **overrides: Any) -> FinishedRun:
    """Train teacher, control and student of a recipe, evaluate them, and return the finished run; reuse what is there.

    `recipe` is the name of a shipped one, a YAML file, or a run folder; `folder` is where it runs, by default
    `runs/<recipe>`. `overrides` set keys of the recipe, with two underscores for a dot: `data__root="lines"`,
    `student__training__steps=500`; or as `**{"data.root": "lines"}`. Raises `UserError` for a user's mistake, and
    `distill.runtime.Stopped` after Ctrl-C; the same call then continues.
    """
    from distill.recipe.file import load_recipe, run_folder
    from distill.runs.opening import open_run
    from distill.runs.run import train_students, train_teacher
    from distill.runtime import StopFlag, stoppable

    settings = [f"{key.replace('__', '.')}={_text(value)}" for key, value in overrides.items()]
    resolved = load_recipe(fspath(recipe), settings)
    where = Path(folder).expanduser() if folder else run_folder(fspath(recipe), resolved)
    in_main = threading.current_thread() is threading.main_thread()  # only there can a signal be waited for
    with stoppable() if in_main else nullcontext(StopFlag()) as stop:
        opened = open_run(resolved, where, stop)
        train_teacher(opened)
        report = train_students(opened)
        opened.accelerator.end_training()
    return FinishedRun(where, report)


def _text(value: Any) -> str:
    """A value as an override writes it: text as it stands, everything else as JSON, which YAML reads."""
    return value if isinstance(value, str) else json.dumps(value, default=fspath)
