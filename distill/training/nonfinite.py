"""A step whose loss or gradient was not finite: kept as it stood, and run again to see what in it is not finite."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from distill import checkpoint as checkpoints
from distill.processes import Poll
from distill.training.job import Job
from distill.training.step import NonFiniteError, StepSettings, take_step
from distill.training.task import Criterion, Step
from distill.training.trainee import Trainee, new_trainee, restore, save
from students.errors import CheckpointError

KEPT = "nonfinite"  # in the folder of a training: a checkpoint from before the step


class Item(NamedTuple):
    """One item of a step, and what of it is not finite: tensors by their names, terms on the item alone."""

    key: str
    not_finite: tuple[str, ...]


class Replay(NamedTuple):
    """A step that was run again, without a change to any weight; `problem` is empty where all of it is finite now."""

    step: int
    loss: float
    gradient_norm: float
    problem: str
    items: tuple[Item, ...]


def step_settings(job: Job[Any], step: int) -> StepSettings:
    """Return how a step of a training, counted from 0, is taken."""
    return StepSettings(done=step / job.training.steps, seed=job.seed, clip_norm=job.training.clip_norm)


def keep_step(
    job: Job[Any], trainee: Trainee, step: Step, accelerator: Accelerator, error: NonFiniteError
) -> NonFiniteError:
    """Write the weights from before a step into the folder of its training, and return the error that says so.

    Every process takes part, the first one writes; the error names the items of all of them.
    """
    keys = [key for of_process in gather_object([list(step.keys)]) for key in of_process]
    if accelerator.is_main_process:
        shutil.rmtree(job.folder / KEPT, ignore_errors=True)
        save(job.folder / KEPT, job.digest, trainee, keep=1)
    accelerator.wait_for_everyone()
    others = [key for key in keys if key not in set(step.keys)]
    also = f", {', '.join(others)}" if others else ""
    return NonFiniteError(
        f"{job.folder}: {error}{also}\nthe step is kept in {job.folder / KEPT}; "
        "`distill replay RUN` runs it again and shows what in it is not finite"
    )


def replay_step(job: Job[Any], accelerator: Accelerator, poll: Poll) -> Replay:
    """Run the step again that `keep_step` kept, from the same weights, on items that are prepared anew.

    Raises `CheckpointError` where none is kept, or one of another recipe.
    """
    folder = checkpoints.newest(job.folder / KEPT)
    if folder is None:
        raise CheckpointError(f"{job.folder}: keeps no step that was not finite")
    saved = checkpoints.load(folder)
    if not job.owns(saved.state["job"]):
        raise CheckpointError(f"{folder}: is of another recipe, other data or another teacher than this run has now")
    trainee = new_trainee(job.task, job.training, accelerator.device)
    restore(folder, trainee, saved, accelerator.device)
    number = trainee.progress.step
    steps_from, criterion = job.task.begin(accelerator, poll)
    with closing(steps_from(range(number, number + 1))) as steps:
        data = next(steps)
    names = criterion.weights(number / job.training.steps)
    items = tuple(_items(trainee, criterion, data, names))
    still = Trainee(trainee.model, [], trainee.auxiliary)  # without optimisers: no weight changes
    try:
        result = take_step(still, criterion, data, accelerator, step_settings(job, number))
    except NonFiniteError as error:
        return Replay(number, math.nan, math.nan, str(error), items)
    return Replay(number, result.figures["loss"], result.figures["gradient_norm"], "", items)


def _items(trainee: Trainee, criterion: Criterion, step: Step, names: Mapping[str, float]) -> Iterator[Item]:
    """Every item of the step with what of it is not finite."""
    trainee.model.eval()
    device = next(trainee.model.parameters()).device
    for whole in step.batches:
        batch = whole.finished_on(device) if hasattr(whole, "finished_on") else whole
        alone = len(set(batch.keys)) == len(batch.keys)  # several views of an item are compared with each other
        for i, key in enumerate(batch.keys):
            item = _part(batch, i, len(batch.keys))
            found = [name for name, tensor in _tensors(item) if not tensor.isfinite().all()]
            if alone:
                with torch.no_grad():
                    terms, _ = criterion.terms(trainee.model, trainee.auxiliary, item, names, False)
                found += [name for name, total in terms.items() if not total.isfinite()]
            yield Item(key, tuple(found))


def _part(value: Any, i: int, n: int) -> Any:
    """What belongs to item `i` of `n` in a batch: rows of its tensors, entries of its tuples, in whatever they lie."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_part(each, i, n) for each in value))
    if isinstance(value, Mapping):
        return {name: _part(each, i, n) for name, each in value.items()}
    if isinstance(value, Tensor | tuple) and len(value) == n:
        return value[i : i + 1]
    return value


def _tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors in a batch by the names of its fields, as far as they can be infinite."""
    if isinstance(value, Tensor) and value.is_floating_point():
        yield name, value
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for field, each in zip(value._fields, value, strict=True):
            yield from _tensors(each, field)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _tensors(each, name)
