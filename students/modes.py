"""What the values of an image mean: from a Pillow image of any mode to 8-bit grey or RGB.

Cameras, scanners and programs store levels in more bits than they use. Such values are scaled by the highest one where
that leaves no choice; where it does, the usual meaning is taken and a warning says so. What has no meaning is refused.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, TiffImageFile

from students.errors import DataError

log = logging.getLogger(__name__)

WIDE_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
NARROW_MODES = ("L", "1", "P")
WHITE_IS_ZERO = 0  # of TIFF's photometric interpretations
BITS = (8, 10, 12)  # that values in 16 bits may have, when the highest shows it: the picture would be black otherwise
DIM_BITS = 14  # a picture of 16 bits that is so dim may be one of 14
UNIT, DIM = 1.25, 16.0  # highest values of floating point from 0 to 1, and of what is too dim to be one from 0 to 255
CODE_STREAM = b"\xff\x4f\xff\x51"  # where the code stream of JPEG 2000 begins
COUNT_AT, CHANNELS_AT = 36, 38  # behind that: the number of channels, and three bytes of each, the first with its bits
OVERSHOOT = 2.0  # of floating point beyond 255, as filters leave it
BELOW = 0.25  # share of the highest value that filters leave below 0
FAINT = 80  # grey levels that ink must differ from the paper to be seen


class Stored(NamedTuple):
    """What a file says about its values, which Pillow forgets when it decodes them."""

    bits: int | None = None  # that a grey value has, where they are fewer than those it is stored in
    halved: bool = False  # the upper 8 of 16 bits a channel are all that Pillow gives
    inverted: bool = False  # the highest value is black, and Pillow leaves it so
    depths: tuple[int, ...] = ()  # bits of each channel of JPEG 2000, where Pillow does not take them as they are

    @classmethod
    def of(cls, image: Image.Image) -> Stored:
        """Return it for an opened image that is not decoded yet."""
        if image.format == "JPEG2000" and image.mode not in WIDE_MODES:
            depths = _depths_of_jpeg_2000(image)
            return cls(depths=depths) if set(depths) - {8} else AS_IT_IS
        if image.mode in NARROW_MODES:
            return AS_IT_IS
        tiles = getattr(image, "tile", ())
        raw = str(tiles[0][3]) if tiles else ""
        if image.mode not in WIDE_MODES:
            return cls(halved=";16" in raw)
        photometric = image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) if isinstance(image, TiffImageFile) else None
        return cls(bits=12 if ";12" in raw else None, inverted=photometric == WHITE_IS_ZERO)


AS_IT_IS = Stored()


def _depths_of_jpeg_2000(image: Image.Image) -> tuple[int, ...]:
    """Bits of each channel, as the marker SIZ of the code stream gives them; none once the image is decoded."""
    if not getattr(image, "tile", ()):
        return ()
    image.fp.seek(0)  # type: ignore[attr-defined]
    _, begin, behind = image.fp.read().partition(CODE_STREAM)  # type: ignore[attr-defined]
    if not begin or len(behind) < CHANNELS_AT:
        return ()
    n_channels = int.from_bytes(behind[COUNT_AT:CHANNELS_AT], "big")
    return tuple((bits & 0x7F) + 1 for bits in behind[CHANNELS_AT : CHANNELS_AT + 3 * n_channels : 3])


def picture_of(image: Image.Image, stored: Stored, key: str) -> Image.Image:
    """Return an image, decoded, of mode L or RGB; raises `DataError` for values without a meaning.

    Palette, CMYK, YCbCr and LAB become RGB. Transparency is laid on paper. An image that has such a mode is itself
    returned.
    """
    if stored.depths:
        image = _in_eight_bits(image, stored.depths, key)
    if image.mode == "L" and "transparency" not in image.info:  # as most lines are
        image.load()
        return image
    if image.mode in WIDE_MODES:
        return Image.fromarray(_wide(image, stored, key))
    if stored.halved and _is_dark(image):
        raise DataError(f"{key}: uses 12 of its 16 bits a channel or fewer, which are black; save it with 8 bits")
    if image.has_transparency_data:
        return Image.fromarray(on_paper((image.convert("LA") if image.mode == "La" else image).convert("RGBA")))
    image.load()
    return in_mode(image, "L" if image.mode in ("1", "L") else "RGB")


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return the image itself where it has that mode: `convert` would copy it."""
    return image if image.mode == mode else image.convert(mode)


