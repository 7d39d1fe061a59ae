"""What `rimlight doctor` says about this machine, apart from the display: versions, devices, folders."""

from __future__ import annotations

import locale
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import psutil

from core.accelerators import complaints
from core.engine import caches
from core.versions import versions

Line = tuple[str, str]
"""What is asked, and the answer."""


def version_lines() -> Iterator[Line]:
    """Python, the platform, and every package a report names."""
    yield from versions().items()


def device_lines() -> Iterator[Line]:
    """JAX's devices; imports JAX."""
    try:
        import jax

        for device in jax.devices():
            yield "jax device", f"{device.platform}: {device.device_kind}"
        for complaint in complaints:
            yield "gpu", f"not used: {complaint}"
    except Exception as error:  # a broken installation is what a doctor is for
        yield "jax device", f"none: {type(error).__name__}: {' '.join(str(error).split())}"


def system_lines() -> Iterator[Line]:
    """Processors, memory, words and numbers, clocks: what a machine may lack or say otherwise."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    asked = [f"{name}={os.environ[name]}" for name in _THREAD_SETTINGS if name in os.environ]
    yield "processors", ", ".join([f"{os.cpu_count()}, {usable} of them for this process", *asked])
    yield "memory", _memory()
    shared = Path("/dev/shm")
    if shared.is_dir():
        yield "shared memory", f"{_free(shared)} free; pictures cross to the window in it"
    yield "locale", _locale()
    clock = time.get_clock_info("perf_counter")
    yield "clock", "steady" if clock.monotonic and not clock.adjustable else "NOT STEADY: times may be wrong"


def display_line() -> Line:
    """Where the window would open. Asks nobody: app/gl_probe.py does."""
    if sys.platform in ("win32", "darwin"):
        return "display", "the desktop's"
    names = ("WAYLAND_DISPLAY", "DISPLAY", "QT_QPA_PLATFORM")
    found = [f"{name}={os.environ[name]}" for name in names if os.environ.get(name)]
    return "display", ", ".join(found) or "none: the window cannot open; rimlight fit, derive and check need none"


_THREAD_SETTINGS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "XLA_FLAGS")


def _memory() -> str:
    try:
        memory = psutil.virtual_memory()
        return f"{memory.total / 2**30:.1f} GiB, {memory.available / 2**30:.1f} GiB available"
    except (psutil.Error, OSError, NotImplementedError):
        return "unknown"


def _locale() -> str:
    """The user's own; files and fields take and write a decimal point whatever it is."""
    before = locale.setlocale(locale.LC_NUMERIC)
    try:
        chosen = locale.setlocale(locale.LC_NUMERIC, "")
        point = str(locale.localeconv()["decimal_point"])
    except locale.Error as error:
        return f"{error}; names are {sys.getfilesystemencoding()}"
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)
    return f"{chosen}, decimal {'comma' if point == ',' else 'point'}, file names in {sys.getfilesystemencoding()}"


def _free(place: Path) -> str:
    free = shutil.disk_usage(place).free
    return f"{free / 2**30:.1f} GiB" if free >= 2**30 else f"{free / 2**20:.0f} MiB"


def folder_lines() -> Iterator[Line]:
    """Where files are kept, and whether they can be written there."""
    cache = caches.folder()
    numba = os.environ.get("NUMBA_CACHE_DIR")
    kernels = Path(__file__).resolve().parents[1] / "kernels"
    folders = {
        "settings": _settings_folder(),
        "autosave": _settings_folder() / "autosave",
        "cache": cache,
        "jax cache": Path(os.environ.get("JAX_COMPILATION_CACHE_DIR", cache / "jax")),
        "numba cache": Path(numba) if numba else kernels,
    }
    for name, folder in folders.items():
        yield name, f"{folder} ({_state(folder)})"


def _settings_folder() -> Path:
    """Where the window's QSettings lie (app/settings.py: INI, user scope), without asking Qt."""
    if sys.platform == "win32":
        return Path(platformdirs.user_config_dir("rimlight", appauthor=False, roaming=True))
    return Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")) / "rimlight"


def _state(folder: Path) -> str:
    there = caches.existing(folder)
    state = f"writable, {_free(there)} free" if caches.writable(folder) else "NOT WRITABLE"
    return state if there == folder else f"not there yet, {state}"
