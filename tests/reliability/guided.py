"""Coverage-guided fuzzing of one kind of file: `python -m tests.reliability.guided FILE N [SECONDS]`, with atheris.

FILE is the name of one of the valid files that `test_hostile` alters; N, how often it is altered and read, within
SECONDS. Ends with
exit code 0 if every reading ended in lines or in a documented error, else with libFuzzer's 77 and a traceback.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris

LONGEST = 4096  # bytes of a case; what matters stands at the beginning of most files
LONGEST_S = 20  # of one case; `test_hostile` measures the processor's time, this stops what never ends


def main(name: str, n: int, seconds: int = 0) -> None:
    """Alter a file n times, guided by which code its readings reach."""
    with atheris.instrument_imports(include=["distill.data", "distill.recipe", "students"]):
        from students.errors import UserError
        from tests.reliability.test_hostile import seeds

    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        (Path(folder) / "files").mkdir()
        path, read = next((path, read) for _, path, read in seeds(Path(folder) / "files") if path.name == name)
        (corpus / name).write_bytes(path.read_bytes())

        def one(data: bytes) -> None:
            path.write_bytes(data)
            with suppress(UserError):
                read(path)

        options = [f"-runs={n}", f"-max_total_time={seconds}", "-seed=1", f"-max_len={LONGEST}"]
        options += [f"-timeout={LONGEST_S}", "-rss_limit_mb=8192", f"-artifact_prefix={folder}/"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:4]))
