"""The pages of a report: `report.md`, `report.html`, their pictures, and every reading in `predictions.tsv`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.data.formats.contents import counted
from distill.data.lines import Lines
from distill.evaluation.breakdown import page as breakdown_page
from distill.evaluation.ceiling import page as ceiling_page
from distill.evaluation.curves import COLOURS, Curves, draw_curves
from distill.evaluation.document import Block, Heading, Paragraph, Picture, Strong, Table, Text, as_markdown
from distill.evaluation.document_page import PAGE_NAME, as_page
from distill.evaluation.endings import endings_in_words
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import compare
from distill.evaluation.next_steps_page import page as next_page
from distill.evaluation.reliability import draw_reliability
from distill.evaluation.reliability import page as reliability_page
from distill.evaluation.report import Readings, confidences
from distill.evaluation.roles import NAMES
from distill.evaluation.sample_pages import pages as sample_pages
from distill.evaluation.verdict import in_words
from distill.recipe.sections import Recipe
from distill.schema import Protocol
from distill.tsv import tsv_row
from students.model_file import write_whole

CURVES = Curves("validation_exact", "validation lines not exact", "ctc", "CTC on training lines (nats a frame)")
NOT_COUNTED = {
    "caseless": "Labels say nothing of the case of letters, so that is not counted.",
    "no_punctuation": "Labels leave punctuation out, so that is not counted.",
    "caseless_no_punctuation": "Labels say nothing of case and punctuation, so those are not counted.",
}
WITHOUT_TEACHER = {"before": "before: the student it began with", "student": "after: trained further"}


def write_pages(folder: Path, recipe: Recipe, test: Lines, readings: Readings, result: Mapping[str, Any]) -> None:
    """Write `report.md`, `report.html`, their pictures and `predictions.tsv` into a run folder.

    `result` is `report.json`.
    """
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    draw_curves(folder, [role for role in readings if role != "before"], CURVES, pictures / "curves.png")
    _draw_confidence(test, readings, recipe.data.protocol, pictures / "confidence.png")
    blocks: list[Block] = [
        *_heading(recipe, result),
        *_table(result, test),
        *next_page(result),
        *ceiling_page(result["ceiling"], result["student"]["n"]),
        *sample_pages(test, _texts(readings), result["samples"], recipe.data.protocol, pictures),
        Heading("How they learnt"),
        Paragraph(Picture("pictures/curves.png", "validation over training")),
        *_sampled_table(result["drawn"]),
        *breakdown_page(result["breakdown"], result["agreement"], list(readings)),
        *reliability_page(result["confidence"], list(readings), "pictures/confidence.png"),
    ]
    write_whole(folder / "report.md", as_markdown(blocks).encode())
    write_whole(folder / PAGE_NAME, as_page(recipe.name, blocks, folder).encode())
    rows = [tsv_row(["key", "truth", *readings])]
    for key, text in zip(test.keys, test.texts, strict=True):
        rows.append(tsv_row([key, text or "", *(of_role[key].text for of_role in readings.values())]))
    write_whole(folder / "predictions.tsv", ("\n".join(rows) + "\n").encode())


def _texts(readings: Readings) -> dict[str, dict[str, str]]:
    return {role: {key: reading.text for key, reading in of_role.items()} for role, of_role in readings.items()}


def _heading(recipe: Recipe, result: Mapping[str, Any]) -> list[Block]:
    found = in_words(result)
    verdict = Paragraph(Strong(f"Verdict: {found}." if recipe.teacher else f"{found[0].upper()}{found[1:]}."))
    return [Heading(recipe.name, 1), verdict, Paragraph(recipe.about)]


def _table(result: Mapping[str, Any], test: Lines) -> list[Block]:
    """The three networks, and what is to be known of them."""
    rows = []
    for role, name in (NAMES if result["teacher"] else WITHOUT_TEACHER).items():
        if part := result[role]:
            around = result["cer_intervals"][role]
            cer = f"{part['cer']:.2%} ({around['low']:.1%} to {around['high']:.1%})"
            rows.append([name, f"{part['parameters']:,}", f"{part['exact']:.2%}", cer, f"{part['wer']:.2%}"])
    some = result["student"]
    notes: list[Text] = [Strong(f"{sentence}.") for sentence in endings_in_words(result)]
    notes += [f"{sentence}." for sentence in result.get("foreign_teachers", ())]
    if match := result.get("match"):
        notes.append(f"How the teacher was matched (objective.match.how: auto): {match['why']}.")
    note = f"{counted(some['n'], 'test line')}, protocol {some['protocol']}, seed {result['seeds'][0]}."
    if some["left_out"]:
        note += f" Left out: {counted(some['left_out'], 'line')} without a truth under this protocol."
    note += "".join(f" {NOT_COUNTED[form]}" for form in sorted({test.form(i) for i in range(len(test))} - {"exact"}))
    note += " Exact: lines without an error. CER and WER: edits of characters and of words for each one of the labels."
    note += " The seconds that each took to read them stand in timing.json."
    heads = ["", "parameters", "exact", "CER (95 % interval)", "WER"]
    return [Table(heads, rows), *map(Paragraph, notes), Paragraph(note)]


def _sampled_table(trainings: Mapping[str, Any]) -> list[Block]:
    """How many lines every training sampled from each of its sources, a row each."""
    rows = []
    for training, part in trainings.items():
        total = sum(sum(counts.values()) for counts in part["drawn"].values())
        for source, counts in sorted(part["drawn"].items()):
            numbers = [f"{counts[kind]:,}" for kind in ("labelled", "unlabelled")]
            rows.append([training, source, *numbers, f"{sum(counts.values()) / total:.1%}"])
    replaced = [
        f"{training}: {', '.join(part['replaced'])}" for training, part in trainings.items() if part["replaced"]
    ]
    heads = ["training", "source", "labelled", "unlabelled", "share"]
    repeats = Paragraph("A line counts as often as it was sampled.")
    blocks: list[Block] = [Heading("Lines sampled in training"), Table(heads, rows, words=2), repeats]
    if replaced:
        blocks.append(Paragraph(f"Could not be read any more and were replaced by others: {'; '.join(replaced)}."))
    return blocks


def _draw_confidence(test: Lines, readings: Readings, protocol: Protocol, target: Path) -> None:
    roles = {}
    for role, of_role in readings.items():
        lines = compare(truths_of(test), {key: reading.text for key, reading in of_role.items()}, protocol)
        roles[role] = confidences(of_role, lines)
    draw_reliability(roles, COLOURS, target)
