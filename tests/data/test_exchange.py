"""`distill import` and `distill convert`: the same lines all the way round, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import lmdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import students
from distill.cli import main
from tests.samples import png_bytes

SCHEMA = pa.schema([("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("text", pa.string())])
NAMED = {"doc1/a.png": "one", "doc1/b.png": "", "doc2/a.png": "größe", "printed": "no suffix"}


def parquet(path: Path, lines: list[tuple[str | None, bytes, str | None]]) -> Path:
    rows = [{"image": {"bytes": image, "path": name}, "text": text} for name, image, text in lines]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    return path


def named_lines() -> list[tuple[str | None, bytes, str | None]]:
    return [(name, png_bytes(seed=i), text) for i, (name, text) in enumerate(NAMED.items())]


def lines_of(path: Path) -> list[tuple[str, bytes, str | None]]:
    rows = pq.read_table(path).to_pylist()
    return [(row["image"]["path"], row["image"]["bytes"], row["text"]) for row in rows]


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("texts", [['"hello"', '"a ""b"" c"'], ['""""', "x"], ['"a"', 'b "c"'], ['"a', '""']])
def test_quotes_that_look_like_those_of_csv_come_back(texts: list[str], tmp_path: Path) -> None:
    start = parquet(tmp_path / "start.parquet", [(f"{i}.png", png_bytes(), text) for i, text in enumerate(texts)])
    assert main(["convert", str(start), str(tmp_path / "out"), "--to", "tsv"]) == 0
    assert main(["import", str(tmp_path / "out"), str(tmp_path / "last.parquet")]) == 0
    assert [text for *_, text in lines_of(tmp_path / "last.parquet")] == texts


@pytest.mark.parametrize("to", ["lmdb", "tsv"])
def test_the_way_round_gives_the_same_lines(tmp_path: Path, to: str, capsys: pytest.CaptureFixture[str]) -> None:
    start = parquet(tmp_path / "start.parquet", named_lines())
    first, middle, last = tmp_path / "first.parquet", tmp_path / "middle", tmp_path / "last.parquet"
    assert main(["import", str(start), str(first), "--json"]) == 0
    assert printed(capsys) == {
        "format": "parquet",
        "lines": 4,
        "labelled": 4,
        "unlabelled": 0,
        "refused": {},
        "warnings": [],
    }
    assert main(["convert", str(first), str(middle), "--to", to]) == 0
    assert main(["import", str(middle), str(last)]) == 0
    assert "4 lines (4 labelled, 0 unlabelled) from " + {"tsv": "folder"}.get(to, to) in capsys.readouterr().out
    suffixed = [(name if to == "lmdb" or "." in name else name + ".png", *rest) for name, *rest in lines_of(start)]
    assert lines_of(last) == suffixed
    assert isinstance(datasets.Dataset.from_parquet(str(last)).features["image"], datasets.Image)


def test_an_lmdb_is_what_scene_text_programs_expect(tmp_path: Path) -> None:
    start = parquet(tmp_path / "start.parquet", named_lines())
    assert main(["convert", str(start), str(tmp_path / "out"), "--to", "lmdb"]) == 0
    with lmdb.open(str(tmp_path / "out"), readonly=True, lock=False) as environment, environment.begin() as transaction:
        assert int(transaction.get(b"num-samples")) == 4
        assert transaction.get(b"image-000000003") == png_bytes(seed=2)
        assert transaction.get(b"label-000000003").decode() == "größe"


def test_unreadable_images_are_named_and_the_rest_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        *named_lines(),
        ("cut.png", png_bytes()[:-200], "x"),
        ("cut.png", b"", None),
        ("plain.png", png_bytes(), None),
    ]
    start = parquet(tmp_path / "start.parquet", lines)
    assert main(["import", str(start), str(tmp_path / "out.parquet"), "--json"]) == 1
    result = printed(capsys)
    assert (result["lines"], result["labelled"], result["unlabelled"]) == (5, 4, 1)
    assert list(result["refused"]) == ["cut.png", "cut.png#1"]
    assert len(lines_of(tmp_path / "out.parquet")) == 5


