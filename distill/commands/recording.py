"""The option `--record`: what a command has just measured, as records in a file outside of the run folder."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from distill.data.formats.contents import counted

if TYPE_CHECKING:
    from distill.records import Question

PERCENT = {
    "exact": "exact lines",
    "cer": "CER",
    "wer": "WER",
    "hmean": "H-mean at IoU 0.5",
    "precision": "precision at IoU 0.5",
    "recall": "recall at IoU 0.5",
    "hmean_70": "H-mean at IoU 0.7",
    "end_to_end": "end to end F1",
}
RECORDED = {"teacher": "teacher", "control": "student alone", "student": "student distilled"}
WITHOUT_TEACHER = {"before": "student before", "student": "student after"}


class Figure(NamedTuple):
    """One figure as a command has it, before its origin is added."""

    what: str
    value: float | int | str
    columns: Mapping[str, str]
    unit: str = ""
    interval: tuple[float, float] | None = None
    seeds: tuple[int, ...] = ()
    seconds: float | None = None


class Measured(NamedTuple):
    """All figures of one command, and how they stand in a table."""

    title: str
    rows: tuple[str, ...]
    figures: list[Figure]


def takes_record(sub: argparse.ArgumentParser) -> None:
    """Add the option `--record`."""
    sub.add_argument(
        "--record", type=Path, metavar="FILE.json", help="put the figures, with their origin, into this file, too"
    )


def check_record(options: argparse.Namespace) -> None:
    """Raise `UserError` before anything is measured where the file named by --record cannot be one of records."""
    if options.record is not None:
        from distill.records import check_target

        check_target(options.record)


def write_record(options: argparse.Namespace, measured: Callable[[], Measured]) -> None:
    """Put the figures into the file that --record names, if it names one."""
    if options.record is not None:
        from distill.records import put_records

        put_records(options.record, question_of(options, measured()))


def question_of(options: argparse.Namespace, measured: Measured) -> Question:
    """Return the figures with the command, the commit and the machine that they come from."""
    from distill.records import Question, Record, as_text, measured_here

    origin = dict(measured_here(options.typed))
    figures = (
        figure._replace(columns={name: as_text(value) for name, value in figure.columns.items()})
        for figure in measured.figures
    )
    records = tuple(Record(**origin, **figure._asdict()) for figure in figures)
    return Question(title=as_text(measured.title), rows=measured.rows, records=records)


@contextmanager
def clock() -> Iterator[list[float]]:
    """Give a list that holds, once the block is over, the seconds it took."""
    spent: list[float] = []
    start = time.perf_counter()
    yield spent
    spent.append(round(time.perf_counter() - start, 1))


def of_report(options: argparse.Namespace, folder: Path, report: Mapping[str, Any]) -> Measured:
    """Return the figures of `report.json`, with the seconds of `timing.json`."""
    from distill.track import Stopwatch

    seconds = Stopwatch(folder / "timing.json", writes=False).seconds
    seeds = tuple(report["seeds"])
    recipe = {"recipe": Path(options.recipe).stem, "setting": setting_of(options.overrides)}
    figures = []
    names = RECORDED if report["teacher"] else WITHOUT_TEACHER
    for role, name in names.items():
        if part := report[role]:
            columns, spent = {**recipe, "network": name}, seconds.get(role)
            figures.append(Figure("parameters", part["parameters"], columns))
            figures += _right(part, columns, seeds, spent)
    whole = round(sum(seconds.get(phase, 0.0) for phase in ("lines", "pages", *RECORDED, "report")), 1)
    columns = {**recipe, "network": names["student"]}
    if not report["teacher"]:
        figures.append(_gain("change", report["change"], "points", columns, seeds, whole))
        return Measured(f"{recipe['recipe']}: student before and after, no teacher", ("network",), figures)
    if report["gain"]:
        figures.append(_gain("gain", report["gain"], "points", columns, seeds, whole))
    if report["gap_recovered"]:
        figures.append(_gain("gap recovered", report["gap_recovered"], "%", columns, seeds, whole))
    figures.append(Figure("verdict", report["verdict"].replace("_", " "), columns, seeds=seeds, seconds=whole))
    return Measured(f"{recipe['recipe']}: teacher, student alone, student distilled", ("network",), figures)


def of_comparison(options: argparse.Namespace, result: Mapping[str, Any]) -> Measured:
    """Return the figures of `compare.json`: those of control and student of each setting, and the gain.

    With `--pareto` also lines a second and bytes of each student's files.
    """
    seeds = tuple(result["seeds"])
    figures = []
    of_pages = result.get("task") == "pages"
    unit, measure = ("pages", PERCENT["hmean"]) if of_pages else ("lines", PERCENT["exact"])
    for name, row in result["settings"].items():
        columns = {"recipe": Path(options.recipe).stem, "setting": name, unit: result["on"]}
        for role in ("control", "student"):
            what, spent = f"{measure}, {RECORDED[role]}", round(row["seconds"][role], 1)
            figures.append(Figure(what, round(100 * row[role], 2), columns, "%", seeds=seeds, seconds=spent))
        spent = round(row["seconds"]["student"] + row["seconds"]["cache"], 1)
        figures.append(_gain("gain over the student alone", row["gain"], "points", columns, seeds, spent))
        if name != next(iter(result["settings"])):
            over = row["over_the_first"]["gain"]
            figures.append(_gain("gain over the first setting", over, "points", columns, seeds, spent))
    for name, file in result.get("pareto", {}).get("candidates", {}).items():
        columns = {"recipe": Path(options.recipe).stem, "setting": file["setting"], "file": name}
        figures.append(Figure("lines/s", float(f"{file['lines_a_second']:.3g}"), columns))
        figures.append(Figure("size of the model file", round(file["bytes"] / 1e6, 2), columns, "MB"))
    return Measured(f"{Path(options.recipe).stem}: {' '.join(options.over)}", ("setting",), figures)


def of_evaluation(options: argparse.Namespace, result: Mapping[str, Any], seconds: float) -> Measured:
    """Return the figures of `distill evaluate`: the model on each source and on all, and the peers on all."""
    model = {"model": Path(options.model).name}
    sources = result["sources"] if len(result["sources"]) > 1 else {}
    figures = []
    for name, part in {**sources, "all": result}.items():
        columns = {**model, "lines": name}
        figures += [Figure("lines", part["n"], columns), *_right(part, columns, (), seconds)]
    for name, peer in result.get("against", {}).items():
        figures += _right(peer, {"model": name, "lines": "all"}, (), seconds)
    data = ", ".join(Path(each).name for each in options.data)
    return Measured(f"{model['model']} on {data}, protocol {result['protocol']}", ("model", "lines"), figures)


def of_reading_speed(model: str, result: Mapping[str, Any], seconds: float) -> Measured:
    """Return the figures of `distill speed MODEL`, of the model, its exported forms and the peers."""
    figures = []
    for name, row in {**result["models"], **result["peers"]}.items():
        columns = {"reader": name}
        figures.append(Figure("lines/s", round(row["lines_a_second"], 1), columns, seconds=seconds))
        figures += _right(row, columns, (), seconds)
        if name in result["peers"]:
            fastest = max(each["lines_a_second"] for each in result["models"].values())
            ratio = round(fastest / row["lines_a_second"], 2)
            figures.append(Figure("the fastest model is faster by", ratio, columns, "times", seconds=seconds))
            continue
        over = round(row["over_the_network_alone"], 2)
        figures.append(Figure("over the network alone", over, columns, "times", seconds=seconds))
        first = round(row["cold"]["seconds"], 2)
        figures.append(Figure("first text of a fresh process", first, columns, "s", seconds=seconds))
        if "mib" in row["cold"]:
            figures.append(Figure("peak memory", round(row["cold"]["mib"]), columns, "MiB", seconds=seconds))
        if "processes" in row:
            what = f"{row['processes']['n']} processes over one"
            figures.append(Figure(what, round(row["processes"]["times_one"], 2), columns, "times", seconds=seconds))
    return Measured(f"speed of {model}, {counted(result['lines'], 'line')}, one thread", ("reader",), figures)


def of_renderer_speed(result: Mapping[str, Any], seconds: float) -> Measured:
    """Return the figures of `distill speed --renderer`."""
    names = {
        "lines_a_second": ("lines/s", ""),
        "first_use": ("lines/s in the first round", ""),
        "over_pillow": ("over a plain Pillow loop", "times"),
        "over_trdg": ("over trdg", "times"),
        "over_one_process": (f"{result.get('processes')} processes over one", "times"),
    }
    columns = {"characters": str(result["characters"]), "height": f"{result['height_px']} px"}
    figures = [
        Figure(what, result[key], columns, unit, seconds=seconds)
        for key, (what, unit) in names.items()
        if key in result
    ]
    return Measured("speed of the renderer, one core", ("characters", "height"), figures)


def setting_of(overrides: Iterable[str]) -> str:
    """Return the overrides that set one run of a recipe apart from another; where lines lie and how it runs do not."""
    return " ".join(each for each in overrides if not each.startswith(("data.root=", "runtime.")))


def _right(
    part: Mapping[str, Any], columns: Mapping[str, str], seeds: tuple[int, ...], seconds: float | None
) -> list[Figure]:
    return [
        Figure(what, round(100 * part[key], 2), columns, "%", seeds=seeds, seconds=seconds)
        for key, what in PERCENT.items()
        if part.get(key) is not None
    ]


def _gain(
    what: str, found: Mapping[str, float], unit: str, columns: Mapping[str, str], seeds: tuple[int, ...], seconds: float
) -> Figure:
    value, low, high = (round(100 * found[key], 2) for key in ("value", "low", "high"))
    return Figure(what, value, columns, unit, (low, high), seeds, seconds)
