"""How threads wait beside other processes: what is measured, what is switched, and that results stay equal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distill import waiting
from distill.track import progress
from distill.waiting import CALM_SAMPLES, Load, LoadMeter, Watch, available_cores

ROOT = Path(__file__).parents[2]
CONTENDED, CALM = Load(others_cores=1.0, waiting_share=0.33), Load(others_cores=0.05, waiting_share=0.01)
HOG = [sys.executable, "-c", "while True: pass"]


def python(code: str, **environment: str) -> str:
    """What a process of its own prints, in which nobody has chosen how threads wait."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "DISTILL_"))}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("load", "spare_cores", "expected"),
    [
        (CONTENDED, 0, True),
        (CALM, 0, False),
        (CONTENDED, 1, False),  # they take a core that this process leaves to them
        (Load(1.0, 0.02), 0, False),  # a process of low priority takes what is left over
        (Load(0.1, 0.33), 0, False),  # its own workers are what its threads wait for
    ],
)
def test_who_waits_for_others_is_contended(load: Load, spare_cores: int, expected: bool) -> None:
    assert load.contends(spare_cores) is expected


def test_what_would_not_begin_contention_may_let_it_last() -> None:
    assert not Load(others_cores=0.9, waiting_share=0.05).contends(0)
    assert Load(others_cores=0.9, waiting_share=0.05).contends(0, still=True)
    assert not CALM.contends(0, still=True)


def test_contention_begins_at_once_and_ends_after_some_calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "available_cores", lambda: 2)
    monkeypatch.setattr(waiting, "_n_threads", lambda: 2)
    watch = Watch(switches=False)
    seen = []
    for load in (None, CALM, CONTENDED, *[CALM] * (CALM_SAMPLES - 1), CONTENDED, *[CALM] * CALM_SAMPLES, None):
        watch.notice(load)
        seen.append(watch.contended)
    calm_between = [True] * (CALM_SAMPLES - 1)
    assert seen == [False, False, True, *calm_between, True, *calm_between, False, False]


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not tell who waits")
def test_the_meter_sees_others_and_not_what_this_process_has_started() -> None:
    meter = LoadMeter()
    assert meter.sample() is None
    hog = subprocess.Popen(HOG)
    try:
        loads, spent = [], 0.0
        for _ in range(240):  # a minute: on a busy machine it gets little
            time.sleep(0.25)
            loads.append(meter.sample())
            spent = waiting._cpu_ticks(hog.pid) / os.sysconf("SC_CLK_TCK")
            if spent > 0.1 and hog.pid in meter._children and len(loads) >= 4:
                break
    finally:
        hog.kill()
        hog.wait()
    assert spent > 0.1
    assert hog.pid in meter._children
    known = [load for load in loads if load is not None]
    assert known
    assert all(load.others_cores >= 0 and 0 <= load.waiting_share <= 1 for load in known)


def test_a_child_that_was_just_found_is_not_counted_among_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(10))

    def counters(children: set[int]) -> waiting._Counters:
        clock = float(next(seconds))  # the child keeps one core busy from the beginning
        return waiting._Counters(clock, busy=clock, own=0.0, children=dict.fromkeys(children, clock), ran=0, waited=0)

    monkeypatch.setattr(waiting, "_counters", counters)
    monkeypatch.setattr(waiting, "_descendants", lambda pid: {pid + 1})
    meter = LoadMeter()
    assert [meter.sample(), meter.sample()] == [None, None]  # the second finds the child
    load = meter.sample()
    assert load is not None
    assert load.others_cores == 0


MEASURE = """
import time, torch
from distill.waiting import ShortSpin

def cpu_s():
    begun = time.process_time()
    for _ in range(20):
        a + 1
        time.sleep(0.02)
    return time.process_time() - begun

def trained(short):
    torch.manual_seed(0)
    torch.set_num_threads(2)
    spin = ShortSpin()
    if short:
        spin.begin(2)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.Conv2d(16, 8, 3))
    optimiser = torch.optim.AdamW(model.parameters())
    for _ in range(5):
        optimiser.zero_grad()
        model(torch.randn(8, 1, 32, 64)).square().mean().backward()
        optimiser.step()
    spin.end()
    return torch.cat([p.detach().flatten() for p in model.parameters()])

torch.set_num_threads(2)
a = torch.ones(1 << 16)
a + 1
short = ShortSpin()
found = [cpu_s()]
short.begin(2)
time.sleep(0.1)
found.append(cpu_s())
short.end()
found.append(cpu_s())
print(*found)
print(torch.equal(trained(False), trained(True)), torch.get_num_threads())
"""


@pytest.fixture(scope="module")
def measured() -> list[list[str]]:
    """What one process measures for two tests: seconds of the processor; whether results are equal, and threads."""
    return [line.split() for line in python(MEASURE).splitlines()]


@pytest.mark.skipif(sys.platform != "linux", reason="torch computes with another OpenMP here")
@pytest.mark.skipif(available_cores() < 2, reason="with one core OpenMP does not spin")
def test_threads_spin_shortly_between_begin_and_end(measured: list[list[str]]) -> None:
    before, meanwhile, after = map(float, measured[0])
    assert meanwhile < before / 3
    assert meanwhile < after / 3


def test_results_are_equal_however_threads_wait(measured: list[list[str]]) -> None:
    assert measured[1] == ["True", "2"]


@pytest.mark.parametrize(
    "chosen", [{"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "5"}, {waiting.SWITCH: "spin"}, {}]
)
def test_the_choice_is_left_to_who_makes_it(chosen: dict[str, str]) -> None:
    assert python("from distill.waiting import watch; print(watch()._switches)", **chosen).strip() == str(not chosen)


def test_without_torch_there_is_nothing_to_shorten() -> None:
    code = "from distill.waiting import ShortSpin; s = ShortSpin(); s.begin(2); print(s.is_on); s.end()"
    assert python(code).strip() == "False"


def test_the_progress_line_says_that_the_machine_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(switches=False)
    monkeypatch.setattr("distill.track.watch", lambda: watch)
    with progress("teacher", 10, "line") as bar:
        bar.set_postfix_str("loss 1.000", refresh=False)
        assert "busy" not in str(bar)
        watch.contended = True
        assert "loss 1.000, machine busy" in str(bar)
