"""How compiled loops are compiled: without the interpreter lock, without fast-math, and cached safely.

Numba tells a stale cache by the date of the one file that holds the function, but a kernel contains functions of other
files, and their constants, too: pull a change of one of those and yesterday's code would run on. So a kernel's cache is
stamped with the contents of the whole package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.np import linalg


def _no_blas() -> None:
    """Numba asks for SciPy's BLAS before the first kernel, whether or not one needs it, and SciPy's linear algebra takes
    0.15 s of every start to import. No kernel of ours multiplies matrices."""
    raise ImportError("kernels do without BLAS (kernels/jit.py): write the product out")


linalg.ensure_blas = _no_blas


def _stamp() -> str:
    """Digest of the package's sources; empty where there are none (a frozen application)."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


STAMP = _stamp()
_INNER: dict[str, Any] = dict(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


def kernel(function: Callable) -> Any:
    """Called from Python, or from other kernels: compiled at its first call, cached on disk under STAMP."""
    compiled: Any = njit(nogil=True, cache=True, error_model="numpy")(function)
    compiled._cache._cache_file._source_stamp = STAMP
    return compiled


def inlined(function: Callable) -> Any:
    """Put into its callers before types are known: what it returns may depend on what it is given."""
    return njit(nogil=True, error_model="numpy", inline="always")(function)


def inner(function: Callable) -> Any:
    """A function called by kernels only: compiled into them, not cached by itself."""
    return njit(**_INNER)(function)


def inline(function: Callable) -> Any:
    """As inner, but always part of its caller: many arguments would cost more than the body."""
    return njit(**_INNER, forceinline=True)(function)
