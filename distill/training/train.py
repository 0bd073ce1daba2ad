"""Training one network, from its first weights or its newest checkpoint to one model file.

Teacher, control and student all pass through here: they differ in network, lines and objective, and in
nothing else. Weights are chosen on validation; the test lines are never seen here.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

from distill import checkpoint as checkpoints
from distill.data.batch import StepData
from distill.data.feed import FeedSettings, feed
from distill.data.lines import Lines
from distill.data.mixing import MixPlan
from distill.data.posteriors import Cached
from distill.data.sampler import Order
from distill.digests import digest_of, on_host, tensors_digest
from distill.evaluation.calibrate import fitted_temperature
from distill.evaluation.evaluate import read_lines, truths_of
from distill.evaluation.metrics import Score, score
from distill.recipe.sections import Recipe, Training
from distill.recipe.terms import Objective
from distill.runtime import StopFlag, Stopped
from distill.seeds import seed_of
from distill.teaching.auxiliary import PEER, beside
from distill.teaching.cache import cache_posteriors
from distill.teaching.teacher import FrozenTeacher
from distill.track import MetricsLog, Stopwatch, progress, say, write_json
from distill.training.initial import Start, fill, sources_learnt
from distill.training.optimisers import build_optimisers, follow, rate_at
from distill.training.step import StepResult, take_step
from distill.training.trainee import Progress, Trainee, restore, save
from students.charset import Charset
from students.config import StudentConfig
from students.decode import best_path_text
from students.errors import CheckpointError, DataError, UserError
from students.model_file import MODEL_NAME, Calibration, Description, read_model, write_model
from students.parts import Recogniser, n_parameters
from teachers.crnn import TeacherConfig

SILENT_STEPS = 1000  # a CTC training may write nothing for a while before it learns
MOST_DAMAGED = 0.03  # of the lines: so many may turn out damaged during a training
LINES_NAME = "lines.json"


class CollapseError(UserError):
    """A training that will come to nothing was stopped."""


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
    cache: Path
    start: Start | None = None
    plan: MixPlan | None = None

    @property
    def seed(self) -> int:
        """Of weights, order and augmentation."""
        own = None if self.role == "teacher" else self.recipe.student.seed
        return self.recipe.seed if own is None else own

    @property
    def name(self) -> str:
        """Of its folder within the run's."""
        return self.role if self.folder.parent.name != "stages" else f"{self.role} {self.folder.name}"

    @cached_property
    def digest(self) -> str:
        """Two trainings with one digest give the same weights."""
        recipe = self.recipe
        return digest_of(
            self.role, self.seed, recipe.image, recipe.data.protocol, self.model,
            self.training, self.objective, self.charset, self.lines.digest, self.validation.digest,
            self.teacher_digest, self.start.digest if self.start else None,
            *([self.plan.mix] if self.plan else []),
        )  # fmt: skip

    @property
    def order(self) -> Order:
        """Student and control take equal steps, but the control has labelled lines in the slots of others."""
        labelled = np.array([text is not None for text in self.lines.texts])
        return Order(
            self.lines.padded_width_px, self.training.batch_lines, self.seed, self.training.micro_batch_lines,
            labelled if self.teacher_digest is None and not labelled.all() else None, self.plan,
        )  # fmt: skip

    def build(self, purpose: str = "weights") -> Recogniser:
        """The network with its first weights: fresh ones, a function of seed, purpose and architecture, or `start`'s.

        Control and student start equal.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(purpose, self.seed))
            image = self.recipe.image
            model = self.model.build(self.charset.n_classes, image.channels, image.height_px)
        if self.start is not None:
            fill(model, self.start, self.model.model_dump(mode="json"), self.charset, image)
        return model


def train(
    job: Job, teacher: FrozenTeacher | None, accelerator: Accelerator, stop: StopFlag, stopwatch: Stopwatch
) -> Path:
    """Train to the end, from where it stands, and return the model file. Raises `Stopped` after a checkpoint."""
    target = job.folder / MODEL_NAME
    if finished(job):
        return target
    trainee = _begin(job, teacher, accelerator)
    _agree(trainee.progress.step, accelerator)
    metrics = (
        MetricsLog(job.folder / "metrics.jsonl", trainee.progress.metrics_size) if accelerator.is_main_process else None
    )
    if not trainee.progress.metrics_size:
        _first_entry(job, trainee, teacher, accelerator, metrics)
    cached = cached_posteriors(job, teacher, accelerator, stop) if teacher is not None else None
    _loop(job, trainee, teacher, cached, accelerator, metrics, stop, stopwatch)
    if teacher is not None:
        teacher.assert_unchanged()
    if accelerator.is_main_process:
        _save(job, trainee, metrics, keep=1)
        _write_lines(job, trainee.progress)
    description = _described(job, trainee, accelerator)
    if accelerator.is_main_process:
        write_model(target, description, {name: t.numpy() for name, t in trainee.best.items()})
    accelerator.wait_for_everyone()
    return target


def cached_posteriors(job: Job, teacher: FrozenTeacher, accelerator: Accelerator, stop: StopFlag) -> Cached | None:
    """The teacher's posteriors on the lines of a job, computed where they are missing; None without a cache."""
    if not job.objective.cache.views:
        return None
    return cache_posteriors(
        teacher, job.lines, job.recipe.image, job.training.augment, job.seed, job.objective,
        job.charset.n_classes, job.cache, accelerator, stop.raise_if_set,
    )  # fmt: skip


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


