"""Serves a page that reads lines in the browser with an exported student; the server never sees a picture.

onnxruntime-web is not part of the package: its 14 MB would outweigh all else here, and few who distil serve a page.
`make page` fetches it from npm into `distill/delivery/pages/ort/`, and beside it bidi-js, for right-to-left lines; any
folder with their files will do.
"""

from __future__ import annotations

from collections.abc import Iterable
from http.server import ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

from distill.delivery.serving import Fetch, open_routes
from students.decoding import Greedy
from students.errors import UserError
from students.model_file import MODEL_NAME, canonical_json, read_onnx, weights_of

ORT_FILES = {"ort.wasm.bundle.min.mjs": "text/javascript", "ort-wasm-simd-threaded.wasm": "application/wasm"}
BIDI_FILE = "bidi.mjs"  # of bidi-js: only for a model that reads right-to-left lines
_PAGES = {"": ("demo.html", "text/html; charset=utf-8"), "reader.js": ("reader.js", "text/javascript")}


def exported(model: str) -> Path:
    """Return the ONNX file of a file or a run folder; raises `UserError` where there is none yet."""
    path = Path(model)
    folder = path / "student" if (path / "student").is_dir() else path
    found = folder / "model.onnx" if folder.is_dir() else path
    if found.suffix != ".onnx" or not found.is_file():
        then = "" if path.exists() else ", then: distill demo model.onnx"  # a shipped student is exported here
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
    """Return a server for the page that is not serving yet; port 0 takes any that is free.

    Raises `UserError` for a missing part, `CheckpointError` for a model file that is not whole.
    """
    pages = files("distill.delivery") / "pages"
    description, blob = read_onnx(model)
    fetched = ORT_FILES | ({BIDI_FILE: "text/javascript"} if description.charset.order == "visual" else {})
    folder = runtime_in(ort_folder, fetched)
    if description.decoding != Greedy():
        raise UserError(f"{model}: is decoded by rules that the page does not know; export it without any for the page")
    about = canonical_json(description.model_dump(mode="json")).encode()
    routes: dict[str, tuple[str, Fetch]] = {
        "description.json": ("application/json", lambda: about),
        "model.onnx": ("application/octet-stream", lambda: blob),
        **{path: (kind, (pages / name).read_bytes) for path, (name, kind) in _PAGES.items()},
        **{f"ort/{name}": (kind, (folder / name).read_bytes) for name, kind in fetched.items()},
    }
    return open_routes(routes, host, port)
