"""Who goes first where the window's process and the engine's want the same processor.

A processor that is taken is given up at the end of a slice of time, 3 to 4 ms on most Linux systems: so late would the
window's event loop wake beside a fit that keeps every core busy. Since Linux 6.12 a thread may ask for shorter slices,
which let it in at once; it gets no more time in all.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
import sys

NICENESS = 5
"""Of the engine. Measured on two busy cores: the window's timer wakes 4 ms late at the 99th percentile instead of 14; on
idle cores the fit loses nothing. 10 is no better."""

SLICE_NS = 100_000
"""Of the window's threads: the shortest there is. Measured beside three busy threads of the engine's niceness: a sleeping
thread wakes 0.2 ms late at the 99th percentile instead of 4."""

BELOW_NORMAL_PRIORITY_CLASS = 0x4000
"""The engine's niceness in Windows' words."""

_CALLS = {"x86_64": (314, 315), "aarch64": (274, 275)}
"""Linux's numbers of sched_setattr and sched_getattr, which older C libraries have no name for."""
_ATTRIBUTES = struct.Struct("IIQiIQQQ")
"""struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period. Of a plain thread the runtime is
its slice in nanoseconds, 0 for the system's own."""


def wake_promptly() -> None:
    """Let this thread, and threads and processes that it starts from now on, in at once when they wake."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            _set(0, os.SCHED_OTHER, os.getpriority(os.PRIO_PROCESS, 0), SLICE_NS)


def give_way() -> None:
    """Let other processes go first where both want the processor: threads that are there, as NumPy's, and later ones."""
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), BELOW_NORMAL_PRIORITY_CLASS)
        return
    nice = os.nice(NICENESS)
    if sys.platform == "linux":  # its threads, waking, do not push the window's off the processor
        for thread in map(int, os.listdir("/proc/self/task")):
            with contextlib.suppress(OSError):
                _set(thread, os.SCHED_BATCH, nice, 0)


def slice_ns() -> int | None:
    """Of this thread; 0 or None where the system does not tell."""
    call = _call(1)
    if call is None:
        return None
    found = ctypes.create_string_buffer(_ATTRIBUTES.size)
    if call(0, found, _ATTRIBUTES.size, 0) != 0:
        return None
    return _ATTRIBUTES.unpack(found.raw)[5]


def _set(thread: int, policy: int, nice: int, slice_ns: int) -> None:
    """thread: 0 for this one. A system that does not know slices goes on without."""
    os.setpriority(os.PRIO_PROCESS, thread, nice)
    os.sched_setscheduler(thread, policy, os.sched_param(0))
    call = _call(0)
    if call is not None:
        call(thread, _ATTRIBUTES.pack(_ATTRIBUTES.size, policy, 0, nice, 0, slice_ns, 0, 0), 0)


def _call(which: int):  # type: ignore[no-untyped-def]
    """One of _CALLS as a function; None on other systems."""
    if sys.platform != "linux" or platform.machine() not in _CALLS:
        return None
    number = _CALLS[platform.machine()][which]
    invoke = ctypes.CDLL(None).syscall
    return lambda *arguments: invoke(number, *arguments)
