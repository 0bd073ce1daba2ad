"""Auxiliary modules: they are trained with a network and are not in its model file.

A projection of features, an attention decoder, a peer.
"""

from __future__ import annotations

import torch
from torch import nn

from distill.recipe.objective import Objective
from distill.seeds import seed_of
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
    with torch.random.fork_rng(devices=[]):
        if objective.feature_hint.weight and teacher is not None:
            torch.manual_seed(seed_of(HINT, seed))
            first = teacher.members[0]
            theirs = first.preparation or image
            made[HINT] = Hint(ours, n_features(first.model, theirs.channels, theirs.height_px))
        if objective.attention.weight:
            torch.manual_seed(seed_of(ATTENTION, seed))
            made[ATTENTION] = AttentionHead(ours, n_classes)
    if peer is not None:
        made[PEER] = peer
    return nn.ModuleDict(made)
