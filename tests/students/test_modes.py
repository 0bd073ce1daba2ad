"""A word in every form that pictures have: what is read is the word, or the reason why not."""

from __future__ import annotations

import logging
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from students.errors import DataError
from students.image import FORMATS, MAX_PIXELS, decode_image, image_size
from tests.word_picture import INK, PAPER, WORD, encoded, grey


def tiff16(values: np.ndarray, order: str = "<", photometric: int = 1) -> bytes:
    """A TIFF of one channel of 16 bits in either order of bytes, written by hand."""
    height, width = values.shape
    data = values.astype(f"{order}u2").tobytes()
    tags = [(256, 3, width), (257, 3, height), (258, 3, 16), (259, 3, 1), (262, 3, photometric), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 3, height), (279, 4, len(data))]
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, kind, 1)
        + struct.pack(f"{order}{'HH' if kind == 3 else 'I'}", *((v, 0) if kind == 3 else (v,)))
        for tag, kind, v in tags
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(data))
    return head + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", ["PNG", "TIFF", "32 bits"])
def test_levels_of_fewer_bits_than_they_are_stored_in_are_scaled(bits: int, order: str, form: str) -> None:
    values = WORD.astype(np.uint16) << (bits - 8)
    values[0, 0] = 2**bits - 1
    match form:
        case "PNG":
            data = encoded(Image.fromarray(values))
        case "TIFF":
            data = tiff16(values, order)
        case _:
            data = encoded(Image.fromarray(values.astype(np.int32)), "TIFF")
    expected = WORD.copy()
    expected[0, 0] = 255
    assert (decode_image(data) == expected).all()


