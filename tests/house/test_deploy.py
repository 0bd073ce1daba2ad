"""The examples in `deploy/`, checked as text and with stand-ins: no container, cluster or queue is at hand here."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import students
from distill.cli import _parser
from students.image import IMAGE_SUFFIXES
from students.serving.__main__ import parser
from students.serving.limits import Limits

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BATCH = sorted(DEPLOY.glob("*.sbatch"))


def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile and what stands behind them."""
    rows = [row for row in (DEPLOY / "Dockerfile").read_text().splitlines() if row and not row.startswith("#")]
    return [(word, rest) for word, _, rest in (row.partition(" ") for row in rows)]


def documents() -> dict[str, Any]:
    """The objects for Kubernetes by their kind."""
    found = YAML(typ="safe", pure=True).load_all((DEPLOY / "kubernetes.yaml").read_text())
    return {each["kind"]: each for each in found}


def test_every_example_says_that_it_was_not_run_here() -> None:
    files = sorted(DEPLOY.iterdir())
    assert len(files) == 4
    for file in files:
        assert re.search(r"Checked as text by tests; never (built|applied|submitted) here", file.read_text()), file


def test_the_dockerfile_builds_the_students_alone_and_serves_as_nobody() -> None:
    words = dockerfile()
    assert all(re.fullmatch(r"\S+:\d+\.\d+[\w-]*( AS \w+)?", rest) for word, rest in words if word == "FROM")
    for word, rest in words:
        if word == "COPY" and not rest.startswith("--from"):
            assert all((ROOT / source).exists() for source in rest.split()[:-1]), rest
    of = dict(words)
    assert of["USER"].split(":")[0].isdecimal()
    assert int(of["USER"].split(":")[0]) > 0
    assert json.loads(of["ENTRYPOINT"]) == ["python", "-m", "students.serving"]
    options = parser().parse_args(json.loads(of["CMD"]))
    assert (options.host, str(options.port)) == ("0.0.0.0", of["EXPOSE"])
    assert f":{options.port}/health" in of["HEALTHCHECK"]
    assert "torch" not in " ".join(rest for word, rest in words if word == "RUN")


def test_the_cluster_stops_later_than_the_service_and_asks_what_it_answers() -> None:
    found = documents()
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    options = parser().parse_args(container["args"])
    limits = Limits(**{name: getattr(options, name) for name in Limits.model_fields})
    pause_s = float(container["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > pause_s + limits.answer_s
    (port,) = container["ports"]
    assert port["containerPort"] == options.port
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": port["name"]}
    assert found["Service"]["spec"]["selector"] == found["Deployment"]["spec"]["selector"]["matchLabels"]
    assert found["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert container["image"].split(":")[1] == students.__version__
    memory_mib = int(container["resources"]["limits"]["memory"].removesuffix("Mi"))
    assert memory_mib >= 2 * (100 + limits.max_held_bytes / 2**20)


@pytest.mark.parametrize("path", BATCH, ids=lambda path: path.name)
def test_a_batch_script_is_bash_and_its_commands_are_ours(path: Path) -> None:
    subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text()
    options = re.findall(r"^#SBATCH (--[a-z-]+)(?:=(\S+))?$", text, re.MULTILINE)
    assert len(options) == text.count("#SBATCH ")
    assert {"--time", "--mem", "--cpus-per-task"} <= {name for name, _ in options}
    (command,) = re.findall(r"\b(distill (?:run|read) [^<&|\n]+)", text)
    assert _parser().parse_known_args([*shlex.split(command)[1:], "line.png"])[0].command


def stand_in(folder: Path, name: str, script: str) -> None:
    """A program of that name that the batch scripts find."""
    path = folder / ".venv" / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def submitted(folder: Path, name: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    stand_in(folder, "activate", f'PATH="{folder}/.venv/bin:$PATH"')
    command = ["bash", str(DEPLOY / name), *words]
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("ends_with", "queued"), [(75, True), (0, False), (2, False)])
def test_a_training_that_was_stopped_is_queued_again(tmp_path: Path, ends_with: int, queued: bool) -> None:
    until_term = f"trap 'exit {ends_with}' TERM; while kill -TERM $PPID 2> /dev/null; do sleep 0.05; done"
    stand_in(tmp_path, "distill", until_term if ends_with == 75 else f"exit {ends_with}")
    stand_in(tmp_path, "scontrol", 'echo "$@" > queued')
    assert submitted(tmp_path, "train.sbatch", "mine.yaml", SLURM_JOB_ID="7").returncode == ends_with
    assert (tmp_path / "queued").exists() == queued
    assert submitted(tmp_path, "train.sbatch").returncode != 0  # without a recipe


def test_every_picture_is_read_by_one_task(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    names = [f"pictures/a line {i}.png" for i in range(7)]
    for name in names:
        (tmp_path / name).touch()
    stand_in(tmp_path, "distill", 'shift 2; [ $# -gt 0 ] || exit 2; printf "%s\\n" "$@"')
    for parts in ("3", "9"):  # with nine, two tasks have nothing to read
        words = ("model.onnx", "pictures", f"texts-{parts}", parts)
        for task in range(int(parts)):
            ran = submitted(tmp_path, "read.sbatch", *words, SLURM_ARRAY_TASK_ID=str(task))
            assert ran.returncode == 0, ran.stderr
        texts = sorted((tmp_path / f"texts-{parts}").glob("*.tsv"))
        assert len(texts) == int(parts)
        assert sorted(line for path in texts for line in path.read_text().splitlines()) == names
    beyond = submitted(tmp_path, "read.sbatch", *words, SLURM_ARRAY_TASK_ID="9")
    assert beyond.returncode == 2
    assert "tasks are numbered from 0, so --array=0-8" in beyond.stderr


def test_a_picture_that_cannot_be_read_costs_the_others_of_its_task_nothing(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("bad.png", "good.PNG", "labels.tsv", "no picture.txt"):
        (tmp_path / "pictures" / name).touch()
    stand_in(
        tmp_path, "distill", 'shift 2; for each; do case "$each" in *bad*) ;; *) echo "$each";; esac; done; exit 2'
    )
    ran = submitted(tmp_path, "read.sbatch", "model.onnx", "pictures", "texts", "1", SLURM_ARRAY_TASK_ID="0")
    assert (ran.returncode, ran.stderr) == (2, "task 0: 1 of 2 pictures were read; messages above name the others\n")
    assert (tmp_path / "texts/0.tsv").read_text() == "pictures/good.PNG\n"
    for breaks in ("exit 2", "echo x; kill -9 $$"):  # a model that is not there; a process that is killed
        (tmp_path / "texts/0.tsv").unlink(missing_ok=True)
        stand_in(tmp_path, "distill", breaks)
        ran = submitted(tmp_path, "read.sbatch", "model.onnx", "pictures", "texts", "1", SLURM_ARRAY_TASK_ID="0")
        assert ran.returncode != 0
        assert not (tmp_path / "texts/0.tsv").exists()


def test_every_kind_of_picture_is_looked_for() -> None:
    (named,) = re.findall(r"suffixes='(.*)'", (DEPLOY / "read.sbatch").read_text())
    assert tuple(f".{each}" for each in named.split("|")) == IMAGE_SUFFIXES
