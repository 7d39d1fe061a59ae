"""Who goes first where the window's process and the engine's want the same processor.

Tried and left out: shorter slices of time for the window's thread (Linux 6.12 lets a thread ask). It wakes sooner then,
0.2 ms late beside busy threads instead of 4, but is set aside in the middle of what it does: no gain at the 99th
percentile.
"""

from __future__ import annotations

import contextlib
import os
import sys

NICENESS = 5
"""Measured on two busy cores: the window's timer wakes 4 ms late at the 99th percentile instead of 14; on idle cores
the fit loses nothing. 10 is no better."""

SPIN = "4"
"""Exponent of two of the cycles for which a thread of NumPy's linear algebra waits busily; its own 26 costs a sixth of a
core beside ten snapshots a second."""


SWITCH_S = 0.0005
"""How long a thread of the window's may keep the interpreter once another wants it, instead of Python's 5 ms. Measured
with everything open, in turns: the window wakes 4.7 and 4.2 ms late at the 99th percentile instead of 5.8 and 5.6."""


def rest_between_products() -> None:
    """Before NumPy is imported; for the processes that this one starts, too."""
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", SPIN)


def take_turns() -> None:
    """Let the window's thread have the interpreter soon where threads beside it compute."""
    sys.setswitchinterval(SWITCH_S)


def give_way() -> None:
    """Let other processes go first: every thread that is there, as NumPy's, and later ones, which inherit it."""
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    nice = os.nice(NICENESS)
    if (
        sys.platform == "linux"
    ):  # where niceness is a thread's; and what wakes does not push the window off the processor
        for thread in map(int, os.listdir("/proc/self/task")):
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, thread, nice)
                os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
