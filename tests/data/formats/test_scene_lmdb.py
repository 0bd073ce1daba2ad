"""LMDB sets of scene-text projects: the order of samples, in every process, and broken ones."""

from __future__ import annotations

import multiprocessing
import pickle
import re
from pathlib import Path

import lmdb
import pytest

from distill.cli import main
from distill.data.formats.opening import open_contents, source_at
from students.errors import DataError
from tests.three_images import EXPECTED, PICTURES, images, opened


def write_lmdb(path: Path, values: dict[str, bytes]) -> Path:
    with lmdb.open(str(path), map_size=2**20) as environment, environment.begin(write=True) as transaction:
        for key, value in values.items():
            transaction.put(key.encode(), value)
    return path


def samples() -> dict[str, bytes]:
    values = {"num-samples": b"3"}
    for number, (_, image, text) in enumerate(EXPECTED, 1):
        values |= {f"image-{number:09d}": image, f"label-{number:09d}": str(text).encode()}
    return values


def test_lmdb_gives_its_samples_in_their_order_in_every_process(tmp_path: Path) -> None:
    path = write_lmdb(tmp_path / "lmdb", samples())
    assert [line[1:] for line in opened(path)] == [line[1:] for line in EXPECTED]
    fetch = open_contents(source_at(str(path), "mine"), Path(), tmp_path).fetch
    assert len(pickle.dumps(fetch)) < 500
    with multiprocessing.get_context("fork").Pool(1) as forked:  # here the environment is open already
        assert forked.map(fetch, range(3)) == PICTURES
    with multiprocessing.get_context("spawn").Pool(1) as spawned:
        assert spawned.map(fetch, range(3)) == PICTURES
    assert fetch(0) == PICTURES[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"num-samples": None}, "has no key num-samples"),
        ({"num-samples": b"x"}, "num-samples is b'x', not a number"),
        ({"num-samples": b"4"}, "2 keys of 4 samples are missing: label-000000004, image-000000004"),
        ({"image-000000002": None}, "1 keys of 3 samples are missing: image-000000002"),
        ({"label-000000001": b"\xff"}, "label-000000001: not UTF-8"),
        ({"label-000000001": b"a\0"}, "label-000000001:1: holds a null byte"),
        ({"num-samples": b"0"}, "holds no lines"),
        ({"num-samples": b"999999999"}, "num-samples is 999999999, but it holds 7 keys"),
        ({"num-samples": b"9" * 5000}, "num-samples is 99999999999999999999, but it holds 7 keys"),
    ],
)
def test_a_broken_lmdb_is_one_error(tmp_path: Path, change: dict[str, bytes | None], reason: str) -> None:
    values = {key: value for key, value in (samples() | change).items() if value is not None}
    with pytest.raises(DataError, match=reason):
        opened(write_lmdb(tmp_path / "lmdb", values))


def test_what_is_no_lmdb_says_so(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"nothing of the kind" * 1000)
    with pytest.raises(DataError, match="not an LMDB: File is not"):
        opened(tmp_path)
    with pytest.raises(DataError, match="not an LMDB"):
        opened(images(tmp_path / "set"), kind="lmdb")
    data = write_lmdb(tmp_path / "cut", samples()) / "data.mdb"
    data.write_bytes(data.read_bytes()[:-4096])
    with pytest.raises(DataError, match="cut short"):
        opened(tmp_path / "cut")


def test_an_lmdb_of_images_alone_is_unlabelled(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    values = {key: value for key, value in samples().items() if not key.startswith("label")}
    path = write_lmdb(tmp_path / "lmdb", values)
    assert [line[1:] for line in opened(path)] == [(image, None) for _, image, _ in EXPECTED]
    assert not caplog.records


@pytest.mark.parametrize("missing", [["label-000000001"], ["label-000000002", "label-000000003"]])
def test_missing_labels_are_named_and_their_lines_unlabelled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, missing: list[str]
) -> None:
    values = {key: value for key, value in samples().items() if key not in missing}
    texts = [None if f"label-{i:09d}" in missing else text for i, (_, _, text) in enumerate(EXPECTED, 1)]
    assert [text for _, _, text in opened(write_lmdb(tmp_path / "lmdb", values))] == texts
    assert f"{len(missing)} of 3 labels are missing, and their lines unlabelled: {', '.join(missing)}" in caplog.text


@pytest.mark.parametrize(("label", "reason"), [(b"\xff", "not UTF-8"), (b"a\0", "null byte")])
def test_a_label_that_cannot_be_read_refuses_its_line_alone(
    tmp_path: Path, label: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_lmdb(tmp_path / "lmdb", samples() | {"label-000000002": label})
    assert main(["import", str(path), str(tmp_path / "out.parquet")]) == 1
    said = capsys.readouterr().out
    assert "2 lines (2 labelled, 0 unlabelled)" in said
    assert "1 refused" in said
    assert re.search(f"refused: .*label-000000002:.*{reason}", said)
