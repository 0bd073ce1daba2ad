"""Backgrounds and light: textures, photographs, print that shines through, shadows, glare.

Pictures are grey, (H, W). Textures are computed once a process from a fixed seed; photographs are read at their first
use, so that processes share nothing but paths. Random numbers called `uniform` are uniform in [0, 1).
"""

import logging
import math
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from distill.data.augment import Pixels, between, blur
from distill.data.formats.contents import counted
from students.errors import DataError

log = logging.getLogger(__name__)

Grey = NDArray[np.float32]

_POOL_SHAPE = (256, 1024)
_PHOTOGRAPH_PX = 640  # longest side kept: a line needs no more, and 256 of them fill 80 MB
_BUSY = 0.4  # largest standard deviation of a photograph's detail, share of the contrast to the ink
_BROAD = (0.6, 2.0)  # radius of a bright spot, and softness of a shadow's edge, in heights


def textured(picture: Pixels, strength: float, uniform: list[float]) -> Pixels:
    """Add a texture of fibre, plaster, brushed metal, wood or tiles; `uniform` (three numbers) picks it, and where."""
    textures = _textures()
    texture_HW = textures[int(uniform[0] * len(textures))]
    rows, columns = (
        (int(place * size) + np.arange(n)) % size
        for place, size, n in zip(uniform[1:3], _POOL_SHAPE, picture.shape, strict=True)
    )
    return np.asarray(cv2.add(picture, texture_HW[np.ix_(rows, columns)] * strength, dtype=cv2.CV_8U), np.uint8)


@lru_cache(maxsize=8)
def photographs_in(folder: Path) -> tuple[Path, ...]:
    """Return the images of a folder and the folders in it, sorted; other files are left out with a warning.

    Raises `DataError` where the folder is missing or holds no image.
    """
    if not folder.is_dir():
        raise DataError(f"folder of backgrounds {folder} does not exist: correct look.backgrounds, or data.root")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    images = tuple(path for path in files if cv2.haveImageReader(str(path)))
    if not images:
        raise DataError(f"folder of backgrounds {folder} holds no image that OpenCV reads: name another folder")
    if others := sorted(set(files) - set(images)):
        log.warning("%s: no images: %s, the first: %s", folder, counted(len(others), "file"), others[0].name)
    return images


def photograph(path: Path, shape: tuple[int, int], uniform: list[float]) -> Grey:
    """Cut a piece of a photograph, of the `shape` (height, width); `uniform` (three numbers) picks it."""
    whole_HW = _photograph(path)
    height, width = whole_HW.shape
    share = min(height / shape[0], width / shape[1]) * between((0.4, 1.0), uniform[0])
    rows, columns = (max(1, int(share * n)) for n in shape)
    y, x = int(uniform[1] * (height - rows + 1)), int(uniform[2] * (width - columns + 1))
    piece_HW = whole_HW[y : y + rows, x : x + columns]
    mode = cv2.INTER_AREA if share > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(piece_HW, shape[::-1], interpolation=mode), np.float32)


def legible_on(background_HW: Grey, min_contrast: int, uniform: float) -> tuple[Grey, float]:
    """Return the background, and the grey level of an ink that keeps `min_contrast` to its local mean everywhere.

    Ink is dark on a light background and light on a dark one. Where the background comes too near to the ink it is
    moved away as a whole, and detail so busy that letters would be lost in it is softened.
    """
    local_HW = np.asarray(cv2.GaussianBlur(background_HW, (0, 0), background_HW.shape[0] / 4), np.float32)
    mean = float(background_HW.mean())
    if mean >= 127.5:
        ink = between((0, max(0.0, mean - min_contrast)), uniform)
        moved_HW = np.maximum(local_HW, np.float32(ink + min_contrast))
    else:
        ink = between((min(255.0, mean + min_contrast), 255), uniform)
        moved_HW = np.minimum(local_HW, np.float32(ink - min_contrast))
    detail_HW = background_HW - local_HW
    contrast = abs(ink - float(moved_HW.mean()))
    calm = min(1.0, _BUSY * contrast / (float(detail_HW.std()) + 1e-6))
    return moved_HW + detail_HW * np.float32(calm), ink


