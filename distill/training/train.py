"""Training one network, from its first weights or its newest checkpoint to one model file.

Teacher, control and student of every task pass through here. Weights are chosen on validation; test items are never
seen here.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import gather_object

from distill import checkpoint as checkpoints
from distill.digests import on_host, tensors_digest
from distill.launch import expect_alike
from distill.runtime import StopFlag, Stopped
from distill.signed_json import write_json, write_signed_json
from distill.track import MetricsLog, Stopwatch, progress, say
from distill.training.early import Early
from distill.training.job import Job, finished
from distill.training.nonfinite import keep_step, step_settings
from distill.training.optimisers import rate_at, update_average
from distill.training.step import NonFiniteError, StepResult, take_step
from distill.training.task import Criterion, Step, Validation
from distill.training.trainee import Progress, Trainee, new_trainee, restore, save
from students.errors import CheckpointError, DataError, UserError
from students.parts import n_parameters

SILENT_STEPS = 1000  # a CTC training may write nothing for a while before it learns
MOST_DAMAGED = 0.03  # of the items: so many may turn out damaged during a training
LINES_NAME = "lines.json"
ANSWERS_NAME = "answers.json"


class CollapseError(UserError):
    """A training that will come to nothing was stopped."""


@dataclass(frozen=True)
class Session:
    """What one call of `train` works with. `metrics` is None on all processes but the first."""

    job: Job[Any]
    trainee: Trainee
    accelerator: Accelerator
    metrics: MetricsLog | None
    stop: StopFlag
    early: Early

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rate = rate_at(step, self.job.training, self.job.first_step)
        return rate if self.early.ending is None else rate * self.early.ending.factor(step)


def train(
    job: Job[Any], accelerator: Accelerator, stop: StopFlag, stopwatch: Stopwatch, early: Early | None = None
) -> Path:
    """Train to the end, from the newest checkpoint on, and return the model file.

    With `early` the training may end before; its best weights so far are in the model file, which says so, and the next
    call goes on at the checkpoint from before its cool-down.
    Raises `Stopped` after a checkpoint, `NonFiniteError` for a loss or gradient that is not finite, `CollapseError`
    where the network gives no answer for too long, `DataError` where too many items are damaged, and `UserError` where
    the processes do not fit together.
    """
    expect_alike({"digest of data and recipe": job.digest}, accelerator)
    if finished(job):
        return job.target
    if accelerator.num_processes > job.task.items_a_step:
        raise UserError(
            f"{job.name}: batch_{job.task.unit}s is {job.task.items_a_step}, which {accelerator.num_processes} "
            "processes cannot share; start fewer, or raise it"
        )
    trainee = _begin(job, accelerator)
    _agree(trainee, accelerator)
    path, now = job.folder / "metrics.jsonl", trainee.progress
    metrics = MetricsLog(path, now.metrics_size, now.metrics_digest) if accelerator.is_main_process else None
    session = Session(job, trainee, accelerator, metrics, stop, early or Early())
    if not trainee.progress.metrics_size:
        _first_entry(session)
    _loop(session, stopwatch)
    ending = session.early.ending
    if accelerator.is_main_process:
        if ending is None:
            _save(session, keep=1)
        _write_lines(session)
    record = job.record(trainee.progress.step, ending)
    job.task.write(job.target, trainee.model, trainee.best, trainee.progress.best, accelerator, record)
    if ending is not None:
        say(f"{job.name}: its time was over after {trainee.progress.step:,} of {job.training.steps:,} steps")
    accelerator.wait_for_everyone()
    return job.target


def _agree(trainee: Trainee, accelerator: Accelerator) -> None:
    """All processes have read their checkpoint, and the same one, before the first of them may write."""
    steps = set(gather_object([trainee.progress.step]))
    if len(steps) > 1:
        raise CheckpointError(f"the processes found checkpoints of different steps: {sorted(steps)}; start again")
    if accelerator.num_processes > 1:
        expect_alike({"digest of weights": tensors_digest(trainee.model.state_dict())}, accelerator)
    accelerator.wait_for_everyone()


def _begin(job: Job[Any], accelerator: Accelerator) -> Trainee:
    """First weights, or the newest checkpoint that verifies."""
    trainee = new_trainee(job.task, job.training, accelerator.device)
    if (folder := checkpoints.newest(job.checkpoints)) is not None:
        saved = checkpoints.load(folder)
        if job.owns(saved.state["job"]):
            restore(folder, trainee, saved, accelerator.device)
        else:  # it gives way, or `finished` would have refused it
            say(f"{job.name}: begins anew, since what it was trained on has gone on")
            accelerator.wait_for_everyone()  # all have read it
            if accelerator.is_main_process:
                shutil.rmtree(job.checkpoints)
    return trainee


def _loop(session: Session, stopwatch: Stopwatch) -> None:
    job, now, accelerator = session.job, session.trainee.progress, session.accelerator
    steps_from, criterion = job.task.begin(accelerator, session.stop.raise_if_set)
    steps, n, first = job.training.steps, job.task.items_a_step, job.first_step
    items = steps_from(range(now.step, now.step if now.has_no_hope(job.training, first) else steps))
    session.early.begin(now.step)
    with (
        closing(items),
        closing(stopwatch.waited(job.name, items)) as watched,
        progress(job.role, steps * n, job.task.unit, now.step * n) as bar,
    ):
        for data in watched:
            result = _one_step(session, criterion, data)
            bar.update(data.n_items)
            if now.step % job.training.log_every == 0:
                _log(session)
                bar.set_postfix_str(f"loss {result.figures['loss']:.3f}", refresh=False)
            ending = session.early.after(now.step, steps, accelerator)
            end = ending.end if ending else steps
            if now.step % job.training.validate_every == 0 or now.step == end:
                _validate(session)
            last = now.step == end or (ending is None and now.has_no_hope(job.training, first))
            due = now.step % job.training.checkpoint_every == 0 or result.stop
            if ending:  # none that a training which goes on would begin at in the midst of the cool-down
                due = now.step == ending.begin or (due and now.step < ending.begin)
            if due and not last and accelerator.is_main_process:
                _save(session)
            if result.stop and not last:
                accelerator.wait_for_everyone()  # for the first process, which writes
                raise Stopped
            if last:
                break


def _one_step(session: Session, criterion: Criterion, data: Step) -> StepResult:
    trainee, now, training = session.trainee, session.trainee.progress, session.job.training
    for group in (group for optimiser in trainee.optimisers for group in optimiser.param_groups):
        group["lr"] = session.rate(now.step)
    settings = replace(
        step_settings(session.job, now.step), watch=(now.step + 1) % training.log_every == 0, stop=session.stop.is_set
    )
    try:
        result = take_step(trainee, criterion, data, session.accelerator, settings)
    except NonFiniteError as error:
        raise keep_step(session.job, trainee, data, session.accelerator, error) from error
    now.step += 1
    for source, numbers in data.sampled.items():
        now.sampled[source] = [a + b for a, b in zip(now.sampled.get(source, (0, 0)), numbers, strict=True)]
    if result.n_replaced:
        _remember_damage(session.job, now, data)
    for name, value in result.figures.items():
        total = now.window.setdefault(name, [0.0, 0])
        total[0] += value
        total[1] += 1
    if trainee.average:
        update_average(trainee.average, trainee.model.state_dict(), training.ema_decay, now.step)
    return result


def _remember_damage(job: Job[Any], now: Progress, data: Step) -> None:
    """Name the items that others stood in for, on all processes. Raises `DataError` where they have become many."""
    unit, n_items = job.task.unit, job.task.n_items
    for of_process in gather_object([dict(data.replaced)]):
        for key, reason in of_process.items():
            if key not in now.replaced:
                say(f"{job.role} step {now.step}: {reason}; another {unit} stands in for it")
            now.replaced[key] = reason
    if len(now.replaced) > max(1, MOST_DAMAGED * n_items):
        raise DataError(
            f"{job.folder}: {len(now.replaced)} of {n_items} {unit}s can no longer be read, among them "
            f"{', '.join(list(now.replaced)[:5])}; see whether the files are whole and within reach, and start again"
        )


def _write_lines(session: Session) -> None:
    """What the training sampled of each source, and what it could not read."""
    now = session.trainee.progress
    sampled = {source: dict(zip(("labelled", "unlabelled"), n, strict=True)) for source, n in now.sampled.items()}
    values = {"steps": now.step, "drawn": sampled, "replaced": now.replaced}
    write_signed_json(session.job.folder / LINES_NAME, values)


def _validate(session: Session) -> None:
    """Validate the shown weights, keep them where they are the best so far, and stop a training that has collapsed."""
    job, trainee, now = session.job, session.trainee, session.trainee.progress
    figures, _, silent, answers = _validation_of_shown(session)
    now.written = now.written if silent else now.step
    if now.best is None or job.task.selection_key(figures) > job.task.selection_key(now.best):
        now.best = {**figures, "step": now.step}
        trainee.best = on_host(trainee.shown)
    if silent:
        _advise(job, now)
    named = {f"validation_{name}": value for name, value in figures.items()}
    if session.metrics:
        session.metrics.write(step=now.step, **named)
        shown = {"step": now.step, "answers": [answer._asdict() for answer in answers]}
        write_json(job.folder / ANSWERS_NAME, shown)
    session.accelerator.log({f"{job.role}/{name}": value for name, value in named.items()}, now.step)
    in_words = ", ".join(f"{name} {value:.2%}" for name, value in figures.items())
    say(f"{job.role} step {now.step}: validation {in_words}")


def _advise(job: Job[Any], now: Progress) -> None:
    """Stop a training that has answered nothing for long; say what may help where a shorter one ends so."""
    nothing = (
        f"{job.folder}: from step {now.written} to {now.step} of {job.training.steps} nothing was written on any "
        f"validation {job.task.unit}"
    )
    if now.step - now.written >= max(SILENT_STEPS, job.training.steps / 3):
        collapsed = f"the network has collapsed to {job.task.silence}, and more steps rarely help"
        raise CollapseError(f"{nothing}. {job.task.advice}: {collapsed}")
    if now.step == job.training.steps or now.has_no_hope(job.training, job.first_step):
        say(f"{nothing}; so short a training may just need more steps. If those do not help: {job.task.advice}")


def _validation_of_shown(session: Session) -> Validation:
    """The shown weights on the validation items; the live ones are put back."""
    task, trainee = session.job.task, session.trainee
    if not trainee.average:
        return task.validate(trainee.model, session.accelerator)
    live = on_host(trainee.model.state_dict())
    trainee.model.load_state_dict(trainee.average)
    result = task.validate(trainee.model, session.accelerator)
    trainee.model.load_state_dict(live)
    return result


def _first_entry(session: Session) -> None:
    """Step 0: what the teacher can do, and a first checkpoint, which shows a full disk or wrong path at once."""
    figures = session.job.task.teacher_figures(session.accelerator)
    if session.metrics:
        session.metrics.write(step=0, parameters=n_parameters(session.trainee.model), **figures)
        _save(session)


def _log(session: Session) -> None:
    """Means over the steps since the last entry."""
    job, now = session.job, session.trainee.progress
    figures = {name: total / n for name, (total, n) in now.window.items()}
    figures["learning_rate"] = session.rate(now.step - 1)
    now.window.clear()
    if session.metrics:
        session.metrics.write(step=now.step, **figures)
    session.accelerator.log({f"{job.role}/{name}": value for name, value in figures.items()}, step=now.step)


def _save(session: Session, keep: int = checkpoints.KEEP) -> None:
    job, trainee = session.job, session.trainee
    if session.metrics:
        trainee.progress.metrics_size, trainee.progress.metrics_digest = session.metrics.flushed()
    save(job.checkpoints, job.digest, trainee, keep, job.provisional)
