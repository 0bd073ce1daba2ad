"""What the runs of the tests are kept from: that it is refused, and only for as long as it is to be."""

from __future__ import annotations

import pickle
from collections import OrderedDict

import pytest

from tests.isolation import isolated

REFUSED = (
    "import pickle, collections; pickle.loads(pickle.dumps(collections.OrderedDict()))",
    "import io, torch; torch.load(io.BytesIO(), weights_only=True)",
    "import io, torch; torch.jit.load(io.BytesIO())",
    "import socket; socket.create_connection(('192.0.2.1', 9), 0.1)",
    "import socket; socket.getaddrinfo('example.org', 443)",
    "import subprocess; subprocess.run(['true'])",
)


@pytest.mark.parametrize("code", REFUSED)
def test_what_unpickles_or_leaves_the_machine_is_refused(code: str) -> None:
    with isolated(), pytest.raises(RuntimeError):
        exec(code, {})


def test_it_is_refused_only_meanwhile() -> None:
    with isolated():
        pass
    assert pickle.loads(pickle.dumps(OrderedDict(a=1))) == {"a": 1}