def _begin(job: Job, teacher: FrozenTeacher | None, accelerator: Accelerator) -> Trainee:
    """First weights, or the newest checkpoint that verifies."""
    model = job.build().to(accelerator.device).to(memory_format=torch.channels_last)
    # its own first weights, or two peers that begin as copies would stay copies
    peer = replace(job, start=None).build(PEER) if job.objective.mutual.weight else None
    besides = beside(job.objective, model, peer, teacher, job.charset.n_classes, job.recipe.image, job.seed)
    besides.to(accelerator.device)
    optimisers = build_optimisers(model, job.training, list(besides.values()))
    trainee = Trainee(model, optimisers, {}, {}, Progress(), besides)
    if job.training.ema_decay:
        trainee.average = {name: t.clone() for name, t in model.state_dict().items()}
    for parameter in trainee.named_parameters.values():  # a step without a term for it is then a step of zero gradient
        parameter.grad = torch.zeros_like(parameter)
    if (folder := checkpoints.newest(job.folder / "checkpoints")) is not None:
        restore(folder, trainee, checkpoints.load(folder), accelerator.device)
    return trainee


def _loop(
    job: Job, trainee: Trainee, teacher: FrozenTeacher | None, cached: Cached | None, accelerator: Accelerator,
    metrics: MetricsLog | None, stop: StopFlag, stopwatch: Stopwatch,
) -> None:  # fmt: skip
    training, now = job.training, trainee.progress
    if teacher is not None and cached is not None:
        teacher = teacher.remembered(cached)
    end = now.step if now.has_no_hope(training) else training.steps
    fed = FeedSettings(
        lines=job.lines,
        order=job.order,
        charset=job.charset,
        preparation=job.recipe.image,
        augment=training.augment,
        views=job.objective.views,
        cycle=job.objective.cache.views,
        cached=cached,
        other_preparations=teacher.preparations if teacher is not None else (),
        augment_on=job.recipe.runtime.augment_on,
        device=accelerator.device,
        rank=accelerator.process_index,
        n_ranks=accelerator.num_processes,
        workers=job.recipe.runtime.workers,
    )
    steps = feed(fed, range(now.step, end))
    per_step = training.batch_lines * job.objective.views
    total, done = training.steps * per_step, now.step * per_step
    with (
        closing(steps),
        closing(stopwatch.waited(job.name, steps)) as watched,
        progress(job.role, total, "line", done) as bar,
    ):
        for data in watched:
            result = _one_step(job, trainee, teacher, data, accelerator, stop)
            bar.update(data.n_lines)
            if now.step % training.log_every == 0:
                _log(job, now, accelerator, metrics)
                bar.set_postfix_str(f"loss {result.figures['loss']:.3f}", refresh=False)
            if now.step % training.validate_every == 0 or now.step == training.steps:
                validation = _validate(job, trainee, accelerator, metrics)
                say(f"{job.role} step {now.step}: validation exact {validation.exact:.1%}, CER {validation.cer:.2%}")
            last = now.step == training.steps or now.has_no_hope(training)
            if (now.step % training.checkpoint_every == 0 or result.stop) and not last and accelerator.is_main_process:
                _save(job, trainee, metrics)
            if result.stop and not last:
                accelerator.wait_for_everyone()  # for the first process, which writes
                raise Stopped
            if last:
                break