def _in_eight_bits(image: Image.Image, depths: tuple[int, ...], key: str) -> Image.Image:
    """JPEG 2000 of fewer bits, whose values Pillow shifts up: white of one bit is 128 there, entry 1 of a palette too.

    Of more bits it makes 8 by rounding, and what is rounded up to 256 becomes 0: white paper is black.
    """
    if max(depths) > 8:
        raise DataError(
            f"{key}: JPEG 2000 of {max(depths)} bits a channel, whose white would be read as black; save it with 8"
        )
    if image.mode == "P":
        return image.point([value >> 8 - depths[0] for value in range(256)])
    tables = [
        [_widened(value, bits) for value in range(256)] for bits in (*depths, 8, 8, 8, 8)[: len(image.getbands())]
    ]
    return image.point([value for table in tables for value in table])


def _widened(value: int, bits: int) -> int:
    """A value of few bits that was shifted up to 8, as the level that it stands for."""
    return (value >> 8 - bits) * 255 // (2**bits - 1)


def _is_dark(image: Image.Image) -> bool:
    """Whether every channel keeps to its lowest 16 levels."""
    ranges = zip(image.getbands(), np.reshape(image.getextrema(), (-1, 2)).tolist(), strict=True)
    return all(high < 16 for band, (_, high) in ranges if band != "A")


def on_paper(layer: Image.Image) -> np.ndarray:
    """Return an RGBA image on white paper as RGB; on black where white would hide it, as it hides white ink."""
    on_white = _laid(layer, "white")
    darkest, lightest = on_white.convert("L").getextrema()
    if lightest - darkest < FAINT:  # type: ignore[operator]
        on_black = _laid(layer, "black")
        low, high = on_black.convert("L").getextrema()
        if high - low > lightest - darkest:  # type: ignore[operator]
            return np.asarray(on_black)
    return np.asarray(on_white)


def _laid(layer: Image.Image, paper: str) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", layer.size, paper), layer).convert("RGB")


def _wide(image: Image.Image, stored: Stored, key: str) -> np.ndarray:
    """Grey of more than 8 bits; what its one transparent value hides is laid on paper."""
    values = np.asarray(image)
    levels = _eight_bits(values, stored.bits, key)
    if stored.inverted:
        levels = 255 - levels
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return levels
    grey, alpha = Image.fromarray(levels), Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
    return on_paper(Image.merge("RGBA", (grey, grey, grey, alpha)))


def _eight_bits(values: np.ndarray, bits: int | None, key: str) -> np.ndarray:
    """Whole or floating-point numbers of one channel as uint8."""
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise DataError(f"{key}: holds values that are no numbers; write it anew")
    if low < -BELOW * max(high, 0.0):
        raise DataError(f"{key}: holds values from {low:g} to {high:g}, and a grey level is 0 or more; write it anew")
    if high >= (1.1 if values.dtype.kind == "f" else 1) * 2**16:
        raise DataError(f"{key}: holds values up to {high:g}, and at most 16 bits are read; write it with 8 or 16")
    if values.dtype.kind == "f" and high <= OVERSHOOT * 255:
        return _fractions(values, high, key)
    bits = bits or next((n for n in BITS if high < 2**n), 16)
    if bits == 16 and high < 2**DIM_BITS:
        _say(f"{key}: its highest value is {high:g}; read as 16 bits. If they are {DIM_BITS}, write it with 8")
    return (np.clip(values, 0, 2**bits - 1).astype(np.uint32) >> (bits - 8)).astype(np.uint8)


def _fractions(values: np.ndarray, high: float, key: str) -> np.ndarray:
    """Floating point from 0 to 1, or from 0 to 255."""
    if high <= UNIT:
        return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    if high < DIM:
        _say(f"{key}: its highest value is {high:g}; read as levels from 0 to 255. If they are others, write it with 8")
    return np.clip(values, 0, 255).astype(np.uint8)


@lru_cache(maxsize=4096)
def _say(message: str) -> None:
    """Warn once of an image: training decodes it each epoch."""
    log.warning(message)
