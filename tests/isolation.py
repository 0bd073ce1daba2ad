"""Unpickling, `torch.load` and whatever leaves this machine, refused for as long as a block runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOOPBACK = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "")
HARMLESS = ("git",)  # the program that the suite asks for its own commit

_active = False
_hooked = False
_programs = False


@contextmanager
def isolated(programs: bool = False) -> Iterator[None]:
    """Raise `RuntimeError` in what unpickles a global, loads a file of torch's, or leaves the machine.

    Sockets and look-ups of names beyond this machine are refused in this process, and programs other than git unless
    `programs` are allowed, as a library asks one for the fonts of the system when it is first imported.
    """
    import torch

    global _active, _hooked, _programs
    _programs = programs
    if not _hooked:
        sys.addaudithook(_refuse)  # it cannot be taken away again, so it asks whether a block runs
        _hooked = True
    loads = torch.load, torch.jit.load
    torch.load = torch.jit.load = _no_torch_load
    _active = True
    try:
        yield
    finally:
        _active = False
        torch.load, torch.jit.load = loads


def _no_torch_load(*_: Any, **__: Any) -> Any:
    raise RuntimeError("torch.load was called")


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active:
        return
    if event == "pickle.find_class":
        raise RuntimeError(f"unpickled: {arguments}")
    if event in ("socket.connect", "socket.sendto", "socket.bind"):
        address = arguments[1]
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise RuntimeError(f"{event}: {address}")
    if event in ("socket.getaddrinfo", "socket.gethostbyname") and arguments[0] not in (*LOOPBACK, None):
        raise RuntimeError(f"{event}: {arguments[0]}")
    if event in ("subprocess.Popen", "os.system", "os.exec") and not _programs:
        program = str(arguments[0]).rpartition("/")[2]
        if program not in HARMLESS:
            raise RuntimeError(f"{event}: {arguments}")