def _one_step(
    job: Job, trainee: Trainee, teacher: FrozenTeacher | None, data: StepData, accelerator: Accelerator,
    stop: StopFlag,
) -> StepResult:  # fmt: skip
    now = trainee.progress
    for group in (group for optimiser in trainee.optimisers for group in optimiser.param_groups):
        group["lr"] = rate_at(now.step, job.training)
    result = take_step(
        trainee.model, trainee.optimisers, teacher, job.objective, data, accelerator,
        done=now.step / job.training.steps, seed=job.seed, clip_norm=job.training.clip_norm,
        precision=job.training.precision,
        watch=(now.step + 1) % job.training.log_every == 0, stop=stop.is_set, beside=trainee.beside,
    )  # fmt: skip
    now.step += 1
    for source, numbers in data.sampled.items():
        now.drawn[source] = [a + b for a, b in zip(now.drawn.get(source, (0, 0)), numbers, strict=True)]
    if result.n_replaced:
        _remember_damage(job, now, data)
    for name, value in result.figures.items():
        total = now.window.setdefault(name, [0.0, 0])
        total[0] += value
        total[1] += 1
    if trainee.average:
        follow(trainee.average, trainee.model.state_dict(), job.training.ema_decay, now.step)
    return result


def _remember_damage(job: Job, now: Progress, data: StepData) -> None:
    """Name the lines that others stood in for, on all processes. Raises `DataError` where they have become many."""
    for of_process in gather_object([dict(data.replaced)]):
        for key, reason in of_process.items():
            if key not in now.replaced:
                say(f"{job.role} step {now.step}: {reason}; another line stands in for it")
            now.replaced[key] = reason
    if len(now.replaced) > max(1, MOST_DAMAGED * len(job.lines)):
        raise DataError(
            f"{job.folder}: {len(now.replaced)} of {len(job.lines)} lines can no longer be read, among them "
            f"{', '.join(list(now.replaced)[:5])}; see whether the files are whole and within reach, and start again"
        )


def _write_lines(job: Job, now: Progress) -> None:
    """What the training drew of each source, and what it could not read."""
    drawn = {source: dict(zip(("labelled", "unlabelled"), n, strict=True)) for source, n in now.drawn.items()}
    write_json(job.folder / LINES_NAME, {"steps": now.step, "drawn": drawn, "replaced": now.replaced})


def _validate(job: Job, trainee: Trainee, accelerator: Accelerator, metrics: MetricsLog | None) -> Score:
    now = trainee.progress
    result, silent = _score_shown(job, trainee, accelerator)
    now.written = now.written if silent else now.step
    if now.best is None or (result.exact, -result.cer) > (now.best["exact"], -now.best["cer"]):
        now.best = {"exact": result.exact, "cer": result.cer, "step": now.step}
        trainee.best = on_host(trainee.shown)
    if silent:
        _advise(job, now)
    if metrics:
        metrics.write(step=now.step, validation_exact=result.exact, validation_cer=result.cer)
    accelerator.log({f"{job.role}/validation_exact": result.exact, f"{job.role}/validation_cer": result.cer}, now.step)
    return result


