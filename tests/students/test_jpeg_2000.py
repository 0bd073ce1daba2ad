"""JPEG 2000 of every depth: what is read is the word, or the reason why not."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from students.errors import DataError
from students.image import decode_image
from tests.word_picture import INK, PAPER, WORD, encoded, grey


def of_depths(values: np.ndarray, *depths: int) -> bytes:
    """A code stream of JPEG 2000 whose channels have so many bits; Pillow writes them with 8, about a middle of 128."""
    middles = np.array([128 - 2 ** (bits - 1) for bits in depths])
    levels = (values + (middles if len(depths) > 1 else middles[0])).astype(np.uint8)
    data = bytearray(encoded(Image.fromarray(levels), "JPEG2000", no_jp2=True))
    first = data.index(b"\xff\x51") + 40
    assert data[first : first + 3 * len(depths) : 3] == bytes([7] * len(depths))
    data[first : first + 3 * len(depths) : 3] = bytes(bits - 1 for bits in depths)
    return bytes(data)


def box(kind: bytes, *content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, content)), kind) + b"".join(content)


def in_jp2(stream: bytes, bits: int, colours: list[tuple[int, int, int]] | None = None) -> bytes:
    """A JP2 file of a code stream of one channel, whose values are levels of grey or numbers of colours."""
    height, width = WORD.shape
    header = [box(b"ihdr", struct.pack(">IIHBBBB", height, width, 1, bits - 1, 7, 0, 0))]
    if colours:
        header.append(box(b"pclr", struct.pack(">HB", len(colours), 3), bytes([7, 7, 7]), *map(bytes, colours)))
        header.append(box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, n) for n in range(3))))
    header.append(box(b"colr", struct.pack(">BBBI", 1, 0, 0, 16 if colours else 17)))
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 ", bytes(4), b"jp2 ")
    return start + box(b"jp2h", *header) + box(b"jp2c", stream)


@pytest.mark.parametrize("bits", [1, 2, 4, 7])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_jpeg_2000_of_few_bits_is_black_and_white(bits: int, n_channels: int) -> None:
    top = 2**bits - 1
    few = np.rint(WORD / 255 * top).astype(int)
    values = few if n_channels == 1 else np.repeat(few[:, :, None], n_channels, 2)
    read = decode_image(of_depths(values, *[bits] * n_channels))
    assert read.shape == values.shape
    assert (grey(read) == few * 255 // top).all()


@pytest.mark.parametrize("n_channels", [1, 3])
def test_transparency_of_one_bit_in_jpeg_2000(n_channels: int) -> None:
    visible = np.ones((*WORD.shape, 1), int)
    visible[:, :40] = 0
    values = np.concatenate([np.repeat(WORD[:, :, None], n_channels, 2), visible], 2)
    read = grey(decode_image(of_depths(values, *[8] * n_channels, 1)))
    assert (read[:, 40:] == WORD[:, 40:]).all()
    assert (read[:, :40] == 255).all()


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palette_of_few_bits_in_jpeg_2000(bits: int) -> None:
    colours = [(PAPER, PAPER, PAPER), (INK, INK, INK)]
    numbers = (WORD < 128).astype(int)
    read = grey(decode_image(in_jp2(of_depths(numbers, bits), bits, colours)))
    assert (read == np.where(numbers == 1, INK, PAPER)).all()


@pytest.mark.parametrize("shift", [0, 4, 8])
def test_jpeg_2000_of_more_than_8_bits_is_read_in_grey_and_refused_in_colour(shift: int) -> None:
    """Pillow rounds channels up to 256, which is 0; grey of 9 bits, too."""
    import cv2

    def stored(values: np.ndarray) -> bytes:
        return bytes(cv2.imencode(".jp2", values)[1].tobytes())

    large = np.kron(WORD, np.ones((8, 8))).astype(np.uint16) << shift
    assert np.abs(decode_image(stored(large)).astype(int) - np.kron(WORD, np.ones((8, 8)))).max() <= 2
    nine = in_jp2(of_depths(np.full(WORD.shape, 200), 9), 9)
    for data, bits in ((stored(np.repeat(large[:, :, None], 3, 2)), 16), (nine, 9)):
        with pytest.raises(DataError, match=rf"^deep\.jp2: JPEG 2000 of {bits} bits a channel"):
            decode_image(data, "deep.jp2")
