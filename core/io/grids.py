"""Signed distance grids in .npz: "sdf" [ix, iy, iz], negative inside, and optionally "origin" and "spacing" (3,).

Headers are read and sizes checked before any array is unpacked; pickles are never opened. Where a file gives no
spacing, nodes are evenly spaced and the longest side spans [-1, 1].
"""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.errors import RimlightError
from core.io.atomic import atomic_path
from core.io.files import MEBIBYTE, checked_path

FILE_LIMIT = 2048 * MEBIBYTE
NODE_LIMIT = 320**3
"""Largest grid read: 125 MiB as float32; a step on more would take seconds."""
LEAST_NODES = 4
"""Nodes a side: normals need a neighbourhood of four."""
NAME = "sdf"
PLACES = ("origin", "spacing")
DAMAGED = (
    OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, UnicodeDecodeError, IndexError,
    struct.error,
)  # fmt: skip
"""What a damaged archive makes zipfile raise."""
STEEP, FLAT = 1.5, 0.5
"""Median gradient length near the surface beyond which a grid is said not to hold distances (own choice: a distance
sampled coarsely enough to be useless still measures 0.8 to 1.1)."""


@dataclass(frozen=True)
class GridData:
    """values: (nx, ny, nz) float32, C order. origin, spacing: (3,) float64, file units: node i at origin + i * spacing.

    gradient: median gradient length near the surface, 1 for a distance. open: the surface runs out of the box.
    """

    path: Path
    values: np.ndarray
    origin: np.ndarray
    spacing: np.ndarray
    gradient: float = 1.0
    open: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One short line: size, extent, range, and whether the surface runs out of the box."""
        size = " x ".join(str(n) for n in self.values.shape)
        extent = " x ".join(f"{e:.4g}" for e in (np.array(self.values.shape) - 1) * self.spacing)
        reach = f"distances {self.values.min():.4g} to {self.values.max():.4g}"
        return f"{size} nodes, {extent} units, {reach}{', cut open by its box' if self.open else ''}"


def load_grid(path: str | Path) -> GridData:
    """Read a grid from .npz, or from a .npy of one array. Raises RimlightError naming the file and the cause."""
    path = checked_path(path, FILE_LIMIT)
    try:
        with path.open("rb") as file:
            arrays = _read_archive(path, file) if zipfile.is_zipfile(file) else _read_single(path, file)
    except DAMAGED as error:
        raise RimlightError(
            f"{path.name}: the archive is damaged or cut off ({_short(error)}); save it again"
        ) from error
    values = _checked_values(path, arrays[NAME])
    origin, spacing = _placement(path, arrays, values.shape)
    inside = values < 0
    gradient = _gradient_near_surface(values, spacing, inside)
    warnings, cut = _oddities(values, inside, gradient)
    return GridData(path, values, origin, spacing, gradient, cut, warnings)


def save_grid(path: str | Path, values: np.ndarray, origin: np.ndarray, spacing: np.ndarray) -> None:
    """Write a compressed .npz that `load_grid` reads back. values: (nx, ny, nz). Raises RimlightError."""
    if Path(path).suffix.lower() != ".npz":
        raise RimlightError(f"{path}: a grid is saved as .npz; change the ending")
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            sdf=np.ascontiguousarray(values, np.float32),
            origin=np.asarray(origin, np.float64),
            spacing=np.asarray(spacing, np.float64),
        )


# ---------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def count(self) -> int:
        return int(np.prod([int(n) for n in self.shape], dtype=object)) if self.shape else 1


def _read_archive(path: Path, file: BinaryIO) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist() if not info.is_dir()}
        chosen = _choose(path, list(members))
        arrays = {}
        for name in (chosen, *(p for p in PLACES if p in members)):
            info = members[name]
            with archive.open(info) as stream:
                header = _read_header(path, stream, name)
                _require_grid(path, header, name) if name == chosen else _require_place(path, header, name)
                start = stream.tell()
                if info.file_size - start != header.count * header.dtype.itemsize:
                    raise RimlightError(
                        f"{path.name}: '{name}' holds {info.file_size - start:,} bytes but its shape {header.shape} "
                        f"needs {header.count * header.dtype.itemsize:,}; save it again"
                    )
                stream.seek(0)
                arrays[NAME if name == chosen else name] = _unpack(path, stream, name)
    return arrays


def _read_single(path: Path, file: BinaryIO) -> dict[str, np.ndarray]:
    file.seek(0)
    if file.read(6) != b"\x93NUMPY":
        raise RimlightError(
            f"{path.name}: is neither a .npz archive nor a .npy array, or is cut off; save it with numpy.savez"
        )
    file.seek(0)
    header = _read_header(path, file, "the array")
    _require_grid(path, header, "the array")
    need = file.tell() + header.count * header.dtype.itemsize
    if path.stat().st_size < need:
        raise RimlightError(
            f"{path.name}: the file is cut off ({path.stat().st_size:,} of {need:,} bytes); save it again"
        )
    file.seek(0)
    return {NAME: _unpack(path, file, "the array")}


def _choose(path: Path, names: list[str]) -> str:
    """The member that is the grid: "sdf", or the only array that is not a place."""
    if NAME in names:
        return NAME
    others = [name for name in names if name not in PLACES]
    if len(others) == 1:
        return others[0]
    found = f"found {', '.join(repr(name) for name in names)}" if names else "it is empty"
    raise RimlightError(f"{path.name}: no array is called 'sdf' ({found}); name the grid 'sdf'")


def _read_header(path: Path, stream: Any, name: str) -> _Header:
    """Shape and type from a .npy header; nothing of the data is read."""
    try:
        version = np.lib.format.read_magic(stream)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = reader(stream)
    except (ValueError, TypeError, SyntaxError, KeyError, tokenize.TokenError) as error:
        raise RimlightError(
            f"{path.name}: '{name}' is no NumPy array ({_short(error)}); save it with numpy.savez"
        ) from error
    if dtype.hasobject:
        raise RimlightError(
            f"{path.name}: {name} holds pickled Python objects, which are never opened; save a plain array of numbers"
        )
    if dtype.kind not in "fiu":
        raise RimlightError(
            f"{path.name}: '{name}' has type {dtype}, expected real numbers; save signed distances as float32"
        )
    return _Header(tuple(int(n) for n in shape), dtype)


def _require_grid(path: Path, header: _Header, name: str) -> None:
    if len(header.shape) != 3:
        raise RimlightError(
            f"{path.name}: expected a 3-D array, got shape {header.shape} in '{name}'; save distances as [x, y, z]"
        )
    if min(header.shape) < LEAST_NODES:
        raise RimlightError(
            f"{path.name}: '{name}' has shape {header.shape}, expected at least {LEAST_NODES} nodes a side; "
            "sample it finer"
        )
    if header.count > NODE_LIMIT:
        raise RimlightError(
            f"{path.name}: '{name}' has shape {header.shape}, {header.count:,} nodes, more than the {NODE_LIMIT:,} "
            "that are read; sample it coarser"
        )


def _require_place(path: Path, header: _Header, name: str) -> None:
    if header.shape not in ((), (1,), (3,)):
        raise RimlightError(f"{path.name}: '{name}' has shape {header.shape}, expected three numbers (x, y, z)")


def _unpack(path: Path, stream: Any, name: str) -> np.ndarray:
    try:
        return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, TypeError) as error:
        raise RimlightError(f"{path.name}: '{name}' is damaged or cut off ({_short(error)}); save it again") from error


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 80 else text[:77] + "..."


# ---------------------------------------------------------------------------------------------- checking


def _checked_values(path: Path, array: np.ndarray) -> np.ndarray:
    """Finite float32 in C order."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.ascontiguousarray(array, np.float32)
    bad = ~np.isfinite(values)
    if bad.any():
        first = [int(i) for i in np.argwhere(bad)[0]]
        count, value = int(bad.sum()), array[tuple(first)]
        raise RimlightError(
            f"{path.name}: {count:,} value{'' if count == 1 else 's'} not finite, the first at {first} ({value}); "
            "fill them with distances"
        )
    return values


