"""Mitsuba's binary volumes (.vol, version 3): one channel of numbers over a box, x fastest.

A box whose bounds were written as integers (Mitsuba's own example is one) is recognised: read as floats they vanish.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.grid_checks import require_size

HEAD = struct.Struct("<3sBiiiii")
BOX_BYTES = 24
TYPES = {1: "<f4", 2: "<f2", 3: "<u1"}
VANISHING = 1e-30
"""Largest bound below which a box is no box: small integers read as floats are about 1e-45."""


def read_mitsuba(path: Path) -> dict[str, np.ndarray]:
    """ "sdf" (nx, ny, nz), "origin" and "spacing" (3,), perhaps "notes". Raises RimlightError."""
    data = path.read_bytes()
    if len(data) < HEAD.size + BOX_BYTES or data[:3] != b"VOL":
        raise RimlightError(f"{path.name}: is no Mitsuba volume (it does not begin with 'VOL'); export it again")
    _, version, kind, nx, ny, nz, channels = HEAD.unpack_from(data)
    if version != 3 or kind not in TYPES:
        raise RimlightError(
            f"{path.name}: version {version}, type {kind}; read are version 3 with type 1, 2 or 3 (float32, float16, uint8)"
        )
    if channels != 1:
        raise RimlightError(
            f"{path.name}: has {channels} channels, a grid of distances has 1; export the distance alone"
        )
    require_size(path, (nx, ny, nz), "the volume")
    dtype = np.dtype(TYPES[kind])
    start, need = HEAD.size + BOX_BYTES, nx * ny * nz * dtype.itemsize
    if len(data) - start != need:
        raise RimlightError(
            f"{path.name}: {len(data) - start:,} bytes of values, but {nx} x {ny} x {nz} nodes need {need:,}; "
            "the file is cut off or damaged"
        )
    low, high, notes = _box(path, data[HEAD.size : start])
    values = np.frombuffer(data, dtype, offset=start).reshape(nz, ny, nx).transpose(2, 1, 0)
    spacing = (high - low) / (np.array(values.shape) - 1)
    return {"sdf": values, "origin": low, "spacing": spacing, "notes": np.array(notes)}


def _box(path: Path, data: bytes) -> tuple[np.ndarray, np.ndarray, list[str]]:
    bounds = np.frombuffer(data, "<f4").astype(np.float64)
    if np.isfinite(bounds).all() and np.abs(bounds).max() < VANISHING:
        bounds = np.frombuffer(data, "<i4").astype(np.float64)
        if bounds.any():
            notes = ["its box was written as integers; they were read as such"]
            return bounds[:3], bounds[3:], notes
    if not np.isfinite(bounds).all() or (bounds[3:] <= bounds[:3]).any():
        raise RimlightError(f"{path.name}: its box {bounds.tolist()} has no volume; export it again")
    return bounds[:3], bounds[3:], []
