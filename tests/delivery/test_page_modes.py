"""The page in a browser prepares pictures of every mode as Python does, or says why not."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from distill.delivery.demo import SHARED_FILES, page_files
from students.charset import Charset
from students.errors import DataError
from students.image import Preparation

pytestmark = pytest.mark.browser

ORIGIN = "http://page.test/"
RUNTIME = """
export const env = { wasm: {} };
export class Tensor { constructor(kind, data, dims) { Object.assign(this, { data, dims }); } }
const logits = { data: new Float32Array(2), dims: [1, 1, 2] };
const run = async ({ images }) => { window.prepared = images; return { logits }; };
export const InferenceSession = { create: async () => ({ run }) };
"""
PREPARED = """async (encoded) => {
  const blob = await (await fetch("data:image/png;base64," + encoded)).blob();
  try { await readBlob(blob); } catch (error) { return String(error.message); }
  return Array.from(window.prepared.data);
}"""


def about(channels: int) -> str:
    return json.dumps(
        {
            "architecture": {"kind": "digits"},
            "kind": "student",
            "charset": Charset(characters="1").model_dump(mode="json"),
            "preparation": Preparation(channels=channels).model_dump(mode="json"),  # type: ignore[arg-type]
            "calibration": {"temperature": 1},
        }
    )


@pytest.fixture(params=[1, 3])
def page(browser, request: pytest.FixtureRequest) -> Iterator[object]:
    of_package = page_files("demo.html", SHARED_FILES)
    served = {
        **{name: (kind, fetch().decode()) for name, (kind, fetch) in of_package.items()},
        "ort/ort.wasm.bundle.min.mjs": ("text/javascript", RUNTIME),
        "model.json": ("application/json", about(request.param)),
        "model.onnx": ("application/octet-stream", "x"),
    }

    def answer(route) -> None:
        kind, body = served[route.request.url.removeprefix(ORIGIN)]
        route.fulfill(content_type=f"{kind}; charset=utf-8", body=body)

    opened = browser.new_context().new_page()
    opened.route(f"{ORIGIN}**", answer)
    opened.goto(ORIGIN)
    opened.wait_for_selector("body[data-ready=yes]")
    opened.channels = request.param
    yield opened
    opened.context.close()


def layer(ink: int) -> Image.Image:
    picture = Image.new("RGBA", (90, 32), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for left in (8, 30, 60):
        draw.rectangle((left, 5, left + 6, 26), (ink, ink, ink, 255))
        draw.line((left + 7, 5, left + 7, 26), (ink, ink, ink, 128))
    return picture


def encoded(image: Image.Image, form: str = "PNG", **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **how)
    return buffer.getvalue()


def pictures() -> dict[str, bytes]:
    flat = Image.alpha_composite(Image.new("RGBA", (90, 32), (230, 220, 200, 255)), layer(20))
    grey = flat.convert("L")
    return {
        "white ink": encoded(layer(255)),
        "light ink": encoded(layer(200)),
        "black ink": encoded(layer(0)),
        "grey ink": encoded(layer(128), "WEBP", lossless=True),
        "white ink, LA": encoded(layer(255).convert("LA")),
        "opaque": encoded(flat),
        "grey": encoded(grey),
        "1 bit": encoded(grey.convert("1")),
        "palette": encoded(flat.convert("RGB").quantize(8)),
        "palette with transparency": encoded(layer(255).quantize(8)),
        "bmp": encoded(flat.convert("RGB"), "BMP"),
        "16 bits": encoded(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)),
    }


def test_every_mode_becomes_the_same_tensor(page) -> None:
    preparation = Preparation(channels=page.channels)
    for name, data in pictures().items():
        mine = preparation.prepare(data).ravel()
        its = np.array(page.evaluate(PREPARED, base64.b64encode(data).decode()))
        assert np.abs(mine - its).max() <= 2.01 / 127.5, name


def test_what_a_browser_sees_otherwise_is_refused_by_name(page, tmp_path: Path) -> None:
    grey = np.asarray(layer(0).convert("L")).astype(np.uint16)
    twelve = encoded(Image.fromarray(np.where(grey > 0, 4000, 90).astype(np.uint16)))
    refused = {"a.gif": encoded(layer(0).convert("L"), "GIF"), "twelve bits.png": twelve, "no.png": b"no picture"}
    refused |= {"b.tif": encoded(layer(0).convert("L"), "TIFF"), "c.jp2": encoded(layer(0).convert("L"), "JPEG2000")}
    with pytest.raises(DataError, match="not a readable image"):
        Preparation().prepare(refused["a.gif"])
    for name, data in (refused | {"fine.png": pictures()["grey"]}).items():
        (tmp_path / name).write_bytes(data)
    page.set_input_files("#file", [tmp_path / name for name in (*refused, "fine.png")])
    page.wait_for_selector("#trouble:not([hidden])")
    rows = page.inner_text("#trouble").splitlines()
    assert [row.partition(" cannot be read: ")[0] for row in rows] == list(refused)
    assert "12 of its 16 bits" in rows[1]
    assert all("PNG, JPEG, WebP, BMP are read on this page" in rows[i] for i in (0, 2, 3, 4))
    page.set_input_files("#file", tmp_path / "fine.png")
    page.wait_for_selector("#trouble[hidden]", state="attached")
