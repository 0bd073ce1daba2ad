"""Detection lists of PaddleOCR and PPOCRLabel: told by their content, with what their placeholders mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from students.errors import DataError
from tests.page_files import INK, box, box_row, opened, page_image, read

CORNERS = [(15, 36), (30, 36), (30, 44), (15, 44)]
BOXES = box("alpha", CORNERS), box("beta 2", CORNERS, difficult=False)


@pytest.mark.parametrize(
    "name",
    [
        "train_icdar2015_label.txt",
        "test_label.txt",
        "det_gt",
        "Label.txt",
        "boxes.tsv",
        "labels.tsv",
        "rec_gt.txt",
        "x.list",
    ],
)
@pytest.mark.parametrize("first", ["", "p0.png\t[]\n"])
def test_a_detection_list_is_told_by_its_content(tmp_path: Path, name: str, first: str) -> None:
    page_image(tmp_path, "p0.png")
    page_image(tmp_path)
    (tmp_path / name).write_text(first + box_row("p1.png", *BOXES), "utf-8-sig", newline="\r\n")
    for path in (tmp_path, tmp_path / name):
        names, texts, pixels = read(path)
        assert (names, texts) == (["p1/0000", "p1/0001"], ["alpha", "beta 2"])
        assert all((each == INK + 1).all() for each in pixels)


def test_images_lie_in_folders_beside_the_list_or_above_it(tmp_path: Path) -> None:
    page_image(tmp_path / "set" / "icdar_c4_train_imgs")
    named = "icdar_c4_train_imgs/p1.png"
    for name in (named, f"set/{named}", f"/home/x/set/{named}", "D:\\set\\icdar_c4_train_imgs\\p1.png"):
        (tmp_path / "set" / "train_label.txt").write_text(box_row(name, *BOXES))
        assert len(opened(tmp_path / "set").names) == 2


@pytest.mark.parametrize("name", ["C:\\x\\set\\p1.png", "\\\\server\\share\\p1.png", "old\\p1.png", "/mnt/x/p1.png"])
@pytest.mark.parametrize(("encoding", "end"), [("utf-16", "\n"), ("utf-8-sig", "\r"), ("utf-8", "\r\r\n")])
def test_lists_of_other_systems(tmp_path: Path, name: str, encoding: str, end: str) -> None:
    page_image(tmp_path)
    page_image(tmp_path, "p2.png")
    rows = box_row(name, *BOXES) + box_row("p2.png", BOXES[0])
    (tmp_path / "Label.txt").write_bytes(rows.replace("\n", end).encode(encoding))
    contents = opened(tmp_path)
    assert (contents.names, contents.texts) == (["p1/0000", "p1/0001", "p2/0000"], ["alpha", "beta 2", "alpha"])


def test_a_page_in_two_rows_is_refused(tmp_path: Path) -> None:
    page_image(tmp_path)
    (tmp_path / "Label.txt").write_text(box_row("p1.png", *BOXES) + box_row("./p1.png", *BOXES))
    with pytest.raises(DataError, match=r"Label\.txt:2: \./p1\.png is named twice, first at .*Label\.txt:1"):
        opened(tmp_path)


def test_of_two_lists_one_is_named_and_what_programs_keep_is_none(tmp_path: Path) -> None:
    page_image(tmp_path)
    row = box_row("p1.png", *BOXES)
    for name in ("Label.txt", "Cache.cach", "Label.txt.bak", ".Label.txt", "p1.txt"):
        (tmp_path / name).write_text(row)
    (tmp_path / "fileState.txt").write_text(f"{tmp_path}/p1.png\t1\n")
    assert len(opened(tmp_path).names) == 2
    (tmp_path / "test_label.txt").write_text(row)
    with pytest.raises(DataError, match=r"holds the lists Label\.txt, test_label\.txt; name the one to use"):
        opened(tmp_path)
    assert len(opened(tmp_path / "test_label.txt").names) == 2


def test_texts_of_lines_that_look_like_lists_are_none(tmp_path: Path) -> None:
    for name in ("p1.png", "p2.png"):
        page_image(tmp_path, name)
    for rows, text in (
        ('p1.png\t[x]\np2.png\t[{"a": 1}]\n', "[x]"),
        ("p1.png\t[]\np2.png\t[]\n", "[]"),
        ("p1.png\tpoints\np2.png\ttranscription\n", "points"),
        ('p1.png\t[{"a": 1}]\n', '[{"a": 1}]'),
    ):
        (tmp_path / "labels.tsv").write_text(rows)
        assert opened(tmp_path).texts[0] == text


@pytest.mark.parametrize(
    ("text", "more", "label", "said"),
    [
        ("alpha", {}, "alpha", ""),
        ("alpha", {"difficult": False}, "alpha", ""),
        ("alpha", {"difficult": "false"}, "alpha", ""),
        ("alpha", {"difficult": True}, None, "boxes marked by difficult, taken as unlabelled"),
        ("alpha", {"difficult": "True"}, None, "boxes marked by difficult, taken as unlabelled"),
        ("alpha", {"illegibility": 1}, None, "boxes marked by illegibility, taken as unlabelled"),
        ("###", {}, None, "boxes marked by ###, taken as unlabelled"),
        (" ### ", {}, None, "boxes marked by ###, taken as unlabelled"),
        ("*", {}, None, "boxes marked by *, taken as unlabelled"),
        ("待识别", {"difficult": False}, None, "boxes with PPOCRLabel's 待识别, no text typed yet"),
        ("TEMPORARY", {}, None, "boxes with PPOCRLabel's TEMPORARY, no text typed yet"),
        ("TEMPORARY WORKS", {}, "TEMPORARY WORKS", ""),
        ("# 3 *", {}, "# 3 *", ""),
        ("  ", {}, None, ""),
    ],
)
def test_placeholders_and_doubted_boxes_are_unlabelled_and_counted(
    tmp_path: Path, text: str, more: dict[str, object], label: str | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    page_image(tmp_path)
    (tmp_path / "list.txt").write_text(box_row("p1.png", box(text, CORNERS, **more)), "utf-8")
    assert opened(tmp_path).texts == [label]
    assert (said in caplog.text) if said else not caplog.records


def test_pages_described_twice_by_list_and_xml_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    page_image(tmp_path)
    (tmp_path / "Label.txt").write_text(box_row("p1.png", *BOXES))
    (tmp_path / "p1.xml").write_text("<PcGts/>")
    assert len(opened(tmp_path).names) == 2
    assert "detection list read; PAGE XML and ALTO beside it are not" in caplog.text


@pytest.mark.parametrize("name", ["rec_gt.txt", "rec_gt_train.txt", "Label.txt", "mine.txt"])
def test_placeholders_in_lists_of_paddleocrs_crops_are_unlabelled(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    texts = ["alpha", "###", "待识别", "TEMPORARY", "*", "2 * 3"]
    for i in range(len(texts)):
        page_image(tmp_path / "crop_img", f"p_crop_{i}.png")
    (tmp_path / name).write_text("".join(f"crop_img/p_crop_{i}.png\t{text}\n" for i, text in enumerate(texts)), "utf-8")
    assert opened(tmp_path / name).texts == ["alpha", None, None, None, None, "2 * 3"]
    assert "lines marked by ###, taken as unlabelled: 1 (crop_img/p_crop_1.png)" in caplog.text


def test_in_other_label_files_they_are_texts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    page_image(tmp_path)
    (tmp_path / "labels.tsv").write_text("p1.png\t*\n")
    assert opened(tmp_path).texts == ["*"]
    assert not caplog.records


def test_two_lists_of_one_layout_count_each_others_images_as_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for part in ("train", "test"):
        for i in range(3):
            page_image(tmp_path / part, f"{i}.png")
        rows = "".join(f"{part}/{i}.png\ttext {i}\n" for i in range(3))
        (tmp_path / f"rec_gt_{part}.txt").write_text(rows)
    for part in ("train", "test"):
        assert len(opened(tmp_path / f"rec_gt_{part}.txt").names) == 3
    assert not caplog.records
    page_image(tmp_path / "test", "3.png")
    opened(tmp_path / "rec_gt_train.txt")
    assert "rec_gt_train.txt: names 3 images; 1 other in the folder is not used" in caplog.text
