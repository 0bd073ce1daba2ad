"""A pytest plugin for `long_mutation.py`: tests run once as they are, then for every mutant in a fork of the process.

So imports and the collection of the tests happen once. A mutant gets the tests that run through its function, those
that take the least time first, up to the first that fails. Which mutants there are to try stands in `MUTANTS`, what
came of them is written to `OUTCOMES`, both in the current folder.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections import defaultdict
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name

MUTANTS, OUTCOMES = Path("mutants.json"), Path("outcomes.json")
SEEN, NOT_SEEN, NO_TEST, TOO_LONG = "seen", "not seen", "no test", "took too long"
TIMES_AS_LONG, SECONDS_MORE = 10, 20  # of processor time that a mutant may take, compared with its tests as they are


def pytest_sessionstart() -> None:
    """An example that fails is enough: none is made smaller."""
    settings.register_profile("altered", settings.get_profile("suite"), phases=(Phase.explicit, Phase.generate))
    settings.load_profile("altered")


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run the tests as they are, then try every mutant; in the place of pytest's own loop."""
    if session.testsfailed:
        raise session.Interrupted("tests cannot be collected")
    tests_of: dict[str, list[pytest.Item]] = defaultdict(list)
    seconds = {}
    set_mutant_under_test("stats")
    for item, behind in zip(session.items, [*session.items[1:], None], strict=True):
        begun = time.process_time()
        if not passes(item, behind):
            raise session.Failed(f"{item.nodeid} fails without any mutant")
        seconds[item] = time.process_time() - begun
        for function in state()._stats:
            tests_of[function].append(item)
        state()._stats.clear()
    outcomes = {}
    for number, mutant in enumerate(json.loads(MUTANTS.read_text()), 1):
        tests = sorted(tests_of[mangled_name_from_mutant_name(mutant)], key=seconds.__getitem__)
        limit_s = SECONDS_MORE + TIMES_AS_LONG * sum(seconds[test] for test in tests)
        outcomes[mutant] = in_a_fork(mutant, tests, int(limit_s)) if tests else NO_TEST
        OUTCOMES.write_text(json.dumps(outcomes))
        if number % 20 == 0:
            os.write(2, f"{number} mutants: {sum(map([SEEN, TOO_LONG].count, outcomes.values()))} seen\n".encode())
    return True


def in_a_fork(mutant: str, tests: list[pytest.Item], limit_s: int) -> str:
    """Run tests with a mutant in a process of its own; return what came of it."""
    pid = os.fork()
    if not pid:
        try:
            set_mutant_under_test(mutant)
            used_s = int(time.process_time())
            resource.setrlimit(resource.RLIMIT_CPU, (used_s + limit_s, used_s + limit_s + 5))
            passed = all(passes(test, behind) for test, behind in zip(tests, [*tests[1:], None], strict=True))
        except BaseException:
            os._exit(1)
        os._exit(0 if passed else 1)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return TOO_LONG
    return SEEN if status else NOT_SEEN


def passes(item: pytest.Item, behind: pytest.Item | None) -> bool:
    """Run one test, with what it needs; return whether nothing in it fails."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=behind))
