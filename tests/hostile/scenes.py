"""Random scenes that upset renderers, and whether a method's image and gradients stay finite on them.

    python -m tests.hostile.scenes [--scenes N] [--method NAME]     (`make hostile`)

Sizes are fixed, so that each method compiles once for each kind; what is drawn is everything else.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from core.experiment import PoseSpec, SceneSpec
from core.parameters import retract, scene_values, zero_tangent
from core.registry import methods
from core.shapes.mesh import Mesh
from core.shapes.metaballs import Metaballs
from core.shapes.sdf_grid import SdfGrid
from kernels.camera import lens_of, look_at
from kernels.types import CHANNELS, CameraView, Face, Shape, split_settings

HEIGHT, WIDTH = 7, 9
VERTICES, FACES, NODES, BALLS = 18, 26, 6, 5
QUICK: dict[str, Any] = {"xla_backend_optimization_level": 0}
"""For a few scenes, of which compiling is the most. Optimized code takes half as long again to compile and a sixth of
the time to run, and it is what a fit runs."""


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
    "mesh": hostile_mesh, "grid": hostile_grid, "balls": hostile_balls, "field": hostile_grid
}  # fmt: skip
"""field: grids seen by their field, for methods that look at triangles too."""
KINDS: dict[Face, tuple[str, ...]] = {
    Face.SURFACE: ("mesh", "grid"), Face.TRIANGULATION: ("mesh", "grid"), Face.FIELD: ("grid",), Face.GAUSSIANS: ("balls",)
}  # fmt: skip
"""Which scenes a method is tried on, by the face it looks at."""


def trials() -> list[tuple[str, str]]:
    """Every (method, kind of scene). Raises KeyError for a face that has no scenes."""
    found = [(name, kind) for name, method in methods().items() for kind in KINDS[method.face]]
    return found + [(name, "field") for name, method in methods().items() if Face.FIELD in method.other_faces]


def settings_of(name: str, kind: str) -> Any:
    """The method's settings that make it look at scenes of this kind."""
    return methods()[name].Settings(**({"face": "field"} if kind == "field" else {}))


@functools.cache
def _compiled(name: str, kind: str) -> Callable[..., Any]:
    method, shape = methods()[name], SOURCES[kind](0).shape
    channels, settings, free = tuple(CHANNELS), settings_of(name, kind), free_names(kind)

    def run(values, samples, lens, traced, direction, cotangent):
        def image(delta):
            return method.evaluate(shape, retract(values, delta), samples, lens, traced, settings, channels, free)

        zero = zero_tangent(values, free)
        planes, pull = jax.vjp(image, zero)
        return planes, pull(cotangent)[0], jax.jvp(image, (zero,), (direction,))[1]

    return jax.jit(run, compiler_options=QUICK or None)


def free_names(kind: str) -> frozenset[str]:
    """Everything that can be free in a scene of this kind."""
    names = SOURCES[kind](0).values
    return frozenset(n for n in names if not n.startswith("const."))


def complaint(name: str, kind: str, seed: int) -> str | None:
    """What is not finite in scene `seed` by method `name`, or None."""
    scene, method = SOURCES[kind](seed), methods()[name]
    free, settings, channels = free_names(kind), settings_of(name, kind), tuple(CHANNELS)
    try:
        samples = method.sample(scene.shape, scene.values, scene.view, settings, free, channels)
    except Exception as error:
        return f"{name} on {scene.what}: sampling raised {type(error).__name__}: {error}"
    rng = np.random.default_rng((seed, 1))
    direction = {n: rng.standard_normal(np.shape(z)).astype(np.float32)
                 for n, z in zero_tangent(scene.values, free).items()}  # fmt: skip
    cotangent = {
        c: tuple(rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32) for _ in range(count))
        for c, count in CHANNELS.items()
    }
    lens, traced = lens_of(scene.view), split_settings(settings)[0]
    planes, gradient, tangent = _compiled(name, kind)(scene.values, samples, lens, traced, direction, cotangent)
    for what, tree in (("image", planes), ("gradient", gradient), ("derivative image", tangent)):
        for leaf_name, leaf in tree.items():
            if not all(np.isfinite(np.asarray(part)).all() for part in jax.tree.leaves(leaf)):
                return f"{name} on {scene.what}: the {what} ({leaf_name}) is not finite"
    return None


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--scenes", type=int, default=1000)
    options.add_argument("--method", action="append", help="only these")
    options.add_argument("--kind", action="append", help="only scenes of these kinds")
    options.add_argument("--list", type=int, default=5, metavar="N", help="how many failures of each are told")
    chosen = options.parse_args()
    QUICK.clear()
    bad = 0
    for name, kind in trials():
        if (chosen.method and name not in chosen.method) or (chosen.kind and kind not in chosen.kind):
            continue
        begin, found = time.monotonic(), []
        for seed in range(chosen.scenes):
            line = complaint(name, kind, seed)
            if line:
                found.append(line)
        bad += len(found)
        seconds = time.monotonic() - begin
        print(
            f"{name}, {kind}: {chosen.scenes - len(found):,} of {chosen.scenes:,} scenes finite ({seconds:.0f} s)",
            flush=True,
        )
        for line in found[: chosen.list]:
            print(f"  {line}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
