"""Letters that are bent, outlined, dotted or ruled."""

import numpy as np
import pytest

from distill.synthesis import letters
from distill.synthesis.degradation import ruled
from distill.synthesis.fonts import FontFace, find_faces
from distill.synthesis.letters import curved, dotted, needs_shaping, outlined, render_letters
from students.direction import to_visual
from students.errors import DataError


@pytest.fixture(scope="module")
def face() -> FontFace:
    return find_faces(("dejavu-sans",), "x")[0]


def _middle_row(columns: np.ndarray) -> float:
    return float((columns.sum(1) * np.arange(len(columns))).sum() / columns.sum())


def _thirds(coverage: np.ndarray) -> list[float]:
    """The middle row of the ink in the left sixth, the middle and the right sixth."""
    width = coverage.shape[1]
    slices = ((0, width // 6), (width * 5 // 12, width * 7 // 12), (width * 5 // 6, width))
    return [_middle_row(coverage[:, start:end].astype(float)) for start, end in slices]


@pytest.mark.parametrize("rise", [20.0, -20.0])
def test_an_arc_moves_the_middle_and_leaves_the_ends(face: FontFace, rise: float) -> None:
    coverage, box = render_letters("xxxxxxxxxxxxxxxx", face, 48, 0.0, 0.0)
    bent, bent_box = curved(coverage, box, rise, wave=False)
    left, middle, right = _thirds(bent)
    assert abs(left - right) < 2
    assert (
        rise * 0.6 < (left + right) / 2 - middle < rise if rise > 0 else rise < (left + right) / 2 - middle < 0.6 * rise
    )
    assert bent.shape[0] > coverage.shape[0] + 12
    assert abs(bent.sum() / coverage.sum() - 1) < 0.1
    assert -bent_box.top == pytest.approx(-box.top)


def test_a_wave_moves_its_halves_apart_and_a_short_line_is_not_steep(face: FontFace) -> None:
    coverage, box = render_letters("xxxxxxxxxxxxxxxx", face, 48, 0.0, 0.0)
    bent, _ = curved(coverage, box, 20, wave=True)
    width = bent.shape[1]
    halves = [
        _middle_row(part.astype(float))
        for part in (bent[:, width // 6 : width // 3], bent[:, -width // 3 : -width // 6])
    ]
    assert halves[1] - halves[0] > 20
    short, box = render_letters("x", face, 48, 0.0, 0.0)
    assert curved(short, box, 40, wave=False)[0].shape[0] < short.shape[0] + 12


def test_nothing_of_bent_letters_is_cut(face: FontFace) -> None:
    for text in ("WWWW", "fjQg", "Jj"):
        coverage, box = render_letters(text, face, 34, 0.0, 0.5)
        for rise, wave in ((15, False), (-15, False), (15, True)):
            assert curved(coverage, box, rise, wave)[0].sum() > 0.93 * coverage.sum()


def test_outlined_letters_are_hollow(face: FontFace) -> None:
    block = np.zeros((40, 40), np.uint8)
    block[10:30, 10:30] = 255
    hollow = outlined(block, 3)
    assert not hollow[14:26, 14:26].any()
    assert (hollow[10:12, 10:30] == 255).all()
    assert not hollow[~(block > 0)].any()
    coverage, _ = render_letters("Bold", face, 64, 0.0, 0.0)
    assert 0.2 < outlined(coverage, 2).sum() / coverage.sum() < 0.95


def test_dots_repeat_at_their_pitch() -> None:
    dots = dotted(np.full((40, 80), 255, np.uint8), 8)
    assert dots.shape == (40, 80)
    assert np.array_equal(dots[:8, :8], dots[24:32, 56:64])
    assert dots[4, 4] == 255
    assert dots[0, 0] < 128
    assert not dotted(np.zeros((40, 80), np.uint8), 8).any()


@pytest.mark.parametrize(("kind", "rows"), [(0.1, {26}), (0.3, {5, 26}), (0.6, {5})])
def test_rules_lie_where_they_should(kind: float, rows: set[int]) -> None:
    corners = np.array([[20, 10], [80, 10], [80, 21], [20, 21]], float)
    seen = ruled(np.zeros((32, 100), np.uint8), corners, 5, kind)
    assert {int(row) for row in np.flatnonzero(seen[:, 50] > 127)} <= {row + d for row in rows for d in (-1, 0, 1)}
    assert all(seen[row - 1 : row + 2, 3].any() for row in rows)


def test_a_box_closes_about_the_letters() -> None:
    corners = np.array([[20, 10], [80, 10], [80, 21], [20, 21]], float)
    seen = ruled(np.zeros((32, 100), np.uint8), corners, 4, 0.9) > 127
    assert seen[16, 14:18].any()
    assert seen[16, 82:87].any()
    assert not seen[16, 20:80].any()
    assert not seen[:, :12].any()


def test_scripts_that_join_are_rendered_whole_or_refused(face: FontFace, monkeypatch: pytest.MonkeyPatch) -> None:
    arabic, hebrew, hindi = "سلام", "שלום", "हिन्दी"
    assert all(map(needs_shaping, (arabic, hebrew, hindi)))
    assert not any(map(needs_shaping, ("Ünïcode ñ", "漢字", "Ελλάδα", "한국")))
    if letters.features.check("raqm"):
        joined, _ = render_letters(arabic, face, 48, 0.0, 0.0)
        apart = [render_letters(character, face, 48, 0.0, 0.0)[0].shape[1] for character in arabic]
        assert joined.shape[1] < sum(apart)
    monkeypatch.setattr(letters.features, "check", lambda _: False)
    with pytest.raises(DataError, match="Raqm"):
        render_letters(arabic, face, 48, 0.0, 0.0)
    assert render_letters("plain", face, 48, 0.0, 0.0)[0].any()


@pytest.mark.skipif(not letters.features.check("raqm"), reason="Pillow has no Raqm here, and refuses such text")
@pytest.mark.parametrize("text", ["\u05d0\u05dc", "\u05d0 12", "\u05d0\u05dc abc", "abc \u05d0", "(\u05d0 1"])
def test_lines_are_rendered_in_the_order_that_classes_stand_in(face: FontFace, text: str) -> None:
    drawn, _ = render_letters(text, face, 48, 0.0, 0.0)
    first, last = (
        render_letters(c, face, 48, 0.0, 0.0)[0] for c in (to_visual(text).text[0], to_visual(text).text[-1])
    )
    assert _same_ink(drawn[:, : first.shape[1]], first)
    assert _same_ink(drawn[:, -last.shape[1] :], last)


@pytest.mark.skipif(not letters.features.check("raqm"), reason="Pillow has no Raqm here, and refuses such text")
@pytest.mark.parametrize(("text", "other"), [("3x9", "3×9"), ("2026-11-29", "2026−11−29")])
def test_no_font_draws_other_characters_than_a_line_has(text: str, other: str) -> None:
    """See findings/fonts-draw-other-characters.sh: this font does, where HarfBuzz sets a line as it does by itself."""
    marked, face = "g\u0303 ", find_faces(("plus-jakarta-sans",), "x")[0]
    drawn, wrong = (render_letters(marked + part, face, 48, 0.0, 0.0)[0] for part in (text, other))
    assert drawn.shape != wrong.shape or (drawn != wrong).any()
    last, alone = (render_letters(part, face, 48, 0.0, 0.0)[0] for part in (marked + text[-1], text[-1]))
    assert _same_ink(last[:, -alone.shape[1] :], alone)
    assert _same_ink(drawn[:, -alone.shape[1] :], alone)


def _same_ink(part: np.ndarray, glyph: np.ndarray) -> bool:
    """Whether the columns of ink are those of the glyph, to a shade."""
    return bool(np.abs(part.sum(0, dtype=float) - glyph.sum(0, dtype=float)).max() < 255)
