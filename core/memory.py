"""Memory that a process no longer needs, given back: what was freed, and code that was compiled for other problems.

glibc keeps what is freed for later, and JAX keeps every program it has compiled. Both are bounded here.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

CODE_BYTES = 2 << 30
"""What a process may grow by before it forgets compiled code: some forty kinds of problems (20 to 90 MB each, measured)."""

GIVE_BACK_S = 60.0
"""Between two times that a process gives back what it has freed."""

OWN_PAGES = 128 << 10
"""Blocks of so many bytes get pages of their own: what glibc begins with, planes of 192 pixels a side."""
_MMAP_THRESHOLD = -3
"""glibc's M_MMAP_THRESHOLD, malloc.h."""

_REGISTRIES: list[dict] = []


def forgettable() -> dict[Any, Any]:
    """An empty dictionary of compiled functions, emptied when compiled code is forgotten."""
    _REGISTRIES.append({})
    return _REGISTRIES[-1]


def resident_bytes() -> int | None:
    """What this process has in memory; None where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return _asked(lambda psutil: psutil.Process().memory_info().rss)


def available_bytes() -> int | None:
    """What the system could give without swapping; None where it does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return _asked(lambda psutil: psutil.virtual_memory().available)


def _asked(question: Callable[[Any], int]) -> int | None:
    """What psutil answers. Linux is asked directly: importing it takes 26 ms, which the window's start does not have."""
    import psutil

    try:
        return question(psutil)
    except (psutil.Error, OSError, NotImplementedError):
        return None


@functools.cache
def _from_glibc(name: str) -> Callable[..., int] | None:
    """A function of the C library; None where that is another one."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


def give_back() -> None:
    """Return what was freed to the system. A few milliseconds; nothing where the C library is another."""
    trim = _from_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def keep_giving_back(seconds: float = GIVE_BACK_S) -> threading.Event:
    """Start a thread that gives back now and then, until the event that is returned. Each thread's heap keeps up to 64 MB
    of what it freed otherwise: on a busy machine an engine's memory rises by tens of megabytes within an hour, for nothing.
    """
    enough = threading.Event()

    def run() -> None:
        while not enough.wait(seconds):
            give_back()

    threading.Thread(target=run, name="memory", daemon=True).start()
    return enough


def keep_large_blocks_apart() -> None:
    """For a process that stores images for long and lets go of some: blocks of OWN_PAGES go back to the system when they
    are freed. glibc raises that size up to 32 MB by itself, and holes between stored images then grow for hours."""
    set_option = _from_glibc("mallopt")
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, OWN_PAGES)


def forget_compiled() -> None:
    """Drop every compiled program. What is needed again is compiled again, or read from the disk's cache."""
    for registry in _REGISTRIES:
        registry.clear()
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    gc.collect()
    give_back()


class Bound:
    """Forgets compiled code where the process has grown by `limit` since it did so last, or since it began."""

    def __init__(self, limit: int = CODE_BYTES, resident: Callable[[], int | None] = resident_bytes) -> None:
        self._limit, self._resident, self._base = limit, resident, resident() or 0

    def visit(self) -> bool:
        """To be called between problems. Whether anything was forgotten."""
        now = self._resident()
        if now is None or now - self._base <= self._limit:
            return False
        forget_compiled()
        self._base = self._resident() or 0  # what is left is data: it is not to be forgotten again and again
        return True
