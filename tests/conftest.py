"""Shared fixtures. Warnings are errors (pyproject.toml); every random draw is seeded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

# What JAX compiles is kept for the other worker, the engines that tests start, and the next run, which takes a third of
# the time. Before JAX is imported: it reads the environment then.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
# Pictures are tiny here, and most of a test's time goes into compiling what runs for milliseconds: without optimizing it
# takes a fifth of the time. Kernels and long fits are `optimized`; with `XLA_FLAGS= JAX_DISABLE_MOST_OPTIMIZATIONS=0 make
# test` everything is.
# On the processor, whose numbers are the same at every run; `JAX_PLATFORMS= make suite` takes the GPU where there is one.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import numpy as np
import pytest

from core.engine import caches
from core.memory import forget_compiled, resident_bytes
from tests.display import own_display

caches.configure()
_display = own_display() if "PYTEST_XDIST_WORKER" in os.environ else None

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


CODE_BYTES = 3 << 30
"""Compiled code of a thousand tests takes gigabytes: from here on a worker forgets it between files."""


def pytest_unconfigure() -> None:
    if _display is not None:
        _display.close()


@pytest.fixture(scope="module", autouse=True)
def _bounded_memory() -> Iterator[None]:
    yield
    if "jax" in sys.modules and (resident_bytes() or 0) > CODE_BYTES:
        forget_compiled()


@pytest.fixture(scope="module")
def optimized() -> Iterator[None]:
    """For kernels and long fits: code is optimized, as the program has it."""
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    forget_compiled()
    yield
    jax.config.update("jax_disable_most_optimizations", before)
    forget_compiled()


@pytest.fixture
def shared_data() -> Path:
    """The folder of real meshes, images and malformed files; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    return SHARED


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
