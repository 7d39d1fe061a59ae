"""Looking up a texture on the host, for samples that hold it constant: the compiled twin of kernels/texture.py.

Same conventions (v upwards, both coordinates repeat, texel centres at half-integers, trilinear between levels); float32.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import inner, kernel
from kernels.raster import workers
from kernels.raster.arrays import aligned_empty, read_only
from kernels.texture import level_sizes

PIECE = 8_192
"""Places that a worker takes at a time."""


@inner
def _add_bilinear(table, height, width, first, u, v, share, out, layer, place):
    """out[layer, :, place] += share * the texel mix of the level that starts at row `first` of the table."""
    x, y = u * np.float32(width) - np.float32(0.5), (np.float32(1.0) - v) * np.float32(height) - np.float32(0.5)
    left, top = np.floor(x), np.floor(y)
    fx, fy = x - left, y - top
    c0, r0 = np.int64(left) % width, np.int64(top) % height
    c1, r1 = (c0 + 1) % width, (r0 + 1) % height
    a, b = first + r0 * width + c0, first + r0 * width + c1
    c, d = first + r1 * width + c0, first + r1 * width + c1
    one = np.float32(1.0)
    wa, wb, wc, wd = (one - fy) * (one - fx), (one - fy) * fx, fy * (one - fx), fy * fx
    for k in range(table.shape[1]):
        mixed = wa * table[a, k] + wb * table[b, k] + wc * table[c, k] + wd * table[d, k]
        out[layer, k, place] += share * mixed


@kernel
def _look_up(table, sizes, firsts, uv, level, covered, out, start, stop):
    """out (K, C, P) at places start..stop of every layer; level (K, P), where there are levels. covered (K, P) >= 0."""
    last = len(firsts) - 1
    for layer in range(out.shape[0]):
        for place in range(start, stop):
            for k in range(out.shape[1]):
                out[layer, k, place] = 0.0
            if covered[layer, place] < 0:
                continue
            u, v = uv[layer, 0, place], uv[layer, 1, place]
            deep = min(max(level[layer, place], np.float32(0.0)), np.float32(last))
            fine = min(np.int64(deep), max(last - 1, 0))
            share = deep - np.float32(fine)
            one = np.float32(1.0) - share
            _add_bilinear(table, sizes[fine, 0], sizes[fine, 1], firsts[fine], u, v, one, out, layer, place)
            if share > 0.0:
                coarse = fine + 1
                _add_bilinear(table, sizes[coarse, 0], sizes[coarse, 1], firsts[coarse], u, v, share, out, layer, place)


@kernel
def _corners(corner_uv, face_id, bary, out, start, stop):
    """out (K, 2, P): corner_uv (m, 3, 2) mixed by bary (K, 3, P); 0 where no face is."""
    for layer in range(out.shape[0]):
        for place in range(start, stop):
            face = face_id[layer, place]
            for axis in range(2):
                mixed = np.float32(0.0)
                if face >= 0:
                    for i in range(3):
                        mixed += bary[layer, i, place] * corner_uv[face, i, axis]
                out[layer, axis, place] = mixed


@kernel
def _levels(ratio, face_id, inverse_depth, out, start, stop):
    """out (K, P): half the binary logarithm of ratio[face] * depth^3; 0 where no face is."""
    for layer in range(out.shape[0]):
        for place in range(start, stop):
            face = face_id[layer, place]
            level = 0.0
            if face >= 0:
                depth = 1.0 / np.float64(inverse_depth[layer, place])
                level = 0.5 * np.log2(max(ratio[face] * depth * depth * depth, 1e-12))
            out[layer, place] = level


def look_up_on_host(
    texture: np.ndarray, uv: np.ndarray, level: np.ndarray | None, face_id: np.ndarray | None = None
) -> np.ndarray:
    """texture (H, W, C) at uv (K, 2, ...) and level (K, ...) -> planes (K, C, ...) float32; 0 where face_id is negative.

    level: None for no mip-mapping.
    """
    shape, layers = uv.shape[2:], uv.shape[0]
    table, sizes, firsts = _pyramid(texture, level is not None)
    flat = lambda array, *more: read_only(np.reshape(array, (layers, *more, -1)), array.dtype)
    places = int(np.prod(shape))
    out = aligned_empty((layers, table.shape[1], places), np.float32)
    flat_uv = flat(np.asarray(uv, np.float32), 2)
    nothing = np.broadcast_to(np.float32(0), (layers, places))
    levels = read_only(nothing if level is None else np.reshape(level, (layers, -1)), np.float32)
    ids = np.broadcast_to(np.int32(0), (layers, places)) if face_id is None else np.reshape(face_id, (layers, -1))
    ids = read_only(ids, np.int32)

    def work(_worker: int, start: int, stop: int) -> None:
        _look_up(table, sizes, firsts, flat_uv, levels, ids, out, start, stop)

    workers.share(work, places, PIECE, workers.default_workers())
    return out.reshape(layers, table.shape[1], *shape)


def corner_planes(corner_uv: np.ndarray, face_id: np.ndarray, bary: np.ndarray) -> np.ndarray:
    """corner_uv (m, 3, 2) at fragments (K, H, W) with bary (K, 3, H, W) -> (K, 2, H, W) float32, 0 where empty."""
    layers, height, width = face_id.shape
    out = aligned_empty((layers, 2, height * width), np.float32)
    corner_uv = read_only(corner_uv, np.float32)
    ids = read_only(face_id.reshape(layers, -1), np.int32)
    flat = read_only(bary.reshape(layers, 3, -1), np.float32)

    def work(_worker: int, start: int, stop: int) -> None:
        _corners(corner_uv, ids, flat, out, start, stop)

    workers.share(work, height * width, PIECE, workers.default_workers())
    return out.reshape(layers, 2, height, width)


def mip_levels(
    corner_uv: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    pixel_matrix: np.ndarray,
    size: tuple[int, int],
    face_id: np.ndarray,
    inverse_depth: np.ndarray,
) -> np.ndarray:
    """The level (K, H, W) float32 at which a texel is as large as a pixel, from the ratio of their areas; 0 where empty.

    At depth w it is texel area * w^3 / |det| of the homogeneous corners (3, 3) in pixels: exact in perspective, without
    a division by a corner's depth. size: (height, width) of the texture.
    """
    points = vertices.astype(np.float64) @ pixel_matrix[:, :3].T + pixel_matrix[:, 3]
    a, b, c = (points[faces[:, i]] for i in range(3))
    determinant = np.abs(np.einsum("ij,ij->i", a, np.cross(b, c)))
    first, second = (corner_uv[:, i].astype(np.float64) - corner_uv[:, 0] for i in (1, 2))
    texels = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) * size[0] * size[1]
    ratio = texels / np.maximum(determinant, 1e-30)
    layers, height, width = face_id.shape
    out = aligned_empty((layers, height * width), np.float32)
    ids, inverse = (
        read_only(face_id.reshape(layers, -1), np.int32),
        read_only(inverse_depth.reshape(layers, -1), np.float32),
    )

    def work(_worker: int, start: int, stop: int) -> None:
        _levels(ratio, ids, inverse, out, start, stop)

    workers.share(work, height * width, PIECE, workers.default_workers())
    return out.reshape(layers, height, width)


_kept: list[tuple[np.ndarray, bool, tuple[np.ndarray, np.ndarray, np.ndarray]]] = []
"""The last read-only texture's pyramid: a pose fit looks it up a hundred times. Found by identity."""


def _pyramid(texture: np.ndarray, mip: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(texels of all levels (N, C), sizes (L, 2), each level's first row (L,))."""
    for known, levels, made in _kept:
        if known is texture and levels == mip:
            return made
    sizes = level_sizes(*texture.shape[:2])[: None if mip else 1]
    level, rows = np.asarray(texture, np.float32), []
    for i, (height, width) in enumerate(sizes):
        if i:
            level = level.reshape(height, 2, width, 2, -1).mean(axis=(1, 3), dtype=np.float32)
        rows.append(level.reshape(-1, level.shape[-1]))
    firsts = np.cumsum([0, *(len(r) for r in rows)])[:-1]
    table = rows[0] if len(rows) == 1 else np.concatenate(rows)
    made = read_only(table, np.float32), np.array(sizes, np.int64), firsts.astype(np.int64)
    if not texture.flags.writeable:
        _kept[:] = [(texture, mip, made)]
    return made
