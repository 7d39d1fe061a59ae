"""Host-side helpers for what the eye gets of a state: where the shape stands, what the pixels see."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.camera import model_matrix
from kernels.types import CameraView


def placed(mesh: tuple[np.ndarray, np.ndarray], values: Any) -> tuple[np.ndarray, np.ndarray]:
    """A display mesh with its vertices (n, 3) moved to world units by the pose in `values`."""
    vertices, faces = mesh
    model = model_matrix(values)
    return (vertices @ model[:3, :3].T + model[:3, 3]).astype(np.float32), faces


def axis_depth(distance: np.ndarray, view: CameraView, fov: float) -> np.ndarray:
    """Distances along the pixels' rays (H, W), 0 where they miss -> depths along the view axis, NaN where they miss."""
    focal = 0.5 * view.height / np.tan(0.5 * fov)
    x = (np.arange(view.width) + 0.5 - 0.5 * view.width - view.shift[0]) / focal
    y = (np.arange(view.height) + 0.5 - 0.5 * view.height - view.shift[1]) / focal
    depth = distance / np.sqrt(1.0 + x[None, :] ** 2 + y[:, None] ** 2)
    return np.where(distance > 0, depth, np.nan).astype(np.float32)


MOST_ARROWS = 1500
"""Vertex gradients whose direction is sent: more arrows hide the shape, and a large mesh's would weigh megabytes."""


def gradient_arrays(gradient: np.ndarray) -> dict[str, np.ndarray]:
    """What the eye gets of a gradient by the vertices (n, 3): every size, and the direction of the largest."""
    sizes = np.linalg.norm(gradient, axis=1).astype(np.float32)
    count = min(MOST_ARROWS, len(sizes))
    largest = np.argpartition(sizes, len(sizes) - count)[len(sizes) - count :] if count else np.zeros(0, int)
    largest = largest[np.argsort(-sizes[largest], kind="stable")]
    return {
        "vertex_gradient": sizes,
        "arrow_vertices": largest.astype(np.int32),
        "arrows": gradient[largest].astype(np.float32),
    }


def handle_arrays(shape: Any, values: Any) -> dict[str, np.ndarray]:
    """The points by which a hand moves a shape (Shape.handles), where it has such: "handles" and "handle_factors"."""
    return shape.handles(values) if hasattr(shape, "handles") else {}


def solid_mesh(shape: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """The shape's surface as triangles, object space: its display mesh, unless that stands for something else."""
    if hasattr(shape, "surface_mesh"):
        mesh = shape.surface_mesh(values)
        if len(mesh[1]):
            return mesh
    return shape.display_mesh(values)


def world_mesh(shape: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """The shape's surface as triangles, vertices in world units."""
    return placed(solid_mesh(shape, values), values)


def display_colours(shape: Any, values: Any, gradient: Any) -> dict[str, np.ndarray]:
    """Colours and |dL/dposition| at the display mesh's vertices, where the shape has them.

    A shape whose display mesh is not its parameters (ellipsoids of Gaussians) says both itself.
    """
    arrays: dict[str, np.ndarray] = {}
    if hasattr(shape, "display_colours"):
        arrays["vertex_colours"] = shape.display_colours(values)
        moved = shape.display_gradient(gradient)
        return arrays if moved is None else {**arrays, "vertex_gradient": moved}
    if "vertex_colours" in values:
        arrays["vertex_colours"] = np.asarray(values["vertex_colours"], np.float32)
    if "vertices" in gradient:
        arrays |= gradient_arrays(np.asarray(gradient["vertices"]))
    return arrays


def fragment_arrays(samples: Any, view: CameraView, fov: float) -> dict[str, np.ndarray]:
    """Triangle ids and depths of the nearest layer, where the method samples a surface; depths alone of a traced field.

    view, fov (vertical, radians): the camera of the samples. Depth is along the view axis, NaN where nothing is hit.
    """
    fragments = getattr(samples, "fragments", None)
    distance = getattr(samples, "distance", None)
    if fragments is None and distance is not None:
        return {"depth": axis_depth(np.asarray(distance), view, fov)}
    if fragments is None:
        return {}
    inverse = np.asarray(fragments.inverse_depth[0])
    depth = np.where(inverse > 0, 1.0 / np.where(inverse > 0, inverse, 1.0), np.nan)
    return {"face_id": np.array(fragments.face_id[0]), "depth": depth.astype(np.float32)}
