"""Pages from files: where their lines lie as the page is shown, and what happens to what cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from distill.data.formats.page_frames import as_stored
from distill.data.lines import Refusal
from distill.data.pages.opening import open_pages, shown_corners
from distill.data.pages.record import PageRecord
from distill.data.pages.sources import PageFileSource
from students.errors import DataError
from tests.marked_pages import level
from tests.page_files import alto_xml, box, box_row, page_image, page_xml, text_line

CORNERS = [[15, 36], [30, 36], [30, 44], [15, 44]]
MARKED = level(15, 36, 30, 44)
SLANTED = np.array([[10, 10], [60, 20], [60, 40], [10, 30]], float)


def opened(path: Path, refused: list[Refusal] | None = None, **more: Any) -> list[PageRecord]:
    return open_pages(PageFileSource(name="mine", path=str(path), **more), Path(), refused)


def in_json(folder: Path, *lines: dict[str, Any], name: str = "p1.png") -> None:
    (folder / "pages.json").write_text(json.dumps([{"file": name, "lines": list(lines)}]))


def as_pages_json(folder: Path) -> None:
    in_json(folder, {"box": [15, 36, 30, 44], "text": "alpha"})


def as_list(folder: Path) -> None:
    (folder / "Label.txt").write_text(box_row("p1.png", box("alpha", CORNERS)))


def as_page(folder: Path) -> None:
    text = "<TextEquiv><Unicode>alpha</Unicode></TextEquiv>"
    (folder / "p1.xml").write_text(page_xml(text_line("l1", "15,36 30,36 30,44 15,44", text)))


def as_alto(folder: Path) -> None:
    line = '<TextLine ID="l1" HPOS="15" VPOS="36" WIDTH="15" HEIGHT="8"><String CONTENT="alpha"/></TextLine>'
    (folder / "p1.xml").write_text(alto_xml(line))


def as_coco(folder: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "p1.png"}],
        "annotations": [{"id": 1, "image_id": 1, "bbox": [15, 36, 15, 8], "text": "alpha"}],
    }
    (folder / "coco.json").write_text(json.dumps(content))


def as_labelme(folder: Path) -> None:
    shape = {"label": "alpha", "points": [[15, 36], [30, 44]], "shape_type": "rectangle"}
    (folder / "p1.json").write_text(json.dumps({"version": "5", "shapes": [shape], "imagePath": "p1.png"}))


@pytest.mark.parametrize("write", [as_pages_json, as_list, as_page, as_alto, as_coco, as_labelme])
def test_every_format_says_where_a_line_is(tmp_path: Path, write: Any) -> None:
    page_image(tmp_path)
    write(tmp_path)
    (record,) = opened(tmp_path)
    assert (record.key, record.source) == ("mine/p1.png", "mine")
    assert record.lines is not None
    (line,) = record.lines
    np.testing.assert_allclose(line.corners_42, MARKED)
    assert (line.text, line.ignored) == ("alpha", False)
    assert record.load().shape == (80, 120)
    assert len(record.sha256) == 64


def test_a_folder_of_images_that_nothing_marks(tmp_path: Path) -> None:
    page_image(tmp_path / "b", "p2.png")
    page_image(tmp_path)
    records = opened(tmp_path)
    assert [record.key for record in records] == ["mine/b/p2.png", "mine/p1.png"]
    assert all(record.lines is None for record in records)
    assert opened(tmp_path / "p1.png")[0].key == "mine/p1.png"


def test_pages_without_lines_and_pages_that_nobody_marked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("p1.png", "p2.png", "p3.png"):
        page_image(tmp_path, name)
    (tmp_path / "pages.json").write_text('[{"file": "p1.png", "lines": []}, {"file": "p2.png", "lines": null}]')
    empty, unmarked = opened(tmp_path)
    assert empty.lines == ()
    assert unmarked.lines is None
    assert "pages that are marked to have no line: 1 (p1.png)" in caplog.text
    assert "pages whose lines nobody marked: 1 (p2.png)" in caplog.text
    assert "not used: 1 (p3.png)" in caplog.text


def test_labels_can_be_dropped(tmp_path: Path) -> None:
    page_image(tmp_path)
    as_pages_json(tmp_path)
    assert opened(tmp_path, drop_labels=True)[0].lines is None


def test_illegible_lines_are_ignored_and_lines_without_a_text_are_not(tmp_path: Path) -> None:
    page_image(tmp_path)
    boxes = [box("###", CORNERS), box("a", CORNERS, difficult=True), box("", CORNERS), box("TEMPORARY", CORNERS)]
    (tmp_path / "Label.txt").write_text(box_row("p1.png", *boxes))
    (record,) = opened(tmp_path)
    assert [line.ignored for line in record.lines or ()] == [True, True, False, False]
    assert [line.text for line in record.lines or ()] == [None] * 4


def test_slanted_lines_keep_their_corners_and_outlines_get_a_rectangle(tmp_path: Path) -> None:
    page_image(tmp_path)
    wavy = [[10, 10], [40, 12], [70, 10], [70, 24], [40, 26], [10, 24]]
    in_json(tmp_path, {"polygon": SLANTED.tolist()}, {"polygon": wavy})
    first, second = opened(tmp_path)[0].lines or ()
    np.testing.assert_allclose(first.corners_42, SLANTED)
    np.testing.assert_allclose(second.corners_42, level(10, 10, 70, 26))


@pytest.mark.parametrize("quarters", range(4))
def test_turned_lines_begin_at_the_top_left_of_their_text(tmp_path: Path, quarters: int) -> None:
    page_image(tmp_path)
    wanted = np.roll(level(20, 10, 50, 70), -quarters, axis=0)
    in_json(tmp_path, {"polygon": wanted.tolist(), "text": "several words"})
    (line,) = opened(tmp_path)[0].lines or ()
    np.testing.assert_allclose(line.corners_42, wanted)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_corners_follow_what_exif_does_to_the_page(orientation: int) -> None:
    """Ink on the page as it is shown lies between the corners that were marked on it as it is stored."""
    shown_HW = np.zeros((60, 90), np.uint8)
    shown_HW[10:20, 30:70] = 1
    stored_HW = as_stored(shown_HW, orientation)
    rows, columns = np.nonzero(stored_HW)
    marked = level(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    corners_42 = shown_corners(marked, orientation, (stored_HW.shape[1], stored_HW.shape[0]))
    assert sorted(map(tuple, corners_42.tolist())) == sorted(map(tuple, level(30, 10, 70, 20).tolist()))
    x, y = corners_42.T
    assert (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() > 0  # clockwise


def turned_page(folder: Path) -> None:
    """A page stored on its side: EXIF turns it by a quarter clockwise, to 80 x 120 px."""
    folder.mkdir(exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    page_HW = np.full((80, 120), 200, np.uint8)
    page_HW[36:44, 15:30] = 20
    Image.fromarray(page_HW).save(folder / "p1.png", exif=exif)


def test_pages_that_exif_turns(tmp_path: Path) -> None:
    turned_page(tmp_path)
    as_page(tmp_path)  # which counts the pixels as stored
    (record,) = opened(tmp_path)
    page_HW = record.load()
    (line,) = record.lines or ()
    (left, top), (right, bottom) = line.corners_42.min(0).astype(int), line.corners_42.max(0).astype(int)
    assert page_HW.shape == (120, 80)
    assert (page_HW[top:bottom, left:right] == 20).all()
    (tmp_path / "p1.xml").unlink()
    in_json(tmp_path, {"box": [left.item(), top.item(), right.item(), bottom.item()]})  # as shown
    (again,) = opened(tmp_path)[0].lines or ()
    np.testing.assert_allclose(again.corners_42, level(left, top, right, bottom))


def test_lines_and_pages_that_cannot_be_used_are_named_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("p1.png", "p2.png", "p3.png"):
        page_image(tmp_path, name)
    (tmp_path / "p3.png").write_bytes((tmp_path / "p3.png").read_bytes()[:-40])
    good, flat, far = ([15, 36, 30, 44], [15, 36, 30, 36], [15, 36, 900, 44])
    pages = [
        {"file": "p1.png", "lines": [{"box": good}, {"box": flat}, {"box": far}]},
        {"file": "p2.png", "lines": [{"box": flat}]},
        {"file": "p3.png", "lines": [{"box": good}]},
    ]
    (tmp_path / "pages.json").write_text(json.dumps(pages))
    refused: list[Refusal] = []
    (record,) = opened(tmp_path, refused)
    assert len(record.lines or ()) == 1
    assert [each.key for each in refused] == [
        "mine/p1/0001",
        "mine/p1/0002",
        "mine/p2/0000",
        "mine/p2.png",
        "mine/p3.png",
    ]
    assert all(each.reason.startswith(f"{each.key}: ") for each in refused[:4])
    assert "has no height" in refused[0].reason
    assert "leaves the page" in refused[1].reason
    assert "no line of 1 can be used" in refused[3].reason
    assert "damaged" in refused[4].reason
    assert "left out: 3 (p1/0001: its box [15, 36, 30, 36] has no height" in caplog.text
    assert "pages that cannot be used, left out: 1 (p3.png" in caplog.text


def test_a_page_of_another_size_than_was_marked_is_left_out(tmp_path: Path) -> None:
    page_image(tmp_path)
    page_image(tmp_path, "p2.png")
    line = {"box": [1, 2, 30, 14]}
    (tmp_path / "pages.json").write_text(
        json.dumps(
            [{"file": "p1.png", "width": 50, "height": 900, "lines": [line]}, {"file": "p2.png", "lines": [line]}]
        )
    )
    refused: list[Refusal] = []
    assert [record.key for record in opened(tmp_path, refused)] == ["mine/p2.png"]
    assert "120 x 80 px, but its lines were marked on 50 x 900 px" in refused[-1].reason


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda folder: in_json(folder, name="gone.png"), r"source mine: .*1 of 1 images cannot be found: gone\.png"),
        (
            lambda folder: (folder / "Label.txt").write_text(box_row("gone.png")),
            r"the page image 'gone\.png' does not exist",
        ),
        (lambda folder: (folder / "p1.png").unlink(), "source mine: .*holds no page that can be used"),
        (lambda folder: (folder / "p1.png").write_bytes(b"no image"), "not a readable image"),
        (lambda folder: (folder / "pages.json").write_text('[{"file": "p1.png", "lines": [{}]}]'), "needs one of box"),
    ],
)
def test_sources_that_cannot_be_opened(tmp_path: Path, write: Any, message: str) -> None:
    page_image(tmp_path)
    write(tmp_path)
    with pytest.raises(DataError, match=message):
        opened(tmp_path)


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"source mine: .*gone: no such file or folder; set data\.root"):
        opened(tmp_path / "gone")
