"""Random numbers as a pure function of names and numbers: seed, epoch, line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(*parts: str | int) -> int:
    """Return 63 bits that depend on every part and on nothing else."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator_of(*parts: str | int) -> torch.Generator:
    """Return a generator of its own for every combination of parts."""
    return torch.Generator().manual_seed(seed_of(*parts))


@contextmanager
def seeded(*parts: str | int) -> Iterator[None]:
    """Give first weights, which know no generator but the global one, one of the parts; it is then as it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(*parts))
        yield
