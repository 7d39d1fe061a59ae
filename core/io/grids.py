"""Signed distance grids: .npz (ours), .npy, SDFGen's text .sdf, Mitsuba's .vol, .nrrd and .vti; written as .npz.

In memory always [ix, iy, iz], negative inside, with origin and spacing (3,) in file units. Where a file gives no spacing,
nodes are evenly spaced and the longest side spans [-1, 1].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.experiment import GridSpec
from core.io.atomic import atomic_path
from core.io.files import checked_path
from core.io.grid_checks import (
    FILE_LIMIT,
    GridData,
    checked_values,
    gradient_near_surface,
    oddities,
    placement,
    require_scale,
)
from core.io.grid_numpy import NAME, read_numpy
from core.io.grid_text import read_sdfgen
from core.io.grid_volume import read_mitsuba
from core.io.nrrd import read_nrrd
from core.io.vti import read_vti

READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".npz": read_numpy,
    ".npy": read_numpy,
    ".sdf": read_sdfgen,
    ".vol": read_mitsuba,
    ".nrrd": read_nrrd,
    ".vti": read_vti,
}
"""Each gives "sdf" (nx, ny, nz) and, where the file has them, "origin" and "spacing"; "notes" are warnings."""

PER_VOXEL = (0.8, 1.2)
"""Median change from node to node that tells distances counted in voxels, where the file's own box says otherwise."""


def load_grid(path: str | Path, spec: GridSpec = GridSpec()) -> GridData:
    """Read a grid; `spec` says what a file cannot (core/experiment.py). Raises RimlightError naming file and cause."""
    path = checked_path(path, FILE_LIMIT)
    arrays = READERS.get(path.suffix.lower(), read_numpy)(path)
    values = _arranged(checked_values(path, arrays[NAME]), spec)
    if spec.spacing is not None:
        arrays["spacing"] = np.asarray(spec.spacing)
    if spec.origin is not None:
        arrays["origin"] = np.asarray(spec.origin)
    origin, spacing = placement(path, arrays, values.shape)
    require_scale(path, values, origin, spacing)
    inside = values < 0
    gradient = gradient_near_surface(values, spacing, inside)
    notes = tuple(str(note) for note in arrays.get("notes", ()))
    if path.suffix.lower() == ".vol" and PER_VOXEL[0] < gradient * spacing.min() < PER_VOXEL[1]:
        values, gradient = values * np.float32(spacing.min()), gradient * float(spacing.min())
        notes = (*notes, "its distances are counted in voxels; they were scaled to the size of its box")
    warnings, cut = oddities(values, inside, gradient)
    data = GridData(path, values, origin, spacing, gradient, cut, (*notes, *warnings))
    return redistanced(data) if spec.redistance else data


def redistanced(data: GridData) -> GridData:
    """The same surface with true distances to it at every node. A grid without a surface stays as it is."""
    from core.redistance import grid_distances

    values = grid_distances(data.values, data.origin, data.spacing)
    gradient = gradient_near_surface(values, data.spacing, values < 0)
    kept = tuple(w for w in data.warnings if not w.startswith("not a distance"))
    return dataclasses.replace(data, values=values, gradient=gradient, warnings=kept)


def _arranged(values: np.ndarray, spec: GridSpec) -> np.ndarray:
    """[ix, iy, iz], negative inside, from axes and signs as the spec says they are."""
    order = ["xyz".index(axis) for axis in spec.axes]
    turned = np.ascontiguousarray(np.transpose(values, np.argsort(order)))
    return -turned if spec.negate else turned


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
