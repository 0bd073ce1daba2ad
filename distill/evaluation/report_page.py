"""The page of a report: `report.md` with its pictures, and every reading in `predictions.tsv`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from distill.data.labels import fold_label
from distill.data.lines import Lines
from distill.evaluation.breakdown import page as breakdown_page
from distill.evaluation.curves import COLOURS, Curves, draw_curves
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import compare, fold
from distill.evaluation.reliability import draw_reliability
from distill.evaluation.reliability import page as reliability_page
from distill.evaluation.report import Readings, confidences
from distill.evaluation.verdict import in_words
from distill.recipe.sections import Recipe
from distill.schema import Protocol
from distill.tsv import tsv_row
from students.direction import runs_right_to_left
from students.image import decode_image
from students.model_file import write_whole

SHOWN_LINES = 20
CURVES = Curves("validation_exact", "validation lines not exact", "ctc", "CTC on training lines (nats a frame)")


def write_pages(folder: Path, recipe: Recipe, test: Lines, readings: Readings, result: Mapping[str, Any]) -> None:
    """Write `report.md`, its pictures and `predictions.tsv` into a run folder; `result` is `report.json`."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    draw_curves(folder, list(readings), CURVES, pictures / "curves.png")
    shown = _differing(test, readings, recipe.data.protocol)
    page = [_heading(recipe, result), _table(result), "![validation over training](pictures/curves.png)\n"]
    _draw_confidence(test, readings, recipe.data.protocol, pictures / "confidence.png")
    page.append(reliability_page(result["confidence"], list(readings), "pictures/confidence.png"))
    page.append(breakdown_page(result["breakdown"], result["agreement"], list(readings)))
    page.append(_sampled_table(result["drawn"]))
    if shown:
        page.append(_picture_table(test, readings, shown, pictures, recipe.data.protocol))
    write_whole(folder / "report.md", "\n".join(page).encode())
    rows = [tsv_row(["key", "truth", *readings])]
    for key, text in zip(test.keys, test.texts, strict=True):
        rows.append(tsv_row([key, text or "", *(of_role[key].text for of_role in readings.values())]))
    write_whole(folder / "predictions.tsv", ("\n".join(rows) + "\n").encode())


def _heading(recipe: Recipe, result: Mapping[str, Any]) -> str:
    return f"# {recipe.name}\n\n{recipe.about}\n\n**Verdict: {in_words(result)}.**\n"


def _table(result: Mapping[str, Any]) -> str:
    rows = [
        "| | parameters | exact | CER (95 % interval) | WER |",
        "|---|---:|---:|---:|---:|",
    ]
    names = {"teacher": "teacher", "control": "student alone (control)", "student": "student distilled"}
    for role, name in names.items():
        if part := result[role]:
            around = result["cer_intervals"][role]
            cer = f"{part['cer']:.2%} ({around['low']:.1%} to {around['high']:.1%})"
            rows.append(f"| {name} | {part['parameters']:,} | {part['exact']:.2%} | {cer} | {part['wer']:.2%} |")
    some = result["student"]
    note = "".join(f"\n{sentence}.\n" for sentence in result.get("foreign_teachers", ()))
    if match := result.get("match"):
        note += f"\nHow the teacher was matched (`objective.match.how: auto`): {match['why']}.\n"
    note += f"\n{some['n']:,} test lines, protocol `{some['protocol']}`, seed {result['seeds'][0]}; the seconds "
    note += "that each took to read them stand in `timing.json`."
    if some["left_out"]:
        note += f" {some['left_out']} lines have no truth under this protocol and are left out."
    return "\n".join(rows) + "\n" + note + "\n"


def _sampled_table(trainings: Mapping[str, Any]) -> str:
    """How many lines every training sampled from each of its sources, a row each."""
    rows = [
        "## Lines sampled in training\n",
        "| training | source | labelled | unlabelled | share |",
        "|---|---|---:|---:|---:|",
    ]
    for training, part in trainings.items():
        total = sum(sum(counts.values()) for counts in part["drawn"].values())
        for source, counts in sorted(part["drawn"].items()):
            share = sum(counts.values()) / total
            rows.append(f"| {training} | {source} | {counts['labelled']:,} | {counts['unlabelled']:,} | {share:.1%} |")
    replaced = [
        f"{training}: {', '.join(part['replaced'])}" for training, part in trainings.items() if part["replaced"]
    ]
    note = f"\nCould not be read any more and were replaced by others: {'; '.join(replaced)}.\n" if replaced else ""
    return "\n".join(rows) + "\n" + note


def _differing(test: Lines, readings: Readings, protocol: Protocol) -> list[str]:
    """Keys of up to twenty lines that the roles read differently, gains and losses in their proportion."""
    marks: dict[str, tuple[bool, ...]] = {}
    for of_role in readings.values():
        texts = {key: reading.text for key, reading in of_role.items()}
        for line in compare(truths_of(test), texts, protocol):
            marks[line.truth.key] = (*marks.get(line.truth.key, ()), line.exact)
    differing = [key for key, exact in marks.items() if exact[-2] != exact[-1]]
    spread = np.linspace(0, len(differing) - 1, min(SHOWN_LINES, len(differing))).round().astype(int)
    return [differing[i] for i in spread]


def _picture_table(test: Lines, readings: Readings, shown: list[str], pictures: Path, protocol: Protocol) -> str:
    rows = [
        f"## Lines that {' and '.join(list(readings)[-2:])} read differently\n",
        "| line | truth | " + " | ".join(readings) + " |",
        "|---|---|" + "---|" * len(readings),
    ]
    position = {key: i for i, key in enumerate(test.keys)}
    for number, key in enumerate(shown, 1):
        line = test[position[key]]
        name = f"line-{number:02d}.png"
        Image.fromarray(decode_image(line.image, key)).save(pictures / name)
        form = test.form(position[key])
        want = fold(fold_label(line.text or "", form), protocol)
        cells = [
            f"{'' if fold(fold_label(read.text, form), protocol) == want else '**≠** '}{_code(read.text)}"
            for read in (of_role[key] for of_role in readings.values())
        ]
        rows.append(f"| ![{key}](pictures/{name}) | {_code(line.text or '')} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _code(text: str) -> str:
    """Text as code that neither Markdown nor its tables can read as anything else."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    direction = ' dir="auto"' if runs_right_to_left(text) else ""
    return f"<code{direction}>{escaped}</code>"


def _draw_confidence(test: Lines, readings: Readings, protocol: Protocol, target: Path) -> None:
    roles = {}
    for role, of_role in readings.items():
        lines = compare(truths_of(test), {key: reading.text for key, reading in of_role.items()}, protocol)
        roles[role] = confidences(of_role, lines)
    draw_reliability(roles, COLOURS, target)
