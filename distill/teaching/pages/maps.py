"""The loss terms on a locator's maps: cores, distances to the edges, directions; by boxes, or by a teacher's maps.

Maps are (N, 5, H, W) in the order of `students.pages.maps.Maps`: logits of the cores, distances in pixels, direction.
Every term is a mean over pixels of each crop, summed over crops, with their number.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import assert_never

Edge = Literal["l1", "smooth_l1", "mse"]
Angle = Literal["cosine", "l1"]
KNEE = 0.1  # of smooth L1, in heights of the line
LEAST_HEIGHT_PX = 1.0


def cross_entropy(
    logits_NHW: Tensor,
    cores_NHW: Tensor,
    weights_NHW: Tensor,
    labelled_N: Tensor,
    *,
    background: float | None,
    least: float,
) -> tuple[Tensor, int]:
    """Mean of -y log p - (1 - y) log(1 - p) over the pixels that count, of every labelled crop, summed; their number.

    p = sigmoid(logit). All pixels of text count (y > 1/2), and of the others the k with the largest loss, k the larger
    of `background` x pixels of text and `least` x all pixels; all of them where `background` is None. A pixel of
    weight 0 counts nowhere. Hard examples: Shrivastava et al. 2016 (OHEM), as Liao et al. 2020 (DB) have them for text.
    """
    nats_NP = F.binary_cross_entropy_with_logits(logits_NHW.float(), cores_NHW, reduction="none").flatten(1)
    counts_NP, text_NP = weights_NHW.flatten(1) > 0, cores_NHW.flatten(1) > 0.5
    text_NP = text_NP & counts_NP
    rest_NP = counts_NP & ~text_NP
    n_text_N, n_rest_N = text_NP.sum(1), rest_NP.sum(1)
    kept_N = n_rest_N
    if background is not None:
        wanted_N = (background * n_text_N).ceil().clamp(min=int(least * nats_NP.shape[1]) + 1)
        kept_N = torch.minimum(wanted_N.long(), n_rest_N)
    most = max(1, int(kept_N.max()))
    hardest_NK = torch.where(rest_NP, nats_NP, -1.0).topk(most, dim=1).values
    kept_NK = torch.arange(most, device=nats_NP.device) < kept_N[:, None]
    total_N = (nats_NP * text_NP).sum(1) + (hardest_NK * kept_NK).sum(1)
    return over_labelled(total_N / (n_text_N + kept_N).clamp(min=1), labelled_N)


def dice(logits_NHW: Tensor, cores_NHW: Tensor, weights_NHW: Tensor, labelled_N: Tensor) -> tuple[Tensor, int]:
    """1 - (2 sum w p y + 1) / (sum w p + sum w y + 1) of every labelled crop, summed; and their number.

    p = sigmoid(logit), w the weights. Milletari et al. 2016 (V-Net), without their squares; the 1 stands for a pixel
    and gives a crop without text a loss that its false text makes.
    """
    p_NHW = logits_NHW.float().sigmoid()
    both_N = (weights_NHW * p_NHW * cores_NHW).sum((1, 2))
    each_N = (weights_NHW * (p_NHW + cores_NHW)).sum((1, 2))
    return over_labelled(1 - (2 * both_N + 1) / (each_N + 1), labelled_N)


def core_squares(logits_NHW: Tensor, cores_NHW: Tensor, weights_NHW: Tensor, labelled_N: Tensor) -> tuple[Tensor, int]:
    """Mean of (p - y)^2 over the weighed pixels of every labelled crop, summed; and their number."""
    apart_NHW = (logits_NHW.float().sigmoid() - cores_NHW).square()
    return over_labelled(_mean_over(apart_NHW, weights_NHW), labelled_N)


def distances(
    maps_NCHW: Tensor, wanted_NCHW: Tensor, weights_NHW: Tensor, labelled_N: Tensor, *, distance: Edge
) -> tuple[Tensor, int]:
    """Mean over weighed pixels of rho(e / h), for both edges, of every crop that counts, summed; and their number.

    e: the error of the distance to the upper or the lower edge, px; h: the height of the line that is wanted there, the
    sum of its two distances, so that errors on small and large lines count alike. rho: |x| (`l1`, as in EAST's
    geometry, Zhou et al. 2017), x^2 (`mse`), or smooth L1 with its knee at a tenth (Girshick 2015). `weights_NHW` is 0
    outside cores.
    """
    height_NHW = wanted_NCHW[:, 1:3].sum(1).clamp(min=LEAST_HEIGHT_PX)
    apart_N2HW = (maps_NCHW[:, 1:3].float() - wanted_NCHW[:, 1:3]) / height_NHW[:, None]
    match distance:
        case "l1":
            rho_N2HW = apart_N2HW.abs()
        case "smooth_l1":
            rho_N2HW = F.smooth_l1_loss(apart_N2HW, torch.zeros_like(apart_N2HW), reduction="none", beta=KNEE)
        case "mse":
            rho_N2HW = apart_N2HW.square()
        case _:
            assert_never(distance)
    return over_labelled(_mean_over(rho_N2HW.mean(1), weights_NHW), labelled_N)


def direction(
    maps_NCHW: Tensor, wanted_NCHW: Tensor, weights_NHW: Tensor, labelled_N: Tensor, *, distance: Angle
) -> tuple[Tensor, int]:
    """Mean over weighed pixels of the distance of two directions, of every crop that counts, summed; their number.

    `cosine`: 1 - u v / (|u| |v|), as for angles in EAST (Zhou et al. 2017); `l1`: the mean of |u - v| over both
    coordinates, which also brings the length to that of v.
    """
    ours_N2HW, theirs_N2HW = maps_NCHW[:, 3:5].float(), wanted_NCHW[:, 3:5]
    match distance:
        case "cosine":
            apart_NHW = 1 - F.cosine_similarity(ours_N2HW, theirs_N2HW, dim=1, eps=1e-6)
        case "l1":
            apart_NHW = (ours_N2HW - theirs_N2HW).abs().mean(1)
        case _:
            assert_never(distance)
    return over_labelled(_mean_over(apart_NHW, weights_NHW), labelled_N)


def core_kl(
    logits_NHW: Tensor, teacher_NHW: Tensor, *, temperature: float, text: float, background: float
) -> tuple[Tensor, int]:
    """tau^2 (`text` x mean over text + `background` x mean over the rest) of KL(q || p), of every crop, summed.

    q = sigmoid(teacher / tau) and p = sigmoid(student / tau), both as probabilities of two classes; text is where the
    teacher's logit is above 0. Softened posteriors and tau^2: Hinton et al. 2015; pixel by pixel: Liu et al. 2019.
    """
    ours_NHW, theirs_NHW = logits_NHW.float() / temperature, teacher_NHW.float() / temperature
    q_NHW = theirs_NHW.sigmoid()
    log_q, log_p = F.logsigmoid(theirs_NHW), F.logsigmoid(ours_NHW)
    log_not_q, log_not_p = F.logsigmoid(-theirs_NHW), F.logsigmoid(-ours_NHW)
    kl_NHW = q_NHW * (log_q - log_p) + (1 - q_NHW) * (log_not_q - log_not_p)
    text_NHW = (teacher_NHW > 0).float()
    nats_N = text * _mean_over(kl_NHW, text_NHW) + background * _mean_over(kl_NHW, 1 - text_NHW)
    return temperature**2 * nats_N.sum(), len(nats_N)


def over_labelled(values_N: Tensor, labelled_N: Tensor) -> tuple[Tensor, int]:
    """Return the sum over the crops that count, and how many they are."""
    return values_N[labelled_N].sum(), int(labelled_N.sum())


def _mean_over(values_NHW: Tensor, weights_NHW: Tensor) -> Tensor:
    """sum w v / sum w of every crop, (N,); 0 where no pixel has a weight."""
    total_N = weights_NHW.sum((1, 2))
    return (values_NHW * weights_NHW).sum((1, 2)) / torch.where(total_N > 0, total_N, 1)
