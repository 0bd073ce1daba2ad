"""The frozen teacher, one network or several: its outputs on lines, in the student's classes, on its own frames.

A `TeacherSource` is where a step takes them from: the network, or a cache of its posteriors.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distill.data.batch import Batch, Others
from distill.data.posteriors import Cached
from distill.data.prepared import OtherImages
from distill.digests import digest_of
from distill.recipe.objective import Ensemble, FrameMatch
from distill.runtime import autocast
from distill.schema import Precision
from distill.teaching.frozen import assert_weights, freeze
from distill.teaching.graph import GraphNetwork, graph_in_classes, need_onnx
from distill.teaching.losses.ensemble import symbols_of_all
from distill.teaching.losses.frames import SURELY_NOT
from distill.teaching.losses.matching import in_classes, matched
from distill.teaching.losses.sequence import KnownTexts
from distill.teaching.provenance import provenance_of
from students.charset import BLANK, Charset, class_numbers
from students.image import Preparation
from students.model_file import is_onnx
from students.parts import Outputs, Recogniser, Recurrent
from students.reader import Reader, of_one_width

UNMAPPED = -1
WIDEST_PX = 1 << 20
FRAME_PROBE_PX = 256


@dataclass(frozen=True)
class Member:
    """One network of a teacher. What is None is as in the run."""

    model: Recogniser | GraphNetwork
    weight: float = 1.0
    temperature: float = 1.0
    preparation: Preparation | None = None
    class_of_C: tuple[int, ...] | None = None  # for every class of the run the network's own, or UNMAPPED
    frame_px: float = 0.0  # of its own padded lines; 0: lines are as wide as the run makes them
    provenance: Mapping[str, Any] | None = None  # of a network that others made

    def outputs(self, images_NCHW: Tensor, others: Others) -> Outputs:
        """Return its own outputs on lines, on as many frames as the width that the run gives the lines."""
        if self.preparation is None:
            return self.model(images_NCHW)
        other = others[self.preparation]
        return on_own_widths(self.model, other, self.frame_px) if self.frame_px else self.model(other.images_NCHW)

    def in_run_classes(self, outputs: Outputs) -> Outputs:
        """Return its outputs in the classes of the run, at its temperature; a graph gives them so."""
        if isinstance(self.model, GraphNetwork):
            return outputs
        return in_classes(outputs._replace(logits_NTC=outputs.logits_NTC / self.temperature), self.class_of_C)


class TeacherSource(Protocol):
    """What gives a step the outputs of a teacher."""

    def outputs_by_temperature(self, batch: Batch) -> Mapping[float, Outputs]:
        """Return the outputs on the lines of a batch, by the temperature that they are exact at, 1 among them."""

    @property
    def unknown_C(self) -> Tensor | None:
        """Return the classes of the run that the teacher does not know, (C,) bool; None where there is none."""

    @property
    def is_foreign(self) -> bool:
        """Return whether one of its networks was made by others, who may not have trained it on empty lines."""

    @property
    def neck(self) -> Recurrent:
        """Return what reads along the line."""


class FrozenTeacher(nn.Module):
    """Networks in inference mode that teach lines; `digest` is of all that their outputs depend on.

    Several networks are one teacher: the weighted mean of their posteriors, on the frames of the first; or, by symbols,
    where the first writes, what all of them read there.
    """

    def __init__(
        self, members: Sequence[Member], device: torch.device, precision: Precision, ensemble: Ensemble = "frames"
    ) -> None:
        super().__init__()
        self.ensemble = ensemble
        self.members, self.precision, self.device = tuple(members), precision, device
        self.models = nn.ModuleList([member.model for member in members])
        self._weights_digest = freeze(self, device)
        terms = [[m.weight, m.temperature, m.class_of_C] for m in members]
        parts = [self._weights_digest, precision, terms, *(m.preparation or "" for m in members)]
        self.digest = digest_of(*parts, *([ensemble] if ensemble != "frames" else []))

    def train(self, mode: bool = True) -> FrozenTeacher:  # noqa: ARG002 - as torch has it
        """Do nothing: a frozen teacher stays in evaluation mode, whatever the `mode`."""
        return super().train(False)

    def forward(self, images_NCHW: Tensor, others: Others | None = None) -> Outputs:
        """Return the outputs on `images_NCHW`; `others` has the same lines under the networks' other preparations."""
        with torch.inference_mode(), autocast(self.precision, images_NCHW.device):
            outputs = [member.outputs(images_NCHW, others or {}) for member in self.members]
        # clones, since autograd cannot save inference tensors
        first, *more = (
            m.in_run_classes(Outputs(*(tensor.clone() for tensor in o)))
            for o, m in zip(outputs, self.members, strict=True)
        )
        if not more:
            return first
        if self.ensemble == "symbols":
            return symbols_of_all((first, *more), self._shares_MC.expand(-1, first.logits_NTC.shape[-1]))
        on_frames = (first, *(matched(o, first, FrameMatch(how="area"))[0] for o in more))
        log_p_MNTC = torch.stack([o.logits_NTC.float().log_softmax(-1) for o in on_frames])
        return first._replace(logits_NTC=(log_p_MNTC + self._shares_MC.log()[:, None, None]).logsumexp(0))

    @property
    def _shares_MC(self) -> Tensor:
        """The weight of each network on each class, among those that know it; of all, where none does."""
        known_MC = torch.ones(len(self.members), 1, dtype=torch.bool)
        if n_classes := max(len(m.class_of_C or ()) for m in self.members):
            known_MC = torch.tensor([[c != UNMAPPED for c in m.class_of_C or (0,) * n_classes] for m in self.members])
        weights_MC = torch.tensor([[m.weight] for m in self.members]) * (known_MC | ~known_MC.any(0))
        return (weights_MC / weights_MC.sum(0)).to(self.device)

    def outputs_by_temperature(self, batch: Batch) -> Mapping[float, Outputs]:
        """Return the outputs on the lines of a batch, under 1: logits, so every temperature is exact."""
        return {1.0: self(batch.images_NCHW, batch.others)}

    @property
    def preparations(self) -> tuple[Preparation, ...]:
        """Return the preparations of lines that its networks want, other than the run's own."""
        return tuple(dict.fromkeys(m.preparation for m in self.members if m.preparation))

    @property
    def is_foreign(self) -> bool:
        """Return whether one of its networks was made by others."""
        return any(m.provenance for m in self.members)

    @property
    def wants_own(self) -> bool:
        """Return whether one of its networks takes lines as the run itself prepares them."""
        return any(m.preparation is None for m in self.members)

    @property
    def unknown_C(self) -> Tensor | None:
        """Return the classes of the run that no network knows, (C,) bool; None where there is none."""
        maps = [m.class_of_C for m in self.members]
        known = [all(c == UNMAPPED for c in of_class) for of_class in zip(*(m for m in maps if m), strict=True)]
        return torch.tensor(known) if all(maps) and any(known) else None

    @property
    def neck(self) -> Recurrent:
        """Return what reads along the line, of the first network; a recipe that needs it is refused without it."""
        first = self.members[0].model
        assert isinstance(first, Recogniser)
        neck = first.neck
        assert isinstance(neck, Recurrent)
        return neck

    def assert_unchanged(self) -> None:
        """Raise `RuntimeError` where a weight is not what it was."""
        assert_weights(self, self._weights_digest)


