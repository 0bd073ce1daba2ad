"""Carries out the plans of a whole batch on its device, so that a fast one does not wait for the processor.

The plans are those of `augment.py`, and so are the pictures, but for rounding: interpolation, JPEG and blur compute in
float32 here and in fixed point there. Lines of one batch are padded to one width; each is changed within its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import torch
from torch import Tensor
from torch.nn import functional

from distill.data.augment import AugmentPlan, noise_pool

_BLOCK = 8  # of JPEG
_CHUNK = 8  # blurs of like reach that are done together
# Rec. ITU-T T.81, table K.1: how coarsely each frequency of the brightness is kept at quality 50
_COARSENESS_TABLE = """
     16  11  10  16  24  40  51  61
     12  12  14  19  26  58  60  55
     14  13  16  24  40  57  69  56
     14  17  22  29  51  87  80  62
     18  22  37  56  68 109 103  77
     24  35  55  64  81 104 113  92
     49  64  78  87 103 121 120 101
     72  92  95  98 112 100 103  99
"""
_COARSENESS = tuple(int(level) for level in _COARSENESS_TABLE.split())


def apply_plans(plans: Sequence[AugmentPlan], images_NCHW: Tensor, widths_N: Tensor) -> Tensor:
    """Return the augmented lines, float32 of whole grey levels (N, C, H, W); undefined from a line's width on.

    `images_NCHW` are grey levels (any type), line `i` filling the first `widths_N[i]` columns. JPEG takes grey lines
    only and raises ValueError for others.
    """
    x_NCHW = images_NCHW.float()
    moved = [i for i, plan in enumerate(plans) if plan.matrix is not None]
    x_NCHW = _on(moved, x_NCHW, partial(_warped, widths_N=widths_N[moved], plans=[plans[i] for i in moved]))
    x_NCHW = _flipped(x_NCHW, widths_N, plans)
    x_NCHW = _lit(x_NCHW, widths_N, plans)
    for some in _blurred(plans):
        sigmas = [plans[i].blur_sigma_px for i in some]
        x_NCHW = _on(some, x_NCHW, partial(_blur, widths_N=widths_N[some], sigmas_px=sigmas))
    noisy = [i for i, plan in enumerate(plans) if plan.noise_sigma]
    x_NCHW = _on(noisy, x_NCHW, partial(_noisy, widths_N=widths_N[noisy], plans=[plans[i] for i in noisy]))
    coarse = [i for i, plan in enumerate(plans) if plan.jpeg_quality is not None]
    x_NCHW = _on(coarse, x_NCHW, partial(_compressed, widths_N=widths_N[coarse], plans=[plans[i] for i in coarse]))
    return _striped(x_NCHW, widths_N, plans)


def border_median(images_NCHW: Tensor, widths_N: Tensor) -> Tensor:
    """Return the upper median of the grey levels on the edge of each line, (N, C, 1, 1)."""
    n, channels, height, width = images_NCHW.shape
    last_N1 = (widths_N - 1).view(n, 1, 1, 1).expand(n, channels, height, 1)
    inside_NW = torch.arange(width, device=images_NCHW.device) < widths_N[:, None]
    rows_NCW2 = images_NCHW[:, :, [0, -1]].masked_fill(~inside_NW[:, None, None], math.inf).flatten(2)
    edges = (rows_NCW2, images_NCHW[..., 0], images_NCHW.gather(3, last_N1)[..., 0])
    levels = torch.cat(edges, dim=2).sort(dim=2).values
    middle_N = (2 * widths_N + 2 * height) // 2
    return levels.gather(2, middle_N.view(n, 1, 1).expand(n, channels, 1))[..., None]


def _on(rows: list[int], x_NCHW: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    if not rows:
        return x_NCHW
    index = torch.tensor(rows, device=x_NCHW.device)
    return x_NCHW.index_copy(0, index, change(x_NCHW[index]))


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).to(like.device).view(-1, 1, 1, 1)


def _warped(x_NCHW: Tensor, widths_N: Tensor, plans: Sequence[AugmentPlan]) -> Tensor:
    """Bilinear; what comes in from outside has the median of the border."""
    _, _, height, width = x_NCHW.shape
    fill = border_median(x_NCHW, widths_N)
    columns_W = torch.arange(width, device=x_NCHW.device)
    inside = (columns_W < widths_N[:, None])[:, None, None]
    back = torch.linalg.inv(torch.stack([torch.as_tensor(p.matrix, dtype=torch.float64) for p in plans]))
    y_HW, x_HW = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    points_P3 = torch.stack([x_HW, y_HW, torch.ones_like(x_HW)], -1).double().view(-1, 3).to(x_NCHW.device)
    from_NP3 = points_P3 @ back.to(x_NCHW.device).mT
    from_NP2 = from_NP3[..., :2] / from_NP3[..., 2:]
    scale = torch.tensor([2 / max(width - 1, 1), 2 / max(height - 1, 1)], device=x_NCHW.device)
    grid = (from_NP2 * scale - 1).float().view(len(plans), height, width, 2)
    apart = torch.where(inside, x_NCHW - fill, 0)  # padding with zeros is then padding with the fill
    return (functional.grid_sample(apart, grid, padding_mode="zeros", align_corners=True) + fill).round().clamp(0, 255)


def _flipped(x_NCHW: Tensor, widths_N: Tensor, plans: Sequence[AugmentPlan]) -> Tensor:
    if any(plan.mirrored for plan in plans):
        columns_W = torch.arange(x_NCHW.shape[3], device=x_NCHW.device)
        mirrored = torch.tensor([plan.mirrored for plan in plans], device=x_NCHW.device)[:, None]
        from_NW = torch.where(mirrored, (widths_N[:, None] - 1 - columns_W).clamp(min=0), columns_W)
        x_NCHW = x_NCHW.gather(3, from_NW[:, None, None].expand_as(x_NCHW))
    turned = [i for i, plan in enumerate(plans) if plan.upside_down]
    return _on(turned, x_NCHW, partial(torch.flip, dims=(2,)))


def _lit(x_NCHW: Tensor, widths_N: Tensor, plans: Sequence[AugmentPlan]) -> Tensor:
    """Contrast and brightness, the middle between a line's darkest and lightest level kept between black and white."""
    gain_N, offset_N = (_column([getattr(p, name) for p in plans], x_NCHW) for name in ("gain", "offset"))
    behind_NW = torch.arange(x_NCHW.shape[3], device=x_NCHW.device) >= widths_N[:, None]
    low_N, high_N = (
        pick(x_NCHW.masked_fill(behind_NW[:, None, None], level), (1, 2, 3), keepdim=True)
        for pick, level in ((torch.amin, math.inf), (torch.amax, -math.inf))
    )
    middle_N = gain_N * (low_N + high_N) / 2 + offset_N
    changed_N = (gain_N != 1) | (offset_N != 0)
    offset_N = torch.where(changed_N, offset_N + middle_N.clamp(0, 255) - middle_N, offset_N)
    return (x_NCHW * gain_N + offset_N).clamp(0, 255).floor()  # the table of `augment.apply_plan` cuts, too


