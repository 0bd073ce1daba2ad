#!/bin/sh
# accelerate 1.15.0 with torch 2.13.0: of a batch sampler that sorts lines into buckets of like width, so that the last
# batch of each bucket is smaller than the others, two processes get a part of the batches only, and nothing says so. A
# round of batches, one for each process, is thrown away whole wherever its last one is not of `batch_size`: of 5 batches
# with 16 lines, in buckets of 5, 7 and 4, the processes see 8 lines, and len() of the shards promises 6 batches. The
# docstring says to set even_batches to False for batches of varying size: then 7 lines are seen. With split_batches a
# batch that is not full is passed over alone. Full batches of 4 and 2 by turns lose a third or nothing, by which comes
# first. Without the attribute `batch_size`, which torch's own BatchSampler gives to whatever is derived from it,
# every line is seen. One expects a shorter batch, as torch's DataLoader gives on one process. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet accelerate==1.15.0 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import torch
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler, DataLoader

print(*(f"{name} {version(name)}" for name in ("accelerate", "torch")))


class Buckets(BatchSampler):
    """Batches of at most four lines; none holds lines of two buckets."""

    def __init__(self, sizes, named=True):
        self.sizes, self.drop_last = sizes, False
        if named:
            self.batch_size = 4

    def __iter__(self):
        first = 0
        for size in self.sizes:
            lines = range(first, first + size)
            yield from (list(lines[i : i + 4]) for i in range(0, size, 4))
            first += size

    def __len__(self):
        return len(list(iter(self)))


def seen(sizes, named=True, **settings):
    """How many lines two processes see together, and how many batches they get and were promised."""
    shards = [BatchSamplerShard(Buckets(sizes, named), 2, process, **settings) for process in (0, 1)]
    batches = [list(shard) for shard in shards]
    lines = {line for of_process in batches for batch in of_process for line in batch}
    return len(lines), sum(map(len, batches)), sum(map(len, shards))


as_seen = []
BUCKETS = (5, 7, 4)
alone = DataLoader(torch.arange(16), batch_sampler=Buckets(BUCKETS))
as_seen.append(sum(len(batch) for batch in alone) == 16)
for sizes, settings, expected in (
    (BUCKETS, {}, (8, 2, 6)),
    (BUCKETS, {"even_batches": False}, (7, 2, 5)),
    (BUCKETS, {"split_batches": True}, (12, 6, 10)),
    (BUCKETS, {"named": False}, (16, 6, 6)),
    ((4, 2, 4, 2), {}, (8, 2, 4)),
    ((2, 4, 2, 4), {}, (12, 4, 4)),
):
    found = seen(sizes, **settings)
    print(f"buckets of {sizes}, {settings}: {found[0]} of {sum(sizes)} lines, {found[1]} batches, {found[2]} promised")
    as_seen.append(found == expected)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
