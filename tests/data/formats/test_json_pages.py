"""pages.json, COCO and labelme: lines are cut where they say, texts are what they say, faults are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distill.data.formats.json_files import json_kind
from distill.data.formats.opening import source_at
from students.errors import DataError
from tests.page_files import INK, box, box_row, opened, page_image, read

BOX = [15, 36, 30, 44]  # the ink of the lower line
QUAD = [[15, 36], [30, 36], [30, 44], [15, 44]]


def pages_json(*lines: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"file": "p1.png", "width": 120, "height": 80, "lines": list(lines)} | more]


def coco(*annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    images = [{"id": 7, "file_name": "p1.png", "width": 120, "height": 80}]
    numbered = [{"id": n, "image_id": 7, "category_id": 1} | each for n, each in enumerate(annotations)]
    return {"info": {}, "images": images, "annotations": numbered, "categories": [{"id": 1, "name": "text"}]} | more


def labelme(*shapes: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = [{"label": "text", "shape_type": "rectangle", "flags": {}} | shape for shape in shapes]
    return {
        "version": "5.2.1",
        "flags": {},
        "shapes": given,
        "imagePath": "p1.png",
        "imageData": None,
        "imageHeight": 80,
        "imageWidth": 120,
    } | more


def written(folder: Path, content: Any, name: str = "marks.json") -> Path:
    page_image(folder)
    (folder / name).write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return folder / name


CASES = {
    "pages.json box": pages_json({"box": BOX, "text": "alpha"}),
    "pages.json polygon": pages_json({"polygon": QUAD, "text": "alpha"}),
    "pages.json in an object": {"pages": pages_json({"points": QUAD, "text": "alpha"}, width=None)},
    "coco box": coco({"bbox": [15, 36, 15, 8], "utf8_string": "alpha"}),
    "coco polygon": coco({"segmentation": [[30, 36, 30, 44, 15, 44, 15, 36]], "attributes": {"text": "alpha"}}),
    "coco mask": coco({"bbox": [15, 36, 15, 8], "segmentation": {"counts": [1], "size": [2, 2]}, "text": "alpha"}),
    "coco text": {
        "cats": {},
        "imgs": {"7": {"id": 7, "file_name": "p1.png"}},
        "anns": {"3": {"image_id": 7, "bbox": [15, 36, 15, 8], "utf8_string": "alpha", "legibility": "legible"}},
    },
    "labelme label": labelme({"points": [[30, 44], [15, 36]], "label": "alpha"}),
    "labelme description": labelme(
        {"points": QUAD, "shape_type": "polygon", "label": "line", "description": "alpha"},
    ),
    "labelme of four corners": labelme({"points": QUAD, "label": "alpha"}),
}


@pytest.mark.parametrize("case", CASES)
def test_lines_are_cut_with_their_texts(tmp_path: Path, case: str) -> None:
    file = written(tmp_path, CASES[case])
    for path in (file, tmp_path):
        names, texts, pixels = read(path)
        assert (names, texts) == (["p1/0000"], ["alpha"])
        assert pixels[0].shape == (8, 15)
        assert (pixels[0] == INK + 1).all()
    assert source_at(str(file), "mine").kind == "pages"


def test_units_of_another_size_are_scaled(tmp_path: Path) -> None:
    _, _, (pixels,) = read(written(tmp_path, pages_json({"box": [30, 72, 60, 88], "text": "a"}, width=240, height=160)))
    assert pixels.shape == (8, 15)


def test_slanted_polygons_are_straightened(tmp_path: Path) -> None:
    slanted = [[10, 10], [60, 20], [60, 40], [10, 30]]
    for content in (
        pages_json({"polygon": slanted}),
        coco({"segmentation": [[number for point in slanted for number in point]]}),
        labelme({"points": slanted, "shape_type": "polygon"}),
    ):
        _, texts, (pixels,) = read(written(tmp_path, content))
        assert texts == [None]
        assert pixels.shape == (20, 51)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (pages_json({"box": BOX, "text": "###"}, {"box": BOX, "text": None}, {"box": BOX}), [None] * 3),
        (pages_json({"box": BOX, "text": "a", "ignored": True}, {"box": BOX, "text": ""}), ["a", ""]),
        (pages_json({"box": BOX, "text": "*"}), ["*"]),
        (coco({"bbox": [15, 36, 15, 8], "text": "."}), ["."]),
        (coco({"bbox": [15, 36, 15, 8], "utf8_string": "."}, {"bbox": [15, 36, 15, 8]}), [None, None]),
        (labelme({"points": [[15, 36], [30, 44]]}, {"points": [[15, 36], [30, 44]], "label": "###"}), [None, None]),
        (
            labelme({"points": [[15, 36], [30, 44]], "label": "a"}, {"points": [[15, 36], [30, 44]], "label": "Line"}),
            ["a", None],
        ),
        (
            labelme(
                {"points": [[15, 36], [30, 44]], "label": "a", "description": "b"},
                {"points": [[15, 36], [30, 44]], "label": "c", "description": ""},
            ),
            ["b", None],
        ),
    ],
)
def test_what_has_no_text_is_unlabelled(tmp_path: Path, content: Any, texts: list[str | None]) -> None:
    assert opened(written(tmp_path, content)).texts == texts


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"box": [15, 36, 30]}, "not four numbers"),
        ({"box": [15, 36, True, 44]}, "not four numbers"),
        ({"box": [15, 36, 15, 8]}, "ends before it begins; write x0, y0, x1, y1"),
        ({"box": [15, 36, 30, 36]}, "has no height"),
        ({"box": [15, 36, 15, 44]}, "has no width"),
        ({"box": [15, 36, float("nan"), 44]}, "not four numbers"),
        ({"box": [15, 36, 10**400, 44]}, "not four numbers"),
        ({"polygon": [[1, 2], [3, 4]]}, "has 2 points"),
        ({"polygon": "1,2 3,4"}, "no row of points"),
        ({"polygon": [1, 2, 3]}, "has 1.5 points"),
        ({"polygon": [[1, 2], [3, 4], [5, 6]]}, "encloses nothing"),
        ({"box": [15, 36, 300, 44]}, "leaves the page of 120 x 80 px at 300,36"),
    ],
)
def test_a_line_with_a_bad_box_is_refused_and_the_next_one_is_read(
    tmp_path: Path, line: dict[str, Any], reason: str
) -> None:
    contents = opened(written(tmp_path, pages_json(line, {"box": BOX, "text": "alpha"})))
    with pytest.raises(DataError, match=reason.replace("?", r"\?")):
        contents.fetch(0)
    assert contents.fetch(1)


def test_three_points_are_taken_by_their_rectangle_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (pixels,) = read(written(tmp_path, pages_json({"polygon": [[5, 36], [45, 36], [25, 44]], "text": "a"})))[2]
    assert pixels.shape == (8, 40)
    assert "lines with a polygon of three points, taken as the rectangle around it: 1 (p1/0000)" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pages_json(file="gone.png"), r"1 of 1 images cannot be found: gone\.png"),
        (pages_json(file=None), "page 1: its file is None"),
        (pages_json() * 2, r"names p1\.png twice"),
        (pages_json({"text": "a"}), r"line 0: needs one of box, polygon, points; it has text"),
        (pages_json({"box": BOX, "polygon": QUAD}), "needs one of box"),
        (pages_json({"box": BOX, "text": 7}), "the text is 7; put it in quotes"),
        (pages_json({"box": BOX}, width="wide"), "'wide' x 80 is no size"),
        (pages_json({"box": BOX}, width=10**400), "x 80 is no size"),
        (labelme({"points": QUAD}, imageWidth=float("inf")), "inf x 80 is no size"),
        ([{"lines": []}, 3], "page 2: '3' is no JSON object"),
        (coco({"bbox": BOX, "image_id": 9}), "annotations of images that it does not list: 9"),
        (coco(images=[{"id": 7, "file_name": "gone.png"}]), r"1 of 1 images cannot be found: gone\.png"),
        (
            coco(images=[{"id": 7, "file_name": "p1.png"}, {"id": 7, "file_name": "p1.png"}]),
            "several images have the id 7",
        ),
        (
            coco({"bbox": BOX}, {"bbox": BOX, "category_id": 2}, categories=[{"id": 1, "name": "title"}]),
            "categories 2, title",
        ),
        (labelme(imagePath="gone.png"), r"names 'gone\.png'"),
        (labelme(imagePath=None), "imagePath is None"),
    ],
)
def test_faults_of_a_file_name_the_place(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        opened(written(tmp_path, content))
    assert "marks.json" in str(caught.value)


def test_a_file_that_is_cut_short_is_no_json(tmp_path: Path) -> None:
    file = written(tmp_path, pages_json({"box": BOX}))
    file.write_text(file.read_text()[:-5])
    with pytest.raises(DataError, match="not JSON"):
        opened(file)


@pytest.mark.parametrize(
    ("held", "message"),
    [('[{"file": "p1.png",', "not JSON"), ("", "not JSON"), ("[]", "lists no page"), ("{}", "lists no page")],
)
def test_a_pages_json_that_tells_nothing_does_not_make_its_pages_lines(tmp_path: Path, held: str, message: str) -> None:
    page_image(tmp_path)
    (tmp_path / "pages.json").write_text(held)
    with pytest.raises(DataError, match=rf"pages\.json: {message}"):
        read(tmp_path)


def test_labels_of_line_images_may_be_called_pages_json(tmp_path: Path) -> None:
    (tmp_path / "pages.json").write_text('{"p1.png": "alpha"}')
    assert json_kind(tmp_path / "pages.json") is None


def test_lines_are_chosen_among_categories(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    categories = [{"id": 1, "name": "Line"}, {"id": 2, "name": "table"}]
    file = written(
        tmp_path,
        coco({"bbox": [15, 36, 15, 8], "text": "a"}, {"bbox": [0, 0, 9, 9], "category_id": 2}, categories=categories),
    )
    assert opened(file).texts == ["a"]
    assert "annotations of the category table, not used: 1 (1)" in caplog.text


def test_other_shapes_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = written(
        tmp_path, labelme({"points": [[15, 36], [30, 44]]}, {"points": [[1, 2], [3, 4]], "shape_type": "circle"})
    )
    assert len(opened(file).texts) == 1
    assert "shapes that are a circle, not used: 1 (p1/0001)" in caplog.text


def test_of_several_lists_one_is_named(tmp_path: Path) -> None:
    written(tmp_path, pages_json({"box": BOX}), "pages.json")
    (tmp_path / "Label.txt").write_text(box_row("p1.png", box("a", QUAD)))
    with pytest.raises(DataError, match=r"holds the lists Label\.txt, pages\.json; name the one to use"):
        opened(tmp_path)
    assert opened(tmp_path / "pages.json").texts == [None]
    (tmp_path / "Label.txt").unlink()
    written(tmp_path, labelme({"points": [[15, 36], [30, 44]]}), "p1.json")
    with pytest.raises(DataError, match=r"the list pages\.json and labelme's p1\.json"):
        opened(tmp_path)


def test_a_labelme_folder_has_a_file_an_image(tmp_path: Path) -> None:
    for n in (1, 2):
        shape = {"points": [[15, 36], [30, 44]], "label": f"text {n}"}
        written(tmp_path / "a", labelme(shape, imagePath=f"p{n}.png"), f"p{n}.json")
        page_image(tmp_path / "a", f"p{n}.png")
    assert opened(tmp_path).texts == ["text 1", "text 2"]
    assert list(opened(tmp_path).names) == ["p1/0000", "p2/0000"]


@pytest.mark.parametrize(
    "content",
    [{"p1.png": "alpha"}, [{"file": "p1.png", "text": "alpha"}], {"images": 3}, [], {}, "text", {"lines": []}],
)
def test_other_json_marks_no_pages(tmp_path: Path, content: Any) -> None:
    assert json_kind(written(tmp_path, content)) is None


def test_labels_of_lines_in_json_are_read_as_before(tmp_path: Path) -> None:
    written(tmp_path, {"p1.png": "alpha"}, "labels.json")
    assert opened(tmp_path).texts == ["alpha"]


def test_a_byte_order_mark(tmp_path: Path) -> None:
    file = written(tmp_path, pages_json({"box": BOX, "text": "é"}))
    file.write_text(file.read_text("utf-8"), "utf-8-sig")
    assert opened(file).texts == ["é"]


def test_the_pixels_of_a_line_are_those_of_the_page(tmp_path: Path) -> None:
    page_HW = np.arange(80 * 120, dtype=np.uint32).reshape(80, 120).astype(np.uint8)
    written(tmp_path, pages_json({"box": [3, 5, 40, 25]}))
    page_image(tmp_path, pixels=page_HW)
    np.testing.assert_array_equal(read(tmp_path)[2][0], page_HW[5:25, 3:40])