def _advise(job: Job, now: Progress) -> None:
    """Stop a training that has written nothing for long; say what may help where a shorter one ends so."""
    nothing = (
        f"{job.folder}: from step {now.written} to {now.step} of {job.training.steps} nothing was written on any "
        "validation line. Lower the learning_rate or the weights of the teacher's terms, see whether labels fit their "
        "frames (distill check), or begin with init or a stage of easier lines"
    )
    if now.step - now.written >= max(SILENT_STEPS, job.training.steps / 3):
        raise CollapseError(f"{nothing}: the network has collapsed to blanks, and more steps rarely help")
    if now.step == job.training.steps or now.has_no_hope(job.training):
        say(f"{nothing}; so short a training may just need more steps")


def _score_shown(job: Job, trainee: Trainee, accelerator: Accelerator) -> tuple[Score, bool]:
    """The shown weights on the validation lines; the live ones are put back."""
    if not trainee.average:
        return _score_of(job, trainee.model, accelerator)
    live = on_host(trainee.model.state_dict())
    trainee.model.load_state_dict(trainee.average)
    result = _score_of(job, trainee.model, accelerator)
    trainee.model.load_state_dict(live)
    return result


def _score_of(job: Job, model: nn.Module, accelerator: Accelerator) -> tuple[Score, bool]:
    """The score on the validation lines, and whether nothing was written on any of them."""
    decode = partial(best_path_text, charset=job.charset)
    texts = read_lines(model, job.validation, decode, job.recipe.image, accelerator)
    return score(truths_of(job.validation), texts, job.recipe.data.protocol), not any(texts.values())


def _first_entry(
    job: Job, trainee: Trainee, teacher: FrozenTeacher | None, accelerator: Accelerator,
    metrics: MetricsLog | None,
) -> None:  # fmt: skip
    """Step 0: what the teacher can do, and a first checkpoint, which shows a full disk or wrong path at once."""
    entry: dict[str, Any] = {"step": 0, "parameters": n_parameters(trainee.model)}
    if teacher is not None:
        result, _ = _score_of(job, teacher, accelerator)
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


def _save(job: Job, trainee: Trainee, metrics: MetricsLog | None, keep: int = checkpoints.KEEP) -> None:
    trainee.progress.metrics_size = metrics.flushed_size() if metrics else 0
    save(job.folder / "checkpoints", job.digest, trainee, keep)


def _described(job: Job, trainee: Trainee, accelerator: Accelerator) -> Description:
    """What stands beside the best weights, with the temperature that makes them speak as surely as they read.

    Every process takes part: validation is read by all of them.
    """
    trainee.model.load_state_dict(trainee.best)
    image, protocol = job.recipe.image, job.recipe.data.protocol
    temperature = fitted_temperature(trainee.model, job.validation, job.charset, image, accelerator, protocol)
    return Description(
        kind="teacher" if job.role == "teacher" else "student",
        architecture=job.model.model_dump(mode="json"),
        charset=job.charset,
        preparation=image,
        calibration=Calibration(temperature=temperature),
        training={
            "job": job.digest,
            "role": job.role,
            "recipe": job.recipe.name,
            "seed": job.seed,
            "steps": job.training.steps,
            "chosen": trainee.progress.best,
            "protocol": protocol,
            "weights": tensors_digest(trainee.best),
            "lines": {"train": job.lines.digest, "validation": job.validation.digest},
            "sources": sources_learnt(job.lines.sources, job.start),
            "licence": job.recipe.data.licence,
            "origin": job.recipe.data.origin,
            "teacher": job.teacher_digest,
        },
    )
