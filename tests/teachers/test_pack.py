"""Models at half their size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import students
from students.errors import CheckpointError
from students.model_file import read_model, write_model
from teachers.pack import pack


def test_a_packed_model_is_half_as_large_and_reads_alike(student_file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.safetensors"
    pack(student_file, packed)
    assert packed.stat().st_size < 0.6 * student_file.stat().st_size
    image = np.random.default_rng(0).integers(0, 255, (32, 120)).astype(np.uint8)
    whole, half = (students.load(path) for path in (student_file, packed))
    assert half.read(image).text == whole.read(image).text
    prepared = whole.description.preparation.prepare(image)[None]
    assert np.abs(whole.log_probabilities(prepared) - half.log_probabilities(prepared)).max() < 0.02
    assert half.description.training["stored"] == "float16"


def test_a_weight_that_float16_cannot_hold_is_named(student_file: Path, tmp_path: Path) -> None:
    description, weights = read_model(student_file)
    name = max(weights)
    write_model(student_file, description, weights | {name: np.full_like(weights[name], 1e6)})
    with pytest.raises(CheckpointError, match=name):
        pack(student_file, tmp_path / "packed.safetensors")
    assert not (tmp_path / "packed.safetensors").exists()
