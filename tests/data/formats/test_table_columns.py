"""Columns of tables as programs write them: types of text and of bytes, paths instead of bytes, and splits."""

from __future__ import annotations

import pickle
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import datasets
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distill.cli import main
from distill.data.formats.opening import open_contents, source_at
from students.errors import DataError
from tests.three_images import EXPECTED, PICTURES, TEXTS, images, opened, write_shards

NUMBERED = [(f"{row:06d}", data, text) for row, (_, data, text) in enumerate(EXPECTED)]
BYTES = {
    "binary": pa.array(PICTURES, pa.binary()),
    "large_binary": pa.array(PICTURES, pa.large_binary()),
    "binary_view": pa.array(PICTURES, pa.binary_view()),
    "list": pa.array([list(data) for data in PICTURES], pa.list_(pa.uint8())),
    "large_list": pa.array([list(data) for data in PICTURES], pa.large_list(pa.uint8())),
    "list of long": pa.array([list(data) for data in PICTURES], pa.list_(pa.int64())),
    "struct of bytes": pa.array([{"bytes": data} for data in PICTURES]),
}
STRINGS = {
    "string": pa.array(TEXTS, pa.string()),
    "large_string": pa.array(TEXTS, pa.large_string()),
    "string_view": pa.array(TEXTS, pa.string_view()),
    "category": pa.array(TEXTS).dictionary_encode(),
}


@pytest.mark.parametrize("written", ["parquet", "arrow"])
@pytest.mark.parametrize(
    ("image", "text"), [*((image, "string_view") for image in BYTES), *(("binary", text) for text in STRINGS)]
)
def test_types_of_columns(tmp_path: Path, image: str, text: str, written: str) -> None:
    table = pa.table({"image": BYTES[image], "text": STRINGS[text], "page": [1, 2, 3]})
    path = tmp_path / f"lines.{written}"
    if written == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
    assert opened(path) == NUMBERED


def test_what_pandas_writes(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"image": PICTURES, "text": pandas.Categorical([*TEXTS[:2], None])})
    frame.to_parquet(tmp_path / "lines.parquet")
    assert [text for _, _, text in opened(tmp_path / "lines.parquet")] == [*TEXTS[:2], None]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([[300], [1], [2]]), "its image is no list of bytes"),
        (pa.array([1.0, 2.0, 3.0]), "the column image holds double, not image bytes"),
        (pa.array([[[1]], [[2]], [[3]]]), "the column image holds list"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, column: pa.Array, reason: str) -> None:
    pq.write_table(pa.table({"image": column, "text": TEXTS}), tmp_path / "lines.parquet")
    with pytest.raises(DataError, match=reason):
        opened(tmp_path / "lines.parquet")


def test_labels_that_were_taken_for_dates_are_refused_with_a_way_out(tmp_path: Path) -> None:
    """See findings/datasets-labels-become-dates.sh."""
    days = pa.array([datetime(2026, 11, day) for day in (1, 2, 3)])
    pq.write_table(pa.table({"image": [b"a", b"b", b"c"], "text": days}), tmp_path / "lines.parquet")
    with pytest.raises(DataError, match=r"text holds timestamp\[us\], not text: .* name the folder of images"):
        opened(tmp_path / "lines.parquet")


def struct(paths: list[str], data: list[bytes | None], kind_of_bytes: pa.DataType | None = None) -> pa.Array:
    kind = pa.struct([("bytes", kind_of_bytes or pa.binary()), ("path", pa.string())])
    return pa.array([{"bytes": one, "path": path} for path, one in zip(paths, data, strict=True)], kind)


NO_BYTES: list[bytes | None] = [None] * 3


@pytest.mark.parametrize(
    "written", ["images/{}.png", "{folder}/images/{}.png", "D:\\old\\images\\{}.png", "images\\{}.PNG"]
)
@pytest.mark.parametrize("kind", ["text", "text view", "category", "struct", "struct of null", "struct of paths"])
def test_paths_lead_from_the_table_to_the_images(tmp_path: Path, written: str, kind: str) -> None:
    images(tmp_path / "set" / "images")
    paths = [written.replace("{folder}", str(tmp_path / "set")).replace("{}", str(i)) for i in range(3)]
    columns: dict[str, pa.Array] = {
        "text": pa.array(paths),
        "text view": pa.array(paths, pa.string_view()),
        "category": pa.array(paths).dictionary_encode(),
        "struct": struct(paths, NO_BYTES),
        "struct of null": struct(paths, NO_BYTES, pa.null()),
        "struct of paths": pa.array([{"path": path} for path in paths]),
    }
    pq.write_table(pa.table({"image": columns[kind], "text": TEXTS}), tmp_path / "set" / "lines.parquet")
    assert opened(tmp_path / "set" / "lines.parquet") == [(f"images/{n}", data, text) for n, data, text in EXPECTED]


