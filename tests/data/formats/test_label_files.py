"""A folder of images with a label file, or with a text next to each image: what is read, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest

from students.errors import DataError
from tests.three_images import EXPECTED, images, opened, write_tabs


def write_csv(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["filename", "words"])
        rows.writerows((name, text) for name, _, text in EXPECTED)


def write_json(path: Path) -> None:
    path.write_text(json.dumps({name: text for name, _, text in EXPECTED}), "utf-8")


def write_json_list(path: Path) -> None:
    path.write_text(json.dumps([{"file": name, "text": text} for name, _, text in EXPECTED]), "utf-8")


def write_jsonl(path: Path) -> None:
    rows = [json.dumps({"file_name": name, "text": text, "page": 7}) + "\n" for name, _, text in EXPECTED]
    path.write_text("".join(rows), "utf-8")


@pytest.mark.parametrize(
    ("file", "write"),
    [
        ("labels.tsv", write_tabs),
        ("labels.csv", write_csv),
        ("labels.json", write_json),
        ("labels.json", write_json_list),
        ("metadata.jsonl", write_jsonl),
        ("rec_gt_train.txt", write_tabs),
        ("Label.txt", write_tabs),
        ("mine.txt", write_tabs),
    ],
)
def test_a_folder_and_its_label_file_give_the_lines(tmp_path: Path, file: str, write: Callable[[Path], None]) -> None:
    write(images(tmp_path / "set") / file)
    assert opened(tmp_path / "set" / file) == EXPECTED
    if file != "mine.txt":  # the recipe can name it, but it is not found by itself
        assert opened(tmp_path / "set") == EXPECTED


def test_metadata_that_datasets_reads_alike(tmp_path: Path) -> None:
    write_jsonl(images(tmp_path / "set") / "metadata.jsonl")
    table = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "set"), split="train", cache_dir=str(tmp_path))
    assert sorted(table["text"]) == sorted(text for _, _, text in opened(tmp_path / "set") if text)


def test_a_paddle_row_may_list_several_images_and_doctr_keeps_them_in_a_folder(tmp_path: Path) -> None:
    (images(tmp_path / "paddle") / "rec_gt.txt").write_text('["0.png", "1.png"]\tsame\n2.png\t[x]\n')
    assert [(name, text) for name, _, text in opened(tmp_path / "paddle")] == [
        ("0.png", "same"),
        ("1.png", "same"),
        ("2.png", "[x]"),
    ]
    images(tmp_path / "doctr" / "images")
    write_json(tmp_path / "doctr" / "labels.json")
    assert opened(tmp_path / "doctr") == EXPECTED


def test_texts_next_to_their_images_and_images_without_one(tmp_path: Path) -> None:
    images(tmp_path / "set")
    (tmp_path / "set" / "0.gt.txt").write_text("one\n")
    (tmp_path / "set" / "1.gt.txt").write_text("")
    assert [text for _, _, text in opened(tmp_path / "set")] == ["one", "", None]
    (tmp_path / "set" / "9.gt.txt").write_text("nine")
    with pytest.raises(DataError, match=r"1 text without an image of the name: 9\.gt\.txt"):
        opened(tmp_path / "set")
    (tmp_path / "set" / "9.gt.txt").unlink()
    (tmp_path / "set" / "2.gt.txt").write_text("one\ntwo\n")
    with pytest.raises(DataError, match=r"2\.gt\.txt: holds several lines"):
        opened(tmp_path / "set")


def test_two_label_files_are_an_error_until_one_is_named(tmp_path: Path) -> None:
    write_tabs(images(tmp_path / "set") / "labels.tsv")
    (tmp_path / "set" / "rec_gt.txt").write_text("0.png\tother\n")
    with pytest.raises(DataError, match=r"holds labels\.tsv and rec_gt\.txt; name the one"):
        opened(tmp_path / "set")
    assert [text for _, _, text in opened(tmp_path / "set", labels="rec_gt.txt")] == ["other"]


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("labels.tsv", "0.png\ta\n./0.png\tb\n", r"labels\.tsv:2: \./0\.png is named twice, first at .*labels\.tsv:1"),
        ("labels.tsv", "C:\\0.png\ta\n", r"labels\.tsv:1: .* lies outside the folder"),
        ("labels.csv", "", r"needs exactly one of file, file_name, filename; it has nothing"),
        ("labels.csv", "file,words\n0.png,a,b\n", r"labels\.csv:2: 3 fields where the heading has 2"),
        ("labels.csv", 'file,words\n"0.png,a\n', r"labels\.csv:2: not CSV"),
        ("labels.csv", "page,words\n", r"labels\.csv:1: needs exactly one of file.*; it has page, words"),
        ("labels.json", "7", "holds neither an object of file: text nor a list"),
        ("labels.json", '{"0.png": "a"', "labels.json: not JSON"),
        ("labels.json", '{"0.png": 12}', r"'0\.png': the text is 12; put it in quotes"),
        ("labels.json", '{"0.png": "a", "0.png": "b"}', r"'0\.png' is named twice"),
        ("labels.json", '{"0.png": "a\\u0000"}', "holds a null byte"),
        ("labels.json", '["0.png"]', "entry 1: not an object with file and text"),
        ("labels.json", "[" * 100_000, "nested too deep"),
        ("metadata.jsonl", '{"file_name": "0.png", "text": "a"}\n{"file_name":\n', r"metadata\.jsonl:2: not JSON"),
        (
            "metadata.jsonl",
            '{"file_name": "0.png"}\n',
            r"jsonl:1: needs exactly one of text, label, words; it has",
        ),
        ("metadata.jsonl", '{"file_name": 3, "text": "a"}\n', r"jsonl:1: the file name is 3"),
        ("metadata.jsonl", "\n", "has no rows"),
        ("metadata.jsonl", '{"file_name": "0.png", "text": "\\ud83d"}\n', r"0\.png: the text '.ud83d' holds half"),
        ("labels.json", '{"0.png": 1' + "0" * 5000 + "}", "not JSON: Exceeds|the text is"),
        ("rec_gt.txt", "[1]\ta\n", r"rec_gt\.txt:1: a list of files is"),
        ("rec_gt.txt", "9.png\ta\n", "1 of 1 images cannot be found"),
    ],
)
def test_a_broken_label_file_is_one_error_at_its_place(tmp_path: Path, file: str, content: str, reason: str) -> None:
    (images(tmp_path / "set") / file).write_text(content, "utf-8")
    with pytest.raises(DataError, match=f"(?s)source mine: .*{reason}"):
        opened(tmp_path / "set")
