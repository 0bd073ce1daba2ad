"""Files of each format version, stored here as they were written, open and give what they gave.

`python -m tests.reliability.test_formats` writes those of a new version; the stored ones are never written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import students
from distill import checkpoint
from distill.checkpoint import Checkpoint
from distill.data.posteriors import pack, unpack
from distill.delivery.export.graph import graph_of, signed
from distill.recipe.file import load_recipe, resolved_yaml
from distill.signed_json import read_signed_json, write_json
from distill.teaching.cache import _verified, _with_digest
from students.pages.locate import open_locator
from students.pages.model_file import read_pages_file
from tests.pages import write_both, write_small_locator
from tests.reliability.trials import Trials
from tests.samples import write_student

STORED = Path(__file__).parent / "files"


def test_stored_files_of_each_version_give_what_they_gave(trials_of: Callable[[str], Trials]) -> None:
    trials = trials_of("formats")
    versions = sorted(folder for folder in STORED.iterdir() if folder.is_dir())
    assert versions
    for folder in versions:
        wanted = json.loads((folder / "wanted.json").read_text())
        found = what_they_give(folder)
        assert found.keys() == wanted.keys()
        for name, values in wanted.items():
            with trials.one(f"{folder.name}: {name}"):
                assert np.allclose(found[name], values, atol=1e-4), name


def what_they_give(folder: Path) -> dict[str, list[float]]:
    """A few numbers from each stored file."""
    rng = np.random.default_rng(0)
    line_NCHW, page_CHW = (rng.random(shape, np.float32) for shape in ((1, 1, 32, 64), (1, 64, 96)))
    newest = checkpoint.newest(folder / "checkpoints")
    assert newest is not None
    loaded = checkpoint.load(newest)
    records = _verified(folder / "posteriors.arrow")
    found = {
        "student": students.load(folder / "student.safetensors").logits_of(line_NCHW).ravel()[:40].tolist(),
        "ONNX student": students.load(folder / "student.onnx").logits_of(line_NCHW).ravel()[:40].tolist(),
        "locator": open_locator(folder / "locator.safetensors").output(page_CHW).ravel()[:40].tolist(),
        "pages": [
            float(abs(w).sum()) for _, w in sorted(read_pages_file(folder / "pages.safetensors").locator.items())
        ],
        "checkpoint": [*loaded.tensors["weights"]["a"].flatten().tolist(), float(loaded.state["step"])],
        "posteriors": [float(part.sum()) for record in records for part in unpack(record, 4, 1)],
        "run folder": [float(load_recipe(str(folder / "run")).seed), *_counts(folder / "run" / "lines.json")],
    }
    return {name: [round(value, 6) for value in values] for name, values in found.items()}


def _counts(path: Path) -> list[float]:
    drawn = read_signed_json(path)["drawn"]
    return [float(n) for source in sorted(drawn) for n in drawn[source].values()]


def write(folder: Path) -> None:
    """Write the files of this version."""
    folder.mkdir()
    student = write_student(folder / "student.safetensors")
    reader = students.load(student)
    onnx = folder / "student.onnx"
    onnx.write_bytes(signed(graph_of(reader), reader.description, onnx))
    locator = write_small_locator(folder / "locator.safetensors")
    write_both(folder / "pages.safetensors", locator, student)
    tensors = {"weights": {"a": torch.arange(6.0)}, "moments": {"a/step": torch.tensor(3.0)}}
    checkpoint.save(folder / "checkpoints", 3, Checkpoint(tensors, {"step": 3, "job": "x", "threads": 1}))
    (folder / "run").mkdir()
    (folder / "run" / "recipe.yaml").write_text(resolved_yaml(load_recipe("smoke", ["seed=3"])))
    write_json(folder / "run" / "lines.json", {"steps": 6, "drawn": {"a": {"labelled": 4, "unlabelled": 2}}})
    log_p_TC = np.log(np.random.default_rng(0).dirichlet(np.ones(9), 12))
    (folder / "posteriors.arrow").write_bytes(_with_digest([pack(log_p_TC, 4, 0.99, (1.0,))] * 2))
    (folder / "wanted.json").write_text(json.dumps(what_they_give(folder)) + "\n")


if __name__ == "__main__":
    write(STORED / "next")
