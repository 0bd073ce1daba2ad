"""Sources: every format opened, every malformation one clear error, nothing dropped in silence."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distill.data.columns import ColumnFetch
from distill.data.formats.opening import open_source
from distill.data.lines import joined
from distill.data.sources import SavedSource
from students.errors import DataError
from students.image import Preparation
from tests.line_files import many, opened, parquet, row
from tests.samples import png_bytes


def folder(root: Path, labels: bytes | None, images: int = 2) -> Path:
    path = root / "folder"
    path.mkdir()
    for i in range(images):
        (path / f"{i}.png").write_bytes(png_bytes(seed=i))
    if labels is not None:
        (path / "labels.tsv").write_bytes(labels)
    return path


def test_parquet_keeps_null_apart_from_empty_and_composes_characters(tmp_path: Path) -> None:
    parquet(tmp_path / "l.parquet", [row("e\u0301"), row(""), row(None)])
    lines, refused = opened(tmp_path, kind="parquet", path="l.parquet")
    assert lines.texts == ("é", "", None)
    assert lines.rewritten == {lines.keys[0]}
    assert lines.take([1, 2]).rewritten == set()
    assert lines.names[0] == "001_a.png"
    assert len(set(lines.keys)) == 3
    assert not refused
    assert lines[0].image == png_bytes()


def test_saved_and_parquet_and_folder_give_equal_lines(tmp_path: Path) -> None:
    rows = [row("one", "0.png", png_bytes(seed=0)), row("two", "1.png", png_bytes(seed=1))]
    parquet(tmp_path / "l.parquet", rows)
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))
    folder(tmp_path, b"file\ttext\n0.png\tone\r\n1.png\ttwo\n")
    digests = {
        opened(tmp_path, kind=kind, path=path)[0].digest
        for kind, path in (("parquet", "l.parquet"), ("saved", "saved"), ("folder", "folder"))
    }
    assert len(digests) == 1


def test_a_folder_without_labels_is_unlabelled(tmp_path: Path) -> None:
    folder(tmp_path, None, 3)
    lines, _ = opened(tmp_path, kind="folder", path="folder")
    assert lines.texts == (None, None, None)


def test_labels_can_be_dropped(tmp_path: Path) -> None:
    parquet(tmp_path / "l.parquet", [row("one")])
    assert opened(tmp_path, kind="parquet", path="l.parquet", drop_labels=True)[0].texts == (None,)


@pytest.mark.parametrize(
    ("labels", "images", "reason"),
    [
        (b"0.png\tone\n7.png\tx\n", 1, r"1 of 2 images cannot be found, the first: 7\.png"),
        (b"0.png one\n", 1, r"labels\.tsv:1: no tab"),
        (b"0.png\tone\n1.png\tt\0o\n", 2, r"labels\.tsv:2: holds a null byte"),
        (b"0.png\t\xff\xfe\n", 1, "not UTF-8"),
        (b"../0.png\tone\n", 1, "outside the folder"),
        (None, 0, "holds neither"),
    ],
)
def test_a_broken_folder_is_one_error(tmp_path: Path, labels: bytes | None, images: int, reason: str) -> None:
    folder(tmp_path, labels, images)
    with pytest.raises(DataError, match=reason):
        opened(tmp_path, kind="folder", path="folder")


@pytest.mark.parametrize("kind", ["parquet", "saved", "folder"])
def test_a_path_that_is_not_there_names_it_and_data_root(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DataError, match=r"nowhere.*data\.root"):
        opened(tmp_path, kind=kind, path="nowhere")


def test_a_hub_that_cannot_be_reached_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("Couldn't reach 'user/name' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(DataError, match=r"source mine: hf://user/name: cannot be opened: Couldn't reach"):
        opened(tmp_path, kind="hub", path="hf://user/name")


def test_parquet_without_text_or_damaged_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [b"x"], "label": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="has no column text; it has image, label"):
        opened(tmp_path, kind="parquet", path="other.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match=r"broken\.parquet: cannot be opened"):
        opened(tmp_path, kind="parquet", path="broken.parquet")


def test_lines_that_cannot_be_read_are_refused_by_name_and_the_rest_stays(tmp_path: Path) -> None:
    bad = [row("a", "cut.png", png_bytes()[:-300]), row("b", "text.jpg", b"hello"), row("c", "none.png", b"")]
    bad[2]["image"]["bytes"] = None
    bad.append(row("d", "wide.png", png_bytes(4, 4000)))
    parquet(tmp_path / "l.parquet", [row("good"), *bad])
    lines, refused = opened(tmp_path, kind="parquet", path="l.parquet")
    assert lines.texts == ("good",)
    assert [r.key.split("/")[1] for r in refused] == ["cut.png", "text.jpg", "none.png", "wide.png"]
    assert all(r.key in r.reason for r in refused)


def test_what_a_teacher_sees_does_not_depend_on_labels(tmp_path: Path) -> None:
    lines = many(["a.png", "b.png"], ["a", "b"], tmp_path)
    bare = replace(lines, texts=(None, "b"))
    assert bare.digest != lines.digest
    assert bare.digest_of_pictures == lines.digest_of_pictures != lines.take([1]).digest_of_pictures


def test_joined_lines_keep_their_order_and_images(tmp_path: Path) -> None:
    lines = many(["a", "b"], ["x", "y"], tmp_path)
    both = joined([lines, lines.take([1])])
    assert both.texts == ("x", "y", "y")
    assert both[2].image == lines[1].image


def test_lines_go_to_another_process_without_their_pictures(tmp_path: Path) -> None:
    pictures = [png_bytes(32, 200, i) for i in range(50)]
    table = datasets.Dataset.from_dict({"image": [{"bytes": p, "path": None} for p in pictures], "text": ["1"] * 50})
    table.save_to_disk(str(tmp_path / "saved"))
    lines, _ = open_source(SavedSource(name="s", path=str(tmp_path / "saved")), Path(), Path(), Preparation())
    sent = pickle.dumps(lines)
    assert len(sent) < sum(map(len, pictures)) / 20
    back = pickle.loads(sent)
    assert [back[i].image for i in range(50)] == pictures
    fetch = lines.fetch[0][0]
    assert isinstance(fetch, ColumnFetch)
    part = replace(fetch, data=replace(fetch.data, values=fetch.data.values[10:20]))  # its files hold more than it
    assert [pickle.loads(pickle.dumps(part))(row) for row in range(10)] == pictures[10:20]
