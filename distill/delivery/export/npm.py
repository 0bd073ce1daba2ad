"""The browser reader as the folder of an npm package: ES modules, their types, a model, and how they are used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from posixpath import normpath
from typing import Any

import students
from distill.delivery.target import expect_own
from students.decoding_settings import Greedy
from students.errors import ExportError, UserError
from students.model_file import Description, canonical_json, write_whole

LINES, PAGES = "index.js", "pages.js"
RECOGNISER, LOCATOR = "recogniser", "locator"
ORT_VERSION, BIDI_VERSION = ">=1.20", "^1.0.3"
_IMPORTED = re.compile(r'^import .* from "(\.[^"]+)";$', re.MULTILINE)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,200}")
Model = tuple[Mapping[str, Any], bytes]  # description and ONNX file


def name_of(folder: Path) -> str:
    """Return the name of the package in a folder, which is the folder's. Raises `ExportError` for what npm refuses."""
    name = folder.absolute().name
    if not _NAME.fullmatch(name):
        raise ExportError(
            f"{folder}: the folder gives the package its name, and npm takes no {name!r}; choose an --out of "
            "lower-case letters, digits and hyphens"
        )
    return name


def expect_greedy(description: Description, model: Path) -> None:
    """Raise `UserError` for a recogniser that is decoded by rules, which no page knows."""
    if description.decoding != Greedy():
        raise UserError(f"{model}: is decoded by rules that the page does not know; export it without any for the page")


def expect_package(folder: Path) -> None:
    """Raise `ExportError` for a folder whose name is none of a package, or that holds files of somebody else."""
    name_of(folder)
    expect_own(folder, f"models/{RECOGNISER}.onnx", ("package.json", "README.md", *modules_of((LINES, PAGES))))


def write_package(folder: Path, recogniser: Model, locator: Model | None = None) -> int:
    """Write the package of a reader of lines, with a `locator` of whole pages too; return its bytes."""
    name = name_of(folder)
    description = Description.model_validate(recogniser[0])
    faces = (LINES, *([PAGES] if locator else []))
    contents: dict[str, bytes] = {}  # the models first: they tell `expect_package` that the folder is ours
    for part, model in ((RECOGNISER, recogniser), (LOCATOR, locator)):
        if model is not None:
            contents |= {f"models/{part}.onnx": model[1], f"models/{part}.json": canonical_json(model[0]).encode()}
    contents |= {each: (_shipped() / each).read_bytes() for each in modules_of(faces)}
    contents |= {(types := face.replace(".js", ".d.ts")): (_shipped() / types).read_bytes() for face in faces}
    contents["package.json"] = f"{json.dumps(manifest(name, description, faces), indent=2)}\n".encode()
    contents["README.md"] = readme(name, description, with_pages=locator is not None).encode()
    for path, data in contents.items():
        write_whole(folder / path, data)
    return sum(map(len, contents.values()))


def modules_of(faces: tuple[str, ...]) -> list[str]:
    """Return the names of modules and of all that they import, in `distill/delivery/pages/`."""
    found: dict[str, None] = {}
    waiting = list(faces)
    while waiting:
        if (name := waiting.pop()) in found:
            continue
        found[name] = None
        text = (_shipped() / name).read_text("utf-8")
        folder = Path(name).parent
        waiting += [normpath((folder / each).as_posix()) for each in _IMPORTED.findall(text)]
    return sorted(found)


def manifest(name: str, description: Description, faces: tuple[str, ...]) -> dict[str, Any]:
    """Return what stands in `package.json`."""
    peers = {"onnxruntime-web": ORT_VERSION}
    if description.charset.order == "visual":
        peers["bidi-js"] = BIDI_VERSION
    entries = {"." if face == LINES else f"./{face.removesuffix('.js')}": face for face in faces}
    return {
        "name": name,
        "version": students.__version__,
        "description": "Reads text lines in the browser; no picture leaves it",
        "type": "module",
        "license": "SEE LICENSE IN README.md",
        "sideEffects": False,
        "exports": {
            entry: {"types": f"./{face.removesuffix('.js')}.d.ts", "default": f"./{face}"}
            for entry, face in entries.items()
        }
        | {"./models/*": "./models/*"},
        "types": "./index.d.ts",
        "peerDependencies": peers,
    }


def readme(name: str, description: Description, with_pages: bool) -> str:
    """Return the README of the package."""
    return "\n".join(_paragraphs(name, description, with_pages))


def _paragraphs(name: str, description: Description, with_pages: bool) -> Iterator[str]:
    visual = description.charset.order == "visual"
    bidi = 'import bidiFactory from "bidi-js";\n' if visual else ""
    given = "ort, { bidi: bidiFactory() }" if visual else "ort"
    characters = description.charset.characters
    yield f"# {name}\n"
    yield (
        f"Reads a picture of one text line in the browser: {len(characters)} characters, any width up to "
        f"{description.preparation.max_width_px} px at a height of {description.preparation.height_px}. No picture "
        "leaves the page. It reads greedily, and as the Python package crnn-students does.\n"
    )
    yield f"```sh\nnpm install {name} onnxruntime-web{' bidi-js' if visual else ''}\n```\n"
    yield (
        f'```js\nimport * as ort from "onnxruntime-web/wasm";\n{bidi}import {{ openReader }} from "{name}";\n\n'
        f"ort.env.wasm.numThreads = 1; // more need a page that is isolated from other origins\n"
        f"const reader = await openReader({given});\n"
        "const { text, confidence } = await reader.read(file); // a Blob, or an ImageData\n```\n"
    )
    if with_pages:
        yield (
            f'```js\nimport {{ openPageReader }} from "{name}/pages";\n\n'
            f"const reader = await openPageReader({given});\n"
            "const { page } = await reader.read(file); // page.text, page.lines with polygon, text, confidence\n```\n"
        )
    yield (
        "PNG, JPEG, WebP and BMP files are read. A model of your own: `openReader(ort, { model, description })` with "
        "the addresses of `models/recogniser.onnx` and `models/recogniser.json` of another package. The types are in "
        "`index.d.ts`. onnxruntime-web looks for its `.wasm` file beside its script: `ort.env.wasm.wasmPaths` names "
        "another place.\n"
    )
    licence = description.training.get("licence", "other")
    said = "no licence was named when it was trained" if licence == "other" else f"`{licence}`"
    yield f"The code is under the Apache licence 2.0. The model: {said}.\n"


def _shipped() -> Path:
    return Path(str(files("distill.delivery"))) / "pages"
