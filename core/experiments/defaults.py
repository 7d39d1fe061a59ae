"""What opening a bare file means: an experiment worth running at once. Free of JAX, and no file is read here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.errors import RimlightError
from core.experiment import (
    DeriveSpec,
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    SceneSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.files import load_experiment
from core.io.file_kinds import file_kind
from core.io.files import MESH_LIMIT, checked_path
from core.io.guard import guarded
from core.io.suffixes import (
    BODIES,
    CAMERAS,
    EXPERIMENT,
    GRID,
    MESH,
    OPENED_SUFFIXES,
    PICTURE,
    POINTS,
    group_of,
)
from core.optimization.resampling import same_aspect
from core.shapes.primitives import HULL

OBLIQUE = (18.5, 22.2, 7.4)
"""A rotation of 30 degrees about (5, 6, 2), degrees: no axis of a typical model, so that all three components show."""
SHIFT = (0.15, -0.1, 0.08)
"""0.2 units: with OBLIQUE, a start from which edge-grad finds back in 10 of 10 trials (benchmarks/bench_fits.py)."""


SMALLEST_VIEW, LARGEST_VIEW = 8, 4096
"""Pixels of a view's side (core/experiments/schema.py, LIMITS)."""

SMOOTHNESS = TermSpec("laplacian", weight=30.0)
"""Beside terms on images where every vertex may move. Freed in the experiments a bare file opens, vertices without it
tangle: of Suzanne's 968 triangles 264 are flipped after 150 steps, 14 with it, and its held-out overlap is 0.91, not 0.94."""

CAMERA_SIDE = 256
"""Pixels of the longer side that camera pictures are brought to at first: half a megapixel over eight views a step."""
CAMERA_BATCH, CAMERA_HELD_OUT = 4, 20
"""Views a step, and held-out views measured: a step of the chair at 200 x 200 takes 40 ms."""


def experiment_for_file(path: str | Path) -> Experiment:
    """The experiment that `rimlight FILE` and a drop on the window open. Raises RimlightError."""
    path = Path(path)
    group = group_of(path.name)
    if group == EXPERIMENT:
        with guarded(path):
            return load_experiment(path)
    path = checked_path(path, MESH_LIMIT)
    if group is None:
        opened = ", ".join(OPENED_SUFFIXES)
        raise RimlightError(f"{path.name}: '{path.suffix}' files cannot be opened; convert it to one of {opened}")
    with guarded(path):
        return _MADE[file_kind(path) if group == GRID else group](path)


def mesh_experiment(path: Path) -> Experiment:
    """Bring a mesh back to its rest pose from four views."""
    return _find_pose(
        path,
        "mesh",
        ViewsSpec(kind="orbit", count=4, held_out=4),
        MethodSpec("edge-grad"),
        (TermSpec("l2", "silhouette"), TermSpec("l2", "colour")),
        OptimizerSpec("adam", 0.08, decay=0.02),
    )


def neural_experiment(path: Path) -> Experiment:
    """Bring a mesh back to its rest pose by what its neural texture shows."""
    return _find_pose(
        path,
        "neural-mesh",
        ViewsSpec(kind="orbit", count=4, held_out=4),
        MethodSpec("edge-grad"),
        (TermSpec("l2", "silhouette"), TermSpec("l2", "colour")),
        OptimizerSpec("adam", 0.08, decay=0.02),
    )


def grid_experiment(path: Path) -> Experiment:
    """Bring a grid back to its rest pose. sdf-local has no silhouette term, and colours alone lead it astray; normals
    tell where every visible point must turn: from this start the bundled creature comes back to 0.02 degrees."""
    return _find_pose(
        path,
        "sdf-grid",
        ViewsSpec(kind="orbit", count=4, held_out=4, width=160, height=160),
        MethodSpec("sdf-local"),
        (TermSpec("l2", "normals"),),
        OptimizerSpec("adam", 0.05, decay=0.1),
        steps=200,
    )


