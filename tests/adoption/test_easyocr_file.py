"""EasyOCR's English network as an ONNX file, as its users export it, by its preset."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distill.cli import main
from tests.adoption.test_callables import ENGLISH, easyocr


@pytest.mark.filterwarnings("ignore")
def test_an_exported_network_of_easyocr_needs_its_preset_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import teachers

    network, example = easyocr(), torch.zeros(1, 1, 64, 320)
    axes = {"image": {0: "n", 3: "w"}, "scores": {}}
    names = {"input_names": ["image"], "output_names": ["scores"], "dynamic_axes": axes}
    torch.onnx.export(network, (example,), tmp_path / "m.onnx", dynamo=False, opset_version=17, **names)
    out = tmp_path / "o.onnx"
    assert main(["adopt", str(tmp_path / "m.onnx"), "--preset", "easyocr", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "charset: EasyOCR's english_g2" in printed
    assert "levels: mean 127.5, deviation 127.5 (as preset easyocr has it)" in printed
    assert teachers.load(out).description.charset.characters == ENGLISH
    assert "Total invoice 48.90" in printed
