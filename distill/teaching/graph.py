"""A graph in the place of a network: an ONNX file, adopted from elsewhere or exported here, that is only read with.

ONNX Runtime computes it on one thread of the processor, so equal lines give equal bytes. It has no weights that could
be trained and gives no features. onnx and onnxruntime are imported where a graph is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from distill.data.inference import BATCH_LINES
from distill.digests import file_digest
from distill.teaching.losses.matching import placed
from students.errors import UserError
from students.model_file import is_onnx, read_onnx
from students.parts import Outputs, n_parameters
from students.reader import CLASSES_A_BATCH, LogitsOf, Reader

CLASSES_A_CALL = 2**17  # lines times classes that go through a graph at once: tens of MB inside it, not thousands


class GraphNetwork(nn.Module):
    """An ONNX graph behind the face of a recogniser: images (N, channels, H, W) to `Outputs` without features.

    `n_columns` stand in memory together inside. With `known_C`, bool (C,), its output is what `sliced` makes: log-
    posteriors of the classes of a run that it knows, in their order, and of the rest, which the others share. Without
    it, its output is taken as it comes.
    """

    def __init__(self, logits_of: LogitsOf, sha256: str, n_columns: int, known_C: Tensor | None = None) -> None:
        super().__init__()
        self.logits_of = logits_of
        self.lines_a_batch = batch_lines(n_columns)
        self.lines_a_call = max(1, CLASSES_A_CALL // n_columns)
        self.known_C = known_C
        # in the state, so that the digest of a teacher is that of its file
        self.register_buffer("sha256", torch.tensor(list(bytes.fromhex(sha256)), dtype=torch.uint8))

    def forward(self, images_NCHW: Tensor) -> Outputs:
        """Return the outputs on the device of the images; all frames are valid."""
        on_host = images_NCHW.float().cpu().contiguous().numpy()
        calls = range(0, len(on_host), self.lines_a_call)
        parts = [self.logits_of(on_host[first : first + self.lines_a_call]) for first in calls]
        logits_NTC = torch.from_numpy(np.concatenate(parts)).to(images_NCHW.device)
        if self.known_C is not None:
            k = int(self.known_C.sum())
            rest_NT = logits_NTC[..., k:].exp().sum(-1) if logits_NTC.shape[-1] > k else None
            logits_NTC = placed(logits_NTC[..., :k], self.known_C.to(logits_NTC.device), rest_NT)
        n, t = logits_NTC.shape[:2]
        return Outputs(logits_NTC, torch.full((n,), t, device=logits_NTC.device), logits_NTC.new_zeros(n, t, 0))


def network_of(reader: Reader) -> nn.Module:
    """Return the torch network of a reader, or its graph, in the reader's own classes."""
    if not is_onnx(reader.path):
        return reader.model
    return GraphNetwork(reader.logits_of, file_digest(reader.path), reader.description.charset.n_classes)


def graph_in_classes(reader: Reader, class_of_C: Sequence[int], temperature: float) -> GraphNetwork:
    """Return the graph of a reader, cut down to the classes of a run: no other column is ever written.

    `class_of_C` has for every class of the run the graph's own, or less than 0; log-posteriors are at `temperature`.
    """
    from distill.teaching.slicing import sliced
    from students.onnx_reader import session

    description, blob = read_onnx(reader.path)
    index_C = np.array(class_of_C)
    known_C = index_C >= 0
    small = sliced(blob, index_C[known_C], description.charset.n_classes, temperature)
    logits_of, sha256 = session(small.blob, reader.path), file_digest(reader.path)
    return GraphNetwork(logits_of, sha256, small.n_columns, torch.from_numpy(known_C))


def batch_lines(n_classes: int) -> int:
    """Return how many lines of so many classes are read together: fewer where there are thousands of classes."""
    return max(1, min(BATCH_LINES, CLASSES_A_BATCH // n_classes))


def parameters_of(reader: Reader) -> int:
    """Return the number of parameters behind a reader; of a graph, as its file states, or as it stores."""
    if not is_onnx(reader.path):
        return n_parameters(reader.model)
    if isinstance(stated := reader.description.architecture.get("parameters"), int):
        return stated
    import onnx

    weights = onnx.load_from_string(read_onnx(reader.path)[1]).graph.initializer
    return sum(int(np.prod(w.dims)) for w in weights if w.data_type != onnx.TensorProto.INT64)


def need_onnx(path: Path) -> None:
    """Raise `UserError` where the packages that an ONNX file needs are not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{path}: needs the packages onnx and onnxruntime; pip install 'crnn-distill[export]'"
        ) from error
