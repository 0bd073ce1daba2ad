"""Recognisers that are no ONNX file, from Python: a torch module becomes a teacher's file, any callable a reader.

`adopt_module` is for what torch can export; the file teaches like any other. `reader_of` is for the rest: it reads,
labels and is evaluated in this process, but no recipe can name it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

from distill.adoption.adopt import Adopted, adopt, write
from distill.adoption.settings import Settings, pixels_of
from distill.delivery.export.graph import OPSET
from students.charset import Charset
from students.errors import ExportError
from students.model_file import Description
from students.reader import Reader

EXAMPLE_WIDTH_PX = 320
CALLABLE = "callable"  # what errors call a reader without a file


class _Scores(nn.Module):
    """The module, with one tensor as its output."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images_NCHW: Tensor) -> Tensor:
        found = self.module(images_NCHW)
        scores: Tensor = found if isinstance(found, Tensor) else found[0]
        return scores


def adopt_module(module: nn.Module, characters: str, described: Settings, out: Path) -> Adopted:
    """Write the teacher's file of a torch module from images (N, channels, H, W) to scores (N, T, C) or (T, N, C).

    `characters` are those of the classes other than the blank, in their order; `described` needs `height_px` and
    `colour`, and says what else is known. Raises `ExportError` where torch cannot export it, and what `adopt` raises.
    """
    if described.height_px is None or described.colour is None:
        raise ExportError(
            "say height_px and colour of the pictures that the module takes: Settings(height_px=..., ...)"
        )
    channels = 1 if described.colour == "grey" else 3
    example_NCHW = torch.zeros(1, channels, described.height_px, EXAMPLE_WIDTH_PX)
    with TemporaryDirectory() as folder:
        file, charset = Path(folder, f"{type(module).__name__}.onnx"), Path(folder, "characters.json")
        charset.write_text(json.dumps(list(characters)), "utf-8")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # on what tracing might fix: the comparison of widths looks for that
                torch.onnx.export(
                    _Scores(module).eval(),
                    (example_NCHW,),
                    file,
                    dynamo=False,
                    opset_version=OPSET,
                    input_names=["pictures"],
                    output_names=["scores"],
                    dynamic_axes={"pictures": {0: "N", 3: "W"}, "scores": {}},
                )
        except Exception as error:  # the exporter has many of them
            reason = str(error).splitlines()[0][:200]
            raise ExportError(
                f"{type(module).__name__}: torch cannot export it ({reason}); take reader_of, or write it with other "
                "operators"
            ) from error
        origin = described.origin or f"torch module {type(module).__name__}"
        adopted = adopt(str(file), out, charset=charset, described=described.model_copy(update={"origin": origin}))
    write(adopted, out)
    return adopted


def reader_of(
    call: Callable[[np.ndarray], np.ndarray],
    characters: str,
    described: Settings,
    frame_px: float,
) -> Reader:
    """Return a reader around a function from images (N, channels, H, W) to logits (N, T, C) with blank 0.

    A frame takes `frame_px` pixels. Images are float32, prepared as `described` says, which needs `height_px`,
    `colour`, `mean` and `deviation`.
    """
    channels = 1 if described.colour == "grey" else 3
    pixels = pixels_of(described, 1 if channels == 1 else 3, frame_px)
    description = Description(
        kind="teacher",
        architecture={"kind": "adopted", "frame_px": frame_px},
        charset=Charset(characters=characters).for_lines(),
        preparation=pixels.preparation,
        training={"licence": described.licence or "other", "origin": described.origin or CALLABLE},
    )
    return Reader(
        description, Path(CALLABLE), lambda images_NCHW: np.asarray(call(pixels.given(images_NCHW)), np.float32)
    )
