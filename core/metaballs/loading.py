"""Metaballs from whatever a user has: their own file, a mesh or a point cloud (fitted by EM), or a random ball.

Fits are remembered by file, its age and how it was converted, so that editing a setting never fits again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.errors import RimlightError
from core.io.file_kinds import is_metaballs_file
from core.io.files import MESH_LIMIT, checked_path
from core.io.metaballs_files import MetaballsData, load_metaballs
from core.io.points import PER_GAUSSIAN, is_point_cloud, read_points
from core.io.suffixes import MESH_SUFFIXES, POINT_SUFFIXES
from core.metaballs.convert import Conversion, convert_mesh, convert_points, random_ball
from core.shapes.metaballs import Metaballs
from core.shapes.primitives import BALL, primitive_path

Progress = Callable[[str, float | None], None]

_REMEMBERED: dict[tuple, MetaballsData] = {}
_MOST = 8


def load_metaballs_shape(
    file: str | None,
    primitive: str | None,
    colour: tuple | None,
    how: Conversion,
    progress: Progress = lambda task, done: None,
) -> Metaballs:
    """The shape of an experiment's [shape] table. Raises RimlightError, one line."""
    if file is None and primitive == BALL:
        data, origin = random_ball(how.components, how.seed), "a random ball"
    else:
        path = Path(file) if file is not None else primitive_path(primitive or "creature", "metaballs")
        data, origin = metaballs_of_file(path, how, progress), path.name
    return Metaballs.from_data(data, colour, {"origin": origin})


def metaballs_of_file(path: Path, how: Conversion, progress: Progress = lambda task, done: None) -> MetaballsData:
    """Metaballs read from `path`, or fitted to the mesh or the points in it."""
    path = checked_path(path, MESH_LIMIT)
    key = (str(path), path.stat().st_mtime_ns, how)
    if key not in _REMEMBERED:
        while len(_REMEMBERED) >= _MOST:
            _REMEMBERED.pop(next(iter(_REMEMBERED)))
        _REMEMBERED[key] = _read(path, how, progress)
    return _REMEMBERED[key]


def _read(path: Path, how: Conversion, progress: Progress) -> MetaballsData:
    suffix = path.suffix.lower()
    if is_metaballs_file(path):
        return load_metaballs(path)
    if is_point_cloud(path):
        if how.init == "volume":
            raise RimlightError(f"{path.name}: init = 'volume' needs a closed mesh, and this is a point cloud")
        points, colours = read_points(path)
        if len(points) < PER_GAUSSIAN * how.components:
            raise RimlightError(
                f"{path.name}: holds {len(points)} points, and {how.components} Gaussians need at least "
                f"{PER_GAUSSIAN * how.components}; set components to {len(points) // PER_GAUSSIAN} or fewer"
            )
        return convert_points(points, how, colours, progress)
    if suffix in MESH_SUFFIXES:
        from core.io.meshes import load_mesh

        return convert_mesh(load_mesh(path), how, progress)
    known = ", ".join((".npz", *MESH_SUFFIXES, *POINT_SUFFIXES))
    raise RimlightError(f"{path.name}: holds no metaballs and nothing they can be fitted to; use one of {known}")
