"""Fuzzy metaballs: a few dozen Gaussians as parameters, rendered through their Gaussians face.

Precision = F^T F with F lower triangular; "precision_factors" (n, 6) holds the logarithms of F's diagonal and its lower
entries in units of their row's diagonal (kernels/metaballs.py). Object space is the unit sphere, as for meshes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.io.mesh_export import SUFFIXES, save_mesh
from core.io.metaballs_files import MetaballsData, save_metaballs
from core.looking import placed
from core.shapes import PLAIN_COLOUR
from kernels.camera import model_matrix
from kernels.marching_cubes import extract
from kernels.metaballs import LOG_DIAGONAL, Gaussians, factor_matrices, gaussians_of
from kernels.types import Face, Shape, Values

SURFACE_LEVEL = float(np.log(2.0))
"""Density taken as the surface: where the code's alpha = 1 - exp(-density) is one half."""
GRID = 64
"""Cells along the longest side when a mesh is drawn from the density."""


class Metaballs(Shape):
    """Gaussians. Immutable: what a fit moves lives in `values`."""

    kind = "metaballs"
    title = "Fuzzy metaballs"
    faces_offered = frozenset({Face.GAUSSIANS})
    file_suffix = ".npz"
    reference_method = "fuzzy-metaballs"

    def __init__(
        self,
        means: np.ndarray,
        factors: np.ndarray,
        log_weights: np.ndarray,
        colours: np.ndarray | tuple | None = None,
        normalisation: tuple[np.ndarray, float] = (np.zeros(3), 1.0),
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """means (n, 3), factors (n, 3, 3) lower triangular, log_weights (n,): object space. colours: (n, 3) linear, or
        one for all. normalisation: (centre (3,) in file units, scale). facts: what a reader or a fit found out."""
        count = len(means)
        chosen = PLAIN_COLOUR if colours is None else colours
        self._start = {
            "means": np.array(means, np.float32),
            "precision_factors": factor_parameters(np.asarray(factors, np.float64)),
            "log_weights": np.array(log_weights, np.float32),
            "colours": np.array(np.broadcast_to(np.asarray(chosen, np.float32), (count, 3))),
        }
        self.centre = np.asarray(normalisation[0], np.float64)
        self.scale = float(normalisation[1])
        self._facts = dict(facts or {})
        for array in self._start.values():
            array.flags.writeable = False

    @classmethod
    def from_data(
        cls, data: MetaballsData, colour: tuple | None = None, facts: Mapping[str, Any] | None = None
    ) -> Metaballs:
        """From a reader's or a converter's MetaballsData; `colour` replaces its colours."""
        colours = data.colours if colour is None else colour
        return cls(data.means, data.factors, data.log_weights, colours, (data.centre, data.scale), facts)

    def parameters(self) -> dict[str, np.ndarray]:
        return dict(self._start)

    def constants(self) -> dict[str, np.ndarray]:
        return {}

    def gaussians(self, values: Values) -> Gaussians:
        """Traced or host values -> Gaussians in object space."""
        return gaussians_of(values)

    def display_mesh(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """Ellipsoids at one standard deviation."""
        return ellipsoids(np.asarray(values["means"]), host_factors(values))

    def display_colours(self, values: Values) -> np.ndarray:
        """(vertices of display_mesh, 3): each ellipsoid in its own colour."""
        return np.repeat(np.clip(np.asarray(values["colours"], np.float32), 0.0, 1.0), len(_sphere()[0]), axis=0)

    def display_gradient(self, gradient: Mapping[str, Any]) -> np.ndarray | None:
        """|dL/dmean| at every vertex of display_mesh, where the means are free."""
        if "means" not in gradient:
            return None
        return np.repeat(np.linalg.norm(np.asarray(gradient["means"]), axis=1), len(_sphere()[0])).astype(np.float32)

    def element_of_vertex(self, values: Values) -> np.ndarray:
        """Which Gaussian each vertex of display_mesh belongs to."""
        return np.repeat(np.arange(len(np.asarray(values["means"]))), len(_sphere()[0]))

    def surface_mesh(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """The level SURFACE_LEVEL of the density, as triangles wound outwards; empty where nothing is that dense."""
        return density_mesh(values, SURFACE_LEVEL)

    def facts(self) -> dict[str, Any]:
        count = len(self._start["means"])
        numbers = sum(a.size for n, a in self._start.items() if n != "colours")
        return {"summary": f"{count} Gaussians, {numbers} numbers", "warnings": (), "gaussians": count, **self._facts}

    def save(self, path: str | Path, values: Values) -> None:
        """Write the posed Gaussians in file units: .npz exactly, or .ply, .obj, .stl, .glb as ellipsoid triangles."""
        path = Path(path)
        if path.suffix.lower() in SUFFIXES:
            vertices, faces = placed(self.display_mesh(values), values)
            save_mesh(path, vertices, faces, self.display_colours(values), self.centre, self.scale)
            return
        save_metaballs(path.with_suffix(".npz"), self.posed_data(values))

    def posed_data(self, values: Values) -> MetaballsData:
        """The Gaussians moved by the pose in `values`, with this shape's frame."""
        model = model_matrix(values)
        inverse = np.linalg.inv(model[:3, :3])
        factors = host_factors(values) @ inverse
        return MetaballsData(
            np.asarray(values["means"], np.float64) @ model[:3, :3].T + model[:3, 3],
            triangular(np.einsum("nki,nkj->nij", factors, factors)),
            np.asarray(values["log_weights"], np.float64),
            np.asarray(values["colours"], np.float32),
            self.centre,
            self.scale,
        )


def host_factors(values: Values) -> np.ndarray:
    """Factors (n, 3, 3) float64 of host values."""
    return factor_matrices(np.asarray(values["precision_factors"], np.float64), np)


def triangular(precisions: np.ndarray) -> np.ndarray:
    """Lower triangular F (n, 3, 3) with F^T F = precision: a Cholesky factor taken from the last axis back."""
    lower = np.linalg.cholesky(precisions[:, ::-1, ::-1])
    return np.swapaxes(lower[:, ::-1, ::-1], 1, 2)


def factor_parameters(factors: np.ndarray) -> np.ndarray:
    """Lower triangular factors (n, 3, 3) -> "precision_factors" (n, 6) float32: the inverse of factor_matrices."""
    diagonal = np.diagonal(factors, axis1=1, axis2=2)
    logs = np.clip(np.log(diagonal), -LOG_DIAGONAL, LOG_DIAGONAL)
    off = [factors[:, i, j] / factors[:, i, i] for i, j in ((1, 0), (2, 0), (2, 1))]
    return np.concatenate([logs, np.stack(off, 1)], 1).astype(np.float32)


@cache
def _sphere() -> tuple[np.ndarray, np.ndarray]:
    """An icosahedron subdivided once: 42 unit vectors, 80 triangles wound outwards."""
    golden = (1.0 + 5.0**0.5) / 2.0
    corners = np.array([(a, b * golden, 0.0) for a in (-1, 1) for b in (-1, 1)], np.float64)
    corners = np.concatenate([corners, np.roll(corners, 1, 1), np.roll(corners, 2, 1)])
    from scipy.spatial import ConvexHull

    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    hull = ConvexHull(corners).simplices
    middles = np.unique(np.round([corners[a] + corners[b] for f in hull for a, b in zip(f, np.roll(f, 1))], 9), axis=0)
    points = np.concatenate([corners, middles / np.linalg.norm(middles, axis=1, keepdims=True)])
    faces = ConvexHull(points).simplices
    normal = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    inward = np.einsum("fc,fc->f", normal, points[faces].mean(1)) < 0
    faces[inward] = faces[inward][:, ::-1]
    return points, faces.astype(np.int32)


def ellipsoids(means: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of all ellipsoids |F (x - mean)| = 1: vertices (42 n, 3) float32, faces (80 n, 3) int32."""
    points, faces = _sphere()
    vertices = means[:, None, :] + np.einsum("nij,pj->npi", np.linalg.inv(factors), points)
    offsets = len(points) * np.arange(len(means), dtype=np.int32)
    return vertices.reshape(-1, 3).astype(np.float32), (faces[None] + offsets[:, None, None]).reshape(-1, 3)


def density(values: Values, points: np.ndarray) -> np.ndarray:
    """Sum of lambda exp(-d^2 / 2) (eq. 2, without a threshold) at object-space points (m, 3) -> (m,) float32."""
    total = np.zeros(len(points), np.float32)
    factors = host_factors(values).astype(np.float32)
    for mean, factor, log_weight in zip(np.asarray(values["means"]), factors, np.asarray(values["log_weights"])):
        offset = (points - mean) @ factor.T
        total += np.exp(log_weight - 0.5 * np.einsum("pi,pi->p", offset, offset))
    return total


def density_grid(values: Values, cells: int = GRID) -> tuple[np.ndarray, np.ndarray, float]:
    """The density on a lattice that holds all ellipsoids at 3.5 deviations: values [ix, iy, iz], origin, spacing."""
    means = np.asarray(values["means"], np.float64)
    reach = 3.5 * np.sqrt(np.sum(np.linalg.inv(host_factors(values)) ** 2, 2))
    reach = np.minimum(reach, 2.0)  # one Gaussian run away would make the lattice useless for the others
    low, high = (means - reach).min(0), (means + reach).max(0)
    spacing = float((high - low).max()) / cells
    axes = [np.arange(a, b + spacing, spacing) for a, b in zip(low, high)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    found = density(values, points.reshape(-1, 3).astype(np.float32))
    return found.reshape(points.shape[:3]), low, spacing


def density_mesh(values: Values, level: float, cells: int = GRID) -> tuple[np.ndarray, np.ndarray]:
    """Marching cubes of the density at `level` (section 4.3): object-space vertices float32, faces wound outwards."""
    return mesh_of_grid(*density_grid(values, cells), level)


def mesh_of_grid(grid: np.ndarray, origin: np.ndarray, spacing: float, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of a density lattice (see density_grid) at `level`."""
    vertices, faces = extract(level - grid, origin, np.full(3, spacing))[:2]
    return vertices.astype(np.float32), faces
