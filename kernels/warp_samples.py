"""What the warp sees of a view: rays in chunks of one size, the quadrature points of those that need them.

Three lists of rays follow each other: of pixels that hold a hit (the plain picture); of the pixels near an outline (or
another surface the rays pass), which need the warp; and of those pixels' borders, which neighbours share. Elsewhere the
plain derivative is exact and any warp only adds noise: the warp of a box pixel is that pixel's own choice, as long as
it is smooth inside. Chunks past a list's last ray are empty and skipped. Where a step sees some pixels alone, the lists
hold these, and rays elsewhere are traced only to tell what their neighbours are.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from kernels.field_trace import compact
from kernels.warp_borders import border_count, border_rays, borders_of
from kernels.warp_rays import RayPoints, RayTracer

CHUNK = 4096
"""Rays of a chunk: as many hits as the grid's scatter takes at a time, and temporaries stay in the cache. A field whose
values are dear takes fewer, since the last chunk of each list is evaluated whole."""
HITS = 4096
"""Of the places of a chunk's hits: what fields take at a time (kernels/field_grid.py, kernels/network_field.py)."""
LEAST = 64
"""Rays a chunk is made of: images of a few pixels have smaller chunks."""
PLAIN, NEAR = 1, 2
"""Kinds of pixels; 0 is empty."""
UNEVEN = 0.5
"""Most that the divergence may vary (standard deviation) over a pixel's samples, in motions a pixel. Where surfaces meet
in a T, or a ray grazes, the motion jumps within a part of a pixel: one sample in thousands then carries a divergence of
hundreds, and a single pixel drowns the image (noise 20 % of a 48^3 grid's shift, 10 % so). The mean over the pixel is
not touched: it comes from the borders."""
OUTLINE = 16
"""Outlines take fewer pixels than this many for each row and column (a torus 8), or else arrays for all pixels are made
and compiled for."""


class RayChunks(NamedTuple):
    """C chunks of N rays. NumPy, outside differentiation. x, y: (C, N) pixel positions. depth: (C, N) of the hit, 0 for
    none. inside: (C, N) bool. hits: (C, M) int32, hit_count: (C,) int32, rays that hit, as FieldSamples has them.
    count: (C,) int32, rays that there are."""

    x: Any
    y: Any
    depth: Any
    inside: Any
    hits: Any
    hit_count: Any
    count: Any


class PointChunks(NamedTuple):
    """Quadrature points of the rays of so many chunks, (C, K, N) each (see kernels/warp_rays.py RayPoints)."""

    s: Any
    ax: Any
    ay: Any
    a: Any
    tau: Any


class WarpSamples(NamedTuple):
    """kind: (H, W) int8, what each pixel is. rays: of the three lists. plain (P,), near (Q,): int32 pixels that the
    first two are of, S and T rays each in that order, row * W + column, H * W where there is none. near_points,
    border_points: of the other two. borders: (4, Q) int32, left, right, top and bottom border of `near` in the third
    list. shares: (B, E), what part of its border each ray stands for, summing to 1. upright: (B,) bool, which borders run
    along y. trusted: (Q,), what part of the divergence's unevenness over a pixel counts."""

    kind: Any
    rays: RayChunks
    plain: Any
    near: Any
    near_points: PointChunks
    border_points: PointChunks
    borders: Any
    shares: Any
    upright: Any
    trusted: Any


@functools.lru_cache(maxsize=8)
def inner_positions(height: int, width: int, side: int, seed: int) -> np.ndarray:
    """(H W, side^2, 2): stratified positions inside each pixel. Seeded; the same in every step."""
    rng = np.random.default_rng(seed)
    cell = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    corners = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 1, 2).astype(np.float64)
    return corners + (cell + rng.random((height * width, side * side, 2))) / side


