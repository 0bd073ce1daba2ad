"""Every command that a document shows is executed, with stand-ins for what it names, or stands here with a reason.

`make test` runs what only looks, reads and writes files; `make test-long` runs what trains or measures, with a tiny
recipe in the place of the shipped ones. Only parsed, by tests/docs/test_commands.py, are the programs of `NOT_HERE` and
the commands of `TOO_MUCH`: they fetch packages, need a cluster, accelerators or data of gigabytes, or never end.
RESULTS.md and RELIABILITY.md show commands of the commits that stand beside them, which took minutes to days.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from distill.cli import main
from distill.commands import watch
from tests.docs.shown import PAGES, lines_of, words_of
from tests.small_run import TINY
from tests.stand_ins import write_world

OF_RECORDS = ("RESULTS.md", "RELIABILITY.md")
NOT_HERE = {  # what the first word of a line says
    "pip": "fetches packages",
    "npm": "fetches packages",
    "apt-get": "changes the system",
    "make": "makes an environment of its own; tests/house/test_makefile.py asks what it runs",
    ".": "enters that environment",
    "torchrun": "eight accelerators; tests/runs/test_processes.py launches two processes",
    "srun": "a cluster",
    "ray": "a cluster",
    "python": "serves until it is ended; tests/students/serving/test_service.py",
    "curl": "asks that service",
}
TOO_MUCH = {
    "distill demo": "serves a page until it is ended; tests/delivery/test_demo_page.py",
    "distill cluster": "Ray; tests/ground/test_cluster.py",
    "distill adopt": "a model file of another package; tests/adoption",
    "distill student receipts data.root=DATA data.cut": "hours; its keys are loaded by tests/docs/test_commands.py",
    "distill compare receipts data.root=DATA data.cut": "the same",
    "distill student receipts-unlabelled": "the same",
    "distill compare receipts data.root=DATA --pareto": "measures speed on more lines than a stand-in has",
    "distill teacher scene": "begins with the weights of a network that only the recipe scene has",
    "distill run quick-hanzi": "packages of fonts",
    "distill check hanzi": "packages of fonts",
    "distill run hanzi": "packages of fonts",
    "distill student hanzi-more": "packages of fonts",
}
TRAINS = {"run", "teacher", "student", "compare"}
LONG_COMMANDS = TRAINS | {"new", "speed"}
LONG_OPTIONS = ("--against peers", "--processes", "export pages", "pages-onnx")
DOCUMENTS = [page for page in PAGES if page.name not in OF_RECORDS]


def shown(page: Path) -> list[str]:
    """The lines of a document's shell blocks that are executed, in order."""
    return [line for line in lines_of(page) if why_not(line) is None]


def why_not(line: str) -> str | None:
    """Why a line is not executed; None where it is."""
    program = line.split()[0]
    return NOT_HERE.get(program) or next((why for begin, why in TOO_MUCH.items() if line.startswith(begin)), None)


def takes_long(line: str) -> bool:
    return line.split()[1] in LONG_COMMANDS or any(option in line for option in LONG_OPTIONS)


QUICK = {page: [line for line in shown(page) if not takes_long(line)] for page in DOCUMENTS}
SHIPPED = ("quick", "receipts", "scene")  # recipes in whose place a tiny one trains
STEPS = "student.training.steps=8000"
LONG = {page: shown(page) for page in DOCUMENTS if any(map(takes_long, shown(page)))}


def test_enough_is_executed_and_no_reason_is_behind_the_documents() -> None:
    assert sum(map(len, QUICK.values())) >= 50
    lines = [line for page in DOCUMENTS for line in lines_of(page)]
    for begin in (*NOT_HERE, *TOO_MUCH):
        assert any(line.startswith(begin) for line in lines), f"no document shows {begin} any more"


@pytest.fixture
def world(tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(watch, "serve", lambda server, _: server.server_close() or 0)
    return tiny_run


@pytest.mark.parametrize("page", [page for page in QUICK if QUICK[page]], ids=lambda page: page.name)
def test_commands_that_look_and_read_do_so(page: Path, world: Path, tmp_path: Path) -> None:
    write_world(tmp_path, world, page.name)
    for line in QUICK[page]:
        execute(line)


@pytest.mark.long
@pytest.mark.parametrize("page", LONG, ids=lambda page: page.name)
def test_commands_that_train_and_measure_do_so(page: Path, world: Path, few_lines: list[str], tmp_path: Path) -> None:
    write_world(tmp_path, world, page.name)
    for line in LONG[page]:
        words, _ = words_of(line)
        if words[2] == "runs/mine" and STEPS in line:  # each goes on from the same run
            _remove(tmp_path / "run")
            shutil.copytree(world, tmp_path / "run")
        execute(line, few_lines)


def made_small(words: list[str], few_lines: Sequence[str]) -> list[str]:
    """A command that trains, with a tiny recipe in the place of a shipped one, or with few steps."""
    command, recipe = words[1:3]
    if command not in TRAINS:
        return words
    if STEPS in words:
        return [word.replace("8000", "24") for word in words]
    run = words[words.index("--run") + 1] if "--run" in words else f"runs/{Path(recipe).stem}"
    if Path(run).is_symlink() or not Path(run, "report.json").exists():  # a stand-in, which is in the way
        _remove(Path(run))
    if recipe in SHIPPED:
        kept = [word for word in words[3:] if not word.startswith("data.root=")]
        return ["distill", command, "smoke", *TINY, *few_lines, *kept, *([] if "--run" in kept else ["--run", run])]
    is_tiny = "task: pages" in Path(recipe).read_text()
    return [*words, *([] if is_tiny else TINY), "teacher.allow_weak=true"]  # so short a training teaches it nothing


def execute(line: str, few_lines: Sequence[str] = ()) -> None:
    """Run one line of a shell block in the working folder; trainings are made small by such settings."""
    if not line.startswith("distill "):
        subprocess.run(line, shell=True, check=True)
        return
    words, out = words_of(line)
    words = made_small([os.path.expanduser(word) if word.startswith("~/") else word for word in words], few_lines)
    if words[1] in ("import", "convert"):  # nothing is written over
        _remove(Path(words[3]))
    if words[1] == "new":
        _remove(Path(f"{words[2]}.yaml"))
    if words[1] == "watch":
        words += ["--port", "0"]
    if words[1] == "speed" and "--data" not in words:  # a tiny run has too few lines to measure on
        words += ["--data", "crops"]
    said, printed = io.StringIO(), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
        try:
            code = main(words[1:])
        except SystemExit as error:
            code = error.code
    printed.flush()
    written = printed.buffer.getvalue()
    assert code == 0, f"{line}: {code}: {said.getvalue()[-2000:]}{written.decode()[-2000:]}"
    if out:
        Path(out).write_bytes(written)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