@dataclass(frozen=True)
class CachedTeacher:
    """A frozen teacher whose outputs on the training lines are read from a cache instead of computed."""

    network: FrozenTeacher
    cached: Cached
    known_texts: KnownTexts = field(default_factory=dict, compare=False)  # found once, kept for the training

    def outputs_by_temperature(self, batch: Batch) -> Mapping[float, Outputs]:
        """Return the outputs on a batch at each temperature of the cache; the batch carries the posteriors."""
        assert batch.posteriors is not None
        return {tau: self.cached.outputs(batch.posteriors, tau) for tau in self.cached.temperatures}

    @property
    def unknown_C(self) -> Tensor | None:
        """Return the classes of the run that no network knows, (C,) bool; None where there is none."""
        return self.network.unknown_C

    @property
    def is_foreign(self) -> bool:
        """Return whether one of its networks was made by others."""
        return self.network.is_foreign

    @property
    def neck(self) -> Recurrent:
        """Return what reads along the line, of the first network."""
        return self.network.neck


def class_map(ours: Charset, theirs: Charset) -> tuple[int, ...] | None:
    """Return for every class of `ours` that of the same character in `theirs`, or UNMAPPED; None for equal charsets."""
    if ours == theirs:
        return None
    number = class_numbers(theirs.characters)
    return (BLANK, *(number.get(c, UNMAPPED) for c in ours.characters))


