"""How one network is trained: steps, optimiser, checkpoints, and what each task adds to them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distill.data.augment import Augment
from distill.schema import Precision, Section

Learner = Literal["teacher", "student"]


class Budget(Section):
    """Steps and optimiser of one training, whatever it learns from."""

    steps: int = Field(ge=1, description="optimiser steps")
    learning_rate: float = Field(1e-2, gt=0, description="peak of the schedule; AdamW alone wants about a fifth")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps over which the rate rises")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="after the warm-up")
    optimiser: Literal["muon", "adamw"] = Field(
        "muon", description="muon: orthogonal updates of weight matrices, AdamW on the rest; adamw: on everything"
    )
    weight_decay: float = Field(0.01, ge=0, description="on weight matrices only")
    clip_norm: float = Field(5.0, gt=0, description="largest norm of the gradient")
    ema_decay: float = Field(0.0, ge=0, lt=1, description="weights averaged over steps; 0: off")
    validate_every: int = Field(200, ge=1, description="steps between validations; the best weights are kept")
    patience: int | None = Field(
        None, ge=1, description="validations without a better one after which the training ends; null: all steps"
    )
    checkpoint_every: int = Field(200, ge=1, description="steps between checkpoints")
    log_every: int = Field(50, ge=1, description="steps between lines of metrics.jsonl")
    precision: Precision = Field(
        "fp32", description="bf16: autocast; auto: bf16 where the processor computes in it, else fp32"
    )


class Training(Budget):
    """Budget and optimiser of one training on lines."""

    batch_lines: int = Field(64, ge=1, description="lines a step, over all processes")
    micro_batch_lines: int | None = Field(
        None, ge=1, description="lines that go through the network at once; null: as many as fit the width"
    )
    augment: Augment = Field(Augment(), description="changes made to a training line")
