"""Memory that a process no longer needs, given back: what was freed, and code that was compiled for other problems.

glibc keeps what is freed for later, and JAX keeps every program it has compiled. Both are bounded here.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CODE_BYTES = 2 << 30
"""What a process may grow by before it forgets compiled code: some forty kinds of problems (20 to 90 MB each, measured)."""

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
        return None


def available_bytes() -> int | None:
    """What the system could give without swapping; None where it does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


@functools.cache
def _trim() -> Callable[[int], int] | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None


def give_back() -> None:
    """Return what was freed to the system. A few milliseconds; nothing where the C library is another."""
    trim = _trim()
    if trim is not None:
        trim(0)


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
