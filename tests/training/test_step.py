"""Weights of terms over a run, and steps that must change nothing."""

from __future__ import annotations

import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator

from distill.data.batch import Batch, StepData
from distill.recipe.file import load_recipe
from distill.recipe.objective import Objective
from distill.recipe.terms import BlankSplit, FrameKL
from distill.runtime import Stopped, stoppable
from distill.teaching.criterion import LineCriterion
from distill.teaching.objective import term_weights
from distill.teaching.teacher import UNMAPPED, FrozenTeacher, Member
from distill.training.optimisers import rate_at
from distill.training.step import NonFiniteError, StepResult, StepSettings, take_step
from distill.training.train import _remember_damage
from distill.training.trainee import Progress, Trainee
from students.config import STUDENTS
from students.errors import DataError
from students.parts import Recogniser

STILL = StepSettings()


@pytest.mark.parametrize(
    ("schedule", "weights"), [("constant", [0, 2, 2, 2]), ("linear", [0, 2, 1, 0]), ("cosine", [0, 2, 1, 0])]
)
def test_a_term_sets_in_fades_and_falls_silent_as_it_says(schedule: str, weights: list[float]) -> None:
    kl = FrameKL.model_validate({"weight": 2, "schedule": schedule, "begin": 0.2, "end": 0.8})
    objective = Objective(frame_kl=kl)
    found = [term_weights(objective, done, taught=True).get("frame_kl", 0) for done in (0.1, 0.2, 0.5, 0.8 - 1e-9)]
    assert found == pytest.approx(weights, abs=1e-6)
    assert "frame_kl" not in term_weights(objective, 0.8, taught=True)
    assert "frame_kl" not in term_weights(objective, 0.5, taught=False)


def test_a_peer_learns_until_nobody_listens_to_it() -> None:
    objective = Objective.model_validate({"mutual": {"weight": 1, "begin": 0.2, "end": 0.5}})
    found = [{"mutual", "peer_ctc"} & term_weights(objective, done, taught=False).keys() for done in (0, 0.3, 0.5)]
    assert found == [{"peer_ctc"}, {"mutual", "peer_ctc"}, set()]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_rate_rises_to_its_peak_and_never_goes_below_zero(schedule: str) -> None:
    training = load_recipe("smoke", [f"student.training.schedule={schedule}"]).student.training
    rates = [rate_at(step, training) for step in range(training.steps)]
    assert max(rates) == pytest.approx(training.learning_rate)
    assert min(rates) > 0
    assert rates[0] < rates[1]


def student() -> Recogniser:
    torch.manual_seed(0)
    return STUDENTS.validate_python({"kind": "digits", "norm": "group"}).build(11, 1, 32)


def one_step(images_NCHW: torch.Tensor) -> StepData:
    n = len(images_NCHW)
    batch = Batch(
        images_NCHW,
        torch.ones(n, 1, dtype=torch.int64),
        torch.ones(n, dtype=torch.int64),
        torch.ones(n, dtype=torch.bool),
        tuple(f"line/{i}" for i in range(n)),
        (None,) * n,
    )
    return StepData(step=7, epoch=0, batches=(batch,), n_items=n, n_labelled=n)


def stepped(
    model: Recogniser,
    optimizer: torch.optim.Optimizer,
    criterion: LineCriterion,
    images_NCHW: torch.Tensor,
    settings: StepSettings = STILL,
) -> StepResult:
    return take_step(Trainee(model, [optimizer]), criterion, one_step(images_NCHW), Accelerator(cpu=True), settings)


def test_a_broken_picture_or_teacher_changes_no_weight_and_names_the_lines() -> None:
    good = torch.rand(2, 1, 32, 64)
    bad_teacher = student()
    with torch.no_grad():
        next(bad_teacher.parameters()).fill_(torch.nan)
    cases = [(good * torch.nan, None), (good, FrozenTeacher([Member(bad_teacher)], torch.device("cpu"), "fp32"))]
    for images_NCHW, teacher in cases:
        model = student()
        optimizer = torch.optim.AdamW(model.parameters())
        with pytest.raises(NonFiniteError, match=r"step 7.*line/0, line/1"):
            stepped(model, optimizer, LineCriterion(Objective(), teacher), images_NCHW)
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), student().parameters(), strict=True))
        assert not optimizer.state


