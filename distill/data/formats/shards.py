"""WebDataset: tar files in which an image and its text are members of one name, `line.png` and `line.txt`.

A sample's name ends at the first dot. Its text is `.gt.txt`, `.txt`, or the `text` of a `.json`; other members are no
part of a line. A tar of a folder that keeps its labels in a file, or has names with dots, is read as that folder.
Members are read where they lie in the file; a compressed tar has no such places and is refused.
"""

from __future__ import annotations

import json
import logging
import posixpath
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from distill.data.formats.contents import Contents, counted, first_of, is_picture, label_of, text_of
from distill.data.formats.folder import Labelled, labelled
from distill.data.formats.label_files import SUFFIXES
from distill.data.formats.label_search import PAIRS, known_labels, search
from distill.data.formats.label_tables import TEXT_TIERS, column_of
from distill.data.formats.listing import Files, is_hidden
from distill.data.formats.notes import Notes
from distill.data.formats.pairs import is_about
from distill.data.formats.parts import parts_of
from distill.data.formats.stores import Stored
from students.charset import normalise
from students.errors import DataError

log = logging.getLogger(__name__)

BLOCK = tarfile.BLOCKSIZE
LABELS = ("gt.txt", "txt", "json")


class TarMember(NamedTuple):
    """The bytes of a member: where they begin in the file or the object, and how many."""

    path: Path | Stored
    start: int
    n_bytes: int


@dataclass(frozen=True)
class MemberFetch:
    """Image bytes of a row."""

    members: tuple[TarMember, ...]

    def __call__(self, row: int) -> bytes:
        return _read(self.members[row])


class Sample(NamedTuple):
    """The members of one name, by what follows its first dot, and which of these endings are those of images."""

    name: str
    members: dict[str, str]
    images: list[str]

    def has_label(self) -> bool:
        """Return whether a member may hold the text."""
        return any(ending in self.members for ending in LABELS)


def open_shards(path: Path) -> Contents:
    """Open the samples of a tar file, or of all of a folder in the order of their names."""
    return open_tars(path, parts_of(path, ".tar"))


def open_tars(place: object, shards: Sequence[Path | Stored]) -> Contents:
    """Open the samples of tars, files or objects, that lie at a place.

    Raises `DataError` for samples without an image.
    """
    names: list[str] = []
    texts: list[str | None] = []
    images: list[TarMember] = []
    lonely: list[str] = []
    for shard in shards:
        members = _members(shard)
        lines, alone = _lines(shard, members)
        names += lines.names
        texts += lines.texts
        images += [members[file] for file in lines.files]
        lonely += alone
    if lonely:
        raise DataError(f"{place}: {counted(len(lonely), 'sample has', 'samples have')} no image: {first_of(lonely)}")
    return Contents(names, texts, MemberFetch(tuple(images)))


def _lines(shard: Path | Stored, members: Mapping[str, TarMember]) -> tuple[Labelled, list[str]]:
    """The lines of a tar, and the names of texts whose image is missing."""
    visible = [name for name in members if not is_hidden(name)]
    hidden = filter(is_picture, members.keys() - set(visible))
    called = {name.removeprefix("./"): name for name in visible}  # tar -c . begins every name with ./
    names = tuple(sorted(called))
    files = Files(
        shard,
        names,
        lambda name, n: _read(members[called.get(name, name)], n),
        elsewhere=True,
        hidden=tuple(sorted(hidden)),
    )
    files.say_what_is_left_out()
    samples = _samples(shard, visible)
    if _is_a_folder(files, samples):
        lines = labelled(files)
        return Labelled(lines.names, [called[file] for file in lines.files], lines.texts), []
    lonely = [sample for sample in samples if not sample.images]
    lost = [member for sample in lonely for member in sample.members.values() if _is_lost(files, member)]
    if others := [m for sample in lonely for m in sample.members.values() if m not in lost]:
        log.warning("%s: not used: %s: %s", shard, counted(len(others), "other file"), first_of(others))
    return _of_samples(files, [sample for sample in samples if sample.images]), lost


def _samples(shard: Path | Stored, visible: Sequence[str]) -> list[Sample]:
    samples: dict[str, Sample] = {}
    for member in visible:
        folder, slash, file = member.rpartition("/")
        base, _, ending = file.partition(".")
        sample = samples.setdefault(normalise(folder + slash + base), Sample(folder + slash + base, {}, []))
        ending = ending.lower()
        if sample.members.setdefault(ending, member) != member:
            raise DataError(f"{shard}: holds {sample.name}.{ending} twice")
        if is_picture(member):
            sample.images.append(ending)
    return list(samples.values())


def _is_a_folder(files: Files, samples: Sequence[Sample]) -> bool:
    """Whether names go on behind their first dot, or a file names the images and nothing else labels them."""
    if any(
        len(sample.images) > 1 and len({ending.rpartition(".")[0] for ending in sample.images}) > 1
        for sample in samples
    ):
        return True
    if any(sample.images and sample.has_label() for sample in samples):
        return False
    candidates = search(files) if any(_may_be_a_list(sample) for sample in samples) else []
    listed = [name for name in known_labels(files) if name != PAIRS]
    return bool(listed) or any(not each.problem or each.broken for each in candidates)


