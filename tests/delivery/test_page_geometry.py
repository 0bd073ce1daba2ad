"""The geometry of pages in a browser, module by module, beside the Python code that it repeats. No networks here."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from distill.delivery.demo import whole_page_files
from distill.delivery.serving import open_routes
from students.pages.cutting import cut
from students.pages.finding import LineFinding, find_lines
from students.pages.order import reading_order
from students.pages.preparation import PagePreparation
from tests.marked_pages import IdealLocator, level
from tests.students.pages.test_finding import ideal_maps
from tests.students.pages.test_gaps import row

pytestmark = pytest.mark.browser

SCRIPT = "http://127.0.0.1:{}/look.css"  # any address of the server: modules are imported from there
LEVELS = "(text) => Uint8ClampedArray.from(atob(text), (c) => c.charCodeAt(0))"
TEXT = '(levels) => btoa(Array.from(levels, (level) => String.fromCharCode(level)).join(""))'


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    with open_routes(whole_page_files(), "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opened = browser.new_context().new_page()
        opened.goto(SCRIPT.format(server.server_port))
        yield opened
        opened.context.close()
        server.shutdown()


def turned(line_P2: np.ndarray, degrees: float, centre: tuple[float, float]) -> np.ndarray:
    """Points turned clockwise around a centre."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    points_P2: np.ndarray = (line_P2 - centre) @ np.array([[cosine, sine], [-sine, cosine]]) + centre
    return points_P2


