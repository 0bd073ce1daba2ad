"""`distill evaluate` on lines: intervals of its scores, and the page of what was read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import students
from distill.cli import main
from distill.evaluation import peers
from distill.evaluation.peers import Peer
from tests.samples import png_bytes

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def lines(tmp_path: Path, student_file: Path) -> Path:
    """Thirty lines, every third labelled as the student reads it."""
    folder = tmp_path / "lines"
    folder.mkdir()
    reader = students.load(student_file)
    rows = []
    for i in range(30):
        (folder / f"{i:02d}.png").write_bytes(png_bytes(width=60 + i, seed=i))
        read = reader.read(folder / f"{i:02d}.png").text
        rows.append(f"{i:02d}.png\t{read if i % 3 == 0 else f'<b>{i}</b>'}\n")
    (folder / "labels.tsv").write_text("".join(rows))
    return folder


def test_scores_have_intervals(student_file: Path, lines: Path, capsys: Printed) -> None:
    assert main(["evaluate", str(student_file), str(lines), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for key, interval in found["intervals"].items():
        assert interval["value"] == pytest.approx(found[key])
        assert interval["low"] < found[key] < interval["high"]
    assert found["intervals"]["exact"]["low"] == pytest.approx(0.1923, abs=1e-3)  # Wilson's, of 10 of 30
    assert main(["evaluate", str(student_file), str(lines)]) == 0
    assert "95 % intervals: exact 19.2" in capsys.readouterr().out


def test_the_page_shows_the_worst_lines_and_the_table_every_one(
    student_file: Path, lines: Path, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "here" / "report"
    words = ["evaluate", str(student_file), str(lines), "--report", str(report), "--json"]
    assert main(words) == 0
    page = (report / "evaluation.html").read_text()
    assert "&lt;b&gt;10&lt;/b&gt;" in page
    assert "<b>" not in page
    assert page.count("<figure>") == 24  # 12 of the worst and 12 at random
    assert "The model misreads" in page
    assert "evaluation.json has all of them" in page
    assert 'title="lines/10.png"' in page  # what to open where a label is wrong
    rows = list(csv.reader((report / "predictions.tsv").open(), delimiter="\t"))
    assert rows[0] == ["key", "truth", "model"]
    reader = students.load(student_file)
    assert rows[4] == ["lines/03.png", *[reader.read(lines / "03.png").text] * 2]
    assert len(rows) == 31
    scores = json.loads((report / "evaluation.json").read_text())
    assert scores["exact"] == json.loads(capsys.readouterr().out)["exact"]
    assert scores["breakdown"]["character"]["<"]["n"] == 40
    monkeypatch.setattr(peers, "open_peers", lambda: [Peer("silent", lambda pictures: [""] * len(pictures))])
    assert main([*words, "--against", "peers"]) == 0  # its own page is written over
    page = (report / "evaluation.html").read_text()
    assert "silent, all" in page
    assert "Lines that silent and model read differently" in page


def test_a_page_takes_the_place_of_no_other_file(
    student_file: Path, lines: Path, tmp_path: Path, capsys: Printed
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "predictions.tsv").write_text("mine")
    assert main(["evaluate", str(student_file), str(lines), "--report", str(tmp_path / "mine")]) == 2
    assert "holds predictions.tsv, which would be written over" in capsys.readouterr().err
    assert main(["evaluate", str(student_file), str(lines), "--report", str(lines / "labels.tsv")]) == 2
    assert "choose another --report" in capsys.readouterr().err
    assert main(["evaluate", "pages", str(lines), "--report", str(tmp_path / "new")]) == 2
    assert "--report: is of lines" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
