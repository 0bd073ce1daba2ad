"""What importing costs in two checkouts: `python tests/benchmarks/importing.py BEFORE [AFTER] [--lines N]`.

BEFORE and AFTER are folders of two checkouts (AFTER: this one). Not collected by pytest. Of each kind of source there
are N lines (10,000): a folder with `labels.tsv`, texts beside their images, a Parquet file, an LMDB, a tar, pages with
PAGE XML (a tenth as many). `distill import` runs in processes of their own, before and after by turns. Figures: the
median over the rounds (7) of the seconds of the processor, which a busy machine moves least, and of their ratio in a
pair, with the smallest and largest. Below 1.05 an import is at most 5 % slower.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import lmdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

LINES_A_PAGE = 25
HERE = Path(__file__).parents[2]


def pictures(n: int) -> list[bytes]:
    """Lines of grey noise, 32 px high, 100 to 300 px wide, as PNG."""
    rng = np.random.default_rng(0)
    found = []
    for width in rng.integers(100, 300, n).tolist():
        buffer = io.BytesIO()
        Image.fromarray(np.kron(rng.integers(0, 255, (8, width // 4), np.uint8), np.ones((4, 4), np.uint8))).save(
            buffer, "PNG"
        )
        found.append(buffer.getvalue())
    return found


def write_sources(folder: Path, n: int) -> dict[str, Path]:
    """Write the same lines as every kind of source; return the paths."""
    lines = {f"{i:06d}.png": (data, f"text {i}") for i, data in enumerate(pictures(n))}
    sources = {kind: folder / kind for kind in ("tsv", "beside", "lmdb", "parquet", "tar", "pages")}
    for path in sources.values():
        path.mkdir()
    with tarfile.open(sources["tar"] / "a.tar", "w") as archive:
        for name, (data, text) in lines.items():
            (sources["tsv"] / name).write_bytes(data)
            (sources["beside"] / name).write_bytes(data)
            (sources["beside"] / name).with_suffix(".gt.txt").write_text(text)
            for member, content in ((name, data), (name.replace(".png", ".txt"), text.encode())):
                info = tarfile.TarInfo(member)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    (sources["tsv"] / "labels.tsv").write_text("".join(f"{name}\t{text}\n" for name, (_, text) in lines.items()))
    rows = [{"image": {"bytes": data, "path": name}, "text": text} for name, (data, text) in lines.items()]
    pq.write_table(pa.Table.from_pylist(rows), sources["parquet"] / "a.parquet")
    with lmdb.open(str(sources["lmdb"]), map_size=2**32) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"num-samples", b"%d" % n)
        for number, (data, text) in enumerate(lines.values(), 1):
            transaction.put(b"image-%09d" % number, data)
            transaction.put(b"label-%09d" % number, text.encode())
    write_pages(sources["pages"], n // 10)
    return sources


def write_pages(folder: Path, n: int) -> None:
    """Write PAGE XML of n lines, and their pages."""
    page = np.random.default_rng(1).integers(0, 255, (40 * LINES_A_PAGE, 600), np.uint8)
    for number in range(n // LINES_A_PAGE):
        Image.fromarray(page).save(folder / f"p{number}.png")
        rows = "".join(
            f'<TextLine id="l{i}"><Coords points="5,{40 * i} 595,{40 * i} 595,{40 * i + 36} 5,{40 * i + 36}"/>'
            f"<TextEquiv><Unicode>line {i}</Unicode></TextEquiv></TextLine>"
            for i in range(LINES_A_PAGE)
        )
        (folder / f"p{number}.xml").write_text(
            '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
            f'<Page imageFilename="p{number}.png" imageWidth="600" imageHeight="{page.shape[0]}">'
            f"<TextRegion>{rows}</TextRegion></Page></PcGts>"
        )


def seconds(checkout: Path, source: Path, out: Path) -> float:
    """Seconds of the processor of one import."""
    out.unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "distill", "import", str(source), str(out)]
    subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path, nargs="?", default=HERE)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kinds", nargs="*", help="only these")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        for kind, source in write_sources(folder, options.lines).items():
            if options.kinds and kind not in options.kinds:
                continue
            pairs = []
            for i in range(options.rounds):
                order = (options.before, options.after) if i % 2 else (options.after, options.before)
                took = {checkout: seconds(checkout.resolve(), source, folder / "out.parquet") for checkout in order}
                pairs.append((took[options.before], took[options.after]))
            ratios = [after / before for before, after in pairs]
            middle = [statistics.median(side) for side in zip(*pairs, strict=True)]
            print(
                f"{kind:8s} before {middle[0]:6.2f} s, after {middle[1]:6.2f} s, ratio {statistics.median(ratios):.3f} "
                f"({min(ratios):.3f} to {max(ratios):.3f})",
                flush=True,
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
