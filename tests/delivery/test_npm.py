"""The npm package: its folder, and what a page of its own reads with it in a browser."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import students
from distill.cli import main
from distill.delivery.demo import ORT_FILES
from distill.delivery.export import npm
from distill.delivery.export.graph import graph_of_locator, signed
from distill.delivery.serving import open_routes
from students.model_file import read_onnx, read_signed_onnx
from students.pages.locate import open_locator
from students.shipped import SHIPPED
from tests.docs.shown import ROOT, blocks
from tests.pages import write_loose_locator
from tests.samples import png_bytes, rendered_line

ORT = Path(__file__).parents[2] / "distill" / "delivery" / "pages" / "ort"
KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}
PAGE = b"""<!doctype html>
<p>A page of its own</p>
<script type="importmap">
  {"imports": {"crnn-reader": "/package/index.js", "crnn-reader/pages": "/package/pages.js"}}
</script>
<script type="module">
  import * as ort from "/ort/ort.wasm.bundle.min.mjs";
  import { openReader } from "crnn-reader";
  import { openPageReader } from "crnn-reader/pages";
  ort.env.wasm.numThreads = 1;
  const blobOf = async (encoded) => (await fetch("data:image/png;base64," + encoded)).blob();
  const [lines, pages] = await Promise.all([openReader(ort), openPageReader(ort)]);
  window.readLine = async (encoded, box) => lines.read(await blobOf(encoded), box);
  window.readPage = async (encoded) => {
    const steps = [];
    const found = await pages.read(await blobOf(encoded), { tell: ({ step }) => steps.push(step) });
    return { ...found, steps };
  };
  document.body.dataset.ready = "yes";
</script>"""

NAMES = b"""<!doctype html>
<p>The snippet</p>
<script type="importmap">
  {"imports": {"crnn-receipts": "/package/index.js", "onnxruntime-web/wasm": "/ort/ort.wasm.bundle.min.mjs"}}
</script>
<script type="module">
  const file = await (await fetch("/line.png")).blob();
  SNIPPET
  document.body.dataset.text = text;
</script>"""


def described(path: Path) -> npm.Model:
    description, blob = read_onnx(path)
    return description.model_dump(mode="json"), blob


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of the shipped recogniser and a small locator."""
    folder = tmp_path_factory.mktemp("npm")
    locator = open_locator(write_loose_locator(folder / "locator.safetensors"))
    path = folder / "locator.onnx"
    path.write_bytes(signed(graph_of_locator(locator), locator.description, path))
    npm.write_package(folder / "crnn-reader", described(SHIPPED / "receipts.onnx"), read_signed_onnx(path))
    return folder / "crnn-reader"


def test_the_folder_holds_all_that_its_modules_import(package: Path) -> None:
    manifest = json.loads((package / "package.json").read_text())
    assert (manifest["name"], manifest["version"], manifest["type"]) == ("crnn-reader", students.__version__, "module")
    for entry in (".", "./pages"):
        assert all((package / each).is_file() for each in manifest["exports"][entry].values())
    modules = list(package.rglob("*.js"))
    assert len(modules) > 10
    for module in modules:
        for address in re.findall(r"""(?:from|import\() ?"([^"]+)\"""", module.read_text()):
            assert address.startswith("."), f"{module}: {address}"
            assert (module.parent / address).is_file(), f"{module}: {address}"
    for name in ("index", "pages"):
        exported, declared = (
            re.findall(rf"^export (?:async )?{word} (\w+)", (package / f"{name}.{kind}").read_text(), re.MULTILINE)
            for word, kind in (("function", "js"), ("function", "d.ts"))
        )
        assert exported == declared != []


def test_a_package_of_lines_has_no_locator(tmp_path: Path) -> None:
    npm.write_package(tmp_path / "crnn-lines", described(SHIPPED / "scene.onnx"))
    names = {path.relative_to(tmp_path / "crnn-lines").as_posix() for path in (tmp_path / "crnn-lines").rglob("*.*")}
    assert names == {
        *("README.md", "index.d.ts", "index.js", "models/recogniser.json", "models/recogniser.onnx", "package.json"),
        *("picture.js", "reader.js", "right_to_left.js", "session.js"),
    }
    assert 'from "crnn-lines"' in (tmp_path / "crnn-lines" / "README.md").read_text()


@pytest.mark.parametrize(
    ("to", "name"), [("npm", "package.json"), ("npm", "reader.js"), ("hub", "README.md"), ("hub", "model.onnx")]
)
def test_files_that_no_export_wrote_are_not_written_over(
    to: str, name: str, student_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / name).write_text("mine")
    assert main(["export", str(student_file), "--to", to, "--out", str(tmp_path / "app")]) == 2
    assert f"app: holds {name}, which would be written over; name another folder" in capsys.readouterr().err
    assert [(each.name, each.read_text()) for each in (tmp_path / "app").iterdir()] == [(name, "mine")]


