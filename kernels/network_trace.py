"""Looking at a network on the host: distances in batches of few sizes, sphere tracing, the least value along rays, a lattice.

Object space. Rays are origin + depth * q, one unit of depth (kernels/field.py ObjectRays). Rays that are done leave the
batch; what is left is padded to one of BATCHES, so that nothing is compiled anew.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels.field import FieldSamples, ObjectRays
from kernels.field_trace import compact
from kernels.network import DistanceNetwork
from kernels.network_parts import BIAS, TURN, WEIGHTS, Architecture

BATCHES = (256, 1024, 4096)
REACH = 1.2
"""Radius of the ball that rays are traced in: the unit sphere, and room to grow."""
MOST_STEPS = 48
"""Of sphere tracing: what is left after so many steps creeps along a surface, see `first_zeros`."""
REFINEMENTS = 3
PLACES = 48
"""Along rays that creep, where a zero is looked for, and along those that hit, where the least value is; rays that miss
have come by it when they were traced."""
COARSE = 4
"""Cells a side of the first blocks of a lattice, a power of 2; they are divided only where the surface may pass."""
STEEPEST = 1.5
"""Length of a network's gradient that blocks are left out by: fits stay near 1."""

Distances = Callable[[np.ndarray], np.ndarray]


@functools.cache
def _compiled(arch: Architecture) -> Callable[..., Any]:
    def run(weights: Any, bias: Any, turn: Any, points: Any) -> Any:
        return DistanceNetwork.of(arch, {WEIGHTS: weights, BIAS: bias, TURN: turn})(points)

    return jax.jit(run)


def distances_of(arch: Architecture, values: Mapping[str, Any]) -> Distances:
    """Points (n, 3) -> signed distances (n,) float32."""
    run = _compiled(arch)
    fixed = tuple(jnp.asarray(values[name], jnp.float32) for name in (WEIGHTS, BIAS, TURN))

    def distances(points: np.ndarray) -> np.ndarray:
        points = np.asarray(points, np.float32)
        found = np.empty(len(points), np.float32)
        start = 0
        while start < len(points):
            left = len(points) - start
            batch = next((b for b in BATCHES if b >= left), BATCHES[-1])
            part = np.zeros((batch, 3), np.float32)
            taken = min(batch, left)
            part[:taken] = points[start : start + taken]
            found[start : start + taken] = np.asarray(run(*fixed, part))[:taken]
            start += taken
        return found

    return distances


