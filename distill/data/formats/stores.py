"""Objects of a store (s3://, gs://, memory:// and what else fsspec knows): listed, and read in ranges, not copied.

Credentials, endpoints and retries are fsspec's: its environment variables and configuration files hold them. This is
the only module that imports it. An object is told from another version of it by what the store says (ETag, generation,
date) and by its size; one that has changed since it was listed is not read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from students.errors import DataError, UserError

_URL = re.compile(r"[a-z][a-z0-9+.-]+://")  # two letters at least: C:// is a drive
_OTHERS = ("hf://",)  # addresses that are no store: a data set of the hub
AHEAD_BYTES = 2**20  # read at once where ranges follow one another
GAP_BYTES = 2**16  # that may lie between two ranges of which one follows the other
_VERSIONS = (  # by what stores tell versions of an object apart, the surest first
    *("ETag", "etag", "md5Hash", "generation", "version_id", "content_md5", "checksum"),
    *("LastModified", "last_modified", "mtime", "created"),
)


class StoreError(UserError):
    """A store that gave less than it said it has, or nothing: no fault of a line, so the work stops."""


def is_url(where: str) -> bool:
    """Return whether a place is an address in a store, and not a path."""
    return _URL.match(where) is not None and not where.startswith(_OTHERS)


@dataclass(frozen=True)
class Stored:
    """An object of a store, or a folder of objects (no bytes): its address, and the version that was listed."""

    url: str
    n_bytes: int = 0
    version: str = ""

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """Return the last part of the address."""
        return self.url.rstrip("/").rpartition("/")[2]

    @property
    def stem(self) -> str:
        """Return its name without the suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """Return the suffix of its name, in lower case."""
        return PurePosixPath(self.name).suffix.lower()

    def read(self, start: int, n_bytes: int) -> bytes:
        """Return `n_bytes` from `start` on, fewer only where the object ends; what follows is fetched ahead.

        Raises `StoreError` where the store gives fewer bytes than it listed, or another version.
        """
        end = min(self.n_bytes, start + n_bytes)
        return _window(self).read(start, end) if start < end else b""

    def head(self, n_bytes: int = -1) -> bytes:
        """Return the first `n_bytes`, -1: all, with one request; raises `StoreError` where the store gives fewer."""
        end = self.n_bytes if n_bytes < 0 else min(self.n_bytes, n_bytes)
        return _range(self, 0, end) if end else b""

    def open(self) -> io.BufferedReader:
        """Return the object as a file whose ranges are fetched as they are read."""
        return io.BufferedReader(_Opened(self))


class _Window:
    """The bytes of an object that were read last: ranges that follow one another are fetched ahead."""

    def __init__(self, stored: Stored) -> None:
        self.stored, self.start, self.data = stored, 0, b""
        with _speaking_of(stored.url, StoreError):
            fs, path = _opened(stored.url)
            fs.invalidate_cache(path)  # s3fs and gcsfs would tell again what they listed before
            found = fs.info(path)
        if (now := _version(found)) != stored.version or found["size"] != stored.n_bytes:
            raise StoreError(
                f"{stored.url}: has changed since it was listed (version {stored.version}, now {now}); start again"
            )

    def read(self, start: int, end: int) -> bytes:
        begin = start - self.start
        if not 0 <= begin <= end - self.start <= len(self.data):
            follows = bool(self.data) and 0 <= start - (self.start + len(self.data)) <= GAP_BYTES
            ahead = min(self.stored.n_bytes, max(end, start + AHEAD_BYTES)) if follows else end
            self.start, self.data = start, _range(self.stored, start, ahead)
            begin = 0
        return self.data[begin : begin + end - start]


class _Opened(io.RawIOBase):
    """An object as a file that can be read and sought in."""

    def __init__(self, stored: Stored) -> None:
        self.stored, self.at = stored, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.stored.n_bytes}[whence])
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:
        data = self.stored.read(self.at, len(buffer))
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)


def parts_in_store(url: str) -> list[Stored]:
    """Return the object at an address, those of a pattern (`train-*`), or those of a folder, not of the folders in it.

    They are in the order of their names. Raises `DataError` where there is none.
    """
    with _speaking_of(url):
        fs, path = _opened(url)
        if "*" in url.rpartition("/")[2]:
            found = list(fs.glob(path, detail=True).values())
        else:
            info = fs.info(path)
            found = [info] if info["type"] == "file" else fs.ls(path, detail=True)
        names = [each["name"] for each in found if each["type"] == "file"]
        parts = [_stored(fs, fs.info(name)) for name in names]  # lists may write dates otherwise
        if not parts:
            raise FileNotFoundError
    return sorted(parts, key=lambda part: part.url)


def below(url: str) -> dict[str, Stored]:
    """Return all objects below a folder by their names from there, sorted; raises `DataError` where there is none."""
    with _speaking_of(url):
        fs, path = _opened(url)
        root = str(fs._strip_protocol(path)).rstrip("/") + "/"
        found = {str(name).removeprefix(root): _stored(fs, info) for name, info in fs.find(path, detail=True).items()}
        if not found:
            raise FileNotFoundError
    return dict(sorted(found.items()))


def versions_of(parts: Sequence[Stored]) -> str:
    """Return what tells objects as they were listed from other ones, for a digest."""
    return repr([(part.url, part.n_bytes, part.version) for part in parts])


@lru_cache(maxsize=64)
def _window(stored: Stored) -> _Window:
    return _Window(stored)


def _range(stored: Stored, start: int, end: int) -> bytes:
    """The bytes from `start` to `end`, all of them."""
    try:
        fs, path = _opened(stored.url)
        data = bytes(fs.cat_file(path, start=start, end=end))
    except Exception as error:  # every store raises its own
        raise StoreError(f"{stored.url}: bytes {start:,} to {end:,} cannot be read: {_in_words(error)}") from error
    if len(data) != end - start:
        raise StoreError(
            f"{stored.url}: gave {len(data):,} bytes from byte {start:,} on where {end - start:,} are listed: half "
            "written, or changed since; start again once it is whole"
        )
    return data


def _opened(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # takes a while, and most sources are files

    fs, path = url_to_fs(url)
    return fs, str(path)


def _stored(fs: Any, info: Mapping[str, Any]) -> Stored:
    return Stored(str(fs.unstrip_protocol(info["name"])), int(info["size"] or 0), _version(info))


def _version(info: Mapping[str, Any]) -> str:
    """What a store tells the versions of an object apart by; empty where it tells nothing."""
    return next((str(info[key]) for key in _VERSIONS if info.get(key) is not None), "")


@contextmanager
def _speaking_of(url: str, kind: type[UserError] = DataError) -> Iterator[None]:
    """Turn whatever a store raises about an address into one error that says what to do."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise kind(f"{url}: the store has no such bucket, folder or object") from error
    except PermissionError as error:
        raise kind(
            f"{url}: may not be read: {_in_words(error)}; credentials are those that fsspec finds (environment, "
            "configuration files)"
        ) from error
    except ImportError as error:
        protocol = url.partition("://")[0]
        raise kind(f"{url}: {protocol}:// needs a package that is missing: pip install {_package(protocol)}") from error
    except Exception as error:
        raise kind(f"{url}: cannot be read: {_in_words(error)}") from error


def _package(protocol: str) -> str:
    """The package that opens such addresses: fsspec names the class, and those of fsspec itself need others."""
    from fsspec.registry import known_implementations

    package = str(known_implementations.get(protocol, {}).get("class", "fsspec")).partition(".")[0]
    return f"'fsspec[{protocol}]'" if package == "fsspec" else package


def _in_words(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
