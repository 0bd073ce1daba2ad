"""`distill adopt --lines`: a picture of lines with their texts, and a refusal with the probable reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

import teachers
from distill.adoption.trial import pictures
from distill.cli import main
from tests.foreign_models import Form, characters, write_foreign

PLAIN = Form()


def write_lines(folder: Path, labelled: bool = True) -> Path:
    """The rendered words as a folder of pictures with labels."""
    folder.mkdir()
    rows = []
    for i, (word, picture) in enumerate(pictures()):
        Image.fromarray(picture).save(folder / f"{i}.png")
        rows.append(f"{i}.png\t{word}" if labelled else f"{i}.png")
    if labelled:
        (folder / "labels.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    return folder


def adopted(tmp_path: Path, entries: Sequence[str], *more: str, form: Form = PLAIN) -> int:
    path = write_foreign(tmp_path / "m.onnx", form, {"character": "\n".join(entries)})
    return main(["adopt", str(path), "--out", str(tmp_path / "o.onnx"), *more])


@pytest.mark.parametrize("labelled", [True, False])
def test_lines_are_read_and_shown(labelled: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = write_lines(tmp_path / "lines", labelled)
    assert adopted(tmp_path, characters(), "--lines", str(lines), "--json") == 0
    seen = json.loads(capsys.readouterr().out)["lines"]
    assert seen["lines"] == len(pictures())
    assert seen["labelled"] == (len(pictures()) if labelled else 0)
    if labelled:
        assert seen["cer"] < 0.1
    with Image.open(tmp_path / "o.lines.png") as sheet:
        assert sheet.width > 100
    assert teachers.load(tmp_path / "o.onnx").description.kind == "teacher"


@pytest.mark.parametrize(
    ("moved", "reason"),
    [(lambda c: [*c[1:], "Ω"], "an entry is missing at the head"), (lambda c: ["Ω", *c[:-1]], "an entry too many")],
)
def test_a_shifted_charset_is_refused_and_named(
    moved: object, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = write_lines(tmp_path / "lines")
    assert callable(moved)
    assert adopted(tmp_path, moved(list(characters())), "--lines", str(lines)) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "not adopted" in error
    assert reason in error
    assert (tmp_path / "o.lines.png").is_file()
    assert not (tmp_path / "o.onnx").exists()


def test_a_wrong_scale_is_refused_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = write_lines(tmp_path / "lines")
    (tmp_path / "d.yaml").write_text("mean: 250\ndeviation: 3000\n")
    more = ("--lines", str(lines), "--describe", str(tmp_path / "d.yaml"))
    assert adopted(tmp_path, characters(), *more, form=Form(levels="0 to 1")) == 2
    assert "the scale of the levels is wrong" in capsys.readouterr().err


def test_without_lines_a_person_is_told_where_rendered_words_are_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turned = [*characters()[20:], *characters()[:20]]
    assert adopted(tmp_path, turned) == 0
    assert "see with --lines" in capsys.readouterr().out
