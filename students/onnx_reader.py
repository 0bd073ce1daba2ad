"""The ONNX reader: the same readings as torch gives, from one file, with ONNX Runtime and numpy alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from students.errors import CheckpointError
from students.model_file import read_onnx
from students.reader import LogitsOf, Reader

INPUT, OUTPUT = "images", "logits"


def open_onnx(path: Path) -> Reader:
    """Open an ONNX file, which is verified first; raises `CheckpointError` for one that is not whole."""
    description, blob = read_onnx(path)
    return Reader(description, path, session(blob, path))


def session(blob: bytes, path: Path, output: str = OUTPUT) -> LogitsOf:
    """Return the graph in `blob` as a function from images to logits, or to another `output`, on one thread.

    More threads make a network of this size slower: run more processes instead. Raises `CheckpointError` naming `path`
    where the runtime refuses it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        opened = onnxruntime.InferenceSession(blob, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has a class of its own for every status
        raise CheckpointError(f"{path}: ONNX Runtime {onnxruntime.__version__} refuses it: {error}") from error

    def logits_of(images_NCHW: np.ndarray) -> np.ndarray:
        (logits_NTC,) = opened.run([output], {INPUT: images_NCHW})
        return np.asarray(logits_NTC)

    return logits_of
