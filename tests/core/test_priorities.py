"""Who goes first: the engine's threads give way, all of them, and do not wait busily."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from core import priorities

THREADS = """
import json, os, threading
import core.engine.process  # NumPy, with the threads of its linear algebra
from core.priorities import give_way
give_way()
done = threading.Event()
threading.Thread(target=done.wait, daemon=True).start()
tasks = map(int, os.listdir("/proc/self/task"))
print(json.dumps([(os.getpriority(os.PRIO_PROCESS, task), os.sched_getscheduler(task)) for task in tasks]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what the system made of it")
def test_every_thread_of_the_engine_gives_way_those_that_were_there_before_too():
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, env=environment, check=True)
    found = json.loads(done.stdout)
    assert len(found) >= 3  # the main one, NumPy's, a later one
    nice = min(os.getpriority(os.PRIO_PROCESS, 0) + priorities.NICENESS, 19)
    assert set(map(tuple, found)) == {(nice, os.SCHED_BATCH)}


def test_a_users_own_choice_of_how_long_threads_wait_stands(monkeypatch):
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "20")
    priorities.rest_between_products()
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == "20"
    monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT")
    priorities.rest_between_products()
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == priorities.SPIN