def member_of(reader: Reader, weight: float, calibrated: bool, charset: Charset, image: Preparation) -> Member:
    """Return an opened model file as a teacher of lines in `charset` that are prepared by `image`."""
    temperature = reader.description.calibration.temperature if calibrated else 1.0
    theirs = at_any_width(reader.description.preparation)
    # the run pads lines and checks their widths; the rest is how the pixels are prepared
    same = theirs.model_copy(update={"width_quantum_px": image.width_quantum_px}) == at_any_width(image)
    own, alone_px = None if same else theirs, 0.0
    classes = class_map(charset, reader.description.charset)
    model: Recogniser | GraphNetwork
    if is_onnx(reader.path):
        need_onnx(reader.path)
        model = graph_in_classes(reader, classes or range(charset.n_classes), temperature)
    else:
        model = reader.model
    if own is not None and own.least_width_px:
        alone_px = measured_frame_px(model, own)
    return Member(model, weight, temperature, own, classes, alone_px, provenance_of(reader.description))


def measured_frame_px(model: nn.Module, preparation: Preparation) -> float:
    """Return the pixels that a frame of a network takes, from two widths: the ends of a line may add or cost a frame.

    Of a network that takes one width, from that one.
    """
    device = next(itertools.chain(model.parameters(), model.buffers())).device

    def measured(further_px: int) -> tuple[int, int]:
        width_px = preparation.padded_px(preparation.least_width_px + further_px)
        images_NCHW = torch.zeros(1, preparation.channels, preparation.height_px, width_px, device=device)
        with torch.inference_mode():
            return width_px, model(images_NCHW).logits_NTC.shape[1]

    if takes_one_width(preparation):
        width_px, n_frames = measured(0)
        return width_px / n_frames
    (width_px, n_frames), (wider_px, more_frames) = measured(FRAME_PROBE_PX), measured(2 * FRAME_PROBE_PX)
    return (wider_px - width_px) / (more_frames - n_frames)


def on_own_widths(model: nn.Module, other: OtherImages, frame_px: float) -> Outputs:
    """Return the outputs on lines padded as their network wants it, on the frames of the width that the run gives.

    What the network says of padding behind that width is left out; where its own padding ends before, the frames that
    are missing are blank.
    """
    frames = max(1, round(other.extent_px / frame_px))
    of_lines: dict[int, tuple[Tensor, Tensor]] = {}  # logits and features
    for width_px, rows in of_one_width(other.widths_N.tolist(), len(other.widths_N)):
        outputs = model(other.images_NCHW[rows, ..., :width_px])
        logits_NTC, features_NTD = (_on_frames(o, frames) for o in (outputs.logits_NTC, outputs.features))
        if (missing := frames - outputs.logits_NTC.shape[1]) > 0:
            logits_NTC[:, -missing:] = SURELY_NOT
            logits_NTC[:, -missing:, BLANK] = 0
        of_lines |= {row: (logits_NTC[i], features_NTD[i]) for i, row in enumerate(rows)}
    logits_NTC, features_NTD = map(torch.stack, zip(*(of_lines[i] for i in sorted(of_lines)), strict=True))
    return Outputs(logits_NTC, torch.full((len(of_lines),), frames, device=logits_NTC.device), features_NTD)


def _on_frames(values_NTD: Tensor, frames: int) -> Tensor:
    """The first frames, with zeros behind them where there are too few."""
    return F.pad(values_NTD[:, :frames], (0, 0, 0, max(0, frames - values_NTD.shape[1])))


def at_any_width(preparation: Preparation) -> Preparation:
    """Return the same without a limit: the lines have been held to the run's own. A network of one width keeps it."""
    if takes_one_width(preparation):
        return preparation
    return preparation.model_copy(update={"max_width_px": WIDEST_PX})


def takes_one_width(preparation: Preparation) -> bool:
    """Return whether every line is padded to one width, and none may be wider."""
    return preparation.least_width_px >= preparation.max_width_px
