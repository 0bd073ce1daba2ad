"""Texts from a command as labels: what it prints, and what it does wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from distill.cli import main
from distill.data.command import CommandReading, ReadingCommand
from students.errors import DataError
from tests.samples import png_bytes

WIDTH = "import sys; from PIL import Image; print('w', Image.open(sys.argv[1]).width, sep='')"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that does what the text of its script says."""
    return tmp_path / "program.py"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(png_bytes(32, 50 + number, number))
    return folder


def command(program: Path, script: str, place: str = "{}") -> str:
    program.write_text(script)
    return f"{sys.executable} {program} {place}"


def texts_in(path: Path) -> list[str | None]:
    return pq.read_table(path).column("text").to_pylist()


def test_each_picture_is_read_by_a_start_of_its_own(program: Path) -> None:
    reading = ReadingCommand(command(program, WIDTH))
    assert reading.read([png_bytes(32, 70), png_bytes(32, 80)]) == [
        CommandReading("w70", None),
        CommandReading("w80", None),
    ]


def test_a_list_is_read_by_one_start_and_an_empty_row_is_an_empty_text(program: Path) -> None:
    script = "import sys\nfor i, path in enumerate(open(sys.argv[1])): print(['one\\t0.5', '', 'a\\tb'][i])"
    reading = ReadingCommand(command(program, script, "--all={list}"), 30)
    program.write_text(script.replace("sys.argv[1]", "sys.argv[1].partition('=')[2]"))
    assert reading.read([png_bytes()] * 3) == [
        CommandReading("one", 0.5),
        CommandReading("", None),
        CommandReading("a b", None),
    ]
    program.write_text("print('x'); print('y')")
    with pytest.raises(DataError, match="printed 2 lines of text for 4 pictures"):
        reading.read([png_bytes()] * 4)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit('no such language')", "ended with 1: no such language"),
        ("print('a'); print('b')", "printed 2 lines of text on one picture"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\n')", "no UTF-8"),
        ("import time; time.sleep(60)", "printed nothing for 1 s"),
    ],
)
def test_an_error_of_the_command_names_it(script: str, message: str, program: Path) -> None:
    reading = ReadingCommand(command(program, script), 1.0 if "sleep" in script else 60)
    (found,) = reading.read([png_bytes()])
    assert isinstance(found, DataError)
    assert message in str(found)
    assert str(program) in str(found)


@pytest.mark.parametrize("line", ["", "tesseract picture.png", "cat {} {}", "cat '{}"])
def test_a_line_without_one_place_for_the_picture_is_refused(line: str) -> None:
    with pytest.raises(DataError):
        ReadingCommand(line)


def test_no_such_command() -> None:
    with pytest.raises(DataError, match=r"no-such-program .*: cannot be started"):
        ReadingCommand("no-such-program {}").read([png_bytes()])


def test_its_texts_become_the_labels_of_an_import(
    program: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sure = WIDTH.replace("sep='')", "'\\t', [0.95, 0.5, 0.91][Image.open(sys.argv[1]).width - 50], sep='')")
    line = command(program, sure)
    out = tmp_path / "out.parquet"
    assert main(["import", str(pictures), str(out), "--read-with-command", line, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["read"], found["unlabelled"], found["failed"]) == (2, 1, {})
    assert texts_in(out) == ["w50", None, "w52"]
    least = tmp_path / "least.parquet"
    assert main(["import", str(pictures), str(least), "--read-with-command", line, "--least", "0.4"]) == 0
    assert texts_in(least) == ["w50", "w51", "w52"]


def test_a_line_that_the_command_fails_on_stays_without_a_label_and_is_named(
    program: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = command(program, WIDTH + "; sys.exit('odd' if Image.open(sys.argv[1]).width == 51 else 0)")
    out = tmp_path / "out.parquet"
    assert main(["import", str(pictures), str(out), "--read-with-command", line]) == 1
    assert texts_in(out) == ["w50", None, "w52"]
    assert "the command failed on 1, the first: 1.png" in capsys.readouterr().out
    line = command(program, "import sys; sys.exit('wrong option')")
    assert main(["import", str(pictures), str(tmp_path / "none.parquet"), "--read-with-command", line]) == 2
    assert "failed on every line" in capsys.readouterr().err
    assert not (tmp_path / "none.parquet").exists()


def test_a_command_and_a_model_do_not_read_together(pictures: Path, tmp_path: Path) -> None:
    words = ["import", str(pictures), str(tmp_path / "out.parquet"), "--read-with-command", "cat {}"]
    assert main([*words, "--read-with", "model.safetensors"]) == 2
    assert main([*words[:3], "--least", "0.5"]) == 2