def seen_from_behind(coverage: Pixels, uniform: list[float]) -> Pixels:
    """Return mirrored, blurred strokes of the other side: the line's own serve, moved by `uniform` (two numbers)."""
    height, width = coverage.shape
    moved = np.roll(coverage[:, ::-1], (int((uniform[0] - 0.5) * height), int(uniform[1] * width)), (0, 1))
    return blur(np.ascontiguousarray(moved), height / 40)


def in_shadow(picture: Pixels, depth: float, uniform: list[float]) -> Pixels:
    """Cast a shadow that takes the share `depth` of the light on one side of a soft edge; `uniform`: three numbers."""
    x_HW, y_HW = _heights_from(picture.shape, uniform[0], 0.5)
    angle = 2 * math.pi * uniform[1]
    behind_HW = x_HW * math.cos(angle) + y_HW * math.sin(angle)
    softness = between((0.02, 0.3), uniform[2])
    shade_HW = 1 - np.float32(depth) / (1 + np.exp(np.clip(-behind_HW / softness, -30, 30)))
    return np.asarray(picture * shade_HW + 0.5, np.uint8)


def in_glare(picture: Pixels, strength: float, uniform: list[float]) -> Pixels:
    """Return a picture with a bright spot, `strength` of the way to white in its middle; `uniform`: four numbers."""
    x_HW, y_HW = _heights_from(picture.shape, uniform[0], uniform[1])
    across, high = between(_BROAD, uniform[2]), between(_BROAD, uniform[3]) / 2
    spot_HW = np.exp(-((x_HW / across) ** 2) - (y_HW / high) ** 2) * np.float32(strength)
    return np.asarray(picture + (255 - picture) * spot_HW + 0.5, np.uint8)


def _heights_from(shape: tuple[int, ...], x_share: float, y_share: float) -> tuple[Grey, Grey]:
    """How far each column and row lies from a place, in heights of the picture: (1, W) and (H, 1)."""
    height, width = shape
    x = (np.arange(width, dtype=np.float32) - np.float32(x_share * width)) / height
    y = (np.arange(height, dtype=np.float32) - np.float32(y_share * height)) / height
    return x[None, :], y[:, None]


@lru_cache(maxsize=256)
def _photograph(path: Path) -> Grey:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise DataError(f"background {path} cannot be read as an image: replace or remove it")
    share = _PHOTOGRAPH_PX / max(image.shape)
    if share < 1:
        image = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.float32)


@lru_cache(maxsize=1)
def _textures() -> tuple[Grey, ...]:
    """Fibre, plaster, brushed metal, wood, tiles: mean 0, standard deviation 1."""
    rng = np.random.default_rng(20260102)
    height, width = _POOL_SHAPE

    def grain(sigma_x: float, sigma_y: float) -> Grey:
        noise = rng.standard_normal(_POOL_SHAPE, dtype=np.float32)
        wrapped = np.tile(noise, (3, 3))[height // 2 : -height // 2, width // 2 : -width // 2]
        soft = cv2.GaussianBlur(wrapped, (0, 0), sigma_x, sigmaY=sigma_y)
        return _standard(np.asarray(soft, np.float32)[height // 2 :, width // 2 :][:height, :width])

    y, x = np.mgrid[:height, :width].astype(np.float32)
    fibre = np.maximum(grain(6, 0.6), 1) + np.maximum(grain(0.6, 6), 1) + 0.3 * grain(0.8, 0.8)
    plaster = grain(12, 12) + 0.7 * grain(4, 4) + 0.4 * grain(1, 1)
    brushed = grain(60, 0.5) + 0.2 * grain(1, 0.5)
    wood = np.sin(2 * math.pi * y / 16 + 2.5 * grain(80, 12)) + 0.6 * grain(40, 0.7)
    bricks = (x + 32 * (y // 32 % 2)) % 64
    tiles = 0.25 * grain(2, 2) - 4.0 * ((y % 32 < 2) | (bricks < 2)) + 0.5 * grain(30, 16)
    return tuple(_standard(each) for each in (fibre, plaster, brushed, wood, tiles))


def _standard(field: Grey) -> Grey:
    return np.asarray((field - field.mean()) / field.std(), np.float32)
