"""What the warp sees of a view: pixels in chunks of one size, their samples, and the quadrature points of each ray.

Only pixels that hold a hit are kept, split in two: those near an outline (or another surface the rays pass), which
need the warp, and the rest, where the plain derivative is exact and any warp only adds noise: the warp of a box pixel
is that pixel's own choice, as long as it is smooth inside. Chunks past the last pixel are empty and skipped.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter

from kernels.field import ObjectRays
from kernels.field_grid import CHUNK
from kernels.field_trace import compact
from kernels.host_field import HostField
from kernels.warp_rays import Quadrature, RayPoints, hit_rays, warp_rays

PIXELS = 1024
"""Of a chunk: with 4 samples as many rays as the grid's scatter takes at a time, and temporaries stay in the cache."""
PLAIN, NEAR = 1, 2
"""Kinds of pixels; 0 is empty."""


class PixelChunks(NamedTuple):
    """C chunks of PIXELS pixels with S samples. NumPy, outside differentiation.

    pixel: (C, PIXELS) int32, row * W + column, H * W where there is none. count: (C,) int32. x, y: (C, S, PIXELS)
    pixel positions. depth: (C, S, PIXELS) of the hit, 0 where it misses. inside: (C, S, PIXELS) bool. hits: (C, n)
    int32 and hit_count (C,) int32: samples that hit, as FieldSamples has them.
    """

    pixel: Any
    count: Any
    x: Any
    y: Any
    depth: Any
    inside: Any
    hits: Any
    hit_count: Any


class PointChunks(NamedTuple):
    """Quadrature points of the samples of a PixelChunks, (C, K, S, PIXELS) each (see kernels/warp_rays.py RayPoints)."""

    s: Any
    ax: Any
    ay: Any
    a: Any
    tau: Any


class WarpSamples(NamedTuple):
    """kind: (H, W) int8, what each pixel is. plain: of pixels that are not warped. near: of those that are; first: the
    samples that found them so, independent of `near`. edge: on their borders, E a side: left, right, top, bottom."""

    kind: Any
    plain: PixelChunks
    first: PixelChunks
    near: PixelChunks
    near_points: PointChunks
    edge: PixelChunks
    edge_points: PointChunks


@functools.lru_cache(maxsize=8)
def inner_positions(height: int, width: int, side: int, seed: int) -> np.ndarray:
    """(H W, side^2, 2): stratified positions inside each pixel. Seeded; the same in every step."""
    rng = np.random.default_rng(seed)
    cell = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    return _corners(height, width) + (cell + rng.random((height * width, side * side, 2))) / side


@functools.lru_cache(maxsize=8)
def border_positions(height: int, width: int, each: int, seed: int) -> np.ndarray:
    """(H W, 4 each, 2): stratified positions on each pixel's borders: left, right, top, bottom."""
    along = (np.arange(each) + np.random.default_rng(seed).random((height * width, 4, each))) / each
    outer = np.broadcast_to(_corners(height, width)[:, None], (height * width, 4, each, 2)).copy()
    outer[:, 1, :, 0] += 1.0
    outer[:, 3, :, 1] += 1.0
    outer[:, :2, :, 1] += along[:, :2]
    outer[:, 2:, :, 0] += along[:, 2:]
    return outer.reshape(height * width, 4 * each, 2)


def _corners(height: int, width: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 1, 2).astype(np.float64)


