"""Meters of a mesh that is being moved: triangles that are flipped, without area, or cut through others."""

from __future__ import annotations

import numpy as np

from core.io.topology import degenerate_faces
from core.metrics import flipped_triangles
from kernels.mesh_intersections import self_intersections

LIVE_FACES = 60_000
"""Triangles up to which self-intersections are counted while a fit runs: about 0.1 s, once a second."""
FINAL_FACES = 500_000
"""Triangles up to which they are counted at all: two million take minutes, which nobody who exports waits for."""


def mesh_health(vertices: np.ndarray, faces: np.ndarray, *, everything: bool = True) -> dict[str, float]:
    """Counts by metric name. vertices (n, 3), faces (m, 3). everything: self-intersections too where they take seconds."""
    found: dict[str, float] = {
        "flipped_triangles": flipped_triangles(vertices, faces),
        "degenerate_triangles": int(np.count_nonzero(degenerate_faces(np.asarray(vertices, np.float64), faces))),
    }
    if len(faces) <= (FINAL_FACES if everything else LIVE_FACES):
        found["self_intersecting_triangles"] = int(np.count_nonzero(self_intersections(vertices, faces)))
    return found
