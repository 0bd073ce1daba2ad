"""The frozen teacher, one network or several: its outputs on lines, in the student's classes, on its own frames.

A `TeacherSource` is where a step takes them from: the network, or a cache of its posteriors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from distill.data.batch import Batch
from distill.data.posteriors import Cached
from distill.digests import digest_of, tensors_digest
from distill.runtime import autocast
from distill.schema import Precision
from distill.teaching.losses.matching import in_classes, matched
from students.charset import BLANK, Charset
from students.image import Preparation
from students.parts import Outputs, Recogniser, Recurrent
from students.reading import Reader

NOT_KNOWN = -1
WIDEST_PX = 1 << 20


@dataclass(frozen=True)
class Member:
    """One network of a teacher. What is None is as in the run."""

    model: Recogniser
    weight: float = 1.0
    temperature: float = 1.0
    preparation: Preparation | None = None
    class_of_C: tuple[int, ...] | None = None  # for every class of the run the network's own, or NOT_KNOWN


class TeacherSource(Protocol):
    """What gives a step the outputs of a teacher."""

    def outputs_by_temperature(self, batch: Batch) -> Mapping[float, Outputs]:
        """Outputs on the lines of a batch, by the temperature that they are exact at, 1 among them."""

    @property
    def unknown_C(self) -> Tensor | None:
        """Classes of the run that the teacher does not know, (C,) bool; None where there is none."""

    @property
    def neck(self) -> Recurrent:
        """What reads along the line."""


class FrozenTeacher(nn.Module):
    """Networks in evaluation and inference mode, with a digest that must not change.

    Several networks are one teacher: the weighted mean of their posteriors, on the frames of the first.
    """

    def __init__(self, members: Sequence[Member], device: torch.device, precision: Precision) -> None:
        super().__init__()
        self.members, self.precision = tuple(members), precision
        self.models = nn.ModuleList([member.model for member in members])
        self.requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        self.eval()
        self._weights_digest = tensors_digest(self.state_dict())
        terms = [[m.weight, m.temperature, m.class_of_C] for m in members]
        self.digest = digest_of(self._weights_digest, precision, terms, *(m.preparation or "" for m in members))

    def train(self, mode: bool = True) -> FrozenTeacher:
        """Nothing: a frozen teacher stays in evaluation mode, whatever the `mode`."""
        return super().train(mode and False)

    def forward(self, images_NCHW: Tensor, others: Mapping[Preparation, Tensor] | None = None) -> Outputs:
        """Outputs on `images_NCHW`; `others` has the same lines as other preparations of the networks want them."""
        pictures = [(others or {})[m.preparation] if m.preparation else images_NCHW for m in self.members]
        with torch.inference_mode(), autocast(self.precision, images_NCHW.device):
            outputs = [m.model(images) for m, images in zip(self.members, pictures, strict=True)]
        # clones, since autograd cannot save inference tensors
        first, *more = (
            in_classes(Outputs(o.logits_NTC / m.temperature, *(tensor.clone() for tensor in o[1:])), m.class_of_C)
            for o, m in zip(outputs, self.members, strict=True)
        )
        if not more:
            return first
        on_frames = (first, *(matched(o, first, "area", 0) for o in more))
        log_p_MNTC = torch.stack([o.logits_NTC.float().log_softmax(-1) for o in on_frames])
        return first._replace(logits_NTC=(log_p_MNTC + self._shares_MC.log()[:, None, None]).logsumexp(0))

    @property
    def _shares_MC(self) -> Tensor:
        """The weight of each network on each class, among those that know it; of all, where none does."""
        known_MC = torch.ones(len(self.members), 1, dtype=torch.bool)
        if n_classes := max(len(m.class_of_C or ()) for m in self.members):
            known_MC = torch.tensor([[c != NOT_KNOWN for c in m.class_of_C or (0,) * n_classes] for m in self.members])
        weights_MC = torch.tensor([[m.weight] for m in self.members]) * (known_MC | ~known_MC.any(0))
        return (weights_MC / weights_MC.sum(0)).to(next(self.parameters()).device)

    def outputs_by_temperature(self, batch: Batch) -> Mapping[float, Outputs]:
        """Outputs on the lines of a batch, under 1: logits, so every temperature is exact."""
        return {1.0: self(batch.images_NCHW, batch.others)}

    @property
    def preparations(self) -> tuple[Preparation, ...]:
        """The preparations of lines that its networks want, other than the run's own."""
        return tuple(dict.fromkeys(m.preparation for m in self.members if m.preparation))

    @property
    def unknown_C(self) -> Tensor | None:
        """Classes of the run that no network knows, (C,) bool; None where there is none."""
        maps = [m.class_of_C for m in self.members]
        known = [all(c == NOT_KNOWN for c in of_class) for of_class in zip(*(m for m in maps if m), strict=True)]
        return torch.tensor(known) if all(maps) and any(known) else None

    @property
    def neck(self) -> Recurrent:
        """What reads along the line, of the first network; a recipe that needs it is refused without it."""
        neck = self.members[0].model.neck
        assert isinstance(neck, Recurrent)
        return neck

    def assert_unchanged(self) -> None:
        """Raises `RuntimeError` where a tensor is not what it was."""
        if tensors_digest(self.state_dict()) != self._weights_digest:
            raise RuntimeError("the frozen teacher changed during the training")


@dataclass(frozen=True)
class CachedTeacher:
    """A frozen teacher whose outputs on the training lines are read from a cache instead of computed."""

    network: FrozenTeacher
    cached: Cached

    def outputs_by_temperature(self, batch: Batch) -> Mapping[float, Outputs]:
        """Outputs on the lines of a batch at each temperature of the cache; the batch carries the posteriors."""
        assert batch.posteriors is not None
        return {tau: self.cached.outputs(batch.posteriors, tau) for tau in self.cached.temperatures}

    @property
    def unknown_C(self) -> Tensor | None:
        """Classes of the run that no network knows, (C,) bool; None where there is none."""
        return self.network.unknown_C

    @property
    def neck(self) -> Recurrent:
        """What reads along the line, of the first network."""
        return self.network.neck


def class_map(ours: Charset, theirs: Charset) -> tuple[int, ...] | None:
    """For every class of `ours` the class of the same character in `theirs`, or NOT_KNOWN; None for equal charsets."""
    if ours == theirs:
        return None
    number = {c: i for i, c in enumerate(theirs.characters, 1)}
    return (BLANK, *(number.get(c, NOT_KNOWN) for c in ours.characters))


def member_of(reader: Reader, weight: float, calibrated: bool, charset: Charset, image: Preparation) -> Member:
    """An opened model file as a teacher of lines in `charset` that are prepared by `image`."""
    temperature = reader.description.calibration.temperature if calibrated else 1.0
    theirs = at_any_width(reader.description.preparation)
    # the run pads lines and checks their widths; the rest is how the pixels are prepared
    same = theirs.model_copy(update={"width_quantum_px": image.width_quantum_px}) == at_any_width(image)
    classes = class_map(charset, reader.description.charset)
    return Member(reader.model, weight, temperature, None if same else theirs, classes)


def at_any_width(preparation: Preparation) -> Preparation:
    """The same without a limit: the lines have been held to the run's own."""
    return preparation.model_copy(update={"max_width_px": WIDEST_PX})
