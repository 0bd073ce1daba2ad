"""The report of a run: the three networks on the test lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import teachers
from distill.digests import digest_of
from distill.evaluation import report
from distill.evaluation.ceiling import shown_characters
from distill.evaluation.document_page import PAGE_NAME
from distill.evaluation.endings import endings, incomparable
from distill.evaluation.report_page import write_pages
from distill.runs.chosen_match import chosen_before
from distill.runs.fit import next_steps, read_training
from distill.runs.opening import LineRun
from distill.signed_json import read_signed_json, report_on, write_report
from distill.teaching.graph import parameters_of
from distill.teaching.teacher_files import foreign_teachers, model_in
from distill.track import Stopwatch
from distill.training.initial import start_of
from distill.training.train import LINES_NAME
from students.model_file import read_description

READS = "report: the {role} reads the test"  # the phase of timing.json


def sizes_and_speeds(folder: Path, result: Mapping[str, Any]) -> str:
    """Return a line for each network of a report: its parameters, and how many test lines a second it read."""
    return speeds_of(folder, result, READS, "lines", lambda part: part["n"] + part["left_out"])


def speeds_of(
    folder: Path, result: Mapping[str, Any], phase: str, unit: str, n_items: Callable[[Mapping[str, Any]], int]
) -> str:
    """Return a line for each network of a report: its parameters, and how many items a second it took in its `phase`.

    Seconds stand in `timing.json` alone, so that reports of equal runs are equal.
    """
    seconds = Stopwatch(folder / "timing.json", writes=False).seconds
    rows = []
    for role in report.REPORTED:
        if part := result.get(role):
            taken_s = seconds.get(phase.format(role=role))
            a_second = n_items(part) / taken_s if taken_s else 0.0
            speed = f", {a_second:,.{0 if a_second >= 20 else 1}f} {unit}/s" if taken_s else ""
            rows.append(f"{role}: {part['parameters']:,} parameters{speed}")
    return "\n".join(rows)


def make_report(run: LineRun) -> dict[str, Any]:
    """Evaluate the networks of a run on the test lines and return `report.json`; a report on the same files is reused.

    Empty on all processes but the first.
    """
    models = models_judged(run)
    records = {role: read_description(path).training for role, path in models.items() if role != "before"}
    if no_control := incomparable(records):
        del models["control"], records["control"]
    judged = {
        "files": {role: _description_digest(path) for role, path in models.items()},
        "test": run.pools.test.digest,
        "protocol": run.recipe.data.protocol,
    }
    target = run.folder / "report.json"
    if (run.folder / PAGE_NAME).is_file() and (before := report_on(target, judged)) is not None:
        return before
    readers = {role: teachers.load(path) for role, path in models.items()}
    readings = {}
    for role, reader in readers.items():
        with run.stopwatch.measure(READS.format(role=role)):
            readings[role] = report.read_test(reader, run.pools.test, run.accelerator, run.stop, role)
    train = read_training(run, readers)
    if not run.accelerator.is_main_process:
        return {}
    parameters = {role: parameters_of(reader) for role, reader in readers.items()}
    temperatures = {role: reader.description.calibration.temperature for role, reader in readers.items()}
    seed = run.recipe.student_seed
    shown, protocol = shown_characters(run.pools.train, run.pools.charset), run.recipe.data.protocol
    result = report.summarise(run.pools.test, readings, parameters, temperatures, protocol, seed, shown)
    result |= {"judged": judged, "drawn": sampled(run.folder, list(models)), **endings(records)}
    result |= next_steps(run.folder, result, train, len(run.pools.validation))
    if no_control:
        result["no_control"] = no_control
    if foreign := foreign_teachers(run.recipe, run.folder):
        result["foreign_teachers"] = foreign
    if run.recipe.teacher and run.recipe.objective.match.how == "auto":
        result["match"] = chosen_before(run.folder)
    write_pages(run.folder, run.recipe, run.pools.test, readings, result)
    return write_report(target, result)


def models_judged(run: LineRun) -> dict[str, Path]:
    """Return the model file of each role that a report is on; without a teacher, the student before and after."""
    start = None if run.recipe.teacher else start_of(run.recipe.student)
    before = {"before": start.path} if start else {}
    trained = ["teacher"] * bool(run.recipe.teacher) + ["control"] * run.recipe.has_control + ["student"]
    return before | {role: model_in(run.folder / role) for role in trained}


def sampled(folder: Path, roles: Sequence[str]) -> dict[str, Any]:
    """Return each training's steps, what it sampled of each source and could not read; stages before the last."""
    files = [file for role in roles for file in sorted((folder / role).glob(f"**/{LINES_NAME}"), reverse=True)]
    return {str(file.parent.relative_to(folder)): read_signed_json(file) for file in files}


def _description_digest(path: Path) -> str:
    return digest_of(read_description(path))
