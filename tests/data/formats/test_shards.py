"""Tar shards as webdataset writes them, whole, cut and damaged."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest

from students.errors import DataError
from tests.three_images import EXPECTED, PICTURES, images, opened, write_shards


def test_tar_shards_give_their_samples_in_order(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "shards")
    expected = [(f"page.d/{name[:-4]}", image, text) for name, image, text in EXPECTED]
    assert opened(shards) == expected
    assert opened(shards / "000.tar") == expected[:2]
    (shards / "002.tar").write_bytes((shards / "000.tar").read_bytes())
    assert len(opened(shards)) == 5


def test_a_tar_cut_anywhere_is_noticed(tmp_path: Path) -> None:
    whole = (write_shards(tmp_path / "shards") / "000.tar").read_bytes()
    cut = tmp_path / "cut.tar"
    with tarfile.open(tmp_path / "shards" / "000.tar") as tar:
        ends = [member.offset_data + -(-member.size // 512) * 512 for member in tar]
    for n_bytes in (0, 100, *ends, *(end - 30 for end in ends), *(end + 100 for end in ends), ends[-1] + 511):
        cut.write_bytes(whole[:n_bytes])
        with pytest.raises(DataError, match=r"cut\.tar.*(cut short|damaged)"):
            opened(cut)
    damaged = bytearray(whole)
    damaged[ends[0] + 3] ^= 255  # in a header: the rest would silently be left out
    cut.write_bytes(damaged)
    with pytest.raises(DataError, match=r"cut\.tar: damaged at byte"):
        opened(cut)


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        ({"txt": "alone"}, r"1 sample has no image: last\.txt"),
        ({"png": PICTURES[0], "jpg": b"x"}, "last has 2 images: jpg, png"),
        ({"png": PICTURES[0], "txt": "one\ntwo"}, r"last\.txt: holds several lines"),
        ({"png": PICTURES[0], "txt": b"\xff"}, r"last\.txt: not UTF-8"),
        ({"png": PICTURES[0], "json": {"page": "x"}}, r"last\.json: no JSON object with a text"),
        ({"png": PICTURES[0], "json": {"text": 5}}, r"last\.json: the text is 5"),
    ],
)
def test_a_broken_sample_is_one_error(tmp_path: Path, sample: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        opened(write_shards(tmp_path / "shards", {"__key__": "last", **sample}))


def test_a_compressed_tar_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "zipped.tar", "w:gz") as tar:
        tar.add(images(tmp_path / "set"), "set")
    with pytest.raises(DataError, match="compressed or no tar"):
        opened(tmp_path / "zipped.tar")
