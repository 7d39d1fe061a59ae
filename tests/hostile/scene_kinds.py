"""The random scenes of tests/hostile/scenes.py: shapes that upset renderers, seen from where they upset them more.

Sizes are fixed, so that a method compiles once for each kind of scene. A seed gives a scene.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.experiment import PoseSpec, SceneSpec
from core.parameters import scene_values
from core.shapes.mesh import Mesh
from core.shapes.metaballs import Metaballs
from core.shapes.sdf_grid import SdfGrid
from core.shapes.sdf_network import SdfNetwork
from kernels.camera import look_at
from kernels.network_parts import BIAS, RADIANCE, WEIGHTS, Architecture, initial
from kernels.types import CameraView, Shape

HEIGHT, WIDTH = 7, 9
VERTICES, FACES, NODES, BALLS = 18, 26, 6, 5
NETWORK = Architecture(width=64, layers=4, levels=4, radiance=True)


@dataclass(frozen=True)
class Hostile:
    """A scene: what it is made of is in `what`."""

    shape: Shape
    values: dict[str, Any]
    view: CameraView
    what: str


def hostile_mesh(seed: int) -> Hostile:
    """Triangles without area, below a pixel, coincident, through each other, behind and through the camera."""
    rng = np.random.default_rng(seed)
    vertices = rng.normal(0, 0.5, (VERTICES, 3))
    faces = np.stack([rng.choice(VERTICES, 3, replace=False) for _ in range(FACES)])
    what = []
    for _ in range(rng.integers(1, 4)):
        name = str(rng.choice(list(_SPOILERS)))
        what.append(name)
        vertices, faces = _SPOILERS[name](rng, vertices, faces)
    shape = Mesh(vertices, faces, rng.random((VERTICES, 3)))
    values, view, where = _placed(rng, shape)
    return Hostile(shape, values, view, f"mesh {seed}: {', '.join(what)}; {where}")


def _line(rng, vertices, faces):
    """Faces on one line, exactly."""
    vertices = vertices.copy()
    vertices[:6] = vertices[0] + np.arange(6)[:, None] * (vertices[1] - vertices[0]) / 4
    return vertices, np.concatenate([[[0, 1, 2], [3, 4, 5], [0, 2, 4]], faces[3:]])


def _points(rng, vertices, faces):
    """Different vertices in one place."""
    vertices = vertices.copy()
    vertices[: rng.integers(2, VERTICES)] = vertices[0]
    return vertices, faces


def _repeated(rng, vertices, faces):
    """Faces that name a vertex twice, and the same face several times, turned and not."""
    return vertices, np.concatenate([[[0, 0, 1], [2, 2, 2], *[faces[5]] * 3, faces[5][::-1]], faces[6:]])


def _tiny(rng, vertices, faces):
    return vertices * 10.0 ** rng.uniform(-7, -2), faces


def _huge(rng, vertices, faces):
    return vertices * 10.0 ** rng.uniform(1, 6), faces


def _flat(rng, vertices, faces):
    """All in one plane, seen edge-on from somewhere; planes coincide."""
    vertices = vertices.copy()
    vertices[:, rng.integers(3)] = 0.0
    return vertices, faces


def _gridded(rng, vertices, faces):
    """Corners on a coarse lattice: edges through pixel centres, equal depths, shared planes."""
    return np.round(vertices * 2) / 2, faces


def _needles(rng, vertices, faces):
    vertices = vertices.copy()
    vertices[faces[:, 1]] = vertices[faces[:, 0]] + 1e-6 * rng.normal(size=(len(faces), 3))
    return vertices, faces


_SPOILERS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "on a line": _line, "in one place": _points, "repeated faces": _repeated, "tiny": _tiny, "huge": _huge,
    "flat": _flat, "on a lattice": _gridded, "needles": _needles,
    "plain soup": lambda rng, vertices, faces: (vertices, faces),
}  # fmt: skip


def hostile_grid(seed: int) -> Hostile:
    """Grids without a crossing, of noise, of one sign, with plateaus at zero, of no distance at all."""
    rng = np.random.default_rng(seed)
    axis = np.linspace(-1, 1, NODES)
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None] ** 2)
    kinds = {
        "ball": radius - 0.7,
        "no crossing": radius + 0.1,
        "inside everywhere": radius - 5.0,
        "noise": rng.normal(0, 1, radius.shape),
        "zero": np.zeros_like(radius),
        "plateau": np.where(radius < 0.8, 0.0, radius),
        "one node": np.where(np.arange(NODES**3).reshape(radius.shape) == NODES**3 // 2, -1e-3, 1.0),
        "steep": 1e4 * (radius - 0.5),
        "shallow": 1e-6 * (radius - 0.5),
        "rounded": np.round(3 * (radius - 0.6)),
    }
    what = str(rng.choice(list(kinds)))
    spacing = np.full(3, axis[1] - axis[0]) * 10.0 ** rng.uniform(-0.3, 0.3, 3)
    shape = SdfGrid(kinds[what], np.full(3, -1.0), spacing)
    values, view, where = _placed(rng, shape)
    return Hostile(shape, values, view, f"grid {seed}: {what}; {where}")


def hostile_balls(seed: int) -> Hostile:
    """Gaussians like needles and discs, in one place, vanishing, filling everything, with weights out of all reason."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, 0.5, (BALLS, 3))
    factors = np.tril(rng.normal(0, 1, (BALLS, 3, 3)))
    factors[:, range(3), range(3)] = 10.0 ** rng.uniform(0, 1, (BALLS, 3))
    weights = rng.normal(0, 1, BALLS)
    what = str(rng.choice(["plain", "one place", "needles", "tiny", "wide", "heavy", "weightless", "mixed"]))
    if what == "one place":
        means[:] = means[0]
    elif what in ("tiny", "wide"):
        factors *= 1e3 if what == "tiny" else 1e-3
    elif what in ("heavy", "weightless"):
        weights += 30 if what == "heavy" else -80
    elif what == "needles":
        factors[:, 0, 0] *= 1e3
    elif what == "mixed":
        factors *= 10.0 ** rng.uniform(-3, 3, (BALLS, 1, 1))
        weights *= 20
    shape = Metaballs(means, factors, weights, rng.random((BALLS, 3)))
    values, view, where = _placed(rng, shape)
    return Hostile(shape, values, view, f"balls {seed}: {what}; {where}")