@pytest.mark.parametrize(("highest", "warned"), [(4095, False), (4096, True), (16000, True), (16384, False)])
def test_a_dim_picture_of_16_bits_that_may_be_one_of_14_is_read_as_16_and_named(
    highest: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    values = np.array([[0, highest // 2, highest]], np.uint16)
    with caplog.at_level(logging.WARNING):
        levels = decode_image(tiff16(values), f"scan-{highest}.tif")
        decode_image(tiff16(values), f"scan-{highest}.tif")
    assert levels.tolist() == ([[0, 127, 255]] if highest == 4095 else (values >> 8).tolist())
    told = f"scan-{highest}.tif: its highest value is {highest}; read as 16 bits. If they are 14, write it with 8"
    assert caplog.messages == [told] * warned


@pytest.mark.parametrize("scale", [1 / 255, 1, 4095 / 255, 257])
def test_floating_point_is_scaled_by_what_it_holds(scale: float) -> None:
    values = (WORD * float(scale)).astype(np.float32)
    values[0, 0] = 255 * scale
    expected = WORD.astype(int)
    expected[0, 0] = 255
    assert np.abs(decode_image(encoded(Image.fromarray(values), "TIFF")) - expected).max() <= 1


def test_floating_point_may_leave_its_range_a_little_as_filters_do() -> None:
    unit = np.array([[-0.04, 0.5, 1.06]], np.float32)
    assert decode_image(Image.fromarray(unit)).tolist() == [[0, 128, 255]]
    assert decode_image(Image.fromarray(unit * 255)).tolist() == [[0, 127, 255]]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([[-1.0, 0.2, 1.0]], np.float32), "values from -1 to 1"),
        (np.array([[-300, 20, 700]], np.int32), "values from -300 to 700"),
        (np.array([[0, 20, 70000]], np.int32), "values up to 70000"),
        (np.array([[0, 20, 1e6]], np.float32), r"values up to 1e\+06"),
        (np.array([[0, np.nan, 1]], np.float32), "values that are no numbers"),
        (np.array([[0, np.inf, 1]], np.float32), "values that are no numbers"),
    ],
)
def test_values_without_a_meaning_are_refused_by_name(values: np.ndarray, reason: str) -> None:
    with pytest.raises(DataError, match=rf"^scan\.tif: holds {reason}"):
        decode_image(Image.fromarray(values), "scan.tif")


def test_floating_point_that_is_neither_is_read_as_levels_and_named(caplog: pytest.LogCaptureFixture) -> None:
    assert decode_image(Image.fromarray(np.array([[0, 7.9]], np.float32)), "dim.tif").tolist() == [[0, 7]]
    assert "dim.tif: its highest value is 7.9; read as levels from 0 to 255" in caplog.text


def test_white_that_is_zero_is_white() -> None:
    wide = tiff16(65535 - WORD.astype(np.uint16) * 257, photometric=0)
    narrow = tiff16(4095 - WORD.astype(np.uint16) * 16, photometric=0)
    for data in (wide, narrow):
        assert np.abs(decode_image(data).astype(int) - WORD).max() <= 1


def deep_png(values: np.ndarray) -> bytes:
    """RGB of 16 bits a channel as PNG."""
    import cv2

    return bytes(cv2.imencode(".png", values)[1].tobytes())


def test_colour_of_16_bits_is_read_and_of_12_in_16_refused_by_name() -> None:
    colour = np.repeat(WORD[:, :, None], 3, 2).astype(np.uint16)
    assert (grey(decode_image(deep_png(colour * 257))) == WORD).all()
    for shift in (0, 2, 4):
        with pytest.raises(DataError, match=r"^deep\.png: uses 12 of its 16 bits a channel or fewer"):
            decode_image(deep_png(colour << shift), "deep.png")


@pytest.mark.parametrize(("ct", "bands"), [(0, 1), (4, 2)])
@pytest.mark.parametrize("ink", [False, True])
def test_grey_of_16_bits_with_and_without_transparency(ct: int, bands: int, ink: bool) -> None:
    """Written by hand, as Pillow writes no such PNG: white ink on nothing, or the word."""
    levels = np.full(WORD.shape, 65535) if ink and bands == 2 else WORD.astype(int) * 257
    alpha = np.where(WORD == PAPER, 0, 65535) if ink else np.full(WORD.shape, 65535)
    values = np.dstack([levels, alpha][:bands]).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    head = struct.pack(">IIBBBBB", *WORD.shape[::-1], 16, ct, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    data = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    read = grey(decode_image(b"\x89PNG\r\n\x1a\n" + data)).astype(int)
    assert np.corrcoef(read.ravel(), WORD.astype(int).ravel())[0, 1] * (-1 if ink and bands == 2 else 1) > 0.97


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_grey_and_palettes_of_a_few_bits(depth: int) -> None:
    few = Image.fromarray(WORD).quantize(2**depth)
    data = encoded(few, "PNG", bits=depth)
    assert np.abs(grey(decode_image(data)).astype(int) - np.asarray(few.convert("L")).astype(int)).max() <= 1


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_an_animation_is_refused_by_name(form: str) -> None:
    frames = [Image.fromarray(WORD).convert("RGB"), Image.fromarray(255 - WORD).convert("RGB")]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match=r"^moving: an animation of 2 pictures; write one of them"):
        decode_image(data, "moving")


def as_mode(mode: str) -> Image.Image:
    """The word in another mode, as programs write it."""
    picture = Image.fromarray(WORD)
    match mode:
        case "P":
            return picture.convert("P")
        case "P of few colours":
            return picture.convert("RGB").quantize(4)
        case "LAB":
            profile = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
            return ImageCms.profileToProfile(picture.convert("RGB"), *profile, outputMode="LAB")
        case "LA" | "RGBA":
            return picture.convert(mode)
        case "1":
            return picture.convert("1", dither=Image.Dither.NONE)
        case _:
            return picture.convert("RGB").convert(mode)


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("L", "PNG"),
        ("L", "TIFF"),
        ("L", "BMP"),
        ("L", "WEBP"),
        ("L", "JPEG2000"),
        ("1", "PNG"),
        ("1", "TIFF"),
        ("1", "BMP"),
        ("P", "PNG"),
        ("P", "TIFF"),
        ("P of few colours", "PNG"),
        ("P of few colours", "BMP"),
        ("LA", "PNG"),
        ("LA", "TIFF"),
        ("LA", "JPEG2000"),
        ("RGBA", "PNG"),
        ("RGBA", "WEBP"),
        ("RGBA", "JPEG2000"),
        ("RGB", "JPEG"),
        ("RGB", "JPEG2000"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("YCbCr", "TIFF"),
        ("LAB", "TIFF"),
    ],
)
def test_a_word_is_the_word_in_every_mode(mode: str, form: str) -> None:
    how = {"lossless": True} if form == "WEBP" else {"quality": 95} if form == "JPEG" else {}
    data = encoded(as_mode(mode), form, **how)
    levels = grey(decode_image(data)).astype(int)
    if mode == "1":
        assert ((levels > 127) == (WORD > 127)).all()
        assert set(np.unique(levels)) == {0, 255}
    else:
        assert np.abs(levels - WORD).max() <= (24 if form == "JPEG" else 4)
    assert image_size(data, "x") == WORD.shape


