"""Both wheels, built without a network and installed outside the checkout: a teacher is opened by its name."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
PROGRAM = r"""
import sys
sys.path.insert(0, sys.argv[1])
import teachers
from students.errors import CheckpointError
try:
    reader = teachers.load("receipts")
    print(teachers.__file__, reader.path, reader.description.kind, sep="\n")
except CheckpointError as error:
    print(teachers.__file__, error, sep="\n")
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheels of the suite and of the teachers."""
    folder = tmp_path_factory.mktemp("dist")
    built = [
        *WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]),
        *WheelBuilder(str(ROOT / "teachers" / "weights")).build(directory=str(folder), versions=["standard"]),
    ]
    suite, weights = map(Path, built)
    return suite, weights


def installed(wheel: Path, target: Path) -> None:
    words = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *words, "--target", str(target), str(wheel)], check=True)


def said(target: Path, elsewhere: Path) -> list[str]:
    """What a process outside the checkout says of the teacher `receipts`, with the packages in `target`."""
    words = [sys.executable, "-c", PROGRAM, str(target)]
    return subprocess.run(words, cwd=elsewhere, check=True, capture_output=True, text=True).stdout.splitlines()


def test_the_suite_holds_no_teacher_and_the_other_wheel_only_them(wheels: tuple[Path, Path]) -> None:
    suite, weights = (zipfile.ZipFile(wheel).namelist() for wheel in wheels)
    assert "teachers/shipped.py" in suite
    assert not [name for name in suite if name.startswith("teachers/weights")]
    assert sorted(name for name in weights if ".dist-info/" not in name) == [
        f"crnn_distill_teachers/{name}" for name in ("README.md", "receipts.safetensors", "scene.safetensors")
    ]


def test_a_teacher_is_opened_by_name_once_the_second_wheel_is_installed(
    wheels: tuple[Path, Path], tmp_path: Path
) -> None:
    target, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    installed(wheels[0], target)
    package, error = said(target, elsewhere)
    assert Path(package).is_relative_to(target)
    assert "not installed: pip install the wheel crnn_distill_teachers" in error
    installed(wheels[1], target)
    package, path, kind = said(target, elsewhere)
    assert Path(package).is_relative_to(target)
    assert Path(path) == target / "crnn_distill_teachers" / "receipts.safetensors"
    assert kind == "teacher"
