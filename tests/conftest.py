"""Shared fixtures. Warnings are errors (pyproject.toml); every random draw is seeded."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

# What JAX compiles is kept for the other worker, the engines that tests start, and the next run, which takes a third of
# the time. Before JAX is imported: it reads the environment then.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

import numpy as np
import pytest

from core.engine import caches

caches.configure()

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


CODE_BYTES = 3 << 30
"""Compiled code of a thousand tests takes gigabytes: from here on a worker forgets it between files."""


@pytest.fixture(scope="module", autouse=True)
def _bounded_memory() -> Iterator[None]:
    yield
    statm = Path("/proc/self/statm")
    if "jax" in sys.modules and statm.exists():
        resident = int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        if resident > CODE_BYTES:
            sys.modules["jax"].clear_caches()
            gc.collect()
            trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc keeps what is freed, unless told
            if trim is not None:
                trim(0)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real meshes, images and malformed files; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    return SHARED


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
