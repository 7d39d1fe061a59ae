"""What `rimlight doctor` says about this machine, apart from the display: versions, devices, folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import platformdirs

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
    except Exception as error:  # a broken installation is what a doctor is for
        yield "jax device", f"none: {type(error).__name__}: {' '.join(str(error).split())}"
    yield "processors", str(os.cpu_count())


def folder_lines() -> Iterator[Line]:
    """Where files are kept, and whether they can be written there."""
    cache = caches.folder()
    numba = os.environ.get("NUMBA_CACHE_DIR")
    kernels = Path(__file__).resolve().parents[1] / "kernels"
    folders = {
        "settings": _settings_folder(),
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
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "rimlight"


def _state(folder: Path) -> str:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    writable = "writable" if os.access(existing, os.W_OK) else "NOT WRITABLE"
    return writable if existing == folder else f"not there yet, {writable}"
