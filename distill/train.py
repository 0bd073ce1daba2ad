"""Training one network, from its first weights or its newest checkpoint to one model file.

Teacher, control and student all pass through here: they differ in network, lines and objective, and in
nothing else. Weights are chosen on validation; the test lines are never seen here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from distill import checkpoint as checkpoints
from distill.checkpoint import Checkpoint, on_host, tensors_digest
from distill.data.batch import StepData, feed
from distill.data.lines import Lines
from distill.data.sampler import Order
from distill.data.seeds import seed_of
from distill.evaluate import read_lines, truths_of
from distill.initial import Start, fill
from distill.metrics import Score, score
from distill.optimisers import build_optimisers, follow, rate_at
from distill.recipe import Objective, Recipe, Training, digest_of
from distill.runtime import StopFlag, Stopped
from distill.step import FrozenTeacher, StepResult, take_step
from distill.track import MetricsLog, progress, say
from students.charset import Charset
from students.config import StudentConfig
from students.errors import CheckpointError
from students.model_file import Description, read_model, write_model
from students.parts import Recogniser, n_parameters
from students.reader import MODEL_NAME
from teachers.crnn import TeacherConfig

Role = Literal["teacher", "control", "student"]


@dataclass(frozen=True)
class Job:
    """Everything that one training depends on."""

    role: Role
    recipe: Recipe
    model: TeacherConfig | StudentConfig
    training: Training
    objective: Objective
    lines: Lines
    validation: Lines
    charset: Charset
    teacher_digest: str | None
    folder: Path
    start: Start | None = None

    @cached_property
    def digest(self) -> str:
        """Two trainings with one digest give the same weights."""
        recipe = self.recipe
        return digest_of(
            self.role, recipe.seed, recipe.image, recipe.data.protocol, self.model,
            self.training, self.objective, self.charset, self.lines.digest, self.validation.digest,
            self.teacher_digest, self.start.digest if self.start else None,
        )  # fmt: skip

    def build(self) -> Recogniser:
        """The network with its first weights: fresh ones, a function of seed and architecture, or those of `start`.

        Control and student start equal.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of("weights", self.recipe.seed))
            image = self.recipe.image
            model = self.model.build(self.charset.n_classes, image.channels, image.height_px)
        if self.start is not None:
            fill(model, self.start, self.model.model_dump(mode="json"), self.charset, image)
        return model


@dataclass
class Progress:
    """The state of a training beside its tensors."""

    step: int = 0
    best: dict[str, float] | None = None
    window: dict[str, list[float]] = field(default_factory=dict)
    metrics_size: int = 0


@dataclass
class Trainee:
    """A network on its way: weights, their running average, the best so far, the optimisers."""

    model: nn.Module
    optimisers: tuple[torch.optim.Optimizer, ...]
    average: dict[str, Tensor]
    best: dict[str, Tensor]
    progress: Progress

    @property
    def shown(self) -> dict[str, Tensor]:
        """The weights that are validated and shipped: the average where there is one."""
        return self.average or dict(self.model.state_dict())


def train(job: Job, teacher: FrozenTeacher | None, accelerator: Accelerator, stop: StopFlag) -> Path:
    """Train to the end, from where it stands, and return the model file. Raises `Stopped` after a checkpoint."""
    target = job.folder / MODEL_NAME
    if finished(job):
        return target
    trainee = _begin(job, accelerator)
    _agree(trainee.progress.step, accelerator)
    metrics = MetricsLog(job.folder / "metrics.jsonl", trainee.progress.metrics_size) if _main(accelerator) else None
    if not trainee.progress.metrics_size:
        _first_entry(job, trainee, teacher, accelerator, metrics)
    _loop(job, trainee, teacher, accelerator, metrics, stop)
    if teacher is not None:
        teacher.assert_unchanged()
    if _main(accelerator):
        _save(job, trainee, metrics, keep=1)
        _write_model(job, trainee, target)
    accelerator.wait_for_everyone()
    return target


def finished(job: Job) -> bool:
    """Whether the model file is there. Raises `CheckpointError` if it, or a checkpoint, is another job's."""
    target = job.folder / MODEL_NAME
    checkpoint = checkpoints.newest(job.folder / "checkpoints")
    if target.is_file():
        owner = read_model(target)[0].training.get("job")
    else:
        owner = checkpoints.read_state(checkpoint).get("job") if checkpoint else job.digest
    if owner != job.digest:
        raise CheckpointError(
            f"{job.folder}: was trained from another recipe, other data or another teacher; choose another --run, "
            f"or remove {job.folder} to train it anew"
        )
    return target.is_file()


def _agree(step: int, accelerator: Accelerator) -> None:
    """All processes have read their checkpoint, and the same one, before the first of them may write."""
    steps = set(gather_object([step]))
    if len(steps) > 1:
        raise CheckpointError(f"the processes found checkpoints of different steps: {sorted(steps)}; start again")
    accelerator.wait_for_everyone()