def ball_span(rays: ObjectRays, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depths (n,) where rays with directions q (n, 3) enter and leave the ball; enter >= leave where they miss it."""
    a = np.einsum("ij,ij->i", q, q)
    b = q @ rays.origin
    root = b * b - a * (rays.origin @ rays.origin - REACH * REACH)
    reach = np.sqrt(np.maximum(root, 0.0))
    enter, leave = np.maximum((-b - reach) / a, rays.near), (-b + reach) / a
    return np.where(root > 0, enter, 1.0), np.where(root > 0, leave, 0.0)


def trace_rays(
    distances: Distances, rays: ObjectRays, q: np.ndarray, tolerance: float, max_steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of rays with directions q (n, 3): depth of the first surface point, 0 for none; whether it was reached from
    inside; depth of the least value that tracing came by, 0 where the ball is missed. tolerance: at depth 1."""
    enter, leave = ball_span(rays, q)
    length = np.linalg.norm(q, axis=1)
    depth, before, previous = enter.copy(), np.zeros(len(q)), enter.copy()
    found, inside = np.zeros(len(q)), np.zeros(len(q), np.bool_)
    least, nearest = np.full(len(q), np.inf), np.where(enter < leave, enter, 0.0)
    alive = np.flatnonzero(enter < leave)
    for step in range(min(max_steps, MOST_STEPS)):
        if not len(alive):
            break
        f = distances(rays.origin + depth[alive, None] * q[alive]).astype(np.float64)
        closer = f < least[alive]
        least[alive[closer]], nearest[alive[closer]] = f[closer], depth[alive[closer]]
        crossed = (f < 0) != (before[alive] < 0) if step else np.zeros(len(alive), bool)
        share = np.where(crossed, before[alive] / np.where(crossed, before[alive] - f, 1.0), 0.0)
        middle = previous[alive] + (depth[alive] - previous[alive]) * share
        touched = ~crossed & (np.abs(f) < tolerance * depth[alive])
        found[alive] = np.where(crossed, middle, np.where(touched, depth[alive], 0.0))
        inside[alive] = np.where(crossed, before[alive] < 0, f < 0)
        on = ~(crossed | touched | (depth[alive] >= leave[alive]))
        alive, f = alive[on], f[on]
        previous[alive], before[alive] = depth[alive], f
        ahead = np.maximum(np.abs(f), 0.5 * tolerance * depth[alive]) / length[alive]
        depth[alive] = np.minimum(depth[alive] + ahead, leave[alive])
    if len(alive):
        zeros = first_zeros(distances, rays.origin, q[alive], depth[alive], leave[alive], PLACES)
        found[alive], inside[alive] = zeros
    return found, inside & (found > 0), nearest


def first_zeros(
    distances: Distances, origin: np.ndarray, q: np.ndarray, begin: np.ndarray, end: np.ndarray, places: int
) -> tuple[np.ndarray, np.ndarray]:
    """(depth (n,) of the first zero along rays with directions q (n, 3) between two depths, 0 for none; whether it is
    reached from inside). Where sphere tracing creeps along a surface: the distance is looked at in `places`, its least
    value then followed by parabolas, and the zero before what lies beyond it by the secant."""
    value = lambda rows, t: distances(origin + t[:, None] * q[rows]).astype(np.float64)
    rows = np.arange(len(q))
    t = begin[:, None] + (end - begin)[:, None] * np.linspace(0.0, 1.0, places)
    f = np.stack([value(rows, column) for column in t.T], axis=1) if len(q) else np.zeros((0, places))
    back = f[:, 0] < 0
    f *= np.where(back, -1.0, 1.0)[:, None]
    middle = np.clip(np.where((f < 0).any(axis=1), (f < 0).argmax(axis=1), f.argmin(axis=1)), 1, places - 2)
    picked = middle[:, None] + np.arange(-1, 2)
    t, f = np.take_along_axis(t, picked, axis=1), np.take_along_axis(f, picked, axis=1)
    for _ in range(REFINEMENTS):
        left = np.flatnonzero(f[:, 1] > 0)
        lowest = np.clip(_vertex(t[left], f[left]), t[left, 0], t[left, 2])
        there = value(left, lowest) * np.where(back[left], -1.0, 1.0)
        t[left], f[left] = _narrowed(t[left], f[left], lowest, there)
    found = np.zeros(len(q))
    rows = np.flatnonzero(f[:, 1] <= 0)
    low, high, f_low, f_high = t[rows, 0], t[rows, 1], f[rows, 0], f[rows, 1]
    for _ in range(REFINEMENTS):
        at = low + (high - low) * f_low / np.maximum(f_low - f_high, 1e-30)
        there = value(rows, at) * np.where(back[rows], -1.0, 1.0)
        before = there > 0
        low, f_low = np.where(before, at, low), np.where(before, there, f_low)
        high, f_high = np.where(before, high, at), np.where(before, f_high, there)
    found[rows] = low + (high - low) * f_low / np.maximum(f_low - f_high, 1e-30)
    return found, back


def _vertex(t: np.ndarray, f: np.ndarray) -> np.ndarray:
    """(n,): where the parabola through three places (n, 3) with values (n, 3) is least; the middle where it has none."""
    before, after = t[:, 1] - t[:, 0], t[:, 2] - t[:, 1]
    fall, rise = (f[:, 1] - f[:, 0]) / np.maximum(before, 1e-30), (f[:, 2] - f[:, 1]) / np.maximum(after, 1e-30)
    bent = rise - fall
    slope = (fall * after + rise * before) / np.maximum(before + after, 1e-30)
    return t[:, 1] - np.where(bent > 0, 0.5 * slope * (before + after) / np.where(bent > 0, bent, 1.0), 0.0)


def _narrowed(t: np.ndarray, f: np.ndarray, at: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Three places (n, 3) around the least of four: `at` (n,) with its `value` is a fourth."""
    t, f = np.concatenate([t, at[:, None]], axis=1), np.concatenate([f, value[:, None]], axis=1)
    order = np.argsort(t, axis=1, kind="stable")
    t, f = np.take_along_axis(t, order, axis=1), np.take_along_axis(f, order, axis=1)
    picked = np.clip(f.argmin(axis=1), 1, 2)[:, None] + np.arange(-1, 2)
    return np.take_along_axis(t, picked, axis=1), np.take_along_axis(f, picked, axis=1)


def pixel_directions(rays: ObjectRays, height: int, width: int) -> np.ndarray:
    """q (H W, 3) of the pixel centres."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1) @ rays.matrix.T


def trace_network(
    distances: Distances,
    rays: ObjectRays,
    size: tuple[int, int],
    only: np.ndarray | None,
    *,
    max_steps: int,
    hit_pixels: float,
    padded: int,
) -> FieldSamples:
    """First surface point along the ray of every pixel centre of `only` (H, W) bool (None: of all)."""
    q = pixel_directions(rays, *size)
    chosen = np.arange(len(q)) if only is None else np.flatnonzero(only)
    depth, inside, _ = trace_rays(distances, rays, q[chosen], hit_pixels * rays.pixel, max_steps)
    found, back = np.zeros(len(q), np.float32), np.zeros(len(q), np.bool_)
    found[chosen], back[chosen] = depth * rays.scale * np.linalg.norm(q[chosen], axis=1), inside
    hits, count = compact(found, padded)
    return FieldSamples(found.reshape(size), back.reshape(size), hits, np.int32(count))


def least_along_rays(
    distances: Distances, rays: ObjectRays, size: tuple[int, int], only: np.ndarray | None, hit_pixels: float
) -> np.ndarray:
    """(H, W) float32, see kernels/clearance.py; of rays that hit, at PLACES through the ball."""
    q = pixel_directions(rays, *size)
    chosen = np.arange(len(q)) if only is None else np.flatnonzero(only)
    q = q[chosen]
    depth, _, nearest = trace_rays(distances, rays, q, hit_pixels * rays.pixel, MOST_STEPS)
    hit = np.flatnonzero(depth > 0)
    if len(hit):
        leave = ball_span(rays, q[hit])[1]
        depths = depth[hit, None] + (leave - depth[hit])[:, None] * np.linspace(0.0, 1.0, PLACES)
        points = rays.origin + depths[..., None] * q[hit, None]
        nearest[hit] = depths[
            np.arange(len(hit)), distances(points.reshape(-1, 3)).reshape(depths.shape).argmin(axis=1)
        ]
    found = np.zeros(size[0] * size[1], np.float32)
    found[chosen] = nearest * rays.scale * np.linalg.norm(q, axis=1)
    return found.reshape(size)


def lattice_values(distances: Distances, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values (n, n, n), origin (3,), spacing (3,)) over the cube about the ball, n = cells + 1; cells: a multiple of
    COARSE. Coarse to fine, halving the cells: those that the surface cannot pass get their corners' values,
    trilinearly: their sign is right."""
    count = cells // COARSE
    axis = np.linspace(-REACH, REACH, count + 1)
    values = distances(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3))
    values = values.reshape((count + 1,) * 3)
    while count < cells:
        block, count = 2 * REACH / count, 2 * count
        values, axis = doubled(values), np.linspace(-REACH, REACH, count + 1)
        i, j, k = np.nonzero(np.abs(values) < STEEPEST * block)
        values[i, j, k] = distances(np.stack([axis[i], axis[j], axis[k]], axis=1))
    return values, np.full(3, -REACH), np.full(3, 2 * REACH / cells)


def doubled(values: np.ndarray) -> np.ndarray:
    """(n, n, n) -> (2 n - 1, 2 n - 1, 2 n - 1): the nodes, and the means of neighbours between them."""
    for axis in range(3):
        nodes = np.moveaxis(values, axis, 0)
        fine = np.empty((2 * len(nodes) - 1, *nodes.shape[1:]), values.dtype)
        fine[::2], fine[1::2] = nodes, 0.5 * (nodes[1:] + nodes[:-1])
        values = np.moveaxis(fine, 0, axis)
    return np.ascontiguousarray(values)
