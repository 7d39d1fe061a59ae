"""What every grid must satisfy, whichever file it came in, and what is said of odd ones.

Values are [ix, iy, iz], negative inside; node i lies at origin + i * spacing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.files import MEBIBYTE

FILE_LIMIT = 2048 * MEBIBYTE
NODE_LIMIT = 320**3
"""Largest grid read: 125 MiB as float32; a step on more would take seconds."""
LENGTHS = (1e-30, 1e30)
"""Of a spacing, and the most of an origin: within what a 32-bit float can hold (1e-38 to 3e38), and its square in 64."""
FARTHEST = 1e12
"""Sides of the box that a value may measure: its square must fit a 32-bit float once the box has the size of 1."""
LEAST_NODES = 4
"""Nodes a side: normals need a neighbourhood of four."""
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


def require_size(path: Path, shape: tuple[int, ...], name: str) -> None:
    """Raise RimlightError unless an array of this shape can be a grid; before any of it is read."""
    if any(n > FILE_LIMIT for n in shape):
        raise RimlightError(f"{path.name}: the number of nodes in {name} is beyond all files; export it again")
    if len(shape) != 3:
        raise RimlightError(
            f"{path.name}: expected a 3-D array, got shape {shape} in {name}; save distances as [x, y, z]"
        )
    if min(shape) < LEAST_NODES:
        raise RimlightError(
            f"{path.name}: {name} has shape {shape}, expected at least {LEAST_NODES} nodes a side; sample it finer"
        )
    count = int(np.prod([int(n) for n in shape], dtype=object))
    if count > NODE_LIMIT:
        raise RimlightError(
            f"{path.name}: {name} has shape {shape}, {count:,} nodes, more than the {NODE_LIMIT:,} "
            "that are read; sample it coarser"
        )


def checked_values(path: Path, array: np.ndarray) -> np.ndarray:
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


def placement(path: Path, arrays: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
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


def require_scale(path: Path, values: np.ndarray, origin: np.ndarray, spacing: np.ndarray) -> None:
    """Raise RimlightError where lengths, or values beside them, are none that 32-bit floats can be computed with."""
    low, high = LENGTHS
    if spacing.min() < low or max(spacing.max(), np.abs(origin).max()) > high:
        raise RimlightError(
            f"{path.name}: 'spacing' {spacing.tolist()} and 'origin' {origin.tolist()} are no lengths of a box; allowed: "
            f"{low:g} to {high:g}"
        )
    side, most = float((spacing * (np.array(values.shape) - 1)).max()), float(np.abs(values).max())
    if most > FARTHEST * side:
        raise RimlightError(
            f"{path.name}: a value of {most:.3g} is no distance in a box of {side:.3g}; fill what is far away with "
            "distances, or correct the spacing"
        )


def oddities(values: np.ndarray, inside: np.ndarray, gradient: float) -> tuple[tuple[str, ...], bool]:
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


def gradient_near_surface(values: np.ndarray, spacing: np.ndarray, inside: np.ndarray) -> float:
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