def _begin(job: Job, accelerator: Accelerator) -> Trainee:
    """First weights, or the newest checkpoint that verifies."""
    model = job.build().to(accelerator.device).to(memory_format=torch.channels_last)
    trainee = Trainee(model, build_optimisers(model, job.training), {}, {}, Progress())
    if job.training.ema_decay:
        trainee.average = {name: t.clone() for name, t in model.state_dict().items()}
    for parameter in model.parameters():  # a step without a term for it is then a step of zero gradient
        parameter.grad = torch.zeros_like(parameter)
    if (folder := checkpoints.newest(job.folder / "checkpoints")) is not None:
        _restore(job, trainee, checkpoints.load(folder), accelerator)
    return trainee


def _loop(
    job: Job, trainee: Trainee, teacher: FrozenTeacher | None, accelerator: Accelerator,
    metrics: MetricsLog | None, stop: StopFlag,
) -> None:  # fmt: skip
    training, now = job.training, trainee.progress
    labelled = np.array([text is not None for text in job.lines.texts])
    order = Order(
        job.lines.padded_width_px, training.batch_lines, job.recipe.seed, training.micro_batch_lines,
        labelled if job.teacher_digest is None and not labelled.all() else None,
    )  # fmt: skip
    end = now.step if _has_no_hope(training, now) else training.steps
    steps = feed(
        job.lines, order, job.charset, job.recipe.image, training.augment,
        steps=range(now.step, end), rank=accelerator.process_index,
        n_ranks=accelerator.num_processes, workers=job.recipe.runtime.workers, views=job.objective.views,
    )  # fmt: skip
    per_step = training.batch_lines * job.objective.views
    total, done = training.steps * per_step, now.step * per_step
    with progress(job.role, total, "line", done) as bar:
        for data in steps:
            result = _one_step(job, trainee, teacher, data, accelerator, stop)
            bar.update(data.n_lines)
            if now.step % training.log_every == 0:
                _log(job, now, accelerator, metrics)
                bar.set_postfix_str(f"loss {result.figures['loss']:.3f}", refresh=False)
            if now.step % training.validate_every == 0 or now.step == training.steps:
                validation = _validate(job, trainee, accelerator, metrics)
                say(f"{job.role} step {now.step}: validation exact {validation.exact:.1%}, CER {validation.cer:.2%}")
            last = now.step == training.steps or _has_no_hope(training, now)
            if (now.step % training.checkpoint_every == 0 or result.stop) and not last and _main(accelerator):
                _save(job, trainee, metrics)
            if result.stop and not last:
                accelerator.wait_for_everyone()  # for the first process, which writes
                raise Stopped
            if last:
                break


def _has_no_hope(training: Training, now: Progress) -> bool:
    """Whether as many validations as the recipe's patience have brought nothing better."""
    if training.patience is None or now.best is None:
        return False
    return now.step - now.best["step"] >= training.patience * training.validate_every


def _one_step(
    job: Job, trainee: Trainee, teacher: FrozenTeacher | None, data: StepData, accelerator: Accelerator,
    stop: StopFlag,
) -> StepResult:  # fmt: skip
    now = trainee.progress
    for group in (group for optimiser in trainee.optimisers for group in optimiser.param_groups):
        group["lr"] = rate_at(now.step, job.training)
    result = take_step(
        trainee.model, trainee.optimisers, teacher, job.objective, data, accelerator,
        done=now.step / job.training.steps, seed=job.recipe.seed, clip_norm=job.training.clip_norm,
        precision=job.training.precision,
        watch=(now.step + 1) % job.training.log_every == 0, stop=stop.is_set,
    )  # fmt: skip
    now.step += 1
    for name, value in result.figures.items():
        total = now.window.setdefault(name, [0.0, 0])
        total[0] += value
        total[1] += 1
    if trainee.average:
        follow(trainee.average, trainee.model.state_dict(), job.training.ema_decay, now.step)
    return result


def _validate(job: Job, trainee: Trainee, accelerator: Accelerator, metrics: MetricsLog | None) -> Score:
    now = trainee.progress
    result = _score_shown(job, trainee, accelerator)
    found = {"exact": result.exact, "cer": result.cer, "step": now.step}
    if now.best is None or (result.exact, -result.cer) > (now.best["exact"], -now.best["cer"]):
        now.best = found
        trainee.best = on_host(trainee.shown)
    if metrics:
        metrics.write(step=now.step, validation_exact=result.exact, validation_cer=result.cer)
    accelerator.log({f"{job.role}/validation_exact": result.exact, f"{job.role}/validation_cer": result.cer}, now.step)
    return result


def _score_shown(job: Job, trainee: Trainee, accelerator: Accelerator) -> Score:
    """The shown weights on the validation lines; the live ones are put back."""
    if not trainee.average:
        return _score_of(job, trainee.model, accelerator)
    live = on_host(trainee.model.state_dict())
    trainee.model.load_state_dict(trainee.average)
    result = _score_of(job, trainee.model, accelerator)
    trainee.model.load_state_dict(live)
    return result


