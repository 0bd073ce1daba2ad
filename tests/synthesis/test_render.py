"""Rendering one line: its size, its ink, and that it is a function of its generator."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from distill.synthesis.contact import contact_sheet
from distill.synthesis.degradation import faded, with_neighbours
from distill.synthesis.fonts import FontFace, find_faces
from distill.synthesis.render import Appearance, render_line
from distill.synthesis.templates import CHARACTERS
from distill.synthesis.text import TextMix, sample_text
from students.errors import DataError

FACES = ("dejavu-sans", "dejavu-sans-mono", "dejavu-serif", "stix-general", "roboto")
CLEAN = Appearance(
    height_share=(0.6, 0.8),
    margin=(0.1, 0.3),
    spacing_probability=0.5,
    rotation_deg=5,
    shear=0.3,
    perspective_probability=1,
    perspective=0.3,
    paper_grey=(255, 255),
    ink_grey=(0, 0),
    invert_probability=0,
    gradient_probability=0,
    low_resolution_probability=0,
    blur_probability=0,
    noise_probability=0,
    jpeg_probability=0,
)


@pytest.fixture(scope="module")
def faces() -> list[FontFace]:
    return find_faces(FACES, CHARACTERS)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("height_px", [16, 32, 48])
def test_lines_have_the_height_and_vary(faces: list[FontFace], height_px: int) -> None:
    generator = _generator()
    for index in range(60):
        text, face = sample_text(TextMix(), generator), faces[index % len(faces)]
        image = render_line(text, face, Appearance(), height_px, generator)
        assert image.dtype == np.uint8
        assert image.shape[0] == height_px
        assert image.shape[1] >= 8
        assert image.flags.c_contiguous
        assert np.ptp(image) > 40


def test_no_ink_is_cut(faces: list[FontFace]) -> None:
    generator = _generator()
    for index in range(400):
        text = sample_text(TextMix(), generator) + "fjgQ"[index % 4]
        image = render_line(text, faces[index % len(faces)], CLEAN, 32, generator)
        border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert border.min() > 200, (text, faces[index % len(faces)].name)


def test_letters_are_as_high_and_wide_as_promised(faces: list[FontFace]) -> None:
    generator = _generator()
    texts = [sample_text(TextMix(), generator) for _ in range(300)]
    images = [render_line(text, faces[i % len(faces)], Appearance(), 32, generator) for i, text in enumerate(texts)]
    assert 9 < sum(image.shape[1] for image in images) / sum(map(len, texts)) < 15


def test_every_character_leaves_ink_of_its_own(faces: list[FontFace]) -> None:
    look = CLEAN.model_copy(update={"rotation_deg": 0.0, "shear": 0.0, "perspective": 0.0})
    for face in faces[:3]:
        rendered = {c: render_line(f"H{c}H", face, look, 32, _generator()).tobytes() for c in CHARACTERS if c != " "}
        assert len(set(rendered.values())) == len(CHARACTERS) - 1


def test_each_face_renders_another_picture(faces: list[FontFace]) -> None:
    pictures = {render_line("Rag 257", face, CLEAN, 32, _generator()).tobytes() for face in faces}
    assert len(pictures) == len(faces)


def test_same_generator_same_picture_in_any_process(faces: list[FontFace]) -> None:
    first = render_line("Total 12.50", faces[0], Appearance(), 32, _generator(5))
    render_line("other work", faces[1], Appearance(), 32, _generator(6))
    again = render_line("Total 12.50", faces[0], Appearance(), 32, _generator(5))
    assert np.array_equal(first, again)
    code = (
        "import hashlib, torch\n"
        "from distill.synthesis.fonts import find_faces\n"
        "from distill.synthesis.render import Appearance, render_line\n"
        f"face = find_faces(({faces[0].family!r},), 'a')[0]\n"
        "image = render_line('Total 12.50', face, Appearance(), 32, torch.Generator().manual_seed(5))\n"
        "print(hashlib.sha256(image.tobytes()).hexdigest())"
    )
    root = Path(__file__).parents[2]
    shown = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert shown.strip() == hashlib.sha256(first.tobytes()).hexdigest()


def test_global_random_state_is_untouched(faces: list[FontFace]) -> None:
    torch_state, numpy_state = (
        torch.get_rng_state(),
        np.random.get_state(legacy=False)["state"]["key"].tolist(),
    )
    render_line("abc", faces[0], Appearance(), 32, _generator())
    assert torch.equal(torch_state, torch.get_rng_state())
    assert numpy_state == np.random.get_state(legacy=False)["state"]["key"].tolist()


FAULTS = ["gradient", "low_resolution", "blur", "noise", "jpeg", "invert"]


@pytest.mark.parametrize("change", [{f"{fault}_probability": 1.0} for fault in FAULTS] + [{"ink_grey": (90, 90)}])
def test_each_fault_changes_the_picture(faces: list[FontFace], change: dict[str, Any]) -> None:
    clean = render_line("Sample", faces[0], CLEAN, 32, _generator())
    other = render_line("Sample", faces[0], Appearance(**(CLEAN.model_dump() | change)), 32, _generator())
    assert other.shape == clean.shape
    assert not np.array_equal(other, clean)


def test_text_without_ink_and_bad_files_are_refused(faces: list[FontFace], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no ink"):
        render_line(" ", faces[0], Appearance(), 32, _generator())
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    with pytest.raises(DataError, match=r"broken\.ttf"):
        render_line("a", FontFace("broken", "broken", tmp_path / "broken.ttf"), Appearance(), 32, _generator())


def test_an_impossible_appearance_is_refused() -> None:
    with pytest.raises(ValidationError, match="rising pair"):
        Appearance(height_share=(0.9, 0.5))
    with pytest.raises(ValidationError, match="min_contrast"):
        Appearance(paper_grey=(100, 255), ink_grey=(80, 90))
    assert all(field.description for field in Appearance.model_fields.values())


def test_contact_sheet_holds_every_line(faces: list[FontFace]) -> None:
    images = [render_line(text, faces[0], CLEAN, 32, _generator()) for text in ("one", "two", "three")]
    sheet = contact_sheet(images, ["one", "two", "three"], columns=2)
    assert sheet.mode == "RGB"
    assert sheet.height > 2 * 32
    with pytest.raises(ValueError, match="3 pictures"):
        contact_sheet(images, ["one"], columns=2)


@pytest.mark.parametrize("fault", ["neighbour", "fade", "ragged"])
def test_degraded_ink_changes_and_stays_legible(faces: list[FontFace], fault: str) -> None:
    still = CLEAN.model_copy(update={"rotation_deg": 0.0, "shear": 0.0, "perspective": 0.0})
    degraded = still.model_copy(update={f"{fault}_probability": 1.0})
    for seed in range(40):
        clean, seen = (
            render_line("Total 12.50", faces[seed % 5], look, 32, _generator(seed)) for look in (still, degraded)
        )
        assert seen.shape == clean.shape
        assert not np.array_equal(seen, clean)
        assert np.corrcoef(seen.ravel(), clean.ravel())[0, 1] > 0.6


def test_a_neighbour_reaches_in_as_far_as_promised() -> None:
    letters = np.zeros((32, 60), np.uint8)
    letters[10:20, 10:50] = 255
    above, below = with_neighbours(letters, 0.125, 0.25), with_neighbours(letters, 0.125, 0.75)
    assert [rows.any(1).nonzero()[0].tolist() for rows in (above[:10], below[20:])] == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert np.array_equal(above[10:20], letters[10:20])


@pytest.mark.parametrize(("kind", "kept_axis"), [(0.1, 1), (0.5, 0)])
def test_fading_takes_rows_or_columns_alike(kind: float, kept_axis: int) -> None:
    degraded = faded(np.full((32, 90), 255, np.uint8), 0.8, [kind, 0, 0.2, 1, 0.4, 0.9, 0.1, 0.7, 0.3])
    assert (np.ptp(degraded, axis=kept_axis) == 0).all()
    assert degraded.min() >= 0.2 * 255 - 1
    assert np.ptp(degraded) > 100
