"""Self-attention along the line: every frame sees every other one of its line.

Shapes: `N` samples, `H` heads, `T` frames, `D` features. Lines are padded before a network sees them, so that every
frame is a valid one and none is masked.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

HEADS = 4
KERNEL = 9  # frames that say where a frame stands


class Attention(nn.Module):
    """Blocks of self-attention in sequence: (N, T, D) to (N, T, D); `hidden`: the width inside a feed-forward pair."""

    def __init__(self, features: int, hidden: int, blocks: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(AttentionBlock(features, hidden, dropout) for _ in range(blocks)))
        self.norm = nn.LayerNorm(features)

    def forward(self, features_NTD: Tensor) -> Tensor:
        normed_NTD: Tensor = self.norm(self.blocks(features_NTD))
        return normed_NTD


class AttentionBlock(nn.Module):
    """Position, self-attention and feed-forward layers, each added to what comes in.

    The position is a depthwise convolution over the frames (Chu et al. 2021, arXiv 2102.10882): it knows no longest
    line. Norms stand before the layers (Xiong et al. 2020, arXiv 2002.04745).
    """

    def __init__(self, features: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = math.gcd(features, HEADS)
        self.position = nn.Conv1d(features, features, KERNEL, padding=KERNEL // 2, groups=features)
        self.norm = nn.LayerNorm(features)
        # three matrices, not one: Muon makes the update of each orthogonal
        self.query, self.key, self.value = (nn.Linear(features, features, bias=False) for _ in range(3))
        self.joined = nn.Linear(features, features)
        self.pointwise = nn.Sequential(
            nn.LayerNorm(features), nn.Linear(features, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, features)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, features_NTD: Tensor) -> Tensor:
        placed_NTD = features_NTD + self.position(features_NTD.transpose(1, 2)).transpose(1, 2)
        attended_NTD = placed_NTD + self.dropout(self.attend(self.norm(placed_NTD)))
        sum_NTD: Tensor = attended_NTD + self.dropout(self.pointwise(attended_NTD))
        return sum_NTD

    def attend(self, features_NTD: Tensor) -> Tensor:
        """Return for every frame the mean of the values of all frames, weighted by attention head by head."""
        n, t, d = features_NTD.shape
        query_NHTD, key_NHTD, value_NHTD = (
            layer(features_NTD).view(n, t, self.n_heads, d // self.n_heads).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores_NHTT = query_NHTD @ key_NHTD.transpose(2, 3) * (d // self.n_heads) ** -0.5
        means_NHTD = scores_NHTT.softmax(-1) @ value_NHTD
        joined_NTD: Tensor = self.joined(means_NHTD.transpose(1, 2).reshape(n, t, d))
        return joined_NTD
