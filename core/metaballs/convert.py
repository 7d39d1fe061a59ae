"""Meshes and points to metaballs by expectation-maximisation, and metaballs back to points and to meshes.

Paper, section 4.3: a surface mixture is fitted to points on the surface, a volume mixture to points inside a closed mesh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.io.metaballs_files import MetaballsData
from core.metaballs.gaussian_mixture import Mixture, fit_mixture, responsibilities
from core.metrics import iou
from core.shapes.metaballs import density_grid, host_factors, mesh_of_grid, triangular
from kernels.mesh_distance import lattice_winding
from kernels.types import CameraView, Values

Progress = Callable[[str, float | None], None]

INITS = ("surface", "volume", "random")
POINTS_EACH = 400
"""Points a component that a mixture is fitted to: more change the fit by less than its seeds do."""
VOLUME_CELLS = 128
"""Cells along the longest side of the lattice, at a random offset, whose nodes inside a mesh are its volume's points."""
GAIN = 80.0
"""Mixture weights sum to 1; the authors multiply them by 80 for rendering (40 components: 2 each)."""


@dataclass(frozen=True)
class Conversion:
    """How a mesh becomes metaballs. init: one of INITS."""

    components: int = 40
    init: str = "surface"
    seed: int = 0


def convert_mesh(mesh: Any, how: Conversion, progress: Progress = lambda task, done: None) -> MetaballsData:
    """A reader's MeshData (core/io/meshes.py) -> metaballs in the same frame. Raises RimlightError."""
    if how.init == "random":
        ball = random_ball(how.components, how.seed)
        return MetaballsData(ball.means, ball.factors, ball.log_weights, None, mesh.centre, mesh.scale)
    rng = np.random.default_rng(how.seed)
    count = POINTS_EACH * how.components
    surface, colours = surface_points(mesh, count, rng)
    points = surface if how.init == "surface" else volume_points(mesh, count, rng)
    mixture = _fitted(points, how, progress)
    return mixture_data(mixture, component_colours(mixture, surface, colours), mesh.centre, mesh.scale)


def convert_points(
    points: np.ndarray, how: Conversion, colours: np.ndarray | None = None, progress: Progress = lambda task, done: None
) -> MetaballsData:
    """A point cloud (n, 3) in any units, with linear colours (n, 3) or None -> metaballs in its unit-sphere frame."""
    if not np.isfinite(points).all():
        raise RimlightError("point cloud: a point is not finite; remove it")
    low, high = points.min(0), points.max(0)
    centre = 0.5 * (low + high)
    scale = float(np.linalg.norm(points - centre, axis=1).max()) or 1.0
    unit = (points - centre) / scale
    most = POINTS_EACH * how.components
    if len(unit) > most:
        chosen = np.random.default_rng(how.seed).choice(len(unit), most, replace=False)
        unit, colours = unit[chosen], None if colours is None else colours[chosen]
    mixture = _fitted(unit, how, progress)
    return mixture_data(mixture, component_colours(mixture, unit, colours), centre, scale)


