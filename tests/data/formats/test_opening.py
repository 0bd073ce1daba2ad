"""Which format a path is: what is not clear is refused, not guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.data.formats.opening import source_at
from students.errors import DataError
from tests.three_images import EXPECTED, images, opened, write_shards, write_tabs


def test_a_path_that_says_too_little_or_too_much_is_not_guessed(tmp_path: Path) -> None:
    write_tabs(images(tmp_path / "set") / "labels.tsv")
    write_shards(tmp_path / "set")
    with pytest.raises(DataError, match=r"holds \*\.tar \(webdataset\) and labels\.tsv \(folder\); name the file"):
        opened(tmp_path / "set")
    assert opened(tmp_path / "set", kind="folder") == EXPECTED
    (tmp_path / "lines.bin").write_bytes(b"x")
    with pytest.raises(DataError, match="its format is not known by its name"):
        opened(tmp_path / "lines.bin")
    with pytest.raises(DataError, match="no such file or folder"):
        opened(tmp_path / "nowhere")
    with pytest.raises(DataError, match="folder, which knows no split; leave it out"):
        opened(tmp_path / "set", kind="folder", split="train")
    with pytest.raises(DataError, match="hf://one: as hub: an address on the hub is hf://user/name"):
        source_at("hf://one", "mine")
    with pytest.raises(DataError, match="set: as pages: unmatched is about lines that a locator finds"):
        source_at(str(tmp_path / "set"), "mine", kind="pages", unmatched="keep")


@pytest.mark.parametrize(("name", "own"), [("a b²/é", "a_b__é"), ("½", "_"), ("", "data"), ("名前-1.x", "名前-1.x")])
def test_any_name_of_a_file_makes_the_name_of_a_source(tmp_path: Path, name: str, own: str) -> None:
    assert source_at(str(tmp_path), name).name == own
