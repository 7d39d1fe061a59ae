"""Host-side helpers for what the eye gets of a state: where the shape stands, what the pixels see."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.camera import model_matrix


def placed(mesh: tuple[np.ndarray, np.ndarray], values: Any) -> tuple[np.ndarray, np.ndarray]:
    """A display mesh with its vertices (n, 3) moved to world units by the pose in `values`."""
    vertices, faces = mesh
    model = model_matrix(values)
    return (vertices @ model[:3, :3].T + model[:3, 3]).astype(np.float32), faces


def fragment_arrays(samples: Any) -> dict[str, np.ndarray]:
    """Triangle ids and depths of the nearest layer, where the method samples a surface."""
    fragments = getattr(samples, "fragments", None)
    if fragments is None:
        return {}
    inverse = np.asarray(fragments.inverse_depth[0])
    depth = np.where(inverse > 0, 1.0 / np.where(inverse > 0, inverse, 1.0), np.nan)
    return {"face_id": np.array(fragments.face_id[0]), "depth": depth.astype(np.float32)}
