"""Sources in an object store, on fsspec's store in memory: the lines of files, read in ranges, faults named."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from distill.data.columns import SCHEMA
from distill.data.formats import stores
from distill.data.formats.opening import open_contents, open_source, source_at
from distill.data.formats.stores import AHEAD_BYTES, StoreError, is_url
from students.errors import DataError
from students.image import Preparation
from tests.samples import png_bytes

TEXTS: list[str | None] = ["one", "zwei", None, "four", "five"]
PICTURES = [png_bytes(seed=i) for i in range(len(TEXTS))]


@pytest.fixture
def store() -> Iterator[MemoryFileSystem]:
    memory = fsspec.filesystem("memory")
    yield memory
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def parquet_bytes(rows: range, row_group_size: int = 2) -> bytes:
    lines = [{"image": {"bytes": PICTURES[i], "path": f"{i}.png"}, "text": TEXTS[i]} for i in rows]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(lines, schema=SCHEMA), sink, row_group_size=row_group_size)
    return sink.getvalue()


def tar_bytes() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for i, (picture, text) in enumerate(zip(PICTURES, TEXTS, strict=True)):
            for suffix, data in (("png", picture), ("txt", text.encode() if text is not None else None)):
                if data is not None:
                    info = tarfile.TarInfo(f"{i}.{suffix}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def objects(kind: str) -> dict[str, bytes]:
    """One set of lines as the objects that hold them in a format."""
    match kind:
        case "parquet":
            return {"train-0.parquet": parquet_bytes(range(3)), "train-1.parquet": parquet_bytes(range(3, 5))}
        case "webdataset":
            return {"lines.tar": tar_bytes()}
    rows = "".join(f"{i}.png\t{text}\n" for i, text in enumerate(TEXTS) if text is not None)
    return {f"{i}.png": picture for i, picture in enumerate(PICTURES)} | {"labels.tsv": f"file\ttext\n{rows}".encode()}


@pytest.mark.parametrize("kind", ["parquet", "webdataset", "folder"])
def test_a_store_gives_the_lines_that_files_give(store: MemoryFileSystem, tmp_path: Path, kind: str) -> None:
    for name, data in objects(kind).items():
        store.pipe_file(f"/bucket/lines/{name}", data)
        (tmp_path / name).write_bytes(data)
    found = {}
    for where in ("memory://bucket/lines", str(tmp_path)):
        source = source_at(where, "lines")
        assert source.kind == kind
        lines, refused = open_source(source, Path(), tmp_path / "cache", Preparation())
        assert not refused
        found[where] = [(line.key, line.image, line.text) for line in map(lines.__getitem__, range(len(lines)))]
    stored, of_files = found.values()
    assert len(stored) == len(TEXTS) - (kind == "folder")
    assert stored == of_files


def test_only_the_row_group_of_a_line_is_read(store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    big = [bytes([i]) * 300_000 for i in range(8)]
    rows = [{"image": {"bytes": data, "path": str(i)}, "text": str(i)} for i, data in enumerate(big)]
    sink = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist(rows, schema=SCHEMA), sink, row_group_size=2, compression="none", use_dictionary=False
    )
    store.pipe_file("/bucket/big.parquet", sink.getvalue())
    asked = []
    ranged = stores._range
    monkeypatch.setattr(
        stores, "_range", lambda stored, start, end: asked.append(end - start) or ranged(stored, start, end)
    )
    contents = open_contents(source_at("memory://bucket/big.parquet", "big"), Path(), Path())
    assert contents.texts == [str(i) for i in range(8)]
    assert sum(asked) < 200_000  # foot, names and texts
    asked.clear()
    assert contents.fetch(5) == big[5]
    assert contents.fetch(4) == big[4]
    assert sum(asked) < 600_000 + AHEAD_BYTES


def test_ranges_that_follow_one_another_are_fetched_ahead(
    store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pipe_file("/bucket/one", bytes(range(256)) * 100)
    (stored,) = stores.parts_in_store("memory://bucket/one")
    asked = []
    ranged = stores._range
    monkeypatch.setattr(stores, "_range", lambda of, start, end: asked.append((start, end)) or ranged(of, start, end))
    assert stored.read(0, 100) == bytes(range(100))
    assert stored.read(100, 100) == bytes(range(100, 200))
    assert stored.read(512, 3) == bytes([0, 1, 2])
    assert stored.read(1, 1) == b"\1"
    assert asked == [(0, 100), (100, stored.n_bytes), (1, 2)]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("memory://nowhere/lines.parquet", "memory://nowhere/lines.parquet: the store has no such bucket, folder or"),
        ("memory://bucket/lines/none-*", "the store has no such bucket"),
        ("memory://bucket/lines/odd.parquet", "odd.parquet: has no column text"),
        ("memory://bucket/lines/cut.parquet", "cut.parquet: cannot be opened"),
        ("memory://bucket/lines/cut.tar", "cut.tar: .*write it anew"),
        ("memory://bucket/lines", "holds \\*.parquet and \\*.tar"),
        (
            "nosuchstore://bucket/lines.parquet",
            "nosuchstore://bucket/lines.parquet: cannot be read: Protocol not known",
        ),
    ],
)
def test_faults_of_a_store_are_told(store: MemoryFileSystem, where: str, message: str) -> None:
    odd = io.BytesIO()
    pq.write_table(pa.table({"image": [b"x"]}), odd)
    for name, data in {
        "odd.parquet": odd.getvalue(),
        "cut.parquet": parquet_bytes(range(3))[:-20],
        "cut.tar": tar_bytes()[:700],
    }.items():
        store.pipe_file(f"/bucket/lines/{name}", data)
    with pytest.raises(DataError, match=message):
        open_contents(source_at(where, "lines"), Path(), Path())


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stores_known(), "s3", {"class": "no_such_s3fs.S3FileSystem", "err": "Install s3fs"})
    monkeypatch.delitem(sys.modules, "s3fs", raising=False)
    with pytest.raises(DataError, match=r"s3:// needs a package that is missing: pip install no_such_s3fs"):
        open_contents(source_at("s3://bucket/lines.parquet", "lines"), Path(), Path())


def stores_known() -> dict[str, dict[str, str]]:
    from fsspec.registry import known_implementations

    return known_implementations


def test_other_formats_are_refused_in_a_store(store: MemoryFileSystem) -> None:
    store.pipe_file("/bucket/a.arrow", b"x")
    with pytest.raises(DataError, match="arrow cannot be read from a store; parquet, webdataset"):
        open_contents(source_at("memory://bucket/a.arrow", "lines", "arrow"), Path(), Path())


def test_an_object_that_changed_or_is_half_read_stops_the_work(
    store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pipe_file("/bucket/a.tar", tar_bytes())
    contents = open_contents(source_at("memory://bucket/a.tar", "lines"), Path(), Path())
    monkeypatch.setattr(MemoryFileSystem, "cat_file", lambda *_, start, end: b"x" * (end - start - 1))
    stores._window.cache_clear()
    with pytest.raises(StoreError, match=r"a.tar: gave [\d,]+ bytes from byte [\d,]+ on where [\d,]+ are listed"):
        contents.fetch(0)
    monkeypatch.undo()
    store.pipe_file("/bucket/a.tar", tar_bytes())  # as another process finds it: written anew
    stores._window.cache_clear()
    with pytest.raises(StoreError, match=r"a.tar: has changed since it was listed \(version .*\); start again"):
        contents.fetch(0)
    store.rm("/bucket/a.tar")
    stores._window.cache_clear()
    with pytest.raises(StoreError, match="no such bucket"):
        contents.fetch(0)


def test_a_store_that_keeps_its_listings_is_asked_anew(
    store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, kept = MemoryFileSystem.info, dict[str, object]()

    def info(self: MemoryFileSystem, path: str, **more: object) -> object:
        return kept.setdefault(path, asked(self, path, **more))

    monkeypatch.setattr(MemoryFileSystem, "info", info)
    monkeypatch.setattr(MemoryFileSystem, "invalidate_cache", lambda _, path: kept.pop(path, None))
    store.pipe_file("/bucket/a.tar", tar_bytes())
    contents = open_contents(source_at("memory://bucket/a.tar", "lines"), Path(), Path())
    store.pipe_file("/bucket/a.tar", tar_bytes())
    stores._window.cache_clear()
    with pytest.raises(StoreError, match=r"a.tar: has changed since it was listed"):
        contents.fetch(0)


def test_the_version_of_what_was_listed_goes_with_the_lines(store: MemoryFileSystem) -> None:
    versions = []
    for _ in range(2):
        store.pipe_file("/bucket/a.tar", tar_bytes())
        versions.append(open_contents(source_at("memory://bucket/a.tar", "lines"), Path(), Path()).version)
    assert versions[0] != versions[1]


def test_paths_and_the_hub_are_no_stores() -> None:
    assert is_url("s3://bucket/x")
    assert not any(map(is_url, ("C://x", "lines/x", "hf://user/name", "/a://b")))
