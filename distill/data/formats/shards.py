"""WebDataset: tar files in which an image and its text are members of one name, `line.png` and `line.txt`.

A sample's name ends at the first dot. Its text is `.txt`, or the `text` of a `.json`; other members are no part of a
line. Members are read where they lie in the file; a compressed tar has no such places and is refused.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from distill.data.formats.contents import Contents, first_of, label_of, parts_of, text_of
from students.errors import DataError
from students.image import IMAGE_SUFFIXES

BLOCK = tarfile.BLOCKSIZE


class TarMember(NamedTuple):
    """The bytes of a member: where they begin in the file, and how many."""

    path: Path
    start: int
    n_bytes: int


@dataclass(frozen=True)
class MemberFetch:
    """Image bytes of a row."""

    members: tuple[TarMember, ...]

    def __call__(self, row: int) -> bytes:
        return _read(self.members[row])


def open_shards(path: Path) -> Contents:
    """Open the samples of a tar file, or of all of a folder in the order of their names."""
    names: list[str] = []
    texts: list[str | None] = []
    images: list[TarMember] = []
    lonely = []
    for shard in parts_of(path, ".tar"):
        samples: dict[str, dict[str, TarMember]] = {}
        for name, ending, member in _members(shard):
            sample = samples.setdefault(name, {})
            if ending in sample:
                raise DataError(f"{shard}: holds {name}.{ending} twice")
            sample[ending] = member
        for name, sample in samples.items():
            of_image = [e for e in sample if f".{e}".rpartition(".")[2] in {s[1:] for s in IMAGE_SUFFIXES}]
            if len(of_image) > 1:
                raise DataError(f"{shard}: {name} has {len(of_image)} images: {', '.join(of_image)}")
            if not of_image:
                lonely.append(f"{name}.{next(iter(sample))}")
                continue
            names.append(name)
            images.append(sample[of_image[0]])
            texts.append(_text(sample, f"{shard}: {name}"))
    if lonely:
        raise DataError(f"{path}: {len(lonely)} samples have no image: {first_of(lonely)}")
    return Contents(names, texts, MemberFetch(tuple(images)))


def _members(shard: Path) -> Iterator[tuple[str, str, TarMember]]:
    """Sample name, ending and place of every file; raises `DataError` unless the tar ends as it should."""
    end = 0
    try:
        with tarfile.open(shard, "r:") as tar:
            for info in tar:
                end = info.offset_data + (-(-info.size // BLOCK) * BLOCK if info.isfile() else 0)
                if info.isfile():
                    folder, slash, file = info.name.rpartition("/")
                    base, _, ending = file.partition(".")
                    yield folder + slash + base, ending.lower(), TarMember(shard, info.offset_data, info.size)
    except tarfile.TarError as error:
        raise DataError(f"{shard}: {error}: cut short, damaged, compressed or no tar; write it anew") from error
    if _read(TarMember(shard, end, BLOCK)) != bytes(BLOCK):
        raise DataError(f"{shard}: damaged at byte {end}; write it anew")


def _read(member: TarMember) -> bytes:
    try:
        with member.path.open("rb") as file:
            file.seek(member.start)
            data = file.read(member.n_bytes)
    except OSError as error:
        raise DataError(f"{member.path}: cannot be read: {error.strerror or error}") from error
    if len(data) < member.n_bytes:
        raise DataError(f"{member.path}: cut short at byte {member.start + len(data)}; write it anew")
    return data


def _text(sample: dict[str, TarMember], where: str) -> str | None:
    if "txt" in sample:
        return label_of(_read(sample["txt"]), f"{where}.txt")
    if "json" not in sample:
        return None
    try:
        text = json.loads(text_of(_read(sample["json"]), f"{where}.json"))["text"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"{where}.json: no JSON object with a text ({error})") from error
    if text is not None and not isinstance(text, str):
        raise DataError(f"{where}.json: the text is {text!r}; put it in quotes")
    return text
