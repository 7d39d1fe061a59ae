"""A trilinear grid evaluated at hits: the 32 samples around each, and the distance and normal made of them.

Normals are central differences at the eight corners of the cell, trilinearly interpolated (SDFDiff, section 3): a
neighbourhood of 4 x 4 x 4 samples less those with two or more coordinates outside the cell. The cell is frozen.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernels.field import FieldSamples
from kernels.linear import linear_map
from kernels.types import Plane, Planes

Offset = tuple[int, int, int]

OFFSETS = tuple(
    (i, j, k)
    for i in range(-1, 3)
    for j in range(-1, 3)
    for k in range(-1, 3)
    if sum(axis in (-1, 2) for axis in (i, j, k)) <= 1
)
"""The 32 distinct samples, relative to the cell's lowest corner."""

CHUNK = 4096
"""Hits whose cotangents are scattered at a time: cost follows the number of hits, shapes do not. 256x256 pixels, 64^3,
half of them hits: 8 ms value-and-gradient against 17 with all pixels scattered (2 busy cores)."""


def padded_count(height: int, width: int) -> int:
    """Length of FieldSamples.hits: all pixels, rounded up to whole chunks."""
    return -(-height * width // CHUNK) * CHUNK


def extrapolated(values: Any) -> Any:
    """(nx, ny, nz) -> two larger on each axis, by quadratic extrapolation: border normals are one-sided, second order.

    (SDFDiff's code does the same.) Needs at least three nodes on each axis.
    """
    for axis in range(3):
        node = lambda i, grid=values, axis=axis: jax.lax.slice_in_dim(
            grid, i % grid.shape[axis], i % grid.shape[axis] + 1, axis=axis
        )
        low = 3.0 * node(0) - 3.0 * node(1) + node(2)
        high = 3.0 * node(-1) - 3.0 * node(-2) + node(-3)
        values = jnp.concatenate([low, values, high], axis=axis)
    return values


def gather(values: Any, base: Plane, samples: FieldSamples, offsets: tuple[int, ...]) -> Planes:
    """The planes values.reshape(-1)[base + offset]; linear in `values` (any shape), transposed over the hits only.

    base: (H, W) int32. Pixels that miss read something and pass no cotangent back.
    """
    size = values.size
    pixels = base.size

    def forward(residuals: Any, grid: Any) -> Planes:
        start, _, _ = residuals
        planes = tuple(grid.at[start + o].get(mode="promise_in_bounds").reshape(base.shape) for o in offsets)
        return jax.lax.optimization_barrier(planes)

    def transpose(residuals: Any, planes: Planes) -> Any:
        start, hits, count = residuals
        flat = [plane.reshape(pixels) for plane in planes]

        def add_chunk(index: Any, grid: Any) -> Any:
            first = index * CHUNK
            chosen = jax.lax.dynamic_slice_in_dim(hits, first, CHUNK)
            valid = first + jnp.arange(CHUNK, dtype=count.dtype) < count
            place = start.at[chosen].get(mode="promise_in_bounds")
            for offset, plane in zip(offsets, flat):
                part = jnp.where(valid, plane.at[chosen].get(mode="promise_in_bounds"), 0.0)
                grid = grid.at[place + offset].add(part, mode="promise_in_bounds")
            return grid

        chunks = (count + (CHUNK - 1)) // CHUNK
        return jax.lax.fori_loop(0, chunks, add_chunk, jnp.zeros(size, flat[0].dtype))

    residuals = (base.reshape(pixels), samples.hits, samples.count)
    return linear_map(forward, transpose, residuals, values.reshape(size))


CORNERS = tuple((i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1))
"""Of the cell itself."""


class CellField:
    """Distance and slope of a grid at any points, by the trilinear cell around each; no normal."""

    def __init__(self, values: Any, origin: Any, spacing: Any, point: Planes) -> None:
        """values (nx, ny, nz), origin (3,), spacing (3,), point: 3 planes of any shape, all in object units."""
        self._origin, self._spacing = origin, spacing
        self._cell, index = self._cells(values, point)
        _, ny, nz = values.shape
        base = (index[0] * ny + index[1]) * nz + index[2]
        flat = values.reshape(-1)
        self._near = {
            (i, j, k): flat.at[base + (i * ny + j) * nz + k].get(mode="promise_in_bounds") for i, j, k in CORNERS
        }

    def _cells(self, values: Any, point: Planes) -> tuple[Planes, Planes]:
        """The lowest corner of the cell of each point, as floating-point and as integer planes; frozen."""
        cell = []
        for axis, place in enumerate(jax.lax.stop_gradient(self._place(point))):
            cell.append(jnp.clip(jnp.floor(place), 0, values.shape[axis] - 2))
        return tuple(cell), tuple(c.astype(jnp.int32) for c in cell)

    def distance(self, point: Planes) -> Plane:
        return self._interpolate(self._weights(point), lambda corner: self._near[corner])

    def slope(self, point: Planes, direction: Planes) -> Plane:
        weights = self._weights(point)
        total: Any = 0.0
        for axis in range(3):
            ends = [jnp.ones_like(weights[axis][0])] * 2
            across = [ends if a == axis else w for a, w in enumerate(weights)]
            sign = lambda corner, axis=axis: self._near[corner] * (1.0 if corner[axis] else -1.0)
            total = total + self._interpolate(across, sign) * (direction[axis] / self._spacing[axis])
        return total

    def _place(self, point: Planes) -> Planes:
        """Object points -> grid coordinates (nodes at integers)."""
        return tuple((point[axis] - self._origin[axis]) / self._spacing[axis] for axis in range(3))

    def _weights(self, point: Planes) -> list[list[Plane]]:
        """Per axis: weights of the cell's low and high side; they extrapolate outside it."""
        fraction = [place - cell for place, cell in zip(self._place(point), self._cell)]
        return [[1.0 - f, f] for f in fraction]

    @staticmethod
    def _interpolate(weights: list[list[Plane]], value: Any) -> Plane:
        x, y, z = weights
        along = lambda i, j: value((i, j, 0)) * z[0] + value((i, j, 1)) * z[1]
        across = lambda i: along(i, 0) * y[0] + along(i, 1) * y[1]
        return across(0) * x[0] + across(1) * x[1]


class GridField(CellField):
    """A LocalField (kernels/field.py): the trilinear cell around each point of `point` at construction."""

    def __init__(self, values: Any, origin: Any, spacing: Any, samples: FieldSamples, point: Planes) -> None:
        """values (nx, ny, nz), origin (3,), spacing (3,), point: 3 planes (H, W), all in object units."""
        self._origin, self._spacing = origin, spacing
        larger = jax.lax.optimization_barrier(extrapolated(values))
        _, ny, nz = larger.shape
        self._cell, index = self._cells(values, point)
        base = ((index[0] + 1) * ny + index[1] + 1) * nz + index[2] + 1
        flat = tuple((i * ny + j) * nz + k for i, j, k in OFFSETS)
        self._near = dict(zip(OFFSETS, gather(larger, base, samples, flat)))

    def normal(self, point: Planes) -> Planes:
        weights = self._weights(point)
        gradient = []
        for axis in range(3):
            step = (int(axis == 0), int(axis == 1), int(axis == 2))

            def difference(corner: Offset, step: Offset = step) -> Plane:
                return self._near[_moved(corner, step, 1)] - self._near[_moved(corner, step, -1)]

            gradient.append(self._interpolate(weights, difference) / (2.0 * self._spacing[axis]))
        return tuple(gradient)


def _moved(corner: Offset, step: Offset, times: int) -> Offset:
    i, j, k = (c + times * s for c, s in zip(corner, step))
    return i, j, k
