"""Small scenes for the tests of surface methods: shapes, views, values, and totals by supersampled finite differences."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from core.experiment import PoseSpec, SceneSpec
from core.parameters import scene_values
from core.shapes.mesh import Mesh
from kernels.camera import lens_of, look_at, object_to_pixel, orbit_eye
from kernels.raster.interpolate import interpolate
from kernels.raster.sampler import Rasterizer
from kernels.settings import split_settings
from kernels.types import CameraView, Method, Shape

QUICK = {"xla_backend_optimization_level": 0}
"""Compiler options for jit where images are tiny: compiling takes half the time."""

BACKGROUND = (0.1, 0.15, 0.2)
RED, GREEN = (0.9, 0.2, 0.1), (0.1, 0.8, 0.3)


def sphere(around: int, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere of latitudes and longitudes, counter-clockwise outwards: vertices, faces."""
    polar = np.arange(1, rings) / rings * np.pi
    azimuth = np.arange(around) / around * 2 * np.pi
    t, p = np.meshgrid(polar, azimuth, indexing="ij")
    body = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1).reshape(-1, 3)
    top, bottom = len(body), len(body) + 1
    ring, step = np.arange(rings - 2)[:, None] * around, np.arange(around)[None]
    a, b = ring + step, ring + (step + 1) % around
    quads = [np.stack([a, a + around, b + around], -1), np.stack([a, b + around, b], -1)]
    first, last = np.arange(around), (rings - 2) * around + np.arange(around)
    caps = [
        np.stack([np.full(around, top), first, (first + 1) % around], -1),
        np.stack([np.full(around, bottom), np.roll(last, -1), last], -1),
    ]
    faces = np.concatenate([q.reshape(-1, 3) for q in quads] + caps)
    return np.concatenate([body, [[0, 0, 1], [0, 0, -1]]]).astype(np.float32), faces.astype(np.int32)


def lumpy_mesh(seed: int = 0) -> Mesh:
    """A small closed mesh without symmetry, with random vertex colours."""
    rng = np.random.default_rng(seed)
    vertices, faces = sphere(9, 6)
    vertices = vertices * (0.7 + 0.3 * rng.random((len(vertices), 1)))
    return Mesh(vertices, faces, rng.random(vertices.shape))


def orbit_view(size: int, azimuth: float = 20.0) -> CameraView:
    return CameraView(look_at(orbit_eye(azimuth, 20.0, 3.2)), size, size)


def scene(mesh: Shape, pose: PoseSpec = PoseSpec(), emissive: bool = False, fov: float = 40.0) -> dict[str, Any]:
    """Values and constants of a mesh in the default scene; emissive: albedo is colour, whatever the light."""
    light = dict(light_intensity=0.0, light_ambient=1.0) if emissive else {}
    spec = SceneSpec(background=BACKGROUND, **light)
    return {**scene_values(spec, pose, fov), **mesh.parameters(), **mesh.constants()}


def as_float64(tree: Any) -> Any:
    """The same pytree with float32 arrays widened, for tests under jax.enable_x64."""

    def widen(leaf: Any) -> Any:
        array = np.asarray(leaf)
        return array.astype(np.float64) if array.dtype == np.float32 else leaf

    return jax.tree.map(widen, tree)


# ------------------------------------------------------------------------------- totals by finite differences


@dataclass(frozen=True)
class Moving:
    """An emissive scene in front of a camera at the origin; the first `count` vertices move rigidly."""

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    count: int

    def directions(self) -> np.ndarray:
        """(6, n, 3): three translations, three rotations about the moving part's centre."""
        part = self.vertices[: self.count].astype(np.float64)
        out = np.zeros((6, *self.vertices.shape))
        for i, axis in enumerate(np.eye(3)):
            out[i, : self.count] = axis
            out[3 + i, : self.count] = np.cross(axis, part - part.mean(0))
        return out


def _triangles(*triangles: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vertices = np.array(triangles, np.float32).reshape(-1, 3)
    faces = np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)
    return vertices, faces, np.repeat(np.array([RED, GREEN][: len(triangles)], np.float32), 3, axis=0)


