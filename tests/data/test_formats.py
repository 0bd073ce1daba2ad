"""Readers of folders, tables, LMDB and tar shards: each on what the format's own library wrote, and on broken ones."""

from __future__ import annotations

import csv
import json
import multiprocessing
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import lmdb
import pyarrow as pa
import pytest
import webdataset

from distill.data.formats.opening import open_contents, source_at
from students.errors import DataError
from tests.samples import png_bytes

PICTURES = [png_bytes(8, 20, seed) for seed in range(3)]
TEXTS = ["one", 'two, "quoted"', "größe drei"]


def opened(path: Path | str, **settings: Any) -> list[tuple[str, bytes, str | None]]:
    """Names, images and texts of what a path is detected as."""
    contents = open_contents(source_at(str(path), "mine", **settings), Path(), Path(path).parent / "cache")
    return [
        (name, contents.fetch(row), text)
        for row, (name, text) in enumerate(zip(contents.names, contents.texts, strict=True))
    ]


def images(folder: Path, n: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        (folder / f"{i}.png").write_bytes(PICTURES[i])
    return folder


EXPECTED: list[tuple[str, bytes, str | None]] = [(f"{i}.png", PICTURES[i], text) for i, text in enumerate(TEXTS)]


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


def write_tabs(path: Path) -> None:
    path.write_text("".join(f"{name}\t{text}\r\n" for name, _, text in EXPECTED), "utf-8-sig", newline="")


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
    with pytest.raises(DataError, match=r"1 texts have no image of their name: 9\.gt\.txt"):
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
        ("labels.csv", "image,words\n", r"labels\.csv:1: needs exactly one of file.*; it has image, words"),
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
        ("rec_gt.txt", "9.png\ta\n", "1 of 1 images do not exist"),
    ],
)
def test_a_broken_label_file_is_one_error_at_its_place(tmp_path: Path, file: str, content: str, reason: str) -> None:
    (images(tmp_path / "set") / file).write_text(content, "utf-8")
    with pytest.raises(DataError, match=f"(?s)source mine: .*{reason}"):
        opened(tmp_path / "set")


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


def write_shards(folder: Path, extra: dict[str, Any] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    with webdataset.ShardWriter(f"{folder}/%03d.tar", maxcount=2, verbose=0) as shards:
        for i, (name, image, text) in enumerate(EXPECTED):
            label = {"json": {"text": text, "page": 3}} if i == 1 else {"txt": text}
            shards.write({"__key__": f"page.d/{name[:-4]}", "png": image, **label})
        if extra:
            shards.write(extra)
    return folder


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
        ({"txt": "alone"}, r"1 samples have no image: last\.txt"),
        ({"png": PICTURES[0], "jpg": b"x"}, "last has 2 images: jpg, png"),
        ({"png": PICTURES[0], "txt": "one\ntwo"}, r"last\.txt: holds several lines"),
        ({"png": PICTURES[0], "txt": b"\xff"}, r"last\.txt: not UTF-8"),
        ({"png": PICTURES[0], "json": {"words": "x"}}, r"last\.json: no JSON object with a text"),
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
    with pytest.raises(DataError, match="as folder: split"):
        opened(tmp_path / "set", kind="folder", split="train")
    with pytest.raises(DataError, match="as hub: path"):
        source_at("hf://one", "mine")
