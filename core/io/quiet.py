"""Silence for a library that writes to the terminal by itself: what it found is told by the exception that it causes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

_STDERR = 2
_ONE = threading.RLock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing reaches the process's standard error inside, from C or from Python; the other threads' lines neither, so
    that this is for what takes milliseconds."""
    with _ONE, contextlib.ExitStack() as stack:
        try:
            saved, nowhere = os.dup(_STDERR), os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, saved)
            stack.callback(os.close, nowhere)
            os.dup2(nowhere, _STDERR)
            stack.callback(os.dup2, saved, _STDERR)
        except OSError:  # a program without a standard error has nothing to silence
            pass
        yield
