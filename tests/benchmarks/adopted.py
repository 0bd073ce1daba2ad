"""How many texts of an adopted PP-OCR file equal those of RapidOCR's own recogniser, and how fast both are.

    python tests/benchmarks/adopted.py texts LINES.parquet OUT.json        # where rapidocr==3.10.0 is installed whole
    python tests/benchmarks/adopted.py compare LINES.parquet OUT.json ppocr-v6-small.onnx

The first asks RapidOCR (one thread, no detection, no rotation, no scaling of whole pages); it needs only that and
pyarrow. The second reads the same lines with the adopted file.
"""

from __future__ import annotations

import io
import json
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any


def rows_of(path: str) -> list[dict[str, Any]]:
    """The lines of a Parquet file."""
    import pyarrow.parquet

    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def texts(lines: str, out: str) -> None:
    """What RapidOCR reads, as JSON."""
    import numpy as np
    from PIL import Image
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{which}_op_num_threads": 1 for which in ("intra", "inter")}
    engine = RapidOCR(params=threads | {"Global.text_score": 0.0, "Global.use_preprocess_img": False})
    read, start = [], time.perf_counter()
    for row in rows_of(lines):
        rgb = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB"))
        found = engine(np.ascontiguousarray(rgb[..., ::-1]), use_det=False, use_cls=False, use_rec=True)
        read.append((found.txts or ("",))[0])
    Path(out).write_text(json.dumps(read, ensure_ascii=False), "utf-8")
    print(f"{len(read)} lines, {len(read) / (time.perf_counter() - start):.1f} a second")


def compare(lines: str, theirs: str, model: str) -> None:
    """The share of equal texts, under NFC."""
    import teachers

    reader, rows = teachers.load(model), rows_of(lines)
    start = time.perf_counter()
    ours = [reading.text for reading in reader.read([row["image"]["bytes"] for row in rows])]
    seconds = time.perf_counter() - start
    pairs = list(zip(ours, json.loads(Path(theirs).read_text("utf-8")), strict=True))
    other = [(a, b) for a, b in pairs if unicodedata.normalize("NFC", a) != unicodedata.normalize("NFC", b)]
    equal = 1 - len(other) / len(pairs)
    print(f"{len(pairs)} lines, {equal:.2%} of the texts equal, ours {len(pairs) / seconds:.1f} a second")
    for a, b in other[:10]:
        print(f"  {a!r} here, {b!r} there")


if __name__ == "__main__":
    {"texts": texts, "compare": compare}[sys.argv[1]](*sys.argv[2:])
