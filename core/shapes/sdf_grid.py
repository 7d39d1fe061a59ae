"""A signed distance grid: node values and one surface colour as parameters, with a field face and a surface face.

The field is traced; the surface is its isosurface by marching cubes. The two differ by what a cell hides from its nodes.

Object space is the file's space centred and scaled so that the isosurface fits the unit sphere: object = (file -
centre) / scale, distances divided by scale as well. The pair is kept, and undone on export.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.io.grid_checks import GridData
from core.io.grids import save_grid
from core.io.mesh_export import save_mesh
from core.io.suffixes import MESH_SUFFIXES
from core.looking import placed
from core.shapes import PLAIN_COLOUR
from core.shapes.grid_refining import redistanced, resampled
from core.shapes.isosurface_sampling import IsosurfaceSampler, one_sided
from kernels.clearance import least_along
from kernels.field import FieldSamples, object_rays
from kernels.field_grid import CellField, GridField, padded_count
from kernels.field_trace import trace_grid
from kernels.host_field import HostField, grid_host_field
from kernels.host_trace import reach_of
from kernels.isosurface import IsoSamples, evaluate_isosurface, grid_neighbourhood
from kernels.marching_cubes import extract
from kernels.rotation import quaternion_matrix, rotation_angle
from kernels.types import CHANNELS, CameraView, Face, GBuffer, Lens, Planes, Shape, Values

STILL = 1e-4
"""Rotations below this (radians) leave an exported grid on its own nodes: it moves the rim by a 300th of a cell."""


class SdfGrid(Shape):
    """Distances on a regular grid, [ix, iy, iz], negative inside. Immutable: what a fit moves lives in `values`."""

    kind = "sdf-grid"
    title = "Signed distance grid"
    faces_offered = frozenset({Face.FIELD, Face.SURFACE, Face.TRIANGULATION})
    look_every = 1
    refines = ("resolution", "redistance")
    file_suffix = ".npz"
    reference_method = "sdf-local"
    """The method whose plain forward image is the truth: the field itself, traced, not its triangles."""

    def __init__(
        self,
        values: np.ndarray,
        origin: np.ndarray,
        spacing: np.ndarray,
        colour: tuple[float, float, float] = PLAIN_COLOUR,
        normalisation: tuple[np.ndarray, float] = (np.zeros(3), 1.0),
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """values (nx, ny, nz), origin and spacing (3,) in object units; colour linear.

        normalisation: (centre (3,) in file units, scale), see the module docstring. facts: what a reader found out.
        """
        self.values = np.array(values, np.float32)
        self.origin = np.asarray(origin, np.float64)
        self.spacing = np.asarray(spacing, np.float64)
        self.colour = np.array(colour, np.float32)
        self.centre = np.asarray(normalisation[0], np.float64)
        self.scale = float(normalisation[1])
        self._facts = dict(facts or {})
        self._surface = IsosurfaceSampler(self.origin, self.spacing)
        for array in (self.values, self.colour):
            array.flags.writeable = False

    @classmethod
    def from_data(
        cls, data: GridData, colour: tuple | None = None, place: tuple[np.ndarray, float] | None = None
    ) -> SdfGrid:
        """From a reader's GridData, normalised by its isosurface (by its box where it has none), or by `place`: the
        (centre, scale) in file units of what it was made of."""
        vertices, faces = extract(data.values, data.origin, data.spacing)[:2]
        extent = vertices if len(vertices) else np.stack([data.origin, _far_corner(data)])
        centre = 0.5 * (extent.min(axis=0) + extent.max(axis=0))
        scale = float(np.linalg.norm(extent - centre, axis=1).max())
        centre, scale = (centre, scale) if place is None else place
        facts = {"summary": data.summary, "warnings": data.warnings, "triangles": len(faces)}
        return cls(
            data.values / np.float32(scale),
            (data.origin - centre) / scale,
            data.spacing / scale,
            PLAIN_COLOUR if colour is None else colour,
            (centre, scale),
            facts,
        )

    def parameters(self) -> dict[str, np.ndarray]:
        return {"values": self.values, "surface.colour": self.colour}

    def constants(self) -> dict[str, np.ndarray]:
        return {"const.origin": self.origin.astype(np.float32), "const.spacing": self.spacing.astype(np.float32)}

    def display_mesh(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """The isosurface, wound outwards; computed again only where the node values differ from the last call's."""
        return self._surface.mesh(np.asarray(values["values"], np.float32))

    def nothing_left(self, values: Values) -> str:
        return one_sided(np.asarray(values["values"]))

    def facts(self) -> dict[str, Any]:
        size = " x ".join(str(n) for n in self.values.shape)
        lattice = {"origin": self.origin.tolist(), "spacing": self.spacing.tolist(), "shape": self.values.shape}
        in_file = {"origin": self.origin * self.scale + self.centre, "spacing": self.spacing * self.scale}
        place = {name: tuple(float(v) for v in where) for name, where in in_file.items()}
        facts = {
            "summary": f"{size} nodes",
            "warnings": (),
            "nodes": self.values.size,
            "lattice": lattice,
            "place": place,
        }
        return {**facts, **self._facts}

    def save(self, path: str | Path, values: Values) -> None:
        """Write the posed shape in the file's own units and place: the grid as .npz (a turned one is sampled anew), or
        the mesh of its surface by suffix (core/io/mesh_export.py)."""
        if Path(path).suffix.lower() in MESH_SUFFIXES:
            vertices, faces = self.display_mesh(values)
            posed, _ = placed((vertices.astype(np.float64), faces), values)
            save_mesh(path, posed, faces, None, self.centre, self.scale)
            return
        grid, origin, spacing = posed_grid(np.asarray(values["values"], np.float32), self.origin, self.spacing, values)
        save_grid(path, grid * self.scale, origin * self.scale + self.centre, spacing * self.scale)

    def refined(
        self, values: Values, stage: Any, report: Callable[[str, float | None], None]
    ) -> tuple[SdfGrid, Values]:
        """The grid with distances anew, with more nodes in the same box, or with both; and `values` to match."""
        grid, spacing, note = np.asarray(values["values"], np.float32), self.spacing, ""
        if stage.redistance:
            report("Redistancing", None)
            grid, note = redistanced(grid, self.origin, spacing, stage.redistance)
        if stage.resolution:
            report(f"Upsampling to {stage.resolution} nodes", None)
            grid, spacing = resampled(grid, spacing, stage.resolution)
        changed = {**values, "values": grid}
        finer = self.rebuilt(changed, {"const.origin": self.origin, "const.spacing": spacing})
        if note:
            finer._facts["summary"] = f"{finer.facts()['summary']}; {note}"
            finer._facts["warnings"] = (*self._facts.get("warnings", ()), f"before step {stage.at}: {note}")
        return finer, changed

    def rebuilt(self, values: Values, constants: Values) -> SdfGrid:
        """The same grid with the values, origin and spacing of a checkpoint."""
        facts = {k: v for k, v in self._facts.items() if k == "warnings"}  # counts and sizes are of the old nodes
        red, green, blue = (float(c) for c in np.asarray(values["surface.colour"]))
        place = (constants["const.origin"], constants["const.spacing"])
        return SdfGrid(values["values"], *place, (red, green, blue), (self.centre, self.scale), facts)

    def trace_field(self, values: Values, view: CameraView, *, max_steps: int, hit_pixels: float) -> FieldSamples:
        return trace_grid(
            np.ascontiguousarray(values["values"], np.float32),
            self.origin,
            self.spacing,
            object_rays(values, view),
            view.height,
            view.width,
            max_steps=max_steps,
            hit_pixels=hit_pixels,
            padded=padded_count(view.height, view.width),
        )

    def local_field(self, values: Values, samples: FieldSamples, point: Planes) -> GridField:
        return GridField(values["values"], values["const.origin"], values["const.spacing"], samples, point)

    def distance_field(self, values: Values, point: Planes) -> CellField:
        return CellField(values["values"], values["const.origin"], values["const.spacing"], point)

    def host_field(self, values: Values, pixel: float = 0.0) -> tuple[HostField, np.ndarray]:
        field = grid_host_field(values["values"], self.origin, self.spacing)
        return field, reach_of(field, 0.0)

    def least_along_rays(self, values: Values, view: CameraView) -> np.ndarray:
        return least_along(*self.host_field(values), object_rays(values, view), view.height, view.width)

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
            np.ascontiguousarray(values["values"], np.float32),
            values,
            view,
            layers=layers,
            cull_back_faces=cull_back_faces,
            moving=bool(free & {"values", "vertices"}),
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
        return evaluate_isosurface(
            values,
            samples,
            lens,
            channels=channels,
            free=free,
            attached=attached,
            nodes=values["values"].shape,
            near=functools.partial(grid_neighbourhood, values["values"]),
            shaping=frozenset({"values"}),
        )


