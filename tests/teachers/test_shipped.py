"""Names of shipped teachers: what each means where, what comes first, and what an unknown one is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import students
import teachers
from distill.cli import main
from distill.recipe.file import load_recipe
from distill.teaching.teacher_files import model_of
from distill.training.initial import start_of
from students.errors import CheckpointError
from students.model_file import read_model
from students.shipped import SHIPPED
from teachers import shipped
from teachers.shipped import IN_CHECKOUT, NAMES, find_student_or_teacher, find_teacher, is_shipped
from tests.samples import SHIPPED_NAMES, png_bytes, write_student

LIMIT_BYTES = 40_000_000


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


@pytest.fixture
def none_installed(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package without the distribution of the teachers."""
    monkeypatch.setattr(shipped, "IN_CHECKOUT", elsewhere / "none")
    monkeypatch.setattr(shipped, "PACKAGE", "no_such_package")
    return elsewhere


def test_the_names_are_those_of_the_files_which_are_small_in_all_and_described() -> None:
    files = sorted(IN_CHECKOUT.glob("*.safetensors"))
    assert tuple(file.stem for file in files) == NAMES
    assert sum(file.stat().st_size for file in files) <= LIMIT_BYTES
    described = (IN_CHECKOUT / "README.md").read_text()
    assert all(f"## `{name}`" in described for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_bare_name_is_a_teacher_where_one_is_wanted_and_a_student_elsewhere(name: str, elsewhere: Path) -> None:
    file = IN_CHECKOUT / f"{name}.safetensors"
    described = read_model(file)[0]  # whose digest is verified
    assert described.kind == "teacher"
    assert described.training["stored"] == "float16"
    assert find_teacher(name) == find_teacher(f"teachers/{name}") == model_of(name) == file
    assert find_student_or_teacher(f"teachers/{name}") == file
    assert find_student_or_teacher(name) == SHIPPED / f"{name}.safetensors"
    assert is_shipped(file)
    assert is_shipped(SHIPPED / file.name)
    assert not is_shipped(elsewhere / file.name)
    assert teachers.load(name).read(png_bytes(32, 160)).confidence >= 0
    with pytest.raises(CheckpointError, match=r"teachers\.load"):
        students.load(file)


def test_an_initial_name_is_a_model_of_its_own_kind() -> None:
    recipe = load_recipe("scene", ["teacher.init=scene", "student.init=scene"])
    starts = [start_of(part) for part in (recipe.teacher, recipe.student)]
    assert [start.path if start else None for start in starts] == [
        folder / "scene.safetensors" for folder in (IN_CHECKOUT, SHIPPED)
    ]


def test_a_file_or_run_folder_of_that_name_comes_first(elsewhere: Path) -> None:
    (elsewhere / "scene").mkdir()  # pictures, perhaps
    assert find_teacher("scene") == IN_CHECKOUT / "scene.safetensors"
    (elsewhere / "scene" / "recipe.yaml").touch()
    with pytest.raises(CheckpointError, match="has the training finished"):
        find_teacher("scene")
    trained = write_student(elsewhere / "scene" / "teacher" / "model.safetensors", "teacher")
    assert model_of("scene").resolve() == trained.resolve()  # a run folder means its teacher in a recipe
    shutil.rmtree(elsewhere / "scene")
    write_student(elsewhere / "scene", "teacher")
    assert find_teacher("scene") == find_student_or_teacher("scene") == Path("scene")


def test_an_installed_teacher_is_found_and_that_of_the_checkout_comes_first(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = elsewhere / "site" / "installed_teachers"
    for name in ("scene", "words"):
        write_student(package / f"{name}.safetensors", "teacher")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(shipped, "PACKAGE", package.name)
    assert find_teacher("words") == package / "words.safetensors"
    assert find_teacher("scene") == IN_CHECKOUT / "scene.safetensors"
    monkeypatch.setattr(shipped, "IN_CHECKOUT", elsewhere / "none")
    assert find_teacher("scene") == package / "scene.safetensors"
    damaged = bytearray((package / "scene.safetensors").read_bytes())
    damaged[-1] ^= 1
    (package / "scene.safetensors").write_bytes(damaged)
    with pytest.raises(CheckpointError, match="altered or damaged"):
        teachers.load("scene")


@pytest.mark.usefixtures("elsewhere")
def test_an_unknown_name_is_told_which_names_there_are() -> None:
    with pytest.raises(CheckpointError, match=r"sign: .*no shipped teacher; there are receipts, scene, students/NAME$"):
        find_teacher("sign")
    both = f"no shipped student or teacher; there are {SHIPPED_NAMES}, teachers/receipts, teachers/scene$"
    with pytest.raises(CheckpointError, match=both):
        find_student_or_teacher("sign")


@pytest.mark.usefixtures("elsewhere")
def test_a_file_that_distill_adopt_makes_is_told_how() -> None:
    said = "; to make it: distill adopt ppocr-v6-small --out models/ppocr-v6-small.onnx$"
    for word in ("models/ppocr-v6-small.onnx", "models/ppocr-v6-small"):
        for find in (model_of, find_teacher, find_student_or_teacher):
            with pytest.raises(CheckpointError, match=f"^{word}: .*{said}"):
                find(word)


def test_without_the_distribution_it_says_how_to_get_it(
    none_installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = r"receipts, scene, students/NAME; the teachers receipts and scene are not installed: pip install .*make dist"
    for word in ("receipts", "teachers/receipts"):
        with pytest.raises(CheckpointError, match=said):
            find_teacher(word)
    assert find_student_or_teacher("receipts") == SHIPPED / "receipts.safetensors"
    assert main(["evaluate", "teachers/scene", str(none_installed)]) == 2
    assert "make dist" in capsys.readouterr().err
    assert main(["recipes"]) == 0
    assert "scene (not installed)" in capsys.readouterr().out


def test_commands_take_a_shipped_teacher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "lines"
    data.mkdir()
    (data / "a.png").write_bytes(png_bytes())
    (data / "labels.tsv").write_text("a.png\tA 1\n")
    assert main(["evaluate", "teachers/receipts", str(data), "--json"]) == 0
    of_teacher = json.loads(capsys.readouterr().out)
    assert main(["evaluate", str(IN_CHECKOUT / "receipts.safetensors"), str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == of_teacher
    assert main(["recipes"]) == 0
    assert "teachers, as teacher.file" in capsys.readouterr().out