def hostile_network(seed: int) -> Hostile:
    """Networks that are no distance: dead, constant, steep, flat, of noise, with a level set nowhere or everywhere, and
    colours far out of range."""
    rng = np.random.default_rng(seed)
    values = initial(NETWORK, seed, float(rng.uniform(0.05, 0.95)))
    weights, noise = values[WEIGHTS], rng.normal(0, 1, values[WEIGHTS].size).astype(np.float32)
    kinds = {
        "sphere": weights,
        "bent": weights + 0.05 * noise,
        "noise": 0.3 * noise,
        "wild noise": 3.0 * noise,
        "dead": np.zeros_like(weights),
        "steep": 3.0 * weights,
        "shallow": 0.3 * weights,
        "one unit": np.where(np.arange(weights.size) % 997 == 0, 10.0, weights),
    }
    what, level = str(rng.choice(list(kinds))), str(rng.choice(["kept", "zero", "outside", "inside", "random"]))
    values[WEIGHTS] = kinds[what].astype(np.float32)
    offsets = {"kept": values[BIAS], "zero": 0.0, "outside": 100.0, "inside": -100.0, "random": rng.normal()}
    values[BIAS] = np.asarray(offsets[level], np.float32)
    values[RADIANCE] = values[RADIANCE] * np.float32(10.0 ** rng.uniform(-3, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shape = SdfNetwork(NETWORK, values, turn=turn * np.sign(np.linalg.det(turn)))
    placed, view, where = _placed(rng, shape)
    return Hostile(shape, placed, view, f"network {seed}: {what}, level {level}; {where}")


def _placed(rng: np.random.Generator, shape: Shape) -> tuple[dict[str, Any], CameraView, str]:
    """Scene values and a camera: in front, inside, behind, through the near plane, far off, turned to the border."""
    eye = rng.normal(size=3)
    eye *= 3.2 / max(np.linalg.norm(eye), 1e-6)
    view = CameraView(look_at(eye), WIDTH, HEIGHT, near=float(rng.choice([0.05, 1e-3, 1.0])))
    toward = eye / 3.2
    place = str(rng.choice(["in front", "inside", "behind", "near plane", "far", "aside", "small", "large"]))
    offset = {"inside": 3.2, "behind": 6.0, "near plane": 3.2 - view.near, "far": -1e4}.get(place, 0.0) * toward
    if place == "aside":
        offset = np.array([0.0, 1.2, 0.0])
    scale = {"small": 10.0 ** rng.uniform(-5, -2), "large": 10.0 ** rng.uniform(1, 4)}.get(place, 1.0)
    pose = PoseSpec(tuple(rng.uniform(-180, 180, 3)), tuple(offset), scale)
    light = str(rng.choice(["light", "dark", "glaring"]))
    spec = SceneSpec(
        light_direction=tuple(rng.normal(size=3)),
        light_intensity={"dark": 0.0, "glaring": 1e3}.get(light, 0.8),
        light_ambient=0.0 if light == "dark" else 0.2,
    )
    fov = float(rng.choice([1.0, 40.0, 170.0]))
    # The edges are for smoothness terms; their number differs from mesh to mesh, and would compile anew.
    constants = {n: c for n, c in shape.constants().items() if n != "const.edges"}
    values = {**scene_values(spec, pose, fov), **shape.parameters(), **constants}
    return values, view, f"{place}, {light}, {fov:g} degrees"


SOURCES: dict[str, Callable[[int], Hostile]] = {
    "mesh": hostile_mesh, "grid": hostile_grid, "balls": hostile_balls, "field": hostile_grid, "network": hostile_network,
}  # fmt: skip
"""field: grids seen by their field, for methods that look at triangles too."""
