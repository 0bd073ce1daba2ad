"""What `distill student` prints of each network beside its report: how large it is, and how fast it read the test."""

from __future__ import annotations

import json
from pathlib import Path

from distill.runs.line_report import sizes_and_speeds


def test_speeds_come_from_the_one_file_with_a_clock(tmp_path: Path) -> None:
    result = {
        "teacher": {"parameters": 5_300_000, "n": 1190, "left_out": 10},
        "control": None,
        "student": {"parameters": 900_000, "n": 1190, "left_out": 10},
    }
    seconds = {"report: the teacher reads the test": 60.0, "report": 70.0}
    (tmp_path / "timing.json").write_text(json.dumps(seconds))
    words = sizes_and_speeds(tmp_path, result)
    assert words == "teacher: 5,300,000 parameters, 20 lines/s\nstudent: 900,000 parameters"