def network_experiment(path: Path) -> Experiment:
    """Bring a network back to its rest pose, as a grid: by normals, since the outline does not pull."""
    return _find_pose(
        path,
        "sdf-network",
        ViewsSpec(kind="orbit", count=3, held_out=3, width=80, height=80),
        MethodSpec("naive", {"face": "field"}),
        (TermSpec("l2", "normals"),),
        OptimizerSpec("adam", 0.05, decay=0.1),
    )


def metaballs_experiment(path: Path) -> Experiment:
    """Bring Gaussians back to their rest pose. The target is blurred as they are, so the pose is found exactly."""
    return _find_pose(
        path,
        "metaballs",
        ViewsSpec(kind="orbit", count=4, held_out=4, width=128, height=128),
        MethodSpec("fuzzy-metaballs"),
        (TermSpec("l2", "silhouette"), TermSpec("l2", "depth")),
        OptimizerSpec("adam", 0.05, decay=0.05),
    )


def points_experiment(path: Path) -> Experiment:
    """The same of Gaussians that are fitted to a table of points, as many as a small one suffices for."""
    from core.io.points import affordable

    made = metaballs_experiment(path)
    return replace(made, shape=replace(made.shape, components=affordable(path, made.shape.components)))


def bodies_experiment(path: Path) -> Experiment:
    """Bring analytic bodies back to their rest pose; the warp knows their silhouettes."""
    return _find_pose(
        path,
        "sdf-analytic",
        ViewsSpec(kind="orbit", count=4, held_out=4, width=128, height=128),
        MethodSpec("warp"),
        (TermSpec("l2", "silhouette"), TermSpec("l2", "colour")),
        OptimizerSpec("adam", 0.05, decay=0.1),
    )


def _find_pose(
    path: Path,
    kind: str,
    views: ViewsSpec,
    method: MethodSpec,
    terms: tuple[TermSpec, ...],
    optimizer: OptimizerSpec,
    steps: int = 150,
) -> Experiment:
    """The file's own shape, turned by OBLIQUE and moved by SHIFT, looks for where it stood."""
    return Experiment(
        title=f"{path.stem}: find the pose",
        shape=ShapeSpec(kind=kind, file=str(path.absolute()), start=PoseSpec(OBLIQUE, SHIFT)),
        target=TargetSpec(shape_kind=kind),
        views=views,
        method=method,
        terms=terms,
        optimizer=optimizer,
        parameters=ParametersSpec(("pose.rotation", "pose.translation")),
        stop=StopSpec(steps),
        derive=DeriveSpec("pose.translation.x"),
    )


def picture_experiment(path: Path) -> Experiment:
    """Carve a sphere until its silhouette is the picture's; a picture without one is fitted by its colours.
    The views take the picture's size, and the field of view its EXIF tells."""
    from core.io.photo_lens import distance_for, photo_lens
    from core.io.picture_facts import picture_facts

    facts, fov = picture_facts(path, may_be_empty=True), photo_lens(path).fov
    require_viewable(path.name, facts.width, facts.height)
    width, height = view_size(facts.width, facts.height, LARGEST_VIEW)
    outline = facts.outlined
    distance = distance_for(fov, ViewsSpec().distance)
    # A flat light: without a silhouette the picture's own shading must be all that the colours have to explain.
    scene = SceneSpec() if outline else SceneSpec(light_intensity=0.0, light_ambient=1.0)
    return Experiment(
        title=f"{path.stem}: a sphere takes its {'outline' if outline else 'colours'}",
        shape=ShapeSpec(kind="mesh", primitive="sphere"),
        target=TargetSpec(kind="image", file=str(path.absolute())),
        views=ViewsSpec("single", width=width, height=height, elevation=0.0, distance=distance, fov=fov),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l2", "silhouette" if outline else "colour"), SMOOTHNESS),
        optimizer=OptimizerSpec("adam", 0.01),
        parameters=ParametersSpec(("vertices",) if outline else ("vertices", "vertex_colours")),
        stop=StopSpec(300),
        scene=scene,
        derive=DeriveSpec("vertices.normal"),
    )