def sample_warp(
    field: HostField,
    box: np.ndarray,
    rays: ObjectRays,
    size: tuple[int, int],
    counts: tuple[int, int, int],
    seed: int,
    quadrature: Quadrature,
    max_steps: int,
    warped: bool,
    everywhere: bool,
) -> WarpSamples:
    """counts: samples a pixel side, the same near outlines, samples a border. warped: whether a derivative is wanted at
    all; everywhere: whether every pixel with a hit is warped, as the paper has it."""
    height, width = size
    first = inner_positions(height, width, counts[0], seed)
    depth, inside, close = hit_rays(field, box, rays, first.reshape(-1, 2), quadrature.tolerance, max_steps)
    depth = depth.reshape(height, width, -1)
    kind = pixel_kinds(depth, close.reshape(depth.shape), everywhere)
    if not warped:
        kind = np.minimum(kind, PLAIN)
    chunks = -(-height * width // PIXELS)
    found = (depth.reshape(height * width, -1), inside.reshape(height * width, -1))
    plain, chosen = np.flatnonzero(kind == PLAIN), np.flatnonzero(kind == NEAR)
    near = inner_positions(height, width, counts[1], seed + 1)[chosen]
    edge = border_positions(height, width, counts[2], seed + 2)[chosen]
    near_points, near_hits = _points(field, box, rays, near, chunks, quadrature, True)
    edge_points, edge_hits = _points(field, box, rays, edge, chunks, quadrature, False)
    pack = lambda pixels, u, depth, inside: _chunks(pixels, height * width, chunks, u, depth, inside)
    return WarpSamples(
        kind,
        pack(plain, first[plain], *(f[plain] for f in found)),
        pack(chosen, first[chosen], *(f[chosen] for f in found)),
        pack(chosen, near, *near_hits),
        near_points,
        pack(chosen, edge, *edge_hits),
        edge_points,
    )


def pixel_kinds(depth: np.ndarray, close: np.ndarray, everywhere: bool) -> np.ndarray:
    """(H, W) int8. depth, close: (H, W, S), see hit_rays. Near: within 3 x 3 pixels a ray passes a surface closely, or
    some hit and some miss. A pixel's own samples alone must not decide: those that slip past a sliver of the surface
    would take its derivative with them (13 % of the total, with four samples)."""
    hit = depth > 0
    around = lambda flags: maximum_filter(flags.any(axis=2).astype(np.uint8), 3, mode="nearest") > 0
    near = around(close) | (around(hit) & around(~hit))
    kind = np.where(near, NEAR, np.where(hit.any(axis=2), PLAIN, 0))
    return np.where(kind == PLAIN, NEAR, kind).astype(np.int8) if everywhere else kind.astype(np.int8)


def _chunks(
    chosen: np.ndarray, pixels: int, chunks: int, u: np.ndarray, depth: np.ndarray, inside: np.ndarray
) -> PixelChunks:
    """The `chosen` of so many pixels (indices), with their samples: u (n, S, 2), depth and inside (n, S)."""
    samples = u.shape[1]
    pixel = np.full(chunks * PIXELS, pixels, np.int32)
    pixel[: len(chosen)] = chosen
    left = len(chosen) - PIXELS * np.arange(chunks)
    x, y, d, i = (_in_chunks(plane, chunks) for plane in (u[:, :, 0], u[:, :, 1], depth, inside))
    padded = -(-samples * PIXELS // CHUNK) * CHUNK
    hits = np.zeros((chunks, padded), np.int32)
    count = np.zeros(chunks, np.int32)
    for chunk in range(chunks):
        if left[chunk] > 0:
            hits[chunk], count[chunk] = compact(d[chunk].reshape(-1), padded)
    return PixelChunks(
        pixel.reshape(chunks, PIXELS), np.clip(left, 0, PIXELS).astype(np.int32), x, y, d, i, hits, count
    )


def _in_chunks(plane: np.ndarray, chunks: int) -> np.ndarray:
    """(n, S) of the chosen pixels -> (C, S, PIXELS), zero where there is none."""
    kind = np.bool_ if plane.dtype == np.bool_ else np.float32
    whole = np.zeros((chunks * PIXELS, plane.shape[1]), kind)
    whole[: len(plane)] = plane
    return np.ascontiguousarray(whole.reshape(chunks, PIXELS, -1).transpose(0, 2, 1))


def _points(
    field: HostField,
    box: np.ndarray,
    rays: ObjectRays,
    u: np.ndarray,
    chunks: int,
    quadrature: Quadrature,
    rates: bool,
) -> tuple[PointChunks, tuple[np.ndarray, np.ndarray]]:
    """Quadrature points of the rays at u (n, S, 2), in chunks, and their hits: depth and inside (n, S)."""
    count, samples = u.shape[:2]
    found = warp_rays(field, box, rays, u.reshape(-1, 2), quadrature, rates)
    return PointChunks(*(_point_chunks(plane, count, samples, chunks) for plane in _planes(found))), (
        found.depth.reshape(count, samples),
        found.inside.reshape(count, samples),
    )


def _planes(found: RayPoints) -> tuple[np.ndarray, ...]:
    return found.s, found.ax, found.ay, found.a, found.tau


def _point_chunks(plane: np.ndarray, count: int, samples: int, chunks: int) -> np.ndarray:
    """(K, n S) -> (C, K, S, PIXELS)."""
    kept = plane.shape[0]
    whole = np.zeros((chunks, kept, samples, PIXELS), np.float32)
    rays = plane.reshape(kept, count, samples)
    for chunk in range(-(-count // PIXELS)):
        part = rays[:, chunk * PIXELS : (chunk + 1) * PIXELS]
        whole[chunk, :, :, : part.shape[1]] = part.transpose(0, 2, 1)
    return whole
