"""Folders whose names are no text, as another system's encoding leaves them: they are written by number, and read."""

from __future__ import annotations

import json
import os
from pathlib import Path

from distill.cli import main
from distill.records import read_question
from tests.samples import png_bytes

NAME, SHOWN = os.fsdecode(b"le\xffg"), r"le\udcffg"


def test_what_is_written_of_such_a_folder_shows_its_name(student_file: Path, tmp_path: Path) -> None:
    folder, check, record = tmp_path / NAME, tmp_path / "check", tmp_path / "record.json"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(png_bytes(seed=number))
    (folder / "labels.tsv").write_text("0.png\t01\n1.png\t12\n2.png\t20\n")
    assert main(["check", str(folder), "--run", str(check)]) in (0, 1)
    assert SHOWN in (check / "check.html").read_text("utf-8")
    assert json.loads((check / "check.json").read_text("utf-8"))["lines"] == {"train": 3}
    assert main(["evaluate", str(student_file), str(folder), "--record", str(record)]) == 0
    question = read_question(record)
    assert SHOWN in question.title
    assert SHOWN in question.records[0].command
