"""A network on its way through a training: its tensors and where it stands, saved and restored to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from distill import checkpoint as checkpoints
from distill.checkpoint import Checkpoint
from distill.recipe.training import Budget
from distill.training.optimisers import build_optimisers
from distill.training.task import Task
from distill.training.together import learning_together

OLD_NAMES = {"sampled": "drawn"}  # of parts of the progress, as checkpoints know them


@dataclass
class Progress:
    """The state of a training apart from its tensors."""

    step: int = 0
    written: int = 0  # the last step at whose validation anything was written
    best: dict[str, float] | None = None
    window: dict[str, list[float]] = field(default_factory=dict)
    metrics_size: int = 0
    metrics_digest: str = ""
    sampled: dict[str, list[int]] = field(default_factory=dict)  # labelled and unlabelled items of each source so far
    replaced: dict[str, str] = field(default_factory=dict)  # damaged items that others stood in for, and why

    def has_no_hope(self, training: Budget, first: int) -> bool:
        """Return whether as many validations as the recipe's patience, from step `first` on, brought nothing better."""
        if training.patience is None or self.best is None:
            return False
        return self.step - max(first, self.best["step"]) >= training.patience * training.validate_every


@dataclass
class Trainee:
    """A network on its way: weights, their running average, the best so far, the optimisers."""

    model: nn.Module
    optimisers: Sequence[torch.optim.Optimizer]
    auxiliary: nn.ModuleDict = field(default_factory=nn.ModuleDict)
    average: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)

    @cached_property
    def learning(self) -> nn.Module:
        """Return all that learns as one module (see `together.py`); every process asks for it at the same time."""
        return learning_together(self.model, self.auxiliary)

    @property
    def named_parameters(self) -> dict[str, nn.Parameter]:
        """Return all that learns, auxiliary modules included."""
        return {**dict(self.model.named_parameters()), **dict(self.auxiliary.named_parameters(prefix="beside"))}

    @property
    def shown(self) -> dict[str, Tensor]:
        """Return the weights that are validated and shipped: the average where there is one."""
        return self.average or dict(self.model.state_dict())


def new_trainee(task: Task, training: Budget, device: torch.device) -> Trainee:
    """Return the network of a task with its first weights, on a device, with fresh optimisers: before any step."""
    model = task.build().to(device).to(memory_format=torch.channels_last)
    auxiliary = task.auxiliary(model).to(device)
    trainee = Trainee(model, build_optimisers(model, training, list(auxiliary.values())), auxiliary)
    if training.ema_decay:
        trainee.average = {name: t.clone() for name, t in model.state_dict().items()}
    for parameter in trainee.named_parameters.values():  # a step without a term for it is then a step of zero gradient
        parameter.grad = torch.zeros_like(parameter)
    return trainee


def save(folder: Path, job: str, trainee: Trainee, keep: int = checkpoints.KEEP, provisional: bool = False) -> None:
    """Write what is needed to go on at the exact step, as a checkpoint of the training with digest `job`.

    `provisional`: it rests on weights that may change.
    """
    now = trainee.progress
    names: dict[Tensor, str] = {p: name for name, p in trainee.named_parameters.items()}
    moments = {
        f"{names[p]}/{key}": value
        for optimiser in trainee.optimisers
        for p, state in optimiser.state.items()
        for key, value in state.items()
    }
    groups = {"weights": trainee.model.state_dict(), "moments": moments}
    if trainee.auxiliary:
        groups["beside"] = trainee.auxiliary.state_dict()
    if trainee.average:
        groups["average"] = trainee.average
    if trainee.best:
        groups["best"] = trainee.best
    state = {
        **{OLD_NAMES.get(part.name, part.name): getattr(now, part.name) for part in fields(Progress)},
        "job": job,
        **({"provisional": True} if provisional else {}),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "device": next(trainee.model.parameters()).device.type,
    }
    checkpoints.save(folder, now.step, Checkpoint(groups, state), keep)


def restore(folder: Path, trainee: Trainee, saved: Checkpoint, device: torch.device) -> None:
    """Put a trainee where a checkpoint of `folder` left it, with a warning where other versions or threads wrote it."""
    state = saved.state
    if (begun_on := state.get("device", device.type)) != device.type:
        checkpoints.log.warning("%s: begun on %s, continued on %s: results may differ", folder, begun_on, device.type)
    if (state["threads"], state["torch"]) != (torch.get_num_threads(), torch.__version__):
        checkpoints.log.warning(
            "%s: continued with %s threads and torch %s, begun with %s and %s: results may differ in the last bits",
            folder,
            torch.get_num_threads(),
            torch.__version__,
            state["threads"],
            state["torch"],
        )
    trainee.model.load_state_dict(dict(saved.tensors["weights"]))
    if trainee.auxiliary:
        trainee.auxiliary.load_state_dict(dict(saved.tensors["beside"]))
    parameters = trainee.named_parameters
    states = {p: o.state[p] for o in trainee.optimisers for group in o.param_groups for p in group["params"]}
    for name, value in saved.tensors["moments"].items():
        parameter, key = name.rsplit("/", 1)
        on_device = value if key == "step" else value.to(device)
        states[parameters[parameter]][key] = on_device
    if trainee.average:
        trainee.average = {n: t.to(device) for n, t in saved.tensors["average"].items()}
    trainee.best = dict(saved.tensors.get("best", {}))
    older = {"drawn": {}, "replaced": {}, "written": state["step"], "metrics_digest": ""}  # checkpoints lack these
    found = older | state
    names = {part.name: OLD_NAMES.get(part.name, part.name) for part in fields(Progress)}
    trainee.progress = Progress(**{name: found[written] for name, written in names.items()})