def _balls(around: int, other: tuple, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    unit, faces = sphere(around, around)
    shade = (0.5 + 0.5 * unit @ np.array([0.3, 0.5, 0.8]))[:, None]
    vertices = np.concatenate([unit * 0.6 + np.array([-0.35, 0, -3.4]), unit * radius + np.array(other)])
    colours = np.concatenate([shade * RED, shade * GREEN])
    return vertices.astype(np.float32), np.concatenate([faces, faces + len(unit)]), colours.astype(np.float32)


def moving_scene(name: str) -> Moving:
    front = [[-0.7, -0.63, -3], [0.8, -0.31, -3], [-0.13, 0.77, -3]]
    behind = [[-0.2, -0.8, -3.6], [1.1, 0.2, -3.4], [0.1, 0.9, -3.5]]
    tilted = [[-0.8, 0.5, -2.5], [0.05, -0.8, -3.1], [0.9, 0.35, -3.6]]
    through = [[-0.75, -0.4, -3.5], [0.8, -0.5, -2.6], [-0.1, 0.8, -3.0]]
    if name == "one triangle":
        return Moving(*_triangles(front), 3)
    if name == "two overlapping":
        return Moving(*_triangles(front, behind), 3)
    if name == "two intersecting":
        return Moving(*_triangles(tilted, through), 3)
    if name == "occluding spheres":
        vertices, faces, colours = _balls(60, (0.45, 0.1, -4.6), 0.7)
        return Moving(vertices, faces, colours, len(vertices) // 2)
    vertices, faces, colours = _balls(60, (0.35, 0.1, -3.4), 0.55)
    return Moving(vertices, faces, colours, len(vertices) // 2)


def hard_image(scene_: Moving, vertices: np.ndarray, size: int, samples: int) -> np.ndarray:
    """(size, size, 3) box-filtered render with samples x samples centres a pixel."""
    view = CameraView(np.eye(4), size * samples, size * samples)
    values = scene(Mesh(scene_.vertices, scene_.faces), emissive=True)
    fragments = Rasterizer(view.width, view.height, 1)(
        vertices.astype(np.float32), scene_.faces, object_to_pixel(values, view)
    )
    colour = interpolate(scene_.colours, fragments)[0]
    colour = np.where(fragments.face_id[0] >= 0, colour, np.array(BACKGROUND)[:, None, None])
    return colour.reshape(3, size, samples, size, samples).mean((2, 4), dtype=np.float64).transpose(1, 2, 0)


@functools.cache
def reference_totals(name: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(dL/dI, the six totals) for a smooth loss against a displaced render.

    Central differences of a 12 x 12 supersampled render, step 0.3 pixel: the box filter makes the scene smooth enough
    (edges cross 7 samples), and the quadratic error of the step is below 1 %.
    """
    scene_ = moving_scene(name)
    step = 0.3 * 2 * 3.2 * np.tan(np.radians(20)) / size
    base, directions = scene_.vertices.astype(np.float64), scene_.directions()
    turn = np.array([[0.982, -0.147, -0.12], [0.135, 0.985, -0.1], [0.133, 0.082, 0.988]])
    goal = base.copy()
    centre = base[: scene_.count].mean(0)
    goal[: scene_.count] = (base[: scene_.count] - centre) @ turn.T + centre + (0.08, -0.06, 0.1)
    slope = 2 * (hard_image(scene_, base, size, 4) - hard_image(scene_, goal, size, 4))
    totals = [
        (slope * (hard_image(scene_, base + step * d, size, 12) - hard_image(scene_, base - step * d, size, 12))).sum()
        for d in directions
    ]
    return slope, np.array(totals) / (2 * step)


def method_totals(method: Method, settings: Any, name: str, size: int) -> np.ndarray:
    """The same six totals by the method's reverse mode through the vertices."""
    scene_ = moving_scene(name)
    mesh, view = Mesh(scene_.vertices, scene_.faces, scene_.colours), CameraView(np.eye(4), size, size)
    values, free, channels = scene(mesh, emissive=True), frozenset({"vertices"}), ("colour",)
    samples = method.sample(mesh, values, view, settings, free, channels)
    slope = reference_totals(name, size)[0].astype(np.float32)
    traced = split_settings(settings)[0]

    def objective(vertices: Any, values: Any, samples: Any, slope: Any) -> Any:
        moved = {**values, "vertices": vertices}
        image = method.evaluate(mesh, moved, samples, lens_of(view), traced, settings, channels, free)
        return sum((plane * slope[..., i]).sum() for i, plane in enumerate(image["colour"]))

    gradient = jax.jit(jax.grad(objective), compiler_options=QUICK)(values["vertices"], values, samples, slope)
    return (scene_.directions() * np.asarray(gradient, np.float64)).sum((1, 2))
