"""What writes files that are kept, each writer alone; most of them write over what they wrote the first time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from distill import checkpoint
from distill.checkpoint import Checkpoint
from distill.cli import USER_ERROR, main
from distill.cluster import here
from distill.data.formats.opening import source_at
from distill.data.importing import Labelling, import_parts
from distill.delivery.export.hub import write_hub
from distill.delivery.export.npm import write_package
from distill.durable import copy_folder
from distill.signed_json import write_report
from students.errors import UserError
from students.model_file import read_model, write_model
from tests.evaluation.test_report_page import LABELS, report_in
from tests.pages import write_small_locator
from tests.reliability.kept_files import drawn_pages, posteriors, rendered_lines
from tests.samples import png_bytes, write_student

MODELS = ("first", "second")  # what is written, and what over it
SEEN = {
    "logits": {"largest_difference": 1e-6, "widths_px": [32], "batches": [1]},
    "texts": {"lines": 9, "different": 0},
}


def write_inputs(inputs: Path) -> None:
    """Write what the writers read into a new folder."""
    lines = inputs / "lines"
    lines.mkdir(parents=True)
    for number in range(3):
        (lines / f"{number}.png").write_bytes(png_bytes(seed=number))
    (lines / "labels.tsv").write_text("file\ttext\n" + "".join(f"{n}.png\t{n}\n" for n in range(3)))
    first, second = (inputs / f"{name}.safetensors" for name in MODELS)
    description, weights = read_model(write_student(first))
    write_model(second, description, {name: (each * 0.9).astype(each.dtype) for name, each in weights.items()})
    rendered_lines(inputs)


@dataclass(frozen=True)
class Place:
    """The folder that is written into, and that of the inputs; `again`: over what was written first."""

    folder: Path
    inputs: Path
    again: bool

    @property
    def model(self) -> Path:
        """Return the model file that is handed on: another one again."""
        return self.inputs / f"{MODELS[self.again]}.safetensors"


def _checkpoint(at: Place) -> None:
    for step in (3,) if at.again else (1, 2):
        tensors = {"weights": {"a": torch.full((20, 3), float(step))}, "moments": {"a/step": torch.tensor(float(step))}}
        checkpoint.save(at.folder / "checkpoints", step, Checkpoint(tensors, {"step": step}))


def _model_file(at: Place) -> None:
    write_model(at.folder / "model.safetensors", *read_model(at.model))


def _locator(at: Place) -> None:
    write_small_locator(at.folder / "model.safetensors", "locator_teacher" if at.again else "locator")


def _export(at: Place) -> int:
    words = ["--to", "onnx", "--data", str(at.inputs / "lines"), "--out", str(at.folder / "model.onnx")]
    return main(["export", str(at.model), *words])


def _hub(at: Place) -> None:
    write_hub(at.folder / "hub", at.model, read_model(at.model)[0], at.model.read_bytes(), SEEN)


def _npm(at: Place) -> None:
    write_package(at.folder / "crnn-lines", (read_model(at.model)[0].model_dump(mode="json"), at.model.read_bytes()))


def _report(at: Place) -> None:
    report_in(at.folder, frozenset("".join(LABELS)) - {"a" if at.again else ""}, LABELS[-4:])
    write_report(at.folder / "report.json", {"judged": {"files": {}}, "again": at.again})


def _import(at: Place) -> int:
    return main(["import", str(at.inputs / "lines"), str(at.folder / "lines.parquet")])


def _parts(at: Place) -> None:
    import_parts(source_at(str(at.inputs / "lines"), "mine"), at.folder / "parts", Labelling(), here)


def _converted(at: Place, to: str) -> int:
    return main(["convert", str(at.inputs / "lines"), str(at.folder / "lines"), "--to", to])


Writer = Callable[[Place], int | str | None]
OVER: Mapping[str, Writer] = {
    "checkpoint": _checkpoint,
    "model file": _model_file,
    "locator": _locator,
    "export to ONNX": _export,
    "export for a hub": _hub,
    "export as an npm package": _npm,
    "report and its pictures": _report,
}
BESIDE: Mapping[str, Writer] = {  # these never write over anything
    "cache of rendered lines": lambda at: rendered_lines(at.folder),
    "cache of drawn pages": lambda at: drawn_pages(at.folder),
    "cache of posteriors": lambda at: posteriors(at.folder, at.inputs),
    "import": _import,
    "parts of an import": _parts,
    "LMDB": lambda at: _converted(at, "lmdb"),
    "folder of lines": lambda at: _converted(at, "tsv"),
    "copy of a folder": lambda at: copy_folder(at.inputs / "lines", at.folder / "copy", ()),
}
WRITERS = OVER | BESIDE
SLOW = ("export to ONNX", "report and its pictures", "cache of rendered lines", "cache of drawn pages")


def write(name: str, folder: str, inputs: str, again: bool) -> int:
    """Let a writer write for the first time, or again, and return an exit code; an error is said as it is."""
    if name in BESIDE and not again:
        return 0
    try:
        code = WRITERS[name](Place(Path(folder), Path(inputs), again))
    except (UserError, OSError) as error:
        print(error, file=sys.stderr)
        return USER_ERROR
    return code if isinstance(code, int) else 0