def test_what_datasets_writes_of_an_image_folder(tmp_path: Path) -> None:
    """The table keeps the absolute paths of the machine that wrote it, and is moved with the images."""
    images(tmp_path / "made" / "images")
    rows = [{"image": str(tmp_path / "made" / "images" / name), "text": text} for name, _, text in EXPECTED]
    table = datasets.Dataset.from_list(rows).cast_column("image", datasets.Image())
    pq.write_table(table.data.table, tmp_path / "made" / "lines.parquet")
    shutil.move(tmp_path / "made", tmp_path / "moved")
    assert opened(tmp_path / "moved" / "lines.parquet") == [(f"images/{n}", data, text) for n, data, text in EXPECTED]


@pytest.mark.parametrize("column", ["file_name", "image"])
def test_a_folder_of_parts_and_a_table_of_file_names(tmp_path: Path, column: str) -> None:
    images(tmp_path / "set" / "images")
    (tmp_path / "set" / "data").mkdir()
    for row, text in enumerate(TEXTS):
        table = pa.table({column: [f"images/{row}.png"], "text": [text]})
        pq.write_table(table, tmp_path / "set" / "data" / f"{row}.parquet")
    expected = [(f"images/{name}", data, text) for name, data, text in EXPECTED]
    assert opened(tmp_path / "set" / "data") == expected
    shutil.move(tmp_path / "set" / "images", tmp_path / "set" / "data")
    assert opened(tmp_path / "set" / "data") == expected


def test_rows_with_bytes_rows_with_paths_and_rows_with_neither(tmp_path: Path) -> None:
    images(tmp_path / "images")
    column = struct(["a.png", "images/1.png", "images/9.png"], [PICTURES[0], None, None])
    pq.write_table(pa.table({"image": column, "text": TEXTS}), tmp_path / "lines.parquet")
    contents = open_contents(source_at(str(tmp_path / "lines.parquet"), "mine"), Path(), tmp_path)
    fetch = pickle.loads(pickle.dumps(contents.fetch))
    assert list(contents.names) == ["a.png", "images/1.png", "images/9.png"]
    assert [fetch(0), fetch(1)] == PICTURES[:2]
    with pytest.raises(DataError, match=r"images/9\.png: holds no image bytes, and .* no such file"):
        fetch(2)
    outside = struct(["/etc/hostname", "../x.png", ""], NO_BYTES)
    pq.write_table(pa.table({"image": outside, "text": TEXTS}), tmp_path / "lines.parquet")
    fetch = open_contents(source_at(str(tmp_path / "lines.parquet"), "mine"), Path(), tmp_path).fetch
    for row in range(3):
        with pytest.raises(DataError, match="holds no image bytes"):
            fetch(row)


def part(path: Path, row: int) -> None:
    table: dict[str, Any] = {"image": [PICTURES[row]], "text": [TEXTS[row]]}
    pq.write_table(pa.table(table), path)


@pytest.mark.parametrize(
    ("files", "splits", "pattern", "chosen"),
    [
        (["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"], "test .1., train .2.", "train-*", 2),
        (["train", "val"], "train .1., validation .1.", "train.parquet", 1),
        (["sroie-00000-of-00001", "iam-00000-of-00001"], "iam .1., sroie .1.", "sroie-*", 1),
        (["lines_dev_0", "lines_test_0", "lines_test_1"], "validation .1., test .2.", "lines_test_*", 2),
    ],
)
def test_splits_are_not_one_source_until_one_is_named(
    tmp_path: Path, files: list[str], splits: str, pattern: str, chosen: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for row, file in enumerate(files):
        part(folder / f"{file}.parquet", row)
    with pytest.raises(
        DataError, match=f"holds files of several splits: {splits}; name one of them, as in path: {folder}/"
    ):
        opened(folder)
    assert len(opened(folder / pattern, kind="parquet")) == chosen
    assert main(["import", f"{folder / pattern}", str(tmp_path / "out.parquet"), "--format", "parquet"]) == 0
    assert f"{chosen} line{'s' * (chosen != 1)} " in capsys.readouterr().out


def test_parts_of_one_split_and_parts_without_one_are_a_source(tmp_path: Path) -> None:
    for row, file in enumerate(["train-a", "train-b", "more"]):
        part(tmp_path / f"{file}.parquet", row)
    (tmp_path / "._train-a.parquet").write_bytes(b"\0")
    assert len(opened(tmp_path)) == 3


def test_tars_of_several_splits_are_told_apart(tmp_path: Path) -> None:
    folder = write_shards(tmp_path / "shards")
    (folder / "000.tar").rename(folder / "train-000.tar")
    (folder / "001.tar").rename(folder / "val-000.tar")
    with pytest.raises(DataError, match=r"several splits: train \(1\), validation \(1\)"):
        opened(folder)
    assert len(opened(folder / "train-*.tar")) == 2
