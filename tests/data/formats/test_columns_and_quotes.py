"""Columns, quotes and names of label files as programs write them, and what `distill read` writes."""

from __future__ import annotations

import io
import os
import unicodedata
from pathlib import Path

import pandas
import pytest

from distill.cli import main
from students.errors import DataError
from tests.samples import write_student
from tests.three_images import PICTURES, images, opened

PLAIN = ["alpha", "beta 2", "gamma"]


def texts_of(path: Path) -> list[str | None]:
    return [text for _, _, text in opened(path)]


def table(folder: Path, content: str, file: str = "labels.tsv") -> Path:
    (images(folder) / file).write_text(content, "utf-8", newline="")
    return folder


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("labels.tsv", "0.png\talpha\t0.9801\n1.png\tbeta 2\t1.0000\n2.png\tgamma\t0.0\n"),
        ("rec_gt.txt", "0.png\talpha\t.98\n1.png\tbeta 2\t1\n2.png\tgamma\t0\n"),
        ("labels.tsv", "file\ttext\tpage\n0.png\talpha\tx\n1.png\tbeta 2\ty\n2.png\tgamma\tz\n"),
        ("labels.tsv", "\tImage Name\tLabel\n0\t0.png\talpha\n1\t1.png\tbeta 2\n2\t2.png\tgamma\n"),
        ("labels.tsv", "0.png\talpha\t\n1.png\tbeta 2\t\n2.png\tgamma\t\n"),
        ("labels.csv", "0.png;alpha;0.98\n1.png;beta 2;0.5\n2.png;gamma;1.0\n"),
    ],
)
def test_further_columns_are_left_out(tmp_path: Path, file: str, content: str) -> None:
    assert texts_of(table(tmp_path / "set", content, file)) == PLAIN


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("0.png\talpha\tde\n", r"labels\.tsv:1: 3 columns without a heading; which one holds the text"),
        ("0.png\ta\n1.png\tb\tc\n", r"labels\.tsv:2: 3 fields where the first row has 2"),
        ("file\ttext\n0.png\ta\tb\n", r"labels\.tsv:2: 3 fields where the heading has 2"),
    ],
)
def test_columns_that_nothing_names_are_refused(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        opened(table(tmp_path / "set", content))


@pytest.mark.parametrize("to", ["tsv", "csv", "json"])
@pytest.mark.parametrize("place", ["in the folder", "beside it"])
def test_what_read_writes_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, place: str) -> None:
    folder = images(tmp_path / "set")
    student = write_student(tmp_path / "model.safetensors")
    monkeypatch.chdir(tmp_path)
    out = Path("set" if place == "in the folder" else ".") / f"read.{to}"
    assert main(["read", str(student), "set", "--to", to, "--out", str(out)]) == 0
    found = opened(tmp_path / out)
    assert [image for _, image, _ in found] == PICTURES
    assert all(text is not None and "\t" not in text for _, _, text in found)
    if place == "in the folder":
        assert opened(folder) == found


QUOTED = ['12" pipe', "plain", '"quoted"', 'a\ttab and a "quote"']


@pytest.mark.parametrize("quoting", [0, 1], ids=["minimal", "all"])
@pytest.mark.parametrize("n_lines", [3, 4])
@pytest.mark.parametrize("header", [True, False])
def test_quotes_that_pandas_doubled(tmp_path: Path, quoting: int, n_lines: int, header: bool) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(n_lines):
        (folder / f"{i}.png").write_bytes(PICTURES[0])
    frame = pandas.DataFrame({"file": [f"{i}.png" for i in range(n_lines)], "text": QUOTED[:n_lines]})
    frame.to_csv(folder / "labels.tsv", sep="\t", index=False, quoting=quoting, header=header)
    assert texts_of(folder) == QUOTED[:n_lines]


@pytest.mark.parametrize("texts", [['"a"', "b", "c"], ['12" pipe', '"', "c"], ['say "a"', '"b" and "c"', '""']])
def test_quotes_that_are_text_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture, texts: list[str]) -> None:
    rows = "".join(f"{i}.png\t{text}\n" for i, text in enumerate(texts))
    assert texts_of(table(tmp_path / "set", rows)) == texts
    assert not caplog.records


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        (["1,200", "Total, net", "C:\\a"], None),
        (["Total, net, gross", '5" x 7"', "###"], None),
        ([r"say \"hi\"", "Total, net", "12.50"], ['say "hi"', "Total, net", "12.50"]),
    ],
)
def test_word_lists_of_icdar_keep_commas_and_back_slashes(
    tmp_path: Path, written: list[str], texts: list[str] | None
) -> None:
    folder = images(tmp_path / "set")
    (folder / "gt.txt").write_text("".join(f'{i}.png, "{text}"\n' for i, text in enumerate(written)), "utf-8-sig")
    assert texts_of(folder) == (texts or written)