def sample_warp(
    tracer: RayTracer,
    size: tuple[int, int],
    counts: tuple[int, int, int],
    pixel: float,
    seed: int,
    warped: bool,
    everywhere: bool,
    only: np.ndarray | None = None,
    chunk: int = CHUNK,
) -> WarpSamples:
    """counts: samples a pixel side, the same near outlines, samples a border. pixel: its size at depth 1. warped:
    whether a derivative is wanted at all; everywhere: whether every pixel with a hit is warped, as the paper has it.
    only: (H, W) bool, the pixels that are asked for; the others stay empty. chunk: most rays of a chunk."""
    height, width = size
    pixels, asked = height * width, height * width if only is None else int(only.sum())
    first = inner_positions(height, width, counts[0], seed)
    kind, depth, inside = _first_look(tracer, size, first, only, everywhere, not warped)
    kind = kind if warped else np.minimum(kind, PLAIN)
    plain, near = np.flatnonzero(kind == PLAIN), np.flatnonzero(kind == NEAR)
    room = _room(height, width, asked, len(near), warped)
    found = [_List(first[plain], depth[plain], inside[plain], asked)]
    inner = inner_positions(height, width, counts[1], seed + 1)[near]
    near_points = tracer.points(inner.reshape(-1, 2), True)
    found.append(_list_of(inner, near_points, room))
    listed, border = borders_of(near, height, width)
    upright = listed < height * (width + 1)
    u, shares, border_points = border_rays(tracer, listed, height, width, counts[2], pixel, seed + 2)
    found.append(_list_of(u, border_points, _border_room(height, width, room, len(listed), only is not None)))
    chunk = _chunk_size(asked * counts[0] ** 2, chunk)
    return WarpSamples(
        kind,
        _ray_chunks(found, chunk),
        _padded(plain, asked, pixels),
        _padded(near, room, pixels),
        _point_chunks(near_points, found[1], chunk),
        _point_chunks(border_points, found[2], chunk),
        np.concatenate([border, np.zeros((4, room - len(near)), np.int32)], axis=1),
        np.concatenate([shares, np.zeros((found[2].room - len(shares), counts[2]), np.float32)]),
        np.concatenate([upright, np.zeros(found[2].room - len(upright), np.bool_)]),
        np.concatenate([_trusted(near_points, counts[1] ** 2), np.zeros(room - len(near), np.float32)]),
    )