def _may_be_a_list(sample: Sample) -> bool:
    return not sample.images and any(f".{ending}".endswith(SUFFIXES) for ending in sample.members)


def _is_lost(files: Files, member: str) -> bool:
    """Whether a member without an image may be the label of one: not what describes the set, nor several lines."""
    if is_about(member) or not member.lower().endswith(SUFFIXES):
        return False
    return not member.lower().endswith(".txt") or len(files.read(member, -1).splitlines()) < 2


def _of_samples(files: Files, samples: Sequence[Sample]) -> Labelled:
    for sample in samples:
        if len(sample.images) > 1:
            images = ", ".join(sample.images)
            raise DataError(f"{files.place}: {sample.name} has {len(sample.images)} images: {images}")
    texts = [_text(files, sample) for sample in samples]
    others = sorted({f".{ending}" for sample in samples for ending in sample.members if ending not in sample.images})
    if samples and others and all(text is None for text in texts):
        log.warning("%s: no line has a text; members that are not used: %s", files.place, first_of(others))
    return Labelled(
        [sample.name for sample in samples], [sample.members[sample.images[0]] for sample in samples], texts
    )


def _text(files: Files, sample: Sample) -> str | None:
    where = f"{files.place}: {sample.name}"
    longer = sample.images[0].rpartition(".")[0]  # `line.img.txt` is the text of `line.img.png`
    for ending in ("gt.txt", "txt", *((f"{longer}.gt.txt", f"{longer}.txt") if longer else ())):
        if ending in sample.members:
            return label_of(files.read(sample.members[ending], -1), f"{where}.{ending}")
    if "json" not in sample.members:
        return None
    try:
        values = json.loads(text_of(files.read(sample.members["json"], -1), f"{where}.json"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}.json: no JSON object with a text ({error})") from error
    if not isinstance(values, dict):
        raise DataError(f"{where}.json: no JSON object with a text")
    keys = list(values)
    text = values[keys[column_of(TEXT_TIERS, keys, f"{where}.json: no JSON object with a text")]]
    if text is not None and not isinstance(text, str):
        raise DataError(f"{where}.json: the text is {text!r}; put it in quotes")
    return text


def _members(shard: Path | Stored) -> dict[str, TarMember]:
    """The place of every file by its name, links followed; raises `DataError` unless the tar ends as it should."""
    found: dict[str, TarMember] = {}
    links: dict[str, str] = {}
    end = 0
    try:
        opened = shard.open("rb") if isinstance(shard, Path) else shard.open()
        with opened, tarfile.open(fileobj=opened, mode="r:") as tar:
            for info in tar:
                end = info.offset_data + (-(-info.size // BLOCK) * BLOCK if info.isfile() else 0)
                if info.isfile():
                    if info.name in found:
                        raise DataError(f"{shard}: holds {info.name} twice")
                    found[info.name] = TarMember(shard, info.offset_data, info.size)
                elif info.islnk() or info.issym():
                    inside = (
                        posixpath.join(posixpath.dirname(info.name), info.linkname) if info.issym() else info.linkname
                    )
                    links[info.name] = posixpath.normpath(inside)
    except tarfile.TarError as error:
        raise DataError(f"{shard}: {error}: cut short, damaged, compressed or no tar; write it anew") from error
    if _read(TarMember(shard, end, BLOCK)) != bytes(BLOCK):
        raise DataError(f"{shard}: damaged at byte {end}; write it anew")
    return found | _followed(shard, links, found)


def _followed(shard: Path | Stored, links: Mapping[str, str], found: Mapping[str, TarMember]) -> dict[str, TarMember]:
    """The files of the tar that links lead to, by the names of the links; those that lead elsewhere are named."""
    plain = {posixpath.normpath(name): member for name, member in found.items()}
    reached: dict[str, TarMember] = {}
    lost = Notes()
    for name in links:
        end = links[name]
        for _ in links:
            end = links.get(end, end)
        if end in plain:
            reached[name] = plain[end]
        elif is_picture(name):
            lost.add("links to no file of the tar, not used", name)
    lost.say(shard)
    return reached


def _read(member: TarMember, n_bytes: int = -1) -> bytes:
    wanted = member.n_bytes if n_bytes < 0 else min(n_bytes, member.n_bytes)
    if isinstance(member.path, Stored):
        return _whole(member, member.path.read(member.start, wanted), wanted)
    try:
        with member.path.open("rb") as file:
            file.seek(member.start)
            data = file.read(wanted)
    except OSError as error:
        raise DataError(f"{member.path}: cannot be read: {error.strerror or error}") from error
    return _whole(member, data, wanted)


def _whole(member: TarMember, data: bytes, wanted: int) -> bytes:
    if len(data) < wanted:
        raise DataError(f"{member.path}: cut short at byte {member.start + len(data)}; write it anew")
    return data
