"""A process per input: every way to fail costs that input only, and is told apart."""

from __future__ import annotations

import os
import time
from itertools import count

import pytest
from poisoned_jobs import act

from layerize.data.isolated import Limits, run_isolated

QUICK = Limits(seconds=8, bytes=1 << 30)


def test_every_failure_is_told_apart_and_the_others_answer() -> None:
    jobs = [
        {"do": word, "value": index}
        for index, word in enumerate(["answer", "refuse", "raise", "exit", "grow", "crash", "leave", "answer", "print"])
    ]
    found = dict(run_isolated(act, jobs, workers=2, limits=QUICK))
    assert sorted(found) == list(range(9))
    assert [found[index].failure for index in range(9)] == [
        "",
        "error",
        "error",
        "error",
        "memory",
        "crash",
        "crash",
        "",
        "",
    ]
    assert found[0].value is not None
    assert found[7].value is not None
    assert found[7].value["twice"] == 14
    assert len({os.getpid(), found[0].value["process"], found[7].value["process"]}) == 3
    assert found[1].message == "this file is damaged."
    assert found[2].message == "KeyError: 'left\\nright'"
    assert found[4].message == "needs more than 1.0 GiB of memory"
    assert found[5].message == "its process died of SIGSEGV"
    assert found[6].message == "its process died with exit code 7"


@pytest.mark.parametrize("how", ["hang", "spin"])
def test_a_child_that_does_not_end_is_killed(how: str) -> None:
    start = time.monotonic()
    ((_, outcome),) = run_isolated(act, [{"do": how}], limits=Limits(seconds=1.0))
    assert (outcome.failure, outcome.message) == ("timeout", "took longer than 1 s")
    assert time.monotonic() - start < 15


def test_children_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    list(run_isolated(act, [{"do": "print"}], limits=QUICK))
    assert capfd.readouterr() == ("", "")


def test_inputs_are_taken_as_workers_become_free() -> None:
    taken = count()
    jobs = ({"do": "answer", "value": next(taken)} for _ in range(1000))
    runs = run_isolated(act, jobs, workers=2, limits=QUICK)
    next(runs)
    runs.close()  # type: ignore[attr-defined]
    assert next(taken) <= 4
