"""From an experiment to a problem: load the shapes, place the cameras, render or read the targets.

Shapes are cached by what they were loaded from, so that editing a setting never reads a file again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from core.errors import RimlightError
from core.experiment import Experiment, PoseSpec, TargetSpec
from core.optimizers import OPTIMIZERS
from core.parameters import free_masks, scene_values
from core.problem import Problem, Target, forward
from core.reference import as_arrays, hard_image
from core.registry import methods
from core.resampling import resized, same_aspect
from core.terms import channels_seen, check_terms
from core.views import fitted_views, held_out_views
from kernels.types import CHANNELS, CameraView, Face, Method, Shape

Report = Callable[[str, float | None], None]
"""Progress of a long task: (what, fraction or None)."""

TARGET_SAMPLES = 4
"""Targets are box-filtered over 4 x 4 samples a pixel: the pose error this leaves is below 0.002 (papers' fits)."""

PLAIN_COLOUR = (0.72, 0.70, 0.67)
"""Linear albedo of a shape without colours of its own: a light warm grey."""


@dataclass(frozen=True)
class Scene:
    """A built experiment. values: host parameters at the start. held_out: views and targets never fitted.

    target_mesh: (vertices (n, 3) world, faces (m, 3)) of a target shape, or None. target_values: its parameters.
    """

    experiment: Experiment
    problem: Problem
    values: dict[str, np.ndarray]
    held_out: tuple[CameraView, ...]
    target_shape: Shape | None
    target_values: dict[str, np.ndarray] | None
    warnings: tuple[str, ...]

    def held_out_targets(self, report: Report) -> tuple[Target, ...]:
        """Targets of the held-out views (rendered now; only shapes have any)."""
        if self.target_shape is None or self.target_values is None:
            return ()
        return tuple(
            _shape_target(self.target_shape, self.target_values, view, _target_channels(self.problem.channels), None)
            for view in _counted(self.held_out, "Rendering held-out targets", report)
        )


def build(experiment: Experiment, report: Report = lambda task, fraction: None) -> Scene:
    """Load, place, render. Raises RimlightError with one line where the experiment cannot be built."""
    report("Loading the shape", None)
    shape = load_shape(
        experiment.shape.kind, experiment.shape.file, experiment.shape.primitive, experiment.shape.colour
    )
    method, settings = method_of(experiment)
    _check_face(shape, method)
    values = {**shape.parameters(), **scene_values(experiment.scene, experiment.shape.start, experiment.views.fov)}
    constants = shape.constants()
    check_terms(experiment.terms, {**values, **constants})
    channels = channels_seen(experiment.terms)
    masks = free_masks(experiment.parameters.free, values)
    if not masks:
        raise RimlightError("parameters.free: nothing is free to move; tick a parameter, for example pose.translation")
    views = tuple(fitted_views(experiment.views))
    warnings = (*experiment.warnings, *shape.facts().get("warnings", ()))

    target_shape = target_values = None
    if experiment.target.kind == "shape":
        target_shape = _target_shape(experiment, shape)
        pose = scene_values(experiment.scene, experiment.target.pose, experiment.views.fov)
        target_values = {**target_shape.parameters(), **target_shape.constants(), **pose}
        through = (method, settings) if experiment.target.render == "method" else None
        targets = tuple(
            _shape_target(target_shape, target_values, view, _target_channels(channels), through)
            for view in _counted(views, "Rendering targets", report)
        )
    else:
        targets = (image_target(experiment.target, views, channels),)
    problem = Problem(
        shape=shape,
        method=method,
        settings=settings,
        views=views,
        targets=tuple(jax_target(t) for t in targets),
        terms=experiment.terms,
        channels=channels,
        masks=masks,
        optimizer=experiment.optimizer.name,
        hyper=_hyper(experiment),
        constants={n: jnp.asarray(c) for n, c in constants.items()},
    )
    held_out = tuple(held_out_views(experiment.views)) if target_shape is not None else ()
    return Scene(experiment, problem, values, held_out, target_shape, target_values, tuple(dict.fromkeys(warnings)))


def jax_target(target: Target) -> Target:
    """The same target with its planes on the device, so that a step copies none."""
    planes = {name: tuple(jnp.asarray(p) for p in ps) for name, ps in target.planes.items()}
    return Target(planes, jnp.asarray(target.alpha))


def method_of(experiment: Experiment) -> tuple[Method, Any]:
    """The experiment's method and its settings instance."""
    found = methods()
    name = experiment.method.name
    if name not in found:
        raise RimlightError(f"method.name: {name!r} is not one of {', '.join(sorted(found))}")
    method = found[name]
    return method, method.Settings(**experiment.method.settings)


def _check_face(shape: Shape, method: Method) -> None:
    if method.face not in shape.faces_offered:
        fitting = [m.name for m in methods().values() if m.face in shape.faces_offered]
        raise RimlightError(
            f"method.name: {method.name} needs a {method.face}, and a {shape.kind} has none; use {' or '.join(fitting)}"
        )


def _hyper(experiment: Experiment) -> dict[str, np.float32]:
    from kernels.types import split_settings

    info = OPTIMIZERS[experiment.optimizer.name]
    return split_settings(info.Settings(**experiment.optimizer.settings))[0]


def load_shape(kind: str, file: str | None, primitive: str | None, colour: tuple | None) -> Shape:
    """A shape from a file or a bundled one by name; `colour` is a uniform linear albedo."""
    if file is None:
        from core.shapes.primitives import primitive_path

        path = Path(primitive_path(primitive or "sphere", kind))
    else:
        path = Path(file)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return _load(kind, path, stamp, tuple(colour) if colour is not None else None)


@functools.lru_cache(maxsize=8)
def _load(kind: str, path: Path, stamp: int, colour: tuple | None) -> Shape:
    if kind == "sdf-grid":
        from core.io.grids import load_grid
        from core.shapes.sdf_grid import SdfGrid

        return SdfGrid.from_data(load_grid(path), colour or PLAIN_COLOUR)
    from core.io.meshes import load_mesh
    from core.shapes.mesh import Mesh

    return Mesh.from_data(load_mesh(path), colour, PLAIN_COLOUR)


def _target_shape(experiment: Experiment, shape: Shape) -> Shape:
    target = experiment.target
    if target.file is None and target.primitive is None:
        return shape
    return load_shape(target.shape_kind, target.file, target.primitive, target.colour)


def _target_channels(channels: tuple[str, ...]) -> tuple[str, ...]:
    """What a target must show: what the loss sees, and the silhouette for the metrics."""
    return tuple(c for c in CHANNELS if c in channels or c == "silhouette")


def _shape_target(
    shape: Shape,
    values: Mapping[str, Any],
    view: CameraView,
    channels: tuple[str, ...],
    through: tuple[Method, Any] | None,
) -> Target:
    if through is None:
        arrays = hard_image(shape, values, view, channels, TARGET_SAMPLES)
    else:
        arrays = as_arrays(forward(shape, through[0], through[1], values, view, channels))
    planes = {n: tuple(np.ascontiguousarray(a[..., i]) for i in range(a.shape[-1])) for n, a in arrays.items()}
    return Target(planes, np.ones((view.height, view.width), np.float32))


def image_target(spec: TargetSpec, views: tuple[CameraView, ...], channels: tuple[str, ...]) -> Target:
    """A picture as the target of the one view. Alpha, or a background colour, gives its silhouette."""
    from core.io.images import load_image, silhouette_of

    unseen = [c for c in channels if c not in ("colour", "silhouette")]
    if unseen:
        raise RimlightError(f"term.sees: a picture has no {' or '.join(unseen)}; let the loss see colour or silhouette")
    if len(views) != 1:
        raise RimlightError(
            f"views: a picture is one view, and the experiment has {len(views)}; set views.kind = 'single'"
        )
    image = load_image(spec.file or "", encoding=spec.encoding)
    height, width = image.colour.shape[:2]
    if not same_aspect((width, height), (views[0].width, views[0].height)):
        raise RimlightError(
            f"{spec.file}: the picture is {width} x {height} pixels and the view {views[0].width} x {views[0].height}; "
            "set views.width and views.height to the picture's, or to the same share of both"
        )
    alpha = silhouette_of(image, spec.background, need="silhouette" in channels)
    planes = {
        "colour": tuple(np.ascontiguousarray(image.colour[..., i] * alpha) for i in range(3)),
        "silhouette": (alpha,),
    }
    size = views[0].height, views[0].width
    shown = {c: tuple(resized(p, *size) for p in planes[c]) for c in _target_channels(channels)}
    return Target(shown, resized(alpha, *size))


def _counted(items: tuple, task: str, report: Report) -> Any:
    for i, item in enumerate(items):
        report(task, i / len(items))
        yield item


def pose_spec_is_same_shape(experiment: Experiment) -> bool:
    """Whether the target is the very shape that is fitted, so that pose errors mean something."""
    target, shape = experiment.target, experiment.shape
    if target.kind != "shape":
        return False
    own = target.file is None and target.primitive is None
    return own or (
        target.file == shape.file and target.primitive == shape.primitive and target.shape_kind == shape.kind
    )


def surface_face(shape: Shape) -> bool:
    return Face.SURFACE in shape.faces_offered


__all__ = ["PoseSpec", "Scene", "build", "load_shape", "method_of", "pose_spec_is_same_shape"]
