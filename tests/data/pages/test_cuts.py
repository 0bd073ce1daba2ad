"""Lines cut as a page reader cuts them: texts of the marked lines that they match, and what happens to the rest."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydantic import ValidationError

import teachers
from distill.cli import main
from distill.data.formats.contents import Contents
from distill.data.formats.opening import open_contents
from distill.data.pages.jitter import moved
from distill.data.sources import PagesSource
from students.errors import CheckpointError, DataError
from students.image import decode_image
from students.pages.cutting import cut
from students.pages.reader import PageReader, lines_of
from tests.marked_pages import IdealLocator, drawn, level
from tests.pages import write_small_locator

SIZE = (400, 300)
BOXES = [(40, 60, 300, 84), (40, 110, 260, 134), (40, 160, 200, 184)]
TEXTS = ["alpha", "beta", None]
BELOW = (60, 240, 300, 264)


def page(folder: Path, lines: list[dict[str, Any]] | None, name: str = "p1.png") -> Path:
    """A page with three bars and one below, and what marks it."""
    folder.mkdir(exist_ok=True)
    Image.fromarray(drawn(SIZE, [level(*box) for box in (*BOXES, BELOW)])).save(folder / name)
    (folder / "pages.json").write_text(json.dumps([{"file": name, "lines": lines}]))
    return folder


def marks() -> list[dict[str, Any]]:
    return [{"box": box, "text": text} for box, text in zip(BOXES, TEXTS, strict=True)]


@pytest.fixture
def located(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let every locator be one that finds these boxes; return what sets them."""

    def at(*boxes: tuple[float, float, float, float], **finding: float) -> IdealLocator:
        locator = IdealLocator(np.array([level(*box) for box in boxes]), **finding)
        monkeypatch.setattr(teachers, "load_locator", lambda _: locator)
        return locator

    return at


def contents_of(path: Path, **settings: Any) -> Contents:
    return open_contents(PagesSource(name="mine", path=str(path), **settings), Path(), path)


def texts_by_name(contents: Contents) -> dict[str, str | None]:
    return dict(zip(contents.names, contents.texts, strict=True))


def test_found_lines_have_the_texts_of_those_they_match(tmp_path: Path, located: Any) -> None:
    page(tmp_path, marks())
    located(*((left - 3, top + 2, right + 4, bottom) for left, top, right, bottom in BOXES))
    found = texts_by_name(contents_of(tmp_path, locator="mine"))
    assert found == {"p1/found-0000": "alpha", "p1/found-0001": "beta", "p1/found-0002": None}


@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_pixels_are_those_that_a_page_reader_gives_its_recogniser(tmp_path: Path, located: Any, margin: float) -> None:
    locator = located(*BOXES, margin=margin)
    contents = contents_of(page(tmp_path, marks()), locator="mine")
    page_HWC = decode_image(tmp_path / "p1.png")
    given: list[np.ndarray] = []

    class Recogniser:
        class description:
            class preparation:
                channels = 3

        def read_each(self, lines: list[np.ndarray], *_: object) -> list[DataError]:
            given.extend(lines)
            return [DataError("not read")] * len(lines)

    PageReader(locator, Recogniser()).read_found(page_HWC, lines_of(locator, page_HWC))  # type: ignore[arg-type]
    cuts = [decode_image(contents.fetch(row)) for row in range(len(contents.names))]
    assert len(given) == len(cuts) == 3
    assert all(np.array_equal(one, other) for one, other in zip(given, cuts, strict=True))
    assert cuts[0].shape[0] == pytest.approx(24 + 2 * round(24 * margin), abs=3)


def test_what_is_left_out_is_counted_and_named(tmp_path: Path, located: Any, caplog: pytest.LogCaptureFixture) -> None:
    lines = [
        *marks(),
        {"box": [40, 10, 140, 34], "text": "left"},
        {"box": [150, 10, 200, 34], "text": "right"},
        {"box": [300, 160, 390, 184], "text": "###"},
    ]
    page(tmp_path, lines)
    located(
        (40, 60, 230, 84),  # seven tenths of "alpha"
        (40, 160, 200, 184),
        (40, 10, 200, 34),  # two lines
        (302, 160, 388, 184),  # what cannot be read
        BELOW,  # what nobody marked
    )
    with caplog.at_level(logging.WARNING):
        found = texts_by_name(contents_of(tmp_path, locator="mine"))
    said = [record.getMessage() for record in caplog.records]
    assert found == {"p1/found-0002": None}
    for what, name in {
        "found lines that end elsewhere than their marked one, left out": "p1/found-0001",
        "found lines that hold several marked ones, left out": "p1/found-0000",
        "found lines in what is marked as not to be read, left out": "p1/found-0003",
        "found lines that match no marked one, left out": "p1/found-0004",
    }.items():
        assert any(f"{what}: 1 ({name})" in message for message in said), what
    assert any("marked lines that the locator does not find: 2 (p1/0001, p1/0004)" in message for message in said)


def test_lines_that_touch_no_marked_one_are_kept_if_wanted(tmp_path: Path, located: Any) -> None:
    page(tmp_path, marks())
    located(*BOXES[:2], BELOW, (250, 160, 390, 184), (190, 164, 230, 190))
    kept = texts_by_name(contents_of(tmp_path, locator="mine", unmatched="keep"))
    assert sorted(kept.items()) == [
        ("p1/found-0000", "alpha"),
        ("p1/found-0001", "beta"),
        ("p1/found-0003", None),
        ("p1/found-0004", None),
    ]


