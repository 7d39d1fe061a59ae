"""How every benchmark measures: the least of many medians, and what machine it ran on. Times in milliseconds.

A median over a few calls hides a hiccup; the least of such medians is what an idle machine gives, even on a busy one.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def machine() -> str:
    """One line: processor, the GPU where JAX has one, cores this process may use, load, Python, and the versions of the
    numeric libraries."""
    import jax
    import numba
    import numpy

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    chosen = jax.devices()[0]
    gpu = "" if chosen.platform == "cpu" else f", JAX on {chosen.device_kind}"
    versions = f"Python {platform.python_version()}, NumPy {numpy.__version__}, Numba {numba.__version__}"
    return f"{_processor()}{gpu}, {cores} cores{load()}, {platform.system()}; {versions}, JAX {jax.__version__}"


def load() -> str:
    """ ", load 0.5": of the last minute; nothing where the system does not tell."""
    return f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""


def _processor() -> str:
    """The processor's name, where the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def median_ms(call: Callable[[], Any], calls: int = 5) -> float:
    """Median time of `calls` calls."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def least_of_medians(call: Callable[[], Any], medians: int = 20, calls: int = 5, warm_up: int = 3) -> float:
    """Least of `medians` medians, each over `calls` calls, after `warm_up` calls that compile and fill the caches."""
    for _ in range(warm_up):
        call()
    return min(median_ms(call, calls) for _ in range(medians))


def compare(calls: dict[str, Callable[[], Any]], medians: int = 20, repeats: int = 5) -> dict[str, float]:
    """least_of_medians of several calls taken in turns, so that a busy spell of the machine meets them all."""
    for call in calls.values():
        for _ in range(3):
            call()
    rounds = [{name: median_ms(call, repeats) for name, call in calls.items()} for _ in range(medians)]
    return {name: min(r[name] for r in rounds) for name in calls}
