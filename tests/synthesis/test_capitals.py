"""Fonts that draw small letters as capitals: found by their shapes, and refused where labels would tell the case."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from distill.proposing.texts import fonts_for
from distill.synthesis.capitals import draws_capitals, expect_two_cases, families_of_capitals
from distill.synthesis.fonts import find_faces
from distill.synthesis.materialise import faces_of
from distill.synthesis.source import RenderedSource
from students.errors import DataError

SMALL = "abcdefghijklmnopqrstuvwxyz"
NEAREST = ("alumni-sans", "rajdhani", "exo-2", "teko", "saira-condensed", "chakra-petch")  # whose forms are most alike


@pytest.fixture(scope="module")
def capitals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a font whose small letters are its capitals, smaller and wider, as glyphs of their own."""
    folder = tmp_path_factory.mktemp("fonts")
    with TTFont(find_faces(("abeezee",), "a")[0].path) as font:
        glyphs, names = font.getGlyphSet(), font.getBestCmap()
        for letter in SMALL:
            pen = TTGlyphPen(glyphs)
            glyphs[names[ord(letter.upper())]].draw(TransformPen(pen, (0.8, 0, 0.02, 0.72, 10, 0)))
            font["glyf"][names[ord(letter)]] = pen.glyph()
        for record in font["name"].names:
            if record.nameID in (1, 16):
                record.string = "Small Capitals"
        font.save(folder / "small-capitals.ttf")
    return folder


def test_shapes_tell_capitals_from_small_letters(capitals: Path) -> None:
    assert draws_capitals(capitals / "small-capitals.ttf")
    faces = find_faces(NEAREST, "a")
    assert {face.family for face in faces} == set(NEAREST)
    assert families_of_capitals(faces) == []


def test_a_font_of_capitals_is_refused_where_labels_tell_the_case(capitals: Path) -> None:
    source = RenderedSource(
        kind="rendered",
        name="drawn",
        lines=4,
        fonts=("small-capitals", "dejavu-sans"),
        font_folders=(capitals.name,),
    )
    with pytest.raises(DataError, match=r"family small-capitals draws small letters as capitals.*label_form: caseless"):
        faces_of(source, capitals.parent)
    caseless = source.model_copy(update={"label_form": "caseless"})
    assert "small-capitals" in {face.family for face in faces_of(caseless, capitals.parent)}
    faces = find_faces(("small-capitals",), SMALL, (capitals,))
    for of_one_case in (SMALL, SMALL.upper(), "0123456789"):
        expect_two_cases(faces, of_one_case)


def test_the_users_fonts_alone_are_proposed_and_none_of_capitals(capitals: Path, tmp_path: Path) -> None:
    for path in (capitals / "small-capitals.ttf", find_faces(("dejavu-sans",), "a")[0].path):
        shutil.copy(path, tmp_path)
    assert fonts_for(SMALL.upper(), tmp_path).families == ("dejavu-sans", "small-capitals")
    assert fonts_for(SMALL + SMALL.upper(), tmp_path).families == ("dejavu-sans",)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="none: holds no font file"):
        fonts_for(SMALL, tmp_path / "none")