def inked(ink: int, form: str) -> bytes:
    """The word's strokes in one ink on nothing."""
    alpha = Image.fromarray(np.where(WORD == PAPER, 0, 255 - WORD).astype(np.uint8))
    layer = Image.merge("RGBA", (*[Image.new("L", alpha.size, ink)] * 3, alpha))
    match form:
        case "P":
            return encoded(layer.quantize(16), "PNG")
        case "LA":
            return encoded(layer.convert("LA"), "PNG")
        case "L and one clear value":
            flat = Image.fromarray(np.where(WORD == INK, ink, 7).astype(np.uint8))
            return encoded(flat, "PNG", transparency=7)
        case _:
            return encoded(layer, form)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "JPEG2000", "P", "LA", "L and one clear value"])
@pytest.mark.parametrize("ink", [0, 60, 128, 200, 255])
def test_ink_on_nothing_stays_visible_whatever_its_colour(ink: int, form: str) -> None:
    levels = grey(decode_image(inked(ink, form))).astype(int)
    strokes, rest = levels[WORD == INK], levels[WORD == PAPER]
    assert np.abs(np.median(strokes) - np.median(rest)) > 80
    assert np.median(rest) == (0 if ink > 175 else 255)


def test_opaque_pictures_and_dark_ink_lie_on_white_as_ever() -> None:
    faint = Image.fromarray((250 - (WORD < 100) * 30).astype(np.uint8)).convert("RGBA")
    assert (grey(decode_image(encoded(faint))) >= 220).all()
    label = np.zeros((40, 120, 4), np.uint8)
    label[8:32, 20:100, :3], label[8:32, 20:100, 3] = WORD[:, :, None], 255
    assert decode_image(encoded(Image.fromarray(label)))[0, 0].tolist() == [255, 255, 255]


def test_jpeg_2000_has_the_limits_of_the_others() -> None:
    assert "JPEG2000" in FORMATS
    whole = encoded(Image.fromarray(WORD), "JPEG2000")
    stream = encoded(Image.fromarray(WORD), "JPEG2000", no_jp2=True)
    assert (decode_image(stream) == decode_image(whole)).all()
    for data in (whole, stream):
        for n_bytes in range(0, len(data) - 2, max(1, len(data) // 40)):
            with pytest.raises(DataError, match=r"^cut\.jp2: "):
                decode_image(data[:n_bytes], "cut.jp2")
    for side in (MAX_PIXELS, 30_001, 9_000):
        for size in (struct.pack(">II", *WORD.shape[::-1]), struct.pack(">II", *WORD.shape)):
            with pytest.raises(DataError, match=r"^bomb\.jp2: "):
                decode_image(whole.replace(size, struct.pack(">II", side, side)), "bomb.jp2")
