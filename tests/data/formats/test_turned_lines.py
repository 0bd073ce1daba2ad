"""Lines that run in any direction on their page come out level: by corners, by baseline, by what stands around."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.data.formats.page_cuts import cut_line, cut_region
from distill.data.formats.page_marks import Marks
from distill.data.formats.page_regions import region_of
from students.errors import DataError
from students.image import decode_image
from tests.page_files import PAPER, alto_xml, box, box_row, opened, page_image, page_xml, read, text_line
from tests.turned_pages import HIGH, LENGTH, SIDE, Points, likeness, listed, on_baseline, placed, ring, written

TEXT = "slanted"


def by_corners(folder: Path, corners: Points) -> None:
    (folder / "Label.txt").write_text(box_row("p1.png", box(TEXT, corners)))


def by_corners_anticlockwise(folder: Path, corners: Points) -> None:
    by_corners(folder, [corners[0], *corners[:0:-1]])


def by_many_corners(folder: Path, corners: Points) -> None:
    by_corners(folder, ring(corners))


def by_baseline_and_corners(folder: Path, corners: Points) -> None:
    described(folder, text_line("a", listed(corners[2:] + corners[:2]), baseline=listed(on_baseline(corners))))


def by_baseline_and_outline(folder: Path, corners: Points) -> None:
    described(folder, text_line("a", listed(ring(corners)), baseline=listed(on_baseline(corners))))


def by_baseline_in_alto(folder: Path, corners: Points) -> None:
    shape = f'<Shape><Polygon POINTS="{listed(ring(corners))}"/></Shape>'
    baseline = listed(on_baseline(corners)).replace(",", " ")
    line = f'<TextLine ID="a" BASELINE="{baseline}">{shape}<String CONTENT="{TEXT}"/></TextLine>'
    (folder / "p1.xml").write_text(alto_xml(line, size=f'WIDTH="{SIDE}" HEIGHT="{SIDE}"'))


def by_outline(folder: Path, corners: Points) -> None:
    described(folder, text_line("a", listed(ring(corners))))


def by_baseline_from_the_right(folder: Path, corners: Points) -> None:
    described(folder, text_line("a", listed(ring(corners)), baseline=listed(on_baseline(corners)[::-1])))


def described(folder: Path, lines: str, **more: str) -> None:
    (folder / "p1.xml").write_text(page_xml(lines, size=(SIDE, SIDE), **more))


def cut(folder: Path, degrees: float, describe: Callable[[Path, Points], None]) -> np.ndarray:
    pixels, corners = placed(degrees)
    page_image(folder, pixels=pixels)
    describe(folder, corners)
    return read(folder)[2][0]


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 135, 180, -90, -30, 170])
@pytest.mark.parametrize(
    "describe",
    [
        by_corners,
        by_corners_anticlockwise,
        by_many_corners,
        by_baseline_and_corners,
        by_baseline_and_outline,
        by_baseline_in_alto,
    ],
)
def test_a_line_comes_out_level_whatever_its_angle(
    tmp_path: Path, describe: Callable[[Path, Points], None], degrees: float, caplog: pytest.LogCaptureFixture
) -> None:
    line_HW = cut(tmp_path, degrees, describe)
    assert line_HW.shape == pytest.approx((HIGH, LENGTH), abs=2)
    assert likeness(line_HW) > 0.97
    assert ("lines slanted or turned, straightened: 1 (p1/" in caplog.text) == (degrees != 0)


def test_an_upright_box_is_cut_without_a_change_of_any_pixel() -> None:
    """Whatever corner it begins at in PAGE, and closed to a ring or not."""
    page_HWC = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    corners = [(10, 20), (70, 20), (70, 45), (10, 45)]
    for ordered, begin in ((True, 0), (False, 0), (False, 1), (False, 2), (False, 3)):
        points = np.array(corners[begin:] + corners[:begin], float)
        for polygon_P2 in (points, np.concatenate([points, points[:1]])):
            region = region_of(Marks(polygon_P2, text="text", ordered=ordered), (90, 60), lambda _: None)
            assert (cut_region(page_HWC, region, 0) == page_HWC[20:45, 10:70]).all()
            assert (cut_region(page_HWC, region, 3) == cut_line(page_HWC, polygon_P2, 3)).all()


def test_quarter_turns_are_exact() -> None:
    page_HW = np.random.default_rng(1).integers(0, 255, (80, 80), np.uint8)
    corners = np.array([(40, 10), (40, 70), (20, 70), (20, 10)], float)  # text runs down
    region = region_of(Marks(corners, ordered=True), (80, 80), lambda _: None)
    assert (cut_region(page_HW, region, 0) == np.rot90(page_HW[10:70, 20:40])).all()


def test_perspective_is_undone(tmp_path: Path) -> None:
    corners = [(20.0, 30.0), (150.0, 50.0), (140.0, 110.0), (30.0, 70.0)]
    quad = [(0, 0), (LENGTH, 0), (LENGTH, HIGH), (0, HIGH)]
    equations, values = [], []
    for (x, y), (u, v) in zip(corners, quad, strict=True):  # page to line, as Pillow wants it
        equations += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    solved = np.linalg.solve(np.array(equations), np.array(values))
    page = Image.fromarray(written()).transform((SIDE, SIDE), Image.Transform.PERSPECTIVE, solved.tolist(), 3)
    page_image(tmp_path, pixels=np.asarray(page))
    by_corners(tmp_path, corners)
    assert likeness(read(tmp_path)[2][0]) > 0.97


def test_a_margin_shows_more_of_the_page_around_a_slanted_line(tmp_path: Path) -> None:
    pixels, corners = placed(25)
    page_image(tmp_path, pixels=pixels)
    by_corners(tmp_path, corners)
    bare, wider = read(tmp_path)[2][0], read(tmp_path, margin_px=6)[2][0]
    assert wider.shape == (bare.shape[0] + 12, bare.shape[1] + 12)
    assert likeness(wider[6:-6, 6:-6]) > 0.97
    assert np.abs(wider[:4, 8:-8].astype(int) - PAPER).max() < 12


@pytest.mark.parametrize(("degrees", "turned"), [(90, -90), (180, 180), (-90, 90)])
def test_the_turn_of_a_region_is_that_of_its_lines(tmp_path: Path, degrees: int, turned: int) -> None:
    """PAGE and ALTO count anticlockwise; a line that would then be higher than long is left as it is."""
    pixels, corners = placed(degrees)
    page_image(tmp_path, pixels=pixels)
    upright = "20,20 80,20 80,40 20,40"
    lines = text_line("a", listed(ring(corners))) + text_line("b", upright)
    described(tmp_path, lines, region=f'orientation="{turned}"')
    first, second = read(tmp_path)[2]
    assert likeness(first) > 0.97
    assert second.shape == (20, 60)
    (tmp_path / "p1.xml").unlink()
    shape = f'<TextLine ID="a"><Shape><Polygon POINTS="{listed(ring(corners))}"/></Shape></TextLine>'
    size = f'WIDTH="{SIDE}" HEIGHT="{SIDE}"'
    (tmp_path / "p1.xml").write_text(alto_xml(shape, size=size, block=f'ROTATION="{turned}"'))
    assert likeness(read(tmp_path)[2][0]) > 0.97


@pytest.mark.parametrize("begin", range(4))
@pytest.mark.parametrize("degrees", [25, -40])
def test_slanted_corners_that_begin_anywhere_hold_upright_text(tmp_path: Path, degrees: int, begin: int) -> None:
    """PAGE gives the order no meaning: only the long sides and, along them, the first corner decide."""
    pixels, corners = placed(degrees)
    page_image(tmp_path, pixels=pixels)
    described(tmp_path, text_line("a", listed(corners[begin:] + corners[:begin])))
    line_HW = read(tmp_path)[2][0]
    assert likeness(line_HW if begin != 2 else line_HW[::-1, ::-1]) > 0.97


def test_an_outline_without_a_baseline_is_straightened_where_that_makes_it_less_high(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert likeness(cut(tmp_path, 20, by_outline)) > 0.97
    assert "lines without a baseline, straightened along the smallest rectangle around their polygon: 1" in caplog.text
    caplog.clear()
    level = cut(tmp_path, 1, by_outline)
    assert level.shape == pytest.approx((HIGH + 2, LENGTH), abs=2)
    assert not caplog.records


def test_a_high_box_in_page_is_turned_where_its_corners_say_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pixels, corners = placed(90)
    page_image(tmp_path, pixels=pixels)
    text = "<TextEquiv><Unicode>down</Unicode></TextEquiv>"
    high = listed(corners[3:] + corners[:3])
    lines = [text_line("a", listed(corners), text), text_line("b", high, text), text_line("c", listed(corners))]
    described(tmp_path, "".join(lines))
    turned, upright, short = read(tmp_path)[2]
    assert likeness(turned) > 0.97
    assert upright.shape == short.shape == (LENGTH, HIGH)
    assert "in high boxes, turned by the order of their corners, as they have no baseline: 1 (p1/a)" in caplog.text


@pytest.mark.parametrize(("text", "flipped"), [("abc", False), ("שלום", True)])
def test_a_baseline_from_the_right_is_upside_down_unless_its_script_runs_so(
    tmp_path: Path, text: str, flipped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    pixels, corners = placed(180)
    page_image(tmp_path, pixels=pixels)
    inside = f"<TextEquiv><Unicode>{text}</Unicode></TextEquiv>"
    described(tmp_path, text_line("a", listed(corners), inside, listed(on_baseline(corners))))
    line_HW = read(tmp_path)[2][0]
    assert likeness(line_HW[::-1, ::-1] if flipped else line_HW) > 0.97
    assert ("drawn from right to left under upright text" in caplog.text) == flipped


def test_a_baseline_drawn_from_the_right_below_upright_text_turns_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line_HW = cut(tmp_path, 0, by_baseline_from_the_right)
    assert likeness(line_HW) > 0.97
    assert "lines with a baseline drawn from right to left under upright text, cut upright: 1 (p1/a)" in caplog.text


@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_a_baseline_without_a_polygon_is_as_high_as_its_neighbours(
    tmp_path: Path, degrees: int, caplog: pytest.LogCaptureFixture
) -> None:
    pixels, corners = placed(degrees)
    page_image(tmp_path, pixels=pixels)
    baseline = listed(on_baseline(corners))
    other = text_line("b", "5,5 105,5 105,29 5,29", "", "5,23 105,23")
    described(tmp_path, text_line("a", "", "", baseline) + other)
    line_HW = read(tmp_path)[2][0]
    assert line_HW.shape == pytest.approx((HIGH, LENGTH), abs=1)
    assert likeness(line_HW) > 0.97
    assert "lines without a polygon, cut as high as the lines of their page that have one: 1 (p1/a)" in caplog.text


def test_baselines_alone_are_as_high_as_their_distance_lets_them_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page_image(tmp_path, pixels=placed(0)[0])
    lines = [text_line(name, "", "", f"10,{y} 110,{y}") for name, y in (("a", 60), ("b", 80), ("c", 100))]
    described(tmp_path, "".join(lines))
    assert [line.shape for line in read(tmp_path)[2]] == [(19, 100)] * 3  # 0.7 of 20 px above and 0.25 below
    assert "lines without a polygon on their page, cut as high as the distance between its baselines: 3" in caplog.text
    described(tmp_path, lines[0])
    with pytest.raises(DataError, match="it has no polygon, and no line beside its baseline shows how high it is"):
        opened(tmp_path).fetch(0)


@pytest.mark.parametrize(
    ("points", "shape"),
    [
        ("-2,10 90,10 90,42 -2,42", (32, 90)),
        ("110,170 201,170 201,204 110,204", (30, 90)),
        ("20,-9.5 90,-9.5 90,20 50,22 20,20", (22, 70)),
    ],
)
def test_a_corner_a_few_pixels_outside_is_clipped_and_counted(
    tmp_path: Path, points: str, shape: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    page_image(tmp_path, pixels=placed(0)[0])
    far = points.replace("-2,", "-40,").replace("201,", "240,").replace("-9.5", "-30")
    described(tmp_path, text_line("a", points) + text_line("b", far))
    contents = opened(tmp_path)
    assert decode_image(contents.fetch(0)).shape == shape
    assert "lines with a corner a few pixels outside the page, clipped to it: 1 (p1/a)" in caplog.text
    with pytest.raises(DataError, match="leaves the page of 200 x 200 px at"):
        contents.fetch(1)


def test_what_of_a_slanted_line_lies_outside_is_paper(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pixels, corners = placed(30, (45, 45))
    assert min(x for x, _ in corners) < 0
    page_image(tmp_path, pixels=pixels)
    by_corners(tmp_path, corners)
    line_HW = read(tmp_path)[2][0]
    assert line_HW.shape == (HIGH, LENGTH)
    assert np.corrcoef(line_HW[:, 20:].ravel(), written()[:, 20:].ravel())[0, 1] > 0.97
    assert "clipped to it: 1" in caplog.text
