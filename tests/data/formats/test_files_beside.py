"""Files that systems lay beside the files, links, and further pages: left out and named, followed, refused."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from distill.cli import main
from students.errors import DataError
from students.image import decode_image, image_size
from tests.three_images import EXPECTED, PICTURES, images, opened, write_tabs

APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X"


def pairs(folder: Path) -> Path:
    for name, _, text in EXPECTED:
        (images(folder) / name.replace(".png", ".gt.txt")).write_text(str(text), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("._0.png", "._0.png"),
        (".ipynb_checkpoints/0-checkpoint.png", ".ipynb_checkpoints"),
        ("__MACOSX/set/._0.png", ""),
        ("@eaDir/0.png", "@eaDir"),
        ("sub/.thumbs/0.jpg", "sub/.thumbs"),
        (".DS_Store", ""),
        ("._0.gt.txt", ""),
    ],
)
@pytest.mark.parametrize("kind", ["pairs", "list", "unlabelled"])
def test_hidden_files_are_left_out_and_pictures_among_them_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, hidden: str, shown: str, kind: str
) -> None:
    folder = pairs(tmp_path / "set") if kind == "pairs" else images(tmp_path / "set")
    if kind == "list":
        write_tabs(folder / "labels.tsv")
    path = folder / hidden
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(APPLE_DOUBLE)
    assert opened(folder) == [(name, data, None if kind == "unlabelled" else text) for name, data, text in EXPECTED]
    named = [
        record.getMessage() for record in caplog.records if "hidden files and folders, not used" in record.getMessage()
    ]
    assert named == ([f"{folder}: hidden files and folders, not used: 1 ({shown})"] if shown else [])


def test_a_hidden_folder_that_is_named_itself_is_read(tmp_path: Path) -> None:
    assert opened(pairs(tmp_path / ".cache" / "set")) == EXPECTED


@pytest.mark.parametrize("begin", ["", "./", "set/", "__MACOSX/"])
def test_a_tar_that_macos_made(tmp_path: Path, begin: str) -> None:
    with tarfile.open(tmp_path / "lines.tar", "w") as tar:
        for name, data, text in EXPECTED:
            for file, held in ((name, data), (name.replace("png", "txt"), str(text).encode())):
                folder = "" if begin == "__MACOSX/" else begin
                for member, content in ((f"{begin}._{file}", APPLE_DOUBLE), (folder + file, held)):
                    info = tarfile.TarInfo(member)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
    folder = "" if begin == "__MACOSX/" else begin
    assert opened(tmp_path / "lines.tar") == [(folder + name[:-4], data, text) for name, data, text in EXPECTED]


def test_links_are_followed_each_folder_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    elsewhere = images(tmp_path / "elsewhere")
    folder = tmp_path / "set"
    (folder / "real").mkdir(parents=True)
    (folder / "real" / "x.png").write_bytes(PICTURES[0])
    (folder / "a").symlink_to(elsewhere)
    (folder / "again").symlink_to(elsewhere)
    (folder / "alias").symlink_to(folder / "real")
    (folder / "loop").symlink_to(folder)
    (folder / "up").symlink_to(tmp_path)
    (elsewhere / "back").symlink_to(folder)
    (folder / "file.png").symlink_to(elsewhere / "0.png")
    assert [name for name, _, _ in opened(folder)] == ["a/0.png", "a/1.png", "a/2.png", "file.png", "real/x.png"]
    assert "links to folders that are read already, not followed: 5 (a/back, again, alias, loop, up)" in caplog.text


def test_a_list_and_texts_behind_links(tmp_path: Path) -> None:
    elsewhere = pairs(tmp_path / "elsewhere")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "linked").symlink_to(elsewhere)
    assert opened(tmp_path / "set") == [(f"linked/{name}", data, text) for name, data, text in EXPECTED]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "linked").symlink_to(images(tmp_path / "third"))
    rows = "".join(f"linked/{name}\t{text}\n" for name, _, text in EXPECTED)
    (tmp_path / "other" / "labels.tsv").write_text(rows, "utf-8")
    assert opened(tmp_path / "other") == [(f"linked/{name}", data, text) for name, data, text in EXPECTED]


def test_a_link_that_leads_nowhere_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = images(tmp_path / "set")
    (folder / "lost.png").symlink_to(tmp_path / "nowhere.png")
    assert main(["import", str(folder), str(tmp_path / "out.parquet")]) == 1
    assert "3 lines" in (said := capsys.readouterr().out)
    assert "lost.png: cannot be read: No such file" in said


def test_links_in_a_tar_are_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = pairs(tmp_path / "set")
    os.link(folder / "0.png", folder / "4.png")
    (folder / "5.png").symlink_to("1.png")
    (folder / "6.png").symlink_to("/elsewhere/6.png")
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    assert [line[:2] for line in opened(tmp_path / "set.tar")] == [
        *((name[:-4], data) for name, data, _ in EXPECTED),
        ("4", PICTURES[0]),
        ("5", PICTURES[1]),
    ]
    assert "links to no file of the tar, not used: 1 (6.png)" in caplog.text


def tiff(n_pages: int, further: dict[int, int] | None = None) -> bytes:
    pages = [Image.open(io.BytesIO(PICTURES[i])) for i in range(n_pages)]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    data = buffer.getvalue()
    return data if further is None else marked(data, further)


def marked(data: bytes, further: dict[int, int]) -> bytes:
    """The same pages, all but the first marked by these tags."""
    image = Image.open(io.BytesIO(data))
    pages = []
    for i in range(image.n_frames):
        image.seek(i)
        page = image.copy()
        page.encoderinfo = {"tiffinfo": further} if i else {}
        pages.append(page)
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    return buffer.getvalue()


def test_further_pages_of_a_tiff_are_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = images(tmp_path / "set")
    (folder / "multi.tif").write_bytes(tiff(3))
    (folder / "one.TIFF").write_bytes(tiff(1))
    assert main(["import", str(folder), str(tmp_path / "out.parquet")]) == 1
    said = capsys.readouterr().out
    assert "4 lines" in said
    assert "refused: multi.tif: a TIFF of 3 pages; write each page as a file of its own" in said


@pytest.mark.parametrize("further", [{254: 1}, {254: 4}, {254: 5}, {255: 2}])
def test_smaller_copies_and_masks_in_a_tiff_are_no_pages(further: dict[int, int]) -> None:
    data = tiff(3, further)
    assert decode_image(data).shape == (8, 20)
    assert image_size(data, "x") == (8, 20)
    with pytest.raises(DataError, match="here: a TIFF of 2 pages"):
        decode_image(tiff(2), "here")
