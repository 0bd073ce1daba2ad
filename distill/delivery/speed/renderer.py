"""How fast lines are rendered: this renderer against a plain Pillow loop with the same operations, and against trdg.

Rates are lines a second of processor time, on one thread, so that other work on the machine disturbs them little. Only
the rates of several processes go by the clock.
"""

from __future__ import annotations

import io
import json
import math
import os
import random
import subprocess
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from distill.data.augment import Pixels, between
from distill.delivery.speed.single_thread import single_thread
from distill.delivery.speed.together import rate_together
from distill.seeds import generator_of
from distill.synthesis.appearance import Appearance
from distill.synthesis.fonts import FontFace
from distill.synthesis.materialise import faces_of
from distill.synthesis.render import letter_size, render_line
from distill.synthesis.source import RenderedSource
from distill.synthesis.text import TextMix, sample_text
from students.errors import UserError

N_CHARACTERS = 28
HEIGHT_PX = 32
ROUNDS = 5
DEFAULT = RenderedSource(name="default", lines=1, fonts=("dejavu-sans",))
_TRDG = """
import json, sys, time
from trdg.generators import GeneratorFromStrings
job = json.load(sys.stdin)
lines = GeneratorFromStrings(job["texts"], fonts=job["fonts"], size=job["height"], skewing_angle=1, random_skew=True,
                             blur=1, random_blur=True)
next(lines)
start = time.process_time()
for _ in range(job["n"]):
    next(lines)
print(json.dumps({"rate": job["n"] / (time.process_time() - start)}))
"""


def renderer_speed(
    source: RenderedSource = DEFAULT, root: Path = Path(), n: int = 2000, trdg: Path | None = None, n_processes: int = 1
) -> dict[str, Any]:
    """Return the rates of this renderer and of others in lines/s, and their ratios, on the same texts in one font.

    `trdg` is the Python of an environment that has it. `n` lines a round; the best of five rounds counts, for the
    first use of every letter the first. Photographs as backgrounds are left out: the plain loop has none. Raises
    `UserError` before anything is rendered where `trdg` runs none.
    """
    if trdg is not None:
        _of_trdg(trdg, "import trdg.generators")
    source = source.model_copy(update={"look": source.look.model_copy(update={"background_probability": 0.0})})
    faces = faces_of(source, root)
    mix = TextMix(min_characters=N_CHARACTERS, max_characters=N_CHARACTERS)
    texts = [sample_text(mix, generator_of("speed", i)) for i in range(n)]
    with single_thread():
        ours = _rates(
            lambda i: render_line(texts[i], faces[i % len(faces)], source.look, HEIGHT_PX, generator_of(i)), n
        )
        rng = random.Random(0)
        plain = _rates(lambda i: pillow_line(texts[i], faces[i % len(faces)], source.look, HEIGHT_PX, rng), n)
    result: dict[str, Any] = {
        "characters": N_CHARACTERS,
        "height_px": HEIGHT_PX,
        "faces": len(faces),
        "lines": n,
        "lines_a_second": round(max(ours)),
        "first_use": round(ours[0]),
        "pillow": round(max(plain)),
        "over_pillow": round(max(ours) / max(plain), 2),
    }
    if trdg is not None:
        rate = _trdg_rate(trdg, texts, faces)
        result |= {"trdg": round(rate, 1), "over_trdg": round(max(ours) / rate, 1)}
    if n_processes > 1:
        alone, together = (rate_together(_span_of_one, (source, root, n), n, k) for k in (1, n_processes))
        result |= {"processes": n_processes, "over_one_process": round(together / alone, 2)}
    return result


def pillow_line(text: str, face: FontFace, look: Appearance, height_px: int, rng: random.Random) -> Pixels:
    """Render a line as a plain loop does: Pillow, a cached font, NumPy noise, by the probabilities of `look`."""
    size_px = letter_size(look, rng.random())
    font = _font(face, size_px)
    spacing_px = size_px * rng.uniform(*look.spacing) if rng.random() < look.spacing_probability else 0.0
    left, top, right, bottom = font.getbbox(text)
    letters = Image.new("L", (math.ceil(right - left + spacing_px * len(text)) + 1, math.ceil(bottom - top) + 1))
    pen = ImageDraw.Draw(letters)
    if spacing_px:
        x = -left
        for character in text:
            pen.text((x, -top), character, fill=255, font=font)
            x += font.getlength(character) + spacing_px
    else:
        pen.text((-left, -top), text, fill=255, font=font)
    paper = rng.uniform(*look.paper_grey)
    ink = min(rng.uniform(*look.ink_grey), paper - look.min_contrast)
    if rng.random() < look.invert_probability:
        paper, ink = 255 - paper, 255 - ink
    gamma = rng.uniform(*look.ink_spread)
    table = np.rint(paper + (ink - paper) * (np.arange(256) / 255) ** gamma).astype(int).tolist()
    return _spoiled(_warped(letters, look, height_px, rng).point(table), look, rng)


