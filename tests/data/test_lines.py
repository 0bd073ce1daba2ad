"""Sources: every format opened, every malformation one clear error, nothing dropped in silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from distill.data.lines import Lines, Refusal, joined, open_source
from distill.data.sources import FileSource
from distill.recipe.sections import CharsetChoice, Cut, Policies, Unlabel
from distill.runs.pools import (
    choose_charset,
    cut_by_document,
    without_infeasible,
    without_labels,
    without_misleading,
)
from students.errors import DataError
from students.image import Preparation
from tests.samples import png_bytes

SOURCES: TypeAdapter[FileSource] = TypeAdapter(FileSource)


def opened(root: Path, **source: Any) -> tuple[Lines, list[Refusal]]:
    return open_source(SOURCES.validate_python({"name": "mine", **source}), root, root / "cache", Preparation())


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def row(text: str | None, name: str = "001_a.png", data: bytes | None = None) -> dict[str, Any]:
    return {"image": {"bytes": data or png_bytes(), "path": name}, "text": text}


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
        (b"0.png\tone\n7.png\tx\n", 1, r"1 of 2 images do not exist, the first: 7\.png"),
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


def many(names: list[str], texts: list[str | None], tmp_path: Path) -> Lines:
    rows = [row(text, name, png_bytes(seed=i)) for i, (name, text) in enumerate(zip(names, texts, strict=True))]
    parquet(tmp_path / "many.parquet", rows)
    return opened(tmp_path, kind="parquet", path="many.parquet")[0]


def test_validation_is_cut_by_document_never_through_one(tmp_path: Path) -> None:
    names = [f"{d:03d}_{i}.png" for d in range(10) for i in range(3)]
    lines = many(names, [None if n.endswith("2.png") else n for n in names], tmp_path)
    train, validation, aside = cut_by_document(lines, Cut(share=0.25, document=r"^(\d{3})"), seed=0)
    assert len(aside) == 3  # the unlabelled lines of three documents
    assert len(train) + len(validation) + len(aside) == len(lines)
    documents = [{name[:3] for name in part.names} for part in (train, validation)]
    assert not documents[0] & documents[1]
    assert len(documents[1]) == 3
    assert None not in validation.texts
    assert cut_by_document(lines, Cut(share=0.25, document=r"^(\d{3})"), seed=0)[1].keys == validation.keys
    with pytest.raises(DataError, match="at least two"):
        cut_by_document(lines, Cut(document="^(0)"), seed=0)
    with pytest.raises(DataError, match="finds no document"):
        cut_by_document(lines, Cut(document="^x"), seed=0)


def test_whole_documents_of_the_named_sources_lose_their_labels_and_no_line(tmp_path: Path) -> None:
    names = [f"{d:03d}_{i}.png" for d in range(10) for i in range(3)]
    lines = many(names, list(names), tmp_path)
    half = Unlabel(share=0.5, document=r"^(\d{3})", sources=tuple({*lines.sources}))
    stripped = without_labels(lines, half, seed=0)
    assert stripped.keys == lines.keys
    bare = {name[:3] for name, text in zip(stripped.names, stripped.texts, strict=True) if text is None}
    assert len(bare) == 5
    assert all((text is None) == (name[:3] in bare) for name, text in zip(stripped.names, stripped.texts, strict=True))
    assert without_labels(lines, half, seed=0).texts == stripped.texts != without_labels(lines, half, seed=1).texts
    every = Unlabel(share=1, document=r"^(\d{3})", sources=half.sources)
    assert without_labels(lines, every, seed=0).texts == (None,) * len(lines)
    with pytest.raises(DataError, match="unlabel: 0 documents"):
        without_labels(lines, Unlabel(sources=("another",)), seed=0)


def test_what_a_teacher_sees_does_not_depend_on_labels(tmp_path: Path) -> None:
    lines = many(["a.png", "b.png"], ["a", "b"], tmp_path)
    bare = replace(lines, texts=(None, "b"))
    assert bare.digest != lines.digest
    assert bare.digest_of_pictures == lines.digest_of_pictures != lines.take([1]).digest_of_pictures


def test_a_label_longer_than_its_frames_is_refused_by_name(tmp_path: Path) -> None:
    lines = many(["a", "b", "c", "d"], ["abcd", "aabb", "abcde", None], tmp_path)
    refused: list[Refusal] = []
    n_frames = {int(lines.padded_width_px[0]): 5}
    kept = without_infeasible(lines, n_frames, refused)
    assert kept.texts == ("abcd", "abcde", None)
    assert "'aabb' needs 6 frames, the line has 5" in refused[0].reason


@pytest.mark.parametrize("policy", ["drop", "keep", "fail"])
def test_lines_that_would_mislead_meet_the_policy_by_name(policy: str, tmp_path: Path) -> None:
    labels_and_pictures = [("a", 0), ("b", 0), ("", 1), ("c", 2), ("d", 3)]
    rows = [row(text, f"{i}.png", png_bytes(seed=seed)) for i, (text, seed) in enumerate(labels_and_pictures)]
    parquet(tmp_path / "l.parquet", rows)
    parquet(tmp_path / "t.parquet", [row("c", "t.png", png_bytes(seed=2))])
    train, _ = opened(tmp_path, kind="parquet", path="l.parquet")
    test, _ = opened(tmp_path, kind="parquet", path="t.parquet")
    refused: dict[str, list[Refusal]] = {}
    policies = Policies(empty=policy, leaked=policy, contradictory=policy)  # type: ignore[arg-type]
    if policy == "fail":
        with pytest.raises(DataError, match=r"policies\.empty=fail(.|\n)*2\.png"):
            without_misleading(train, test, policies, refused)
        return
    kept = without_misleading(train, test, policies, refused)
    named = {part: [r.key for r in of_part] for part, of_part in refused.items()}
    if policy == "keep":
        assert (kept.texts, named) == (train.texts, {})
    else:
        assert kept.texts == ("d",)
        assert named["train: empty"] == ["mine/2.png"]
        assert named["train: leaked"] == ["mine/3.png"]
        assert named["train: contradictory"] == ["mine/0.png", "mine/1.png"]


def test_labels_of_two_forms_contradict_only_where_both_tell(tmp_path: Path) -> None:
    for name, texts in (("exact", ["Total", "Sum"]), ("loud", ["TOTAL", "SUN"])):
        parquet(tmp_path / f"{name}.parquet", [row(t, f"{i}.png", png_bytes(seed=i)) for i, t in enumerate(texts)])
    exact, _ = opened(tmp_path, kind="parquet", path="exact.parquet")
    loud, _ = opened(tmp_path, kind="parquet", path="loud.parquet", name="loud", label_form="caseless")
    kept = without_misleading(joined([exact, loud]), exact.take([]), Policies(), {})
    assert kept.texts == ("Total", "TOTAL")


def test_two_cases_of_a_letter_are_one_label_and_need_a_frame_between(tmp_path: Path) -> None:
    rows = [row("Don't!", "a.png"), row("DONT", "b.png"), row("aA", "c.png", png_bytes(seed=3))]
    parquet(tmp_path / "l.parquet", rows)
    lines, _ = opened(tmp_path, kind="parquet", path="l.parquet", label_form="caseless_no_punctuation")
    assert lines.texts == ("Dont", "DONT", "aA")
    assert without_misleading(lines, lines.take([]), Policies(), {}).texts == lines.texts
    refused: list[Refusal] = []
    without_infeasible(lines.take([2]), {int(lines.padded_width_px[2]): 2}, refused)
    assert "needs 3 frames" in refused[0].reason
    with pytest.raises(DataError, match="infeasible=fail"):
        without_infeasible(lines.take([2]), {int(lines.padded_width_px[2]): 2}, [], "fail")


def test_the_space_belongs_to_a_built_charset() -> None:
    assert choose_charset(["ba", None], CharsetChoice()).characters == " ab"
    assert choose_charset(["ba"], CharsetChoice(characters="xyz")).characters == "xyz"


def test_joined_lines_keep_their_order_and_images(tmp_path: Path) -> None:
    lines = many(["a", "b"], ["x", "y"], tmp_path)
    both = joined([lines, lines.take([1])])
    assert both.texts == ("x", "y", "y")
    assert both[2].image == lines[1].image
