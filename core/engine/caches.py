"""Where compiled code is kept between starts: JAX's and Numba's caches in the user's cache folder.

Call `configure` before JAX or Numba is imported; both read the environment then. What the user set himself stays.
"""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import warnings
import zlib
from pathlib import Path

import platformdirs

from core.accelerators import add_atomically, complain_plainly, settle

LIMIT_BYTES = 1 << 30
"""The most that compiled code may take on disk: some thousand programs of 0.1 to 1 MB. The oldest go first."""

LOOKED, ENTRY_ENDING = ".looked", "-cache"
"""The file whose time says when entries were last looked at, and how JAX names them."""
ZLIB = b"\x78"
"""How a zlib stream begins; with the package zstandard, which we do not install, JAX writes another."""

GC_THRESHOLDS = (100_000, 20, 50)
"""Allocations between two collections, and the ratios of the older generations. Tracing allocates so much that
Python's own (700, 10, 10) take a fifth of the time from start to the first step (measured: 2.7 s against 2.2)."""

DEVICE_SETTINGS = {
    # A desktop shares its GPU with the screen: take memory as it is needed, not three quarters of it at once.
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    # A GPU of today multiplies float32 matrices in TF32 unless told otherwise: the gradient of a network's weights was
    # 19 % off with inputs rounded so. The processor knows no other way.
    "JAX_DEFAULT_MATMUL_PRECISION": "highest",
}
"""Of the environment, before JAX is imported."""

_JAX_SETTINGS = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    **DEVICE_SETTINGS,
}


def folder() -> Path:
    """Rimlight's cache folder. It may not exist yet."""
    return Path(platformdirs.user_cache_dir("rimlight", appauthor=False))


def configure() -> None:
    """Point JAX and Numba at the caches, and bound JAX's; without a place to write, both simply compile anew. Let Python
    collect less often, for tracing's sake; let JAX compute on a GPU only where that works, and say in a line why not."""
    gc.set_threshold(*GC_THRESHOLDS)
    complain_plainly()
    kept = Path(os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder() / "jax")))
    for name, value in _JAX_SETTINGS.items():
        os.environ.setdefault(name, value)
    add_atomically()
    package = Path(__file__).resolve().parents[1] / "kernels"
    if "NUMBA_CACHE_DIR" not in os.environ and not writable(package):  # it keeps its code beside the source if it may
        own = folder() / "numba"
        # Numba refuses to import where it can write nowhere. A folder of one's own: what lies in it is unpickled.
        os.environ["NUMBA_CACHE_DIR"] = str(own) if writable(own) else tempfile.mkdtemp(prefix="rimlight-numba-")
    # JAX goes on without the entry, and says it in two lines of its own where the user expects ours.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache entry", UserWarning)
    with contextlib.suppress(OSError):
        drop_half_written(kept)
        prune(kept, LIMIT_BYTES)
    settle()


def writable(place: Path) -> bool:
    """Whether a file can be made in `place`, or in the nearest folder above it that exists. Asks by making one, since
    permissions alone do not tell of read-only disks."""
    try:
        with tempfile.TemporaryFile(dir=existing(place)):
            return True
    except OSError:
        return False


def existing(place: Path) -> Path:
    """`place`, or the nearest folder above it that exists. What lies in a folder that may not be looked into, as in a home
    that is another user's, does not exist for us: then it is that folder, which cannot be written."""
    return next(folder for folder in (place, *place.absolute().parents) if os.path.exists(folder))


def drop_half_written(cache: Path) -> None:
    """Delete what a full disk or a killed engine has left half of: JAX would fail to read it at every start, and never
    write it anew. Looks at what was written since the last look."""
    if not cache.is_dir():
        return
    stamp = cache / LOOKED
    since = stamp.stat().st_mtime if stamp.exists() else 0.0
    written = [Path(entry.path) for entry in os.scandir(cache) if entry.is_file() and entry.stat().st_mtime >= since]
    for file in written:
        if file.name.endswith(ENTRY_ENDING) and not _whole(file):
            file.unlink(missing_ok=True)
    stamp.touch()


def _whole(file: Path) -> bool:
    """Whether a compressed entry can be read to its end. Of a kind that cannot be told, yes."""
    data = file.read_bytes()
    if not data.startswith(ZLIB):
        return bool(data)
    reader = zlib.decompressobj()
    try:
        reader.decompress(data)
    except zlib.error:
        return False
    return reader.eof


def prune(cache: Path, limit: int) -> None:
    """Delete the least recently changed files of `cache` until it holds at most `limit` bytes, with what JAX has tuned
    for a GPU, in a folder of its own there."""
    if not cache.is_dir():
        return
    folders = [cache, *(entry.path for entry in os.scandir(cache) if entry.is_dir())]
    files = [(entry.stat(), entry.path) for folder in folders for entry in os.scandir(folder) if entry.is_file()]
    excess = sum(stat.st_size for stat, _ in files) - limit
    for stat, path in sorted(files, key=lambda file: file[0].st_mtime):
        if excess <= 0:
            return
        with contextlib.suppress(OSError):  # another engine deleted it first
            os.unlink(path)
            excess -= stat.st_size