@pytest.mark.parametrize("unmarked", ["no list", "lines: null", "drop_labels"])
def test_every_line_found_on_an_unmarked_page_is_unlabelled(tmp_path: Path, located: Any, unmarked: str) -> None:
    page(tmp_path, marks() if unmarked == "drop_labels" else None)
    if unmarked == "no list":
        (tmp_path / "pages.json").unlink()
    located(*BOXES, BELOW)
    found = texts_by_name(contents_of(tmp_path, locator="mine", drop_labels=unmarked == "drop_labels"))
    assert found == {f"p1/found-{n:04d}": None for n in range(4)}


def test_versions_of_marked_lines_stand_beside_found_ones(tmp_path: Path, located: Any) -> None:
    page(tmp_path, [*marks(), {"box": [310, 60, 390, 84], "text": "###"}])
    located(BOXES[0])
    contents = contents_of(tmp_path, locator="mine", jitter={"versions": 2})
    assert texts_by_name(contents) == {
        **{f"p1/{n:04d}~{version}": text for n, text in enumerate(TEXTS) for version in (1, 2)},
        "p1/found-0000": "alpha",
    }


def test_marked_lines_are_cut_with_their_boxes_moved(tmp_path: Path) -> None:
    page(tmp_path, marks())
    source = PagesSource(name="mine", path=str(tmp_path), jitter={"margin": 0.5, "seed": 3})
    assert source.jitter is not None
    contents = open_contents(source, Path(), tmp_path)
    corners_42 = moved(level(*BOXES[1]), source.jitter, "p1/0001", 1)
    height = np.hypot(*(corners_42[3] - corners_42[0]))
    expected = cut(decode_image(tmp_path / "p1.png"), corners_42, round(0.5 * height))
    assert np.array_equal(decode_image(pickle.loads(pickle.dumps(contents.fetch))(1)), expected)


def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path) -> None:
    page(tmp_path, [*marks(), {"box": [10, 5, 60, 5], "text": "flat"}])
    contents = contents_of(tmp_path, jitter={})
    assert contents.names[-1] == "p1/0003"
    with pytest.raises(DataError, match="has no height"):
        contents.fetch(len(contents.names) - 1)


def test_pages_without_a_line_to_cut_say_so(tmp_path: Path, located: Any) -> None:
    page(tmp_path, marks())
    located()
    with pytest.raises(DataError, match=r"source mine: .*shop finds no line that can be used"):
        contents_of(tmp_path, locator="shop")
    page(tmp_path, None)
    with pytest.raises(DataError, match=r"source mine: .*no line is marked.*name a locator"):
        contents_of(tmp_path, jitter={})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"locator": "a", "margin_px": 2}, "the margin of a locator stands in its file"),
        ({"unmatched": "keep"}, "name the locator"),
        ({"locator": "a", "jitter": {"margin": 0.1}}, "the locator's file gives the margin"),
        ({"locator": "a", "jitter": {}, "drop_labels": True}, "drop_labels leaves no marked lines"),
        ({"jitter": {"versions": 0}}, "greater than or equal to 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PagesSource(name="mine", path="x", **settings)


def test_sources_without_these_keys_keep_their_digest() -> None:
    written = PagesSource(name="mine", path="x").model_dump()
    assert set(written) == {"kind", "name", "path", "margin_px", "drop_labels", "label_form", "augment"}


def test_import_writes_lines_as_a_locator_finds_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A true, untrained locator, whose maps show something, on a page of noise that nobody marked."""
    locator = write_small_locator(tmp_path / "small.safetensors")
    folder = tmp_path / "pages"
    folder.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8)).save(folder / "p1.png")
    out = tmp_path / "lines.parquet"
    assert main(["import", str(folder), str(out), "--locator", str(locator), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    rows = pq.read_table(out).to_pylist()
    assert result["lines"] == result["unlabelled"] == len(rows) == len(found_by(locator, folder / "p1.png")) > 0
    assert [row["image"]["path"] for row in rows] == [f"p1/found-{n:04d}" for n in range(len(rows))]


def found_by(locator: Path, image: Path) -> list[Any]:
    return lines_of(teachers.load_locator(locator), decode_image(image))


def test_import_writes_versions_of_marked_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = page(tmp_path / "pages", marks())
    assert main(["import", str(folder), str(tmp_path / "out.parquet"), "--jitter", "3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["labelled"], result["unlabelled"], result["format"]) == (6, 3, "pages")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--jitter", "0"], "versions: Input should be greater than or equal to 1"),
        (["--format", "folder", "--jitter", "1"], "--locator and --jitter are for pages"),
        (["--locator", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--locator", "receipts"], "reads lines, not a locator"),
    ],
)
def test_bad_options_leave_nothing_behind(
    tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = page(tmp_path / "pages", marks())
    assert main(["import", str(folder), str(tmp_path / "out.parquet"), *options]) == 2
    assert message in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["pages"]


def test_a_recogniser_is_no_locator(tmp_path: Path) -> None:
    page(tmp_path, marks())
    with pytest.raises(CheckpointError, match="reads lines, not a locator"):
        contents_of(tmp_path, locator="receipts")
