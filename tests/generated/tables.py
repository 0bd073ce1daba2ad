"""Tables and archives of lines: Parquet, Arrow, LMDB, tar, in unusual but valid forms."""

from __future__ import annotations

import io
import tarfile
from functools import partial
from pathlib import Path, PurePosixPath

import lmdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from tests.generated.labels import BOM, bits, dumped, unlabelled_too
from tests.generated.texts import Made, lines, named_pictures


def table_of(draw: st.DrawFn, pictures: dict[str, bytes], texts: list[str | None]) -> pa.Table:
    """Columns image and text in any order and of any of their types, and others."""
    binary = draw(st.sampled_from([pa.binary(), pa.large_binary()]))
    fields = draw(st.permutations([("bytes", binary), ("path", pa.string())]))
    images = [{"bytes": data, "path": name} for name, data in pictures.items()]
    columns = {
        "image": pa.array(images, pa.struct(fields)),
        "text": pa.array(texts, draw(st.sampled_from([pa.string(), pa.large_string()]))),
        **draw(st.sampled_from([{}, {"split": pa.array(["train"] * len(texts))}])),
    }
    return pa.table({name: columns[name] for name in draw(st.permutations(sorted(columns)))})


@st.composite
def parquet(draw: st.DrawFn) -> Made:
    """One file, or several in a folder, of any compression and size of row groups."""
    pictures = draw(named_pictures())
    texts = [draw(unlabelled_too) for _ in pictures]
    table = table_of(draw, pictures, texts)
    cut = draw(st.integers(0, len(texts) - 1))
    parts = {"part-0.parquet": table.slice(0, cut), "part-1.parquet": table.slice(cut)} if cut else {"a.parquet": table}
    compression = draw(st.sampled_from(["none", "snappy", "zstd", "gzip"]))
    files = {}
    for name, part in parts.items():
        buffer = io.BytesIO()
        pq.write_table(part, buffer, compression=compression, row_group_size=draw(st.integers(1, 3)))
        files[name] = buffer.getvalue()
    return Made("parquet", files, texts, list(pictures))


@st.composite
def arrow(draw: st.DrawFn) -> Made:
    """An IPC stream or file."""
    pictures = draw(named_pictures())
    texts = [draw(unlabelled_too) for _ in pictures]
    table = table_of(draw, pictures, texts)
    buffer = io.BytesIO()
    with draw(st.sampled_from([pa.ipc.new_stream, pa.ipc.new_file]))(buffer, table.schema) as writer:
        writer.write_table(table, max_chunksize=draw(st.integers(1, 3)))
    return Made("arrow", {"data.arrow": buffer.getvalue()}, texts, list(pictures))


def write_lmdb(values: dict[bytes, bytes], folder: Path) -> None:
    """Write an LMDB."""
    with lmdb.open(str(folder), map_size=2**24) as environment, environment.begin(write=True) as transaction:
        for key, value in values.items():
            transaction.put(key, value)


@st.composite
def scene_lmdb(draw: st.DrawFn) -> Made:
    """With names of lines or without, and keys that nobody asked for."""
    pictures = draw(named_pictures())
    texts = [draw(lines) for _ in pictures]
    values = {b"num-samples": str(len(texts)).encode()}
    with_paths = draw(bits)
    for number, (name, data, text) in enumerate(zip(pictures, pictures.values(), texts, strict=True), 1):
        values |= {b"image-%09d" % number: data, b"label-%09d" % number: text.encode()}
        values |= {b"path-%09d" % number: name.encode()} if with_paths else {}
        values |= {b"wh-%09d" % number: b"40_12"} if draw(bits) else {}
    return Made("lmdb", {}, list(texts), list(pictures) if with_paths else None, build=partial(write_lmdb, values))


@st.composite
def tar(draw: st.DrawFn) -> Made:
    """Image and text of one name, or an object with the text, in any order and dialect, folders named or not."""
    pictures = draw(named_pictures())
    samples = {str(PurePosixPath(name).with_suffix("")).replace(".", "_"): name for name in pictures}
    texts = [draw(unlabelled_too) for _ in samples]
    buffer = io.BytesIO()
    dialect = draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
    with tarfile.open(fileobj=buffer, mode="w", format=dialect) as archive:
        for (sample, name), text in zip(samples.items(), texts, strict=True):
            members = {f"{sample}{PurePosixPath(name).suffix}": pictures[name]}
            if text is not None and draw(bits):
                members[f"{sample}.txt"] = (BOM if draw(bits) else b"") + (
                    text + draw(st.sampled_from(["", "\n"]))
                ).encode()
            elif text is not None:
                members[f"{sample}.json"] = dumped(draw, {"id": 1, "text": text}).encode()
            members |= {f"{sample}.cls": b"3"} if draw(bits) else {}
            for member in draw(st.permutations(sorted(members))):
                info = tarfile.TarInfo(member)
                info.size = len(members[member])
                archive.addfile(info, io.BytesIO(members[member]))
    return Made("tar", {"shard-000.tar": buffer.getvalue()}, texts)
