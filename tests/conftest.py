"""Fixtures that several tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

import students
from tests.isolation import isolated
from tests.samples import write_student
from tests.small_run import FEW, TINY

# on a busy machine any example may take long; the same examples in every run, but for `make fuzz`
settings.register_profile("suite", deadline=None, derandomize="GENERATED" not in os.environ)
settings.load_profile("suite")

# several workers share the cores, and bytes of two trainings are equal for one thread count only; processes inherit it
torch.set_num_threads(int(os.environ.setdefault("OMP_NUM_THREADS", "1")))

# of several workers none begins a long file when the others have finished
LONGEST_FIRST = ("runs", "comparison", "training")

REAL_DATA = Path(os.environ.get("DATA") or Path(__file__).parents[2] / "shared" / "data")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # /dev/shm is small in many containers
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the folders of long tests to the front; whatever else is in order stays so."""

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def _no_fonts_of_the_system() -> Iterator[None]:
    """Whatever fonts a machine has, tests find the same, and none reads hundreds of files to name a near one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("distill.synthesis.fonts._SYSTEM_FOLDERS", ())
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    if CHROMIUM is None:
        pytest.skip("no chromium here: pages are not tested (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield opened
        opened.close()


@pytest.fixture
def student_file(tmp_path: Path) -> Path:
    return write_student(tmp_path / "model.safetensors")


@pytest.fixture
def real_data() -> Path:
    """The folder of real lines that the environment variable DATA names, else the one next to the project."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no folder of real lines at {REAL_DATA}; set DATA")
    return REAL_DATA


@pytest.fixture
def onnx_file(student_file: Path) -> Path:
    """The model file exported, next to it."""
    from distill.delivery.export.graph import graph_of, signed  # tests without it need not import torch and onnx

    reader = students.load(student_file)
    path = student_file.with_name("model.onnx")
    path.write_bytes(signed(graph_of(reader), reader.description, path))
    return path


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this session have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def cache(shared: Path) -> Path:
    """The cache of all runs: lines are rendered once."""
    return shared / "cache"


@pytest.fixture(scope="session")
def few_lines(cache: Path) -> list[str]:
    """Settings of the smoke recipe that leave a few lines."""
    return [*FEW, f"runtime.cache_root={cache}", "runtime.workers=0"]


@pytest.fixture(scope="session")
def tiny(few_lines: list[str]) -> list[str]:
    """Settings of the smoke recipe that leave a few steps on a few lines."""
    return [*TINY, *few_lines]


@pytest.fixture
def own_cache(tiny_run: Path, cache: Path, tmp_path: Path) -> Path:
    """A cache of a test's own for posteriors, in which the lines are those that are rendered already."""
    del tiny_run  # which has rendered them
    own = tmp_path / "cache"
    own.mkdir()
    for rendered in cache.glob("rendered-*"):
        (own / rendered.name).symlink_to(rendered)
    return own


@pytest.fixture(scope="session")
def tiny_run(shared: Path, tiny: list[str]) -> Path:
    """A finished run of these settings, made by the first worker that wants it; tests read it, or copy it."""
    from filelock import FileLock  # tests without a run need neither

    from distill.cli import main

    run = shared / "tiny"
    with FileLock(shared / "tiny.lock"):
        if not (run / "report.json").exists():
            with isolated(programs=True):  # nothing that it does unpickles or leaves the machine
                for command in ("teacher", "student"):
                    assert main([command, "smoke", *tiny, "--run", str(run)]) == 0
    return run
