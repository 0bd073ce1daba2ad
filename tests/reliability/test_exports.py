"""Exports against what they were made of: ONNX of every architecture and shipped student, int8 of the latter.

Lines are those of DATA; without that folder rendered ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import students
from distill.data.lines import Lines
from distill.delivery.export import gate
from distill.delivery.export import recogniser as export
from distill.delivery.export.graph import graph_of, graph_of_locator
from distill.delivery.export.locator import check_lines, drawn_pages, gate_pages
from distill.delivery.export.locator_int8 import BUDGET_POINTS, quantise_locator
from distill.delivery.export.locator_int8 import opened as maps_of
from distill.delivery.export.page_reader import check_readings
from distill.delivery.export.recogniser import chosen, opened, quantised, rendered_lines
from distill.evaluation.evaluate import open_data, texts_of
from students.errors import ExportError
from students.onnx_reader import session
from students.pages.locate import LocatorReader
from students.reader import Reader
from students.shipped import SHIPPED
from tests.conftest import REAL_DATA
from tests.delivery.test_onnx import reader_for
from tests.reliability.trials import Trials
from tests.students.test_networks import STUDENT_CONFIGS, TEACHER_CONFIGS, name

OfFigure = Callable[[str], Trials]
RECEIPTS = ("sroie_lines/test.parquet",)
WORDS = ("iiit5k_words/test.parquet", "icdar2015_words/test.parquet")
DATA = {  # test lines, where there are some of the kind that a student reads
    "receipts": RECEIPTS,
    "receipts-small": RECEIPTS,
    "print": RECEIPTS,
    "print-small": RECEIPTS,
    "scene": WORDS,
    "scene-small": WORDS,
    "digits": ("water_meter_digits/test", "bankcard_digits/test.parquet"),
    "hanzi": ("taigi_hanji_lines/test.parquet",),
}
PAGES = "pages_sroie/test"
BUDGET = 0.2  # points, as `distill export` has it
LEAST_LINES = 120  # of which int8 is calibrated on half and judged on the others
PAIRS = 9  # widths by batch sizes
LEAST_TEXTS = 5


def lines_for(reader: Reader, student: str, n: int) -> Lines:
    data = [str(REAL_DATA / path) for path in DATA[student] if (REAL_DATA / path).exists()]
    preparation = reader.description.preparation
    return chosen(open_data(data, preparation)[0] if data else rendered_lines(reader.description), n)


def test_every_shipped_student_of_lines_has_its_lines() -> None:
    assert DATA.keys() == {path.stem for path in SHIPPED.glob("*.onnx")}


@pytest.fixture
def few_rendered(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets no more lines be rendered than are compared, of which the charset may leave some out."""
    return lambda n: monkeypatch.setattr(export, "RENDERED_LINES", min(export.RENDERED_LINES, max(2 * n, 200)))


@pytest.mark.parametrize("student", DATA)
def test_a_shipped_student_reads_as_onnx_what_it_reads_as_torch(
    student: str, trials_of: OfFigure, few_rendered: Callable[[int], None]
) -> None:
    trials = trials_of("export")
    few_rendered(trials.n)
    reader = students.load(SHIPPED / f"{student}.safetensors")
    lines = lines_for(reader, student, trials.n)
    expect_equal(trials, student, reader, lines)
    if len(lines) >= LEAST_LINES:
        expect_int8_within_budget(trials, student, reader, lines)


def expect_equal(trials: Trials, what: str, reader: Reader, lines: Lines) -> None:
    """Trials of a float32 graph: logits at widths by batch sizes, and the texts of lines."""
    exported = opened(graph_of(reader), reader)
    expect_equal_logits(trials, what, reader, exported, lines)
    with trials.one(f"{what}: texts", len(lines)):
        assert gate.check_texts(reader, exported, lines) == {"lines": len(lines), "different": 0}
        assert len(set(texts_of(exported, lines, None).values())) > min(LEAST_TEXTS, len(lines) // 2)


def expect_equal_logits(trials: Trials, what: str, reader: Reader, exported: Reader, lines: Lines) -> None:
    with trials.one(f"{what}: logits", PAIRS):
        seen = gate.check_logits(reader, exported, lines)
        assert len(seen["widths_px"]) * len(seen["batches"]) == PAIRS
        assert seen["largest_difference"] <= 1e-4


def expect_int8_within_budget(trials: Trials, what: str, reader: Reader, lines: Lines) -> None:
    """Trials of int8: as many as lines were judged, or one where it is refused with the reason."""
    protocol = reader.description.training.get("protocol", "exact")
    with refused(trials, what):
        seen = quantised(reader, graph_of(reader), lines, protocol, BUDGET).seen
        accuracy = seen["accuracy"]
        lost = accuracy["lost_points"]
        with trials.one(f"{what}: int8", accuracy["lines"]):
            assert max(lost.values()) <= BUDGET
        trials.note(
            f"{what}: int8 loses {lost['exact']:.2f} points of exact lines and {lost['cer']:.2f} of CER on "
            f"{accuracy['lines']:,} lines, {len(seen['float_layers'])} layers stay float for it."
        )


@contextmanager
def refused(trials: Trials, what: str) -> Iterator[None]:
    """Note an export to int8 that its gate refuses: that is a trial of the gate."""
    try:
        yield
    except ExportError as error:
        trials.count(f"{what}: int8 refused", passed="nothing was written" in str(error))
        trials.note(f"{what}: int8 is refused: {error}.")


@pytest.mark.long
@pytest.mark.parametrize("config", STUDENT_CONFIGS + TEACHER_CONFIGS, ids=name)
def test_an_architecture_reads_as_onnx_what_it_reads_as_torch(config: dict[str, Any], trials_of: OfFigure) -> None:
    reader = reader_for(config)
    lines = lines_for(reader, "receipts", LEAST_LINES)
    expect_equal_logits(trials_of("export"), name(config), reader, opened(graph_of(reader), reader), lines)


@pytest.mark.long
def test_the_page_reader_finds_and_reads_as_onnx_what_it_does_as_torch(trials_of: OfFigure) -> None:
    trials = trials_of("export")
    path = SHIPPED / "pages.safetensors"
    there = (REAL_DATA / PAGES).is_dir()
    pages = gate_pages(path, [str(REAL_DATA / PAGES)])[0] if there else drawn_pages()
    pages = pages[: trials.n]
    reader = students.load_page(path)
    assert isinstance(reader.locator, LocatorReader)
    graph = graph_of_locator(reader.locator)
    exported = LocatorReader(reader.locator.description, path, maps_of(graph))
    with trials.one("pages: pages on which the same lines are found", len(pages)):
        found = check_lines(reader.locator, exported, pages)
        assert found["lines"] > len(pages)
    recogniser = session(graph_of(reader.recogniser).SerializeToString(), Path(path))
    with trials.one("pages: texts", found["lines"]):
        assert check_readings(reader, recogniser, pages)["different"] == 0
    with refused(trials, "pages"):
        seen = quantise_locator(reader.locator, graph, pages, BUDGET_POINTS)[1]["alike"]
        with trials.one("pages: lines found by int8", seen["float_lines"]):
            assert seen["points_lost"] <= BUDGET_POINTS
        trials.note(f"pages: int8 finds {seen['points_lost']:.2f} % of the lines otherwise than float32.")
