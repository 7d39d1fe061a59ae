"""Shapes of few numbers whose surface is that of a lattice: swept-sphere and random-spheres (Cole et al. 2021, Fig. 9).

Their distances are evaluated on 50 x 50 x 50 nodes about the unit sphere, marching cubes samples them, and the vertices are
differentiable in the shape's numbers: the topology is free to change.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np

from core.errors import RimlightError
from core.io.grids import save_grid
from core.io.mesh_export import save_mesh
from core.looking import placed
from core.shapes import PLAIN_COLOUR
from core.shapes.isosurface_sampling import IsosurfaceSampler, one_sided
from kernels.isosurface import IsoSamples, evaluate_isosurface, field_neighbourhood
from kernels.lattice_fields import LatticeField, sphere_union, swept_sphere
from kernels.types import CHANNELS, CameraView, Face, GBuffer, Lens, Shape, Values

NODES = (50, 50, 50)
HALF = 1.15
"""The lattice spans [-1.15, 1.15] on each axis: the unit sphere, and three cells for a shape that overshoots it."""

SPHERES = 200
"""As many as in the paper's figure."""


class LatticeShape(Shape):
    """What the shapes of this module share. A subclass says which numbers it has and which field they make."""

    faces_offered = frozenset({Face.SURFACE, Face.TRIANGULATION})
    look_every = 1
    field: ClassVar[LatticeField]

    def __init__(self, colour: tuple[float, float, float] | None = None) -> None:
        self.colour = np.array(PLAIN_COLOUR if colour is None else colour, np.float32)
        self.origin = np.full(3, -HALF)
        self.spacing = 2.0 * HALF / (np.array(NODES) - 1)
        self._last: tuple[bytes, np.ndarray] = (b"", np.zeros(0))
        self._surface = IsosurfaceSampler(self.origin, self.spacing)

    def numbers(self) -> dict[str, np.ndarray]:
        """The shape's own parameters at the start."""
        raise NotImplementedError

    def parameters(self) -> dict[str, np.ndarray]:
        return {**self.numbers(), "surface.colour": self.colour}

    def constants(self) -> dict[str, np.ndarray]:
        return {"const.origin": self.origin.astype(np.float32), "const.spacing": self.spacing.astype(np.float32)}

    def grid(self, values: Values) -> np.ndarray:
        """The distances at the lattice's nodes, (50, 50, 50) float32."""
        own = {name: np.asarray(values[name], np.float32) for name in self.numbers()}
        key = b"".join(array.tobytes() for array in own.values())
        if self._last[0] != key:  # all views of a step ask for the same one
            self._last = (key, np.asarray(_lattice_function(type(self).field)(own)))
        return self._last[1]

    def display_mesh(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        return self._surface.mesh(self.grid(values))

    def nothing_left(self, values: Values) -> str:
        return one_sided(self.grid(values))

    def facts(self) -> dict[str, Any]:
        count = sum(n.size for n in self.numbers().values())
        return {"summary": f"{count} numbers on {' x '.join(map(str, NODES))} nodes", "warnings": ()}

    def save(self, path: str | Path, values: Values) -> None:
        """Write the posed surface as a mesh by suffix, or the distances (unposed) as .npz."""
        if Path(path).suffix.lower() == ".npz":
            if not np.allclose(placed((np.eye(3), np.zeros(0)), values)[0], np.eye(3)):
                raise RimlightError(f"{path}: a moved {self.kind} is saved as a mesh; change the ending to .ply")
            save_grid(path, self.grid(values), self.origin, self.spacing)
            return
        vertices, faces = self.display_mesh(values)
        posed, _ = placed((vertices.astype(np.float64), faces), values)
        save_mesh(path, posed, faces, None)

    def sample_surface(
        self,
        values: Values,
        view: CameraView,
        *,
        layers: int,
        cull_back_faces: bool,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
        rasterizer: Any = None,
    ) -> IsoSamples:
        return self._surface.sample(
            self.grid(values),
            values,
            view,
            layers=layers,
            cull_back_faces=cull_back_faces,
            moving=bool(free & {*self.numbers(), "vertices"}),
            channels=channels,
            rasterizer=rasterizer,
        )

    def evaluate_surface(
        self,
        values: Values,
        samples: IsoSamples,
        lens: Lens,
        *,
        channels: tuple[str, ...],
        free: frozenset[str],
        attached: bool = False,
    ) -> GBuffer:
        field = functools.partial(type(self).field, values)
        return evaluate_isosurface(
            values,
            samples,
            lens,
            channels=channels,
            free=free,
            attached=attached,
            nodes=NODES,
            near=functools.partial(field_neighbourhood, field, values["const.origin"], values["const.spacing"]),
            shaping=frozenset(self.numbers()),
        )


class SweptSphere(LatticeShape):
    """A sphere swept along a ring in the plane y = 0; it starts as a ball, whose ring is all but a point."""

    kind = "swept-sphere"
    title = "Swept sphere"
    field = staticmethod(swept_sphere)

    def numbers(self) -> dict[str, np.ndarray]:
        return {"sweep.ring": np.asarray(0.05, np.float32), "sweep.radius": np.asarray(0.5, np.float32)}


class RandomSpheres(LatticeShape):
    """The union of 200 spheres with centres in the plane y = 0, strewn over the middle by a fixed seed."""

    kind = "random-spheres"
    title = "Random spheres"
    field = staticmethod(sphere_union)

    def numbers(self) -> dict[str, np.ndarray]:
        return dict(_strewn())


@functools.cache
def _strewn() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = rng.uniform(-0.6, 0.6, (SPHERES, 2)).astype(np.float32)
    radii = rng.uniform(0.08, 0.2, SPHERES).astype(np.float32)
    return {"spheres.centres": centres, "spheres.radii": radii}


@functools.cache
def _lattice_function(field: LatticeField) -> Any:
    """values -> distances at all nodes, compiled once for each field."""
    axes = [np.linspace(-HALF, HALF, n, dtype=np.float32) for n in NODES]
    points = tuple(np.ascontiguousarray(p) for p in np.meshgrid(*axes, indexing="ij"))
    return jax.jit(lambda values: field(values, points))