def test_a_teacher_that_moved_is_found_out() -> None:
    model = student()
    teacher = FrozenTeacher([Member(model)], torch.device("cpu"), "fp32")
    teacher.assert_unchanged()
    with torch.no_grad():
        next(model.parameters()).add_(1e-6)
    with pytest.raises(RuntimeError, match="changed"):
        teacher.assert_unchanged()


def test_an_ensemble_is_the_mean_of_its_posteriors() -> None:
    images_NCHW = torch.rand(2, 1, 32, 64)
    one, other = student().eval(), STUDENTS.validate_python({"kind": "digits", "norm": "group"}).build(11, 1, 32).eval()
    mean_NTC = (one(images_NCHW).logits_NTC.softmax(-1) + 3 * other(images_NCHW).logits_NTC.softmax(-1)) / 4
    both = FrozenTeacher([Member(one), Member(other, 3)], torch.device("cpu"), "fp32")
    assert torch.allclose(both(images_NCHW).logits_NTC.exp(), mean_NTC, atol=1e-6)
    both.assert_unchanged()
    only_one_knows = FrozenTeacher(
        [Member(one), Member(other, 3, class_of_C=(0, UNMAPPED, *range(2, 11)))], torch.device("cpu"), "fp32"
    )
    shared_NTC = only_one_knows(images_NCHW).logits_NTC.softmax(-1)
    alone_NT = one(images_NCHW).logits_NTC.softmax(-1)[..., 1]
    assert torch.allclose(shared_NTC[..., 1] / shared_NTC[..., 1].sum(), alone_NT / alone_NT.sum(), atol=0.02)
    assert only_one_knows.unknown_C is None
    calm = FrozenTeacher([Member(one, temperature=2.0)], torch.device("cpu"), "fp32")
    assert torch.equal(calm(images_NCHW).logits_NTC, one(images_NCHW).logits_NTC / 2)
    digests = {
        both.digest,
        calm.digest,
        FrozenTeacher([Member(one)], torch.device("cpu"), "fp32").digest,
        FrozenTeacher([Member(one)], torch.device("cpu"), "bf16").digest,
    }
    assert len(digests) == 4


def test_the_first_signal_is_a_polite_request_and_handlers_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.runtime.time", SimpleNamespace(monotonic=lambda: 1.0))  # no time goes by
    before = signal.getsignal(signal.SIGTERM)
    with stoppable() as stop:
        stop.raise_if_set()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)  # as a launcher passes it on
        with pytest.raises(Stopped):
            stop.raise_if_set()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_teacher_without_a_term_is_asked_for_the_figures_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = FrozenTeacher([Member(student())], torch.device("cpu"), "fp32")
    asked, compute = [], teacher.outputs_by_temperature
    monkeypatch.setattr(teacher, "outputs_by_temperature", lambda batch: asked.append(batch) or compute(batch))
    found = {}
    for weight, watch in ((0, False), (0, True), (1, False)):
        model = student()
        criterion = LineCriterion(Objective(blank_split=BlankSplit(weight=weight)), teacher)
        images_NCHW = torch.rand(2, 1, 32, 64)
        result = stepped(
            model, torch.optim.AdamW(model.parameters()), criterion, images_NCHW, StepSettings(watch=watch)
        )
        found[weight, watch] = (len(asked), "blank_split" in result.figures, "teacher_entropy" in result.figures)
        asked.clear()
    assert found == {(0, False): (0, False, False), (0, True): (1, False, True), (1, False): (1, True, False)}


def test_too_many_damaged_lines_end_the_training() -> None:
    task = SimpleNamespace(n_items=100, unit="line")
    job = SimpleNamespace(role="teacher", folder=Path("run/teacher"), task=task)
    now = Progress(step=3)
    for i in range(3):
        _remember_damage(job, now, StepData(3, 0, (), 8, 8, replaced={f"k{i}": f"k{i}: damaged"}))  # type: ignore[arg-type]
    assert now.replaced == {f"k{i}": f"k{i}: damaged" for i in range(3)}
    with pytest.raises(DataError, match="4 of 100 lines can no longer be read, among them k0, k1"):
        _remember_damage(job, now, StepData(3, 0, (), 8, 8, replaced={"k3": "k3: damaged"}))  # type: ignore[arg-type]
