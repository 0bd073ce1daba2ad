"""The ONNX reader: the same readings as torch gives, from one file, with ONNX Runtime and numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime

from students.errors import CheckpointError
from students.model_file import Description, read_onnx
from students.reader import LogitsOf, Reader

INPUT, OUTPUT = "images", "logits"
SOFTMAX = Path(__file__).parent / "log_softmax.onnx"
Inputs = dict[str, np.ndarray]
Run = Callable[[str, Inputs], np.ndarray]


def open_onnx(path: Path) -> Reader:
    """Open an ONNX file, which is verified first; raises `CheckpointError` for one that is not whole."""
    description, blob = read_onnx(path)
    return reader_of(blob, description, path)


def reader_of(blob: bytes, description: Description, path: Path) -> Reader:
    """Return a reader with the graph in `blob`; raises `CheckpointError` naming `path` where the runtime refuses it."""
    return Reader(description, path, session(blob, path), log_softmax=_log_softmax)


def session(blob: bytes, path: Path, output: str = OUTPUT) -> LogitsOf:
    """Return the graph in `blob` as a function from images to logits, or to another `output`, on one thread.

    More threads make a network of this size slower: run more processes instead. Raises `CheckpointError` naming `path`
    where the runtime refuses it.
    """
    run = _opened(blob, path)

    def logits_of(images_NCHW: np.ndarray) -> np.ndarray:
        return run(output, {INPUT: images_NCHW})

    return logits_of


def _log_softmax(logits_NTC: np.ndarray, temperature: float) -> np.ndarray:
    return _softmax_graph()("log_softmax", {OUTPUT: logits_NTC, "temperature": np.array(temperature, np.float32)})


@cache
def _softmax_graph() -> Run:
    """A division and a LogSoftmax over the classes, which the runtime computes three times as fast as numpy."""
    return _opened(SOFTMAX.read_bytes(), SOFTMAX)


def _opened(blob: bytes, path: Path) -> Run:
    """A graph as a function from the name of an output, and the inputs by their names, to that output."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        opened = onnxruntime.InferenceSession(blob, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has a class of its own for every status
        raise CheckpointError(f"{path}: ONNX Runtime {onnxruntime.__version__} refuses it: {error}") from error

    def run(output: str, inputs: Inputs) -> np.ndarray:
        (found,) = opened.run([output], inputs)
        return np.asarray(found)

    return run
