"""PP-OCRv6 in files that packages carry: how a line is prepared, and how its classes become text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from distill.evaluation import ppocr
from tests.samples import png_bytes

PATH = (1, 1, 0, 1, 3, 3, 2)  # classes by frames: aa-a, the space, b


def write_recogniser(path: Path, characters: str = "") -> Path:
    """A graph that gives the same path whatever the picture."""
    probabilities = np.eye(4, dtype=np.float32)[list(PATH)][None]
    held = helper.make_node("Constant", [], ["p"], value=numpy_helper.from_array(probabilities))
    nothing = helper.make_node("ReduceMin", ["x"], ["least"], keepdims=0)
    nought = helper.make_node("Sub", ["least", "least"], ["nought"])
    added = helper.make_node("Add", ["p", "nought"], ["y"])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 48, "W"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, len(PATH), 4])
    graph = helper.make_graph([held, nothing, nought, added], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if characters:
        helper.set_model_props(model, {"character": characters})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("inside", [True, False])
def test_its_dictionary_is_inside_or_beside(tmp_path: Path, inside: bool) -> None:
    recogniser = write_recogniser(tmp_path / "rec.onnx", "a\nb" if inside else "")
    (tmp_path / "dict.txt").write_text("a\nb\n")
    files = ppocr.Files(tmp_path / "det.onnx", recogniser, None if inside else tmp_path / "dict.txt")
    assert ppocr.open_recogniser(files)([png_bytes(), png_bytes(width=700)]) == ["aa b"] * 2


def test_a_line_is_prepared_as_its_makers_do() -> None:
    short, long = ppocr.prepared(png_bytes(32, 64)), ppocr.prepared(png_bytes(32, 640))
    assert (short.shape, long.shape) == ((1, 3, 48, 320), (1, 3, 48, 960))
    assert np.abs(short[..., :96]).max() > 0
    assert not short[..., 96:].any()
    assert -1 <= long.min() < long.max() <= 1


def test_files_that_are_not_there_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = ppocr.Files(tmp_path / "none.onnx", write_recogniser(tmp_path / "rec.onnx"))
    monkeypatch.setattr(
        ppocr, "FILES", {"a": lambda: iter([ppocr.Files(tmp_path, tmp_path / "no")]), "b": lambda: iter([there])}
    )
    assert ppocr.files_there() == {"b": there}
