"""The device that these tests are for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

REHEARSAL = "DISTILL_REHEARSE"  # "cpu": the same tests on the processor, to see that they run


@pytest.fixture
def device() -> Iterator[torch.device]:
    """The accelerator, computing in full float32."""
    if not torch.cuda.is_available():
        if os.environ.get(REHEARSAL) != "cpu":
            pytest.skip(f"no CUDA device here: nothing is tested on an accelerator ({REHEARSAL}=cpu rehearses it)")
        yield torch.device("cpu")
        return
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield torch.device("cuda", 0)
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
