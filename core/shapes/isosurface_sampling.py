"""Sampling the isosurface of a grid for the surface methods: marching cubes, then the triangle sampler.

The surface is extracted once for all views of a step: it is kept with the node values it belongs to, by content.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from core.shapes.surface_sampling import sample_triangles
from kernels.isosurface import IsoSamples, lattice_samples
from kernels.marching_cubes import Isosurface, extract
from kernels.surface import SurfaceSamples
from kernels.types import CameraView, Values


def one_sided(grid: np.ndarray) -> str:
    """Why node values have no isosurface, "" where they have one."""
    if not grid.min() < 0:
        return "no node value is below 0"
    return "" if grid.max() > 0 else "no node value is above 0"


class IsosurfaceSampler:
    """The surface of one lattice (origin and spacing (3,), object units). Safe to share between threads."""

    def __init__(self, origin: np.ndarray, spacing: np.ndarray) -> None:
        self._origin, self._spacing = origin, spacing
        self._lock = threading.Lock()
        self._key: np.ndarray | None = None
        self._iso: Isosurface | None = None
        self._mesh: tuple[np.ndarray, np.ndarray] | None = None
        self._lattice: tuple | None = None

    def mesh(self, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (n, 3) float32 and faces (m, 3) of the zero surface, wound outwards."""
        with self._lock:
            self._extract(grid)
            assert self._mesh is not None
            return self._mesh

    def sample(
        self,
        grid: np.ndarray,
        values: Values,
        view: CameraView,
        *,
        layers: int,
        cull_back_faces: bool,
        moving: bool,
        channels: tuple[str, ...],
        rasterizer: Any = None,
    ) -> IsoSamples:
        """What each pixel sees of the surface of `grid` (nx, ny, nz), posed and seen as `values` and `view` say.

        moving: the node values are free, or fragments are attached to their pixels: vertices are evaluated again.
        """
        with self._lock:
            iso = self._extract(grid)
            assert self._mesh is not None
            vertices, faces = self._mesh
            if moving and self._lattice is None:
                self._lattice = lattice_samples(iso, grid)
            lattice = self._lattice
        samples: SurfaceSamples = sample_triangles(
            vertices,
            faces,
            None,
            lambda _vertices, _faces: iso.normals,
            values,
            view,
            layers=layers,
            cull_back_faces=cull_back_faces,
            moving=moving,
            channels=channels,
            rasterizer=rasterizer,
        )
        return IsoSamples(samples, *(lattice if moving and lattice is not None else (None, None, None)))

    def _extract(self, grid: np.ndarray) -> Isosurface:
        if self._iso is None or self._key is None or not np.array_equal(self._key, grid):
            self._iso = extract(grid, self._origin, self._spacing)
            self._key, self._lattice = grid.copy(), None
            self._mesh = (self._iso.vertices.astype(np.float32), self._iso.faces)
        return self._iso
