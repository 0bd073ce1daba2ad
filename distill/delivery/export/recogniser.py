"""One finished model as a file for deployment: built, held against the model on lines, and only then written.

Lines come from the caller, from the validation of the model's own run, or, where there is neither, from fonts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import onnx
import torch
from typing_extensions import assert_never

import teachers
from distill.data.formats.contents import counted
from distill.data.inference import images_of
from distill.data.lines import Lines
from distill.data.prepared import PreparedLines
from distill.data.sampler import in_width_order
from distill.delivery.export import gate, npm
from distill.delivery.export.graph import graph_of, halved, noted, signed
from distill.delivery.export.hub import FILES, write_hub
from distill.delivery.export.quantise import in_int8
from distill.delivery.target import expect_no_other, expect_own, expect_target
from distill.evaluation.evaluate import open_data, texts_of, truths_of
from distill.evaluation.metrics import score
from distill.recipe.file import RECIPE_NAME, load_line_recipe
from distill.runs.run_of_model import run_of, validation_lines
from distill.schema import Protocol
from distill.seeds import generator_of
from distill.synthesis.opening import open_rendered
from distill.synthesis.source import RenderedSource
from distill.synthesis.text import TextMix
from students.decoder import decoder_of
from students.decoding_settings import Beam, Greedy
from students.errors import DataError, ExportError
from students.image import Preparation
from students.model_file import MODEL_NAME, ONNX_SUFFIX, Description, write_whole
from students.onnx_reader import reader_of, session
from students.reader import LogitsOf, Reader
from students.turning import Turned
from teachers.shipped import find_student_or_teacher, is_shipped

log = logging.getLogger(__name__)

ExportFormat = Literal["onnx", "int8", "fp16", "hub", "npm"]
GATE_LINES = 2_000
CALIBRATION_LINES = 512
CALIBRATION_BATCH = 8
LEAST_LINES = 50  # fewer labelled lines say nothing about accuracy
RENDERED_LINES = 1_200
RENDERED_FAMILIES = ("dejavu-sans", "dejavu-sans-mono", "dejavu-serif", "stix-general")
DEFAULT_NAMES: dict[ExportFormat, str] = {
    "onnx": "model.onnx",
    "int8": "model.int8.onnx",
    "fp16": "model.fp16.onnx",
    "hub": "hub",
    "npm": "crnn-reader",
}


@dataclass(frozen=True)
class Built:
    """A graph that passed its gate, the description it is written with, and what the gate saw."""

    graph: onnx.ModelProto
    description: Description
    seen: dict[str, Any]


def export(
    model: str,
    to: ExportFormat,
    out: Path | None = None,
    data: Sequence[str] = (),
    budget_points: float = 0.2,
    decoding: Greedy | Beam | None = None,
    turned: Turned | None = None,
) -> dict[str, Any]:
    """Write `model` in the form `to`, by default next to it (a shipped one: here), and return what was found.

    A `decoding` takes the place of the model's own in the file; what is checked is checked under the model's. So does
    `turned`, how tall pictures are read, under which it is checked. Raises `ExportError`, and writes nothing, where the
    result would not read as the model does.
    """
    if to == "hub" and (decoding is not None or turned is not None):
        raise ExportError(
            "--to hub: the folder holds the model file as it is, so how to decode and turn is chosen where it is read"
        )
    path = find_student_or_teacher(model)
    reader = teachers.load(path)
    reader.turn_by(turned)
    if decoding is not None:
        decoder_of(decoding, reader.description.charset)  # a file that nobody could open is not begun
    reader.model.cpu()
    if out is None:
        out = (Path() if is_shipped(path) else path.parent) / DEFAULT_NAMES[to]
        expect_no_other(out, path)
    expect_target(out, [path], None if to in ("hub", "npm") else ONNX_SUFFIX)
    if to == "hub":
        expect_own(out, MODEL_NAME, FILES)
    if to == "npm":
        npm.expect_package(out)
        npm.expect_greedy(reader.description.model_copy(update={"decoding": decoding or Greedy()}), path)
    origin, lines = gate_lines(reader, path, data)
    graph = graph_of(reader)
    built = _built(to, reader, graph, lines, budget_points)
    if decoding is not None:
        built = replace(built, description=built.description.model_copy(update={"decoding": decoding}))
    blob = signed(built.graph, built.description, out)
    match to:
        case "hub":
            write_hub(out, path, built.description, blob, built.seen)
        case "npm":
            npm.write_package(out, (built.description.model_dump(mode="json"), blob))
        case _:
            write_whole(out, blob)
    speed = _speed(graph, built.graph, reader.description.preparation, out)
    return {"file": str(out), "to": to, "bytes": len(blob), "lines_from": origin, **built.seen, **speed}


def _speed(fp32: onnx.ModelProto, this: onnx.ModelProto, preparation: Preparation, out: Path) -> dict[str, Any]:
    """Milliseconds a line of both graphs, and how many times as fast as the first the second is."""
    fp32_ms, this_ms = (
        gate.ms_a_line(session(each.SerializeToString(), out), preparation.channels, preparation.height_px)
        for each in (fp32, this)
    )
    return {
        "ms_a_line": {"fp32": round(fp32_ms, 3), "this": round(this_ms, 3)},
        "speed_ratio": round(fp32_ms / this_ms, 2),
    }


def _built(to: ExportFormat, reader: Reader, graph: onnx.ModelProto, lines: Lines, budget_points: float) -> Built:
    protocol: Protocol = reader.description.training.get("protocol", "exact")
    match to:
        case "onnx" | "hub" | "npm":
            return as_it_is(reader, graph, lines)
        case "fp16":
            return in_half(reader, graph, lines, protocol, budget_points)
        case "int8":
            return quantised(reader, graph, lines, protocol, budget_points)
        case _:
            assert_never(to)


def as_it_is(reader: Reader, graph: onnx.ModelProto, lines: Lines) -> Built:
    """Check the float32 graph: logits within 1e-4 over widths and batch sizes, equal texts alone and in batches."""
    some = chosen(lines, GATE_LINES)
    exported = opened(graph, reader)
    seen = {"logits": gate.check_logits(reader, exported, some), "texts": gate.check_texts(reader, exported, some)}
    return Built(graph, noted(reader.description, {"to": "onnx"}), seen)


def in_half(reader: Reader, graph: onnx.ModelProto, lines: Lines, protocol: Protocol, budget_points: float) -> Built:
    """Store the weights of the graph in float16, and check that it is within the budget on labelled lines."""
    half = halved(graph)
    scored = chosen(labelled(lines), GATE_LINES)
    seen = gate.check_accuracy(reader, opened(half, reader), scored, protocol, budget_points)
    return Built(half, noted(reader.description, {"to": "fp16"}), {"accuracy": seen})


def quantised(reader: Reader, graph: onnx.ModelProto, lines: Lines, protocol: Protocol, budget_points: float) -> Built:
    """Quantise the graph to int8 on some labelled lines, and check that it is within the budget on others."""
    known = labelled(lines)
    calibration, scored = parted(known, min(CALIBRATION_LINES, len(known) // 2), GATE_LINES)
    truths = truths_of(calibration)
    before = score(truths, texts_of(reader, calibration, None), protocol)

    def points_lost(logits_of: LogitsOf) -> float:
        texts = texts_of(Reader(reader.description, reader.path, logits_of), calibration, None)
        after = score(truths, texts, protocol)
        return 100 * max(before.exact - after.exact, after.cer - before.cer)

    batches = calibration_batches(calibration, reader.description.preparation)
    int8, float_layers = in_int8(graph, batches, points_lost, budget_points)
    seen = gate.check_accuracy(reader, opened(int8, reader), scored, protocol, budget_points)
    about = {
        "to": "int8",
        "float_layers": float_layers,
        "calibration": {"lines": len(calibration), "digest": calibration.digest},
    }
    return Built(
        int8,
        noted(reader.description, about),
        {"calibration_lines": len(calibration), "float_layers": float_layers, "accuracy": seen},
    )


def gate_lines(reader: Reader, path: Path, data: Sequence[str]) -> tuple[str, Lines]:
    """Return the lines that an export is checked on, and their origin: data, the validation of the run, or fonts.

    Lines of data that cannot be used are counted in a warning, which names the first.
    """
    preparation = reader.description.preparation
    if data:
        lines, refused = open_data(data, preparation)
        if refused:
            log.warning("%s left out, cannot be used, the first: %s", counted(len(refused), "line"), refused[0].reason)
        return "data", lines
    run = run_of(path, reader.description)
    if run is None:
        return "fonts", rendered_lines(reader.description)
    recipe = load_line_recipe(str(run / RECIPE_NAME))
    return "validation", validation_lines(recipe, run).prepared_by(preparation)


def rendered_lines(description: Description) -> Lines:
    """Render lines that the charset can write; raises `DataError` where there are too few."""
    source = RenderedSource(name="rendered", lines=RENDERED_LINES, fonts=RENDERED_FAMILIES, text=TextMix(digits=8))
    # the rendered files are mapped into memory, and stay readable for this process once their folder is gone
    with TemporaryDirectory() as cache:
        lines, _ = open_rendered(source, Path(), Path(cache), description.preparation)
    lines = lines.where(lambda text: text is not None and not description.charset.missing(text))
    if len(lines) < LEAST_LINES:
        raise DataError("too few rendered lines lie inside the model's charset; give --data with lines of its own kind")
    return lines


def labelled(lines: Lines) -> Lines:
    """Return the lines with a label; raises `DataError` where they are too few to measure accuracy on.

    Lines without one are counted in a warning.
    """
    some = lines.where(lambda text: text is not None)
    if without := len(lines) - len(some):
        log.warning("%s of %s lines without a label: accuracy is measured on the others", without, len(lines))
    if len(some) < LEAST_LINES:
        raise DataError(
            f"{counted(len(some), 'labelled line')} to measure on; at least {LEAST_LINES} are needed, better 1,000"
        )
    return some


def chosen(lines: Lines, n: int) -> Lines:
    """Return at most `n` lines, the same each time."""
    return parted(lines, 0, n)[1]


def parted(lines: Lines, n_first: int, n_second: int) -> tuple[Lines, Lines]:
    """Return two sets without a line or a picture in common, the same each time.

    The first has `n_first` lines; the second has at most `n_second` of those that are left.
    """
    order = torch.randperm(len(lines), generator=generator_of("export", lines.digest)).tolist()
    first = lines.take(sorted(order[:n_first]))
    known = set(first.image_digests)
    rest = [i for i in order[n_first:] if lines.image_digests[i] not in known]
    return first, lines.take(sorted(rest[:n_second]))


def calibration_batches(lines: Lines, preparation: Preparation) -> list[np.ndarray]:
    """Prepare lines as the network sees them, a few of one padded width together: float32 (N, channels, H, W)."""
    prepared = PreparedLines(lines, preparation, limit_bytes=0)
    groups = in_width_order(lines.padded_width_px, CALIBRATION_BATCH)
    return [images_NCHW.numpy() for _, images_NCHW, _ in images_of(prepared, groups, torch.device("cpu"))]


def opened(graph: onnx.ModelProto, reader: Reader) -> Reader:
    """Return a reader that computes with this graph."""
    return reader_of(graph.SerializeToString(), reader.description, reader.path)