def view_size(width: int, height: int, most: int) -> tuple[int, int]:
    """A picture's size as a view's: its sides halved until the longer has at most `most` pixels, or the shorter would
    have fewer than SMALLEST_VIEW; or both enlarged until it has them."""
    shrink, shorter = 1, min(width, height)
    while max(width, height) > most * shrink and (
        shorter >= 2 * shrink * SMALLEST_VIEW or max(width, height) > LARGEST_VIEW * shrink
    ):
        shrink *= 2
    grow = -(-SMALLEST_VIEW // min(shorter, SMALLEST_VIEW)) if shrink == 1 else 1
    return max(SMALLEST_VIEW, round(width * grow / shrink)), max(SMALLEST_VIEW, round(height * grow / shrink))


def require_viewable(name: str, width: int, height: int) -> None:
    """Raise RimlightError where no view has the shape of a picture."""
    size = view_size(width, height, LARGEST_VIEW)
    if not same_aspect((width, height), size) or max(size) > LARGEST_VIEW:
        raise RimlightError(
            f"{name}: the picture is {width} x {height} pixels, and a view has {SMALLEST_VIEW} to {LARGEST_VIEW:,} a side: "
            "too long for its width; crop it"
        )


def cameras_experiment(path: Path) -> Experiment:
    """Carve the visual hull of the pictures' silhouettes, then fit its vertices and colours, which are lit as they are.
    Pictures without silhouettes carve nothing: then a sphere is fitted to their colours."""
    width, height, held_out = camera_target(path)
    cut_out = _has_silhouettes(path)
    outline = (TermSpec("l2", "silhouette"),) if cut_out else ()
    return Experiment(
        title=f"{path.parent.name or path.stem}: shape from pictures",
        shape=ShapeSpec(kind="mesh", primitive=HULL if cut_out else "sphere", hull_resolution=96),
        target=TargetSpec(kind="cameras", file=str(path.absolute()), held_out=held_out),
        views=ViewsSpec("cameras", width=width, height=height, held_out=CAMERA_HELD_OUT, batch=CAMERA_BATCH),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l1", "colour"), *outline),
        optimizer=OptimizerSpec("adam", 0.01, decay=0.05),
        parameters=ParametersSpec(("vertices", "vertex_colours"), large_steps=10.0),
        stop=StopSpec(600),
        scene=SceneSpec(light_intensity=0.0, light_ambient=1.0, background=(1.0, 1.0, 1.0)),
        derive=DeriveSpec("vertices.normal"),
    )


def _has_silhouettes(path: Path) -> bool:
    """Whether the first picture of a camera file has an alpha that leaves something out, or is a mask itself."""
    from core.io.cameras import load_cameras
    from core.io.picture_facts import picture_facts

    facts = picture_facts(load_cameras(path).pictures[0], may_be_empty=True)
    return facts.grey or facts.cut_out


def camera_target(path: Path) -> tuple[int, int, str]:
    """What views of a camera file's pictures are at first: (width, height, the split that is held out).

    The pictures' size, halved until the longer side is at most CAMERA_SIDE. Raises RimlightError.
    """
    from core.io.camera_set import split_file
    from core.io.cameras import load_cameras

    cameras = load_cameras(path)
    lens = cameras.lenses[0]
    require_viewable(f"{path.name}: {cameras.pictures[0].name}", lens.width, lens.height)
    there = [split for split in ("test", "val") if split_file(path, split).is_file()]
    return *view_size(lens.width, lens.height, CAMERA_SIDE), (*there, "every-8th")[0]


_MADE: dict[str, Callable[[Path], Experiment]] = {
    "metaballs": metaballs_experiment,
    "sdf-network": network_experiment,
    "neural-mesh": neural_experiment,
    "sdf-grid": grid_experiment,
    POINTS: points_experiment,
    BODIES: bodies_experiment,
    MESH: mesh_experiment,
    PICTURE: picture_experiment,
    CAMERAS: cameras_experiment,
}
"""Kind of file, and of the shape in it where several kinds share an ending -> what it opens as."""
