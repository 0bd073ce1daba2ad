"""A batch of labels in their forms, and a teacher that says the same of a line in every batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from distill.data.batch import Batch
from distill.data.labels import foldings
from students.charset import Charset
from students.parts import Outputs, Recurrent


@dataclass(frozen=True)
class Fixed:
    """A teacher with the same outputs on every batch: those of line 0, line 1, ... by the keys of the lines."""

    outputs: Outputs
    unknown_C: Tensor | None = None
    is_foreign: bool = False

    def outputs_by_temperature(self, batch: Batch) -> dict[float, Outputs]:
        rows = [int(key) for key in batch.keys]
        return {1.0: Outputs(*(tensor[rows] for tensor in self.outputs))}

    @property
    def neck(self) -> Recurrent:
        raise NotImplementedError


CASES = Charset(characters="aAb")


def batch(texts: list[str | None], forms: list[str]) -> Batch:
    targets = [CASES.encode(text) if text else [] for text in texts]
    targets_NL = torch.zeros(len(texts), max(1, *map(len, targets)), dtype=torch.int64)
    for row, target in enumerate(targets):
        targets_NL[row, : len(target)] = torch.tensor(target)
    return Batch(
        images_NCHW=torch.zeros(len(texts), 1, 8, 8),
        targets_NL=targets_NL,
        target_lengths_N=torch.tensor([len(t) for t in targets]),
        labelled_N=torch.tensor([text is not None for text in texts]),
        keys=tuple(map(str, range(len(texts)))),
        foldings=foldings(CASES, forms),  # type: ignore[arg-type]
        sources=("own",) * len(texts),
    )