def _reach(sigma_px: float) -> int:
    """Pixels either side that OpenCV's Gaussian takes in for 8-bit pictures."""
    return (round(sigma_px * 6 + 1) | 1) // 2


def _blurred(plans: Sequence[AugmentPlan]) -> list[list[int]]:
    """The lines to blur, in groups of like reach: the widest kernel of a group serves all of it."""
    rows = [i for i, plan in enumerate(plans) if plan.blur_sigma_px >= 0.1]
    rows.sort(key=lambda i: plans[i].blur_sigma_px)
    return [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]


def _blur(x_NCHW: Tensor, widths_N: Tensor, sigmas_px: Sequence[float]) -> Tensor:
    n, channels, height, width = x_NCHW.shape
    reach = max(_reach(sigma) for sigma in sigmas_px)
    offsets_K = torch.arange(-reach, reach + 1)
    kernels_NK = torch.stack(
        [
            torch.exp(-(offsets_K**2) / (2 * sigma**2)).masked_fill(offsets_K.abs() > _reach(sigma), 0)
            for sigma in sigmas_px
        ]
    )
    kernels = (kernels_NK / kernels_NK.sum(1, keepdim=True)).to(x_NCHW.device).repeat_interleave(channels, 0)
    columns = _reflected(torch.arange(-reach, width + reach, device=x_NCHW.device)[None], widths_N[:, None])
    rows = _reflected(torch.arange(-reach, height + reach, device=x_NCHW.device), torch.tensor(height))
    wide = x_NCHW.gather(3, columns[:, None, None].expand(n, channels, height, -1))[:, :, rows]
    flat = wide.reshape(1, n * channels, height + 2 * reach, width + 2 * reach)
    flat = functional.conv2d(flat, kernels[:, None, None, :], groups=n * channels)
    flat = functional.conv2d(flat, kernels[:, None, :, None], groups=n * channels)
    return flat.view(n, channels, height, width).round().clamp(0, 255)


