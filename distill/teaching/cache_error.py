"""How exact a cache of the teacher's posteriors is: what training with it is off from training with the teacher."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from distill.data.inference import BATCH_LINES, images_of
from distill.data.posteriors import Cached, Posteriors
from distill.data.prepared import View
from distill.data.sampler import in_width_order
from distill.recipe.objective import FrameMatch
from distill.recipe.terms import FrameKL
from distill.teaching.cache import TaughtLines
from distill.teaching.losses.logits import frame_kl
from distill.teaching.losses.matching import averages_frames, matched

ERROR_LINES = 256


def cache_error(
    taught: TaughtLines, cached: Cached, student: nn.Module, match: FrameMatch, accelerator: Accelerator
) -> dict[str, dict[str, float]]:
    """Return how far frame KL and its gradient on the student's logits are off with the cache, relative, a temperature.

    Measured on the first view of up to `ERROR_LINES` lines that the teacher reads, all frames, brought onto the
    student's as in training. Empty where it reads none.
    """
    lines = taught.lines
    read = taught.read(np.arange(len(lines)))
    if not len(read):
        return {}
    numbers = read[np.linspace(0, len(read) - 1, min(ERROR_LINES, len(read))).round().astype(int)]
    some = replace(taught, lines=lines.take(numbers))
    where = {key: i for i, key in enumerate(lines.keys)}
    sums = {tau: np.zeros(4) for tau in cached.temperatures}
    student.eval()
    groups, first_view = in_width_order(some.lines.padded_width_px, BATCH_LINES), View(taught.augment, taught.seed, 0)
    for group, images_NCHW, others in images_of(some.prepared, groups, accelerator.device, first_view):
        with torch.no_grad():
            ours = student(images_NCHW)
        on_host = cached.of([where[some.lines.keys[i]] for i in group.indices], [0] * len(group.indices))
        posteriors = Posteriors(*(part.to(accelerator.device) for part in on_host))
        online = taught.teacher(images_NCHW, others)
        for tau, total in sums.items():
            found = []
            kept_tau = 1.0 if averages_frames(online, ours, match) else tau
            kept = cached.outputs(posteriors, kept_tau)
            for theirs in (online, kept):
                logits_NTC = ours.logits_NTC.float().requires_grad_()
                onto, _ = matched(theirs, ours, match)
                loss, _ = frame_kl(ours._replace(logits_NTC=logits_NTC), onto, FrameKL(temperature=tau, frames="all"))
                found.append((loss.item(), torch.autograd.grad(loss, logits_NTC)[0]))
            (loss_online, gradient_online), (loss_cached, gradient_cached) = found
            apart = (gradient_online - gradient_cached).square().sum().item()
            total += (loss_online, abs(loss_online - loss_cached), gradient_online.square().sum().item(), apart)
    return {
        f"tau {tau:g}": {"loss": float(off / loss), "gradient": float((apart / gradient) ** 0.5)}
        for tau, (loss, off, gradient, apart) in sums.items()
    }
