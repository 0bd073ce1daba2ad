"""An attention decoder on the frames of a CTC network: it teaches the backbone and is dropped at export."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distill.data.labels import Folding
from distill.teaching.losses.frames import LEAST, valid_frames
from students.charset import BLANK
from students.parts import Outputs


class AttentionHead(nn.Module):
    """Writes a label character by character, attending to the features of all frames (Luong et al. 2015).

    The blank stands for the beginning and the end. It is an auxiliary module: never in a model file.
    """

    def __init__(self, n_features: int, n_classes: int, hidden: int = 128) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_classes, hidden)
        self.decoder = nn.GRU(hidden, hidden, batch_first=True)
        self.keys = nn.Linear(n_features, hidden)
        self.output = nn.Linear(hidden + n_features, n_classes)

    def forward(self, frames: Outputs, targets_NL: Tensor) -> Tensor:
        """Return log-posteriors of every character of the labels and of their end, (N, L + 1, C)."""
        features_NTD = frames.features.float()
        begun_NL = F.pad(targets_NL, (1, 0), value=BLANK)
        queries_NLH, _ = self.decoder(self.embedding(begun_NL))
        scores_NLT = queries_NLH @ self.keys(features_NTD).transpose(1, 2) / queries_NLH.shape[-1] ** 0.5
        shares_NLT = scores_NLT.masked_fill(~valid_frames(frames)[:, None], LEAST).softmax(-1)
        return self.output(torch.cat([queries_NLH, shares_NLT @ features_NTD], -1)).log_softmax(-1)


def attention(
    head: nn.Module,
    student: Outputs,
    targets_NL: Tensor,
    target_lengths_N: Tensor,
    labelled_N: Tensor,
    foldings: Sequence[Folding | None],
) -> tuple[Tensor, int]:
    """-1 / (l + 1) sum_i log P(y_i | y_<i, frames) of every labelled line, y_{l+1} the end; and the number of lines.

    Cross-entropy of the decoder on true prefixes, a nat a character (guided training of CTC, Hu et al. 2020, arXiv
    2002.01276). Where a label does not distinguish classes, their posteriors are summed.
    """
    rows = torch.nonzero(labelled_N.cpu()).flatten()
    if not len(rows):
        return student.logits_NTC.new_zeros((), dtype=torch.float32), 0
    device = student.logits_NTC.device
    some = Outputs(*(part[rows.to(device)] for part in student))
    targets_NL, lengths_N = targets_NL[rows].to(device), target_lengths_N[rows].to(device)
    log_p_NLC: Tensor = head(some, targets_NL)
    wanted_NL = F.pad(targets_NL, (0, 1), value=BLANK)  # padded with the blank, so the end stands behind the label
    chosen_NL = log_p_NLC.gather(2, wanted_NL[..., None]).squeeze(2)
    for folded in dict.fromkeys(foldings[row] for row in rows.tolist()):
        if folded is not None:
            of_form_N = torch.tensor([foldings[row] == folded for row in rows.tolist()], device=device)
            groups_NLG = folded.summed(log_p_NLC[of_form_N])
            group_NL = folded.group_of.to(device)[wanted_NL[of_form_N]]
            chosen_NL = chosen_NL.index_put((of_form_N,), groups_NLG.gather(2, group_NL[..., None]).squeeze(2))
    within_NL = torch.arange(wanted_NL.shape[1], device=device) <= lengths_N[:, None]
    nats_N = -(chosen_NL * within_NL).sum(1) / (lengths_N + 1)
    return nats_N.sum(), len(rows)
