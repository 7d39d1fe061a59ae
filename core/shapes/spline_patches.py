"""A spline surface: control points as parameters, bicubic patches sampled by tessellation and evaluated exactly.

Object space is the file's space, the control cage centred and scaled to a unit bounding sphere. Points at one height
and one distance from the y axis form a ring; `profile` holds the rings' radii, and moves whole rings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.io.cages import read_cage, save_cage
from core.io.mesh_export import save_mesh
from core.looking import placed
from core.shapes import PLAIN_COLOUR
from core.shapes.surface_sampling import sample_triangles
from core.surfaces.patches import LEVELS, patches_of
from kernels.raster.interpolate import interpolate
from kernels.splines import (
    CONTROL,
    POINTS,
    SplineSamples,
    effective_control,
    evaluate_splines,
    exact_on_host,
    patch_points,
)
from kernels.surface import SurfaceSamples, needs_normals
from kernels.types import CHANNELS, CameraView, Face, GBuffer, Lens, Shape, Values

MOST_TRIANGLES = 40_000
FINEST, COARSEST = 8, 2
"""Squares along a patch's side: as many as MOST_TRIANGLES allow. 8: a quarter circle is off by 1/400 of its radius at
the tessellation's edges, half a pixel of a sphere that fills 256."""


class SplinePatches(Shape):
    """Patches over a cage. Immutable: what a fit moves lives in `values`."""

    kind = "spline-patches"
    title = "Spline patches"
    faces_offered = frozenset({Face.SURFACE})

    def __init__(
        self,
        control_points: np.ndarray,
        faces: list[tuple[int, ...]],
        colour: tuple[float, float, float] = PLAIN_COLOUR,
        normalisation: tuple[np.ndarray, float] = (np.zeros(3), 1.0),
        name: str = "cage",
    ) -> None:
        """control_points (n, 3) object space; faces: ids; colour linear. normalisation: (centre, scale), file units.

        Raises RimlightError where the faces are no surface.
        """
        self.control_points = np.array(control_points, np.float32)
        self.cage_faces = list(faces)
        self.colour = np.array(colour, np.float32)
        self.centre, self.scale = np.asarray(normalisation[0], np.float64), float(normalisation[1])
        try:
            self.patches = patches_of(self.cage_faces, len(self.control_points))
        except ValueError as error:
            raise RimlightError(f"{name}: {error}; make the cage's faces one oriented surface") from error
        self.ring, self.radii = rings_of(self.control_points)
        self._weights()
        self._tessellate()

    @classmethod
    def from_file(cls, path: Path, colour: tuple | None = None) -> SplinePatches:
        """A control cage from an OBJ file."""
        points, faces = read_cage(path)
        used = points[sorted({i for face in faces for i in face})]
        centre = 0.5 * (used.min(axis=0) + used.max(axis=0))
        scale = max(float(np.linalg.norm(used - centre, axis=1).max()), 1e-30)
        unit = (points - centre) / scale
        return cls(unit, faces, PLAIN_COLOUR if colour is None else colour, (centre, scale), path.name)

    def _weights(self) -> None:
        """The points' matrix with as many weights in each row, for one gather."""
        matrix = self.patches.matrix
        start, ids = np.asarray(matrix.indptr, np.int64), np.asarray(matrix.indices, np.int64)
        counts = np.diff(start)
        row = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(ids)) - start[row]
        self._columns = np.zeros((len(counts), int(counts.max())), np.int32)
        self._shares = np.zeros(self._columns.shape, np.float32)
        self._columns[row, place], self._shares[row, place] = ids, np.asarray(matrix.data)

    def _tessellate(self) -> None:
        """Squares along each patch, all with vertices of their own: (u, v) belongs to a patch."""
        count = len(self.patches.ids)
        side = int(np.clip(np.sqrt(MOST_TRIANGLES / (2 * count)), COARSEST, FINEST))
        axis = np.linspace(0.0, 1.0, side + 1)
        v, u = (grid.reshape(-1) for grid in np.meshgrid(axis, axis, indexing="ij"))
        self.squares = 2 * side * side
        corner = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).reshape(-1)
        right, up = corner + 1, corner + side + 1
        local = np.stack([np.stack([corner, right, up + 1], -1), np.stack([corner, up + 1, up], -1)], 1).reshape(-1, 3)
        self.faces = (local[None] + len(u) * np.arange(count)[:, None, None]).reshape(-1, 3).astype(np.int32)
        self.uv = np.tile(np.stack([u, v], -1), (count, 1)).astype(np.float32)
        self.patch = np.repeat(np.arange(count), len(u)).astype(np.int32)

    def parameters(self) -> dict[str, np.ndarray]:
        return {"control_points": self.control_points, "profile": self.radii, "surface.colour": self.colour}

    def constants(self) -> dict[str, np.ndarray]:
        return {
            "const.ring": self.ring,
            "const.radii": self.radii,
            "const.columns": self._columns,
            "const.weights": self._shares,
            "const.patches": self.patches.ids,
            "const.tessellation_uv": self.uv,
            "const.tessellation_patch": self.patch,
        }

    def _host(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """The tessellation's vertices and normals (n, 3) float32, for host `values`."""
        points = self._points(values)
        vertices, normals = exact_on_host(
            points, self.patches.ids, self.patch, *self.uv.T.astype(np.float64)
        )  # fmt: skip
        return vertices.astype(np.float32), normals.astype(np.float32)

    def _points(self, values: Values) -> np.ndarray:
        own = {name: np.asarray(values[name], np.float64) for name in CONTROL}
        return patch_points({**self.constants(), **own})

    def display_mesh(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        return self._host(values)[0], self.faces

    def handles(self, values: Values) -> dict[str, np.ndarray]:
        """Control points as the surface has them, (n, 3) object space, and what their x and z are scaled by, (n,)."""
        own = {name: np.asarray(values[name]) for name in CONTROL}
        control = np.asarray(effective_control({**self.constants(), **own}), np.float32)
        return {"handles": control, "handle_factors": (own["profile"] / self.radii)[self.ring].astype(np.float32)}

    def facts(self) -> dict[str, Any]:
        points, count = len(self.control_points), len(self.patches.ids)
        bent = int(np.count_nonzero(~self.patches.exact))
        summary = f"{points} control points, {count} patches"
        warnings = (
            (
                f"{bent} of {count} patches lie around irregular corners, where they are flat after {LEVELS} subdivisions",
            )
            if bent
            else ()
        )
        return {"summary": summary, "warnings": warnings, "control points": points, "patches": count}

    def save(self, path: str | Path, values: Values) -> None:
        """In the file's units and place: .obj is the control cage, which opens again; else the tessellated surface."""
        path = Path(path)
        if path.suffix.lower() == ".obj":
            own = {name: np.asarray(values[name], np.float64) for name in CONTROL}
            control = np.asarray(effective_control({**self.constants(), **own}))
            posed, _ = placed((control, self.faces), values)
            save_cage(path, posed.astype(np.float64) * self.scale + self.centre, self.cage_faces)
            return
        posed, _ = placed((self._host(values)[0].astype(np.float64), self.faces), values)
        colours = np.broadcast_to(np.asarray(values["surface.colour"]), posed.shape)
        save_mesh(path, posed, self.faces, colours, self.centre, self.scale)

    def prepare(self, values: Values, channels: tuple[str, ...], free: frozenset[str]) -> dict[str, Any]:
        """Traced, once a step: the patches' points, which every view shares."""
        return {POINTS: patch_points(values)} if free & CONTROL else {}

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
    ) -> SplineSamples:
        points = self._points(values)
        vertices, normals = exact_on_host(points, self.patches.ids, self.patch, *self.uv.T.astype(np.float64))
        vertices = vertices.astype(np.float32)
        surface = sample_triangles(
            vertices,
            self.faces,
            None,
            lambda _vertices, _faces: normals.astype(np.float32),
            values,
            view,
            layers=layers,
            cull_back_faces=cull_back_faces,
            moving=True,
            channels=channels,
            rasterizer=rasterizer,
        )
        if free & CONTROL or "vertices" in free:
            return SplineSamples(surface)
        patch = np.maximum(np.asarray(surface.fragments.face_id), 0) // self.squares
        uv = interpolate(np.pad(self.uv, ((0, 0), (0, 1))), surface.fragments)
        return SplineSamples(self._placed_exactly(surface, points, patch, uv, channels))

    def _placed_exactly(
        self, surface: SurfaceSamples, points: np.ndarray, patch: np.ndarray, uv: np.ndarray, channels: tuple[str, ...]
    ) -> SurfaceSamples:
        """Positions and normals on the patches instead of on the tessellation, where there is a fragment."""
        covered = np.asarray(surface.fragments.inverse_depth) > 0
        places = covered.nonzero()
        position, normal = exact_on_host(
            points, self.patches.ids, patch[places], uv[places[0], 0, places[1], places[2]].astype(np.float64),
            uv[places[0], 1, places[1], places[2]].astype(np.float64),
        )  # fmt: skip
        spread = []
        for found in (position, normal):
            planes = np.zeros((covered.shape[0], 3, *covered.shape[1:]), np.float32)
            for axis in range(3):
                planes[places[0], axis, places[1], places[2]] = found[:, axis]
            spread.append(tuple(tuple(layer) for layer in planes))
        normals = spread[1] if needs_normals(channels) else None
        fragments = surface.fragments._replace(position=spread[0], corners=None, bary=None)
        return surface._replace(fragments=fragments, normals=normals)

    def evaluate_surface(
        self,
        values: Values,
        samples: SplineSamples,
        lens: Lens,
        *,
        channels: tuple[str, ...],
        free: frozenset[str],
        attached: bool = False,
    ) -> GBuffer:
        return evaluate_splines(values, samples, lens, channels=channels, free=free, attached=attached)


def rings_of(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ring (n,) int32 of every point, and the rings' radii, from the lowest ring up; points on the axis have radius 1,
    which scales nothing."""
    radius = np.hypot(points[:, 0], points[:, 2])
    keys = np.round(np.stack([points[:, 1], radius], -1).astype(np.float64), 4)
    rings, ring = np.unique(keys, axis=0, return_inverse=True)
    return ring.reshape(-1).astype(np.int32), np.where(rings[:, 1] > 0, rings[:, 1], 1.0).astype(np.float32)
