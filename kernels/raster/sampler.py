"""The K-layer triangle sampler: which triangles each pixel sees, nearest first. Host side, outside differentiation.

Convention: pixel_matrix (3, 4) maps object space to [x w, y w, w] in pixels, x right, y DOWN, w > 0 in front; pixel
centres at +0.5. Ids are the same for any number of threads, and the front layers for any number of layers.

Kernels are compiled once (one signature each) and cached by Numba beside these files, or, where that folder is
read-only, in the user's cache folder (NUMBA_CACHE_DIR overrides both).
"""

from __future__ import annotations

import itertools

import numpy as np

from kernels.raster import workers
from kernels.raster.arrays import aligned_fragments, read_only
from kernels.raster.fill import PADDING
from kernels.raster.fine import CHUNK, rasterize
from kernels.raster.fixed_point import MAX_LAYERS, MAX_SIZE
from kernels.raster.resolve import resolve_rows
from kernels.raster.transform import subpixel_matrix, transform
from kernels.types import Fragments

PIECE = 16 * CHUNK
"""Triangles a worker takes at a time: small enough to balance unequal cores, large enough to hide the call."""


class Rasterizer:
    """A sampler for images of one size. Reuses its buffers: one call at a time per instance.

    Raises ValueError for a size outside 1..8192 pixels or a layer count outside 1..8.
    """

    def __init__(self, width: int, height: int, layers: int, threads: int | None = None) -> None:
        if not (1 <= width <= MAX_SIZE and 1 <= height <= MAX_SIZE):
            raise ValueError(f"image size {width} x {height}: each side must be 1 to {MAX_SIZE} pixels")
        if not 1 <= layers <= MAX_LAYERS:
            raise ValueError(f"layers = {layers}: must be 1 to {MAX_LAYERS}")
        self.width, self.height, self.layers = width, height, layers
        self.threads = max(1, threads or workers.default_workers())
        self._keys = np.zeros((self.threads, layers, height * width + PADDING), np.int64)
        self._no_corners = (np.empty((1, 3, 1, 1), np.int32), np.empty((1, 3, 1, 1), np.float32))
        self._resize(0)

    def __call__(
        self,
        vertices: np.ndarray,
        faces: np.ndarray,
        pixel_matrix: np.ndarray,
        *,
        near: float = 0.05,
        cull_back_faces: bool = False,
        corners: bool = True,
        out: Fragments | None = None,
    ) -> Fragments:
        """Sample a mesh: vertices (n, 3) float32, faces (m, 3) int32 with ids in 0..n-1, pixel_matrix (3, 4).

        near: least w, > 0; triangles that cross it are clipped and keep their id. cull_back_faces drops triangles
        that are clockwise to the eye. corners=False leaves out corners and bary. `out` is filled in place and
        returned; its arrays come from `aligned_fragments`. Vertices that are not finite take their triangles away.
        """
        vertices = read_only(vertices, np.float32)
        faces = read_only(faces, np.int32).view(np.uint32)
        if out is None:
            out = aligned_fragments(self.layers, self.height, self.width, corners=corners)
        if len(vertices) > len(self._inverse):
            self._resize(len(vertices))
        matrix64 = np.ascontiguousarray(pixel_matrix, np.float64)
        matrix = subpixel_matrix(matrix64)
        near32 = np.float32(near)
        self._transform(vertices, matrix, near32)
        count = self._rasterize(vertices, faces, matrix, near32, bool(cull_back_faces))
        self._resolve(vertices, faces, matrix64, float(near32), count, out)
        return out

    def _resize(self, count: int) -> None:
        self._screen = np.empty((count, 2), np.int32)
        self._inverse = np.empty(count, np.float32)
        self._cell = np.empty(count, np.uint32)

    def _transform(self, vertices, matrix, near) -> None:
        count, flat = len(vertices), vertices.reshape(-1)
        parts = self._parts(count, 20_000)

        def task(index):
            start, stop = count * index // parts, count * (index + 1) // parts
            transform(
                flat[3 * start : 3 * stop], matrix, near, self.width, self.height,
                self._screen[start:stop].reshape(-1), self._inverse[start:stop], self._cell[start:stop],
            )  # fmt: skip

        workers.run(task, parts)

    def _rasterize(self, vertices, faces, matrix, near, cull_back_faces) -> int:
        """Fill the key buffers; returns how many were used."""
        count = len(faces)
        parts = self._parts(count, 512)
        piece = min(PIECE, -(-count // parts)) if count else 1
        pieces = itertools.count()  # next() is atomic: whoever is free takes the next piece

        def task(index):
            while (start := next(pieces) * piece) < count:
                rasterize(
                    faces, vertices, matrix, near, self._screen, self._inverse, self._cell, self.width, self.height,
                    cull_back_faces, start, min(start + piece, count), self._keys[index],
                )  # fmt: skip

        workers.run(task, parts)
        return parts

    def _resolve(self, vertices, faces, matrix, near, used, out: Fragments) -> None:
        parts = self._parts(self.width * self.height * self.layers, 8_192)
        with_corners = out.corners is not None
        corners, bary = (out.corners, out.bary) if with_corners else self._no_corners

        def task(index):
            resolve_rows(
                faces, vertices, matrix, near, self._screen, self._inverse, self._keys, used, with_corners,
                out.face_id, corners, bary, out.position, out.inverse_depth, out.slope,
                self.height * index // parts, self.height * (index + 1) // parts,
            )  # fmt: skip

        workers.run(task, parts)

    def _parts(self, work: int, least: int) -> int:
        """Workers for so much work, each getting at least `least` of it."""
        return max(1, min(self.threads, work // least))
