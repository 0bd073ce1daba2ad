"""Options of decoding and others of `distill read` and `evaluate`, and the language models of `distill lm`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import students
from distill.cli import main
from students.errors import DataError

Printed = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        (["--pattern", r"\d{3}"], r"\d{3}"),
        (["--alphabet", "123"], "[123]*"),
        (["--words", "WORDS"], "12|345|"),
        (["--words", "WORDS", "--unlisted", "1"], r"\d*"),
        (["--lm", "LM", "--beam", "4", "--lm-weight", "2"], r"\d*"),
    ],
)
def test_texts_follow_the_rules_of_the_options(
    options: list[str], pattern: str, student_file: Path, pictures: Path, tmp_path: Path, capsys: Printed
) -> None:
    words, text, lm = tmp_path / "words.txt", tmp_path / "text.txt", tmp_path / "some.lm"
    words.write_text("12\n\n345\n")
    text.write_text("1234\n987\n")
    assert main(["lm", str(text), str(lm), "--order", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["characters"] == 7
    files = {"WORDS": str(words), "LM": str(lm)}
    assert main(["read", str(student_file), str(pictures), *(files.get(word, word) for word in options)]) == 0
    texts = [row.split("\t")[1] for row in capsys.readouterr().out.splitlines()]
    assert len(texts) == 3
    assert all(re.fullmatch(pattern, text) for text in texts)


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        (["--pattern", "(1"], "not closed"),
        (["--pattern", "A1"], "no 'A'"),
        (["--alphabet", "1x"], "'x'"),
        (["--words", "EMPTY"], "EMPTY: the word list is empty"),
        (["--words", "GONE"], "GONE"),
        (["--lm", "EMPTY"], "safetensors"),
        (["--words", "SOME", "--pattern", "1"], "decoding: a pattern and a word list"),
        (["--unlisted", "3"], "--words"),
        (["--lm-weight", "3"], "--lm"),
        (["--beam", "0"], "--beam 0: Input should be greater than or equal to 1"),
        (["--lm", "EMPTY", "--length-bonus", "inf"], "--length-bonus inf: Input should be a finite number"),
        (["--n-best", "3"], "--n-best 3: alternatives stand in --to json"),
        (["--pages", "--to", "json", "--n-best", "3"], "--n-best 3: goes with lines"),
        (["--out", "read.pdf"], "--out read.pdf: lines are written as tsv, json, csv"),
        (["--pages", "--out", "read.csv"], "--out read.csv: pages are written as txt"),
        (["--pages", "--out", "read.pdf"], "--to pdf --out FOLDER"),
        (["--batch", "0"], "--batch 0"),
        (["--review-below", "90"], "--review-below 90: is a confidence, between 0 and 1"),
        (["--review-page", "x.html"], "--review-below"),
    ],
)
def test_options_that_make_no_sense_are_one_message(
    options: list[str],
    printed: str,
    student_file: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("EMPTY").write_text("")
    Path("SOME").write_text("12")
    assert main(["read", str(student_file), str(pictures), *options]) == 2
    message = capsys.readouterr()
    assert printed in message.err
    assert message.out == ""


def test_a_reader_is_opened_with_the_decoding_one_wants(student_file: Path, pictures: Path) -> None:
    reader = students.load(student_file, students.Beam(pattern=r"\d{4}"), review_below=1.0)
    reading = reader.read(pictures / "a.png")
    assert re.fullmatch(r"\d{4}", reading.text)
    assert reading.review
    with pytest.raises(DataError, match="x"):
        students.load(student_file, students.Greedy(alphabet="x"))


def test_evaluation_decodes_by_the_same_options(student_file: Path, pictures: Path, capsys: Printed) -> None:
    (pictures / "labels.tsv").write_text("a.png\t7\nb.png\t7\n")
    assert main(["evaluate", str(student_file), str(pictures), "--pattern", "7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exact"] == 1.0


def test_a_language_model_needs_text(tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9")
    assert main(["lm", str(tmp_path / "empty.txt"), str(tmp_path / "x.lm")]) == 2
    assert "empty.txt: the text has no line" in capsys.readouterr().err
    assert main(["lm", str(tmp_path / "latin1.txt"), str(tmp_path / "x.lm")]) == 2
    assert "UTF-8" in capsys.readouterr().err


def test_a_text_is_not_replaced_by_its_model(tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "text.txt").write_text("some words\n" * 9)
    assert main(["lm", str(tmp_path / "text.txt"), str(tmp_path / "text.txt")]) == 2
    assert "is read here" in capsys.readouterr().err
    assert (tmp_path / "text.txt").read_text() == "some words\n" * 9
