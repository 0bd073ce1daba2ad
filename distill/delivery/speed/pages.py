"""How many pages a second a page reader reads on one thread, in what its time goes, and how that is beside others.

Every reader reads a page before the next page comes, so that a busy machine slows them alike, and the fastest round of
each page counts. Seconds are those of the processor that the process used: what else runs is not in them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np

from distill.delivery.page_processes import Opening
from distill.delivery.speed.single_thread import single_thread
from distill.delivery.speed.together import rate_together
from distill.evaluation.pages.peers import PagePeer
from distill.track import progress
from students.errors import DataError
from students.image import decode_image
from students.pages.reader import PageReader, lines_of

PHASES = ("decode", "locate", "cut", "read")
ROUNDS, COLD_ROUNDS = 2, 3
_STATUS = "/proc/self/status"
_COLD = f"""
import sys
import students
students.load_page(*sys.argv[2:]).read_page(sys.argv[1])
print([line for line in open("{_STATUS}") if "VmHWM" in line][0], "torch" in sys.modules)
"""


def measure_pages(
    models: Mapping[str, Opening],
    pictures: Sequence[bytes],
    peers: Sequence[PagePeer] = (),
    processes: int = 1,
) -> dict[str, Any]:
    """Measure page readers (by name) and peers on encoded pictures of pages, one thread each; return the figures.

    `pages_a_second`: from encoded pictures to texts, page by page; `together`: with lines of several pages in a batch.
    `ms_a_page`: of each phase. `cold`: a fresh process to its first page, in seconds by the clock and MiB, or why
    there is none. Raises `DataError` for a picture that cannot be read, and where there is none.
    """
    if not pictures:
        raise DataError("no pages to measure on")
    with single_thread():
        readers = {name: opening.open() for name, opening in models.items()}
        seconds = _in_turns(readers, pictures, peers)
        own = {
            name: _of_model(models[name], reader, pictures, [seconds[name, phase] for phase in PHASES])
            for name, reader in readers.items()
        }
    if processes > 1:
        for name, opening in models.items():
            rates = [rate_together(_span_of_one, (opening, pictures), len(pictures), n) for n in (1, processes)]
            own[name]["processes"] = {"n": processes, "times_one": rates[1] / rates[0]}
    others = {peer.name: {"pages_a_second": len(pictures) / seconds[peer.name, "read"]} for peer in peers}
    return {"pages": len(pictures), "rounds": ROUNDS, "models": own, "peers": others}


def _of_model(
    opening: Opening, reader: PageReader, pictures: Sequence[bytes], phases: Sequence[float]
) -> dict[str, Any]:
    """The figures of one reader, which took so many seconds for all pages in each phase."""
    together = _seconds(lambda: list(reader.read_pages(pictures)))
    found: dict[str, Any] = {
        "pages_a_second": len(pictures) / sum(phases),
        "together": len(pictures) / together,
        "ms_a_page": {phase: 1e3 * spent / len(pictures) for phase, spent in zip(PHASES, phases, strict=True)},
    }
    return found | {"cold": cold_page(opening, pictures[0])}


def _in_turns(
    readers: Mapping[str, PageReader], pictures: Sequence[bytes], peers: Sequence[PagePeer]
) -> dict[tuple[str, str], float]:
    """Seconds of all pages by reader and phase, of each page those of its fastest round; warm."""
    read: dict[str, Callable[[bytes], list[float]]] = {name: _phases_of(reader) for name, reader in readers.items()}
    read |= {peer.name: _whole_of(peer) for peer in peers}
    names = [(name, phase) for name in read for phase in (PHASES if name in readers else ("read",))]
    total = dict.fromkeys(names, 0.0)
    for of_one in read.values():
        of_one(pictures[0])
    with progress("reading", len(pictures), "page") as bar:
        for picture in pictures:
            spent: dict[str, list[list[float]]] = {name: [] for name in read}
            for _ in range(ROUNDS):
                for name, of_one in read.items():
                    spent[name].append(of_one(picture))
            for name, found in spent.items():
                for (of, phase), seconds in zip([n for n in names if n[0] == name], min(found, key=sum), strict=True):
                    total[of, phase] += seconds
            bar.update()
    return total


def _phases_of(reader: PageReader) -> Callable[[bytes], list[float]]:
    def of_one(picture: bytes) -> list[float]:
        times = [time.process_time()]
        page_HWC = decode_image(picture, "page")
        times.append(time.process_time())
        found = lines_of(reader.locator, page_HWC)
        times.append(time.process_time())
        page = reader.cut_page(page_HWC, found)
        times.append(time.process_time())
        list(reader.read_cut([page]))
        times.append(time.process_time())
        return np.diff(times).tolist()

    return of_one


def _whole_of(peer: PagePeer) -> Callable[[bytes], list[float]]:
    return lambda picture: [_seconds(lambda: peer.read(decode_image(picture, "page")))]


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def cold_page(opening: Opening, picture: bytes) -> dict[str, Any]:
    """Time a fresh process that opens a reader and reads one page: seconds by the clock, the least of some, peak MiB.

    `refused` says why there are no figures: `students` alone does not open its parts, or the system tells no memory.
    """
    if not Path(_STATUS).is_file():
        return {"refused": f"this system has no {_STATUS}, which tells the memory"}
    parts = [part for part in (opening.locator, opening.recogniser) if part is not None]
    with NamedTemporaryFile(suffix=".image") as file:
        file.write(picture)
        file.flush()
        runs = []
        for _ in range(COLD_ROUNDS):
            start = time.perf_counter()
            run = subprocess.run(
                [sys.executable, "-c", _COLD, file.name, *parts], capture_output=True, encoding="utf-8", check=False
            )
            runs.append((time.perf_counter() - start, run.stdout))
            if run.returncode:
                return {"refused": (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]}
    kib = re.search(r"(\d+) kB", runs[-1][1])
    assert kib is not None
    return {
        "seconds": min(seconds for seconds, _ in runs),
        "mib": int(kib.group(1)) / 1024,
        "torch": runs[-1][1].strip().endswith("True"),
    }


def _span_of_one(job: tuple[Opening, Sequence[bytes]]) -> tuple[float, float]:
    opening, pictures = job
    with single_thread():
        reader = opening.open()
        reader.read_page(pictures[0])
        start = time.time()
        for _ in reader.read_pages(pictures):
            pass
        return start, time.time()
