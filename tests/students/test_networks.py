"""Every architecture, student and teacher: what any recogniser must do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import teachers
from students.charset import Charset
from students.config import STUDENTS
from students.image import Preparation
from students.model_file import Description, write_model
from students.parts import Recogniser, SqueezeExcite, n_frames, n_parameters
from teachers.crnn import TEACHERS

SMALL_TEACHER = {"channels": (16, 16, 24, 32), "blocks": (1, 1, 1, 1), "hidden": 24, "layers": 1}
STUDENT_CONFIGS: list[dict[str, Any]] = [
    {"kind": "digits"},
    *({"kind": "recurrent", "neck": neck} for neck in ("bilstm", "lstm", "gru", "attention", "none")),
    *({"kind": kind, "size": size} for kind in ("recurrent", "convolutional") for size in ("medium", "large")),
    {"kind": "convolutional", "norm": "group", "activation": "hardswish"},
    {"kind": "recurrent", "norm": "group", "activation": "gelu"},
    {"kind": "digits", "norm": "group", "activation": "leaky_relu"},
    {"kind": "reparameterised"},
    {"kind": "reparameterised", "neck": "none", "repeats": 0, "activation": "silu"},
    {"kind": "reparameterised", "merged": True},
    {"kind": "reparameterised", "neck": "attention", "features": 90},
    {"kind": "recurrent", "size": "large", "neck": "attention"},
    {"kind": "recurrent", "squeeze_excite": True},
    *({"kind": kind, "head_rank": 8} for kind in ("recurrent", "convolutional", "reparameterised")),
]
TEACHER_CONFIGS: list[dict[str, Any]] = [
    {"kind": "resnet", **SMALL_TEACHER},
    {"kind": "resnet", **SMALL_TEACHER, "pool": True, "norm": "group"},
    {"kind": "resnet", **SMALL_TEACHER, "neck": "lstm", "layers": 2},
    {"kind": "resnet", **SMALL_TEACHER, "neck": "gru"},
    {"kind": "resnet", **SMALL_TEACHER, "neck": "none"},
    {"kind": "convnext", "name": "convnext_atto_ols", "hidden": 32, "layers": 1},
]
N_CLASSES = 11


def build(config: dict[str, Any], height_px: int = 32, channels: int = 1) -> Recogniser:
    adapter: Any = TEACHERS if config["kind"] in ("resnet", "convnext") else STUDENTS
    torch.manual_seed(0)
    return adapter.validate_python(config).build(N_CLASSES, channels, height_px)


def name(config: dict[str, Any]) -> str:
    return " ".join(str(v) for v in config.values() if isinstance(v, (str, bool)))


@pytest.mark.parametrize("kind", ["recurrent", "convolutional", "reparameterised"])
def test_a_factorised_head_is_small_for_thousands_of_classes(kind: str) -> None:
    whole, factorised = (STUDENTS.validate_python({"kind": kind, **more}) for more in ({}, {"head_rank": 64}))
    assert n_parameters(factorised.build(7000, 1, 32)) < n_parameters(factorised.build(11, 1, 32)) + 65 * 7000
    assert factorised.model_dump()["head_rank"] == 64
    assert "head_rank" not in whole.model_dump(mode="json"), "older files and digests do not have it"
    assert STUDENTS.validate_python(factorised.model_dump()) == factorised


def test_enough_is_tested() -> None:
    assert len(STUDENT_CONFIGS) >= 8
    assert len(TEACHER_CONFIGS) >= 5


every = pytest.mark.parametrize("config", STUDENT_CONFIGS + TEACHER_CONFIGS, ids=name)


@every
@pytest.mark.parametrize(("height_px", "channels"), [(32, 1), (48, 3)])
def test_four_pixels_are_one_frame(config: dict[str, Any], height_px: int, channels: int) -> None:
    model = build(config, height_px, channels).eval()
    outputs = model(torch.rand(2, channels, height_px, 80))
    assert outputs._fields == ("logits_NTC", "lengths_N", "features")  # as the interfaces have them
    assert outputs.logits_NTC.shape == (2, 20, N_CLASSES)
    assert outputs.lengths_N.tolist() == [20, 20]
    assert outputs.features.shape[:2] == (2, 20)
    assert n_frames(model, channels, height_px, 80) == 20


@every
def test_the_gradient_reaches_every_parameter(config: dict[str, Any]) -> None:
    model = build(config).train()
    with torch.no_grad():  # scales that start at zero would hide what lies behind them
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    outputs = model(torch.rand(3, 1, 32, 64))
    log_probabilities_TNC = outputs.logits_NTC.log_softmax(-1).transpose(0, 1)
    targets_NL = torch.tensor([[1, 2], [3, 3], [4, 5]])
    F.ctc_loss(log_probabilities_TNC, targets_NL, outputs.lengths_N, torch.tensor([2, 2, 2])).backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


@every
def test_a_line_alone_and_in_a_batch_give_the_same_logits(config: dict[str, Any]) -> None:
    model = build(config).eval()
    images_NCHW = torch.rand(5, 1, 32, 96)
    with torch.inference_mode():
        together = model(images_NCHW).logits_NTC
        alone = torch.cat([model(image[None]).logits_NTC for image in images_NCHW])
    assert (together - alone).abs().max() < 1e-4


@every
def test_saved_and_loaded_it_reads_the_same(config: dict[str, Any], tmp_path: Path) -> None:
    model = build(config).eval()
    kind = "teacher" if config in TEACHER_CONFIGS else "student"
    description = Description(
        kind=kind, architecture=config, charset=Charset(characters="0123456789"), preparation=Preparation()
    )
    write_model(tmp_path / "m.safetensors", description, {n: t.numpy() for n, t in model.state_dict().items()})
    image = np.random.default_rng(0).integers(0, 255, (32, 90), np.uint8)
    tensor_NCHW = Preparation().prepare(image)[None]
    with torch.inference_mode():
        expected = model(torch.from_numpy(tensor_NCHW)).logits_NTC.log_softmax(-1).numpy()
    assert np.allclose(teachers.load(tmp_path / "m.safetensors").log_probabilities(tensor_NCHW), expected, atol=1e-6)


def test_three_sizes_between_a_tenth_and_one_million_parameters() -> None:
    for kind in ("recurrent", "convolutional"):
        sizes = [n_parameters(build({"kind": kind, "size": size})) for size in ("small", "medium", "large")]
        assert sizes == sorted(sizes)
        assert sizes[0] >= 100_000
        assert sizes[-1] <= 1_000_000


def test_squeeze_excite_scales_each_channel_by_one_number_a_line() -> None:
    layer = SqueezeExcite(16).eval()
    maps_NDHT = torch.randn(3, 16, 4, 30)
    with torch.inference_mode():
        scales_NDHT = layer(maps_NDHT) / maps_NDHT
        alone_1DHT = layer(maps_NDHT[1:2]) / maps_NDHT[1:2]
    assert torch.allclose(scales_NDHT, scales_NDHT.mean((2, 3), keepdim=True).expand_as(maps_NDHT), atol=1e-4)
    assert scales_NDHT.std((0, 1)).min() > 1e-3, "other channels and other lines, other scales"
    assert torch.allclose(alone_1DHT, scales_NDHT[1:2], atol=1e-4)


def test_students_without_squeeze_excite_keep_their_digest() -> None:
    plain, scaled = (STUDENTS.validate_python({"kind": "recurrent", **more}) for more in ({}, {"squeeze_excite": True}))
    assert "squeeze_excite" not in plain.model_dump(mode="json")
    assert STUDENTS.validate_python(scaled.model_dump()) == scaled


def test_attention_sees_the_whole_line_and_a_convolution_says_where_a_frame_stands() -> None:
    model = build({"kind": "recurrent", "neck": "attention"}).eval()
    features_1TD = torch.rand(1, 64, 96)
    changed_1TD = features_1TD.clone()
    changed_1TD[:, 0] += 10
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        read_1TD = model.neck(features_1TD)
        assert (model.neck(changed_1TD) - read_1TD).abs().amax(-1).min() > 1e-4
        assert not torch.allclose(model.neck(features_1TD[:, order]), read_1TD[:, order], atol=1e-2)


def test_digits_are_three_convolutions_and_two_fully_connected_layers() -> None:
    layers = [type(m).__name__ for m in build({"kind": "digits"}).modules()]
    assert (layers.count("Conv2d"), layers.count("Linear"), layers.count("LSTM")) == (3, 2, 0)


def test_a_timm_teacher_downloads_nothing_unless_asked() -> None:
    for config in TEACHER_CONFIGS:
        assert not getattr(TEACHERS.validate_python(config), "pretrained", False)
