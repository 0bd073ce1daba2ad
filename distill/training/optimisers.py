"""What changes the weights: Muon on weight matrices with AdamW on the rest, or AdamW alone; rates and averages.

CTC training begins with a plateau on which everything is read as blank. Orthogonal updates leave it several
times sooner than AdamW's, and a short budget ends with fewer errors. torch's own Muon takes no convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from typing_extensions import assert_never

from distill.recipe.training import Budget
from students.parts import Recogniser

SMALLEST_SIDE = 16  # below it, as in depthwise kernels, there is little to orthogonalise
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
ITERATIONS = 4


class Muon(Optimizer):
    """W <- (1 - lr wd) W - lr 0.2 sqrt(max(n, m)) O, O the nearest orthogonal matrix to the Nesterov momentum.

    Jordan et al. 2024, with the scale of Liu et al. 2025 (arXiv 2502.16982), which gives updates the size of
    AdamW's, so that both take one learning rate. A convolution counts as a matrix (outputs, inputs x kernel).
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float, momentum: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Change every weight that has a gradient, in place."""
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                momentum = state["momentum"]
                momentum.lerp_(weight.grad, 1 - group["momentum"])
                ahead_NM = weight.grad.lerp(momentum, group["momentum"]).flatten(1)
                size = 0.2 * max(ahead_NM.shape) ** 0.5
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(orthogonal(ahead_NM).view_as(weight), alpha=-group["lr"] * size)


def orthogonal(matrix_NM: Tensor) -> Tensor:
    """Return about U V^T of the singular value decomposition U S V^T, with most singular values from 0.7 to 1.2.

    A quintic Newton-Schulz iteration X <- (a + b X X^T + c (X X^T)^2) X (Jordan et al. 2024); a matrix of zeros stays
    one. Its factors commute, so they are multiplied up on the small side. It begins at X / sqrt(|X X^T|), which is
    nearer to orthogonal than X / |X| (Frobenius norms; both keep singular values below 1) and saves an iteration.
    """
    tall = matrix_NM.shape[0] > matrix_NM.shape[1]
    x_NM = matrix_NM.float().T if tall else matrix_NM.float()
    square_NN = x_NM @ x_NM.T
    size = square_NN.norm() + 1e-14
    square_NN = square_NN / size
    factor_NN = product_NN = _factor(square_NN)
    for _ in range(ITERATIONS - 1):
        square_NN = factor_NN @ square_NN @ factor_NN
        factor_NN = _factor(square_NN)
        product_NN = factor_NN @ product_NN
    x_NM = (product_NN / size.sqrt()) @ x_NM
    return x_NM.T if tall else x_NM


def _factor(square_NN: Tensor) -> Tensor:
    """a + b S + c S^2."""
    a, b, c = NEWTON_SCHULZ
    factor_NN = torch.addmm(square_NN, square_NN, square_NN, beta=b, alpha=c)
    factor_NN.diagonal().add_(a)
    return factor_NN


def build_optimisers(model: nn.Module, training: Budget, auxiliary: Sequence[nn.Module] = ()) -> tuple[Optimizer, ...]:
    """Return the optimisers of a training; every parameter belongs to one of them.

    Vectors do not decay. Of the `auxiliary` modules, a recogniser is treated as the network is, the rest has AdamW.
    """
    networks = [model, *(module for module in auxiliary if isinstance(module, Recogniser))]
    heads = [head for each in networks if isinstance(head := getattr(each, "head", None), nn.Module)]
    output_layer = {p for head in heads for p in head.parameters()}
    hidden: list[nn.Parameter] = []
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    for parameter in (p for network in networks for p in network.parameters()):
        if parameter.ndim < 2:
            vectors.append(parameter)
        elif parameter not in output_layer and min(len(parameter), parameter[0].numel()) >= SMALLEST_SIDE:
            hidden.append(parameter)
        else:
            matrices.append(parameter)
    match training.optimiser:
        case "muon":
            muon = [Muon(hidden, training.learning_rate, training.weight_decay, momentum=0.95)] if hidden else []
        case "adamw":
            muon, matrices = [], hidden + matrices
        case _:
            assert_never(training.optimiser)
    for parameter in (p for module in auxiliary if module not in networks for p in module.parameters()):
        (matrices if parameter.ndim > 1 else vectors).append(parameter)
    decaying = {"params": matrices, "weight_decay": training.weight_decay}
    adamw = AdamW([decaying, {"params": vectors, "weight_decay": 0.0}], lr=training.learning_rate, foreach=True)
    return (*muon, adamw)


def rate_at(step: int, training: Budget, first: int = 0) -> float:
    """Return the learning rate of a step, counted from 0: linear warm-up, then the schedule down to 0.

    A schedule that begins at step `first` is spread over the steps from there on (a warm restart, as in Loshchilov and
    Hutter 2017).
    """
    step, steps = step - first, training.steps - first
    warm = max(1, round(training.warmup * steps))
    if step < warm:
        return training.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    match training.schedule:
        case "cosine":
            return training.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
        case "linear":
            return training.learning_rate * (1 - done)
        case "constant":
            return training.learning_rate


@torch.no_grad()
def update_average(average: dict[str, Tensor], weights: Mapping[str, Tensor], decay: float, step: int) -> None:
    """Change the exponential moving average of the weights in place, after a step, counted from 1.

    average += (1 - d) (weights - average), d = min(decay, (1 + step) / (10 + step)). What is not floating point,
    such as a count of batches, is copied.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    floating = [name for name, t in average.items() if t.is_floating_point()]
    torch._foreach_lerp_([average[n] for n in floating], [weights[n] for n in floating], share)
    for name in average.keys() - floating:
        average[name].copy_(weights[name])
