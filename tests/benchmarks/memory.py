"""Memory and open files over ten thousand steps of feeding, without a network: `python tests/benchmarks/memory.py`.

`python tests/benchmarks/memory.py 10000 1` feeds through one worker. Not collected by pytest. Lines of 32 x 100 px, one
of them damaged, mixed from two sources; nothing decoded is kept after the first thousand steps, so the slope is of what
should not grow. Prints resident memory every tenth of the way, and the slope over the second half.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from distill.data.augment import Augment
from distill.data.feed import FeedSettings, feed
from distill.data.formats.opening import open_source
from distill.data.lines import joined
from distill.data.mixing import Mix, plan_of
from distill.data.sampler import Order
from distill.data.sources import FolderSource
from students.charset import Charset
from students.image import Preparation
from tests.samples import png_bytes

BATCH, N_LINES = 8, 512


def processes() -> list[int]:
    """This one and all that it has started."""
    mine = [os.getpid()]
    for pid in mine:
        for task in Path(f"/proc/{pid}/task").iterdir():
            mine += map(int, (task / "children").read_text().split())
    return mine


def resident_mb() -> float:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in processes())
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(n_steps: int = 10_000, workers: int = 0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = []
        for name in ("a", "b"):
            path = Path(folder) / name
            path.mkdir()
            for i in range(N_LINES):
                (path / f"{i}.png").write_bytes(png_bytes(32, 60 + i % 3 * 16, i))
            (path / "labels.tsv").write_text("".join(f"{i}.png\t{i}\n" for i in range(N_LINES)))
            parts.append(open_source(FolderSource(name=name, path=name), Path(folder), Path(), Preparation())[0])
        (Path(folder) / "a" / "5.png").write_bytes(b"")
        lines = joined(parts)
        lines = replace(lines, texts=tuple(text if i % 3 else None for i, text in enumerate(lines.texts)))
        order = Order(lines.padded_width_px, BATCH, 0, plan=plan_of(Mix(), lines.sources, BATCH, n_steps))
        seen, replaced, begun = [], 0, time.perf_counter()
        charset = Charset(characters="0123456789")
        settings = FeedSettings(lines, order, charset, Preparation(), Augment(), workers=workers)
        for step in feed(settings, range(n_steps)):
            replaced += len(step.replaced)
            if (step.step + 1) % (n_steps // 100) == 0:
                seen.append((step.step + 1, resident_mb(), len(os.listdir("/proc/self/fd"))))
        seconds = time.perf_counter() - begun
    for number, mb, files in seen[9::10]:
        print(f"step {number:6d}: {mb:7.1f} MB resident, {files} open files")
    half = np.array(seen[len(seen) // 2 :])
    slope = np.polyfit(half[:, 0], half[:, 1], 1)[0] * 1000
    print(
        f"slope over the second half: {slope:+.3f} MB a thousand steps; {workers} workers, {len(lines)} lines, "
        f"{replaced} times a stand-in, {seconds:.0f} s"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