@pytest.mark.parametrize(("to", "kept"), [("tsv", ["fine"]), ("lmdb", ["a\tb", "a\nb", "fine"])])
def test_labels_that_a_format_cannot_hold_are_refused_by_name(
    tmp_path: Path, to: str, kept: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["a\tb", "a\nb", None, "a\0b", "fine"]
    start = parquet(tmp_path / "start.parquet", [(f"{i}.png", png_bytes(), text) for i, text in enumerate(texts)])
    assert main(["convert", str(start), str(tmp_path / "out"), "--to", to, "--json"]) == 1
    result = printed(capsys)
    assert result["lines"] == len(kept)
    assert len(result["refused"]) == 5 - len(kept)
    assert "has no label" in result["refused"]["2.png"]
    assert r"3.png: its label 'a\x00b' holds ['\x00'], which would break" in result["refused"]["3.png"]
    assert main(["import", str(tmp_path / "out"), str(tmp_path / "back.parquet")]) == 0
    assert [text for _, _, text in lines_of(tmp_path / "back.parquet")] == kept


@pytest.mark.parametrize(("to", "refused"), [("tsv", []), ("lmdb", ["0.png", "2.png"])])
def test_a_label_with_a_byte_order_mark_comes_back_or_is_refused(
    tmp_path: Path, to: str, refused: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["\ufeffa", "a\ufeff", "\ufeff", "b"]
    start = parquet(tmp_path / "start.parquet", [(f"{i}.png", png_bytes(), text) for i, text in enumerate(texts)])
    assert main(["convert", str(start), str(tmp_path / "out"), "--to", to, "--json"]) == bool(refused)
    told = printed(capsys)["refused"]
    assert list(told) == refused
    assert all(r"label '\ufeff" in reason for reason in told.values())
    assert main(["import", str(tmp_path / "out"), str(tmp_path / "back.parquet")]) == 0
    back = {name: text for name, _, text in lines_of(tmp_path / "back.parquet")}
    assert back == {f"{i}.png": text for i, text in enumerate(texts) if f"{i}.png" not in refused}


def test_a_name_with_a_byte_order_mark_keeps_no_folder_of_lines_from_opening(tmp_path: Path) -> None:
    start = parquet(tmp_path / "start.parquet", [("\ufeff/b.png", png_bytes(), "b"), ("c.png", png_bytes(), "c")])
    assert main(["convert", str(start), str(tmp_path / "out"), "--to", "tsv"]) == 0
    assert main(["import", str(tmp_path / "out"), str(tmp_path / "back.parquet")]) == 0
    assert [(name, text) for name, _, text in lines_of(tmp_path / "back.parquet")] == [
        ("000000.png", "b"),
        ("c.png", "c"),
    ]


def test_names_come_back_from_an_lmdb_whatever_they_begin_with(tmp_path: Path) -> None:
    names = ["\ufeffa.png", "\ufeff\ufeff", "a\ufeff.png", "a\0.png", "þÿ.png"]
    start = parquet(tmp_path / "start.parquet", [(name, png_bytes(), str(i)) for i, name in enumerate(names)])
    assert main(["convert", str(start), str(tmp_path / "out"), "--to", "lmdb"]) == 0
    assert main(["import", str(tmp_path / "out"), str(tmp_path / "back.parquet")]) == 0
    assert [name for name, _, _ in lines_of(tmp_path / "back.parquet")] == names


def test_names_that_are_not_utf8_are_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "old") + b"/caf\xe9.png")).write_bytes(png_bytes())
    assert main(["import", str(tmp_path / "old"), str(tmp_path / "out.parquet")]) == 2
    assert r"the name 'caf\udce9.png' is not UTF-8; rename the file" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["old"]


