"""Which triangles lie within the blur radius of each pixel (Liu et al. 2019, Soft Rasterizer; PyTorch3D's rasterizer).

Of all triangles that cover a pixel's centre, or whose outline is nearer to it than the radius, each pixel keeps the K
nearest in depth. Distances are squared, in pixels, negative inside. Barycentrics beyond an outline are clipped to [0, 1]
and normalised. A triangle that crosses the near plane keeps the parts of its edges in front; the cut is no outline. Sorted out in bands of rows (Numba).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kernels.jit import inlined, kernel
from kernels.raster import workers
from kernels.raster.arrays import aligned_empty, read_only
from kernels.soft_triangles import set_up

BAND = 4
"""Rows a piece of work: small, so that uneven bands balance and a band's lists stay in the cache."""

OPTIONAL = frozenset({"corners", "bary", "position", "border_bary", "border_position"})
"""Fields that not every use needs: writing them is most of the sampler's time."""


class SoftFragments(NamedTuple):
    """As kernels.types.Fragments, K layers sorted by depth, but a fragment may lie beyond its triangle.

    border_bary, border_position: (K, 3, H, W), of the outline's point nearest to the pixel's centre. distance: (K, H, W)
    squared distance to it, pixels, negative inside. bary, position and inverse_depth are those of the clipped point.
    """

    face_id: Any
    corners: Any
    bary: Any
    position: Any
    inverse_depth: Any
    slope: None
    border_bary: Any
    border_position: Any
    distance: Any