def test_quotes_of_both_kinds_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    texts = ['"12"" pipe"', '5" nail', "c"]
    rows = "".join(f"{i}.png\t{text}\n" for i, text in enumerate(texts))
    assert texts_of(table(tmp_path / "set", rows)) == texts
    assert 'labels.tsv:1: holds "" as CSV doubles quotes, but others are not doubled' in caplog.text


@pytest.mark.parametrize(
    "written",
    [
        "crop_img\\{}.png",
        ".\\crop_img\\{}.png",
        "set/crop_img/{}.png",
        "C:\\Users\\a\\set\\crop_img\\{}.png",
        "D:/old/crop_img/{}.png",
        "/mnt/other/set/crop_img/{}.png",
        "{folder}/crop_img/{}.png",
        "crop_img/../crop_img/{}.png",
        "../set/crop_img/{}.png",
        "crop_img/{}.PNG",
        "crop_img/{}",
        "{}.png",
    ],
)
@pytest.mark.parametrize("file", ["rec_gt.txt", "labels.csv", "metadata.jsonl"])
def test_names_lead_to_the_files_that_are_meant(tmp_path: Path, written: str, file: str) -> None:
    folder = tmp_path / "set"
    images(folder / "crop_img")
    names = [written.replace("{folder}", str(folder)).replace("{}", str(i)) for i in range(3)]
    frame = pandas.DataFrame({"file_name": names, "text": PLAIN})
    match file:
        case "rec_gt.txt":
            frame.to_csv(folder / file, sep="\t", index=False, header=False)
        case "labels.csv":
            frame.to_csv(folder / file, index=False)
        case _:
            frame.to_json(folder / file, orient="records", lines=True)
    assert opened(folder) == [(f"crop_img/{i}.png", PICTURES[i], PLAIN[i]) for i in range(3)]


@pytest.mark.parametrize("name", ["C:\\0.png", "/0.png", "../0.png", "/etc/hostname", "..\\..\\0.png"])
def test_names_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "0.png").write_bytes(PICTURES[0])
    with pytest.raises(DataError, match="lies outside the folder"):
        opened(table(tmp_path / "set", f"{name}\talpha\n"))


@pytest.mark.parametrize(("on_disk", "listed"), [("NFD", "NFC"), ("NFC", "NFD")])
@pytest.mark.parametrize("kind", ["list", "pairs"])
def test_names_are_compared_in_nfc(tmp_path: Path, on_disk: str, listed: str, kind: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    name = unicodedata.normalize(on_disk, "größe é 한.png")
    (folder / name).write_bytes(PICTURES[0])
    other = unicodedata.normalize(listed, name)
    if kind == "list":
        (folder / "labels.tsv").write_text(f"{other}\talpha\n", "utf-8")
    else:
        (folder / other.replace(".png", ".gt.txt")).write_text("alpha\n", "utf-8")
    assert opened(folder) == [(name, PICTURES[0], "alpha")]


def test_two_rows_that_mean_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.tsv:2: set\\0\.png is named twice, first at .*labels\.tsv:1"):
        opened(table(tmp_path / "set", "0.png\talpha\nset\\0.png\tbeta\n"))


def test_names_are_not_guessed_where_several_files_may_be_meant(tmp_path: Path) -> None:
    folder = table(tmp_path / "set", "A.png\talpha\n")
    for name in ("a.png", "a.PNG"):
        (folder / name).write_bytes(PICTURES[0])
    if len(os.listdir(folder)) == 6:  # a file system that tells cases apart
        with pytest.raises(DataError, match="1 of 1 images cannot be found"):
            opened(folder)


def test_a_spreadsheet_saved_as_text_is_read_in_its_encoding(tmp_path: Path) -> None:
    folder = images(tmp_path / "set")
    buffer = io.StringIO()
    pandas.DataFrame({"Datei": ["0.png", "1.png", "2.png"], "Text": PLAIN}).to_csv(buffer, sep="\t", index=False)
    (folder / "labels.tsv").write_bytes(buffer.getvalue().encode("utf-16"))
    assert texts_of(folder) == PLAIN
