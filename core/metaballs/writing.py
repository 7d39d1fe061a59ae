"""`rimlight convert` with metaballs: meshes and points to Gaussians, Gaussians to points, ellipsoids and meshes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.experiment import PoseSpec, SceneSpec, ViewsSpec
from core.io.atomic import write_text
from core.io.mesh_export import SUFFIXES, save_mesh
from core.metaballs.convert import Conversion, best_level, sample_points
from core.metaballs.loading import metaballs_of_file
from core.parameters import scene_values
from core.shapes.metaballs import Metaballs
from core.targets.views import fitted_views

Progress = Callable[[str, float | None], None]

AS = ("mesh", "ellipsoids")
CELLS = 96
"""Cells along the longest side when a mesh is made."""


def convert_metaballs(
    source: Path, target: Path, how: Conversion, form: str = "mesh", points: int = 20_000,
    progress: Progress = lambda task, done: None,
) -> str:  # fmt: skip
    """Write `target` (.npz: Gaussians; .xyz: points drawn from them; a mesh suffix: by `form`) from a mesh, points or
    metaballs; what was written, in one line. Raises RimlightError."""
    suffix = target.suffix.lower()
    if suffix not in (".npz", ".xyz", *SUFFIXES):
        allowed = ", ".join((".npz", ".xyz", *SUFFIXES))
        raise RimlightError(f"{target.name}: '{target.suffix}' is not written from metaballs; allowed: {allowed}")
    shape = Metaballs.from_data(metaballs_of_file(source, how, progress))
    values = {**shape.parameters(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
    count = len(values["means"])
    if suffix == ".npz" or (suffix in SUFFIXES and form == "ellipsoids"):
        shape.save(target, values)
        return f"{target.name}: {count} Gaussians" + ("" if suffix == ".npz" else " as ellipsoids at one deviation")
    if suffix == ".xyz":
        drawn = sample_points(values, points, how.seed) * shape.scale + shape.centre
        write_text(target, "\n".join("{:.9g} {:.9g} {:.9g}".format(*row) for row in drawn.tolist()) + "\n")
        return f"{target.name}: {points:,} points drawn from {count} Gaussians"
    progress("Choosing the level", None)
    views = fitted_views(ViewsSpec(kind="sphere", count=8, width=128, height=128))
    level, agreement, (vertices, faces) = best_level(shape, values, views, CELLS)
    if not len(faces):
        raise RimlightError(f"{source.name}: the Gaussians are too thin to have a surface; write ellipsoids")
    save_mesh(target, vertices, faces, _nearest_colours(values, vertices), shape.centre, shape.scale)
    return (
        f"{target.name}: mesh, {len(faces):,} triangles, at density {level:.3g}, where its silhouettes agree best with "
        f"the Gaussians' (IoU {agreement:.3f})"
    )


def _nearest_colours(values: dict, vertices: np.ndarray) -> np.ndarray:
    """(n, 3): the Gaussians' colours mixed by their density at each vertex."""
    from core.shapes.metaballs import host_factors

    total, mixed = np.full(len(vertices), 1e-20), np.zeros((len(vertices), 3))
    rows = zip(values["means"], host_factors(values), values["log_weights"], values["colours"])
    for mean, factor, log_weight, colour in rows:
        offset = (vertices - mean) @ factor.T
        here = np.exp(log_weight - 0.5 * np.einsum("pi,pi->p", offset, offset))
        total += here
        mixed += here[:, None] * colour
    return np.clip(mixed / total[:, None], 0.0, 1.0)
