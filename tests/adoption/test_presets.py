"""Models as OnnxTR and EasyOCR write them, and models that take pictures of one width only."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import students
import teachers
from distill.adoption.adopt import Adopted, adopt, write
from distill.adoption.presets import KNOWN
from distill.adoption.trial import pictures
from distill.cli import main
from students.errors import CheckpointError, DataError, UserError
from tests.adoption.test_lines import write_lines
from tests.foreign_models import NAME, VOCABULARY, Form, characters, write_foreign, write_graph

ONNXTR = Form(doctr=True, fixed_px=128, opened=False)


def found(adopted: Adopted) -> dict[str, str]:
    return {fact.what: fact.value for fact in adopted.detected.facts}


def fitting(width_px: int) -> list[np.ndarray]:
    """The rendered words that are no wider at a height of 32 px."""
    return [picture for _, picture in pictures() if 32 * picture.shape[1] <= width_px * picture.shape[0]]


@pytest.mark.parametrize("preset", ["onnxtr", None])
def test_a_model_of_onnxtr_is_adopted_with_its_preset_or_found_out(preset: str | None, tmp_path: Path) -> None:
    out = tmp_path / "o.onnx"
    adopted = adopt(str(write_foreign(tmp_path / "m.onnx", ONNXTR)), out, preset)
    write(adopted, out)
    seen = found(adopted)
    assert {"blank": "last", "colour": "rgb", "height": "32 px", "width": "128 px"}.items() <= seen.items()
    assert seen["charset"] == "docTR's french"
    assert seen["levels"].startswith("mean 176.97") or preset is None
    preparation = adopted.description.preparation
    assert (preparation.least_width_px, preparation.max_width_px, preparation.width_quantum_px) == (128, 128, 128)
    assert adopted.description.charset.characters == VOCABULARY
    reader, student = teachers.load(out), students.load(NAME)
    texts = [reading.text for reading in reader.read(fitting(128))]
    alike = [reading.text for reading in student.read(fitting(128))]
    assert sum(a == b for a, b in zip(texts, alike, strict=True)) >= len(texts) - 2  # padding of another level
    assert len(texts) >= 10


def test_a_config_next_to_the_model_names_characters_and_levels(tmp_path: Path) -> None:
    config = {"arch": "crnn_vgg16_bn", "mean": [0.694, 0.695, 0.693], "std": [0.299, 0.296, 0.301]}
    config |= {"input_shape": [3, 32, 128], "vocab": VOCABULARY[::-1]}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    seen = adopt(str(write_foreign(tmp_path / "m.onnx", ONNXTR)), tmp_path / "o.onnx").detected
    assert seen.classes is not None
    assert seen.classes.characters == VOCABULARY[::-1]
    assert {fact.what: fact.why for fact in seen.facts}["levels"] == "as its config.json says"


def test_characters_that_were_only_guessed_and_read_nothing_are_not_believed(tmp_path: Path) -> None:
    model = onnx.load(write_foreign(tmp_path / "m.onnx", ONNXTR))
    order = next(array for array in model.graph.initializer if array.name == "order")
    numbers = onnx.numpy_helper.to_array(order).copy()
    numbers[:-1] = np.roll(numbers[:-1], 40)
    order.CopyFrom(onnx.numpy_helper.from_array(numbers, "order"))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(DataError, match="give --charset FILE"):
        adopt(str(tmp_path / "m.onnx"), tmp_path / "o.onnx")


def test_a_line_wider_than_the_only_width_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, lines = tmp_path / "o.onnx", write_lines(tmp_path / "lines")
    path = write_foreign(tmp_path / "m.onnx", ONNXTR)
    assert main(["adopt", str(path), "--out", str(out), "--preset", "onnxtr", "--lines", str(lines)]) == 0
    printed = capsys.readouterr().out
    assert "width: 128 px (it runs on no other: lines are padded to it, wider ones refused)" in printed
    wide = [*np.zeros((1, 32, 300, 3), np.uint8)]
    with pytest.raises(DataError, match="max_width_px = 128"):
        teachers.load(out).read(wide)


def test_a_fixed_width_narrower_than_any_word_is_refused(tmp_path: Path) -> None:
    path = write_foreign(tmp_path / "m.onnx", Form(fixed_px=32, opened=False), {"character": "\n".join(characters())})
    with pytest.raises(CheckpointError, match="32 x 32 px and no other width, narrower than any word"):
        adopt(str(path), tmp_path / "o.onnx")


def test_an_attention_decoder_of_fixed_width_is_told_by_moving_the_words(tmp_path: Path) -> None:
    steps = np.full((1, 25, 40), -1.0, np.float32)
    steps[0, :8, 1:9] = np.eye(8) * 9
    steps[0, 8:, 0] = 9
    nodes = [helper.make_node("ReduceMean", ["x"], ["one"], axes=[1, 2, 3], keepdims=0)]
    nodes += [
        helper.make_node("Reshape", ["x", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "none"], ["0"]),
    ]
    nodes += [helper.make_node("Add", ["0", "steps"], ["y"])]
    constants = {"shape": np.array([-1, 25, 128], np.int64), "none": np.zeros((128, 40), np.float32), "steps": steps}
    path = write_graph(tmp_path / "m.onnx", nodes, ["n", 1, 32, 100], constants)
    (tmp_path / "characters.txt").write_text("".join(f"{c}\n" for c in VOCABULARY[:39]), "utf-8")
    with pytest.raises(CheckpointError, match="wherever in the picture a word stands, as an attention decoder"):
        adopt(str(path), tmp_path / "o.onnx")


def test_an_input_that_no_node_takes_is_left_out(tmp_path: Path) -> None:
    model = onnx.load(write_foreign(tmp_path / "m.onnx", Form(), {"character": "\n".join(characters())}))
    model.graph.input.append(helper.make_tensor_value_info("text", onnx.TensorProto.INT64, ["n", 26]))
    onnx.save(model, tmp_path / "m.onnx")
    assert adopt(str(tmp_path / "m.onnx"), tmp_path / "o.onnx").description.charset.characters == characters()


def test_a_preset_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ppocr, easyocr, ddddocr, onnxtr"):
        adopt(str(write_foreign(tmp_path / "m.onnx")), tmp_path / "o.onnx", "tesseract")


def test_known_lists_hold_every_character_once() -> None:
    for lists in KNOWN.values():
        for name, each in lists.items():
            assert len(set(each)) == len(each), name
    assert len(KNOWN["easyocr"]["EasyOCR's english_g2"]) == 96
    assert len(KNOWN["onnxtr"]["docTR's french"]) == 126
    assert len(KNOWN["onnxtr"]["docTR's legacy_french"]) == 123
