"""A second task, which knows nothing of lines or CTC: finding stripes in noise. It trains by the same few functions.

Teacher, control and student are trained, stopped, resumed and compared, which shows what `distill/training` needs of a
task and what it does not.
"""

# ruff: noqa: ARG002 - the methods of a task take what the protocol says

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F

from distill.digests import digest_of, tensors_digest
from distill.evaluation.verdict import verdict
from distill.processes import Poll
from distill.recipe.sections import Training
from distill.runtime import StopFlag, Stopped
from distill.seeds import generator_of, seed_of
from distill.track import Stopwatch
from distill.training.job import Job, finished
from distill.training.task import Lessons, Task, Validation
from distill.training.train import train
from students.errors import CheckpointError

HEIGHT, WIDTH, BATCH = 24, 24, 8
TRAINING = Training(
    steps=120, batch_lines=BATCH, learning_rate=0.02, validate_every=30, checkpoint_every=25, log_every=30
)


class Pages(NamedTuple):
    """Noisy pages with stripes, and where the stripes are."""

    images_NCHW: Tensor
    masks_NCHW: Tensor


def pages(name: str, n: int) -> Pages:
    generator = generator_of("stripes", name)
    masks_NCHW = torch.zeros(n, 1, HEIGHT, WIDTH)
    for page in range(n):
        for top in torch.randint(1, HEIGHT - 4, (2,), generator=generator).tolist():
            masks_NCHW[page, :, top : top + 3] = 1
    return Pages(masks_NCHW + 0.9 * torch.randn(masks_NCHW.shape, generator=generator), masks_NCHW)


class Finder(nn.Module):
    """Logits of every pixel, (N, 1, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, (3, 9), padding=(1, 4)), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        return self.head(self.body(images_NCHW))


class StripeStep(NamedTuple):
    step: int
    batches: tuple[tuple[Pages, int], ...]  # pages, and how many of them, from the first on, have a mask to learn from
    n_items: int
    n_labelled: int
    keys: tuple[str, ...] = ()
    sampled: Mapping[str, tuple[int, int]] = {}
    replaced: Mapping[str, str] = {}


@dataclass(frozen=True)
class StripeCriterion:
    """Cross-entropy on the pages with masks; with a teacher, its probabilities on all pages."""

    teacher: Finder | None

    def weights(self, done: float) -> Mapping[str, float]:
        return {"mask": 1.0} | ({"follow": 4.0 * (1 - done)} if self.teacher else {})

    def counts(self, names: Collection[str], step: StripeStep) -> Mapping[str, int]:
        return {name: step.n_labelled if name == "mask" else step.n_items for name in names}

    def terms(
        self, model: nn.Module, auxiliary: nn.ModuleDict, batch: Any, names: Collection[str], watch: bool
    ) -> tuple[Mapping[str, Tensor], Mapping[str, float]]:
        (images_NCHW, masks_NCHW), labelled = batch
        logits_NCHW = model(images_NCHW)
        mask_N = F.binary_cross_entropy_with_logits(logits_NCHW, masks_NCHW, reduction="none").mean((1, 2, 3))
        terms = {"mask": mask_N[:labelled].sum()}
        if self.teacher is not None:
            with torch.no_grad():
                wanted_NCHW = self.teacher(images_NCHW).sigmoid()
            follow_NCHW = F.binary_cross_entropy_with_logits(logits_NCHW, wanted_NCHW, reduction="none")
            terms["follow"] = follow_NCHW.mean((1, 2, 3)).sum()
        return terms, {"ink": logits_NCHW.sigmoid().mean().item()} if watch else {}


@dataclass(frozen=True)
class StripeTask:
    width: int
    labelled: int  # pages of the training set that have a mask
    teacher: Finder | None = None
    training: Training = TRAINING
    pages: Pages = field(default_factory=lambda: pages("train", 64))
    validation: Pages = field(default_factory=lambda: pages("validation", 40))

    unit = "page"
    items_a_step = BATCH
    silence = "background"
    advice = "Add pages."

    @property
    def n_items(self) -> int:
        return len(self.pages.images_NCHW)

    @property
    def digest(self) -> str:
        taught_by = tensors_digest(self.teacher.state_dict()) if self.teacher else None
        return digest_of("stripes", self.width, self.labelled, taught_by, self.training)

    def build(self) -> Finder:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of("weights", 0))
            return Finder(self.width)

    def auxiliary(self, model: nn.Module) -> nn.ModuleDict:
        return nn.ModuleDict()

    def begin(self, accelerator: Accelerator, poll: Poll) -> Lessons:
        return Lessons(self._steps, StripeCriterion(self.teacher))

    def _steps(self, steps: range) -> Generator[StripeStep]:
        for k in steps:
            order = torch.randperm(self.n_items, generator=generator_of("order", k))[:BATCH]
            chosen, _ = (order if self.teacher else order % self.labelled).sort()
            some = Pages(self.pages.images_NCHW[chosen], self.pages.masks_NCHW[chosen])
            n_labelled = int((chosen < self.labelled).sum())
            yield StripeStep(
                k, ((some, n_labelled),), BATCH, n_labelled, sampled={"stripes": (n_labelled, BATCH - n_labelled)}
            )

    def teacher_figures(self, accelerator: Accelerator) -> Mapping[str, float]:
        return {"teacher_iou": self.validate(self.teacher, accelerator).figures["iou"]} if self.teacher else {}

    def validate(self, model: nn.Module, accelerator: Accelerator) -> Validation:
        with torch.inference_mode():
            found_NCHW = model(self.validation.images_NCHW) > 0
        wanted_NCHW = self.validation.masks_NCHW > 0.5
        both, either = ((op(found_NCHW, wanted_NCHW)).sum((1, 2, 3)) for op in (torch.logical_and, torch.logical_or))
        iou_N = (both / either).numpy().astype(float)
        return Validation({"iou": float(iou_N.mean())}, iou_N, not found_NCHW.any())

    def selection_key(self, figures: Mapping[str, float]) -> tuple[float, ...]:
        return (figures["iou"],)

    def write(
        self,
        target: Path,
        model: nn.Module,
        best: Mapping[str, Tensor],
        chosen: Mapping[str, float] | None,
        accelerator: Accelerator,
        record: Mapping[str, Any],
    ) -> None:
        metadata = {"about": json.dumps({"chosen": chosen, **record})}
        safetensors.torch.save_file(dict(best), target, metadata)

    def record_of(self, file: Path) -> Mapping[str, Any]:
        with safetensors.safe_open(file, "pt") as opened:
            return json.loads(opened.metadata()["about"])


class StopAt(StopFlag):
    """Asks a training to stop once it has been looked at so many times."""

    def __init__(self, polls: int) -> None:
        self.polls = polls

    @property
    def is_set(self) -> bool:  # type: ignore[override]
        self.polls -= 1
        return self.polls < 0


def trained(task: Task, role: str, run: Path, stop: StopFlag | None = None) -> Path:
    job = Job(role, task, TRAINING, 0, run / role)
    return train(job, Accelerator(cpu=True), stop or StopFlag(), Stopwatch(run / "timing.json", writes=True))


def opened(file: Path, width: int) -> Finder:
    model = Finder(width)
    model.load_state_dict(safetensors.torch.load_file(file))
    return model.eval()


def scores(file: Path, width: int) -> np.ndarray:
    return StripeTask(width, 64).validate(opened(file, width), Accelerator(cpu=True)).scores


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Teacher, control and student, one behind the other."""
    folder = tmp_path_factory.mktemp("stripes")
    teacher = opened(trained(StripeTask(12, 64), "teacher", folder), 12)
    trained(StripeTask(2, 3), "control", folder)
    trained(StripeTask(2, 3, teacher), "student", folder)
    return folder


