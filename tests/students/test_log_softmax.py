"""Posteriors of logits are the same whatever computes them: numpy, torch, or ONNX Runtime by the graph beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import students
from students.calibration import tempered
from students.onnx_reader import SOFTMAX
from students.reader import Reader
from students.shipped import SHIPPED
from tests.samples import rendered_line
from tests.students.log_softmax import graph


def test_the_graph_is_what_its_program_makes() -> None:
    assert onnx.load(SOFTMAX) == graph()
    onnx.checker.check_model(onnx.load(SOFTMAX), full_check=True)


@pytest.mark.parametrize("suffix", ["onnx", "safetensors"])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_readers_compute_what_numpy_computes(suffix: str, temperature: float) -> None:
    reader = students.load(SHIPPED / f"receipts-small.{suffix}")
    logits_NTC = np.random.default_rng(0).normal(0, 12, (3, 7, 50)).astype(np.float32)
    logits_NTC[0, 0, :-1] = -1e30  # one class alone
    logits_NTC[1, 2] = 80.0  # whose exponentials are no float32 numbers
    reader.logits_of = lambda _: logits_NTC.copy()
    calibration = reader.description.calibration.model_copy(update={"temperature": temperature})
    reader.description = reader.description.model_copy(update={"calibration": calibration})
    found_NTC = reader.log_probabilities(np.zeros((3, 1, 32, 32), np.float32))
    np.testing.assert_allclose(found_NTC, tempered(logits_NTC, temperature), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.onnx")), ids=lambda path: Path(path).name)
def test_a_shipped_student_reads_with_the_confidence_that_numpy_gives(path: Path) -> None:
    reader, line_png = students.load(path), rendered_line("TOTAL 12.50")
    read = reader.read(line_png)
    plain = Reader(reader.description, path, reader.logits_of).read(line_png)
    assert read.text == plain.text
    assert read.confidence == pytest.approx(plain.confidence, rel=1e-3)