def encoded(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def decoded(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).astype(int)


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A page of smooth noise, (H, W)."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5).astype(np.int32)
    levels_HW: np.ndarray = np.clip(smooth * 3 - 256, 0, 255).astype(np.uint8)
    return levels_HW


PREPARED = f"""async ([text, width, height, preparation]) => {{
  const {{ preparedPage }} = await import("./whole/preparation.js");
  const plane = ({LEVELS})(text);
  const page = {{ planes: [plane, plane, plane, plane], width, height }};
  const {{ data, dims, size, scale }} = preparedPage(page, preparation);
  return {{ levels: ({TEXT})(data.map((value) => Math.round(value * 127.5 + 127.5))), dims, size, scale }};
}}"""


@pytest.mark.parametrize(("height", "width"), [(90, 140), (150, 70), (240, 231), (300, 200), (400, 300)])
def test_pages_are_scaled_as_opencv_scales_them(page: Any, height: int, width: int) -> None:
    page_HW = textured(height, width)
    preparation = PagePreparation(pixels=30_000)
    prepared = preparation.prepare(page_HW)
    found = page.evaluate(PREPARED, [encoded(page_HW), width, height, preparation.model_dump()])
    assert found["dims"] == [1, *prepared.tensor_CHW.shape]
    assert tuple(found["size"]) == prepared.size_px
    assert found["scale"] == pytest.approx(prepared.scale_xy)
    off = np.abs(decoded(found["levels"]) - np.rint(prepared.tensor_CHW.ravel() * 127.5 + 127.5))
    assert off.max() <= 1
    assert (off > 0).mean() < 0.002


FOUND = f"""async ([text, height, width, prepared, finding]) => {{
  const {{ findLines }} = await import("./whole/finding.js");
  const {{ mapsOf }} = await import("./whole/cores.js");
  const floats = (encoded) => new Float32Array(({LEVELS})(encoded).buffer);
  return findLines(mapsOf(floats(text), height, width), {{ ...prepared, data: floats(prepared.data) }}, finding);
}}"""


def bent_maps(width: int = 256, height: int = 128) -> np.ndarray:
    """Maps (5, H / 4, W / 4) of a line that is an arc, and of a straight one below it."""
    x_W, y_H = (np.arange(side) * 4 + 2.0 for side in (width // 4, height // 4))
    middle_W = 40 + 16 * np.sin((x_W - 20) / 216 * np.pi)
    slope_W = 16 * np.pi / 216 * np.cos((x_W - 20) / 216 * np.pi)
    maps_CHW = np.zeros((5, len(y_H), len(x_W)), np.float32)
    maps_CHW[0], maps_CHW[3] = -6, 1
    for middle, slope in ((middle_W, slope_W), (np.full_like(x_W, 100), np.zeros_like(x_W))):
        down_HW = (middle[None] - y_H[:, None]) / np.hypot(1, slope)
        core_HW = (np.abs(down_HW) < 7) & (x_W > 24) & (x_W < 232)
        values = (np.full_like(down_HW, 5), 12 - down_HW, 12 + down_HW)
        for channel, value_HW in enumerate(values):
            maps_CHW[channel][core_HW] = value_HW[core_HW]
        for channel, way_W in ((3, 1 / np.hypot(1, slope)), (4, slope / np.hypot(1, slope))):
            maps_CHW[channel][core_HW] = np.broadcast_to(way_W, core_HW.shape)[core_HW]
    return maps_CHW


def expect_lines(page: Any, maps: Any, prepared: Any, finding: LineFinding) -> list[int]:
    """The lines of Python's code are found, each with its points; returns how many points each has."""
    output_CHW = np.stack(maps)
    seen_CHW = prepared.tensor_CHW
    known = {
        "size": prepared.size_px,
        "scale": prepared.scale_xy,
        "data": encoded(seen_CHW),
        "dims": [1, *seen_CHW.shape],
    }
    found = page.evaluate(
        FOUND, [encoded(output_CHW.astype(np.float32)), *output_CHW.shape[1:], known, finding.model_dump()]
    )
    wanted = find_lines(maps, prepared, finding)
    assert len(found) == len(wanted) > 0
    for line in wanted:
        least = min(found, key=lambda one: np.abs(np.array(one["corners"]) - line.corners_42).max())
        for name, points in (("corners", line.corners_42), ("polygon", line.polygon_P2), ("box", np.array(line.box))):
            assert np.array(least[name]).shape == points.shape
            assert np.abs(np.array(least[name]) - points).max() < 0.01
        assert least["found"] == pytest.approx(line.found)
    return [len(line.polygon_P2) for line in wanted]


def test_lines_are_found_where_python_finds_them(page: Any) -> None:
    lines = [level(30, 40, 330, 64), level(30, 70, 46, 94), level(120, 75, 300, 91), level(5, 300, 395, 330)]
    turned_lines = [turned(line, angle, (200, 200)) for line, angle in zip(lines, (0, 3, -8, 12), strict=True)]
    for corners_N42 in (lines, turned_lines):
        locator = IdealLocator(np.array(corners_N42))
        maps, prepared = locator.maps(np.full((400, 400), 255, np.uint8))
        assert set(expect_lines(page, maps, prepared, locator.description.finding)) == {4}


def test_a_line_that_bends_has_the_same_outline(page: Any) -> None:
    from students.pages.maps import Maps
    from students.pages.preparation import PreparedPage

    prepared = PreparedPage(np.zeros((1, 128, 256), np.float32), (250, 126), (1.5, 1.4))
    points = expect_lines(page, Maps.of_output(bent_maps()), prepared, LineFinding())
    assert max(points) > 4
    assert min(points) == 4


@pytest.mark.parametrize(("gaps_px", "n_parts"), [([24, 7, 30], 3), ([7, 8, 7], 1), ([40], 2)])
@pytest.mark.parametrize("degrees", [0, 3])
def test_lines_are_parted_where_python_parts_them(page: Any, gaps_px: list[int], n_parts: int, degrees: float) -> None:
    from students.pages.maps import Maps
    from students.pages.preparation import PreparedPage

    corners_42, _, page_HW, _ = row(gaps_px)
    corners_42 = np.add(corners_42, [(0, -3), (0, -3), (0, 3), (0, 3)])  # most of a line is paper
    (height, width), centre = page_HW.shape, (200, 70)
    turn_23 = cv2.getRotationMatrix2D(centre, -degrees, 1)
    seen_HW = cv2.warpAffine(page_HW, turn_23, (width, height), borderValue=(1.0,))
    maps = ideal_maps(turned(corners_42, degrees, centre)[None], (width, height))
    maps = Maps(np.minimum(maps.core, 1.0), *maps[1:])  # a locator that is sure of no gap
    prepared = PreparedPage(np.stack([seen_HW, 0.8 * seen_HW, seen_HW]), (width, height), (1.5, 1.4))
    assert len(find_lines(maps, prepared, LineFinding())) == 1
    assert expect_lines(page, maps, prepared, LineFinding(gap=0.9, gap_core=0.9)) == [4] * n_parts


CUT = f"""async ([text, width, height, outlines, margin]) => {{
  const {{ cut }} = await import("./whole/cutting.js");
  const page = {{ planes: [({LEVELS})(text)], width, height }};
  return outlines.map((outline) => {{
    const line = cut(page, outline, margin);
    return {{ width: line.width, height: line.height, levels: ({TEXT})(line.planes[0]) }};
  }});
}}"""


@pytest.mark.parametrize("margin", [0, 3])
def test_lines_are_cut_as_python_cuts_them(page: Any, margin: int) -> None:
    page_HW = textured(160, 200, seed=1)
    box = level(60, 70, 150, 90)
    turns = [turned(box, angle, (100, 80)) for angle in (0, 5, 90, 97, 180, 184, 270, 281)]
    beyond = [level(-12, -6, 90, 14), turned(level(120, 140, 240, 170), 4, (200, 160)), level(300, 20, 340, 40)]
    across_S = np.linspace(30, 170, 7)
    top_S2 = np.stack([across_S, 60 + 12 * np.sin(across_S / 30)], axis=1)
    bent = np.concatenate([top_S2, (top_S2 + np.array([0, 20]))[::-1]])
    outlines = [*turns, *beyond, bent, bent - np.array([35, 0])]
    found = page.evaluate(CUT, [encoded(page_HW), 200, 160, [outline.tolist() for outline in outlines], margin])
    for line, outline in zip(found, outlines, strict=True):
        wanted_HW = cut(page_HW, outline, margin)
        assert (line["height"], line["width"]) == wanted_HW.shape
        off = np.abs(decoded(line["levels"]) - wanted_HW.ravel().astype(int))
        assert off.max() <= 4  # OpenCV 4 rounds places to 1/32 of a pixel
        assert off.mean() < 0.5


ORDER = """async (pages) => {
  const { readingOrder } = await import("./whole/order.js");
  return pages.map(([corners, rightToLeft]) => readingOrder(corners, rightToLeft));
}"""


def layout(seed: int) -> np.ndarray:
    """Corners (N, 4, 2) of a page: a title, columns of running text or a table, a tilt, in no order."""
    rng = np.random.default_rng(seed)
    lines = [level(20, 10, rng.uniform(200, 580), 40)] if seed % 2 else []
    n_columns, n_rows, step = rng.integers(1, 4), rng.integers(1, 20), rng.uniform(18, 40)
    for c in range(n_columns):
        left, right = 20 + c * 560 / n_columns, (c + 1) * 560 / n_columns
        for r in range(n_rows + c):
            y = 60 + step * r + rng.uniform(-2, 2) + (9 if seed % 3 == 0 else 0) * c
            end = right if seed % 4 else left + rng.uniform(20, right - left)
            for x0, x1 in (
                ((left, end),) if rng.uniform() < 0.8 else ((left, left + 30), (left + 38, max(end, left + 60)))
            ):
                lines.append(level(x0 + rng.uniform(-2, 2), y, x1, y + 16))
    angle = (0.0, 0.0, 4.0, -6.0, 90.0)[seed % 5]
    return np.array([turned(line, angle, (300, 300)) for line in rng.permutation(np.array(lines))])


def test_lines_are_read_in_the_order_of_python(page: Any) -> None:
    pages = [(layout(seed), bool(seed % 7 == 0)) for seed in range(80)]
    wanted = [reading_order(corners_N42, right_to_left) for corners_N42, right_to_left in pages]
    assert page.evaluate(ORDER, [[corners_N42.tolist(), left] for corners_N42, left in pages]) == wanted
    assert page.evaluate(ORDER, [[[], False]]) == [[]]


TILES = """async () => {
  const { PageReader } = await import("./whole/reader.js");
  const stride = 4;
  const session = { run: async ({ images: { data, dims: [, , high, wide] } }) => {
    const maps = { dims: [1, 5, high / stride, wide / stride], data: new Float32Array((5 * high * wide) / 16) };
    for (let y = 0; y < high / stride; y++) {
      for (let x = 0; x < wide / stride; x++) maps.data[(y * wide) / stride + x] = data[y * stride * wide + x * stride];
    }
    return { maps };
  } };
  class Tensor { constructor(kind, data, dims) { Object.assign(this, { data, dims }); } }
  const reader = Object.create(PageReader.prototype);
  Object.assign(reader, { ort: { Tensor }, locator: { session, description: { receptive_px: 40 } } });
  const dims = [1, 1, 1600, 3136];
  const prepared = { dims, data: Float32Array.from({ length: 1600 * 3136 }, (_, i) => i % 9973) };
  const [whole, tiled] = [await reader.mapsIn(prepared), await reader.mapsInTiles(prepared)];
  return whole.data.every((value, i) => value === tiled.data[i]) && tiled.dims.join() === whole.dims.join();
}"""


def test_tiles_give_the_maps_of_the_whole_page(page: Any) -> None:
    assert page.evaluate(TILES)


KINDS = """async (kinds) => {
  const { PageReader } = await import("./whole/reader.js");
  const models = kinds.map((kind) => ({ description: { kind } }));
  try { new PageReader({}, ...models); } catch (error) { return error.message; }
}"""


def test_models_in_the_other_ones_place_are_named(page: Any) -> None:
    assert "the two models are exchanged" in page.evaluate(KINDS, ["student", "locator"])
    assert "the first model is a locator_teacher" in page.evaluate(KINDS, ["locator_teacher", "student"])
    assert "the second model is a locator" in page.evaluate(KINDS, ["locator", "locator"])


HUGE = """async (most) => {
  const { readPicture } = await import("./whole/opening.js");
  const canvas = new OffscreenCanvas(400, 200);
  canvas.getContext("2d").fillRect(0, 0, 400, 200);
  const place = [[0, 0], [10, 0], [10, 5], [0, 5]];
  const lines = [{ text: "a", polygon: place, box: [0, 0, 10, 5], characters: [{ polygon: place }] }];
  const reader = { read: async ({ width, height }) => ({ width, height, text: "a", lines }) };
  const { page, note } = await readPicture(reader, await canvas.convertToBlob(), () => {}, most);
  return { page, note };
}"""


def test_a_huge_picture_is_scaled_down_and_that_is_said(page: Any) -> None:
    read = page.evaluate(HUGE, 20_000)
    assert "has 400 x 200 pixels and was read at 200 x 100" in read["note"]
    (line,) = read["page"]["lines"]
    assert (read["page"]["width"], read["page"]["height"]) == (400, 200)
    assert line["polygon"] == line["characters"][0]["polygon"] == [[0, 0], [20, 0], [20, 10], [0, 10]]
    assert line["box"] == [0, 0, 20, 10]
    as_it_is = page.evaluate(HUGE, 80_000)
    assert as_it_is["page"]["lines"][0]["box"] == [0, 0, 10, 5]
    assert as_it_is.get("note") is None