def random_ball(components: int, seed: int, radius: float = 0.5) -> MetaballsData:
    """A small blobby sphere: equal round Gaussians at random places in a ball (section 7.2's start)."""
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((components, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    means = directions * radius * np.cbrt(rng.random((components, 1)))
    deviation = 0.6 * radius * np.cbrt(8.0 / components)
    factors = np.broadcast_to(np.eye(3) / deviation, (components, 3, 3))
    return MetaballsData(means, np.array(factors), np.full(components, -0.5), None, np.zeros(3), 1.0)


def _fitted(points: np.ndarray, how: Conversion, progress: Progress) -> Mixture:
    task = f"Fitting {how.components} Gaussians"
    progress(task, 0.0)
    return fit_mixture(points, how.components, seed=how.seed, progress=lambda done: progress(task, done))


def mixture_data(mixture: Mixture, colours: np.ndarray | None, centre: np.ndarray, scale: float) -> MetaballsData:
    """A mixture in object space as metaballs: weights times GAIN."""
    factors = triangular(np.linalg.inv(mixture.covariances))
    log_weights = np.log(np.maximum(GAIN * mixture.weights, 1e-6))
    return MetaballsData(mixture.means, factors, log_weights, colours, np.asarray(centre), float(scale))


def component_colours(mixture: Mixture, points: np.ndarray, colours: np.ndarray | None) -> np.ndarray | None:
    """(k, 3): each component's share-weighted mean of the points' colours; None without colours."""
    if colours is None:
        return None
    share = responsibilities(points, mixture)
    mass = share.sum(0)
    mean = share.T @ colours / np.maximum(mass, 1e-9)[:, None]
    return np.where(mass[:, None] > 1e-6, mean, colours.mean(0)).astype(np.float32)


def surface_points(mesh: Any, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """Area-uniform points (count, 3) on a mesh, object space, and their colours where it has some."""
    corners = np.asarray(mesh.vertices, np.float64)[mesh.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = rng.choice(len(corners), count, p=area / area.sum())
    u, v = rng.random((2, count))
    fold = u + v > 1
    u, v = np.where(fold, 1 - u, u), np.where(fold, 1 - v, v)
    bary = np.stack([1 - u - v, u, v], 1)
    points = np.einsum("pk,pkc->pc", bary, corners[chosen])
    if mesh.vertex_colours is None:
        return points, None
    return points, np.einsum("pk,pkc->pc", bary, np.asarray(mesh.vertex_colours)[mesh.faces[chosen]])


def volume_points(mesh: Any, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points (count, 3) inside a closed mesh, spread evenly. Raises RimlightError where it is open."""
    if not mesh.facts.get("watertight", False):
        raise RimlightError(
            f"{mesh.path.name}: init = 'volume' needs a closed mesh, and this one has {mesh.facts.get('open_edges', 0)} "
            "open edges; use init = 'surface'"
        )
    vertices = np.asarray(mesh.vertices, np.float64)
    low, high = vertices.min(0), vertices.max(0)
    spacing = float((high - low).max()) / VOLUME_CELLS
    origin = low - spacing * rng.random(3)
    across, down, deep = (int(n) for n in np.ceil((high - origin) / spacing).astype(int) + 1)
    inside = lattice_winding(vertices, mesh.faces, origin, np.full(3, spacing), (across, down, deep)) != 0
    nodes = np.argwhere(inside)
    if len(nodes) < 4:
        raise RimlightError(f"{mesh.path.name}: hardly any point lies inside it; use init = 'surface'")
    return origin + spacing * nodes[rng.choice(len(nodes), count, replace=len(nodes) < count)]


# ---------------------------------------------------------------------------------------------- and back


def sample_points(values: Values, count: int, seed: int) -> np.ndarray:
    """Points (count, 3) drawn from the Gaussians as a distribution, object space: each by its weight times volume."""
    rng = np.random.default_rng(seed)
    inverse = np.linalg.inv(host_factors(values))
    mass = np.exp(np.asarray(values["log_weights"], np.float64)) * np.abs(np.linalg.det(inverse))
    chosen = rng.choice(len(mass), count, p=mass / mass.sum())
    spread = np.einsum("nij,nj->ni", inverse[chosen], rng.standard_normal((count, 3)))
    return np.asarray(values["means"], np.float64)[chosen] + spread


def best_level(
    shape: Any, values: Values, views: Sequence[CameraView], cells: int = 64
) -> tuple[float, float, tuple[np.ndarray, np.ndarray]]:
    """The density level whose marching-cubes mesh agrees best with the Gaussians' own silhouettes.

    Golden-section search over the logarithm of the level. Returns (level, mean IoU over `views`, object-space mesh).
    """
    from core.derivatives.reference import hard_image
    from core.shapes.mesh import Mesh

    own = [hard_image(shape, values, view, ("silhouette",), 1)["silhouette"][..., 0] for view in views]
    grid, origin, spacing = density_grid(values, cells)
    scene = {n: v for n, v in values.items() if n in ("camera.fov", "background") or n.startswith(("pose.", "light."))}

    def trial(log_level: float) -> tuple[float, tuple[np.ndarray, np.ndarray]]:
        vertices, faces = mesh_of_grid(grid, origin, spacing, float(np.exp(log_level)))
        if not len(faces):
            return 0.0, (vertices, faces)
        mesh = Mesh(vertices, faces)
        posed = {**mesh.parameters(), **mesh.constants(), **scene}
        seen = [hard_image(mesh, posed, view, ("silhouette",), 1)["silhouette"][..., 0] for view in views]
        return float(np.mean([iou(a, b) for a, b in zip(seen, own)])), (vertices, faces)

    top = float(grid.max())
    low, high = np.log(max(0.01 * top, 1e-4)), np.log(0.9 * top)
    golden = (5.0**0.5 - 1.0) / 2.0
    a, b = high - golden * (high - low), low + golden * (high - low)
    at_a, at_b = trial(a), trial(b)
    for _ in range(10):
        if at_a[0] >= at_b[0]:
            high, b, at_b = b, a, at_a
            a = high - golden * (high - low)
            at_a = trial(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + golden * (high - low)
            at_b = trial(b)
    best, (agreement, mesh) = (a, at_a) if at_a[0] >= at_b[0] else (b, at_b)
    return float(np.exp(best)), agreement, mesh
