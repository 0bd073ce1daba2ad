"""The torch reader: a model file becomes a network, and the network a `Reader`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from students.config import STUDENTS
from students.errors import CheckpointError
from students.model_file import Description, expect_student, read_model
from students.parts import Recogniser
from students.reader import Reader

Build = Callable[[dict[str, Any]], Callable[[int, int, int], Recogniser]]


def open_student(path: Path) -> Reader:
    """Open a student's safetensors file; raises `CheckpointError` for a teacher or a file that is not whole."""
    description, weights = read_model(path)
    expect_student(description, path)
    return assemble(path, description, weights, lambda a: STUDENTS.validate_python(a).build)


def assemble(path: Path, description: Description, weights: dict[str, np.ndarray], build: Build) -> Reader:
    """Build the described network and fill it; weights and network must match name by name, shape by shape.

    Raises `CheckpointError` where they do not.
    """
    preparation = description.preparation
    try:
        make = build(description.architecture)
        model = make(description.charset.n_classes, preparation.channels, preparation.height_px)
        model.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    except (ValidationError, RuntimeError) as error:
        raise CheckpointError(f"{path}: weights and architecture do not match: {error}") from error
    return reader_of(model, description, path)


def reader_of(model: Recogniser, description: Description, path: Path) -> Reader:
    """Return a reader with `model`, in evaluation mode, wherever it is moved later."""
    model.eval()

    def logits_of(images_NCHW: np.ndarray) -> np.ndarray:
        device = next(model.parameters()).device
        with torch.inference_mode():
            logits_NTC = model(torch.from_numpy(images_NCHW).to(device)).logits_NTC
        return logits_NTC.float().cpu().numpy()

    return Reader(description, path, logits_of, model, _log_softmax)


def _log_softmax(logits_NTC: np.ndarray, temperature: float) -> np.ndarray:
    return torch.log_softmax(torch.from_numpy(logits_NTC) / temperature, -1).numpy()