@kernel
def _sort_into_bands(box, bands):
    """(starts (bands + 1,), triangle ids by band, in order)."""
    starts = np.zeros(bands + 1, np.int64)
    for face in range(len(box)):
        if box[face, 1] > box[face, 0] and box[face, 3] > box[face, 2]:
            for band in range(box[face, 2] // BAND, (box[face, 3] - 1) // BAND + 1):
                starts[band + 1] += 1
    starts = np.cumsum(starts)
    places, members = starts[:-1].copy(), np.empty(starts[-1], np.int32)
    for face in range(len(box)):
        if box[face, 1] > box[face, 0] and box[face, 3] > box[face, 2]:
            for band in range(box[face, 2] // BAND, (box[face, 3] - 1) // BAND + 1):
                members[places[band]] = face
                places[band] += 1
    return starts, members


@inlined
def _nearest(n, x, y):
    """The outline's point nearest to (x, y): (squared distance, corner opposite its edge, its share of that edge)."""
    best, corner, share = np.inf, -1, 0.0
    for i in range(3):
        e = 12 + 9 * i
        if n[e + 5] == 0:
            continue
        px, py = x - n[e], y - n[e + 1]
        t = min(max((px * n[e + 2] + py * n[e + 3]) * n[e + 4], 0.0), 1.0)
        px, py = px - t * n[e + 2], py - t * n[e + 3]
        squared = px * px + py * py
        if squared < best:
            best, corner, share = squared, i, t
    return best, corner, share


@inlined
def _clipped(n, x, y):
    """Barycentrics at a pixel, clipped to the triangle: (b0, b1, b2, depth there, whether nothing was clipped)."""
    c0, c1, c2 = n[0] * x + n[1] * y + n[2], n[3] * x + n[4] * y + n[5], n[6] * x + n[7] * y + n[8]
    total = c0 + c1 + c2
    scale = 1 / total if total != 0 else 0.0
    c0, c1, c2 = c0 * scale, c1 * scale, c2 * scale
    inside = c0 >= 0 and c1 >= 0 and c2 >= 0 and total != 0
    c0, c1, c2 = max(c0, 0.0), max(c1, 0.0), max(c2, 0.0)
    total = c0 + c1 + c2
    scale = 1 / total if total > 0 else 0.0
    c0, c1, c2 = c0 * scale, c1 * scale, c2 * scale
    return c0, c1, c2, c0 * n[9] + c1 * n[10] + c2 * n[11], inside


@kernel
def _fill_band(numbers, box, members, near, blur, row0, row1, width, layers, depth, found, reals, counts):
    """The K nearest triangles of each pixel of rows row0..row1, unsorted: depth, id, and 4 reals (bary, distance)."""
    counts[:] = 0
    for face in members:
        n = numbers[face]
        for row in range(max(row0, box[face, 2]), min(row1, box[face, 3])):
            for column in range(box[face, 0], box[face, 1]):
                x, y = column + 0.5, row + 0.5
                b0, b1, b2, z, inside = _clipped(n, x, y)
                inside = inside and z >= near
                squared, corner, _ = _nearest(n, x, y)
                if corner < 0 or not (z >= near) or (not inside and squared >= blur):
                    continue
                pixel = (row - row0) * width + column
                slot = counts[pixel]
                if slot < layers:
                    counts[pixel] += 1
                else:
                    slot = 0  # the farthest so far gives way; of equals, the later triangle
                    for i in range(1, layers):
                        if depth[pixel, i] > depth[pixel, slot] or (
                            depth[pixel, i] == depth[pixel, slot] and found[pixel, i] > found[pixel, slot]
                        ):
                            slot = i
                    if not z < depth[pixel, slot]:
                        continue
                depth[pixel, slot], found[pixel, slot] = z, face
                reals[pixel, slot, 0], reals[pixel, slot, 1], reals[pixel, slot, 2] = b0, b1, b2
                reals[pixel, slot, 3] = -squared if inside else squared


@kernel
def _sort_pixel(depth, found, count, order):
    """order[:count]: slots of a pixel by depth, of equals the smaller id first (insertion sort)."""
    for i in range(count):
        place = i
        while place > 0:
            other = order[place - 1]
            if depth[other] < depth[i] or (depth[other] == depth[i] and found[other] < found[i]):
                break
            order[place] = other
            place -= 1
        order[place] = i


@inlined
def _border_share(n, corner, t):
    """A share of an edge as cut on the screen -> of the whole edge in space."""
    e = 12 + 9 * corner
    t = t * n[e + 6] / ((1 - t) * n[e + 5] + t * n[e + 6])
    return n[e + 7] + t * (n[e + 8] - n[e + 7])


@kernel
def _write_band(
    vertices, faces, numbers, row0, row1, width, layers, depth, found, reals, counts,
    face_id, inverse_depth, distance, corners, bary, position, border_bary, border_position,
):  # fmt: skip
    """Sorted lists of rows row0..row1 -> planes; those of size 1 are not wanted.

    A row of a layer is made in a scratch and copied plane by plane: planes lie a multiple of 4 KiB apart, and written a
    pixel at a time they would fight for cache lines (five times as slow).
    """
    orders = np.empty((width, layers), np.int64)
    row_reals, row_ids = np.empty((14, width), np.float32), np.empty((4, width), np.int32)
    b, tau = np.empty(3), np.empty(3)
    for row in range(row0, row1):
        base = (row - row0) * width
        for column in range(width):
            _sort_pixel(depth[base + column], found[base + column], counts[base + column], orders[column])
        for layer in range(layers):
            row_reals[:] = 0
            row_ids[:] = 0
            row_ids[0] = -1
            for column in range(width):
                pixel = base + column
                if layer >= counts[pixel]:
                    continue
                slot = orders[column, layer]
                face, n = found[pixel, slot], numbers[found[pixel, slot]]
                _, corner, t = _nearest(n, column + 0.5, row + 0.5)
                t = _border_share(n, corner, t)
                tau[corner], tau[(corner + 1) % 3], tau[(corner + 2) % 3] = 0.0, 1 - t, t
                row_ids[0, column] = face
                row_reals[0, column], row_reals[1, column] = 1 / depth[pixel, slot], reals[pixel, slot, 3]
                for i in range(3):
                    b[i] = reals[pixel, slot, i]
                    row_ids[1 + i, column] = faces[face, i]
                    row_reals[2 + i, column], row_reals[8 + i, column] = b[i], tau[i]
                for i in range(3):
                    v0, v1, v2 = vertices[faces[face, 0], i], vertices[faces[face, 1], i], vertices[faces[face, 2], i]
                    row_reals[5 + i, column] = b[0] * v0 + b[1] * v1 + b[2] * v2
                    row_reals[11 + i, column] = tau[0] * v0 + tau[1] * v1 + tau[2] * v2
            face_id[layer, row] = row_ids[0]
            inverse_depth[layer, row] = row_reals[0]
            distance[layer, row] = row_reals[1]
            if corners.size > 1:
                corners[layer, :, row] = row_ids[1:]
            if bary.size > 1:
                bary[layer, :, row] = row_reals[2:5]
            if position.size > 1:
                position[layer, :, row] = row_reals[5:8]
            if border_bary.size > 1:
                border_bary[layer, :, row] = row_reals[8:11]
            if border_position.size > 1:
                border_position[layer, :, row] = row_reals[11:]


def soft_fragments(
    vertices: np.ndarray,
    faces: np.ndarray,
    pixel_matrix: np.ndarray,
    *,
    size: tuple[int, int],
    layers: int,
    blur: float,
    wanted: frozenset[str] = OPTIONAL,
    near: float = 0.05,
    cull_back_faces: bool = False,
    corners: bool = True,
    positions: bool = True,
) -> SoftFragments:
    """Sample vertices (n, 3) and faces (m, 3) by pixel_matrix (3, 4), object space to pixels; size: (width, height).

    blur: squared radius, pixels. wanted: those of OPTIONAL to fill in; others are None (corners adds its own, positions
    do not: on pixel centres alone they could be left out). Triangles without area, or with a
    corner that is not finite, are left out.
    """
    vertices, faces = read_only(vertices, np.float32), read_only(faces, np.int32)
    matrix, (width, height) = read_only(pixel_matrix, np.float64), size
    numbers, box = np.empty((len(faces), 39)), np.empty((len(faces), 4), np.int32)
    reach, count = float(np.sqrt(blur)), workers.default_workers()
    wanted = wanted | {"corners"} if corners else wanted

    def prepare(_worker: int, start: int, stop: int) -> None:
        set_up(vertices, faces, matrix, near, reach, cull_back_faces, width, height, numbers, box, start, stop)

    workers.share(prepare, len(faces), 2_048, count)
    flat = [aligned_empty((layers, height, width), dtype) for dtype in (np.int32, np.float32, np.float32)]
    some = {
        name: aligned_empty(
            (layers, 3, height, width) if name in wanted else (1, 1, 1, 1),
            np.int32 if name == "corners" else np.float32,
        )
        for name in ("corners", "bary", "position", "border_bary", "border_position")
    }
    bands = -(-height // BAND)
    starts, members = _sort_into_bands(box, bands)
    lists = [_lists(BAND * width, layers) for _ in range(count)]

    def work(worker: int, start: int, stop: int) -> None:
        for band in range(start, stop):
            row0, row1 = band * BAND, min((band + 1) * BAND, height)
            inside, held = members[starts[band] : starts[band + 1]], lists[worker]
            _fill_band(numbers, box, inside, near, blur, row0, row1, width, layers, *held)
            _write_band(vertices, faces, numbers, row0, row1, width, layers, *held, *flat, *some.values())

    workers.share(work, bands, 1, count)
    given = {name: plane if name in wanted else None for name, plane in some.items()}
    return SoftFragments(face_id=flat[0], inverse_depth=flat[1], distance=flat[2], slope=None, **given)


def _lists(pixels: int, layers: int) -> tuple[np.ndarray, ...]:
    """A worker's scratch: depth, triangle, (barycentrics, squared distance) of K slots a pixel, and how many are held."""
    shape = (pixels, layers)
    return np.empty(shape), np.empty(shape, np.int32), np.empty((*shape, 4)), np.empty(pixels, np.int32)
