"""From an encoded image to the tensor a recogniser sees: one object for training, reading and export.

`decode_image` opens what users hold (path, bytes, Pillow image, array) within limits checked before any
pixel is decoded. `Preparation` scales a line to the model's height, pads it on the right to a width that
depends on the line alone, and normalises it. It travels inside the model file.
"""

from __future__ import annotations

import io
import warnings
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from students import opencv_scaling
from students.errors import DataError
from students.modes import Stored, in_mode, picture_of
from students.several_pictures import refuse_further_pages
from students.turning import AS_IT_STANDS, Turned, after, size_after, ways_to_read

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "JPEG2000")
IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp"),
    *(".jp2", ".j2k", ".jpx", ".jpf", ".j2c"),
)
UNREAD_SUFFIXES = (".gif", ".avif", ".heic", ".heif", ".jxl", ".svg", ".pbm", ".pgm", ".ppm", ".psd", ".djvu", ".ico")
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 40_000_000
MAX_SIDE_PX = 30_000
ORIENTATION, UPRIGHT = 0x0112, 1  # EXIF's tag, and its value for a picture that stands as it is stored
RESIZE = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

ImageInput = str | PathLike[str] | bytes | Image.Image | np.ndarray


class Preparation(BaseModel):
    """How a line image becomes a tensor; equal in training, evaluation, reading and export."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height_px: int = Field(32, ge=8, le=256, description="height every line is scaled to")
    width_quantum_px: int = Field(16, ge=1, le=1024, description="the width is padded to the next multiple of this")
    max_width_px: int = Field(4096, ge=32, description="a scaled line wider than this is refused")
    channels: Literal[1, 3] = Field(1, description="1: grey, 3: RGB")
    resize: Literal["bilinear", "bicubic", "paddleocr"] = Field(
        "bilinear", description="filter used for scaling, with anti-aliasing; paddleocr: as there, without"
    )
    padding_value: int = Field(127, ge=0, le=255, description="pixel value of the padding on the right")
    mean: float = Field(127.5, description="subtracted from every pixel")
    std: float = Field(127.5, gt=0, description="divides every pixel after the mean is subtracted")
    least_width_px: int = Field(0, ge=0, le=4096, description="a narrower line is padded to this width; 0: to none")
    turned: Turned = Field(
        "never",
        description="a picture more than 1.5 times as high as wide: read as it stands (never); turned a quarter "
        "against the clock (tall); or read as it stands and turned either way, the surest kept (surer). In training "
        "both turn it against the clock, unless its text has one character",
    )

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is not set is left out, so that older files and runs keep their digest."""
        unset = {"least_width_px": 0, "turned": "never"}
        return {name: value for name, value in dump(self).items() if name not in unset or value != unset[name]}

    def scaled_width_px(self, height: int, width: int) -> int:
        """Return the width in pixels of a `height` x `width` image once scaled to `height_px`."""
        if self.resize == "paddleocr":
            return opencv_scaling.scaled_width_px(height, width, self.height_px, self.least_width_px)
        return max(1, round(width * self.height_px / height))

    def padded_width_px(self, height: int, width: int) -> int:
        """Return the width in pixels of the tensor of a `height` x `width` image: a function of the line alone."""
        return self.padded_px(self.scaled_width_px(height, width))

    def padded_px(self, scaled_px: int) -> int:
        """Return the width to which a line is padded that is `scaled_px` wide once scaled."""
        quantum = self.width_quantum_px
        return -(-max(scaled_px, self.least_width_px) // quantum) * quantum

    def pads_like(self, other: Preparation) -> bool:
        """Return whether every line becomes as wide as under the other."""
        mine, theirs = ((p.height_px, p.width_quantum_px, p.least_width_px) for p in (self, other))
        return mine == theirs

    def scale(self, image: np.ndarray | Image.Image, key: str = "image") -> np.ndarray:
        """Scale a line to uint8 (height_px, w, channels); raises `DataError` if too wide.

        It is a uint8 array (H, W) or (H, W, 3), or a Pillow image of mode L or RGB.
        """
        height, width = size_of(image)
        scaled_px = self.scaled_width_px(height, width)
        if scaled_px > self.max_width_px:
            raise DataError(
                f"{key}: {width} x {height} px becomes {scaled_px} px wide at height {self.height_px}, "
                f"more than max_width_px = {self.max_width_px}; cut the line or raise the limit"
            )
        picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
        picture = in_mode(picture, "L" if self.channels == 1 else "RGB")
        if (height, width) != (self.height_px, scaled_px):
            return self._resized(picture, scaled_px)
        return np.asarray(picture).reshape(height, width, -1)

    def _resized(self, picture: Image.Image, width_px: int) -> np.ndarray:
        """A picture by the filter as uint8 (height_px, width_px, channels)."""
        if self.resize == "paddleocr":
            levels_HWC = np.asarray(picture).reshape(picture.height, picture.width, -1)
            return opencv_scaling.scaled(levels_HWC, self.height_px, width_px)
        squeezed = picture.resize((width_px, self.height_px), RESIZE[self.resize])
        return np.asarray(squeezed).reshape(self.height_px, width_px, -1)

    def to_tensor(self, scaled_HWC: np.ndarray, padded_px: int | None = None) -> np.ndarray:
        """Return a scaled line as a padded, normalised float32 array (channels, height_px, padded width).

        `padded_px` sets that width; a line that is wider, by rounding, is squeezed into it.
        """
        return self.normalised(self.padded(scaled_HWC, padded_px))

    def padded(self, scaled_HWC: np.ndarray, padded_px: int | None = None) -> np.ndarray:
        """Return a scaled line as `to_tensor` pads it, still uint8."""
        height, width, channels = scaled_HWC.shape
        padded_px = padded_px or self.padded_width_px(height, width)
        if width > padded_px:
            line = Image.fromarray(scaled_HWC.squeeze(2) if channels == 1 else scaled_HWC)
            scaled_HWC = self._resized(line, padded_px)
            width = padded_px
        levels_CHW = np.empty((channels, height, padded_px), np.uint8)
        levels_CHW[:, :, :width] = scaled_HWC.transpose(2, 0, 1)
        levels_CHW[:, :, width:] = self.padding_value
        return levels_CHW

    def normalised(self, levels: np.ndarray) -> np.ndarray:
        """Return padded levels, of one line or several, as a network sees them: float32."""
        tensor = levels.astype(np.float32)
        tensor -= self.mean
        tensor /= self.std
        return tensor

    def prepare(self, image: ImageInput, key: str = "image") -> np.ndarray:
        """Decode, scale, pad and normalise one image, as it stands: float32 (channels, height_px, padded width).

        Raises `DataError` that names the image by `key`, for a path by the path.
        """
        key = str(image) if isinstance(image, (str, PathLike)) else key
        return self.to_tensor(self.scale(_opened(image, key), key))

    def prepare_ways(self, image: ImageInput, key: str = "image") -> list[tuple[int, np.ndarray]]:
        """Prepare one image as often as it is read, each time with its quarter turns against the clock.

        All but `normalised` is done: uint8 (channels, height_px, padded width). A way in which the line is wider than
        `max_width_px` is left out where there is another. Raises `DataError` as `prepare` does.
        """
        key = str(image) if isinstance(image, (str, PathLike)) else key
        picture = _opened(image, key)
        size = size_of(picture)
        ways = ways_to_read(self.turned, *size)
        if ways == (AS_IT_STANDS,):  # without a copy of all pixels
            return [(AS_IT_STANDS, self.padded(self.scale(picture, key)))]
        widths_px = [self.scaled_width_px(*size_after(quarters, *size)) for quarters in ways]
        fitting = [quarters for quarters, px in zip(ways, widths_px, strict=True) if px <= self.max_width_px]
        pixels = np.asarray(picture)
        return [(q, self.padded(self.scale(after(q, pixels), key))) for q in fitting or ways[:1]]


def size_of(image: np.ndarray | Image.Image) -> tuple[int, int]:
    """Return height and width of a decoded image."""
    return image.shape[:2] if isinstance(image, np.ndarray) else image.size[::-1]


def decode_image(image: ImageInput, key: str = "image") -> np.ndarray:
    """Open one image as uint8 (H, W) grey or (H, W, 3) RGB.

    Raises `DataError` naming `key` (for a path: the path) for whatever is not a readable image within
    the limits: PNG, JPEG, WebP, TIFF, BMP or JPEG 2000, 64 MiB, 40 million pixels, 30,000 px a side. EXIF
    orientation is applied; what the values of each mode mean is in `modes.py`.
    """
    return np.asarray(_opened(image, key))


def _opened(image: object, key: str) -> np.ndarray | Image.Image:
    """One image, decoded, as `decode_image` describes it: an array as it is, all else as a Pillow image."""
    if isinstance(image, np.ndarray):
        return _checked_array(image, key)
    if isinstance(image, Image.Image):
        return _picture(_within_limits(image, key), key)
    if not isinstance(image, (str, PathLike, bytes)):  # such as None, which OpenCV gives for a file that it cannot read
        what = "None" if image is None else f"a value of type {type(image).__name__}"
        raise DataError(
            f"{key}: {what} is no image; give a path, encoded bytes, a Pillow image or a uint8 array, several in a list"
        )
    data, key = (image, key) if isinstance(image, bytes) else (_bytes_of(Path(image)), str(Path(image)))
    with open_image(data, key) as opened:
        return _picture(opened, key)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path}: {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # the latter for a name with a null byte
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def image_size(data: bytes, key: str) -> tuple[int, int]:
    """Return (height, width) from the header alone; raises `DataError` beyond the limits of `decode_image`."""
    with open_image(data, key) as image:
        width, height = stored_size(image)
        return (width, height) if _orientation(image) >= 5 else (height, width)


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Return (width, height) as an image is stored, before its orientation counts."""
    if isinstance(image, TiffImageFile):  # whose size some versions of Pillow have turned already
        return image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH]
    return image.size


def open_image(data: bytes, key: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Open encoded bytes by their header alone: nothing is decoded yet.

    Raises `DataError` naming `key` for no image, further pages, and more than `max_pixels` or `decode_image` takes.
    """
    if len(data) > MAX_BYTES:
        raise DataError(f"{key}: {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise DataError(f"{key}: far too large; at most {MAX_PIXELS:,} pixels are read; scale it down") from error
    except Exception as error:  # Pillow raises OSError, ValueError, SyntaxError, struct.error and more
        raise DataError(f"{key}: not a readable image ({_reason(error)}); {', '.join(FORMATS)} are read") from error
    refuse_further_pages(image, key)
    return _within_limits(image, key, max_pixels)


def _within_limits(image: Image.Image, key: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    width, height = image.size
    if 0 in image.size:
        raise DataError(f"{key}: {width} x {height} px; a picture without pixels cannot be read")
    if width * height > max_pixels or max(width, height) > MAX_SIDE_PX:
        raise DataError(
            f"{key}: {width:,} x {height:,} px; at most {max_pixels:,} pixels and {MAX_SIDE_PX:,} px a side are read; "
            "scale it down"
        )
    return image


def _picture(image: Image.Image, key: str) -> Image.Image:
    try:
        stored = Stored.of(image)
        if _orientation(image) != UPRIGHT:
            image = ImageOps.exif_transpose(image)
        return picture_of(image, stored, key)
    except DataError:
        raise
    except Exception as error:  # a truncated or damaged body shows only here, in many guises
        raise DataError(f"{key}: the image is damaged ({_reason(error)}); write it anew or leave it out") from error


def _orientation(image: Image.Image) -> int:
    """1 to 8 as EXIF counts them, upright for whatever else stands there; from 5 on width and height are exchanged."""
    found = image.getexif().get(ORIENTATION, UPRIGHT)
    return found if found in range(1, 9) else UPRIGHT


def _checked_array(image: np.ndarray, key: str) -> np.ndarray:
    shape_ok = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not shape_ok or 0 in image.shape:
        raise DataError(
            f"{key}: an array must be uint8 with shape (H, W) or (H, W, 3) RGB and not empty, "
            f"got {image.dtype} {image.shape}"
        )
    height, width = image.shape[:2]
    if height * width > MAX_PIXELS:
        raise DataError(f"{key}: {width:,} x {height:,} px; at most {MAX_PIXELS:,} pixels are read; scale it down")
    return image


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0].split(" <")[0] or type(error).__name__
