"""`rimlight check`: load any file, say what it is and what is odd about it. Imports no JAX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import RimlightError
from core.experiment import Experiment
from core.io.files import MESH_LIMIT, checked_path
from core.io.suffixes import (
    BODY_SUFFIXES,
    CAMERA_SUFFIXES,
    EXPERIMENT_SUFFIXES,
    GRID_SUFFIXES,
    IMAGE_SUFFIXES,
    MESH_SUFFIXES,
)


@dataclass(frozen=True)
class Checked:
    """What a file is, in one line, and what is odd about it."""

    summary: str
    warnings: tuple[str, ...] = ()


def check_file(path: str | Path) -> Checked:
    """Load a mesh, grid, picture, camera set or experiment. Raises RimlightError (one line) where it cannot be used."""
    path = checked_path(path, MESH_LIMIT)
    suffix = path.suffix.lower()
    for suffixes, check in _CHECKS:
        if suffix in suffixes:
            return check(path)
    known = ", ".join(suffix for suffixes, _ in _CHECKS for suffix in suffixes)
    raise RimlightError(f"{path.name}: '{suffix}' is no kind of file that is read; convert it to one of {known}")


def _check_mesh(path: Path) -> Checked:
    from core.io.meshes import load_mesh

    mesh = load_mesh(path)
    low, high = (" ".join(f"{value:.5g}" for value in corner) for corner in mesh.facts["bounds"])
    return Checked(f"mesh, {mesh.facts['summary']}, bounds {low} to {high}", mesh.warnings)


def _check_grid(path: Path) -> Checked:
    from core.io.grids import load_grid
    from core.io.metaballs_files import is_metaballs_file, load_metaballs

    if is_metaballs_file(path):
        return Checked(f"metaballs, {len(load_metaballs(path).means)} Gaussians")
    grid = load_grid(path)
    return Checked(f"signed distance grid, {grid.summary}", grid.warnings)


def _check_bodies(path: Path) -> Checked:
    from core.io.bodies import load_bodies

    return Checked(f"analytic distance, {load_bodies(path).summary}")


def _check_image(path: Path) -> Checked:
    from core.io.images import load_image, silhouette_of

    image = load_image(path)
    silhouette_of(image, need=False)  # a silhouette that is there and empty is an error
    return Checked(image.summary, image.warnings)


def _check_cameras(path: Path) -> Checked:
    from core.io.cameras import load_cameras

    cameras = load_cameras(path)
    return Checked(cameras.summary, cameras.warnings)


def _check_experiment(path: Path) -> Checked:
    from core.experiments.files import load_experiment

    experiment = load_experiment(path)
    warnings = [*experiment.warnings]
    files = {file for file in (experiment.shape.file, experiment.target.file) if file is not None}
    for file in sorted(files):
        warnings += [f"{Path(file).name}: {warning}" for warning in check_file(file).warnings]
    if experiment.target.kind == "image":
        _check_target_picture(experiment)
    count = len(experiment.parameters.free)
    summary = (
        f"experiment, {experiment.title!r}: {experiment.method.name} on a {experiment.shape.kind}, "
        f"{count} free parameter{'' if count == 1 else 's'}, {experiment.stop.steps} steps"
    )
    return Checked(summary, tuple(warnings))


def _check_target_picture(experiment: Experiment) -> None:
    """The target's size and silhouette, before a fit asks for them."""
    from core.io.images import load_image, silhouette_of

    target, views = experiment.target, experiment.views
    image = load_image(target.file or "", encoding=target.encoding)
    if (image.width, image.height) != (views.width, views.height):
        raise RimlightError(
            f"{image.path.name}: the picture is {image.width} x {image.height} but the view {views.width} x "
            f"{views.height}; set views.width and views.height to the picture's"
        )
    silhouette_of(image, target.background, need=any(term.sees == "silhouette" for term in experiment.terms))


_CHECKS: tuple[tuple[tuple[str, ...], Callable[[Path], Checked]], ...] = (
    (MESH_SUFFIXES, _check_mesh),
    (GRID_SUFFIXES, _check_grid),
    (BODY_SUFFIXES, _check_bodies),
    (IMAGE_SUFFIXES, _check_image),
    (CAMERA_SUFFIXES, _check_cameras),
    (EXPERIMENT_SUFFIXES, _check_experiment),
)