def _first_look(
    tracer: RayTracer, size: tuple[int, int], first: np.ndarray, only: np.ndarray | None, everywhere: bool, final: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(what each pixel is (H, W), depth and inside (H W, S)) by the rays at `first` (H W, S, 2): of the pixels `only`
    and of those around them, which decide with them. final: whether no pixel is looked at again."""
    looked = slice(None)
    if only is not None:
        from scipy.ndimage import maximum_filter

        looked = np.flatnonzero(maximum_filter(only.astype(np.uint8), 3, mode="nearest"))
    shape = first.shape[:2]
    whole = np.zeros(shape, np.float32), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for plane, part in zip(whole, tracer.hits(first[looked].reshape(-1, 2), final)):
        plane[looked] = part.reshape(-1, shape[1])
    depth, inside, close = whole
    kind = pixel_kinds(depth.reshape(*size, -1), close.reshape(*size, -1), everywhere)
    return kind if only is None else np.where(only, kind, np.int8(0)), depth, inside


def pixel_kinds(depth: np.ndarray, close: np.ndarray, everywhere: bool) -> np.ndarray:
    """(H, W) int8. depth, close: (H, W, S), see RayTracer.hits. Near: within 3 x 3 pixels a ray passes a surface
    closely, or some hit and some miss. A pixel's own samples alone must not decide: those that slip past a sliver of
    the surface would take its derivative with them (13 % of the total, with four samples)."""
    from scipy.ndimage import maximum_filter

    hit = depth > 0
    around = lambda flags: maximum_filter(flags.any(axis=2).astype(np.uint8), 3, mode="nearest") > 0
    near = around(close) | (around(hit) & around(~hit))
    kind = np.where(near, NEAR, np.where(hit.any(axis=2), PLAIN, 0))
    return np.where(kind == PLAIN, NEAR, kind).astype(np.int8) if everywhere else kind.astype(np.int8)


class _List(NamedTuple):
    """Rays that follow each other: positions (n, S, 2), depth and inside (n, S), and room for how many of the n."""

    u: np.ndarray
    depth: np.ndarray
    inside: np.ndarray
    room: int

    @property
    def rays(self) -> int:
        return self.room * self.u.shape[1]


def _trusted(found: RayPoints, side: int) -> np.ndarray:
    """(n,) float32: what part of the divergence's unevenness over each pixel's `side` samples is kept, see UNEVEN."""
    # In double precision: of a field that is no distance, squares overflow.
    size = np.hypot(found.ax, found.ay, dtype=np.float64).sum(axis=0).reshape(-1, side).mean(axis=1)
    spread = found.a.sum(axis=0, dtype=np.float64).reshape(-1, side).std(axis=1)
    return np.minimum(1.0, UNEVEN * size / np.maximum(spread, 1e-30)).astype(np.float32)


def _list_of(u: np.ndarray, found: RayPoints, room: int) -> _List:
    return _List(u, found.depth.reshape(u.shape[:2]), found.inside.reshape(u.shape[:2]), room)


def _room(height: int, width: int, asked: int, near: int, warped: bool) -> int:
    """Two sizes, so that a moving outline hardly ever makes anything compile again."""
    usual = min(-(-OUTLINE * (height + width) * asked // (height * width)), asked)
    return 0 if not warped else usual if near <= usual else asked


def _border_room(height: int, width: int, room: int, borders: int, scattered: bool) -> int:
    """Of so many pixels: they share their borders with their neighbours, or, `scattered`, with nobody."""
    most = min(4 * room, border_count(height, width))
    return 3 * room if borders <= 3 * room < most and not scattered else most


def _chunk_size(rays: int, most: int) -> int:
    return min(most, -(-max(rays, 1) // LEAST) * LEAST)


def _padded(chosen: np.ndarray, room: int, empty: int) -> np.ndarray:
    whole = np.full(room, empty, np.int32)
    whole[: len(chosen)] = chosen
    return whole


def _ray_chunks(lists: list[_List], chunk: int) -> RayChunks:
    """The lists, each padded to whole chunks."""
    chunks = [-(-one.rays // chunk) for one in lists]
    starts = np.concatenate([[0], np.cumsum(chunks)])
    x, y, depth = (np.zeros((starts[-1], chunk), np.float32) for _ in range(3))
    inside, count = np.zeros((starts[-1], chunk), np.bool_), np.zeros(starts[-1], np.int32)
    hits = np.zeros((starts[-1], -(-chunk // HITS) * HITS), np.int32)
    hit_count = np.zeros(starts[-1], np.int32)
    for one, start, many in zip(lists, starts, chunks):
        taken = one.depth.size
        for whole, plane in ((x, one.u[..., 0]), (y, one.u[..., 1]), (depth, one.depth), (inside, one.inside)):
            whole[start : start + many].reshape(-1)[:taken] = plane.reshape(-1)
        count[start : start + many] = np.clip(taken - chunk * np.arange(many), 0, chunk)
    for index in np.flatnonzero(count):
        hits[index], hit_count[index] = compact(depth[index], hits.shape[1])
    return RayChunks(x, y, depth, inside, hits, hit_count, count)


def _point_chunks(found: RayPoints, one: _List, chunk: int) -> PointChunks:
    """(K, n) -> (C, K, N)."""
    many, kept, rays = -(-one.rays // chunk), found.s.shape[0], found.s.shape[1]

    def chunked(plane: np.ndarray) -> np.ndarray:
        whole = np.zeros((many, kept, chunk), np.float32)
        for index in range(-(-rays // chunk)):
            part = plane[:, index * chunk : (index + 1) * chunk]
            whole[index, :, : part.shape[1]] = part
        return whole

    return PointChunks(*(chunked(plane) for plane in (found.s, found.ax, found.ay, found.a, found.tau)))
