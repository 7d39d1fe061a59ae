"""Scenes of the gradient report: what each method is judged on, of the kinds of EdgeGrad's Table 1 (its own scenes are
not published): one triangle, an overlap, an intersection, spheres of sub-pixel triangles, and real shapes.

A scene says which vertices form the moving object; the derivative is by its six rigid motions about its centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.experiment import PoseSpec, SceneSpec
from core.parameters import scene_values
from core.shapes.loading import load_shape
from core.shapes.mesh import Mesh
from kernels.camera import look_at, orbit_eye
from kernels.rotation import quaternion_from_vector, quaternion_matrix
from kernels.types import CameraView, Shape

RED, GREEN = (0.9, 0.2, 0.1), (0.1, 0.8, 0.3)
TARGET_ROTATION, TARGET_SHIFT = np.array([0.1, -0.12, 0.15]), np.array([0.08, -0.06, 0.1])
"""Where the loss pulls the moving object: radians and unit-sphere units; a few pixels at 128 x 128."""


@dataclass(frozen=True)
class ReportScene:
    """directions: six tangents (three translations, three rotations). target: host values the loss compares with.
    supersampling: samples a pixel's side of the finite differences: 16, or half as many where there are more views."""

    name: str
    title: str
    shape: Shape
    values: dict[str, Any]
    target: dict[str, Any]
    directions: tuple[dict[str, np.ndarray], ...]
    views: tuple[CameraView, ...]
    channels: tuple[str, ...]
    supersampling: int = 16

    @property
    def of_what(self) -> str:
        """What is rendered, in a few words."""
        faces = self.shape.constants().get("const.faces")
        if faces is not None:
            return f"{len(faces):,} triangle{'s' * (len(faces) > 1)}"
        if "values" in self.values:
            return " x ".join(str(n) for n in np.shape(self.values["values"])) + " nodes"
        return str(self.shape.facts()["summary"]).split(",")[0]


def all_scenes(size: int, files: Sequence[str] = ()) -> list[ReportScene]:
    """Every scene of the report at `size` pixels a side, those of the user's meshes last."""
    return [*triangle_scenes(size), *sphere_scenes(size), *bundled_scenes(size), *file_scenes(files, size)]


def triangle_scenes(size: int = 128) -> list[ReportScene]:
    """One triangle, two that overlap, two that intersect."""
    first = [[-0.55, -0.5, 0.0], [0.62, -0.25, 0.05], [-0.1, 0.6, 0.1]]
    behind = [[-0.15, -0.65, -0.5], [0.8, 0.15, -0.4], [0.1, 0.7, -0.45]]
    crossing = [[-0.6, -0.35, -0.45], [0.65, -0.4, 0.45], [-0.1, 0.65, 0.05]]
    slanted = [[-0.65, 0.4, 0.5], [0.05, -0.65, 0.0], [0.7, 0.3, -0.5]]
    # One triangle has a second, out of sight: scenes with as many vertices share their compiled code.
    unseen = [[9.0, 9.0, -1.0], [9.5, 9.0, -1.0], [9.0, 9.5, -1.0]]
    return [
        _soup("one-triangle", "One triangle", [first, unseen], size),
        _soup("overlap", "Two triangles, overlapping", [first, behind], size),
        _soup("intersection", "Two triangles, intersecting", [slanted, crossing], size),
    ]


def sphere_scenes(size: int = 128, rings: int = 160) -> list[ReportScene]:
    """Two spheres of sub-pixel triangles, one before the other and one through the other."""
    a = _ball(rings, (-0.28, 0.0, 0.1), 0.5, RED)
    return [
        _two("spheres-occlude", "Spheres, occluding", a, _ball(rings, (0.35, 0.1, -0.6), 0.55, GREEN), size),
        _two("spheres-intersect", "Spheres, intersecting", a, _ball(rings, (0.3, 0.08, 0.1), 0.45, GREEN), size),
    ]


def shape_scene(
    name: str,
    title: str,
    shape: Shape,
    size: int = 128,
    channels: tuple[str, ...] = ("silhouette",),
    azimuths: Sequence[float] = (0.0, 90.0, 180.0, 270.0),
) -> ReportScene:
    """A whole shape by its pose, summed over the views of an orbit."""
    at = lambda r, t: PoseSpec(tuple(np.degrees(r)), tuple(t), 1.0)
    scene = SceneSpec()
    own = {**shape.parameters(), **shape.constants()}
    values = {**own, **scene_values(scene, at(np.zeros(3), np.zeros(3)), 40.0)}
    target = {**own, **scene_values(scene, at(TARGET_ROTATION, TARGET_SHIFT), 40.0)}
    directions = []
    for parameter in ("pose.translation", "pose.rotation"):
        directions += [{parameter: axis} for axis in np.eye(3, dtype=np.float32)]
    views = tuple(
        CameraView(look_at(orbit_eye(azimuth, 20.0, 3.2)), size, size, name=f"view {i}")
        for i, azimuth in enumerate(azimuths)
    )
    return ReportScene(name, title, shape, values, target, tuple(directions), views, channels, 8)


