"""What opening a bare file means: an experiment worth running at once. Free of JAX, and no file is read here."""

from __future__ import annotations

from pathlib import Path

from core.errors import RimlightError
from core.experiment import (
    DeriveSpec,
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiment_io import load_experiment
from core.io.files import MESH_LIMIT, checked_path
from core.io.suffixes import EXPERIMENT_SUFFIXES, GRID_SUFFIXES, IMAGE_SUFFIXES, MESH_SUFFIXES

OBLIQUE = (18.5, 22.2, 7.4)
"""A rotation of 30 degrees about (5, 6, 2), degrees: no axis of a typical model, so that all three components show."""
SHIFT = (0.15, -0.1, 0.08)
"""0.2 units: with OBLIQUE, a start from which edge-grad finds back in 10 of 10 trials (benchmarks/bench_fits.py)."""


def experiment_for_file(path: str | Path) -> Experiment:
    """The experiment that `rimlight FILE` and a drop on the window open. Raises RimlightError."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in EXPERIMENT_SUFFIXES:
        return load_experiment(path)
    path = checked_path(path, MESH_LIMIT)
    if suffix in GRID_SUFFIXES:
        return grid_experiment(path)
    if suffix in MESH_SUFFIXES:
        return mesh_experiment(path)
    if suffix in IMAGE_SUFFIXES:
        return picture_experiment(path)
    opened = ", ".join((*EXPERIMENT_SUFFIXES, *MESH_SUFFIXES, *GRID_SUFFIXES, *IMAGE_SUFFIXES))
    raise RimlightError(f"{path.name}: '{suffix}' files cannot be opened; convert it to one of {opened}")


def mesh_experiment(path: Path) -> Experiment:
    """Bring a mesh back to its rest pose from four views."""
    return Experiment(
        title=f"{path.stem}: find the pose",
        shape=ShapeSpec(kind="mesh", file=str(path.absolute()), start=PoseSpec(OBLIQUE, SHIFT)),
        views=ViewsSpec(kind="orbit", count=4, held_out=4),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l2", "silhouette"), TermSpec("l2", "colour")),
        optimizer=OptimizerSpec("adam", 0.08, decay=0.02),
        parameters=ParametersSpec(("pose.rotation", "pose.translation")),
        stop=StopSpec(150),
        derive=DeriveSpec("pose.translation.x"),
    )


def grid_experiment(path: Path) -> Experiment:
    """Bring a grid back to its rest pose. sdf-local has no silhouette term, and colours alone lead it astray; normals
    tell where every visible point must turn: from this start the bundled creature comes back to 0.02 degrees."""
    return Experiment(
        title=f"{path.stem}: find the pose",
        shape=ShapeSpec(kind="sdf-grid", file=str(path.absolute()), start=PoseSpec(OBLIQUE, SHIFT)),
        target=TargetSpec(shape_kind="sdf-grid"),
        views=ViewsSpec(kind="orbit", count=4, held_out=4, width=160, height=160),
        method=MethodSpec("sdf-local"),
        terms=(TermSpec("l2", "normals"),),
        optimizer=OptimizerSpec("adam", 0.05, decay=0.1),
        parameters=ParametersSpec(("pose.rotation", "pose.translation")),
        stop=StopSpec(200),
        derive=DeriveSpec("pose.translation.x"),
    )


def picture_experiment(path: Path) -> Experiment:
    """Carve a sphere until its silhouette is the picture's. The views take the picture's size."""
    from core.io.images import picture_size

    width, height = picture_size(path)
    return Experiment(
        title=f"{path.stem}: a sphere takes its outline",
        shape=ShapeSpec(kind="mesh", primitive="sphere"),
        target=TargetSpec(kind="image", file=str(path.absolute())),
        views=ViewsSpec(kind="single", width=width, height=height, elevation=0.0),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l2", "silhouette"), TermSpec("laplacian", weight=30.0)),
        optimizer=OptimizerSpec("adam", 0.01),
        parameters=ParametersSpec(("vertices",)),
        stop=StopSpec(300),
        derive=DeriveSpec("vertices.normal"),
    )
