"""`distill adopt --lines`: a picture of lines with their texts, and a refusal with the probable reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import teachers
from distill.adoption.colours import in_words, is_coloured, sign_test
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


def test_lines_that_are_not_there_are_told_before_the_model_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["adopt", "no.onnx", "--out", str(tmp_path / "o.onnx"), "--lines", str(tmp_path / "gone")]) == 2
    assert "gone: no such file or folder" in capsys.readouterr().err


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


def write_coloured(folder: Path) -> Path:
    """The rendered words in colours whose red is the paper's and whose blue is the letters', three times."""
    folder.mkdir()
    rows = []
    for i, (word, picture) in enumerate(pictures() * 3):
        grey = picture[..., 0].astype(float)
        faint = 235 + (grey - grey.max()) / 8
        levels = np.stack([grey, np.full_like(grey, 230), faint], -1)
        Image.fromarray(levels.astype(np.uint8)).save(folder / f"{i}.png")
        rows.append(f"{i}.png\t{word}")
    (folder / "labels.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    return folder


def test_an_order_of_colours_that_nobody_said_is_taken_from_the_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The network looks at one channel, the last that it is given: red, if it is given blue first."""
    lines = write_coloured(tmp_path / "lines")
    form = Form(one_channel=2)
    assert adopted(tmp_path, characters(), "--lines", str(lines), "--json", form=form) == 0
    found = json.loads(capsys.readouterr().out)
    assert {f["what"]: f["value"] for f in found["found"]}["colour"] == "bgr"
    colour = found["lines"]["colour"]
    assert colour["likelier"] == "bgr"
    assert colour["pictures"] >= 20
    assert colour["label_likelier"]["bgr"] > 2 * colour["label_likelier"]["rgb"]
    assert "bgr is right; of" in colour["words"]
    (tmp_path / "d.yaml").write_text("colour: rgb\n")
    told = ("--lines", str(lines), "--describe", str(tmp_path / "d.yaml"))
    assert adopted(tmp_path, characters(), *told, form=form) == 0
    assert "colour: bgr seems right, not rgb" in capsys.readouterr().out


def test_an_order_of_colours_that_makes_no_difference_is_undecided() -> None:
    assert sign_test(0, 0) == 1
    assert sign_test(11, 9) == pytest.approx(0.8238, abs=1e-4)
    assert sign_test(0, 10) == pytest.approx(2 / 2**10)
    found = {"pictures": 30, "label_likelier": {"bgr": 16, "rgb": 14}, "exact": {"bgr": 25, "rgb": 25}}
    words = in_words(found | {"p": sign_test(16, 14), "likelier": "undecided"}, "bgr")
    assert words.startswith("colour: undecided, bgr is kept; of 30 labelled lines in colour 25 are exact with bgr")
    assert not is_coloured(np.full((4, 4), 9, np.uint8))
    assert not is_coloured(np.full((4, 4, 3), 9, np.uint8))
    assert is_coloured(np.tile(np.array([200, 90, 10], np.uint8), (4, 4, 1)))
