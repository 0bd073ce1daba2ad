"""How much of the lines is padding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distill.data.padding import padding
from tests.feeding import WIDTHS, folder


def test_padding_is_counted_against_each_line(tmp_path: Path) -> None:
    lines = folder(tmp_path / "lines", 12)
    scaled = [WIDTHS[i % 3] for i in range(12)]
    padded = [-(-width // 16) * 16 for width in scaled]
    found = padding(lines)
    assert found["share"] == pytest.approx(1 - sum(scaled) / sum(padded), abs=1e-4)
    assert (found["widths"], found["few_widths_quantum_px"]) == (len(set(padded)), 16)
    many = replace(lines, scaled_width_px=np.arange(1, 1001))
    found = padding(many)
    assert found["widths"] == 63
    assert len(set(-(-np.arange(1, 1001) // int(found["few_widths_quantum_px"])))) == found["few_widths"] == 8