def bundled_scenes(size: int = 128) -> list[ReportScene]:
    """A bundled mesh by its silhouettes; a bundled grid and forty Gaussians by their shading."""
    creature = load_shape("mesh", None, "creature", None)
    grid = load_shape("sdf-grid", None, "torus", None)
    balls = load_shape("metaballs", None, "creature", None)
    return [
        shape_scene("creature", "Creature, four silhouettes", creature, size),
        shape_scene("torus-grid", "Torus grid, two shaded views", grid, size, ("colour",), (0.0, 90.0)),
        shape_scene("metaballs", "Creature of Gaussians, one view", balls, size, ("colour",), (0.0,)),
    ]


def file_scenes(paths: Sequence[str], size: int = 128) -> list[ReportScene]:
    """Meshes of the user's own, by their silhouettes."""
    return [
        shape_scene(Path(p).stem, f"{Path(p).stem}, four silhouettes", load_shape("mesh", p, None, None), size)
        for p in paths
    ]


def rigid_directions(vertices: np.ndarray, moving: slice) -> tuple[dict[str, np.ndarray], ...]:
    """Tangents of `vertices` (n, 3) for the six rigid motions of the slice `moving` about its centre."""
    centre = vertices[moving].mean(axis=0)
    found = []
    for axis in np.eye(3, dtype=np.float32):
        shift = np.zeros_like(vertices)
        shift[moving] = axis
        found.append({"vertices": shift})
    for axis in np.eye(3, dtype=np.float32):
        turn = np.zeros_like(vertices)
        turn[moving] = np.cross(axis, vertices[moving] - centre)
        found.append({"vertices": turn})
    return tuple(found)


def _soup(name: str, title: str, triangles: list, size: int) -> ReportScene:
    vertices = np.array(triangles, np.float32).reshape(-1, 3)
    faces = np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)
    colours = np.repeat(np.array([RED, GREEN][: len(triangles)], np.float32), 3, axis=0)
    return _moving(name, title, Mesh(vertices, faces, colours), slice(0, 3), size)


def _two(name: str, title: str, a: tuple, b: tuple, size: int) -> ReportScene:
    vertices = np.concatenate([a[0], b[0]])
    faces = np.concatenate([a[1], b[1] + len(a[0])])
    mesh = Mesh(vertices, faces, np.concatenate([a[2], b[2]]))
    return _moving(name, title, mesh, slice(0, len(a[0])), size)


def _moving(name: str, title: str, mesh: Mesh, moving: slice, size: int) -> ReportScene:
    # Only ambient light: the colours stay put, so that the derivative is all edges and the reference all geometry.
    scene = SceneSpec(light_intensity=0.0, light_ambient=1.0, background=(0.1, 0.15, 0.2))
    values = {**mesh.parameters(), **mesh.constants(), **scene_values(scene, PoseSpec(), 40.0)}
    vertices = np.asarray(values["vertices"])
    centre = vertices[moving].mean(axis=0)
    turned = vertices.copy()
    rotation = quaternion_matrix(quaternion_from_vector(TARGET_ROTATION)).astype(np.float32)
    turned[moving] = (vertices[moving] - centre) @ rotation.T + centre + TARGET_SHIFT.astype(np.float32)
    view = CameraView(look_at((0.0, 0.0, 3.2)), size, size, name="front")
    directions = rigid_directions(vertices, moving)
    return ReportScene(name, title, mesh, values, {**values, "vertices": turned}, directions, (view,), ("colour",))


def _ball(rings: int, centre: tuple, radius: float, colour: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A latitude-longitude sphere: vertices, faces wound outwards, colours that vary slowly over it."""
    theta = np.linspace(0, np.pi, rings + 1)[1:-1]
    phi = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    ring = np.stack([np.sin(t) * np.sin(p), np.cos(t), np.sin(t) * np.cos(p)], axis=-1).reshape(-1, 3)
    unit = np.concatenate([[[0.0, 1.0, 0.0]], ring, [[0.0, -1.0, 0.0]]])
    columns = 2 * rings
    index = 1 + np.arange((rings - 1) * columns).reshape(rings - 1, columns)
    right = np.roll(index, -1, axis=1)
    quads = [index[:-1], index[1:], right[1:], right[:-1]]
    a, b, c, d = (q.reshape(-1) for q in quads)
    last = len(unit) - 1
    caps = [
        np.stack([np.zeros(columns, int), index[0], right[0]], axis=1),
        np.stack([np.full(columns, last), right[-1], index[-1]], axis=1),
    ]
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1), *caps]).astype(np.int32)
    shade = 0.5 + 0.5 * unit @ np.array([0.3, 0.5, 0.8])
    colours = (shade[:, None] * np.array(colour)).astype(np.float32)
    return (unit * radius + np.array(centre)).astype(np.float32), faces, colours
