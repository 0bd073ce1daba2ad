"""Serves pages that read in the browser with exported students; the server never sees a picture.

One page reads lines with a recogniser, another whole pages with a locator and a recogniser. onnxruntime-web is not part
of the package: its 14 MB would outweigh all else here, and few who distil serve a page. `make page` fetches it from npm
into `distill/delivery/pages/ort/`, and beside it bidi-js, for right-to-left lines; any folder with their files will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http.server import ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

from distill.delivery.export.npm import expect_greedy
from distill.delivery.serving import Fetch, open_routes
from students.errors import CheckpointError, UserError
from students.model_file import (
    MODEL_NAME,
    ONNX_SUFFIX,
    Description,
    canonical_json,
    expect_student,
    is_onnx,
    kind_of,
    read_onnx,
    read_signed_onnx,
    weights_of,
)
from students.shipped import PAGE_READERS
from teachers.shipped import find_student_or_teacher

ORT_FILES = {"ort.wasm.bundle.min.mjs": "text/javascript", "ort-wasm-simd-threaded.wasm": "application/wasm"}
BIDI_FILE = "bidi.mjs"  # of bidi-js: only for a model that reads right-to-left lines
SHARED_FILES = ("look.css", "intake.js", "picture.js", "reader.js", "right_to_left.js", "runtime.js", "session.js")
LOCATOR = "locator"  # the kind of a model
_KINDS = {".css": "text/css", ".js": "text/javascript", ".html": "text/html; charset=utf-8"}
Routes = dict[str, tuple[str, Fetch]]


def exported(model: str) -> Path:
    """Return the ONNX file of a file, a run folder or a shipped student; raises `UserError` where there is none."""
    path = Path(model)
    if not path.exists() and (shipped := find_student_or_teacher(model).with_suffix(ONNX_SUFFIX)).is_file():
        return shipped
    folder = path / "student" if (path / "student").is_dir() else path
    found = folder / "model.onnx" if folder.is_dir() else path
    if not (is_onnx(found) and found.is_file()):
        written = f"{model}-onnx" if model in PAGE_READERS else "model.onnx"
        then = "" if path.exists() else f", then: distill demo {written}"  # what is shipped is exported here
        raise UserError(f"{model}: the page needs model.onnx; write it with: distill export {model} --to onnx{then}")
    model_file = found.with_name(MODEL_NAME)
    if model_file.is_file() and weights_of(model_file) != weights_of(found):
        raise UserError(f"{found}: was exported from other weights than {model_file} holds; export it anew")
    return found


def prepared(model: str, ort_folder: Path | None) -> Path:
    """Return the ONNX file as `exported` does; where there is none, the `UserError` names all else that is missing."""
    try:
        return exported(model)
    except UserError as error:
        try:
            runtime_in(ort_folder)
        except UserError as other:
            raise UserError(f"{error}\n{other}") from error
        raise


def runtime_in(ort_folder: Path | None, names: Iterable[str] = tuple(ORT_FILES)) -> Path:
    """Return the folder of what the page fetches, the usual one for None; raises `UserError` for files it lacks."""
    folder = ort_folder or Path(str(files("distill.delivery") / "pages" / "ort"))
    if missing := [name for name in names if not (folder / name).is_file()]:
        packages = {"bidi-js" if name == BIDI_FILE else "onnxruntime-web": None for name in missing}
        raise UserError(
            f"{folder}: lacks {' and '.join(missing)} of {' and '.join(packages)}; run `make page`, or name a folder "
            "that holds them with --ort"
        )
    return folder


def open_server(model: Path, ort_folder: Path | None, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server for the page that reads lines, not serving yet; port 0 takes any that is free.

    Raises `UserError` for a missing part, `CheckpointError` for a model file that is not whole.
    """
    if kind_of(model) == LOCATOR:
        raise CheckpointError(
            f"{model}: holds a locator, which finds the lines of pages and reads none; name what reads them, too: "
            "distill demo LOCATOR --recogniser MODEL"
        )
    description, blob = _recogniser(model)
    routes = page_files("demo.html", SHARED_FILES) | _model("model", description.model_dump(mode="json"), blob)
    return open_routes(routes | _runtime(ort_folder, description), host, port)


def open_page_server(
    locator: Path, recogniser: Path, ort_folder: Path | None, host: str, port: int
) -> ThreadingHTTPServer:
    """Return a server for the page that reads whole pages, as `open_server` does for lines."""
    return open_routes(page_routes(locator, recogniser, ort_folder), host, port)


def page_routes(locator: Path, recogniser: Path, ort_folder: Path | None) -> Routes:
    """Return everything that the page for whole pages fetches; what lies in `ort/` is not of this package.

    Raises `UserError` for a missing part, `CheckpointError` for a model in the other one's place, for a teacher, and
    for a model file that is not whole.
    """
    finds, finds_blob = read_signed_onnx(locator)
    if finds.get("kind") != LOCATOR:
        exchanged = kind_of(recogniser) == LOCATOR
        raise CheckpointError(
            f"{locator}: holds a {finds.get('kind')}, not a locator that finds lines"
            + (f"; {recogniser} holds one: exchange the two" if exchanged else "")
        )
    description, blob = _recogniser(recogniser)
    expect_student(description, recogniser)
    return (
        whole_page_files()
        | _model("locator", finds, finds_blob)
        | _model("recogniser", description.model_dump(mode="json"), blob)
        | _runtime(ort_folder, description)
    )


def _recogniser(model: Path) -> tuple[Description, bytes]:
    """What a page can read lines with; raises `UserError` where it cannot."""
    description, blob = read_onnx(model)
    expect_greedy(description, model)
    return description, blob


def page_files(page: str, names: Iterable[str]) -> Routes:
    """Return a page, and what it fetches of this package."""
    folder = files("distill.delivery") / "pages"
    found = {"": page} | {name: name for name in names}
    return {route: (_KINDS[Path(name).suffix], (folder / name).read_bytes) for route, name in found.items()}


def whole_page_files() -> Routes:
    """Return the page for whole pages, and what it fetches of this package."""
    modules = sorted(file.name for file in (files("distill.delivery") / "pages" / "whole").iterdir())
    return page_files("whole.html", (*SHARED_FILES, *(f"whole/{name}" for name in modules)))


def _model(name: str, description: Mapping[str, object], blob: bytes) -> Routes:
    about = canonical_json(description).encode()
    return {
        f"{name}.json": ("application/json", lambda: about),
        f"{name}.onnx": ("application/octet-stream", lambda: blob),
    }


def _runtime(ort_folder: Path | None, recogniser: Description) -> Routes:
    fetched = ORT_FILES | ({BIDI_FILE: "text/javascript"} if recogniser.charset.order == "visual" else {})
    folder = runtime_in(ort_folder, fetched)
    return {f"ort/{name}": (kind, (folder / name).read_bytes) for name, kind in fetched.items()}
