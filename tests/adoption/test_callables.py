"""Recognisers from Python: EasyOCR's English network as a torch module, and any function as a reader."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import students
import teachers
from distill.adoption.adopt import Adopted
from distill.adoption.callables import adopt_module, reader_of
from distill.adoption.dictionary import read_lists
from distill.adoption.settings import Settings
from distill.adoption.trial import WORDS, pictures
from students.errors import ExportError
from tests.foreign_models import NAME, characters

ENGLISH = "0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ €ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
EASYOCR = Settings(
    height_px=64,
    colour="grey",
    mean=(127.5,),
    deviation=(127.5,),
    resize="bicubic",
    licence="Apache-2.0",
    origin="EasyOCR",
)


class _Along(nn.Module):
    """A BiLSTM and a linear layer, under the names of EasyOCR's file."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(features, 256, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(512, 256)

    def forward(self, features_NTD: Tensor) -> Tensor:
        return self.linear(self.rnn(features_NTD)[0])


class EasyOCR(nn.Module):
    """The network of EasyOCR's `english_g2.pth`: VGG, two BiLSTMs, 97 classes."""

    def __init__(self) -> None:
        super().__init__()
        halved, lower = nn.MaxPool2d(2), nn.MaxPool2d((2, 1))
        sizes = ((1, 32), (32, 64), (64, 128), (128, 128), (128, 256), (256, 256))
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(sizes):
            layers += [nn.Conv2d(before, after, 3, 1, 1, bias=i < 4)]
            layers += [nn.BatchNorm2d(after)] if i >= 4 else []
            layers += [nn.ReLU()]
            layers += {0: [halved], 1: [halved], 3: [lower], 5: [lower]}.get(i, [])
        self.convolutions = nn.Sequential(*layers, nn.Conv2d(256, 256, 2), nn.ReLU())
        self.along = nn.Sequential(_Along(256), _Along(256))
        self.prediction = nn.Linear(256, 97)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        maps_NDHT = self.convolutions(images_NCHW)
        return self.prediction(self.along(maps_NDHT.mean(2).transpose(1, 2)))


def easyocr() -> EasyOCR:
    spec = find_spec("easyocr_en_models")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("easyocr_en_models is not installed: make recognisers")
    file = Path(spec.submodule_search_locations[0], "models", "english_g2.pth")
    names = {"FeatureExtraction.ConvNet": "convolutions", "SequenceModeling": "along", "Prediction": "prediction"}
    weights = {}
    for name, tensor in torch.load(file, map_location="cpu", weights_only=True).items():
        name = name.removeprefix("module.")
        theirs = next(each for each in names if name.startswith(each))
        weights[names[theirs] + name.removeprefix(theirs)] = tensor
    network = EasyOCR()
    network.load_state_dict(weights)
    return network.eval()


@pytest.fixture(scope="module")
def adopted_easyocr(tmp_path_factory: pytest.TempPathFactory) -> tuple[Adopted, Path]:
    out = tmp_path_factory.mktemp("easyocr") / "easyocr.onnx"
    return adopt_module(easyocr(), ENGLISH, EASYOCR, out), out


def test_easyocr_becomes_a_teacher_that_reads(adopted_easyocr: tuple[Adopted, Path]) -> None:
    adopted, out = adopted_easyocr
    reader = teachers.load(out)
    texts = [reading.text.lower() for reading in reader.read([picture for _, picture in pictures()])]
    assert sum(text == word.lower() for text, word in zip(texts, WORDS, strict=True)) >= len(WORDS) - 4
    assert reader.description.architecture["frame_px"] == 4
    assert reader.description.training["licence"] == "Apache-2.0"
    assert adopted.description.charset.characters == ENGLISH


def test_its_scores_are_those_of_the_module(adopted_easyocr: tuple[Adopted, Path]) -> None:
    reader, network = teachers.load(adopted_easyocr[1]), easyocr()
    images = np.stack([reader.description.preparation.prepare(pictures()[i][1][:, :90]) for i in (0, 0)])
    with torch.no_grad():
        expected = network(torch.from_numpy(images)).log_softmax(-1).numpy()
    assert np.allclose(reader.logits_of(images), expected, atol=1e-3)


def test_a_module_whose_picture_is_not_described_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="height_px and colour"):
        adopt_module(nn.Identity(), "ab", Settings(), tmp_path / "o.onnx")


def test_a_module_that_torch_cannot_export_is_refused(tmp_path: Path) -> None:
    class Numpy(nn.Module):
        def forward(self, images_NCHW: Tensor) -> Tensor:
            raise RuntimeError(f"no graph of {images_NCHW.shape[1]} channels")

    with pytest.raises(ExportError, match="no graph of 1 channels"):
        adopt_module(Numpy(), "ab", EASYOCR, tmp_path / "o.onnx")


def test_any_character_of_a_module_keeps_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[str] = []

    def adopts(_model: str, _out: Path, charset: Path, **_: object) -> Adopted:
        handed.extend(read_lists(charset)[0].entries)
        raise ExportError("far enough")

    monkeypatch.setattr("distill.adoption.callables.adopt", adopts)
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: None)
    strange = '\ufeff\n\r\u2028"é'
    with pytest.raises(ExportError, match="far enough"):
        adopt_module(nn.Identity(), strange + "abcdefgh", EASYOCR, tmp_path / "o.onnx")
    assert "".join(handed) == strange + "abcdefgh"


def test_a_function_is_a_reader() -> None:
    student = students.load(NAME)
    described = Settings(height_px=32, colour="grey", mean=(0.0,), deviation=(255.0,), width_quantum_px=32)
    levels: list[tuple[float, float]] = []

    def call(images_NCHW: np.ndarray) -> np.ndarray:
        levels.append((float(images_NCHW.min()), float(images_NCHW.max())))
        return student.logits_of(images_NCHW * 2 - 1)

    reader = reader_of(call, characters(), described, frame_px=4)
    images = [picture for _, picture in pictures()[:4]]
    assert [reading.text for reading in reader.read(images)] == [reading.text for reading in student.read(images)]
    assert min(low for low, _ in levels) >= 0
    assert max(high for _, high in levels) <= 1
