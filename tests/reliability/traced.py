"""What the kernel saw of writing, flushing and renaming, by strace: also of files that no Python code opens."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

CALLS = "open,openat,creat,fsync,fdatasync,rename,renameat,renameat2"
OPENED = re.compile(r"(?:open|openat|creat)\(.*\bO_(?:WRONLY|RDWR)\b.*\) = \d+<(.+)>$")
FLUSHED = re.compile(r"f(?:data)?sync\(\d+<(.+)>\)\s+= 0$")
RENAMED = re.compile(r'rename\w*\(.*"([^"]+)"(?:, \w+)?\)\s+= 0$')
STRACE = ["strace", "-f", "-ff", "-ttt", "-y", "-s", "4096", "--seccomp-bpf", f"--trace={CALLS}", "-o"]
PYTHON = """
import sys
from distill.cli import main
for words in {!r}:
    assert main(words) == 0, words
"""


def traced(commands: Sequence[Sequence[str]], root: Path, folder: Path) -> list[str]:
    """Run commands of the suite in one process; the log of barriers under `root`, as `barriers` writes it."""
    folder.mkdir()
    words = [*STRACE, str(folder / "of"), sys.executable, "-c", PYTHON.format([list(each) for each in commands])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    calls = [call for path in folder.glob("of.*") for call in _calls(path)]  # a file a thread, each in its order
    return [f"seen by the kernel\t{what} {path}\t1" for _, what, path in sorted(calls) if path.startswith(str(root))]


def _calls(path: Path) -> Iterator[tuple[float, str, str]]:
    """The calls of one thread that succeeded: when, what, and the path that it was of."""
    for line in path.read_text(errors="replace").splitlines():
        moment, _, call = line.partition(" ")
        for what, pattern in (("open", OPENED), ("fsync", FLUSHED), ("rename", RENAMED)):
            if found := pattern.match(call):
                yield float(moment), what, found[1]
