"""Rendered lines as files: the same for any number of processes, found again by their key."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import PIL
import pyarrow as pa
import pytest

from distill.data.sources import FolderSource
from distill.preflight.lines import shared_families
from distill.recipe.file import load_recipe
from distill.synthesis.backgrounds import photographs_in
from distill.synthesis.corpus import read_texts
from distill.synthesis.fonts import by_family
from distill.synthesis.materialise import cache_key, faces_of, materialise, sample
from distill.synthesis.source import RenderedSource
from distill.synthesis.templates import TEMPLATE_KINDS
from distill.synthesis.workers import in_parallel
from students.errors import DataError, UserError
from tests.spawned import Killed

PLAIN = RenderedSource(name="plain", lines=3, fonts=("dejavu-sans", "dejavu-serif"))


def _source(**changes: object) -> RenderedSource:
    return RenderedSource.model_validate(PLAIN.model_dump() | changes)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photographs").mkdir()
    (tmp_path / "words.txt").write_text("one\ntwo\n")
    cv2.imwrite(str(tmp_path / "photographs" / "a.png"), np.random.default_rng(0).integers(0, 256, (99, 300), np.uint8))
    return tmp_path


def test_a_line_is_rendered_in_a_font_that_has_its_characters() -> None:
    text = PLAIN.text.model_copy(
        update=dict.fromkeys(TEMPLATE_KINDS, 0.0) | {"random": 1.0, "alphabet": "abcdef\N{PRESCRIPTION TAKE}"}
    )
    source = PLAIN.model_copy(update={"text": text, "coverage": 0.8})
    families = by_family(faces_of(source, Path()))
    rendered = [sample(source, Path(), families, 32, i)[1:] for i in range(40)]
    assert {family for text, family in rendered if "\N{PRESCRIPTION TAKE}" in text} == {"dejavu-sans"}
    assert {family for text, family in rendered if "\N{PRESCRIPTION TAKE}" not in text} == {
        "dejavu-sans",
        "dejavu-serif",
    }


FAULTS = (
    "curve",
    "outline",
    "drop_shadow",
    "dots",
    "rule",
    "bleed",
    "texture",
    "background",
    "shadow",
    "glare",
    "tiny",
    "motion",
    "defocus",
)
EVERYTHING = {f"{fault}_probability": 1.0 for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_new_degradation_changes_lines_and_no_number_of_its_neighbours(root: Path, fault: str) -> None:
    look = {f"{fault}_probability": 1.0, "backgrounds": "photographs"}
    plain, spoiled = _source(), _source(look=look)
    families = by_family(faces_of(plain, root))
    for i in range(3):
        before, text, family = sample(plain, root, families, 32, i)
        after, text_after, family_after = sample(spoiled, root, families, 32, i)
        assert (text, family) == (text_after, family_after)
        assert after.dtype == np.uint8
        assert after.shape[0] == 32
        assert after.tobytes() != before.tobytes()
        assert sample(spoiled, root, families, 32, i)[0].tobytes() == after.tobytes()


def test_the_key_follows_every_file_that_lines_are_made_of(root: Path) -> None:
    source = _source(
        text={"word_list": 1.0, "word_file": "words.txt"},
        look={"backgrounds": "photographs", "background_probability": 1.0},
    )
    keys = [cache_key(source, root, faces_of(source, root), 32)]
    (root / "words.txt").write_text("one\nthree\n")
    read_texts.cache_clear()
    keys.append(cache_key(source, root, faces_of(source, root), 32))
    cv2.imwrite(str(root / "photographs" / "b.png"), np.zeros((40, 40), np.uint8))
    photographs_in.cache_clear()
    keys.append(cache_key(source, root, faces_of(source, root), 32))
    assert len(set(keys)) == 3


def test_lines_are_stored_as_they_are_rendered(root: Path) -> None:
    source = _source(look=EVERYTHING | {"backgrounds": "photographs"})
    (folder,) = materialise([source], root, 32, root / "cache")
    with pa.ipc.open_stream(next(folder.glob("part-*.arrow"))) as stream:
        rows = stream.read_all().to_pylist()
    families = by_family(faces_of(source, root))
    for i, row in enumerate(rows):
        picture, text, _ = sample(source, root, families, 32, i)
        stored = cv2.imdecode(np.frombuffer(row["image"]["bytes"], np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(stored, picture)
        assert row["text"] == text


DRAWN_WITH = ("5.0.0", "13.0.0")


@pytest.mark.skipif(
    (cv2.__version__, PIL.__version__) != DRAWN_WITH, reason=f"the digest is of OpenCV, Pillow {DRAWN_WITH}"
)
def test_lines_of_a_shipped_recipe_are_what_they_were_before_later_faults_came() -> None:
    source = next(each for each in load_recipe("smoke", []).data.train if isinstance(each, RenderedSource))
    families = by_family(faces_of(source, Path()))
    sha = hashlib.sha256()
    for i in range(100):
        picture, text, family = sample(source, Path(), families, 32, i)
        sha.update(picture.tobytes() + text.encode() + family.encode() + str(picture.shape).encode())
    assert sha.hexdigest()[:20] == "a3ba6ed1d4d387a4b441"


def test_lines_are_the_same_for_any_number_of_processes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.synthesis.materialise.PART_LINES", 20)
    source = _source(lines=2 * 20 + 5, text={"min_characters": 1, "max_characters": 3})
    found = []
    for n in (1, 2):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, n=n: set(range(n)), raising=False)
        (folder,) = materialise([source], root, 16, root / f"cache-{n}")
        found.append({part.name: part.read_bytes() for part in folder.iterdir()})
    assert len(found[0]) == 3
    assert found[0] == found[1]


def test_a_killed_process_ends_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    with pytest.raises(UserError, match="memory is short; the same command goes on behind the parts"):
        list(in_parallel(Killed(), [1, 2], 2))


def test_backgrounds_need_a_folder(root: Path) -> None:
    with pytest.raises(ValueError, match="needs backgrounds"):
        _source(look={"background_probability": 0.5})
    source = _source(look={"background_probability": 0.5, "backgrounds": "none"})
    with pytest.raises(DataError, match=r"look\.backgrounds"):
        materialise([source], root, 32, root / "cache")


def test_families_of_both_sides_are_named() -> None:
    other = PLAIN.model_copy(update={"fonts": ("lora", "dejavu-sans")})
    assert shared_families([PLAIN, FolderSource(name="f", path="f")], [other]) == ["dejavu-sans"]
    assert shared_families([PLAIN], [FolderSource(name="f", path="f")]) == []