def _reflected(index: Tensor, size: Tensor) -> Tensor:
    """Indices brought within 0 to size - 1 by mirrors that stand on the first and the last pixel."""
    period = (2 * (size - 1)).clamp(min=1)
    folded = index.remainder(period)
    return torch.minimum(folded, period - folded).clamp(max=(size - 1))


def _noisy(x_NCHW: Tensor, widths_N: Tensor, plans: Sequence[AugmentPlan]) -> Tensor:
    """The very numbers that `augment.add_noise` takes from the pool."""
    _, channels, height, width = x_NCHW.shape
    pool = _pool_on(x_NCHW.device)
    sizes = (widths_N * height * channels).tolist()
    starts = [int(p.noise_place * max(len(pool) - size, 1)) for p, size in zip(plans, sizes, strict=True)]
    starts_N = [start if size <= len(pool) else 0 for start, size in zip(starts, sizes, strict=True)]
    c, y, x = (torch.arange(k, device=x_NCHW.device) for k in (channels, height, width))
    row_NH = y * widths_N[:, None]
    place = (row_NH[:, None, :, None] + x) * channels + c[:, None, None]
    place = place + torch.tensor(starts_N, device=x_NCHW.device).view(-1, 1, 1, 1)
    sigma = _column([p.noise_sigma for p in plans], x_NCHW)
    return (x_NCHW + pool[place.remainder(len(pool))] * sigma).round().clamp(0, 255)


@lru_cache(maxsize=4)
def _pool_on(device: torch.device) -> Tensor:
    return torch.from_numpy(noise_pool()).to(device)


def _compressed(x_NCHW: Tensor, widths_N: Tensor, plans: Sequence[AugmentPlan]) -> Tensor:
    """What JPEG keeps of the brightness, block by block (Rec. ITU-T T.81)."""
    n, channels, height, width = x_NCHW.shape
    if channels != 1:
        raise ValueError("JPEG on a device takes grey lines only")
    columns = torch.arange(-(-width // _BLOCK) * _BLOCK, device=x_NCHW.device)
    rows = torch.arange(-(-height // _BLOCK) * _BLOCK, device=x_NCHW.device).clamp(max=height - 1)
    index = torch.minimum(columns[None], widths_N[:, None] - 1)  # beyond its end a line's last column goes on
    whole = x_NCHW[:, 0][:, rows].gather(2, index[:, None].expand(n, len(rows), -1)) - 128
    blocks = whole.view(n, len(rows) // _BLOCK, _BLOCK, len(columns) // _BLOCK, _BLOCK).transpose(2, 3)
    cosines = _cosines(x_NCHW.device)
    step = torch.tensor([_coarseness(p.jpeg_quality or 1) for p in plans], device=x_NCHW.device)
    step = step.view(n, 1, 1, _BLOCK, _BLOCK)
    kept = (cosines @ blocks @ cosines.T / step).round() * step
    seen = (cosines.T @ kept @ cosines + 128).round().clamp(0, 255)
    return seen.transpose(2, 3).reshape(n, 1, len(rows), len(columns))[:, :, :height, :width]


@lru_cache(maxsize=4)
def _cosines(device: torch.device) -> Tensor:
    """The orthonormal discrete cosine transform of a block's side."""
    k = torch.arange(_BLOCK, dtype=torch.float64)
    waves = torch.cos(math.pi / _BLOCK * (k + 0.5) * k[:, None]) * math.sqrt(2 / _BLOCK)
    waves[0] /= math.sqrt(2)
    return waves.float().to(device)


@lru_cache(maxsize=128)
def _coarseness(quality: int) -> tuple[float, ...]:
    """The table for a quality of 1 to 100, scaled as the Independent JPEG Group's library does."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(float(min(max((level * scale + 50) // 100, 1), 255)) for level in _COARSENESS)


def _striped(x_NCHW: Tensor, widths_N: Tensor, plans: Sequence[AugmentPlan]) -> Tensor:
    for number in range(max((len(plan.stripes) for plan in plans), default=0)):
        first, end = (
            torch.tensor([p.stripes[number][side] if number < len(p.stripes) else 0 for p in plans]).to(x_NCHW.device)
            for side in (0, 1)
        )
        columns_W = torch.arange(x_NCHW.shape[3], device=x_NCHW.device)
        hidden_NW = (columns_W >= first[:, None]) & (columns_W < end[:, None])
        x_NCHW = torch.where(hidden_NW[:, None, None], border_median(x_NCHW, widths_N), x_NCHW)
    return x_NCHW