def _score_of(job: Job, model: nn.Module, accelerator: Accelerator) -> Score:
    readings = read_lines(model, job.validation, job.charset, job.recipe.image, accelerator)
    texts = {key: reading.text for key, reading in readings.items()}
    return score(truths_of(job.validation), texts, job.recipe.data.protocol)


def _first_entry(
    job: Job, trainee: Trainee, teacher: FrozenTeacher | None, accelerator: Accelerator,
    metrics: MetricsLog | None,
) -> None:  # fmt: skip
    """Step 0: what the teacher can do, and a first checkpoint, which shows a full disk or wrong path at once."""
    entry: dict[str, Any] = {"step": 0, "parameters": n_parameters(trainee.model)}
    if teacher is not None:
        result = _score_of(job, teacher.model, accelerator)
        entry |= {"teacher_exact": result.exact, "teacher_cer": result.cer}
        say(f"the teacher before step 1: validation exact {result.exact:.1%}, CER {result.cer:.2%}")
    if metrics:
        metrics.write(**entry)
        _save(job, trainee, metrics)


def _log(job: Job, now: Progress, accelerator: Accelerator, metrics: MetricsLog | None) -> None:
    """Means over the steps since the last entry."""
    figures = {name: total / n for name, (total, n) in now.window.items()}
    figures["learning_rate"] = rate_at(now.step - 1, job.training)
    now.window.clear()
    if metrics:
        metrics.write(step=now.step, **figures)
    accelerator.log({f"{job.role}/{name}": value for name, value in figures.items()}, step=now.step)


def _save(
    job: Job,
    trainee: Trainee,
    metrics: MetricsLog | None,
    keep: int = checkpoints.KEEP,
) -> None:
    """Everything needed to go on at the exact step."""
    now = trainee.progress
    now.metrics_size = metrics.flushed_size() if metrics else 0
    names: dict[Tensor, str] = {p: name for name, p in trainee.model.named_parameters()}
    moments = {
        f"{names[p]}/{key}": value
        for optimiser in trainee.optimisers
        for p, state in optimiser.state.items()
        for key, value in state.items()
    }
    groups = {"weights": trainee.model.state_dict(), "moments": moments}
    if trainee.average:
        groups["average"] = trainee.average
    if trainee.best:
        groups["best"] = trainee.best
    state = {
        "job": job.digest, "step": now.step, "best": now.best, "window": now.window,
        "metrics_size": now.metrics_size, "threads": torch.get_num_threads(), "torch": torch.__version__,
    }  # fmt: skip
    checkpoints.save(job.folder / "checkpoints", now.step, Checkpoint(groups, state), keep)


def _restore(job: Job, trainee: Trainee, saved: Checkpoint, accelerator: Accelerator) -> None:
    state = saved.state
    if (state["threads"], state["torch"]) != (torch.get_num_threads(), torch.__version__):
        checkpoints.log.warning(
            "%s: continued with %s threads and torch %s, begun with %s and %s: results may differ in the last bits",
            job.folder, torch.get_num_threads(), torch.__version__, state["threads"], state["torch"],
        )  # fmt: skip
    trainee.model.load_state_dict(dict(saved.tensors["weights"]))
    parameters = dict(trainee.model.named_parameters())
    states = {p: o.state[p] for o in trainee.optimisers for group in o.param_groups for p in group["params"]}
    for name, value in saved.tensors["moments"].items():
        parameter, key = name.rsplit("/", 1)
        on_device = value if key == "step" else value.to(accelerator.device)
        states[parameters[parameter]][key] = on_device
    if trainee.average:
        trainee.average = {n: t.to(accelerator.device) for n, t in saved.tensors["average"].items()}
    trainee.best = dict(saved.tensors.get("best", {}))
    trainee.progress = Progress(state["step"], state["best"], state["window"], state["metrics_size"])


def _write_model(job: Job, trainee: Trainee, target: Path) -> None:
    description = Description(
        kind="teacher" if job.role == "teacher" else "student",
        architecture=job.model.model_dump(mode="json"),
        charset=job.charset,
        preparation=job.recipe.image,
        training={
            "job": job.digest,
            "role": job.role,
            "recipe": job.recipe.name,
            "seed": job.recipe.seed,
            "steps": job.training.steps,
            "chosen": trainee.progress.best,
            "protocol": job.recipe.data.protocol,
            "weights": tensors_digest(trainee.best),
            "lines": {"train": job.lines.digest, "validation": job.validation.digest},
            "teacher": job.teacher_digest,
        },
    )
    write_model(target, description, {name: t.numpy() for name, t in trainee.best.items()})


def _main(accelerator: Accelerator) -> bool:
    return accelerator.is_main_process
