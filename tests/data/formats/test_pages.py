"""Lines cut out of pages: PAGE XML, ALTO and PPOCRLabel, on a page whose pixels are known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from distill.data.formats.page_cuts import cut_line
from distill.data.formats.page_lines import points_of
from students.errors import DataError
from students.image import decode_image
from tests.page_files import (
    HEIGHT,
    INK,
    PAPER,
    SLANTED,
    WIDTH,
    alto_xml,
    equiv,
    opened,
    page_image,
    page_xml,
    read,
    text_line,
)

PAGE_NAMESPACES = [
    f"http://schema.primaresearch.org/PAGE/gts/pagecontent/{version}"
    for version in ("2010-03-19", "2013-07-15", "2019-07-15")
]
ALTO_NAMESPACES = ["", *(f"http://www.loc.gov/standards/alto/ns-v{version}#" for version in (2, 3, 4))]


@pytest.mark.parametrize("namespace", PAGE_NAMESPACES)
def test_page_xml_gives_names_texts_and_cut_lines(tmp_path: Path, namespace: str) -> None:
    page_image(tmp_path)
    word = f'<Word id="w"><Coords points="0,0 1,0 1,1"/>{equiv("word")}</Word>'
    lines = [
        text_line("a", SLANTED, equiv("other", 2) + equiv("Größe &amp; Maß", 1)),
        text_line("b", "15,36 30,36 30,44 15,44", word * 2),
        text_line("c", "15,36 30,36 30,44 15,44", equiv("")),
        text_line("d", "15,36 30,36 30,44 15,44", word + equiv("the line")),
    ]
    (tmp_path / "p1.xml").write_text(page_xml("".join(lines), namespace=namespace), "utf-8")
    names, texts, (first, second, *_) = read(tmp_path)
    assert names == ["p1/a", "p1/b", "p1/c", "p1/d"]
    assert texts == ["Größe & Maß", "word word", None, "the line"]
    assert first.shape == (20, 51)  # as long and high as the sides of its four corners
    assert (first[8, 15:40] < INK + 20).all()
    assert (first[18:] == PAPER).all()  # the neighbour lies in the box, but below the polygon
    assert (second == INK + 1).all()


@pytest.mark.parametrize("namespace", ALTO_NAMESPACES)
def test_alto_gives_polygons_or_boxes_and_words(tmp_path: Path, namespace: str) -> None:
    page_image(tmp_path)
    box = 'HPOS="15" VPOS="36.0" WIDTH="15" HEIGHT="8"'
    shape = f'<Shape><Polygon POINTS="{SLANTED.replace(",", " ")}"/></Shape>'
    lines = [
        f'<TextLine ID="a" {box}>{shape}<String CONTENT="Sub"/><SP/><String CONTENT="stanz"/><HYP CONTENT="-"/>'
        "</TextLine>",
        f'<TextLine ID="b" {box}><String CONTENT="box"/></TextLine>',
        f'<TextLine ID="c" {box}/>',
    ]
    (tmp_path / "p1.xml").write_text(alto_xml("".join(lines), namespace), "utf-8")
    names, texts, (first, second, _) = read(tmp_path)
    assert (names, texts) == (["p1/a", "p1/b", "p1/c"], ["Sub stanz-", "box", None])
    assert first.shape == (20, 51)
    assert second.shape == (8, 15)
    assert (second == INK + 1).all()


def test_an_alto_line_without_a_place_is_where_its_strings_are(tmp_path: Path) -> None:
    page_image(tmp_path)
    strings = [f'<String CONTENT="a" HPOS="{x}" VPOS="36" WIDTH="5" HEIGHT="{8 - i}"/>' for i, x in enumerate((15, 25))]
    (tmp_path / "p1.xml").write_text(alto_xml(f'<TextLine ID="a">{"<SP/>".join(strings)}</TextLine>'))
    _, texts, (line,) = read(tmp_path)
    assert texts == ["a a"]
    assert line.shape == (8, 15)
    assert (line == INK + 1).all()


@pytest.mark.parametrize(
    "points",
    [
        "15, 36  30, 36\n 30 , 44 15,44",
        "15 36 30 36 30 44 15 44",
        "15.0,36.0 30.0,36.0 30,44 15,44,",
        "1.5e1,36 30,36 30,44 15,44 15,36",
        "30,44 15,44 15,36 30,36",
    ],
)
def test_coordinates_as_programs_write_them(tmp_path: Path, points: str) -> None:
    page_image(tmp_path)
    (tmp_path / "p1.xml").write_text(page_xml(text_line("a", points, "")))
    assert (read(tmp_path)[2][0] == np.full((8, 15), INK + 1)).all()


@pytest.mark.parametrize(("kind", "names"), [("alto", "page/line_{}"), ("page", "page/r0l{}")])
def test_a_page_as_tesseract_describes_it(tmp_path: Path, kind: str, names: str) -> None:
    """Tesseract 5.5.4 wrote both files of `page.png`, by its own renderers of ALTO and PAGE."""
    written = Path(__file__).parents[2] / "files" / "tesseract"
    shutil.copy(written / "page.png", tmp_path)
    shutil.copy(written / f"{kind}.xml", tmp_path / "page.xml")
    found, texts, crops = read(tmp_path)
    assert found == [names.format(i) for i in range(3)]
    assert texts == ["A quiet morning at the mill", "twelve sacks of flour, 3.50 each", "paid in full on 4 May"]
    for crop in crops:
        assert 15 <= crop.shape[0] <= 30
        assert (crop.min(), crop.max()) == (0, 255)


def test_a_margin_widens_the_polygon_and_ends_at_the_page(tmp_path: Path) -> None:
    page_image(tmp_path)
    (tmp_path / "p1.xml").write_text(page_xml(text_line("a", "15,22 55,22 55,26 15,26", "")))
    assert read(tmp_path)[2][0].shape == (4, 40)
    wider = read(tmp_path, margin_px=20)[2][0]
    assert wider.shape == (44, 75)  # from 22 - 20 to 26 + 20, and from the edge to 55 + 20
    assert (wider[18:26, 15:55] == INK).all()


def test_the_cut_keeps_what_is_inside_and_lays_paper_outside() -> None:
    page_HWC = np.random.default_rng(0).integers(150, 250, (60, 90, 3), np.uint8)
    triangle = np.array([[10, 10], [70, 10], [10, 50]], float)
    line_HWC = cut_line(page_HWC, triangle, 0)
    y, x = np.mgrid[:40, :60] + 0.0
    inside = x / 60 + y / 40 < 0.97  # half a pixel of the edge is not compared
    outside = x / 60 + y / 40 > 1.05
    assert (line_HWC[inside] == page_HWC[10:50, 10:70][inside]).all()
    paper = line_HWC[outside]
    assert (paper == paper[0]).all()
    assert np.abs(paper[0].astype(int) - np.median(page_HWC[10:50, 10:70][inside], axis=0)).max() <= 3


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ("", "has 0 points"),
        ("1,1 5,5", "has 2 points"),
        ("1,1 5,5 7", "has 2.5 points"),
        ("1,1 5,5 a,b", "not a row of numbers"),
        ("1,1 5,5 9,9", "encloses nothing"),
        ("1,1 150,1 150,20", "leaves the page of 120 x 80 px at 150,1"),
        ("-12,1 50,1 50,20", "leaves the page of 120 x 80 px at -12,1"),
        ("nan,1 50,1 50,20", "leaves the page"),
    ],
)
def test_a_bad_polygon_refuses_its_line_alone(tmp_path: Path, points: str, reason: str) -> None:
    page_image(tmp_path)
    (tmp_path / "p1.xml").write_text(page_xml(text_line("a", points, "") + text_line("b", SLANTED, "")))
    contents = opened(tmp_path)
    with pytest.raises(DataError, match=reason):
        contents.fetch(0)
    contents.fetch(1)
    assert points_of("0 0, 1 0, 1 1").shape == (3, 2)


def test_a_page_marked_on_another_size_refuses_its_lines(tmp_path: Path) -> None:
    page_image(tmp_path)
    (tmp_path / "p1.xml").write_text(page_xml(text_line("a", SLANTED, ""), size=(2 * WIDTH, HEIGHT)))
    with pytest.raises(DataError, match=r"p1\.png: 120 x 80 px, but its lines were marked on 240 x 80 px"):
        read(tmp_path)


EXPANDING = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><PcGts>&b;</PcGts>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><PcGts>&a;</PcGts>'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (page_xml("")[:-10], r"p1\.xml: not well-formed XML"),
        (EXPANDING, r"p1\.xml: has a document type"),
        (EXTERNAL, r"p1\.xml: has a document type"),
        (page_xml("", image="other.png"), r"1 image cannot be found: .*p1\.xml names 'other\.png'"),
        (page_xml("", image="../../outside.png"), r"1 image cannot be found"),
        (alto_xml("", image=""), "1 image cannot be found"),
        ("<PcGtsLike/>", r"holds no PAGE XML or ALTO file; it has .*p1\.xml \(<PcGtsLike>\)"),
        (page_xml("").replace('imageWidth="120"', 'imageWidth="wide"'), "a page of 'wide' x '80' is no size"),
        (page_xml(""), "holds no lines"),
        (alto_xml("").replace("<Page", "<Page/><Page"), r"p1\.xml: holds 2 pages"),
    ],
)
def test_a_broken_page_is_one_error(tmp_path: Path, content: str, reason: str) -> None:
    page_image(tmp_path / "set" / "deep", "p0.png" if reason.startswith(("1 image ", "holds no PAGE")) else "p1.png")
    page_image(tmp_path, "outside.png")
    (tmp_path / "set" / "deep" / "p1.xml").write_text(content)
    with pytest.raises(DataError, match=f"(?s){reason}"):
        read(tmp_path / "set")


@pytest.mark.parametrize("name", ["notes.txt", "some.json", "labels.tsv"])
def test_a_file_that_marks_no_pages_is_not_taken_for_broken_xml(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"a": "b"}')
    with pytest.raises(DataError, match=rf"{name}: marks no lines on pages; read are pages\.json, PAGE XML"):
        read(tmp_path / name, kind="pages")
    (tmp_path / "p1.page").write_text(page_xml("")[:-10])
    with pytest.raises(DataError, match="not well-formed XML"):
        read(tmp_path / "p1.page", kind="pages")


def test_images_one_folder_up_are_found_and_a_page_described_twice_is_not_read_twice(tmp_path: Path) -> None:
    page_image(tmp_path)
    for name, content in (("page", page_xml(text_line("a", SLANTED, ""))), ("alto", alto_xml(""))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p1.xml").write_text(content)
    (tmp_path / "mets.xml").write_text("<mets/>")
    with pytest.raises(DataError, match=r"p1\.png: described by .*alto/p1\.xml and by .*page/p1\.xml; name the folder"):
        read(tmp_path)
    assert read(tmp_path / "page")[0] == ["p1/a"]
    assert read(tmp_path / "page" / "p1.xml")[0] == ["p1/a"]


def test_boxes_of_ppocrlabel_are_cut_like_polygons(tmp_path: Path) -> None:
    page_image(tmp_path / "set")
    corners = [[int(n) for n in point.split(",")] for point in SLANTED.split()]
    boxes = [
        {"transcription": "a\tb", "points": corners, "difficult": False},
        {"transcription": "###", "points": corners[:2], "difficult": True},
        {"transcription": "", "points": corners, "difficult": False},
    ]
    row = f"set/p1.png\t{json.dumps(boxes)}\n"
    (tmp_path / "set" / "Label.txt").write_text(row)
    contents = opened(tmp_path / "set")
    assert (contents.names, contents.texts) == (["p1/0000", "p1/0001", "p1/0002"], ["a\tb", None, None])
    assert decode_image(contents.fetch(0)).shape == (20, 51)
    for broken, reason in (
        (row.replace("p1.png", "p2.png"), r"Label\.txt:1: the page image 'set/p2\.png' does not exist"),
        (row + "set/p1.png\n", r"Label\.txt:2: no tab"),
        (row.replace("points", "point"), r"Label\.txt:1: not a JSON list of boxes .*KeyError"),
        (row.replace("[10, 10]", "[10]"), r"Label\.txt:1: not a JSON list of boxes"),
        (row.replace('"###"', "null"), r"Label\.txt:1: not a JSON list of boxes .*the transcription None is not text"),
    ):
        (tmp_path / "set" / "Label.txt").write_text(broken)
        with pytest.raises(DataError, match=reason):
            read(tmp_path / "set")
