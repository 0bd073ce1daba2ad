"""Small locators for tests, with fresh weights and quick to build, and pages of noise for them to look at."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from students.model_file import read_model
from students.pages import reader
from students.pages.finding import FoundLine, LineFinding
from students.pages.model_file import (
    LocatorDescription,
    PagesDescription,
    PagesFile,
    read_locator,
    write_locator,
    write_pages_file,
)
from students.pages.network import Locator, SeparableLocator
from students.pages.preparation import PagePreparation
from teachers.locator import ResNetLocator

SMALL_LOCATOR = SeparableLocator(channels=(4, 8, 8, 8), blocks=1, dilations=(1, 2))


SMALL_TEACHER = ResNetLocator(channels=(8, 8, 12, 16), blocks=(1, 1, 1, 1), pyramid=16, features=16)
Kind = Literal["locator", "locator_teacher"]


def build_small_locator(kind: Kind = "locator", channels: int = 1) -> Locator:
    """Return a network with the statistics of a noisy page, so that its maps vary, and the same each time."""
    config = SMALL_LOCATOR if kind == "locator" else SMALL_TEACHER
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = config.build(channels)
        norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        with torch.no_grad():
            for norm in norms:
                norm.weight += 0.1 * torch.randn(norm.weight.shape)
                norm.momentum = 1.0
            model.train()(torch.rand(2, channels, 64, 96))
    return model.eval()


def write_small_locator(path: Path, kind: Kind = "locator", preparation: PagePreparation | None = None) -> Path:
    """Write such a network as a model file."""
    preparation = preparation or PagePreparation()
    config = SMALL_LOCATOR if kind == "locator" else SMALL_TEACHER
    description = LocatorDescription(
        kind=kind,
        architecture=config.model_dump(mode="json"),
        receptive_px=config.receptive_px,
        preparation=preparation,
    )
    weights = build_small_locator(kind, preparation.channels).state_dict()
    write_locator(path, description, {name: tensor.numpy() for name, tensor in weights.items()})
    return path


def write_both(path: Path, locator: Path, recogniser: Path) -> Path:
    """Write the networks of two model files as one file."""
    found, locator_weights = read_locator(locator)
    read, weights = read_model(recogniser)
    write_pages_file(path, PagesFile(PagesDescription(locator=found, recogniser=read), locator_weights, weights))
    return path


def write_loose_locator(path: Path) -> Path:
    """Write a small locator without training, to whose settings every core is a line."""
    description, weights = read_locator(write_small_locator(path))
    loose = description.model_copy(update={"finding": LineFinding(core=0.2, found=0.0, least_height_px=1)})
    write_locator(path, loose, weights)
    return path


def write_noisy_pages(folder: Path, names: Iterable[str]) -> Path:
    """Make a folder with a page of noise, 100 x 130 px, of each name."""
    folder.mkdir()
    noise = np.random.default_rng(3)
    for name in names:
        Image.fromarray(noise.integers(0, 256, (130, 100), np.uint8)).save(folder / name)
    return folder


def interrupt_at(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C come when the lines of a page, counted from 0, are looked for."""
    find, calls = reader.lines_of, count()

    def stopped(locator: reader.Locates, page_HWC: np.ndarray) -> list[FoundLine]:
        if next(calls) == page:
            raise KeyboardInterrupt
        return find(locator, page_HWC)

    monkeypatch.setattr(reader, "lines_of", stopped)


def write_tiff(path: Path, n_pages: int = 3) -> None:
    """Write a TIFF of pages of noise, 100 x 130 px."""
    noise = np.random.default_rng(4)
    pages = [Image.fromarray(noise.integers(0, 256, (130, 100), np.uint8)) for _ in range(n_pages)]
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw")
