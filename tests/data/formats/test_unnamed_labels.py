"""Labels under names that nobody told: found by what they hold, or named as not used; never unlabelled in silence."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from students.errors import DataError
from tests.three_images import EXPECTED, PICTURES, TEXTS, images, opened

NAMES = [name for name, _, _ in EXPECTED]
TABBED = "".join(f"{name}\t{text}\n" for name, _, text in EXPECTED)
PLAIN = ["alpha", "beta 2", "größe"]


def texts_of(path: Path) -> list[str | None]:
    return [text for _, _, text in opened(path)]


def written(folder: Path, file: str, content: str, encoding: str = "utf-8") -> Path:
    """Three images and a file."""
    target = images(folder) / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode(encoding))
    return folder


def in_tar(folder: Path, begin: str = "") -> Path:
    """The folder as a tar beside it, every name with this beginning."""
    with tarfile.open(folder.with_suffix(".tar"), "w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, begin + path.relative_to(folder).as_posix(), recursive=False)
    return folder.with_suffix(".tar")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("gt.txt", TABBED),
        ("TRAIN.TXT", TABBED.replace("\n", "\r\n")),
        ("list_of_lines.tsv", TABBED),
        ("all.json", json.dumps({name: text for name, _, text in EXPECTED})),
        ("all.jsonl", "".join(json.dumps({"image": n, "ground_truth": t}) + "\n" for n, _, t in EXPECTED)),
        ("Labels.TSV", "file\ttext\n" + TABBED),
        ("sub/list.txt", "".join(f"../{row}\n" for row in TABBED.splitlines())),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_that_names_the_images_and_texts_is_a_label_file(
    tmp_path: Path, file: str, content: str, encoding: str
) -> None:
    folder = written(tmp_path / "set", file, content, encoding)
    assert opened(folder) == EXPECTED
    if "/" not in file:
        assert opened(in_tar(folder)) == EXPECTED
        for begin in ("./", "some/folder/"):
            assert [line[1:] for line in opened(in_tar(folder, begin))] == [line[1:] for line in EXPECTED]


@pytest.mark.parametrize(
    "content",
    [
        "image_path,plate_text\n0.png,alpha\n1.png,beta 2\n2.png,größe\n",
        "Image Path;Transcription;Page\n0.png;alpha;3\n1.png;beta 2;3\n2.png;größe;4\n",
        "0.png,alpha\n1.png,beta 2\n2.png,größe\n",
        '"0.png";"alpha"\n"1.png";"beta 2"\n"2.png";"größe"\n',
        ",filename,text\n0,0.png,alpha\n1,1.png,beta 2\n2,2.png,größe\n",
        "sep=;\r\nfile;words\r\n0.png;alpha\r\n1.png;beta 2\r\n2.png;größe\r\n",
        "transcript,img\nalpha,0.png\nbeta 2,1.png\ngröße,2.png\n",
        'image, text\n0.png, "alpha"\n1.png, "beta 2"\n2.png, "größe"\n',
    ],
)
@pytest.mark.parametrize("file", ["annotations.csv", "labels.csv"])
def test_headings_and_separators_of_csv(tmp_path: Path, content: str, file: str) -> None:
    assert texts_of(written(tmp_path / "set", file, content)) == PLAIN


@pytest.mark.parametrize(
    "content",
    [
        "0.png alpha\n1.png beta 2\n2.png größe\n",
        "0.png,alpha\n1.png,beta 2\n2.png,größe\n",
        '"0.png" "alpha"\n"1.png" "beta 2"\n"2.png" "größe"\n',
        '"file","text"\n"0.png","alpha"\n"1.png","beta 2"\n"2.png","größe"\n',
        '\ufeff0.png, "alpha"\r\n1.png, "beta 2"\r\n2.png, "größe"\r\n',
    ],
)
def test_a_list_without_tabs(tmp_path: Path, content: str) -> None:
    assert texts_of(written(tmp_path / "set", "gt.txt", content)) == PLAIN


def test_a_heading_that_says_nothing_counts_only_where_the_file_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = written(tmp_path / "set", "sheet.csv", "Bild;Inhalt\n0.png;alpha\n1.png;beta 2\n2.png;größe\n")
    assert texts_of(folder) == [None] * 3
    assert "holds sheet.csv, which is not used (no heading says which column holds the text)" in caplog.text
    assert f"give labels: sheet.csv, or the path {folder / 'sheet.csv'}" in caplog.text
    assert texts_of(folder / "sheet.csv") == PLAIN


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("sizes.csv", "file,width,height\n0.png,20,8\n1.png,20,8\n2.png,20,8\n"),
        ("blurred.txt", "0.png\tblurred\n"),
        ("fileState.txt", "".join(f"set/{name}\t1\n" for name in NAMES)),
        ("parts.csv", "0.png,train\n1.png,val\n2.png,test\n"),
        ("boxes.json", json.dumps([{"file": "0.png", "polygons": [[0, 0], [1, 1]]}])),
        ("labels.xlsx", "PK"),
        ("labels.yaml", "0.png: alpha\n1.png: beta\n2.png: gamma\n"),
        ("word.xml", '<image file="0.png" tag="a"/>\n<image file="1.png" tag="b"/>\n<image file="2.png" tag="c"/>\n'),
        ("labels.gt", TABBED),
    ],
)
def test_what_may_hold_labels_is_named_where_it_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str, content: str
) -> None:
    assert texts_of(written(tmp_path / "set", file, content)) == [None] * 3
    assert f"holds {file}, which is not used" in caplog.text
    assert (f"give labels: {file}" in caplog.text) == file.endswith(("csv", "txt", "json"))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("readme.txt", "Three lines of a ledger.\nSee 0.png for the first.\n"),
        ("README.txt", TABBED),
        ("requirements.txt", "numpy\n"),
        ("charset.txt", "0\n1\n2\na\n"),
        ("names.txt", "0.png\n1.png\n2.png\n"),
        ("config.json", '{"height": 32}'),
    ],
)
def test_texts_that_label_nothing_say_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str, content: str
) -> None:
    folder = written(tmp_path / "set", file, content)
    assert texts_of(folder) == [None] * 3
    assert not caplog.records
    if file.lower() in ("readme.txt", "requirements.txt"):
        assert texts_of(in_tar(folder)) == [None] * 3


@pytest.mark.parametrize("encoding", ["cp1252", "gb18030", "utf-16-le"])
def test_labels_in_an_encoding_that_does_not_tell_itself_are_refused_by_name(tmp_path: Path, encoding: str) -> None:
    folder = written(tmp_path / "set", "train.txt", TABBED, encoding)
    with pytest.raises(DataError, match=r"train\.txt.*(not UTF-8 text \(byte \d+\); save it|null byte)"):
        opened(folder)


def test_two_lists_are_an_error_until_one_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "set", "train.txt", TABBED)
    (folder / "val.txt").write_text(TABBED, "utf-8")
    with pytest.raises(DataError, match=r"holds train\.txt and val\.txt; name the one to use \(labels: train\.txt\)"):
        opened(folder)
    assert opened(folder / "val.txt") == EXPECTED


def test_a_list_one_folder_up_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images(tmp_path / "rec" / "crops")
    (tmp_path / "rec" / "rec_gt_train.txt").write_text("".join(f"crops/{name}\tx\n" for name in NAMES))
    assert texts_of(tmp_path / "rec" / "crops") == [None] * 3
    assert "rec_gt_train.txt names its images; give path:" in caplog.text


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ("{}.png", "{}.txt"),
        ("{}.png", "{}.TXT"),
        ("{}.PNG", "{}.GT.TXT"),
        ("{}.bin.png", "{}.gt.txt"),
        ("{}.nrm.png", "{}.txt"),
        ("{}.png", "{}.png.txt"),
        ("book/a.{}.png", "book/a.{}.txt"),
        ("images/{}.png", "labels/{}.txt"),
        ("b/images/{}.png", "b/gt/{}.gt.txt"),
        ("e\u0301{}.png", "\u00e9{}.gt.txt"),
    ],
)
def test_texts_next_to_their_images(tmp_path: Path, image: str, text: str) -> None:
    folder = tmp_path / "set"
    for i, line in enumerate(PLAIN):
        for name, data in ((image, PICTURES[i]), (text, (line + "\n").encode())):
            path = folder / name.format(i)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    (folder / "readme.txt").write_text("Two\nlines.")
    assert texts_of(folder) == PLAIN
    if posix_stem(image) == posix_stem(text):
        assert texts_of(in_tar(folder)) == PLAIN


def posix_stem(name: str) -> str:
    """What precedes the first dot that does not stand before the number."""
    return name.partition("{}")[0]


def test_versions_of_a_line_are_named_and_two_without_a_first_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("1.png", "1.bin.png", "1.nrm.png"):
        (folder / name).write_bytes(PICTURES[0])
    (folder / "1.gt.txt").write_text("one")
    assert opened(folder) == [
        ("1.bin.png", PICTURES[0], None),
        ("1.nrm.png", PICTURES[0], None),
        ("1.png", PICTURES[0], "one"),
    ]
    assert "unlabelled, versions of a labelled image: 2 images: 1.bin.png, 1.nrm.png" in caplog.text
    (folder / "1.png").unlink()
    with pytest.raises(DataError, match=r"several images of one name, the text belongs to one: 1\.nrm\.png"):
        opened(folder)


@pytest.mark.parametrize(
    ("content", "why"),
    [("one\ntwo\nthree\n", "several lines of text each"), ("0 0.5 0.5 0.2 0.1\n", "they hold boxes")],
)
def test_texts_that_are_no_lines_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, why: str
) -> None:
    folder = images(tmp_path / "set")
    for i in range(3):
        (folder / f"{i}.txt").write_text(content)
    assert texts_of(folder) == [None] * 3
    assert "holds *.txt, which is not used" in caplog.text
    assert why in caplog.text


def test_a_text_whose_image_is_missing_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = images(tmp_path / "set")
    for i in range(4):
        (folder / f"{i}.txt").write_text(f"line {i}")
    assert texts_of(folder) == ["line 0", "line 1", "line 2"]
    assert "not used, without an image of the name: 1 text: 3.txt" in caplog.text
    with pytest.raises(DataError, match=r"1 sample has no image: 3\.txt"):
        opened(in_tar(folder))


def test_lines_without_a_text_beside_a_list_that_has_them_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = written(tmp_path / "set", "all.txt", TABBED)
    (folder / "0.gt.txt").write_text("one")
    assert texts_of(folder) == ["one", None, None]
    assert "holds all.txt, which is not used; give labels: all.txt" in caplog.text
    assert TEXTS[0] == "one"


def test_a_tar_of_images_with_unknown_texts_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = images(tmp_path / "set")
    for i in range(3):
        (folder / f"{i}.label").write_text("x")
    assert texts_of(in_tar(folder)) == [None] * 3
    assert "no line has a text; members that are not used: .label" in caplog.text


def test_files_next_to_images_that_are_no_texts_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = images(tmp_path / "set")
    for i in range(3):
        (folder / f"{i}.json").write_text('{"text": "x"}')
        (folder / f"{i}.box").write_text("x 0 0 1 1 0")
    assert texts_of(folder) == [None] * 3
    assert "holds *.json, which is not used (3 files next to images)" in caplog.text
    assert len(caplog.records) == 1
    with pytest.raises(DataError, match=r"texts next to images end in \.gt\.txt or \.txt, not in \.json"):
        opened(folder, kind="folder", labels="*.json")


def test_a_second_list_of_other_images_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = TABBED.splitlines()
    folder = written(tmp_path / "set", "train.txt", f"{first}\n{second}\n")
    (folder / "val.txt").write_text(f"{third}\n", encoding="utf-8")
    assert opened(folder) == EXPECTED[:2]
    assert "holds val.txt, which is not used" in caplog.text
