"""Which student of a comparison to take: what each reads against lines a second and bytes, all timed in one run.

The files are read in turn, each round all of them, on one thread and on the same lines, so that a busy moment meets
every file; of the rounds the fastest counts. Only ratios of such speeds travel to another machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import teachers
from distill.comparison.settings import folder_name
from distill.data.lines import Lines
from distill.delivery.export.recogniser import GATE_LINES, ExportFormat, chosen, export, gate_lines, labelled
from distill.delivery.pareto.choice import Candidate, Target, choice, frontier
from distill.delivery.speed.recogniser import forms_of
from distill.delivery.speed.single_thread import single_thread
from distill.evaluation.evaluate import texts_of, truths_of
from distill.evaluation.metrics import score, wilson
from students.errors import ExportError, UserError
from students.model_file import MODEL_NAME
from students.reader import Reader

ROUNDS = 3
TIMED_LINES = 300


@dataclass(frozen=True)
class Weighed:
    """All candidates by name, the names of those that none beats, which to take, and why; and what was left out."""

    candidates: Mapping[str, Candidate]
    frontier: Sequence[str]
    take: str | None
    why: str
    lines: int
    left_out: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return it as it stands in `pareto.json`."""
        return asdict(self)


def weigh(folder: Path, result: Mapping[str, Any], target: Target, forms: Sequence[ExportFormat] = ()) -> Weighed:
    """Measure the students of the first seed of a comparison in `folder`, and what was exported from them.

    `result` is `compare.json`. They are exported into `forms` first, where that is asked for. A setting without a
    student, and a form that is refused, are left out by name. Raises `UserError` where nothing is left.
    """
    seed = result["seeds"][0]
    files: dict[str, Path] = {}
    of_setting: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for setting, name in short_names(list(result["settings"])).items():
        path = folder / folder_name(setting) / f"seed-{seed}" / "student" / MODEL_NAME
        if not path.is_file():
            left_out[name] = "it has no student: its training collapsed"
            continue
        left_out |= _exported(name, path, forms)
        for form, file in forms_of(path).items():
            label = name + ("" if file == path else f" {form.removeprefix('model.').removesuffix('.onnx')}")
            files[label], of_setting[label] = file, setting
    if not files:
        raise UserError(f"{folder}: not one student to weigh: {'; '.join(left_out.values())}")
    reader = teachers.load(next(iter(files.values())))
    lines = chosen(labelled(gate_lines(reader, reader.path, ())[1]), GATE_LINES)
    means = {setting: row["student"] for setting, row in result["settings"].items()}
    candidates = _measured(files, lines, of_setting, means)
    take, why = choice(candidates, target)
    return Weighed(candidates, frontier(candidates), take, why, len(lines), left_out)


def short_names(settings: Sequence[str]) -> dict[str, str]:
    """Return the short name of every setting, or the whole ones where two would be called the same."""
    names = {setting: short(setting) for setting in settings}
    return names if len(set(names.values())) == len(names) else {setting: setting for setting in settings}


def short(setting: str) -> str:
    """Return the name of a setting without its YAML: `recurrent small` for `{kind: recurrent, size: small}`."""
    for mark in "{}\"'":
        setting = setting.replace(mark, "")
    words = (part.rpartition(":")[2].strip() for part in setting.split(","))
    return " ".join(word for word in words if word)


def _exported(name: str, path: Path, forms: Sequence[ExportFormat]) -> dict[str, str]:
    """Export a student, unless that was done before, and return what was refused, with the reason."""
    refused = {}
    for form in forms:
        try:
            if form not in _forms_there(path):
                export(str(path), form)
        except ExportError as error:  # noqa: PERF203 - the next form may do
            refused[f"{name} {form}"] = str(error)
    return refused


def _forms_there(path: Path) -> set[str]:
    names = {"model.onnx": "onnx", "model.int8.onnx": "int8", "model.fp16.onnx": "fp16"}
    return {names[name] for name in forms_of(path) if name in names}


def _measured(
    files: Mapping[str, Path], lines: Lines, of_setting: Mapping[str, str], means: Mapping[str, float]
) -> dict[str, Candidate]:
    readers = {name: teachers.load(path) for name, path in files.items()}
    pictures = [lines[i].image for i in range(min(TIMED_LINES, len(lines)))]
    truths, found = truths_of(lines), {}
    with single_thread():
        seconds = best_of_rounds(readers, pictures)
        for name, reader in readers.items():
            protocol = reader.description.training.get("protocol", "exact")
            scored = score(truths, texts_of(reader, lines, name), protocol)
            low, high = wilson(scored.exact, scored.n)
            speed, size = len(pictures) / seconds[name], files[name].stat().st_size
            setting, path = of_setting[name], str(files[name])
            found[name] = Candidate(setting, path, scored.exact, low, high, means[setting], speed, size)
    return found


def best_of_rounds(readers: Mapping[str, Reader], pictures: Sequence[bytes]) -> dict[str, float]:
    """Return the seconds of every reader for the pictures: the least of several rounds, in which all take turns."""
    for reader in readers.values():
        reader.read(list(pictures[:8]))
    seconds = dict.fromkeys(readers, math.inf)
    for _ in range(ROUNDS):
        for name, reader in readers.items():
            start = time.perf_counter()
            reader.read(list(pictures))
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds
