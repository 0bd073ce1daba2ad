"""Pictures of every mode, bit depth and orientation, and files that are no pictures."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import students
from students.errors import DataError
from students.image import MAX_PIXELS, Preparation, decode_image, image_size
from students.reading import Reading
from tests.samples import png_bytes, write_student


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    chunks = [
        b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT" + zlib.compress(bytes(1000)),
        b"IEND",
    ]
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a readable image"),
        (b"total 12.50\n", "not a readable image"),
        (png_bytes()[:-200], "damaged"),
        (png_header(60_000, 60_000), "far too large; at most .*; scale it down"),
        (png_header(9_000, 9_000), "9,000 x 9,000 px; at most .*; scale it down"),
        (png_header(39_000, 2), "at most"),
    ],
    ids=["empty", "text", "truncated", "60000x60000", "9000x9000", "too wide"],
)
def test_what_cannot_be_read_is_one_error_that_names_the_file(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "line.jpg"
    path.write_bytes(data)
    with pytest.raises(DataError, match=reason) as error:
        decode_image(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("compression", [34712, 50002], ids=["JPEG 2000", "JPEG XL"])
def test_a_tiff_of_a_compression_that_is_not_decoded_is_refused(compression: int) -> None:
    """See findings/unknown-compression-is-a-black-page.sh: others give a black picture."""
    Image.new("L", (20, 10), 255).save(held := io.BytesIO(), "TIFF", compression="tiff_lzw")
    lzw, other = (struct.pack("<HHIH", 259, 3, 1, number) for number in (5, compression))
    assert decode_image(held.getvalue()).min() == 255
    assert held.getvalue().count(lzw) == 1
    with pytest.raises(DataError, match="scan: not a readable image"):
        decode_image(held.getvalue().replace(lzw, other), "scan")


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "None is no image"),
        (io.BytesIO(b"x"), "type BytesIO"),
        (("a.png", "b.png"), "type tuple"),
        (3, "type int"),
    ],
)
def test_what_is_no_image_is_named_by_its_place(value: object, what: str, tmp_path: Path) -> None:
    reader = students.load(write_student(tmp_path / "model.safetensors"))
    with pytest.raises(DataError, match=f"image 1: .*{what}"):
        reader.read([png_bytes(), value])  # type: ignore[list-item]
    good, bad = reader.read_each([png_bytes(), value])  # type: ignore[list-item]
    assert isinstance(good, Reading)
    assert isinstance(bad, DataError)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int], tmp_path: Path) -> None:
    reader = students.load(write_student(tmp_path / "model.safetensors"))
    bad, good = reader.read_each([Image.new("L", size), png_bytes()])
    assert "image 0: {} x {} px; a picture without pixels".format(*size) in str(bad)
    assert isinstance(good, Reading)


def test_a_name_that_no_file_can_have_is_an_image_that_cannot_be_read() -> None:
    with pytest.raises(DataError, match="null byte"):
        decode_image("a\0.png")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.png"):
        decode_image(tmp_path / "nowhere.png")


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=300), st.integers(0, 400))
def test_no_bytes_raise_anything_but_a_data_error(junk: bytes, position: int) -> None:
    image = bytearray(png_bytes(8, 20))
    image[position : position + len(junk)] = junk
    for data in (junk, bytes(image)):
        try:
            pixels = decode_image(data)
        except DataError:
            continue
        assert pixels.dtype == np.uint8
        assert pixels.size <= 3 * MAX_PIXELS


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "RGB", "P", "CMYK", "RGBA", "LA"])
def test_every_mode_becomes_grey_or_rgb(mode: str) -> None:
    shape = (20, 30) if mode in ("L", "1", "I;16") else (20, 30, 3)
    assert decode_image(Image.new(mode, (30, 20))).shape == shape


def test_transparency_is_laid_on_white() -> None:
    assert decode_image(Image.new("RGBA", (4, 4), (0, 0, 0, 0))).min() == 255


def test_sixteen_bit_grey_keeps_its_range() -> None:
    image = Image.fromarray(np.array([[0, 32768, 65535]], np.uint16))
    assert decode_image(image).tolist() == [[0, 128, 255]]


def test_what_is_no_number_is_no_grey_level() -> None:
    grey = np.array([[0, 7.9, 300]], np.float32)
    assert decode_image(Image.fromarray(grey)).tolist() == [[0, 7, 255]]
    grey[0, 1] = np.nan
    with pytest.raises(DataError, match=r"scan\.tif.*no numbers"):
        decode_image(Image.fromarray(grey), "scan.tif")


@pytest.mark.parametrize(
    ("orientation", "shape"), [(6, (30, 10)), (3, (10, 30)), (1, (10, 30)), (9, (10, 30)), (0, (10, 30))]
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied_to_pixels_and_size(form: str, orientation: int, shape: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.new("L", (30, 10)).save(buffer, form, exif=exif)
    assert decode_image(buffer.getvalue()).shape[:2] == shape == image_size(buffer.getvalue(), "x")


def test_a_picture_of_a_user_is_not_turned_in_place() -> None:
    picture = Image.new("L", (30, 10))
    picture.getexif()[0x0112] = 6
    assert decode_image(picture).shape == (30, 10)
    assert picture.size == (30, 10)


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 4)), np.zeros((3, 4, 4), np.uint8), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)],
)
def test_arrays_of_another_kind_are_refused(array: np.ndarray) -> None:
    with pytest.raises(DataError, match="uint8"):
        decode_image(array)


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 900))
def test_the_tensor_has_the_width_that_the_line_alone_gives(height: int, width: int) -> None:
    preparation = Preparation(height_px=32, width_quantum_px=16, max_width_px=40_000)
    tensor_CHW = preparation.prepare(np.zeros((height, width), np.uint8))
    assert tensor_CHW.shape == (1, 32, preparation.padded_width_px(height, width))
    assert tensor_CHW.shape[2] % 16 == 0


def test_a_line_is_padded_to_the_least_width_and_then_to_the_quantum() -> None:
    preparation = Preparation(height_px=32, width_quantum_px=16, least_width_px=100)
    assert preparation.prepare(np.zeros((32, 20), np.uint8)).shape[2] == 112
    assert preparation.prepare(np.zeros((32, 113), np.uint8)).shape[2] == 128
    assert not preparation.pads_like(Preparation(height_px=32, width_quantum_px=16))


def test_a_least_width_is_written_only_where_there_is_one() -> None:
    assert "least_width_px" not in Preparation().model_dump(mode="json")
    with_one = Preparation(least_width_px=320)
    assert Preparation.model_validate(with_one.model_dump(mode="json")) == with_one


def test_padding_stands_on_the_right_and_has_its_value() -> None:
    preparation = Preparation(padding_value=127)
    tensor_CHW = preparation.prepare(np.zeros((32, 20), np.uint8))
    assert (tensor_CHW[:, :, :20] == -1).all()
    assert np.allclose(tensor_CHW[:, :, 20:], -0.5 / 127.5)


def test_a_line_wider_than_the_limit_is_refused_not_cut() -> None:
    with pytest.raises(DataError, match="max_width_px"):
        Preparation(max_width_px=64).prepare(np.zeros((10, 100), np.uint8))


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "P", "RGBA"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resize", ["bilinear", "paddleocr"])
def test_a_file_is_prepared_as_its_pixels_are(mode: str, channels: int, resize: str) -> None:
    preparation = Preparation.model_validate({"height_px": 32, "channels": channels, "resize": resize})
    levels = np.random.default_rng(0).integers(0, 256, (40, 90, 4), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(levels, "RGBA").convert(mode).save(buffer, "PNG")
    prepared = preparation.prepare(decode_image(buffer.getvalue()))
    assert np.array_equal(preparation.prepare(buffer.getvalue()), prepared)
    ((quarters, padded),) = preparation.prepare_ways(buffer.getvalue())
    assert quarters == 0
    assert np.array_equal((padded.astype(np.float32) - np.float32(127.5)) / np.float32(127.5), prepared)


def test_three_channels_of_a_grey_picture_are_equal() -> None:
    tensor_CHW = Preparation(channels=3).prepare(png_bytes())
    assert tensor_CHW.shape[0] == 3
    assert (tensor_CHW[0] == tensor_CHW[2]).all()