def test_a_name_that_npm_refuses_is_refused_before_anything_is_checked(
    student_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(student_file), "--to", "npm", "--out", str(tmp_path / "My Reader")]) == 2
    assert "npm takes no 'My Reader'" in capsys.readouterr().err
    assert main(["export", str(student_file), "--to", "npm", "--pattern", "\\d+", "--out", str(tmp_path / "a")]) == 2
    assert "decoded by rules" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


@pytest.fixture(scope="module")
def opened(browser: Any, package: Path) -> Iterator[Any]:
    """A page that imports the package, and nothing else of this suite."""
    if not all((ORT / name).is_file() for name in ORT_FILES):
        pytest.skip("onnxruntime-web is not here: the package is not tested (make page)")
    found = {f"package/{path.relative_to(package).as_posix()}": path for path in package.rglob("*.*")}
    found |= {f"ort/{name}": ORT / name for name in ORT_FILES}
    routes = {
        name: (KINDS.get(path.suffix, "application/octet-stream"), path.read_bytes) for name, path in found.items()
    }
    (snippet,) = blocks(ROOT / "docs" / "deploy.md", "js")
    (whole,) = blocks(ROOT / "docs" / "deploy.md", "html")
    at_work = {"node_modules/crnn-receipts/": "package/", "node_modules/onnxruntime-web/dist/": "ort/"}
    routes |= {
        place + name.removeprefix(folder): route
        for place, folder in at_work.items()
        for name, route in list(routes.items())
        if name.startswith(folder)
    }
    routes |= {
        "": ("text/html", lambda: PAGE),
        "page": ("text/html", whole.encode),
        "snippet": ("text/html", lambda: NAMES.replace(b"SNIPPET", snippet.encode())),
        "line.png": ("image/png", lambda: rendered_line("TOTAL 12.50")),
    }
    with open_routes(routes, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_context().new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("body[data-ready=yes]")
        yield page
        page.context.close()
        server.shutdown()


def encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


@pytest.mark.browser
def test_the_snippet_of_the_document_runs(opened: Any) -> None:
    page = opened.context.new_page()
    page.goto(opened.url + "snippet")
    page.wait_for_selector("body[data-text]")
    assert (
        page.evaluate("document.body.dataset.text") == students.load("receipts").read(rendered_line("TOTAL 12.50")).text
    )
    page.close()


@pytest.mark.browser
def test_the_page_of_the_document_runs_without_a_bundler(opened: Any) -> None:
    page, line = opened.context.new_page(), rendered_line("TOTAL 12.50")
    page.goto(opened.url + "page")
    page.set_input_files("input", {"name": "line.png", "mimeType": "image/png", "buffer": line})
    page.wait_for_function("document.querySelector('output').value")
    wanted = students.load("receipts").read(line)
    assert page.locator("output").evaluate("output => output.value") == f"{wanted.text} ({wanted.confidence:.2f})"
    page.close()


@pytest.mark.browser
def test_a_page_of_its_own_reads_lines_as_python_does(opened: Any) -> None:
    receipt = rendered_line("TOTAL 12.50")
    wanted = students.load("receipts").read(receipt)
    read = opened.evaluate("picture => readLine(picture)", encoded(receipt))
    assert set(read) == {"text", "confidence", "characters", "milliseconds"}
    assert read["text"] == wanted.text
    assert read["confidence"] == pytest.approx(wanted.confidence, rel=1e-2, abs=1e-6)
    spans = [{key: each[key] for key in ("text", "start", "end")} for each in read["characters"]]
    assert spans == [{"text": each.text, "start": each.start, "end": each.end} for each in wanted.characters]
    part = opened.evaluate("picture => readLine(picture, {x: 0, y: 0, width: 96, height: 32})", encoded(receipt))
    assert wanted.text.startswith(part["text"][:3])
    with pytest.raises(Exception, match="are read on this page"):
        opened.evaluate("picture => readLine(picture)", encoded(b"GIF89a"))


@pytest.mark.browser
def test_a_page_of_its_own_reads_pages(opened: Any) -> None:
    found = opened.evaluate("picture => readPage(picture)", encoded(png_bytes(96, 128)))
    assert found["steps"][:2] == ["opening", "locating"]
    page = found["page"]
    assert (page["width"], page["height"]) == (128, 96)
    assert len(page["lines"]) == found["steps"].count("reading") > 0
    assert {"polygon", "box", "text", "confidence", "found", "review", "characters"} <= set(page["lines"][0])
