"""Pictures in a PDF: JPEG, JPEG 2000 and most PNG files go in as they are, others are packed without loss.

What goes in as it is, is stored as in its file: EXIF's turning becomes the matrix that it is drawn with.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from students.image import UPRIGHT

PNG_START = b"\x89PNG\r\n\x1a\n"
JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"
SPACES = {"1": Name.DeviceGray, "L": Name.DeviceGray, "RGB": Name.DeviceRGB, "CMYK": Name.DeviceCMYK}
LEAST_DPI, MOST_DPI = 100, 1200  # that are believed: cameras, which know none, write 72
GREY, COLOUR, PALETTE = 0, 2, 3  # colour types of PNG that have no transparency of their own
TURNS = {  # from the unit square of a stored picture to that of the shown one, by EXIF's orientation
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}


def picture_of(pdf: pikepdf.Pdf, data: bytes | None, pixels_HWC: np.ndarray) -> tuple[pikepdf.Object, bool]:
    """Return a picture of the PDF, and whether it is the file's own, stored as there, or one of the pixels, as shown.

    `data` is the file of the picture, None where there is none of it alone; `pixels_HWC` is what it shows.
    """
    if data is not None and (own := _as_it_is(pdf, data)) is not None:
        return own, True
    return _of_png(pdf, _png_of(pixels_HWC)), False


def drawn(name: str, width: float, height: float, orientation: int = UPRIGHT) -> bytes:
    """Return the operators that draw a stored picture, turned as EXIF says, on a page of this size in points."""
    a, b, c, d, e, f = TURNS[orientation]
    matrix = (a * width, b * height, c * width, d * height, e * width, f * height)
    return f"q {' '.join(f'{number:.4f}' for number in matrix)} cm {name} Do Q\n".encode()


def _as_it_is(pdf: pikepdf.Pdf, data: bytes) -> pikepdf.Object | None:
    """The picture of a file whose coding PDF knows; None for any other."""
    if data.startswith(PNG_START):
        return _of_png(pdf, data) if _is_plain(data) else None
    with Image.open(io.BytesIO(data)) as image:
        mode, (width, height) = image.mode, image.size
        kind = image.format
        inverted = mode == "CMYK" and "adobe" in image.info
    if mode not in SPACES:
        return None
    about = {"Width": width, "Height": height, "ColorSpace": SPACES[mode], "BitsPerComponent": 8}
    if kind in ("JPEG", "MPO"):
        more = {"Decode": Array([1, 0] * 4)} if inverted else {}
        return _picture(pdf, data, Filter=Name.DCTDecode, **about, **more)
    if kind == "JPEG2000" and data.startswith(JP2_START) and mode != "CMYK":
        return _picture(pdf, data, Filter=Name.JPXDecode, **about)
    return None


def _picture(pdf: pikepdf.Pdf, data: bytes, **about: object) -> pikepdf.Object:
    return pikepdf.Stream(pdf, data, Type=Name.XObject, Subtype=Name.Image, **about)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(PNG_START)
    while place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        yield kind, data[place + 8 : place + 8 + length]
        place += length + 12


def _is_plain(data: bytes) -> bool:
    """Whether PDF can hold the rows of a PNG as they are: neither interlaced nor transparent."""
    kinds = dict(_chunks(data))
    *_, colour, _, _, interlaced = struct.unpack(">IIBBBBB", kinds[b"IHDR"])
    return colour in (GREY, COLOUR, PALETTE) and not interlaced and b"tRNS" not in kinds


def _of_png(pdf: pikepdf.Pdf, data: bytes) -> pikepdf.Object:
    """The rows of a plain PNG, whose packing and prediction PDF has too."""
    chunks = list(_chunks(data))
    kinds = dict(chunks)
    width, height, bits, colour, *_ = struct.unpack(">IIBBBBB", kinds[b"IHDR"])
    space: object = Name.DeviceRGB if colour == COLOUR else Name.DeviceGray
    if colour == PALETTE:
        colours = kinds[b"PLTE"]
        space = Array([Name.Indexed, Name.DeviceRGB, len(colours) // 3 - 1, pikepdf.String(colours)])
    rows = b"".join(part for kind, part in chunks if kind == b"IDAT")
    n_colours = 3 if colour == COLOUR else 1
    return _picture(
        pdf,
        rows,
        Width=width,
        Height=height,
        ColorSpace=space,
        BitsPerComponent=bits,
        Filter=Name.FlateDecode,
        DecodeParms=Dictionary(Predictor=15, Colors=n_colours, BitsPerComponent=bits, Columns=width),
    )


def _png_of(pixels_HWC: np.ndarray) -> bytes:
    """The pixels as a PNG, of one bit where they are black and white alone."""
    image = Image.fromarray(pixels_HWC)
    if pixels_HWC.ndim == 2 and not ((pixels_HWC > 0) & (pixels_HWC < 255)).any():
        image = image.convert("1")
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def stated_dpi(data: bytes) -> float | None:
    """Return the pixels an inch that a picture file states; None where it has none that make sense."""
    with Image.open(io.BytesIO(data)) as image:
        found = image.info.get("dpi")
    try:
        across, down = (float(dpi) for dpi in found)
    except (TypeError, ValueError):
        return None
    return across if across == down and LEAST_DPI <= across <= MOST_DPI else None
