"""Analytic signed distances: spheres, boxes and tori whose centres, radii and sizes are the parameters.

Object space is the file's space, unless the bodies do not fit the unit sphere or are lost in it: then they are centred
and scaled to it, and the pair (centre, scale) is undone on export.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.io.bodies import BodyData, save_bodies
from core.shapes import PLAIN_COLOUR
from kernels.bodies import BodyField, body_table, reach
from kernels.body_parts import Bodies, parameter_sizes
from kernels.clearance import least_along
from kernels.field import FieldSamples, object_rays
from kernels.field_grid import padded_count
from kernels.host_field import HostField, body_host_field, distances
from kernels.host_trace import MARGIN, reach_of, trace_pixels
from kernels.marching_cubes import extract
from kernels.rotation import quaternion_from_vector, quaternion_matrix, quaternion_multiply, vector_from_quaternion
from kernels.types import CameraView, Face, Planes, Shape, Values

SMALLEST = 0.5
"""Bodies that reach less far than this from the origin are scaled up to the unit sphere, larger ones than 1 down."""
DISPLAY_NODES = 72
"""A side of the lattice that the drawn mesh is extracted from: 15,000 triangles, a 40th of the shape a cell."""

GLANCE_NODES = 17
"""A side of the lattice that an inside is looked for in first."""


class SdfAnalytic(Shape):
    """Bodies and their smooth union. Immutable: what a fit moves lives in `values`."""

    kind = "sdf-analytic"
    title = "Analytic distance"
    faces_offered = frozenset({Face.FIELD})
    file_suffix = ".bodies"
    look_every = 20

    def __init__(
        self,
        bodies: Bodies,
        parameters: Mapping[str, Any],
        rotations: np.ndarray | None = None,
        colour: tuple[float, float, float] = PLAIN_COLOUR,
        normalisation: tuple[np.ndarray, float] = (np.zeros(3), 1.0),
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """parameters: dotted name -> value, object units (kernels/body_parts.py). rotations: (n, 4) quaternions."""
        self.bodies = bodies
        still = np.tile([1.0, 0.0, 0.0, 0.0], (len(bodies), 1))
        self._quaternions = still if rotations is None else np.asarray(rotations, np.float64)
        self.rotations = np.stack([np.asarray(quaternion_matrix(q)) for q in self._quaternions])
        self._parameters = {n: np.asarray(parameters[n], np.float32) for n in parameter_sizes(bodies)}
        self.colour = np.array(colour, np.float32)
        self.centre, self.scale = np.asarray(normalisation[0], np.float64), float(normalisation[1])
        self._facts = dict(facts or {})
        self._lock = threading.Lock()
        self._drawn: tuple[bytes, tuple[np.ndarray, np.ndarray]] | None = None

    @property
    def static_key(self) -> tuple:
        """What compiled code depends on: which bodies there are."""
        return self.bodies

    @classmethod
    def from_data(cls, data: BodyData, colour: tuple | None = None) -> SdfAnalytic:
        """From a reader's BodyData, see the module docstring for its size."""
        rotations = np.stack([quaternion_from_vector(np.radians(r)) for r in data.rotations])
        values = {n: np.asarray(v, np.float64) for n, v in data.values.items()}
        matrices = np.stack([np.asarray(quaternion_matrix(q)) for q in rotations])
        table, _ = body_table(data.bodies, matrices, values)
        centre, scale = np.zeros(3), 1.0
        if not SMALLEST <= reach(table) <= 1.0 + 1e-6:
            centre = table[:, 1:4].mean(axis=0)
            table[:, 1:4] -= centre
            scale = reach(table)
        moved = {n: (v - centre if n.endswith(".centre") else v) / scale for n, v in values.items()}
        return cls(data.bodies, moved, rotations, colour or PLAIN_COLOUR, (centre, scale), {"summary": data.summary})

    def parameters(self) -> dict[str, np.ndarray]:
        return {**self._parameters, "surface.colour": self.colour}

    def constants(self) -> dict[str, np.ndarray]:
        return {"const.rotations": self.rotations.astype(np.float32)}

    def host_field(self, values: Values, pixel: float = 0.0) -> tuple[HostField, np.ndarray]:
        """(the field of host `values`, the box (2, 3) that rays are traced in), object units. pixel: see
        kernels/field.py pixel_at_centre; a shape whose field must be made for this can make it as coarse as that."""
        table, smoothing = body_table(self.bodies, self.rotations, values)
        field = body_host_field(table, smoothing)
        return field, reach_of(field, reach(table))

    def distance_at(self, values: Values, points: np.ndarray) -> np.ndarray:
        """Host: signed distances (n,) at object points (n, 3)."""
        return distances(self.host_field(values)[0], points)

    def display_mesh(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """The isosurface, wound outwards; the same arrays while the parameters stay the same."""
        key = b"".join(np.asarray(values[n], np.float32).tobytes() for n in self._parameters)
        with self._lock:
            if self._drawn is None or self._drawn[0] != key:
                found = extract(*self._lattice(values, DISPLAY_NODES))
                self._drawn = key, (found.vertices.astype(np.float32), found.faces)
            return self._drawn[1]

    def _lattice(self, values: Values, nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(distances (n, n, n) float32, origin (3,), spacing (3,)) over the cube about the bodies."""
        half = reach(body_table(self.bodies, self.rotations, values)[0]) + 0.5 * MARGIN
        axis = np.linspace(-half, half, nodes)
        points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        found = self.distance_at(values, points).reshape((nodes,) * 3).astype(np.float32)
        return found, np.full(3, -half), np.full(3, axis[1] - axis[0])

    def nothing_left(self, values: Values) -> str:
        """By a coarse look (2 ms) where that finds an inside; thin bodies need the display's, 80 ms."""
        inside = (self._lattice(values, GLANCE_NODES)[0] < 0).any()
        return "" if inside or len(self.display_mesh(values)[1]) else "its distance is nowhere 0"

    def facts(self) -> dict[str, Any]:
        return {"summary": f"{len(self.bodies)} bodies", "warnings": (), **self._facts}

    def save(self, path: str | Path, values: Values) -> None:
        """Write the posed bodies as .bodies, in the file's own units and place."""
        pose = np.asarray(values["pose.rotation"], np.float64)
        turn, size = np.asarray(quaternion_matrix(pose)), float(values["pose.scale"])
        shift = np.asarray(values["pose.translation"], np.float64)
        moved: dict[str, Any] = {}
        for name in self._parameters:
            value = np.asarray(values[name], np.float64)
            if name.endswith(".centre"):
                value = (size * turn @ value + shift) * self.scale + self.centre
            else:
                value = value * (size * self.scale)
            moved[name] = [float(v) for v in value] if value.ndim else float(value)
        turned = [np.asarray(quaternion_multiply(pose, q)) for q in self._quaternions]
        rotations = tuple(tuple(float(v) for v in np.degrees(vector_from_quaternion(q))) for q in turned)
        save_bodies(path, BodyData(self.bodies, moved, rotations))  # type: ignore[arg-type]

    def trace_field(self, values: Values, view: CameraView, *, max_steps: int, hit_pixels: float) -> FieldSamples:
        field, box = self.host_field(values)
        return trace_pixels(
            field,
            box,
            object_rays(values, view),
            view.height,
            view.width,
            max_steps=max_steps,
            hit_pixels=hit_pixels,
            padded=padded_count(view.height, view.width),
        )

    def least_along_rays(self, values: Values, view: CameraView) -> np.ndarray:
        return least_along(*self.host_field(values), object_rays(values, view), view.height, view.width)

    def local_field(self, values: Values, samples: FieldSamples, point: Planes) -> BodyField:
        return BodyField(self.bodies, values["const.rotations"], values)

    def distance_field(self, values: Values, point: Planes) -> BodyField:
        return BodyField(self.bodies, values["const.rotations"], values)
