"""The K-layer triangle sampler: which triangles each pixel sees, nearest first. Host side, outside differentiation.

Convention: pixel_matrix (3, 4) maps object space to [x w, y w, w] in pixels, x right, y DOWN, w > 0 in front; pixel
centres at +0.5. Ids are the same for any number of threads, and the front layers for any number of layers.

Kernels are compiled once (one signature each) and cached by Numba beside these files, or, where that folder is
read-only, in the user's cache folder (NUMBA_CACHE_DIR overrides both).
"""

from __future__ import annotations

import functools

import numpy as np

from kernels.raster import workers
from kernels.raster.arrays import aligned_fragments, read_only
from kernels.raster.fill import PADDING
from kernels.raster.fine import rasterize
from kernels.raster.fixed_point import MAX_LAYERS, MAX_SIZE
from kernels.raster.resolve import resolve_rows
from kernels.raster.transform import subpixel_matrix, transform
from kernels.types import Fragments

KEY_BYTES = 1 << 29
"""Memory for the workers' private key buffers together: fewer workers take part in very large images."""


class Rasterizer:
    """A sampler for images of one size. Reuses its buffers: one call at a time per instance.

    threads: the most workers to use (default: the cores, at most 4). Raises ValueError for a size outside 1..8192 pixels or a layer count outside 1..8.
    """

    def __init__(self, width: int, height: int, layers: int, threads: int | None = None) -> None:
        if not (1 <= width <= MAX_SIZE and 1 <= height <= MAX_SIZE):
            raise ValueError(f"image size {width} x {height}: each side must be 1 to {MAX_SIZE} pixels")
        if not 1 <= layers <= MAX_LAYERS:
            raise ValueError(f"layers = {layers}: must be 1 to {MAX_LAYERS}")
        self.width, self.height, self.layers = width, height, layers
        most = max(1, KEY_BYTES // (8 * layers * width * height))
        self.threads = max(1, min(threads or workers.default_workers(), most))
        self._keys = np.zeros((self.threads, layers, height * width + PADDING), np.int64)
        self._nothing = aligned_fragments(1, 1, 1)
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
        positions: bool = True,
        slopes: bool = True,
        out: Fragments | None = None,
    ) -> Fragments:
        """Sample a mesh: vertices (n, 3) float32, faces (m, 3) int32 with ids in 0..n-1, pixel_matrix (3, 4).

        near: least w, > 0; triangles that cross it are clipped and keep their id. cull_back_faces drops triangles
        that are clockwise to the eye. corners=False leaves out corners and bary, positions=False position, slopes=False
        slope; a layer without any of these has the 1/w that triangles are compared by (float32, of snapped corners).
        `out` is filled in place and returned; its arrays come from `aligned_fragments`, and it says what is wanted.
        Vertices that are not finite take their triangles away. Ids are not checked. Raises ValueError where near <= 0.
        """
        if not near > 0:
            raise ValueError(f"near = {near}: must be greater than 0")
        vertices = read_only(vertices, np.float32)
        faces = read_only(faces, np.int32).view(np.uint32)
        if out is None:
            wanted = {"corners": corners, "positions": positions, "slopes": slopes}
            out = aligned_fragments(self.layers, self.height, self.width, **wanted)
        if len(vertices) > len(self._inverse):
            self._resize(len(vertices))
        matrix64 = np.ascontiguousarray(pixel_matrix, np.float64)
        matrix = subpixel_matrix(matrix64)
        near32 = np.float32(near)
        self._transform(vertices, matrix, near32)
        used = self._rasterize(vertices, faces, matrix, near32, bool(cull_back_faces))
        self._resolve(vertices, faces, matrix64, float(near32), self._keys[:used], out)
        return out

    def _resize(self, count: int) -> None:
        self._screen = np.empty((count, 2), np.int32)
        self._inverse = np.empty(count, np.float32)
        self._cell = np.empty(count, np.uint32)

    def _transform(self, vertices, matrix, near) -> None:
        count, flat = len(vertices), vertices.reshape(-1)

        def work(_worker, start, stop):
            transform(
                flat[3 * start : 3 * stop], matrix, near, self.width, self.height,
                self._screen[start:stop].reshape(-1), self._inverse[start:stop], self._cell[start:stop],
            )  # fmt: skip

        workers.share(work, count, self._piece(count, 20_000, 80_000), self.threads)

    def _rasterize(self, vertices, faces, matrix, near, cull_back_faces) -> int:
        """Fill the key buffers; returns how many were used."""
        used = {0}

        def work(worker, start, stop):
            used.add(worker)
            rasterize(
                faces, vertices, matrix, near, self._screen, self._inverse, self._cell, self.width, self.height,
                cull_back_faces, start, stop, self._keys[worker],
            )  # fmt: skip

        workers.share(work, len(faces), self._piece(len(faces), 512, 32_768), self.threads)
        return max(used) + 1

    def _resolve(self, vertices, faces, matrix, near, keys, out: Fragments) -> None:
        given = [array if array is not None else spare for array, spare in zip(out, self._nothing)]
        wanted = [array is not None for array in (out.corners, out.position, out.slope)]

        def work(_worker, start, stop):
            resolve_rows(faces, vertices, matrix, near, self._screen, self._inverse, keys, *wanted, *given, start, stop)

        row = self.width * self.layers
        workers.share(work, self.height, self._piece(self.height, -(-4_096 // row), -(-65_536 // row)), self.threads)

    def _piece(self, work: int, least: int, most: int) -> int:
        """Size of the pieces to hand out: four a worker, to balance uneven ones, but neither tiny nor huge."""
        return work or 1 if self.threads == 1 else max(least, min(most, -(-work // (4 * self.threads))))


@functools.lru_cache(maxsize=8)
def kept_rasterizer(width: int, height: int, layers: int) -> Rasterizer:
    """Samplers are kept for their buffers: for callers on one thread, as the engine is."""
    return Rasterizer(width, height, layers)