def test_the_student_gains_over_its_control(run: Path) -> None:
    of_role = {
        role: scores(run / role / "model.safetensors", 12 if role == "teacher" else 2)
        for role in ("teacher", "control", "student")
    }
    result = verdict(of_role["teacher"], of_role["control"], of_role["student"], seed=0)
    assert result["verdict"] == "gain"
    assert of_role["teacher"].mean() > of_role["control"].mean()


def test_what_it_watches_and_samples_is_written_down(run: Path) -> None:
    entries = [json.loads(line) for line in (run / "student" / "metrics.jsonl").read_text().splitlines()]
    assert entries[0]["teacher_iou"] == pytest.approx(scores(run / "teacher" / "model.safetensors", 12).mean())
    logged = [entry for entry in entries if "loss" in entry]
    assert [entry["step"] for entry in logged] == [30, 60, 90, 120]
    assert all({"mask", "follow", "ink", "gradient_norm"} <= entry.keys() for entry in logged)
    lines = json.loads((run / "student" / "lines.json").read_text())
    assert sum(lines["drawn"]["stripes"].values()) == TRAINING.steps * BATCH


def test_stopped_and_resumed_it_ends_with_equal_bytes(run: Path, tmp_path: Path) -> None:
    task = StripeTask(2, 3, opened(run / "teacher" / "model.safetensors", 12))
    with pytest.raises(Stopped):
        trained(task, "student", tmp_path, StopAt(41))
    assert not (tmp_path / "student" / "model.safetensors").exists()
    trained(task, "student", tmp_path)
    for name in ("model.safetensors", "metrics.jsonl", "lines.json", "answers.json"):
        assert (tmp_path / "student" / name).read_bytes() == (run / "student" / name).read_bytes(), name


def test_another_task_does_not_go_on_in_its_folder(run: Path) -> None:
    with pytest.raises(CheckpointError, match="another"):
        finished(Job("control", StripeTask(2, 4), TRAINING, 0, run / "control"))
