"""Files that are no CTC recogniser, or not whole: one message each, that says what it is and what to give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from distill.adoption.adopt import adopt, described_by
from distill.adoption.settings import Settings
from distill.cli import main
from students.errors import UserError
from tests.foreign_models import Form, characters, write_foreign, write_graph
from tests.samples import write_student

node = helper.make_node


def refused(path: Path, tmp_path: Path, charset: str | None = None) -> str:
    """The one message, as the command prints it."""
    dictionary = None
    if charset is not None:
        dictionary = tmp_path / "given" / "dictionary.txt"
        dictionary.parent.mkdir()
        dictionary.write_text(charset, "utf-8")
    with pytest.raises(UserError) as raised:
        adopt(str(path), tmp_path / "o.onnx", charset=dictionary)
    message = str(raised.value)
    assert "\n" not in message
    assert not (tmp_path / "o.onnx").exists()
    return message


def test_a_detector(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "m.onnx", [node("Sigmoid", ["x"], ["y"])], ["n", 3, "h", "w"])
    message = refused(path, tmp_path)
    assert "detector" in message
    assert "CTC" in message


def test_a_detector_of_boxes(tmp_path: Path) -> None:
    nodes = [
        node("Reshape", ["x", "shape"], ["flat"]),
        node("Transpose", ["flat"], ["y"], perm=[0, 2, 1]),
    ]
    constants = {"shape": np.array([0, 6, -1], np.int64)}
    path = write_graph(tmp_path / "m.onnx", nodes, ["n", 3, 64, "w"], constants)
    assert "detector" in refused(path, tmp_path)


def test_a_classifier(tmp_path: Path) -> None:
    nodes = [node("GlobalAveragePool", ["x"], ["pooled"]), node("Flatten", ["pooled"], ["y"])]
    assert "classifier" in refused(write_graph(tmp_path / "m.onnx", nodes, ["n", 3, 48, "w"]), tmp_path)


def test_an_attention_decoder_of_fixed_steps(tmp_path: Path) -> None:
    nodes = [
        node("GlobalAveragePool", ["x"], ["pooled"]),
        node("Squeeze", ["pooled", "axes"], ["one"]),
        node("MatMul", ["steps", "one"], ["y"]),
    ]
    constants = {"axes": np.array([3], np.int64), "steps": np.ones((1, 25, 3), np.float32)}
    constants["wide"] = np.ones((1, 40), np.float32)
    nodes[2] = node("MatMul", ["steps", "one"], ["narrow"])
    nodes.append(node("MatMul", ["narrow", "wide"], ["y"]))
    message = refused(write_graph(tmp_path / "m.onnx", nodes, ["n", 3, 48, "w"], constants), tmp_path)
    assert "25 steps whatever the width" in message
    assert "attention decoder" in message


def test_an_attention_decoder_with_a_second_input(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "m.onnx", [node("Add", ["x", "last"], ["y"])], ["n", 3, 48, "w"], None, ("x", "last"))
    message = refused(path, tmp_path)
    assert "2 inputs (x, last)" in message
    assert "attention decoder" in message


def test_a_detector_and_a_classifier_of_fixed_width(tmp_path: Path) -> None:
    pooled = [node("Reshape", ["x", "shape"], ["flat"]), node("MatMul", ["flat", "weights"], ["y"])]
    constants = {"shape": np.array([1, 3200], np.int64), "weights": np.ones((3200, 40), np.float32)}
    assert "as a classifier" in refused(
        write_graph(tmp_path / "m.onnx", pooled, ["n", 1, 32, 100], constants), tmp_path
    )
    boxes = [node("Reshape", ["x", "shape"], ["y"])]
    constants = {"shape": np.array([1, 640, 5], np.int64)}
    assert "as a detector" in refused(write_graph(tmp_path / "m.onnx", boxes, ["n", 1, 32, 100], constants), tmp_path)


def test_a_dictionary_of_the_wrong_length(tmp_path: Path) -> None:
    message = refused(write_foreign(tmp_path / "m.onnx"), tmp_path, "\n".join(characters()[:50]))
    assert "50 entries" in message
    assert f"{len(characters()) + 1} classes" in message


def test_a_dictionary_one_entry_too_long(tmp_path: Path) -> None:
    given = "\n".join([*characters(), "Ω", "Ψ"])
    assert f"{len(characters()) + 2} entries" in refused(write_foreign(tmp_path / "m.onnx"), tmp_path, given)


def test_a_dictionary_that_would_give_two_spaces(tmp_path: Path) -> None:
    assert " " in characters()
    message = refused(write_foreign(tmp_path / "m.onnx"), tmp_path, "\n".join(characters()[:-1]))
    assert "there would be two" in message


def test_a_dictionary_with_two_spaces(tmp_path: Path) -> None:
    doubled = [*characters()[:-1], " "]
    assert "holds the space twice" in refused(write_foreign(tmp_path / "m.onnx"), tmp_path, "\n".join(doubled))


def test_no_dictionary(tmp_path: Path) -> None:
    assert "give --charset FILE" in refused(write_foreign(tmp_path / "m.onnx"), tmp_path)


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"[unclosed"], ids=["no UTF-8", "no YAML"])
def test_a_dictionary_that_cannot_be_read(text: bytes, tmp_path: Path) -> None:
    dictionary = tmp_path / "dictionary.yaml"
    dictionary.write_bytes(text)
    with pytest.raises(UserError, match=r"dictionary\.yaml"):
        adopt(str(write_foreign(tmp_path / "m.onnx")), tmp_path / "o.onnx", charset=dictionary)


def test_an_opset_that_the_runtime_refuses(tmp_path: Path) -> None:
    model = onnx.load(write_foreign(tmp_path / "m.onnx"))
    model.opset_import[0].version = 999
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    message = refused(tmp_path / "m.onnx", tmp_path)
    assert "ai.onnx 999" in message
    assert "onnxruntime_src" not in message
    assert "ONNX Runtime" in message


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_cut_file(share: float, tmp_path: Path) -> None:
    path = write_foreign(tmp_path / "m.onnx", Form(), {"character": "\n".join(characters())})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    message = refused(path, tmp_path)
    assert "m.onnx" in message
    assert "fetch it anew" in message


def test_missing_external_data_and_the_same_with_it(tmp_path: Path) -> None:
    path = write_foreign(tmp_path / "m.onnx", Form(), {"character": "\n".join(characters())})
    model = onnx.load(path)
    onnx.save_model(model, path, save_as_external_data=True, location="weights.bin", size_threshold=64)
    adopt(str(path), tmp_path / "o.onnx")
    whole = (tmp_path / "weights.bin").read_bytes()
    (tmp_path / "o.onnx").unlink(missing_ok=True)
    (tmp_path / "weights.bin").write_bytes(whole[: len(whole) // 2])
    message = refused(path, tmp_path)
    assert "weights.bin cannot be read" in message
    assert "fetch it anew" in message
    (tmp_path / "weights.bin").unlink()
    message = refused(path, tmp_path)
    assert "weights.bin" in message
    assert "not next to it" in message


def test_a_file_of_this_suite(tmp_path: Path, onnx_file: Path) -> None:
    assert "file of this suite already" in refused(onnx_file, tmp_path)


def test_a_torch_file(tmp_path: Path) -> None:
    assert "no ONNX file" in refused(write_student(tmp_path / "model.safetensors"), tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "nothing.onnx", tmp_path)


def test_a_picture_of_the_wrong_kind(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "m.onnx", [node("Identity", ["x"], ["y"])], ["n", 100])
    assert "no picture" in refused(path, tmp_path)


def test_four_channels(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "m.onnx", [node("Identity", ["x"], ["y"])], ["n", 4, 48, "w"])
    assert "4 channels" in refused(path, tmp_path)


def test_a_description_with_a_wrong_key_names_the_right_ones(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("hight_px: 48\n")
    with pytest.raises(UserError, match=r"hight_px.*height_px"):
        described_by(tmp_path / "d.yaml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mean: []\ndeviation: 1\n", "mean: is one number or three"),
        ("mean: [1, 2]\ndeviation: 1\n", "mean: is one number or three"),
        ("mean: .nan\ndeviation: 1\n", "mean: is one number or three"),
        ("mean: 127.5\ndeviation: 0\n", "deviation: is above 0"),
        ("deviation: 255\n", "d.yaml: mean and deviation belong together: give both, or neither"),
        ("licence: 2026-13-45\n", "d.yaml: cannot be read as YAML: month"),
        ("? [height_px]\n: 48\n", "d.yaml"),
        ("height_px: 48\nheight_px: 32\n", "d.yaml: cannot be read as YAML: line 2 found duplicate key"),
    ],
)
def test_a_description_of_impossible_values_is_one_message(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text(text)
    with pytest.raises(UserError, match=r"d\.yaml") as raised:
        described_by(tmp_path / "d.yaml")
    assert reason in str(raised.value)
    assert "Value error" not in str(raised.value)


def test_levels_of_three_channels_for_a_grey_model(tmp_path: Path) -> None:
    path = write_foreign(tmp_path / "m.onnx", Form(), {"character": "\n".join(characters())})
    with pytest.raises(UserError, match=r"m\.onnx: takes grey pictures, so mean and deviation have one value each"):
        adopt(str(path), tmp_path / "o.onnx", described=Settings(mean=(1, 2, 3), deviation=(4, 5, 6)))


@pytest.mark.parametrize("steps", ["- RecResizeImg: {image_shape: [3, 48, -1]}", "- DecodeImage: [BGR]"])
def test_an_inference_file_of_impossible_values_is_named(steps: str, tmp_path: Path) -> None:
    path = write_foreign(tmp_path / "m.onnx", Form(), {"character": "\n".join(characters())})
    (tmp_path / "inference.yml").write_text(f"PreProcess:\n  transform_ops:\n  {steps}\n")
    with pytest.raises(UserError, match=r"inference\.yml: what it says of the lines cannot be used"):
        adopt(str(path), tmp_path / "o.onnx")


def test_a_description_against_what_the_file_declares(tmp_path: Path) -> None:
    path = write_foreign(tmp_path / "m.onnx", Form(), {"character": "\n".join(characters())})
    with pytest.raises(UserError, match=r"32 px.*48"):
        adopt(str(path), tmp_path / "o.onnx", described=Settings(height_px=48))
    with pytest.raises(UserError, match="NTC, not TNC"):
        adopt(str(path), tmp_path / "o.onnx", described=Settings(layout="TNC"))


def test_the_command_prints_one_message_and_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_foreign(tmp_path / "m.onnx")
    assert main(["adopt", str(path), "--out", str(tmp_path / "o.onnx")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("distill: ")
    assert error.count("\n") == 1
