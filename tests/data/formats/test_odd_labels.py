"""Label files, texts next to images, tables and archives in forms that programs leave: read as meant, or named."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distill.cli import main
from distill.data.formats.contents import HOW_UNLABELLED
from students.errors import DataError
from tests.data.formats.test_scene_lmdb import samples, write_lmdb
from tests.page_files import box, box_row
from tests.three_images import EXPECTED, PICTURES, images, opened

PLAIN = ["alpha", "beta 2", "größe"]
ROWS = [f"{i}.png\t{text}" for i, text in enumerate(PLAIN)]
OBJECTS = [json.dumps({"filename": f"{i}.png", "text": text}) for i, text in enumerate(PLAIN)]


def texts_of(path: Path) -> list[str | None]:
    return [text for _, _, text in opened(path)]


def written(folder: Path, file: str, content: str) -> Path:
    (images(folder) / file).parent.mkdir(exist_ok=True)
    (folder / file).write_bytes(content.encode())
    return folder


@pytest.mark.parametrize("file", ["labels.tsv", "rec_gt.txt", "mine.txt"])
@pytest.mark.parametrize(
    "content",
    [
        "\r".join(ROWS) + "\r",
        f"{ROWS[0]}\r\n{ROWS[1]}\n{ROWS[2]}\r",
        "\r\r\n".join(ROWS) + "\r\r\n",
        "".join(f"\ufeff{row}\n" for row in ROWS),
        "\n  \n".join(ROWS) + "\n\t\n",
    ],
    ids=["of old Macs", "mixed", "doubled", "marks of joined files", "white rows"],
)
def test_line_ends_of_any_system(tmp_path: Path, file: str, content: str) -> None:
    assert texts_of(written(tmp_path / "set", file, content)) == PLAIN


@pytest.mark.parametrize("file", ["metadata.jsonl", "label.txt", "all.json"])
@pytest.mark.parametrize("between", ["\r", "\r\n\r\n", "\n \n"])
def test_objects_a_row_under_any_suffix(tmp_path: Path, file: str, between: str) -> None:
    assert texts_of(written(tmp_path / "set", file, between.join(OBJECTS) + "\n")) == PLAIN


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("gt.txt", "".join(f"{i}.jpg\tx{i}\n" for i in range(3)), "it names 0 of 3 images"),
        ("lines.txt", "# of lines\n" + "".join(f"{i} ok 154 1 408 746 a|b{i}\n" for i in range(3)), "no tab between"),
        ("sub/Label.txt", box_row("../0.png", box("a", [(0, 0), (9, 0), (9, 9), (0, 9)])), "it lists boxes on pages"),
    ],
)
def test_lists_that_name_images_otherwise_are_named(
    tmp_path: Path, file: str, content: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert texts_of(written(tmp_path / "set", file, content)) == [None] * 3
    (said,) = [record.getMessage() for record in caplog.records]
    assert f"holds {file}, which is not used" in said
    assert why in said
    assert ("give labels:" in said) == (file != "sub/Label.txt")


@pytest.mark.parametrize("name", ["gt_{}.txt", "{}.pred.txt", "text_{}.txt"])
def test_texts_that_bear_the_name_of_no_image_are_named(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = images(tmp_path / "set")
    for i in range(3):
        (folder / name.format(i)).write_text("alpha")
    assert texts_of(folder) == [None] * 3
    assert f"holds *.txt, which is not used (3 texts bear the name of no image, as {name.format(0)})" in caplog.text


@pytest.mark.parametrize(
    ("image", "text", "content"),
    [
        ("A.png", "a.gt.txt", "alpha"),
        ("a.PNG", "A.TXT", "alpha"),
        ("a.png", "a.gt.txt", "\nalpha\n  \n"),
        ("a.png", "a.txt", "\ufeffalpha\r"),
    ],
)
def test_texts_next_to_images_in_another_case_and_among_empty_rows(
    tmp_path: Path, image: str, text: str, content: str
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / image).write_bytes(PICTURES[0])
    (tmp_path / "set" / text).write_text(content, "utf-8", newline="")
    assert texts_of(tmp_path / "set") == ["alpha"]


def test_line_breaks_at_the_ends_of_texts_are_no_characters(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = pa.table({"image": PICTURES, "text": ["alpha\n", "\r\nbeta", "a\nb"]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert texts_of(tmp_path / "a.parquet") == ["alpha", "beta", "a\nb"]
    assert "texts with a line break at an end, which is left out: 2 (000000, 000001)" in caplog.text
    assert "texts with a line break inside, which stays; an image is one line: 1 (000002)" in caplog.text
    lmdb = write_lmdb(tmp_path / "lmdb", samples() | {"label-000000001": b"one\r\n", "num-samples": b" 3\n"})
    assert texts_of(lmdb)[0] == "one"


@pytest.mark.parametrize("folder", ["#recycle", "$RECYCLE.BIN", "System Volume Information"])
def test_what_was_thrown_away_is_left_out(tmp_path: Path, folder: str, caplog: pytest.LogCaptureFixture) -> None:
    images(images(tmp_path / "set") / folder)
    assert [name for name, _, _ in opened(tmp_path / "set")] == ["0.png", "1.png", "2.png"]
    assert f"hidden files and folders, not used: 1 ({folder})" in caplog.text


def test_links_to_themselves_and_to_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = images(tmp_path / "set")
    (folder / "me.png").symlink_to("me.png")
    (folder / "more").symlink_to("nowhere")
    (folder / "again").symlink_to("again")
    assert main(["import", str(folder), str(tmp_path / "out.parquet")]) == 1
    assert "3 lines" in (said := capsys.readouterr().out)
    assert "me.png: cannot be read: Too many levels of symbolic links" in said
    assert "links to nothing that is there, not used: 2 (again, more)" in caplog.text


@pytest.mark.parametrize("suffix", ["TAR", "Parquet", "ARROW"])
def test_suffixes_in_capitals(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "set").mkdir()
    path = tmp_path / "set" / f"LINES.{suffix}"
    table = pa.table({"image": PICTURES, "text": PLAIN})
    match suffix:
        case "TAR":
            in_tar(
                path, {f"{i}.{end}": held for i in range(3) for end, held in (("PNG", PICTURES[i]), ("TXT", PLAIN[i]))}
            )
        case "Parquet":
            pq.write_table(table, path)
        case _:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
                writer.write_table(table)
    for place in (path, path.parent):
        assert texts_of(place) == PLAIN


def in_tar(path: Path, members: dict[str, bytes | str]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, held in members.items():
            data = held if isinstance(held, bytes) else held.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("begin", "ending", "held"),
    [
        ("a", "json", '{"ground_truth": "alpha"}'),
        ("./a", "json", '{"Label": "alpha", "page": 3}'),
        ("a", "img.txt", "alpha"),
        ("./b/a", "img.gt.txt", "\ufeffalpha\r\n"),
    ],
)
def test_texts_of_a_tar_under_other_names(tmp_path: Path, begin: str, ending: str, held: str) -> None:
    image = f"{begin}.img.png" if "img" in ending else f"{begin}.png"
    assert texts_of(in_tar(tmp_path / "a.tar", {image: PICTURES[0], f"{begin}.{ending}": held})) == ["alpha"]


def test_boxes_are_no_texts_of_lines_wherever_they_stand(tmp_path: Path) -> None:
    row = box_row("0.png", box("a", [(0, 0), (9, 0), (9, 9), (0, 9)]))
    with pytest.raises(DataError, match=r"Label\.txt: lists boxes on pages, not texts of lines; unpack the tar"):
        opened(in_tar(tmp_path / "a.tar", {"0.png": PICTURES[0], "Label.txt": row}))
    (images(tmp_path / "set") / "mine.txt").write_text(row)
    with pytest.raises(DataError, match=r"mine\.txt: lists boxes on pages, .*name the file as the path of a source"):
        opened(tmp_path / "set", kind="folder", labels="mine.txt")


@pytest.mark.parametrize("begin", ["", "data:image/png;base64,"])
def test_images_written_as_text_are_refused_as_such(tmp_path: Path, begin: str) -> None:
    column = [begin + base64.b64encode(data).decode() for data in PICTURES]
    pq.write_table(pa.table({"image": column, "text": PLAIN}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"holds images as text \(base64\); write them as bytes"):
        opened(tmp_path / "a.parquet")


@pytest.mark.parametrize("names", [("train1", "train2", "test1"), ("trainset", "testset"), ("Train2024", "VAL2024")])
def test_splits_whose_names_have_numbers_are_told_apart(tmp_path: Path, names: tuple[str, ...]) -> None:
    for i, name in enumerate(names):
        pq.write_table(pa.table({"image": [PICTURES[i]], "text": [PLAIN[i]]}), tmp_path / f"{name}.parquet")
    with pytest.raises(DataError, match="holds files of several splits"):
        opened(tmp_path)


def test_images_as_categories_in_an_arrow_file(tmp_path: Path) -> None:
    table = pa.table({"image": pa.array(PICTURES).dictionary_encode(), "text": pa.array(PLAIN).dictionary_encode()})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    assert [line[1:] for line in opened(tmp_path / "a.arrow")] == list(zip(PICTURES, PLAIN, strict=True))
    assert len(EXPECTED) == 3


def test_warnings_are_in_the_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = images(tmp_path / "set")
    (folder / "labels.tsv").write_text("0.png\talpha\n1.png\tbeta\n")
    (folder / ".hidden.png").write_bytes(PICTURES[0])
    said = [
        f"{folder}: hidden files and folders, not used: 1 (.hidden.png)",
        f"{folder / 'labels.tsv'}: names 2 images; 1 other in the folder is not used: {HOW_UNLABELLED}",
    ]
    for command in (
        ["import", str(folder), str(tmp_path / "a.parquet")],
        ["convert", str(folder), str(tmp_path / "b"), "--to", "tsv"],
    ):
        assert main([*command, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["warnings"] == said