def _placement(path: Path, arrays: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """origin and spacing (3,) float64, from the file or by the rule of the module docstring."""
    spacing = np.full(3, 2.0 / (max(shape) - 1))
    if "spacing" in arrays:
        spacing = np.array(np.broadcast_to(arrays["spacing"], 3), np.float64)
        if not (np.isfinite(spacing).all() and (spacing > 0).all()):
            raise RimlightError(f"{path.name}: 'spacing' is {spacing.tolist()}, expected three positive numbers")
    origin = -0.5 * spacing * (np.array(shape) - 1)
    if "origin" in arrays:
        origin = np.array(np.broadcast_to(arrays["origin"], 3), np.float64)
        if not np.isfinite(origin).all():
            raise RimlightError(f"{path.name}: 'origin' is {origin.tolist()}, expected three finite numbers")
    return origin, spacing


def _oddities(values: np.ndarray, inside: np.ndarray, gradient: float) -> tuple[tuple[str, ...], bool]:
    """(warnings, whether the surface runs out of the box). inside: values < 0. gradient: see GridData."""
    warnings = []
    if not FLAT <= gradient <= STEEP:
        effect = "would overshoot" if gradient > STEEP else "is slow"
        warnings.append(
            f"not a distance: grad length about {gradient:.2g}, expected 1; sphere tracing {effect}, so its steps "
            "follow the steepest slope; re-distance the grid, or check its spacing"
        )
    if inside.all() or not inside.any():
        warnings.append(
            f"grid has no zero crossing (min {values.min():.4g}, max {values.max():.4g}): there is no surface to see"
        )
        return tuple(warnings), False
    border = np.concatenate([np.take(inside, i, axis=a).ravel() for a in range(3) for i in (0, -1)])
    if border.mean() > 0.5:
        warnings.append(
            "most of the border is negative: distances should be positive outside; if these are not, negate the grid"
        )
    return tuple(warnings), bool(border.any())


def _gradient_near_surface(values: np.ndarray, spacing: np.ndarray, inside: np.ndarray) -> float:
    """Median length of the forward-difference gradient in cells that the surface crosses (in all, without one)."""
    cell = (slice(None, -1),) * 3
    crossed = np.zeros(tuple(n - 1 for n in values.shape), bool)
    squared = np.zeros(crossed.shape, np.float32)
    for axis in range(3):
        ahead = tuple(slice(1, None) if a == axis else slice(None, -1) for a in range(3))
        crossed |= inside[ahead] != inside[cell]
        with np.errstate(over="ignore", invalid="ignore"):
            squared += ((values[ahead] - values[cell]) / np.float32(spacing[axis])) ** 2
    chosen = squared[crossed] if crossed.any() else squared.ravel()
    return float(np.sqrt(np.median(chosen)))
