"""A loaded problem and its snapshots made of NumPy alone, for tests of what the window draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.experiment import DeriveSpec, Experiment, TermSpec
from core.protocol import Agreement, Loaded, ParameterInfo, Snapshot, ViewInfo

PARAMETERS = (
    ParameterInfo("pose.translation", "translation", 3, ("x", "y", "z"), "", True, ("x", "y", "z")),
    ParameterInfo("pose.scale", "scale", 1),
    ParameterInfo("vertices", "vertices", 300),
)


def sphere(rows: int = 24, radius: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """A closed sphere of 2 * rows * (rows - 1) * 2 triangles: vertices (n, 3) float32, faces (m, 3) int32."""
    columns = 2 * rows
    latitude = np.linspace(0.5 * np.pi, -0.5 * np.pi, rows + 1)[:, None]
    longitude = np.linspace(0.0, 2 * np.pi, columns, endpoint=False)[None]
    x, y, z = np.broadcast_arrays(
        np.cos(latitude) * np.sin(longitude), np.sin(latitude), np.cos(latitude) * np.cos(longitude)
    )
    index = np.arange((rows + 1) * columns, dtype=np.int32).reshape(rows + 1, columns)
    right = np.roll(index, -1, axis=1)
    upper = np.stack([index[:-1], index[1:], right[:-1]], -1).reshape(-1, 3)
    lower = np.stack([right[:-1], index[1:], right[1:]], -1).reshape(-1, 3)
    vertices = radius * np.stack([x, y, z], -1).reshape(-1, 3)
    return vertices.astype(np.float32), np.concatenate([upper[columns:], lower[:-columns]])


def cube(half: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    faces = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]]
    faces += [[2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
    return half * corners, np.array(faces, np.int32)


def look_at_origin(azimuth: float, elevation: float = 20.0, distance: float = 3.2) -> np.ndarray:
    """World to camera (4, 4)."""
    a, e = np.radians([azimuth, elevation])
    eye = distance * np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])
    back = eye / distance
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = [right, np.cross(back, right), back]
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


def views(count: int = 4, held_out: int = 0, side: int = 64) -> tuple[ViewInfo, ...]:
    """An orbit whose thumbnails are plain: view i has the colour (60 * i, 200, 60)."""
    result = []
    for i in range(count + held_out):
        picture = None
        if i < count:
            picture = np.full((side, side, 3), (60 * i, 200, 60), np.uint8)
        matrix = look_at_origin(360.0 / max(count, 1) * i + (20.0 if i >= count else 0.0))
        result.append(ViewInfo(f"view {i}", matrix, float(np.radians(40)), side, side, i >= count, picture))
    return tuple(result)


def loaded(target: tuple[np.ndarray, np.ndarray] | None = None, **options: Any) -> Loaded:
    """`options`: sees, theta, views, parameters."""
    experiment = Experiment(
        title="fake",
        terms=(TermSpec(sees=options.get("sees", "colour")),),
        derive=DeriveSpec(parameter=options.get("theta")),
    )
    vertices, faces = target if target is not None else (None, None)
    parameters = options.get("parameters", PARAMETERS)
    return Loaded(experiment, {}, parameters, options.get("views", views()), vertices, faces)


def moved(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    """A model matrix (4, 4)."""
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, 3] = (x, y, z)
    return matrix


def snapshot(
    iteration: int = 0, *, view: int = 0, theta: str | None = None, stamps: Any = None, **arrays: Any
) -> Snapshot:
    kept = {name: np.asarray(array) for name, array in arrays.items()}
    return Snapshot(iteration, view, kept, {**dict.fromkeys(kept, iteration), **(stamps or {})}, {}, theta)


def agreement(parameter: str, iteration: int = 0) -> Agreement:
    return Agreement(iteration, "edge-grad", parameter, 0, 0.139, 0.99, 0.162, 0.03, 0.25, 4, 3.0, 400.0)
