"""Text files of a user: read whole, in UTF-8; another encoding is refused with the one that it seems to be."""

from __future__ import annotations

from pathlib import Path

from distill.data.characters import characters_of_sets
from students.errors import DataError

_OTHERS = ("gb18030", "big5", "shift_jis", "cp1252")


def utf8_of(path: Path) -> str:
    """Return the text of a file, without a byte order mark. Raises `DataError` for another encoding."""
    data = bytes_of(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        seems = _seems(data)
        how = f"; it seems to be {seems}: `iconv -f {seems} -t UTF-8`" if seems else ""
        raise DataError(f"{path}: is not UTF-8 (byte {error.start}){how or ': convert it'}") from error


def bytes_of(path: Path) -> bytes:
    """Return the bytes of a text file. Raises `DataError` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"text file {path} cannot be read: {reason}; its path starts from data.root") from error


def _seems(data: bytes) -> str | None:
    """The encoding under which most of what is not ASCII is common Chinese or Latin; None where none fits."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    common = frozenset(characters_of_sets(("gb2312-level-1", "big5-level-1", "han-signs")))
    scores = {}
    for encoding in _OTHERS:
        try:
            text = [c for c in data.decode(encoding) if not c.isascii()]
        except UnicodeDecodeError:
            continue
        familiar = sum(c in common or (encoding == "cp1252" and c.isalpha()) for c in text)
        scores[encoding] = familiar / max(len(text), 1)
    best = max(scores, key=lambda encoding: scores[encoding], default=None)
    return best.upper() if best is not None and scores[best] > 0.5 else None
