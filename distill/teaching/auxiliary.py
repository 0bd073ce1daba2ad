"""Auxiliary modules: they are trained with a network and are not in its model file.

A projection of features, an attention decoder, a peer.
"""

from __future__ import annotations

from torch import nn

from distill.recipe.objective import Objective
from distill.seeds import seeded
from distill.teaching.losses.attention import AttentionHead
from distill.teaching.losses.features import Hint
from distill.teaching.teacher import FrozenTeacher
from students.image import Preparation
from students.parts import Recogniser, n_features

HINT, ATTENTION, PEER = "hint", "attention", "peer"


def auxiliary_modules(
    objective: Objective,
    model: Recogniser,
    peer: Recogniser | None,
    teacher: FrozenTeacher | None,
    n_classes: int,
    image: Preparation,
    seed: int,
) -> nn.ModuleDict:
    """Return the auxiliary modules of an objective, with first weights that are a function of the seed."""
    made: dict[str, nn.Module] = {}
    ours = n_features(model, image.channels, image.height_px)
    if objective.feature_hint.weight and teacher is not None:
        first = teacher.members[0]
        preparation = first.preparation or image
        theirs = n_features(first.model, preparation.channels, preparation.height_px)
        with seeded(HINT, seed):
            made[HINT] = Hint(ours, theirs)
    if objective.attention.weight:
        with seeded(ATTENTION, seed):
            made[ATTENTION] = AttentionHead(ours, n_classes)
    if peer is not None:
        made[PEER] = peer
    return nn.ModuleDict(made)
