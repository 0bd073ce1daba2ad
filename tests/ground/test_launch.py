"""Wrong launches are refused in words: by what the launcher says, and by what the processes find of each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from accelerate import Accelerator

from distill import launch
from distill.launch import Launch, expect_alike, expect_shared, is_partner_gone, launched
from students.errors import UserError
from tests.two_processes import in_two_processes

ON_TWO_MACHINES = {
    "WORLD_SIZE": "8",
    "RANK": "5",
    "LOCAL_WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "MASTER_ADDR": "first",
    "MASTER_PORT": "29500",
}


def test_a_launch_says_which_process_this_is() -> None:
    assert launched({}, 0) == launched({"WORLD_SIZE": "1"}, 2) == Launch()
    assert launched(ON_TWO_MACHINES, 4) == launched(ON_TWO_MACHINES, 0) == Launch(5, 8, 1, 4)
    assert launched(ON_TWO_MACHINES | {"WORLD_SIZE": "4", "RANK": "3"}, 2) == Launch(
        3, 4, 1, 4
    )  # they share through gloo


@pytest.mark.parametrize(
    ("change", "devices", "said"),
    [
        ({"MASTER_ADDR": ""}, 0, "WORLD_SIZE is 8, but MASTER_ADDR is not set: start all processes with torchrun"),
        ({"LOCAL_RANK": ""}, 0, "LOCAL_RANK is not set"),
        ({"WORLD_SIZE": "all"}, 0, "WORLD_SIZE is 'all', which is no number"),
        ({"RANK": "8"}, 0, "RANK is 8, but WORLD_SIZE is 8"),
        ({"RANK": "-1"}, 0, "RANK is -1, but WORLD_SIZE is 8"),
        ({"LOCAL_RANK": "4"}, 0, "LOCAL_RANK is 4, but LOCAL_WORLD_SIZE is 4"),
        ({"LOCAL_WORLD_SIZE": "9"}, 0, "LOCAL_WORLD_SIZE is 9, but WORLD_SIZE is 8"),
        ({}, 2, "4 processes on this machine have 2 accelerators.*--nproc_per_node 2"),
    ],
)
def test_a_wrong_launch_is_refused(change: dict[str, str], devices: int, said: str) -> None:
    with pytest.raises(UserError, match=said):
        launched(ON_TWO_MACHINES | change, devices)


def found_out(rank: int, folder: Path) -> None:
    """Both processes find that the other has another recipe, another version, another folder."""
    accelerator, launch.APPEARS_WITHIN_S = Accelerator(cpu=True), 0.0
    alike = {"recipe": {"seed": 0, "teacher": {"steps": 5, "norm": "group"}}, "version": {"torch": "2"}}
    expect_alike(alike, accelerator)
    with pytest.raises(
        UserError, match=r"process 1 has another recipe\.teacher\.steps than process 0: 6, not 5; start"
    ):
        expect_alike(alike | {"recipe": {"seed": 0, "teacher": {"steps": 5 + rank, "norm": "group"}}}, accelerator)
    with pytest.raises(UserError, match=r"another version\.torch than process 0: None, not 2"):
        expect_alike({**alike, "version": {} if rank else {"torch": "2"}}, accelerator)
    shared = folder / "shared" / "run"
    expect_shared([shared], accelerator)
    assert shared.is_dir()
    accelerator.wait_for_everyone()
    with pytest.raises(UserError, match=r"machine-0: process 1 does not see" if not rank else r"machine-1: process 1"):
        expect_shared([shared, folder / f"machine-{rank}"], accelerator)
    accelerator.wait_for_everyone()
    assert not list(folder.rglob(".seen*"))


def test_processes_that_differ_find_out(tmp_path: Path) -> None:
    in_two_processes(found_out, tmp_path)


def test_a_partner_that_is_gone_is_known_by_what_the_library_says() -> None:
    said = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:538] Connection closed by peer [127.0.1.1]:21437"
    assert is_partner_gone(RuntimeError(said))
    assert is_partner_gone(RuntimeError("[Rank 0] NCCL communicator was aborted on rank 0"))
    assert not is_partner_gone(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_partner_gone(ValueError(said))
