"""From an experiment to a problem: load the shapes, place the cameras, render or read the targets.

Shapes are cached by what they were loaded from, so that editing a setting never reads a file again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from core.derivatives.reference import as_arrays, hard_image
from core.errors import RimlightError
from core.experiment import Experiment
from core.inspection import Rendered, forward
from core.io.file_kinds import is_neural_file
from core.looking import world_mesh
from core.memo import Memo
from core.memory import available_bytes
from core.metaballs.convert import Conversion
from core.metaballs.loading import load_metaballs_shape
from core.optimization.levenberg_marquardt import check as check_least_squares
from core.optimization.optimizers import OPTIMIZERS
from core.optimization.parameterization import parameterization_of
from core.optimization.terms import channels_seen, check_terms, term_constants
from core.parameters import free_masks, scene_constants, scene_values
from core.problem import Problem, Target
from core.registry import methods
from core.shapes.loading import PLAIN_COLOUR, load_network_shape, load_shape
from core.shapes.primitives import HULL
from core.targets.camera_frame import CameraFrame
from core.targets.camera_targets import camera_scene
from core.targets.labels import LabelSource, label_sources
from core.targets.lazy_targets import LazyTargets, on_device
from core.targets.noise import noisy_target, shaken_view
from core.targets.picture_target import image_target, with_silhouette
from core.targets.views import fitted_views, held_out_views
from kernels.types import CameraView, Method, Shape

Report = Callable[[str, float | None], None]
"""Progress of a long task: (what, fraction or None)."""

TARGET_SAMPLES = 4
"""Targets are box-filtered over 4 x 4 samples a pixel: the pose error this leaves is below 0.002 (papers' fits)."""

SHARPEST = 4096
"""Samples a side of a target beyond which there are no more than 2 x 2 a pixel: pixels are small enough themselves."""

PIXEL_BYTES = 400
"""Memory of a step for each pixel and layer (edge-grad at 2048 x 2048: 365, measured)."""

WORTH_ASKING = 1 << 30
"""Below so much memory nobody is asked whether it is there."""


@dataclass(frozen=True)
class Scene:
    """A built experiment. values: host parameters at the start. held_out: views and targets never fitted.

    target_values: the parameters of a target that is a shape.
    """

    experiment: Experiment
    problem: Problem
    values: dict[str, np.ndarray]
    held_out: tuple[CameraView, ...]
    held_out_targets: Sequence[Target]
    target_shape: Shape | None
    target_values: dict[str, np.ndarray] | None
    warnings: tuple[str, ...]
    frame: CameraFrame | None = None
    """Where the world of imported cameras lies in ours; None where there are none."""

    def target_mesh(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The target shape's triangles, vertices in world units; None for picture targets."""
        if self.target_shape is None or self.target_values is None:
            return None
        return world_mesh(self.target_shape, self.target_values)


class _Aims(NamedTuple):
    """What a fit aims at: the fitted views and their targets, the held-out ones, the target's shape if it is one."""

    fov: float
    views: tuple[CameraView, ...]
    targets: LazyTargets
    held_out: tuple[CameraView, ...]
    held_out_targets: LazyTargets
    shape: Shape | None = None
    values: dict[str, np.ndarray] | None = None
    warnings: tuple[str, ...] = ()
    frame: CameraFrame | None = None


def build(experiment: Experiment, report: Report = lambda task, fraction: None) -> Scene:
    """Load, place, render. Raises RimlightError with one line where the experiment cannot be built."""
    method, settings = method_of(experiment)
    channels = channels_seen(experiment.terms)
    labels = label_sources(experiment, channels, load_shape)
    hull = experiment.shape.primitive == HULL
    shape = None if hull else _own_shape(experiment, labels[0], report)
    if shape is not None:
        _check_face(shape, method)
    aims = _aims(experiment, shape, labels, channels, (method, settings), report)
    _check_room(aims.views, method, settings, experiment.views.rays)
    if shape is None:
        shape = _hull(experiment, aims, report)
        _check_face(shape, method)
    values = {**shape.parameters(), **scene_values(experiment.scene, experiment.shape.start, aims.fov)}
    constants = term_constants(experiment.terms, {**shape.constants(), **scene_constants(experiment.scene)}, values)
    check_terms(experiment.terms, {**values, **constants})
    masks = free_masks(experiment.parameters.free, values)
    if not masks:
        raise RimlightError("parameters.free: nothing is free to move; tick a parameter, for example pose.translation")
    if OPTIMIZERS[experiment.optimizer.name].least_squares:
        check_least_squares(experiment.terms, masks)
    aims.targets.load(lambda done: report("Making the targets", done))
    problem = Problem(
        shape=shape,
        method=method,
        settings=settings,
        views=aims.views,
        targets=aims.targets,
        terms=experiment.terms,
        channels=channels,
        masks=masks,
        optimizer=experiment.optimizer.name,
        hyper=_hyper(experiment),
        constants={n: jnp.asarray(c) for n, c in constants.items()},
        parameterization=parameterization_of(experiment.parameters, constants, values),
        rays=experiment.views.rays if method.pixelwise or method.spares_pixels or shape.spares_pixels else 0,
        seed=experiment.seed,
    )
    odd = method.oddities(shape, values, aims.views[0], settings)
    warnings = dict.fromkeys((*experiment.warnings, *shape_warnings(shape, experiment), *aims.warnings, *odd))
    return Scene(experiment, problem, values, aims.held_out, aims.held_out_targets, aims.shape, aims.values,
                 tuple(warnings), aims.frame)  # fmt: skip


def shape_warnings(shape: Shape, experiment: Experiment) -> list[str]:
    """What reading the shape found odd, with the name of its file where it came from one."""
    name = Path(experiment.shape.file).name if experiment.shape.file is not None else ""
    lines = shape.facts().get("warnings", ())
    return [line if not name or name in line else f"{name}: {line}" for line in lines]


def _own_shape(experiment: Experiment, labels: LabelSource, report: Report) -> Shape:
    report("Loading the shape", None)
    spec = experiment.shape
    if spec.kind == "metaballs":
        how = Conversion(spec.components, spec.init, experiment.seed)
        return load_metaballs_shape(spec.file, spec.primitive, spec.colour, how, report)
    if spec.kind == "sdf-network":
        return load_network_shape(spec, experiment.seed)
    shape = load_shape(spec.kind, spec.file, spec.primitive, spec.colour, spec.grid, labels)
    if spec.kind == "neural-mesh" and not (spec.file and is_neural_file(spec.file)):
        return shape.begun_anew(spec.feature_resolution, experiment.seed)  # type: ignore[attr-defined]
    return shape


def _aims(
    experiment: Experiment,
    shape: Shape | None,
    labels: tuple[LabelSource, LabelSource],
    channels: tuple[str, ...],
    through: tuple[Method, Any],
    report: Report,
) -> _Aims:
    """Views and targets, of which none is made yet. labels: of the fitted shape and of the target."""
    target, fov = experiment.target, experiment.views.fov
    if target.kind == "cameras":
        cameras = camera_scene(experiment, channels, labels[1], report)
        found = (cameras.fov, cameras.views, cameras.targets, cameras.held_out, cameras.held_out_targets)
        return _Aims(*found, warnings=cameras.warnings, frame=cameras.frame)
    views = tuple(fitted_views(experiment.views))
    if target.kind == "image":
        picture, oddities = image_target(target, views, channels, labels[1])
        given = LazyTargets(1, lambda i: on_device(picture))
        return _Aims(fov, views, given, (), LazyTargets(0, lambda i: picture), warnings=oddities)
    if shape is None and target.file is None and target.primitive is None:
        raise RimlightError(
            "shape.primitive: a visual hull is carved from a target; choose cameras, a picture or a shape"
        )
    goal = _target_shape(experiment, shape, labels[1])
    own = {**goal.parameters(), **goal.constants(), **scene_constants(experiment.scene)}
    gloss = experiment.scene.specular if target.specular is None else target.specular
    values = {**own, **scene_values(dataclasses.replace(experiment.scene, specular=gloss), target.pose, fov)}
    seen, how = with_silhouette(channels), through if target.render == "method" else None
    apart = tuple(held_out_views(experiment.views))

    def taken(i: int) -> Target:
        picture = _shape_target(goal, values, shaken_view(views[i], experiment, i), seen, how)
        return on_device(noisy_target(picture, experiment, i, len(views)))

    targets = LazyTargets(len(views), taken)
    others = LazyTargets(len(apart), lambda i: _shape_target(goal, values, apart[i], seen, None))
    return _Aims(fov, views, targets, apart, others, goal, values)


def _check_room(views: tuple[CameraView, ...], method: Method, settings: Any, rays: int) -> None:
    """Raise where a step over the largest view takes more memory than there is: the system would end the process."""
    largest = max(views, key=lambda view: view.width * view.height)
    layers = max(int(getattr(settings, name, 1)) for name in ("layers", "faces_per_pixel"))
    pixels = largest.width * largest.height
    needed = PIXEL_BYTES * layers * (min(rays, pixels) if rays and method.pixelwise else pixels)
    free = _free_bytes() if needed > WORTH_ASKING else None
    if free is not None and needed > free:
        raise RimlightError(
            f"views.width, views.height: {largest.width} x {largest.height} pixels by {method.name} take about "
            f"{needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; choose smaller images"
            + (" or fewer layers" if layers > 1 else "")
        )


def _free_bytes() -> int | None:
    """What a step may take: of the system's memory, or of the GPU's where that computes and has less."""
    on_device = jax.devices()[0].memory_stats() or {}  # a processor has none
    rest = on_device["bytes_limit"] - on_device["bytes_in_use"] if "bytes_limit" in on_device else None
    return min((free for free in (available_bytes(), rest) if free is not None), default=None)


def _hull(experiment: Experiment, aims: _Aims, report: Report) -> Shape:
    from core.targets.visual_hull import hull_mesh

    spec, target = experiment.shape, experiment.target
    plain = spec.colour or PLAIN_COLOUR
    stamp = Path(target.file).stat().st_mtime_ns if target.file else 0
    views = dataclasses.replace(experiment.views, batch=0, held_out=0)
    key = (target, stamp, views, "colour" in aims.targets[0].planes, spec.hull_resolution, plain)
    fov = np.radians(aims.fov)
    make = lambda: hull_mesh(aims.views, aims.targets, fov, spec.hull_resolution, plain, report)
    return _HULLS(key, make)


_HULLS: Memo[Shape] = Memo(2)
"""Carving takes seconds; these are the last hull and the one before an edit."""


def method_of(experiment: Experiment) -> tuple[Method, Any]:
    """The experiment's method and its settings instance."""
    found = methods()
    name = experiment.method.name
    if name not in found:
        raise RimlightError(f"method.name: {name!r} is not one of {', '.join(sorted(found))}")
    method = found[name]
    return method, method.Settings(**experiment.method.settings)


def _check_face(shape: Shape, method: Method) -> None:
    if not method.faces & shape.faces_offered:
        fitting = [m.name for m in methods().values() if m.faces & shape.faces_offered]
        raise RimlightError(
            f"method.name: {method.name} needs a {method.face}, and a {shape.kind} has none; use {' or '.join(fitting)}"
        )


def _hyper(experiment: Experiment) -> dict[str, Any]:
    """The optimizer's numbers by name; counts stay whole numbers."""
    from kernels.settings import split_settings

    info = OPTIMIZERS[experiment.optimizer.name]
    traced, counts = split_settings(info.Settings(**experiment.optimizer.settings))
    return {**traced, **dict(counts)}


def _target_shape(experiment: Experiment, shape: Shape | None, labels: LabelSource) -> Shape:
    target = experiment.target
    if target.file is None and target.primitive is None and shape is not None:
        return shape
    return load_shape(target.shape_kind, target.file, target.primitive, target.colour, labels=labels)


def _shape_target(
    shape: Shape,
    values: Mapping[str, Any],
    view: CameraView,
    channels: tuple[str, ...],
    through: tuple[Method, Any] | None,
) -> Target:
    if through is None:
        samples = min(TARGET_SAMPLES, max(2, SHARPEST // max(view.width, view.height)))
        arrays = hard_image(shape, values, view, channels, samples)
    else:
        arrays = as_arrays(forward(Rendered(shape, through[0], through[1], values, view, channels)))
    planes = {n: tuple(np.ascontiguousarray(a[..., i]) for i in range(a.shape[-1])) for n, a in arrays.items()}
    return Target(planes, np.ones((view.height, view.width), np.float32))


def pose_spec_is_same_shape(experiment: Experiment) -> bool:
    """Whether the target is the very shape that is fitted, so that pose errors mean something."""
    target, shape = experiment.target, experiment.shape
    if target.kind != "shape":
        return False
    if target.file is None and target.primitive is None:
        return True
    same = target.file == shape.file and target.primitive == shape.primitive
    # Gaussians that were fitted to a mesh stand where it does.
    kinds = {target.shape_kind, shape.kind}
    return same and (len(kinds) == 1 or (kinds == {"mesh", "metaballs"} and shape.init != "random"))
