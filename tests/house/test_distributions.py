"""The wheels, built without a network and used outside the checkout: the suite, the teachers, the students alone."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

import students
from distill.cli import expect_one_version
from students.errors import UserError
from students.model_file import read_description, weights_of
from students.shipped import SHIPPED
from tests.docs.shown import blocks
from tests.samples import rendered_line

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[2]
LEFT_OUT = {  # what no wheel of the suite holds
    *("students/pyproject.toml", "students/README.md", "teachers/weights", "distill/delivery/pages/ort"),
    "__pycache__",
}
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
ALONE = r"""
import sys
sys.path[:0] = sys.argv[1:2]
import students
reading = students.load("receipts").read(sys.argv[2])
print(students.__file__, reading.text, "torch" in sys.modules, sep="\n")
import students.serving.server
"""


class Wheels(NamedTuple):
    suite: Path
    teachers: Path
    students: Path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    folder = tmp_path_factory.mktemp("dist")
    places = (ROOT, ROOT / "teachers" / "weights", ROOT / "students")
    built = [WheelBuilder(str(place)).build(directory=str(folder), versions=["standard"]) for place in places]
    return Wheels(*(Path(wheel) for (wheel,) in built))


def installed(wheel: Path, target: Path) -> None:
    words = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *words, "--target", str(target), str(wheel)], check=True)


def said(target: Path, elsewhere: Path) -> list[str]:
    """What a process outside the checkout says of the teacher `receipts`, with the packages in `target`."""
    words = [sys.executable, "-c", PROGRAM, str(target)]
    return subprocess.run(words, cwd=elsewhere, check=True, capture_output=True, text=True).stdout.splitlines()


def test_the_suite_holds_no_teacher_and_the_other_wheel_only_them(wheels: Wheels) -> None:
    suite, weights = (zipfile.ZipFile(wheel).namelist() for wheel in wheels[:2])
    assert "teachers/shipped.py" in suite
    assert not [name for name in suite if name.startswith("teachers/weights")]
    assert sorted(name for name in weights if ".dist-info/" not in name) == [
        f"crnn_distill_teachers/{name}" for name in ("README.md", "receipts.safetensors", "scene.safetensors")
    ]


def test_the_document_says_how_large_each_wheel_is(wheels: Wheels) -> None:
    rows = re.findall(r"^\| `(crnn_\w+)` \|.*\| (\d+) \|$", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
    said_mb = {name: int(size) for name, size in rows}
    assert said_mb == {wheel.name.split("-")[0]: round(wheel.stat().st_size / 1e6) for wheel in wheels}


def test_the_suite_holds_every_file_of_its_packages(wheels: Wheels) -> None:
    names = zipfile.ZipFile(wheels.suite).namelist()
    packages = ("distill", "recipes", "students", "teachers")
    files = (path.relative_to(ROOT) for package in packages for path in (ROOT / package).rglob("*") if path.is_file())
    wanted = {str(path) for path in files if not LEFT_OUT & {*path.parts, str(path.parent), str(path)}}
    assert wanted == {name for name in names if ".dist-info/" not in name}
    assert len(wanted) > 300


def test_the_python_of_readme_runs_from_the_wheel_outside_the_checkout(wheels: Wheels, tmp_path: Path) -> None:
    """Where it is installed with each extra, and the commands: make reliability ARGS=readme."""
    target, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    installed(wheels.suite, target)
    (elsewhere / "line.png").write_bytes(rendered_line("TOTAL 6.30"))
    (block,) = blocks(ROOT / "README.md", "python")
    paths = [str(target), sysconfig.get_paths()["purelib"]]
    program = f"import sys\nsys.path += {paths}\n{block}\nprint(students.__file__)"
    words = [sys.executable, "-I", "-S", "-c", program]
    ran = subprocess.run(words, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    read, package = ran.stdout.splitlines()
    assert "6" in read
    assert Path(package).is_relative_to(target)


def test_a_teacher_is_opened_by_name_once_the_second_wheel_is_installed(wheels: Wheels, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    installed(wheels.suite, target)
    package, error = said(target, elsewhere)
    assert Path(package).is_relative_to(target)
    assert "not installed: pip install the wheel crnn_distill_teachers" in error
    installed(wheels.teachers, target)
    package, path, kind = said(target, elsewhere)
    assert Path(package).is_relative_to(target)
    assert Path(path) == target / "crnn_distill_teachers" / "receipts.safetensors"
    assert kind == "teacher"


def project(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return found


def test_every_wheel_has_the_version_of_the_students(wheels: Wheels) -> None:
    assert [wheel.name.split("-")[:2] for wheel in wheels] == [
        [name, students.__version__] for name in ("crnn_distill", "crnn_distill_teachers", "crnn_students")
    ]


def test_the_students_need_what_the_suite_says_they_need() -> None:
    whole, alone = project(ROOT), project(ROOT / "students")
    assert alone["dependencies"] == whole["dependencies"]
    assert set(alone["optional-dependencies"]) >= {"torch", "onnx", "pages", "bidi", "service"}
    for extra, needed in alone["optional-dependencies"].items():
        own_names = [each.replace("crnn-students", "crnn-distill") for each in needed]
        assert own_names == whole["optional-dependencies"][extra], extra


def test_the_wheel_of_the_students_is_a_part_of_the_suite(wheels: Wheels) -> None:
    with zipfile.ZipFile(wheels.students) as alone, zipfile.ZipFile(wheels.suite) as whole:
        names = [name for name in alone.namelist() if ".dist-info/" not in name]
        assert {name.split("/")[0] for name in names} == {"students"}
        assert "students/weights/receipts.onnx" in names
        both = [name for name in names if name != "students/LICENSE"]
        assert all(alone.read(name) == whole.read(name) for name in both)  # one lies over the other and nothing changes
        weights = [each.compress_size for each in alone.infolist() if each.filename.startswith("students/weights/")]
    assert sum(weights) < 20_000_000  # all shipped students together
    assert wheels.students.stat().st_size - sum(weights) < 500_000


def needed(names: list[str], found: set[str]) -> set[str]:
    """The distributions that those of these names need, themselves included."""
    for name in names:
        if name not in found:
            found.add(name)
            behind = map(Requirement, metadata.requires(name) or [])
            needed([each.name for each in behind if each.marker is None or each.marker.evaluate({"extra": ""})], found)
    return found


def parts_of(name: str) -> Iterator[Path]:
    """Files and folders at the top of what a distribution has installed."""
    distribution = metadata.distribution(name)
    for part in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
        yield Path(str(distribution.locate_file(part)))


def test_the_students_alone_read_a_line_where_only_what_they_need_is_installed(wheels: Wheels, tmp_path: Path) -> None:
    environment, receipt = tmp_path / "environment", tmp_path / "receipt.png"
    receipt.write_bytes(rendered_line("TOTAL 12.50"))
    installed(wheels.students, environment)
    alone = project(ROOT / "students")
    extras = alone["optional-dependencies"]
    wanted = map(Requirement, [*alone["dependencies"], *extras["onnx"], *extras["service"][1:]])
    for name in needed([each.name for each in wanted if each.marker is None or each.marker.evaluate()], set()):
        for part in parts_of(name):
            if not (environment / part.name).exists():
                (environment / part.name).symlink_to(part)
    assert not [name for name in ("torch", "distill", "teachers", "timm", "cv2") if (environment / name).exists()]
    words = [sys.executable, "-I", "-S", "-c", ALONE, str(environment), str(receipt)]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    package, text, with_torch = ran.stdout.splitlines()
    assert Path(package) == environment / "students" / "__init__.py"
    assert (re.sub(r"\s", "", text), with_torch) == ("TOTAL12.50", "False")


def test_both_beside_each_other_are_of_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"crnn-distill": "0.2.0", "crnn-students": "0.2.0"}
    monkeypatch.setattr(metadata, "version", versions.__getitem__)
    expect_one_version()
    versions["crnn-students"] = "0.1.0"
    with pytest.raises(UserError, match=r"crnn-distill 0\.2\.0 and crnn-students 0\.1\.0 hold the same files"):
        expect_one_version()


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.onnx")), ids=lambda path: path.name)
def test_a_shipped_student_is_the_same_without_torch(path: Path) -> None:
    with_torch = path.with_suffix(".safetensors")
    assert weights_of(path) == weights_of(with_torch)  # after any change of either: distill export NAME --to fp16
    alone, whole = (read_description(each).model_dump() for each in (path, with_torch))
    assert alone["training"].pop("export")["to"] == "fp16"
    assert alone == whole