def test_names_that_are_no_file_names_become_numbers_and_none_is_written_twice(tmp_path: Path) -> None:
    names = ["../up.png", "/etc/x.png", "a\tb.png", "n" * 300, None, "same.png", "same.png", "same.png/in.png"]
    lines = [(name, png_bytes(seed=i), str(i)) for i, name in enumerate(names)]
    start = parquet(tmp_path / "start.parquet", lines)
    assert main(["convert", str(start), str(tmp_path / "out"), "--to", "tsv"]) == 0
    assert main(["import", str(tmp_path / "out"), str(tmp_path / "back.parquet")]) == 0
    back = lines_of(tmp_path / "back.parquet")
    assert [line[1:] for line in back] == [line[1:] for line in lines]
    assert [name for name, _, _ in back[:6]] == [
        "000000.png",
        "000001.png",
        "000002.png",
        "000003.png",
        "000004.png",
        "same.png",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["back.parquet", "out", "start.parquet"]


def test_nothing_is_written_over_and_nothing_half_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = str(parquet(tmp_path / "start.parquet", named_lines()))
    bad = str(parquet(tmp_path / "bad.parquet", [("x.png", b"no image", None)]))
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "mine").write_text("keep")
    for arguments, message in (
        (["import", start, start], "is read here, and would be written over"),
        (["import", start, bad], "bad.parquet: is there already"),
        (["import", start, str(empty)], "empty: is a folder; name a file in it that ends in .parquet"),
        (["import", start, str(tmp_path / "new.pq")], "choose a name that ends in .parquet"),
        (["import", bad, str(tmp_path / "new.parquet")], "not one line can be used; the first reasons: x.png"),
        (["import", str(empty), str(tmp_path / "new.parquet")], "holds neither images nor one of labels.tsv"),
        (["convert", start, str(full), "--to", "tsv"], "not an empty folder"),
        (["convert", bad, str(tmp_path / "new"), "--to", "lmdb"], "not one line can be used"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.parquet", "empty", "full", "start.parquet"]
    assert main(["convert", start, str(empty), "--to", "tsv"]) == 0
    assert len(list(empty.rglob("*.png"))) == 4


@pytest.mark.parametrize("command", ["import start.parquet out.parquet", "convert start.parquet out --to tsv"])
def test_what_is_there_already_is_told_before_anything_is_imported(tmp_path: Path, command: str) -> None:
    (tmp_path / "out.parquet").touch()
    (tmp_path / "out" / "mine").mkdir(parents=True)
    told = "import sys; sys.modules['torch'] = sys.modules['datasets'] = None\nfrom distill.cli import main\n"
    told += f"sys.exit(main({command.split()}))"
    done = subprocess.run([sys.executable, "-c", told], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is there already" in done.stderr


def test_a_model_labels_what_has_no_label_where_it_is_sure(
    tmp_path: Path, student_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = students.load(student_file)
    sheet = [png_bytes(width=60 + 20 * i, seed=i) for i in range(5)]
    read = [reader.read(image) for image in sheet]
    least = sorted(reading.confidence for reading in read)[2]
    wide = ("wide.png", png_bytes(height=8, width=1600), None)  # too wide for the model: it stays without a label
    rows = [*((f"{i}.png", image, None) for i, image in enumerate(sheet)), ("own.png", sheet[0], "7"), wide]
    start = parquet(tmp_path / "start.parquet", rows)
    out = tmp_path / "out.parquet"
    assert (
        main(["import", str(start), str(out), "--read-with", str(student_file), "--least", f"{least:.17g}", "--json"])
        == 0
    )
    result = printed(capsys)
    assert {key: result[key] for key in ("lines", "labelled", "read", "unlabelled")} == {
        "lines": 7,
        "labelled": 1,
        "read": 3,
        "unlabelled": 3,
    }
    assert list(result["failed"]) == ["wide.png"]
    assert result["failed"]["wide.png"].startswith("wide.png: 1600 x 8 px becomes 6400 px wide")
    labels = {name: text for name, _, text in lines_of(out)}
    assert labels == {f"{i}.png": r.text if r.confidence >= least else None for i, r in enumerate(read)} | {
        "own.png": "7",
        "wide.png": None,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--least", "0.5"], "--read-with"),
        (["--lm", "x"], "--read-with"),
        (["--read-with-command", "cat {}", "--timeout-s", "0"], "--timeout-s 0: is a number of seconds, more than 0"),
        (["--read-with-command", "cat {}", "--timeout-s", "inf"], "--timeout-s inf: is a number of seconds"),
        (["--timeout-s", "5"], "--timeout-s goes with --read-with-command"),
        (["--split", "test"], "is read as parquet, which knows no split; leave it out"),
        (["--margin-px", "3"], "is read as parquet, which knows no margin_px; leave it out"),
        (["--read-with", "MODEL", "--least", "2"], "--least 2"),
    ],
)
def test_labels_by_a_model_need_one_and_a_share(
    options: list[str], message: str, tmp_path: Path, student_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = parquet(tmp_path / "start.parquet", named_lines())
    options = [str(student_file) if option == "MODEL" else option for option in options]
    assert main(["import", str(start), str(tmp_path / "out.parquet"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.parquet").exists()
