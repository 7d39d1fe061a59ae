"""`rimlight check`: load any file, say what it is and what is odd about it. Imports no JAX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import RimlightError
from core.experiment import Experiment
from core.io.file_kinds import file_kind
from core.io.files import MEBIBYTE, MESH_LIMIT, checked_path
from core.io.guard import guarded
from core.io.points import is_point_cloud
from core.io.suffixes import (
    BODIES,
    CAMERAS,
    EXPERIMENT,
    GRID,
    MESH,
    OPENED_SUFFIXES,
    PICTURE,
    POINTS,
    SESSION_SUFFIX,
    group_of,
)
from core.optimization.resampling import same_aspect

QUICK_LIMIT = 16 * MEBIBYTE
"""What is read in a fraction of a second, so that reading it twice costs nobody anything."""


@dataclass(frozen=True)
class Checked:
    """What a file is, in one line, and what is odd about it."""

    summary: str
    warnings: tuple[str, ...] = ()


def check_file(path: str | Path) -> Checked:
    """Load a mesh, grid, picture, camera set or experiment. Raises RimlightError (one line) where it cannot be used."""
    path = checked_path(path, MESH_LIMIT)
    check = _check_session if path.suffix.lower() == SESSION_SUFFIX else _CHECKS.get(group_of(path.name))
    if check is None:
        known = ", ".join((*OPENED_SUFFIXES, SESSION_SUFFIX))
        raise RimlightError(
            f"{path.name}: '{path.suffix}' is no kind of file that is read; convert it to one of {known}"
        )
    with guarded(path):
        return check(path)


def _check_mesh(path: Path) -> Checked:
    from core.io.meshes import load_mesh

    mesh = load_mesh(path)
    low, high = (" ".join(f"{value:.5g}" for value in corner) for corner in mesh.facts["bounds"])
    return Checked(f"mesh, {mesh.facts['summary']}, bounds {low} to {high}", mesh.warnings)


def _check_grid(path: Path) -> Checked:
    from core.io.grids import load_grid
    from core.io.metaballs_files import load_metaballs
    from core.io.networks import load_network

    kind = file_kind(path)
    if kind == "metaballs":
        return Checked(f"metaballs, {len(load_metaballs(path).means)} Gaussians")
    if kind == "sdf-network":
        width, layers, _, seen = load_network(path).architecture
        return Checked(f"distance network, {layers} layers of {width}{', with radiance' if seen else ''}")
    if kind == "neural-mesh":
        return _check_neural(path)
    grid = load_grid(path)
    return Checked(f"signed distance grid, {grid.summary}", grid.warnings)


def _check_neural(path: Path) -> Checked:
    from core.io.neural_files import load_neural

    data = load_neural(path)
    height, width = data.features.shape[:2]
    return Checked(
        f"mesh with a neural texture of {width} x {height}, {data.mesh.facts['summary']}", data.mesh.warnings
    )


def _check_bodies(path: Path) -> Checked:
    from core.io.bodies import load_bodies

    return Checked(f"analytic distance, {load_bodies(path).summary}")


def _check_points(path: Path) -> Checked:
    from core.io.points import read_points

    points, _ = read_points(path)
    return Checked(f"point cloud, {len(points):,} points; Gaussians are fitted to it")


def _check_image(path: Path) -> Checked:
    from core.experiments.defaults import require_viewable
    from core.io.photo_lens import DEFAULT_FOV, photo_lens
    from core.io.picture_facts import picture_facts

    facts = picture_facts(path)  # a silhouette that is there and empty is an error
    require_viewable(path.name, facts.width, facts.height)
    lens = photo_lens(path)
    guessed = "" if lens.fov == DEFAULT_FOV else f", {lens.told}"
    return Checked(f"{facts.summary}{guessed}", facts.warnings)


def _check_cameras(path: Path, images: str | None = None, quick: bool = False) -> Checked:
    """quick: look at the first picture alone, as opening them does; a fit reads the others when it needs them."""
    from core.experiments.defaults import require_viewable
    from core.io.cameras import load_cameras
    from core.io.picture_facts import picture_facts

    cameras = load_cameras(path, images)
    first = cameras.lenses[0]
    require_viewable(f"{path.name}: {cameras.pictures[0].name}", first.width, first.height)
    pictures, damaged = list(dict.fromkeys(cameras.pictures)), []
    for picture in pictures[: 1 if quick else None]:
        try:
            picture_facts(picture, may_be_empty=True)
        except RimlightError as error:
            damaged.append(str(error))
    if damaged:
        more = f"; {len(damaged) - 1} more of {len(pictures)} pictures cannot be used either"
        raise RimlightError(f"{damaged[0]}{more if len(damaged) > 1 else ''}")
    return Checked(cameras.summary, cameras.warnings)


def _check_experiment(path: Path) -> Checked:
    from core.experiments.files import load_experiment

    experiment = load_experiment(path)
    warnings = [*experiment.warnings, *check_inputs(experiment)]
    count = len(experiment.parameters.free)
    summary = (
        f"experiment, {experiment.title!r}: {experiment.method.name} on a {experiment.shape.kind}, "
        f"{count} free parameter{'' if count == 1 else 's'}, {experiment.stop.steps} steps"
    )
    return Checked(summary, tuple(warnings))


def _check_session(path: Path) -> Checked:
    import tempfile

    from core.record.files import read_session

    with tempfile.TemporaryDirectory() as folder:
        record = read_session(path, folder)
        try:
            warnings = [*record.experiment.warnings, *check_inputs(record.experiment)]
        except RimlightError as error:  # of a file in it, or of one that it names
            raise RimlightError(f"{path.name}: {error}") from error
    count = len(record.runs)
    summary = f"session, {record.experiment.title!r}: step {record.iteration}, {count} run{'' if count == 1 else 's'}"
    return Checked(f"{summary}, saved by Rimlight {record.versions.get('rimlight', '?')}", tuple(warnings))


def check_inputs(experiment: Experiment, quick: bool = False) -> list[str]:
    """Read what an experiment names, each file as what it is used for; what is odd. Raises RimlightError.

    quick: before a fit, to which files over QUICK_LIMIT and all pictures of cameras but the first are left: it would
    otherwise read them twice.
    """
    shape, target = experiment.shape, experiment.target
    wanted = [(shape.kind, shape.file), (target.shape_kind if target.kind == "shape" else target.kind, target.file)]
    warnings: dict[str, None] = {}
    limit = QUICK_LIMIT if quick else MESH_LIMIT
    for kind, file in dict.fromkeys(wanted):
        if file is not None and checked_path(file, MESH_LIMIT).stat().st_size <= limit:
            with guarded(file):
                found = _oddities(experiment, kind, Path(file), quick)
            warnings |= dict.fromkeys(f"{Path(file).name}: {warning}" for warning in found)
    return list(warnings)


def _oddities(experiment: Experiment, kind: str, path: Path, quick: bool) -> tuple[str, ...]:
    """Of one file of an experiment, read as what it is used for."""
    if kind == "image":
        return _target_picture_oddities(experiment)
    if kind == "cameras":
        return _check_cameras(path, experiment.target.images, quick).warnings
    return _read(kind, path).warnings


def _read(kind: str, path: Path) -> Checked:
    """A shape's file as what it is used for, where its ending alone does not say. What is converted is left to the
    fit."""
    if kind == "spline-patches":
        return _check_cage(path)
    if kind == "metaballs" and is_point_cloud(path):
        return _check_points(path)
    return check_file(path)


def _check_cage(path: Path) -> Checked:
    from core.io.cages import read_cage

    points, faces = read_cage(path)
    return Checked(f"control cage, {len(points)} points, {len(faces)} faces")


def _target_picture_oddities(experiment: Experiment) -> tuple[str, ...]:
    """The target's size and silhouette, before a fit asks for them."""
    from core.catalog import entry
    from core.io.picture_facts import picture_facts

    target, views = experiment.target, experiment.views
    file = Path(target.file or "")
    seen = {term.sees for term in experiment.terms if entry("losses", term.loss)["sees"]}  # regularisers see nothing
    facts = picture_facts(file, target.encoding, target.background, need="silhouette" in seen)
    if not same_aspect((facts.width, facts.height), (views.width, views.height)):
        raise RimlightError(
            f"{file.name}: the picture is {facts.width} x {facts.height} pixels and the view {views.width} x "
            f"{views.height}; set views.width and views.height to the picture's, or to the same share of both"
        )
    return facts.warnings


_CHECKS: dict[str | None, Callable[[Path], Checked]] = {
    MESH: _check_mesh,
    GRID: _check_grid,
    BODIES: _check_bodies,
    POINTS: _check_points,
    PICTURE: _check_image,
    CAMERAS: _check_cameras,
    EXPERIMENT: _check_experiment,
}
