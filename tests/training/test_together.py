"""Gradients of two processes are those of one, whichever lines, micro-batches and terms each has in a step."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
import safetensors.torch
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from distill.training.step import NonFiniteError, StepSettings, take_step
from distill.training.trainee import Trainee
from tests.two_processes import in_two_processes

WIDE = StepSettings(clip_norm=1e9)


class Some(NamedTuple):
    """Lines of a micro-batch as numbers; `hinted` of them have the second term, `learnt` whether any has the first."""

    lines_ND: Tensor
    keys: tuple[str, ...]
    hinted: bool = False
    learnt: bool = True


@dataclass(frozen=True)
class Batches:
    """What one process has of a step, and the counts of the whole step."""

    batches: tuple[Some, ...]
    n_items: int
    n_hinted: int
    step: int = 4
    sampled: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for batch in self.batches for key in batch.keys)


class Terms:
    """The size of what the network makes of a line, and of what the auxiliary module makes of that."""

    def weights(self, done: float) -> Mapping[str, float]:
        return {"size": 1.0, "hint": 0.5} if done else {"size": 1.0}

    def counts(self, names: Collection[str], step: Batches) -> Mapping[str, int]:
        return {name: step.n_items if name == "size" else step.n_hinted for name in names}

    def terms(
        self, model: nn.Module, auxiliary: nn.ModuleDict, batch: Some, names: Collection[str], watch: bool
    ) -> tuple[Mapping[str, Tensor], Mapping[str, float]]:
        made_ND = model(batch.lines_ND)
        found = {"size": made_ND.square().sum() if batch.learnt else torch.zeros(())}
        if batch.hinted and "hint" in names:
            found["hint"] = auxiliary["hint"](made_ND).square().sum()
        return found, {"seen": 1.0} if watch else {}


def trainee(norm: nn.Module) -> Trainee:
    """Two layers of unequal sizes, so that they fill several buckets, and an auxiliary module."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 900), norm, nn.Tanh(), nn.Linear(900, 1700), nn.Linear(1700, 5))
        auxiliary = nn.ModuleDict({"hint": nn.Linear(5, 3), "asleep": nn.Linear(2, 2)})
    made = Trainee(model, [torch.optim.SGD([*model.parameters(), *auxiliary.parameters()], lr=1e-3)], auxiliary)
    for parameter in made.named_parameters.values():
        parameter.grad = torch.zeros_like(parameter)
    return made


def lines(*numbers: int) -> tuple[Tensor, tuple[str, ...]]:
    every_ND = torch.linspace(-1, 1, 8 * 6).reshape(8, 6).sin()
    return every_ND[list(numbers)], tuple(f"line/{n}" for n in numbers)


def some(*numbers: int, **more: bool) -> Some:
    return Some(*lines(*numbers), **more)


SHARES: Mapping[str, Sequence[Sequence[Some]]] = {
    "equal shares": ([some(0, 2, 4)], [some(1, 3, 5)]),
    "unequal numbers of micro-batches": ([some(0, 2), some(4), some(6)], [some(1, 3, 5)]),
    "a process without lines": ([some(0, 1), some(2)], []),
    "lines of a kind with one process": ([some(0, 1, hinted=True)], [some(2, 3)]),
    "a term of the first micro-batch alone": ([some(0, hinted=True), some(1)], [some(2), some(3)]),
    "no term on the last micro-batch": ([some(0), some(1, learnt=False)], [some(2, learnt=False)]),
    "no term anywhere": ([some(0, learnt=False)], [some(1, learnt=False)]),
}


def shares(of: Sequence[Sequence[Some]]) -> list[Batches]:
    counts = (
        sum(len(batch.keys) for share in of for batch in share),
        sum(len(batch.keys) * batch.hinted for share in of for batch in share),
    )
    return [Batches(tuple(share), *counts) for share in of]


def stepped(made: Trainee, share: Batches, settings: StepSettings) -> tuple[dict[str, float], dict[str, Tensor]]:
    result = take_step(made, Terms(), share, Accelerator(cpu=True), settings)
    assert result.n_replaced == 0
    tensors = {f"gradient {name}": p.grad.clone() for name, p in made.named_parameters.items() if p.grad is not None}
    return dict(result.figures), tensors | {f"weight {name}": p.detach() for name, p in made.named_parameters.items()}


def taken(rank: int, folder: Path) -> None:
    """Every case on this process's share, on one network, step after step; then one that is not finite."""
    made = trainee(nn.GroupNorm(4, 900))
    for name, of in SHARES.items():
        figures, tensors = stepped(made, shares(of)[rank], StepSettings(done=0.5, clip_norm=1e9))
        safetensors.torch.save_file({k: t.contiguous() for k, t in tensors.items()}, folder / f"{name} {rank}")
        (folder / f"{name} {rank}.json").write_text(json.dumps(figures))
    before = {name: p.clone() for name, p in made.named_parameters.items()}
    lines_ND, keys = lines(rank)
    spoiled = Some(lines_ND * torch.nan if rank else lines_ND, keys)
    with pytest.raises(NonFiniteError, match=f"step 4: loss nan.*line/{rank}"):
        stepped(made, Batches((spoiled,), 2, 0), WIDE)
    assert all(torch.equal(before[name], p) for name, p in made.named_parameters.items())
    stop = take_step(
        made, Terms(), shares(SHARES["equal shares"])[rank], Accelerator(cpu=True), StepSettings(stop=not rank)
    )
    assert stop.stop


def normalised(rank: int, folder: Path) -> None:
    """Running statistics are the mean of both, and as before where a step was not finite."""
    del folder
    norm = nn.BatchNorm1d(900)
    made = trainee(norm)
    stepped(made, shares(SHARES["equal shares"])[rank], WIDE)
    alone = [nn.BatchNorm1d(900) for _ in range(2)]
    for other, share in zip(alone, shares(SHARES["equal shares"]), strict=True):
        fresh = trainee(other)
        fresh.model.train()(share.batches[0].lines_ND)
    mean_D = (alone[0].running_mean + alone[1].running_mean) / 2
    assert torch.allclose(norm.running_mean, mean_D, atol=1e-7)
    lines_ND, keys = lines(2 * rank, 2 * rank + 1)
    with pytest.raises(NonFiniteError):
        stepped(made, Batches((Some(lines_ND * torch.inf, keys),), 4, 0), WIDE)
    assert torch.allclose(norm.running_mean, mean_D, atol=1e-7)


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    in_two_processes(taken, folder)
    return folder


def test_gradients_weights_and_figures_are_those_of_one_process(of_two: Path) -> None:
    made = trainee(nn.GroupNorm(4, 900))
    for name, of in SHARES.items():
        whole = Batches(tuple(batch for share in of for batch in share), *_counts(shares(of)[0]))
        figures, tensors = stepped(made, whole, StepSettings(done=0.5, clip_norm=1e9))
        for rank in range(2):
            found = safetensors.torch.load_file(of_two / f"{name} {rank}")
            assert found.keys() == tensors.keys()
            for key, tensor in tensors.items():
                size = max(1.0, tensor.abs().max().item())
                assert (found[key] - tensor).abs().max() <= 1e-6 * size, (name, key)
            assert json.loads((of_two / f"{name} {rank}.json").read_text()) == pytest.approx(figures, rel=1e-6), name


def _counts(share: Batches) -> tuple[int, int]:
    return share.n_items, share.n_hinted


def test_running_statistics_are_averaged_and_put_back(tmp_path: Path) -> None:
    in_two_processes(normalised, tmp_path)
