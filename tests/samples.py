"""Small things that tests make: a picture, a model file."""

from __future__ import annotations

import io
import os
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch.utils.data import Dataset

from distill.processes import begin_worker
from students.charset import Charset
from students.config import STUDENTS
from students.errors import DataError
from students.image import Preparation
from students.model_file import Description, write_model

SHIPPED_NAMES = (
    "digits, hanzi, print, print-small, receipts, receipts-small, scene, scene-small"  # as messages list them
)


def png_bytes(height: int = 32, width: int = 100, seed: int = 0) -> bytes:
    """A noisy grey picture as PNG."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def rendered_line(text: str) -> bytes:
    """A line of a receipt in print, 32 px high, as PNG."""
    font = _print_font()
    picture = Image.new("L", (round(font.getlength(text)) + 80, 32), 255)
    ImageDraw.Draw(picture).text((5, 5), text, fill=0, font=font)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@cache
def _print_font() -> Any:
    return ImageFont.load_default(20)


def write_student(path: Path, kind: str = "student", architecture: dict[str, Any] | None = None) -> Path:
    """A student with random weights, the same each time, as a model file; without `architecture` a tiny one."""
    charset = Charset(characters="0123456789")
    config = STUDENTS.validate_python(architecture or {"kind": "digits", "channels": (4, 6, 8), "hidden": 16})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = config.build(charset.n_classes, 1, 32)
    description = Description(
        kind=kind,
        architecture=config.model_dump(mode="json"),
        charset=charset,
        preparation=Preparation(),
    )
    write_model(path, description, {name: t.numpy() for name, t in model.state_dict().items()})
    return path


def write_talkative(path: Path, charset: Charset) -> Path:
    """A student with random weights, the same each time, and a head that seldom prefers the blank, as a model file."""
    config = STUDENTS.validate_python({"kind": "recurrent", "size": "small"})
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = config.build(charset.n_classes, 1, 32)
    generator = torch.Generator().manual_seed(3)
    weights = {
        name: (t + 0.3 * torch.randn(t.shape, generator=generator) if t.dtype == torch.float32 and t.ndim > 1 else t)
        for name, t in model.state_dict().items()
    }
    description = Description(
        kind="student",
        architecture=config.model_dump(mode="json"),
        charset=charset,
        preparation=Preparation(width_quantum_px=32),
    )
    write_model(path, description, {name: t.numpy() for name, t in weights.items()})
    return path


@dataclass(frozen=True)
class CleanFetch:
    """Pictures of 100 px, as long as none of the modules is imported in the process that fetches them."""

    modules: tuple[str, ...]

    def __call__(self, row: int) -> bytes:
        if found := [name for name in self.modules if name in sys.modules]:
            raise DataError(f"imported: {', '.join(found)}")
        return png_bytes(seed=row)


class ManyTensors(Dataset[list[torch.Tensor]]):
    """Steps of many tensors, each of which a worker hands over by itself."""

    def __getitem__(self, _: int) -> list[torch.Tensor]:
        return [torch.zeros(50) for _ in range(30)]


def waiting_worker(queue: Any) -> None:
    """A worker that says who it is and then waits for work that never comes."""
    begin_worker()
    queue.put(os.getpid())
    time.sleep(60)
