"""Rendering by two workers of Ray against two plain processes: `python tests/benchmarks/cluster.py [PAIRS]`.

Both render the same lines by turns, on two cores, into folders of their own; what starts processes counts for both,
the start of Ray itself does not. The aim is at least 0.9 of the plain processes' lines a second. It needs the extra
`cluster` and two cores on which nothing else runs; two minutes.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from distill.cluster import OnRay, Spread
from distill.synthesis.materialise import materialise
from distill.synthesis.source import RenderedSource

CORES, AIM = 2, 0.9
SOURCE = RenderedSource(name="lines", lines=60_000, fonts=("dejavu-sans", "dejavu-serif"))


def lines_a_second(source: RenderedSource, spread: Spread | None) -> float:
    """How many lines are rendered in a second, from the first look to the last file."""
    with tempfile.TemporaryDirectory() as cache:
        begin = time.perf_counter()
        materialise([source], Path(), 32, Path(cache), spread=spread)
        return source.lines / (time.perf_counter() - begin)


def ratios(source: RenderedSource, on_ray: Spread, pairs: int) -> list[float]:
    """Of each pair of turns, the rate on Ray over that of plain processes."""
    found = []
    for _ in range(pairs):
        plain = lines_a_second(source, None)
        shared = lines_a_second(source, on_ray)
        found.append(shared / plain)
        print(f"plain {plain:,.0f} lines/s, Ray {shared:,.0f} lines/s: {shared / plain:.2f}", flush=True)
    return found


def main(pairs: int) -> int:
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    if len(cores) < CORES:
        print(f"{CORES} cores are needed, {len(cores)} may be used here: not measured", file=sys.stderr)
        return 2
    os.sched_setaffinity(0, cores)
    import ray

    ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False)
    median = statistics.median(ratios(SOURCE, OnRay(CORES), pairs))
    ray.shutdown()
    print(f"two workers of Ray: {median:.2f} of two plain processes, median of {pairs} pairs (aim: {AIM} or more)")
    return 0 if median >= AIM else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
