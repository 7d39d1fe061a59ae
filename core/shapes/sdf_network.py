"""A signed distance network (IDR's), with one surface colour or a radiance network: the field face alone.

Object space is the unit sphere; (centre, scale) give the file's units back. "const.turn" is how the shape was turned
when its weights were saved: weights cannot be turned themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from core.io.grids import save_grid
from core.io.mesh_export import save_mesh
from core.io.networks import NetworkData, save_network
from core.io.suffixes import MESH_SUFFIXES
from core.looking import placed
from core.shapes import PLAIN_COLOUR
from core.shapes.sdf_grid import posed_grid
from kernels.field import FieldSamples, ObjectRays, object_rays, pixel_at_centre
from kernels.field_grid import padded_count
from kernels.host_field import HostField, grid_host_field
from kernels.host_trace import reach_of
from kernels.marching_cubes import extract
from kernels.network import DistanceNetwork
from kernels.network_field import NetworkField
from kernels.network_parts import BIAS, RADIANCE, TURN, WEIGHTS, Architecture
from kernels.network_rays import NetworkTracer
from kernels.network_trace import REACH, distances_of, lattice_values, least_along_rays, trace_network
from kernels.rotation import quaternion_matrix
from kernels.types import CameraView, Face, Planes, Shape, Values
from kernels.warp_rays import Quadrature

DISPLAY_CELLS, EXPORT_CELLS = 48, 128
"""A side of the lattice that meshes are extracted from: what is drawn must keep up with a fit."""
WARP_CELLS, LEAST_WARP_CELLS = 80, 48
"""Most and least a side of the lattice that the warp places and weighs its points by: of curvature 1, distances are off
by 1e-4 and 3e-4."""
CELL_PIXELS = 1.5
"""Pixels a cell of that lattice may be large, between the two: what is finer than that nobody sees."""
GRID_SUFFIX = ".grid.npz"
"""Ending of a file that is written as a grid of distances; other .npz hold the weights."""
EIKONAL_POINTS = 1024
HIT_PIXELS = 0.05


class SdfNetwork(Shape):
    """Immutable: what a fit moves lives in `values`."""

    kind = "sdf-network"
    title = "Distance network"
    faces_offered = frozenset({Face.FIELD})
    file_suffix = ".npz"
    spares_pixels = True
    look_every = 20
    rays_at_once = 512
    """Of the warp: rays of a chunk, which is evaluated whole where it holds any."""

    def __init__(
        self,
        arch: Architecture,
        parameters: Mapping[str, Any],
        colour: tuple[float, float, float] = PLAIN_COLOUR,
        turn: np.ndarray | None = None,
        normalisation: tuple[np.ndarray, float] = (np.zeros(3), 1.0),
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """parameters: kernels/network.py's flat arrays by name. facts: what a reader or a warm start found out."""
        self.arch = arch
        names = [WEIGHTS, BIAS, *([RADIANCE] if arch.radiance else [])]
        self._parameters = {n: np.asarray(parameters[n], np.float32) for n in names}
        if not arch.radiance:
            self._parameters["surface.colour"] = np.array(colour, np.float32)
        self.turn = np.eye(3) if turn is None else np.asarray(turn, np.float64)
        self.centre, self.scale = np.asarray(normalisation[0], np.float64), float(normalisation[1])
        self._facts = dict(facts or {})
        self._lock = threading.Lock()
        self._drawn: tuple[bytes, tuple[np.ndarray, np.ndarray]] | None = None
        self._baked: tuple[bytes, HostField] | None = None

    @property
    def static_key(self) -> tuple:
        return tuple(self.arch)

    @classmethod
    def from_data(cls, data: NetworkData) -> SdfNetwork:
        """From a reader's NetworkData."""
        colour = data.values.get("surface.colour", np.array(PLAIN_COLOUR))
        red, green, blue = (float(c) for c in colour)
        place = (data.centre, data.scale)
        return cls(Architecture(*data.architecture), data.values, (red, green, blue), data.turn, place)

    def parameters(self) -> dict[str, np.ndarray]:
        return dict(self._parameters)

    def constants(self) -> dict[str, np.ndarray]:
        return {TURN: self.turn.astype(np.float32)}

    def distance_at(self, values: Values, points: np.ndarray) -> np.ndarray:
        """Host: signed distances (n,) at object points (n, 3)."""
        return distances_of(self.arch, {**self.constants(), **values})(points).astype(np.float64)

    def display_mesh(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """The isosurface, wound outwards; the same arrays while the weights stay the same."""
        key = _content(values)
        with self._lock:
            if self._drawn is None or self._drawn[0] != key:
                self._drawn = key, self._mesh(values, DISPLAY_CELLS)
            return self._drawn[1]

    def _mesh(self, values: Values, cells: int) -> tuple[np.ndarray, np.ndarray]:
        found = extract(*lattice_values(distances_of(self.arch, {**self.constants(), **values}), cells))
        return found.vertices.astype(np.float32), found.faces

    def nothing_left(self, values: Values) -> str:
        return "" if len(self.display_mesh(values)[1]) else "its distance is nowhere 0"

    def facts(self) -> dict[str, Any]:
        arch, count = self.arch, sum(p.size for n, p in self._parameters.items() if n != "surface.colour")
        summary = f"{arch.layers} layers of {arch.width}, {count:,} weights"
        return {"summary": summary, "warnings": (), **self._facts}

    def save(self, path: str | Path, values: Values) -> None:
        """Write the posed shape in the file's own units and place: its weights as .npz, a grid of distances as
        .grid.npz, or the mesh of its surface by suffix."""
        name = Path(path).name.lower()
        if Path(path).suffix.lower() in MESH_SUFFIXES:
            vertices, faces = self._mesh(values, EXPORT_CELLS)
            posed, _ = placed((vertices.astype(np.float64), faces), values)
            save_mesh(path, posed, faces, None, self.centre, self.scale)
        elif name.endswith(GRID_SUFFIX):
            field = distances_of(self.arch, {**self.constants(), **values})
            grid, origin, spacing = posed_grid(*lattice_values(field, EXPORT_CELLS), values)
            save_grid(path, grid * self.scale, origin * self.scale + self.centre, spacing * self.scale)
        else:
            save_network(path, self._posed(values))

    def _posed(self, values: Values) -> NetworkData:
        """The size of a pose goes into the file's frame and its rotation into `turn`; the weights stay as they are."""
        pose, size = np.asarray(values["pose.rotation"], np.float64), float(values["pose.scale"])
        rotation = np.asarray(quaternion_matrix(pose / np.linalg.norm(pose)))
        centre = np.asarray(values["pose.translation"], np.float64) * self.scale + self.centre
        kept = {n: np.asarray(values[n], np.float32) for n in self._parameters}
        arch = (self.arch.width, self.arch.layers, self.arch.levels, self.arch.radiance)
        return NetworkData(arch, kept, rotation @ self.turn, centre, size * self.scale)

    def trace_field(self, values: Values, view: CameraView, *, max_steps: int, hit_pixels: float) -> FieldSamples:
        return trace_network(
            distances_of(self.arch, values),
            object_rays(values, view),
            (view.height, view.width),
            view.only,
            max_steps=max_steps,
            hit_pixels=hit_pixels,
            padded=padded_count(view.height, view.width),
        )

    def host_field(self, values: Values, pixel: float = 0.0) -> tuple[HostField, np.ndarray]:
        """(the network's distances on a lattice, the box that rays are traced in): where the warp puts its points, and
        their weights, which are constants of the derivative. The derivative itself is the network's.

        pixel: how large one is where the shape is, object units; 0 for the finest lattice."""
        wanted = 2 * REACH / (CELL_PIXELS * pixel) if pixel > 0 else np.inf
        cells = int(np.clip(8 * np.ceil(min(wanted, 1000.0) / 8), LEAST_WARP_CELLS, WARP_CELLS))
        key = _content(values) + bytes([cells])
        with self._lock:
            if self._baked is None or self._baked[0] != key:
                field = distances_of(self.arch, {**self.constants(), **values})
                self._baked = key, grid_host_field(*lattice_values(field, cells))
            return self._baked[1], reach_of(self._baked[1], 0.0)

    def ray_tracer(self, values: Values, rays: ObjectRays, quadrature: Quadrature) -> NetworkTracer:
        """The warp's: see kernels/network_rays.py."""
        field, box = self.host_field(values, pixel_at_centre(rays))
        return NetworkTracer(field, box, rays, quadrature, distances_of(self.arch, values))

    def least_along_rays(self, values: Values, view: CameraView) -> np.ndarray:
        field, rays = distances_of(self.arch, values), object_rays(values, view)
        return least_along_rays(field, rays, (view.height, view.width), view.only, HIT_PIXELS)

    def local_field(self, values: Values, samples: FieldSamples, point: Planes) -> NetworkField:
        return NetworkField(self.arch, values, samples)

    def distance_field(self, values: Values, point: Planes) -> NetworkField:
        return NetworkField(self.arch, values, None)

    def eikonal(self, values: Values) -> Any:
        """Traced: mean of (|grad f| - 1)^2 at points drawn evenly from the ball that rays are traced in (IDR, eq. 8).

        The weights themselves seed the draw: it is another one after every step, and the same for the same state.
        """
        last = jax.lax.stop_gradient(jnp.asarray(values[WEIGHTS], jnp.float32)[-self.arch.width :])
        key = jax.random.key(jnp.sum(jax.lax.bitcast_convert_type(last, jnp.int32)))
        points = REACH * jax.random.ball(key, 3, shape=(EIKONAL_POINTS,), dtype=jnp.float32)
        gradient = DistanceNetwork.of(self.arch, values).with_gradient(points)[1]
        squared = jnp.sum(gradient * gradient, axis=1)
        return jnp.mean(jnp.square(jnp.sqrt(jnp.maximum(squared, 1e-12)) - 1.0))


def _content(values: Values) -> bytes:
    """What tells one field from another."""
    return b"".join(np.asarray(values[n], np.float32).tobytes() for n in (WEIGHTS, BIAS))
