"""The image that a page description means: where it lies, which of its pixels are counted, and at what scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.data.formats.page_frames import as_stored
from distill.data.formats.page_images import header_of
from students.errors import DataError
from students.image import ORIENTATION, decode_image
from tests.page_files import (
    BOX,
    HEIGHT,
    INK,
    WIDTH,
    alto_xml,
    box,
    box_row,
    opened,
    page_image,
    page_xml,
    read,
    text_line,
)

LINE = text_line("a", BOX)
CUT = (8, 15)
COUNTED = "their lines count the pixels as stored"


@pytest.mark.parametrize(
    ("xml", "image", "named"),
    [
        ("p1.xml", "p1.png", "p1.png"),
        ("page/p1.xml", "p1.png", "p1.png"),
        ("page/p1.xml", "p1.png", "../p1.png"),
        ("OCR-D-GT-SEG-LINE/p1_page.xml", "OCR-D-IMG/p1.png", "OCR-D-IMG/p1.png"),
        ("data/OCR-D-GT/first/p1.xml", "data/OCR-D-IMG/p1.png", "./OCR-D-IMG/p1.png"),
        ("OCR-D-GT/p1.xml", "OCR-D-IMG/p1.png", "file:///home/x/workspace/OCR-D-IMG/p1.png"),
        ("x/p1.xml", "images/p1.png", "C:\\Users\\x\\images\\p1.png"),
        ("p1_page.xml", "p1.png", "OCR-D-IMG/p1.png"),
        ("p1_page.xml", "p1.PNG", "OCR-D-IMG/p1.png"),
        ("p1_page.xml", "p1.png", "p1.PNG"),
        ("other.xml", "p1.png", "https://example.org/images/p1.png?width=800#top"),
        ("other.xml", "p 1.png", "https://example.org/iiif/p%201.png"),
        ("other.xml", "p 1.png", "p%201.png"),
        ("other.xml", "p1.png", "https://example.org/iiif/2/book%2Fp1.png/full/full/0/default.jpg"),
        ("other.xml", "p1.png", "https://example.org/iiif/3/p1/full/max/0/default.jpg"),
        ("other.xml", "p1.png", "p1"),
        ("other.xml", "Blatt_\u00e4.png", "Blatt_a\u0308.png"),
        ("p1.xml", "p1.Tif", ""),
        ("p1.page.xml", "p1.png", ""),
        ("P1.XML", "P1.png", "P1.png"),
        ("page1.xml", "Page1.png", "page1.png"),
        ("page1.xml", "PAGE1.PNG", ""),
        ("x.xml", "P1.png", "C:\\scans\\p1.PNG"),
    ],
)
@pytest.mark.parametrize("kind", ["page", "alto"])
def test_the_image_is_found_by_what_the_file_calls_it(
    tmp_path: Path, xml: str, image: str, named: str, kind: str
) -> None:
    page_image(tmp_path / "set" / Path(image).parent, Path(image).name)
    page_image(tmp_path, Path(image).name, np.zeros((HEIGHT, WIDTH), np.uint8))  # outside of what is imported
    file = tmp_path / "set" / xml
    file.parent.mkdir(parents=True, exist_ok=True)
    line = '<TextLine ID="a" HPOS="15" VPOS="36" WIDTH="15" HEIGHT="8"/>'
    file.write_text(page_xml(LINE, named) if kind == "page" else alto_xml(line, image=named), "utf-8")
    (pixels,) = read(tmp_path / "set")[2]
    assert pixels.shape == CUT
    assert (pixels == INK + 1).all()


def test_the_named_folder_comes_before_an_image_beside_the_description(tmp_path: Path) -> None:
    page_image(tmp_path / "OCR-D-IMG")
    page_image(tmp_path / "OCR-D-BIN", pixels=np.full((HEIGHT, WIDTH), 7, np.uint8))
    page_image(tmp_path / "OCR-D-GT", pixels=np.full((HEIGHT, WIDTH), 9, np.uint8))
    (tmp_path / "OCR-D-GT" / "p1.xml").write_text(page_xml(LINE, "OCR-D-IMG/p1.png"))
    assert (read(tmp_path / "OCR-D-GT")[2][0] == INK + 1).all()


def test_an_image_of_like_name_stands_in_where_it_has_the_stated_size(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page_image(tmp_path)
    for named, xml in (("p1.jp2", "other.xml"), ("lost.png", "p1.xml")):
        (tmp_path / xml).write_text(page_xml(LINE, named))
        assert read(tmp_path)[2][0].shape == CUT
        assert "pages whose image is not there, read from one of like name and equal size: 1" in caplog.text
        caplog.clear()
        (tmp_path / xml).write_text(page_xml(LINE, named, size=(WIDTH, HEIGHT + 1)))
        with pytest.raises(DataError, match=f"1 image cannot be found: .* names '{named}'"):
            opened(tmp_path)
        (tmp_path / xml).unlink()


def test_of_several_images_of_the_files_own_name_one_is_read_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page_image(tmp_path, "p1.png")
    page_image(tmp_path, "p1.bmp")
    (tmp_path / "p1.xml").write_text(page_xml(LINE, ""))
    assert read(tmp_path)[2][0].shape == CUT
    assert "pages without the name of an image, read from the image of their own name: 1" in caplog.text
    assert "pages with several images of their name, the first is read: 1" in caplog.text


def turned_image(path: Path, orientation: int, pixels: np.ndarray) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(pixels).save(path, exif=exif)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_header_tells_what_decoding_does(tmp_path: Path, suffix: str, orientation: int) -> None:
    stored = np.random.default_rng(5).integers(0, 255, (20, 31), np.uint8)
    turned_image(tmp_path / f"a.{suffix}", orientation, stored)
    header = header_of(tmp_path / f"a.{suffix}")
    shown = decode_image(tmp_path / f"a.{suffix}")
    assert (header.stored, header.shown, header.orientation) == ((31, 20), shown.shape[1::-1], orientation)
    undone = as_stored(shown, orientation)
    assert undone.shape[:2] == (20, 31)
    if suffix in ("png", "tif"):
        assert (undone == stored).all()


def test_a_png_with_other_chunks_is_upright(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("Software", "a program")
    texts.add_text("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    picture = Image.fromarray(np.zeros((20, 31), np.uint8))
    picture.save(tmp_path / "turned.png", pnginfo=texts)
    picture.save(tmp_path / "plain.png", pnginfo=PngInfo())
    assert header_of(tmp_path / "plain.png").orientation == 1
    turned = header_of(tmp_path / "turned.png")
    assert turned.shown == decode_image(tmp_path / "turned.png").shape[1::-1]
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(DataError, match=r"broken\.png: not a readable image"):
        header_of(tmp_path / "broken.png")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("by", ["stored", "shown"])
def test_the_stated_size_says_which_pixels_are_counted(
    tmp_path: Path, orientation: int, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    stored = np.random.default_rng(6).integers(0, 255, (40, 60), np.uint8)
    turned_image(tmp_path / "p1.png", orientation, stored)
    shown = decode_image(tmp_path / "p1.png")
    size = (60, 40) if by == "stored" else shown.shape[1::-1]
    (tmp_path / "p1.xml").write_text(page_xml(text_line("a", "5,10 25,10 25,20 5,20"), size=size))
    counted = shown if by == "shown" and orientation >= 5 else stored
    assert (read(tmp_path)[2][0] == counted[10:20, 5:25]).all()
    assert (COUNTED in caplog.text) == (orientation in (2, 3, 4))


@pytest.mark.parametrize(
    ("size", "stated", "said"),
    [
        ((50, 50), 'WIDTH="50" HEIGHT="50"', f"pages turned by EXIF to the same size; {COUNTED}: 1"),
        ((60, 40), "", f"pages turned by EXIF, of no stated size; {COUNTED}: 1"),
        ((60, 40), 'WIDTH="0" HEIGHT="0"', f"pages turned by EXIF, of no stated size; {COUNTED}: 1"),
    ],
)
def test_where_the_size_decides_nothing_the_stored_pixels_are_counted_and_said(
    tmp_path: Path, size: tuple[int, int], stated: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    stored = np.random.default_rng(7).integers(0, 255, size[::-1], np.uint8)
    turned_image(tmp_path / "p1.png", 6, stored)
    line = '<TextLine ID="a" HPOS="5" VPOS="10" WIDTH="20" HEIGHT="10"/>'
    (tmp_path / "p1.xml").write_text(alto_xml(line, size=stated))
    assert (read(tmp_path)[2][0] == stored[10:20, 5:25]).all()
    assert said in caplog.text


def test_detection_lists_count_the_pixels_as_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    turned_image(tmp_path / "p1.png", 6, np.random.default_rng(8).integers(0, 255, (40, 60), np.uint8))
    corners = [(5, 30), (25, 30), (25, 45), (5, 45)]
    (tmp_path / "Label.txt").write_text(box_row("p1.png", box("a", corners)))
    assert (read(tmp_path)[2][0] == decode_image(tmp_path / "p1.png")[30:45, 5:25]).all()
    assert "pages turned by EXIF; their lines count the pixels as shown, as PPOCRLabel does: 1" in caplog.text


@pytest.mark.parametrize(
    ("unit", "size", "line", "said"),
    [
        ("mm10", 'WIDTH="1016" HEIGHT="677"', (127.0, 304.6, 127.0, 67.7), "pages measured in mm10, scaled by"),
        ("inch1200", 'WIDTH="480" HEIGHT="320"', (60, 144, 60, 32), "pages measured in inch1200, scaled by"),
        (
            "pixel",
            'WIDTH="240" HEIGHT="160"',
            (30, 72, 30, 16),
            "pages measured on another size of their image, scaled",
        ),
        ("pixel", f'WIDTH="{WIDTH}" HEIGHT="{HEIGHT}"', (15, 36, 15, 8), ""),
        ("Pixel", "", (15, 36, 15, 8), ""),
        ("px", f'WIDTH="{WIDTH}" HEIGHT="{HEIGHT}"', (15, 36, 15, 8), ""),
        ("inch10", 'WIDTH="12" HEIGHT="8"', (1.5, 3.6, 1.5, 0.8), "pages measured in inch10, scaled by"),
    ],
)
def test_units_are_scaled_by_the_size_of_the_page(
    tmp_path: Path,
    unit: str,
    size: str,
    line: tuple[float, ...],
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    page_image(tmp_path)
    left, top, width, height = line
    box_line = f'<TextLine ID="a" HPOS="{left}" VPOS="{top}" WIDTH="{width}" HEIGHT="{height}"/>'
    ends = (left, top), (left + width, top), (left + width, top + height), (left, top + height)
    points = " ".join(f"{x} {y}" for x, y in ends)
    polygon = f'<TextLine ID="b"><Shape><Polygon POINTS="{points}"/></Shape></TextLine>'
    (tmp_path / "p1.xml").write_text(alto_xml(box_line + polygon, unit=unit, size=size))
    for pixels in read(tmp_path)[2]:
        assert pixels.shape == pytest.approx(CUT, abs=1)
        assert np.median(pixels) == INK + 1
    assert (said in caplog.text) if said else not caplog.records


@pytest.mark.parametrize(
    ("unit", "size", "reason"),
    [
        ("mm10", "", r"p1\.png: its lines are measured in mm10 on a page of no stated size"),
        ("mm10", 'WIDTH="1016" HEIGHT="1016"', r"p1\.png: 120 x 80 px, but its lines were marked on 1016 x 1016 mm10"),
        ("pixel", 'WIDTH="80" HEIGHT="120"', r"p1\.png: 120 x 80 px, but its lines were marked on 80 x 120 px"),
    ],
)
def test_a_page_of_another_shape_than_its_image_refuses_its_lines(
    tmp_path: Path, unit: str, size: str, reason: str
) -> None:
    page_image(tmp_path)
    line = '<TextLine ID="a" HPOS="5" VPOS="10" WIDTH="20" HEIGHT="10"/>'
    (tmp_path / "p1.xml").write_text(alto_xml(line, unit=unit, size=size))
    with pytest.raises(DataError, match=reason):
        opened(tmp_path).fetch(0)
