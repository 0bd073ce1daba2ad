"""Coverage-guided fuzzing, with atheris, of files that are read.

`python -m tests.reliability.guided COUNTS N [SECONDS]`: N times, or for SECONDS, one of `FILES`, valid files that
`test_hostile` alters, is altered and read; the first byte of a case says which. COUNTS is a file that says in JSON how
often each was read to its end. Ends with exit code 0 if every reading ended in lines or in a documented error, else
with libFuzzer's 77 and a traceback.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import atheris

FILES = (
    *("picture.png", "picture.tiff", "labels.json", "metadata.jsonl", "Label.txt", "page.xml", "alto.xml"),
    *("lines.tar", "model.safetensors", "model.onnx", "recipe.yaml"),
)
BESIDE_PICTURES = FILES[2:7]  # read without decoding the pictures, which nothing alters
LONGEST = 2**14  # bytes of a case: every file is whole in it, or readings would end where it was cut
LONGEST_S = 60  # of one case; `test_hostile` measures the processor's time, this stops what never ends
COUNTED_EVERY = 20


def main(counts: Path, n: int, seconds: int = 0) -> None:
    """Alter files n times, guided by which code their readings reach."""
    with atheris.instrument_imports(include=["distill.data", "distill.recipe", "students"]):
        from distill.recipe.file import shipped_recipes
        from students.errors import UserError
        from tests.reliability.test_hostile import read_lines, seeds

    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        corpus, files = Path(folder, "corpus"), Path(folder, "files")
        corpus.mkdir()
        files.mkdir()
        known = {path.name: (path, read) for _, path, read in seeds(files)}
        for name in BESIDE_PICTURES:
            known[name] = known[name][0], lambda path: read_lines(path.parent, lambda *_: None)
        known["recipe.yaml"][0].write_text(shipped_recipes()["smoke"])  # not resolved: a tenth of it to parse
        for number, name in enumerate(FILES):
            whole = bytes([number]) + known[name][0].read_bytes()
            assert len(whole) <= LONGEST, name
            (corpus / name).write_bytes(whole)
        ended = Counter[str]()

        def one(data: bytes) -> None:
            path, read = known[FILES[data[0] % len(FILES) if data else 0]]
            path.write_bytes(data[1:])
            with suppress(UserError):
                read(path)
            ended[path.name] += 1
            if ended.total() % COUNTED_EVERY == 0:
                counts.write_text(json.dumps(ended))

        options = [f"-runs={n}", f"-max_total_time={seconds}", "-seed=1", f"-max_len={LONGEST}"]
        options += [f"-timeout={LONGEST_S}", "-rss_limit_mb=8192", f"-artifact_prefix={folder}/"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:4]))
