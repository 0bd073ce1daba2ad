"""A student that begins with a smaller one's weights: the same logits where depth is equal, and it may learn more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distill.recipe.file import load_line_recipe
from distill.training.enlarging import enlarged, is_larger
from distill.training.initial import fill, problems_of_starts, start_of
from students.charset import Charset
from students.config import STUDENTS
from students.image import Preparation
from students.model_file import Description, write_model
from students.parts import Recogniser

N_CLASSES = 40
HEAD = "head.1.weight"  # after the dropout
ATTENTION: dict[str, Any] = {"kind": "recurrent", "size": "small", "neck": "attention"}
GROUPS: dict[str, Any] = {"kind": "convolutional", "size": "small", "norm": "group"}


def network(architecture: dict[str, Any], seed: int, n_classes: int = N_CLASSES, height_px: int = 32) -> Recogniser:
    """A network whose normalisations have seen something, so that each of their figures counts."""
    torch.manual_seed(seed)
    model = STUDENTS.validate_python(architecture).build(n_classes, 1, height_px)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.get_buffer("running_mean").normal_()
            module.get_buffer("running_var").uniform_(0.5, 2)
    return model.eval()


def logits(model: Recogniser, height_px: int = 32) -> Tensor:
    torch.manual_seed(3)
    with torch.no_grad():
        read: Tensor = model(torch.rand(2, 1, height_px, 96)).logits_NTC
    return read


@pytest.mark.parametrize(
    ("architecture", "size"),
    [
        ({"kind": "recurrent", "size": "small"}, "medium"),
        ({"kind": "recurrent", "size": "small", "neck": "gru", "squeeze_excite": True, "head_rank": 16}, "medium"),
        ({"kind": "recurrent", "size": "small", "neck": "lstm", "frame_px": 8}, "medium"),
        ({"kind": "recurrent", "size": "medium", "neck": "none"}, "large"),
        ({"kind": "convolutional", "size": "small"}, "large"),  # a mixer more
        ({"kind": "convolutional", "size": "medium"}, "large"),
    ],
    ids=str,
)
@pytest.mark.parametrize("height_px", [32, 48])
def test_the_larger_network_reads_what_the_smaller_one_read(
    architecture: dict[str, Any], size: str, height_px: int
) -> None:
    wanted = {**architecture, "size": size}
    assert is_larger(wanted, architecture)
    small, large = network(architecture, 1, height_px=height_px), network(wanted, 2, height_px=height_px)
    before = logits(small, height_px)
    assert not torch.allclose(logits(large, height_px), before, atol=1e-2)
    large.load_state_dict(enlarged(small, large))
    torch.testing.assert_close(logits(large, height_px), before, atol=2e-5, rtol=1e-5)


def test_what_is_new_is_fresh_and_learns() -> None:
    small, large = network({"kind": "recurrent"}, 1), network({"kind": "recurrent", "size": "medium"}, 2)
    fresh = {name: weight.clone() for name, weight in large.named_parameters()}
    large.load_state_dict(enlarged(small, large))
    large.train()
    optimiser = torch.optim.SGD(large.parameters(), 0.1)
    for _ in range(2):  # the first step opens the connections that were closed
        optimiser.zero_grad()
        large(torch.rand(2, 1, 32, 96)).logits_NTC[..., 0].exp().mean().backward()
        optimiser.step()
    for name, weight in large.named_parameters():
        if weight.ndim > 1 and not name.startswith("head."):  # whose rows are classes
            assert weight.grad is not None
            assert weight.grad[-1].any(), name
            assert torch.allclose(weight[-1], fresh[name][-1], atol=0.1), name


def test_of_a_further_recurrent_layer_the_head_takes_nothing_at_first() -> None:
    small = network({"kind": "recurrent", "size": "medium"}, 1)
    features = small.get_parameter("neck.layers.0.weight_ih_l0").shape[1]
    large = network({"kind": "recurrent", "size": "large"}, 2)
    large.load_state_dict(enlarged(small, large))
    with torch.no_grad():
        small.get_parameter(HEAD)[:, features:] = 0
    torch.testing.assert_close(logits(large), logits(small), atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("wanted", "known"),
    [
        ({"kind": "recurrent", "size": "small"}, {"kind": "recurrent", "size": "small"}),
        ({"kind": "recurrent", "size": "small"}, {"kind": "recurrent", "size": "medium"}),
        ({"kind": "convolutional", "size": "large"}, {"kind": "recurrent", "size": "small"}),
        ({**ATTENTION, "size": "medium"}, ATTENTION),
        ({**GROUPS, "size": "medium"}, GROUPS),
        ({"kind": "digits"}, {"kind": "digits"}),
    ],
    ids=str,
)
def test_other_differences_are_no_enlargement(wanted: dict[str, Any], known: dict[str, Any]) -> None:
    assert not is_larger(wanted, known)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    charset, config = Charset(characters="abc"), STUDENTS.validate_python({"kind": "recurrent"})
    description = Description(
        kind="student",
        architecture=config.model_dump(mode="json"),
        charset=charset,
        preparation=Preparation(),
        training={"weights": "d"},
    )
    weights = network({"kind": "recurrent"}, 1, charset.n_classes).state_dict()
    write_model(tmp_path / "model.safetensors", description, {name: t.numpy() for name, t in weights.items()})
    return tmp_path / "model.safetensors"


def test_a_recipe_may_begin_with_a_smaller_student_and_the_head_follows_the_characters(file: Path) -> None:
    architecture = {"kind": "recurrent", "size": "medium"}
    charset = Charset(characters="cdb")
    start = start_of(load_line_recipe("smoke", [f"student.init={file}"]).student)
    assert start is not None
    model = network(architecture, 2, charset.n_classes)
    fresh_d = model.get_parameter(HEAD)[2].clone()
    fill(model, start, STUDENTS.validate_python(architecture).model_dump(mode="json"), charset, Preparation())
    read, before = logits(model.eval()), logits(network({"kind": "recurrent"}, 1, 4))
    torch.testing.assert_close(read[..., [0, 1, 3]], before[..., [0, 3, 2]], atol=2e-5, rtol=1e-5)  # blank, c, b
    assert torch.equal(model.get_parameter(HEAD)[2], fresh_d)


def test_a_smaller_student_or_another_neck_is_refused_by_name(file: Path) -> None:
    charset = Charset(characters="abc")
    for overrides, said in (
        (["student.model.size=medium", "student.model.neck=gru"], "its neck is 'bilstm', the recipe's 'gru'"),
        (["student.model.kind=digits"], "its kind is 'recurrent', the recipe's 'digits'"),
    ):
        recipe = load_line_recipe("quick", [f"student.init={file}", *overrides])
        (problem,) = problems_of_starts(recipe, charset)
        assert said in problem
    assert (
        problems_of_starts(load_line_recipe("quick", [f"student.init={file}", "student.model.size=large"]), charset)
        == []
    )
