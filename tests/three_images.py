"""Three images with texts, in the layouts that other projects write, and what opening such a path gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import webdataset

from distill.data.formats.opening import open_contents, source_at
from tests.samples import png_bytes

PICTURES = [png_bytes(8, 20, seed) for seed in range(3)]
TEXTS = ["one", 'two, "quoted"', "größe drei"]
EXPECTED: list[tuple[str, bytes, str | None]] = [(f"{i}.png", PICTURES[i], text) for i, text in enumerate(TEXTS)]


def opened(path: Path | str, **settings: Any) -> list[tuple[str, bytes, str | None]]:
    """Names, images and texts of what a path is detected as."""
    contents = open_contents(source_at(str(path), "mine", **settings), Path(), Path(path).parent / "cache")
    return [
        (name, contents.fetch(row), text)
        for row, (name, text) in enumerate(zip(contents.names, contents.texts, strict=True))
    ]


def images(folder: Path, n: int = 3) -> Path:
    """A folder with the first `n` images as 0.png, 1.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        (folder / f"{i}.png").write_bytes(PICTURES[i])
    return folder


def write_tabs(path: Path) -> None:
    """A file of tab-separated rows, with the byte-order mark and the line ends of Windows."""
    path.write_text("".join(f"{name}\t{text}\r\n" for name, _, text in EXPECTED), "utf-8-sig", newline="")


def write_shards(folder: Path, extra: dict[str, Any] | None = None) -> Path:
    """Tar shards of two samples each, the second with JSON; an `extra` sample comes last."""
    folder.mkdir(exist_ok=True)
    with webdataset.ShardWriter(f"{folder}/%03d.tar", maxcount=2, verbose=0) as shards:
        for i, (name, image, text) in enumerate(EXPECTED):
            label = {"json": {"text": text, "page": 3}} if i == 1 else {"txt": text}
            shards.write({"__key__": f"page.d/{name[:-4]}", "png": image, **label})
        if extra:
            shards.write(extra)
    return folder