def posed_grid(
    grid: np.ndarray, origin: np.ndarray, spacing: np.ndarray, values: Values
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values, origin, spacing) of the grid in world space, by the pose in `values`.

    Scale and translation only move the nodes. A rotation samples the turned field, at the finest of the spacings, over
    the turned box; outside the old box the distance to it is added as sqrt(gap^2 + f^2), a lower bound of the distance.
    """
    scale, shift = float(values["pose.scale"]), np.asarray(values["pose.translation"], np.float64)
    quaternion = np.asarray(values["pose.rotation"], np.float64)
    if rotation_angle(quaternion, np.array([1.0, 0.0, 0.0, 0.0])) < STILL:
        return grid * np.float32(scale), origin * scale + shift, spacing * scale
    from scipy.ndimage import map_coordinates

    rotation = quaternion_matrix(quaternion / np.linalg.norm(quaternion))
    far = origin + spacing * (np.array(grid.shape) - 1)
    corners = np.stack(np.meshgrid(*zip(origin, far), indexing="ij"), -1).reshape(-1, 3) @ rotation.T
    low, high, step = corners.min(axis=0), corners.max(axis=0), float(spacing.min())
    axes = [a + step * np.arange(round((b - a) / step) + 1) for a, b in zip(low, high)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1) @ rotation  # R^T applied to every row
    inside = np.clip(nodes, origin, far)
    gap = np.linalg.norm(nodes - inside, axis=-1)
    at = np.moveaxis((inside - origin) / spacing, -1, 0)
    turned = map_coordinates(grid.astype(np.float64), at, order=1, mode="nearest")
    turned = np.where(gap > 0, np.hypot(gap, turned), turned)
    return (turned * scale).astype(np.float32), low * scale + shift, np.full(3, step * scale)


def _far_corner(data: GridData) -> np.ndarray:
    return data.origin + data.spacing * (np.array(data.values.shape) - 1)
