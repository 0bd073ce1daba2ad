"""What `distill new` refuses, and what it says can be done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from distill.cli import main
from distill.proposing import proposing
from tests.line_files import parquet, row
from tests.samples import png_bytes


def test_a_folder_that_is_missing_is_told_before_any_look(
    lines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(proposing, "propose", lambda *_: pytest.fail("it looked"))
    assert main(["new", "nowhere/mine", "--from", lines.name, "--yes"]) == 2
    assert "mine.yaml: cannot be written: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda _: [row("a", f"{i}.png", png_bytes(seed=i)) for i in range(12)], [], "12 labelled lines are too few"),
        (lambda rows: rows, ["--budget", "10s"], "too short for lines like these on this machine; give at least"),
        (lambda rows: rows, ["--budget", "soon"], "write a time such as 90s, 30m or 2h"),
        (lambda rows: rows, ["--test", "some.parquet"], "all of its 90 pictures are in some.parquet too"),
        (lambda rows: rows, ["--teacher", "nobody"], "nobody"),
        (
            lambda _: [row("\U00010900\U00010901", f"{i}.png", png_bytes(seed=i)) for i in range(90)],
            [],
            "no installed font",
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    lines: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[list[dict[str, object]]], list[dict[str, object]]],
    options: list[str],
    message: str,
) -> None:
    del lines
    rows = [row(f"ab {i}", f"{i}_0.png", png_bytes(seed=i)) for i in range(90)]
    parquet(tmp_path / "some.parquet", make(rows))
    assert main(["new", "mine", "--from", "some.parquet", "--yes", *options]) == 2
    assert message in capsys.readouterr().err
    assert not Path("mine.yaml").exists()


@pytest.mark.parametrize("name", ["mine.yaml", "mine.texts.txt"])
def test_what_is_there_is_not_written_over(name: str, lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(name).write_text("mine")
    assert main(["new", "mine", "--from", lines.name]) == 2
    assert f"{name}: is there already" in capsys.readouterr().err
    assert Path(name).read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["we ird: name"], "a name that a folder gets begins with a letter, a digit"),
        (["two²"], "write two_, for example"),
        ([".."], "a name that a folder gets begins"),
        ([""], "an empty word, which names nothing"),
        (["mine", "--unlabelled", "no-lines"], "no-lines: no such file or folder"),
        (["mine", "--test", "no-lines"], "no-lines: no such file or folder"),
        (["mine", "--teacher", "nobody"], "nobody"),
        (["mine", "--fonts", "nowhere"], "--fonts nowhere: holds no font file"),
    ],
)
def test_what_will_not_do_is_told_before_the_lines_are_looked_at(
    words: list[str], reason: str, lines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("distill.proposing.proposing.survey", None)
    assert main(["new", *words, "--from", lines.name]) == 2
    assert reason in capsys.readouterr().err