def _warped(letters: Image.Image, look: Appearance, height_px: int, rng: random.Random) -> Image.Image:
    """Scaled, turned, slanted and tilted in one transform."""
    scale = letters.height / (height_px * rng.uniform(*look.height_share))
    margin = height_px * between(look.margin, 0.5)
    stretch = rng.uniform(*look.stretch)
    width_px = math.ceil(letters.width * stretch / scale + 2 * margin)
    angle = math.radians(rng.uniform(-1, 1) * min(look.rotation_deg, math.degrees(0.2 * height_px / width_px)))
    shear = rng.uniform(-1, 1) * look.shear
    a, b, d, e = scale / stretch, scale * (shear - angle), scale * angle, scale
    data = [a, b, -a * margin - b * height_px / 2, d, e, letters.height / 2 - e * height_px / 2 - d * width_px / 2]
    if rng.random() < look.perspective_probability:
        tilt = look.perspective * rng.uniform(-1, 1) / width_px
        return letters.transform(
            (width_px, height_px), Image.Transform.PERSPECTIVE, [*data, tilt, 0.0], Image.Resampling.BILINEAR
        )
    return letters.transform((width_px, height_px), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)


def _spoiled(image: Image.Image, look: Appearance, rng: random.Random) -> Pixels:
    size = image.size
    if rng.random() < look.gradient_probability:
        knots = Image.fromarray(np.array([[rng.random() - 0.5 for _ in range(4)] for _ in range(2)], np.float32))
        light = np.asarray(knots.resize(size, Image.Resampling.BILINEAR)) * look.gradient
        image = Image.fromarray(np.clip(np.asarray(image) + light, 0, 255).astype(np.uint8))
    if rng.random() < look.low_resolution_probability:
        share = rng.uniform(*look.low_resolution)
        small = image.resize((max(1, int(size[0] * share)), max(1, int(size[1] * share))), Image.Resampling.BOX)
        image = small.resize(size, Image.Resampling.BILINEAR)
    if rng.random() < look.blur_probability:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(*look.blur_sigma_px)))
    if rng.random() < look.noise_probability:
        noise = _noise().normal(0, rng.uniform(*look.noise_sigma), size[::-1])
        image = Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))
    if rng.random() < look.jpeg_probability:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=rng.randint(*look.jpeg_quality))
        image = Image.open(buffer)
    return np.asarray(image)


@lru_cache(maxsize=2048)
def _font(face: FontFace, size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(face.path), size_px, index=face.index, layout_engine=ImageFont.Layout.BASIC)
    if face.axes:
        font.set_variation_by_axes([value for _, value in face.axes])
    return font


@lru_cache(maxsize=1)
def _noise() -> np.random.Generator:
    return np.random.default_rng(0)


def _rates(draw: Callable[[int], object], n: int) -> list[float]:
    rates = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for i in range(n):
            draw(i)
        rates.append(n / (time.process_time() - start))
    return rates


def _trdg_rate(python: Path, texts: list[str], faces: list[FontFace]) -> float:
    job = {"texts": texts, "fonts": sorted({str(face.path) for face in faces}), "height": HEIGHT_PX, "n": 100}
    rate: float = json.loads(_of_trdg(python, _TRDG, json.dumps(job)).splitlines()[-1])["rate"]
    return rate


def _of_trdg(python: Path, code: str, given: str = "") -> str:
    """What some code writes that runs where trdg is; raises `UserError` where it does not run."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [python, "-c", code], input=given, env=environment, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise UserError(
            f"--against-trdg {python}: trdg did not run there ({said.splitlines()[-1]}); give the Python of an "
            "environment made with `pip install trdg==1.8.0 'Pillow<10'`"
        ) from error
    return done.stdout


@single_thread()
def _span_of_one(job: tuple[RenderedSource, Path, int]) -> tuple[float, float]:
    source, root, n = job
    faces = faces_of(source, root)
    text = "x" * N_CHARACTERS
    start = time.time()
    for i in range(n):
        render_line(text, faces[i % len(faces)], source.look, HEIGHT_PX, generator_of(i))
    return start, time.time()
