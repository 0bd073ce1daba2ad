"""Tables of the library datasets: Arrow files, folders of parts, and a stream from the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest

from distill.data.formats.opening import open_contents, source_at
from students.errors import DataError
from tests.three_images import EXPECTED, PICTURES, TEXTS, opened


def rows() -> list[dict[str, Any]]:
    return [{"image": {"bytes": data, "path": name}, "text": text} for name, data, text in EXPECTED]


def test_arrow_files_of_both_kinds_and_folders_of_parts_keep_their_order(tmp_path: Path) -> None:
    table = datasets.Dataset.from_list(rows())
    table.save_to_disk(str(tmp_path / "saved"), num_shards=2)
    assert opened(tmp_path / "saved") == EXPECTED
    assert opened(tmp_path / "saved", kind="arrow") == EXPECTED
    with pa.OSFile(str(tmp_path / "file.arrow"), "wb") as file, pa.ipc.new_file(file, table.data.schema) as writer:
        writer.write_table(table.data.table)
    assert opened(tmp_path / "file.arrow") == EXPECTED
    (tmp_path / "parts").mkdir()
    table.select([0]).to_parquet(str(tmp_path / "parts" / "a.parquet"))
    table.select([1, 2]).to_parquet(str(tmp_path / "parts" / "b.parquet"))
    assert opened(tmp_path / "parts") == EXPECTED
    (tmp_path / "cut.arrow").write_bytes((tmp_path / "file.arrow").read_bytes()[:-200])
    with pytest.raises(DataError, match=r"cut\.arrow: cannot be opened"):
        opened(tmp_path / "cut.arrow")


def test_a_streamed_hub_keeps_the_order_and_is_streamed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = datasets.Features({"image": datasets.Image(), "text": datasets.Value("string")})
    table = datasets.Dataset.from_list(rows() * 4, features=pictures)
    for shard in range(3):
        table.shard(3, shard, contiguous=True).to_parquet(str(tmp_path / f"{shard}.parquet"))
    load, asked = datasets.load_dataset, []

    def local(name: str, **settings: Any) -> Any:
        asked.append(name)
        files = sorted(str(p) for p in tmp_path.glob("?.parquet"))
        return load("parquet", data_files=files, split="train", streaming=settings["streaming"])

    monkeypatch.setattr(datasets, "load_dataset", local)
    source = source_at("hf://user/name", "mine", streaming=True)
    for _ in range(2):
        contents = open_contents(source, Path(), tmp_path / "cache")
        assert list(contents.texts) == TEXTS * 4
        assert contents.fetch(4) == PICTURES[1]
    assert asked == ["user/name"]
    first = source_at("hf://user/name", "mine", streaming=True, first_lines=5)
    assert list(open_contents(first, Path(), tmp_path / "cache").texts) == (TEXTS * 2)[:5]


def test_a_stream_that_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        yield rows()[0]
        raise ConnectionError("the line went dead")

    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.IterableDataset.from_generator(broken))
    source = source_at("hf://user/name", "mine", streaming=True)
    with pytest.raises(DataError, match="hf://user/name: cannot be opened: the line went dead"):
        open_contents(source, Path(), tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
