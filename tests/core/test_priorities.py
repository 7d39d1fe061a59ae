"""Who goes first: the engine's threads give way, all of them; the window's wake in short slices."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from core import priorities

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what the system made of it")

THREADS = """
import json, os, threading
from core import priorities
priorities.wake_promptly()
before = priorities.slice_ns()
import core.engine.process  # NumPy, with the threads of its linear algebra
priorities.give_way()
done = threading.Event()
threading.Thread(target=done.wait, daemon=True).start()
tasks = map(int, os.listdir("/proc/self/task"))
found = [(os.getpriority(os.PRIO_PROCESS, task), os.sched_getscheduler(task)) for task in tasks]
print(json.dumps([before, priorities.slice_ns(), found]))
"""


def run(code: str) -> list:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "3"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return json.loads(found.stdout)


def test_every_thread_of_the_engine_gives_way_those_that_were_there_before_too():
    _, _, found = run(THREADS)
    here = os.getpriority(os.PRIO_PROCESS, 0)
    assert len(found) >= 3  # this one, NumPy's, a later one
    assert set(map(tuple, found)) == {(min(here + priorities.NICENESS, 19), os.SCHED_BATCH)}


def test_the_window_asks_for_short_slices_and_the_engine_for_the_systems_own():
    before, after, _ = run(THREADS)
    if not before:
        pytest.skip("this Linux does not tell slices (6.12 does)")
    assert before == priorities.SLICE_NS
    assert after > priorities.SLICE_NS


def test_a_machine_whose_calls_are_not_known_goes_on(monkeypatch):
    monkeypatch.setattr(priorities, "_CALLS", {})
    policy = os.sched_getscheduler(0)
    priorities.wake_promptly()
    assert priorities.slice_ns() is None
    assert os.sched_getscheduler(0) == policy
