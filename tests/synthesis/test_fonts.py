"""Font families: their faces, order, and what is left out."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from fontTools.ttLib import TTCollection, TTFont

from distill.synthesis import fonts
from distill.synthesis.font_files import slug
from distill.synthesis.font_packages import how_to_install
from distill.synthesis.fonts import by_family, find_faces, installed_families, sample_face, with_characters
from distill.synthesis.glyphs import rendered_characters
from distill.synthesis.letters import render_letters
from distill.synthesis.templates import CHARACTERS
from students.errors import DataError

MATPLOTLIB = ("dejavu-sans", "dejavu-sans-mono", "dejavu-serif", "stix-general")


def test_static_family_gives_a_face_a_file() -> None:
    faces = find_faces(MATPLOTLIB, CHARACTERS)
    assert {face.family for face in faces} == set(MATPLOTLIB)
    names = [face.name for face in faces if face.family == "dejavu-sans"]
    assert names == ["DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-BoldOblique", "DejaVuSans-Oblique"]


def test_variable_family_gives_a_face_a_weight_and_width() -> None:
    faces = find_faces(("roboto",), CHARACTERS)
    assert len(faces) == len(set(faces)) == 16
    assert ("wght", 700.0) in {axis for face in faces for axis in face.axes}
    assert len({tuple(tag for tag, _ in face.axes) for face in faces}) == 1


def test_thin_and_black_files_are_left_out() -> None:
    names = [face.name for face in find_faces(("lato",), CHARACTERS)]
    assert "Lato-Regular" in names
    assert "Lato-Bold" in names
    assert not [name for name in names if "Thin" in name or "Black" in name or "ExtraLight" in name]


def test_order_depends_on_nothing_but_the_faces() -> None:
    families = ("roboto", "dejavu-sans")
    assert find_faces(families, "abc") == find_faces(families[::-1] * 2, "cba") == sorted(find_faces(families, "abc"))


def test_unknown_family_names_its_neighbours() -> None:
    with pytest.raises(DataError, match=r"dejavu-sanz.*dejavu-sans.*pip install fontpkg-dejavu-sanz"):
        find_faces(("dejavu-sanz",), "a")


def test_missing_characters_leave_a_face_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(DataError, match="no face can be used"):
        find_faces(("roboto",), "a\u4e00")
    assert "\u4e00" in caplog.text
    assert "Roboto" in caplog.text


def test_a_font_may_lack_a_share_which_is_named_and_each_line_takes_one_that_has_its_characters() -> None:
    only_sans = "\N{PRESCRIPTION TAKE}"  # DejaVu Serif does not have it
    wanted = f"abcdefgh{only_sans}"
    with pytest.raises(DataError, match="dejavu-serif: no face can be used"):
        find_faces(("dejavu-sans", "dejavu-serif"), wanted)
    with pytest.raises(DataError, match=r"has no '.*', 4 of 12 \(33\.3%\)"):
        find_faces(("dejavu-serif",), f"{wanted}\N{SCRUPLE}\N{OUNCE SIGN}\N{SOUND RECORDING COPYRIGHT}", coverage=0.8)
    families = by_family(find_faces(("dejavu-sans", "dejavu-serif"), wanted, coverage=0.8))
    assert [faces[0].family for faces in with_characters(families, "abc")] == ["dejavu-sans", "dejavu-serif"]
    assert [faces[0].family for faces in with_characters(families, f"a{only_sans}")] == ["dejavu-sans"]
    with pytest.raises(DataError, match="no font of dejavu-serif has"):
        find_faces(("dejavu-serif",), wanted, coverage=0.8)
    with pytest.raises(DataError, match=r"no font of dejavu-serif has '.*', 2 of 10 \(20\.0%\), which the texts may"):
        find_faces(("dejavu-serif",), f"{wanted}\N{SCRUPLE}", coverage=0.7)


@pytest.mark.parametrize(
    ("family", "lacking"),
    [("fjalla-one", "țǻ"), ("abeezee", "ŕ∕"), ("chivo", "δω"), ("mukta", "º¬"), ("assistant", "˛"), ("lora", "")],
)
def test_what_a_font_draws_as_nothing_or_as_a_capital_is_lacking(family: str, lacking: str) -> None:
    """See findings/fonts-map-letters-to-others.sh: the fonts say that they have these."""
    there = "abcxyzABCXYZ09. -\u00a0"
    faces = find_faces((family, "dejavu-sans"), there + lacking, coverage=0.5)
    of_family = [face.lacking for face in faces if face.family == family]
    assert of_family
    assert frozenset().union(*of_family) == frozenset(lacking)


def test_a_glyph_that_georgian_letters_share_is_that_of_the_small_one() -> None:
    with TTFont(find_faces(("dejavu-sans",), "a")[0].path) as font:
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap |= {0x1C90: table.cmap[0x10D0], ord("b"): table.cmap[ord("B")]}
        found = rendered_characters(font)
    assert {0x10D0, 0x1C90, ord("B"), ord("a")} <= found
    assert ord("b") not in found


def test_a_family_that_is_missing_is_told_with_the_package_that_brings_it() -> None:
    assert how_to_install("noto-sans-cjk-sc") == "apt-get install fonts-noto-cjk"
    assert how_to_install("noto-sans-sc") == "pip install pylopdf-fonts-zh-cn"
    assert how_to_install("dejavu-sans") == "pip install matplotlib"
    assert how_to_install("lora") == "pip install fontpkg-lora"
    several = ("noto-sans-cjk-sc", "lora", "noto-serif-cjk-tc", "lxgw-wenkai", "dejavu-sans")
    assert how_to_install(*several) == (
        "apt-get install fonts-noto-cjk fonts-lxgw-wenkai && pip install fontpkg-lora matplotlib"
    )


def test_all_families_that_cannot_be_used_are_told_at_once() -> None:
    with pytest.raises(DataError) as refused:
        find_faces(("noto-sans-cjk-xx", "dejavu-serif", "lxgw-wenkai-xx", "roboto"), "a\u4e00")
    unknown, *without = str(refused.value).split("\n")
    assert unknown.startswith("2 font families are not installed (fonts): lxgw-wenkai-xx, noto-sans-cjk-xx:")
    assert "`apt-get install fonts-lxgw-wenkai fonts-noto-cjk`" in unknown
    assert [message.split(":")[0] for message in without] == ["font family dejavu-serif", "font family roboto"]


def test_folders_are_read_and_win(tmp_path: Path) -> None:
    shutil.copy(find_faces(("dejavu-serif",), "a")[0].path, tmp_path / "any.ttf")
    faces = find_faces(("dejavu-serif",), CHARACTERS, (tmp_path,))
    assert [face.path for face in faces] == [tmp_path / "any.ttf"]


def test_bad_folders_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        find_faces(("roboto",), "a", (tmp_path / "none",))
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    with pytest.raises(DataError, match=r"broken\.ttf cannot be read"):
        find_faces(("roboto",), "a", (tmp_path,))
    with pytest.raises(DataError, match="no font family"):
        find_faces((), "a")


def test_each_family_is_sampled_equally_often() -> None:
    faces = find_faces(("dejavu-sans-mono", "roboto"), "a")
    generator = torch.Generator().manual_seed(0)
    sampled = [sample_face(by_family(faces), generator) for _ in range(600)]
    assert 240 < sum(face.family == "roboto" for face in sampled) < 360
    assert set(sampled) == set(faces)


def test_slug_and_installed_families() -> None:
    assert slug("IBM Plex Mono") == "ibm-plex-mono"
    assert {"roboto", *MATPLOTLIB} <= set(installed_families())


def test_a_collection_gives_the_faces_of_all_its_fonts(tmp_path: Path) -> None:
    paths = [find_faces((family,), "a")[0].path for family in ("dejavu-sans", "dejavu-serif")]
    collection = TTCollection()
    collection.fonts = [TTFont(path) for path in paths]
    collection.save(tmp_path / "both.ttc")
    faces = find_faces(("dejavu-sans", "dejavu-serif"), CHARACTERS, (tmp_path,))
    assert [(face.family, face.index) for face in faces] == [("dejavu-sans", 0), ("dejavu-serif", 1)]
    plain = find_faces(("dejavu-serif",), CHARACTERS)[0]
    pictures = [render_letters("Rag", face, 34, 0.0, 0.0)[0] for face in (*faces, plain)]
    assert np.array_equal(pictures[1], pictures[2])
    assert pictures[0].tobytes() != pictures[1].tobytes()


def test_fonts_of_the_system_serve_where_no_package_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = TTFont(find_faces(("dejavu-serif",), "a")[0].path)
    for record in font["name"].names:
        if record.nameID in (1, 16):
            record.string = "House Serif"
    font.save(tmp_path / "house.ttf")
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    monkeypatch.setattr(fonts, "_SYSTEM_FOLDERS", (str(tmp_path),))
    fonts._system_families.cache_clear()
    try:
        assert find_faces(("house-serif",), CHARACTERS)[0].path == tmp_path / "house.ttf"
    finally:
        fonts._system_families.cache_clear()
