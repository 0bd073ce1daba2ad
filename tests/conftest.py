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
from tests.samples import write_student

# on a busy machine any example may take long; the same examples in every run, but for `make fuzz`
settings.register_profile("suite", deadline=None, derandomize="GENERATED" not in os.environ)
settings.load_profile("suite")

# several workers share the cores, and bytes of two trainings are equal for one thread count only; processes inherit it
torch.set_num_threads(int(os.environ.setdefault("OMP_NUM_THREADS", "1")))

LONGEST_FIRST = ("runs", "training")  # of several workers none begins a long file when the others have finished

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
    from distill.delivery.graph import graph_of, signed  # tests without it need not import torch and onnx

    reader = students.load(student_file)
    path = student_file.with_name("model.onnx")
    path.write_bytes(signed(graph_of(reader), reader.description, path))
    return path
