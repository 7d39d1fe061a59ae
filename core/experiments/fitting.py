"""What fits together: methods, losses, stages and parameters of a kind of shape; another shape with all that follows.

Pure functions on experiments, free of JAX: the window's edits and a comparison's lanes (core/comparison/lanes.py) use them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from core.catalog import entries, entry
from core.experiment import Experiment, GridSpec, MethodSpec, ParametersSpec, ShapeSpec, StageSpec, TermSpec
from core.experiments.rays import with_possible_rays
from core.experiments.rules import LABELLED, REFINEMENTS, changes_something, leaves_out_back_faces, parameter_names
from core.io.suffixes import LABEL_WORDS, PARTS
from core.shapes.primitives import HULL

LABELS = "segmentation"
"""What a term that compares labels sees."""


def within(experiment: Experiment, table: str, **changes: Any) -> Experiment:
    """`experiment` with some fields of one of its records replaced."""
    return dataclasses.replace(experiment, **{table: dataclasses.replace(getattr(experiment, table), **changes)})


def method_reason(method: str, shape_kind: str) -> str:
    """Why a method cannot render a kind of shape, "" if it can."""
    faces, offered = entry("methods", method)["faces"], entry("shapes", shape_kind)["faces"]
    title = entry("shapes", shape_kind)["title"].lower()
    return "" if set(faces) & set(offered) else f"It needs a {' or '.join(faces)}, and a {title} has none"


def loss_reason(loss: str, experiment: Experiment) -> str:
    """Why a loss cannot be used here, "" if it can."""
    needs = entry("losses", loss)["needs"]
    if needs and not set(needs) & set(parameter_names(experiment.shape)):
        return f"It needs {' or '.join(needs)}, which this kind of shape does not have"
    if entry("losses", loss)["clearance"] and "field" not in entry("shapes", experiment.shape.kind)["faces"]:
        return "It needs a field, which this kind of shape does not have"
    if loss == "back-face" and leaves_out_back_faces(experiment.method):
        return "The method leaves out back faces: untick Cull back faces first"
    if entry("losses", loss)["sees"] and not sees_choices(loss, experiment):
        return labels_reason(experiment) or "It needs the target's labels: choose them under Shape, Labels"
    return ""


def labels_reason(experiment: Experiment) -> str:
    """Why the points of this shape cannot have labels, "" if they can."""
    shape, target = experiment.shape, experiment.target
    if shape.kind not in LABELLED or shape.primitive == HULL:
        return "Labels lie on the vertices of a mesh that was opened, and this shape has none"
    other = target.kind == "shape" and (target.file or target.primitive)
    return "The target is no mesh, and has none" if other and target.shape_kind not in LABELLED else ""


def sees_choices(loss: str, experiment: Experiment) -> tuple[str, ...]:
    """What a loss can look at in this experiment; () for a regulariser."""
    sees = tuple(entry("losses", loss)["sees"])
    pictured = experiment.target.kind != "shape"
    if labels_reason(experiment) or (pictured and not experiment.labels.target):
        sees = tuple(c for c in sees if c != LABELS)
    return tuple(c for c in sees if c not in ("depth", "normals")) if pictured else sees


def with_shape(experiment: Experiment, kind: str, file: str | None, primitive: str | None) -> Experiment:
    """Another shape. Method, terms and free parameters that do not fit it are replaced by ones that do."""
    changed = within(experiment, "shape", kind=kind, file=file, primitive=primitive)
    if (file, primitive) != (experiment.shape.file, experiment.shape.primitive):  # axes, signs: of the file before
        changed = within(changed, "shape", grid=GridSpec(resolution=experiment.shape.grid.resolution))
    if experiment.labels.shape not in LABEL_WORDS:  # a list of another shape's
        changed = within(changed, "labels", shape=PARTS)
    if method_reason(changed.method.name, kind):
        able = [m["name"] for m in entries("methods") if not method_reason(m["name"], kind)]
        changed = dataclasses.replace(changed, method=MethodSpec(able[0] if able else changed.method.name))
    return fitting(changed)


def fitting(experiment: Experiment) -> Experiment:
    """Without terms and free parameters that this experiment cannot have; at least one of each stays."""
    own = parameter_names(experiment.shape)
    terms = []
    for term in experiment.terms:
        sees = sees_choices(term.loss, experiment)
        if loss_reason(term.loss, experiment):
            continue
        terms.append(term if not sees or term.sees in sees else dataclasses.replace(term, sees=sees[0]))
    if not any(entry("losses", term.loss)["compares"] for term in terms):
        terms.append(TermSpec())
    free = tuple(f for f in experiment.parameters.free if parent(f, list(own)) in own) or ("pose.translation",)
    theta = experiment.derive.parameter
    known = theta is None or theta.startswith("random") or parent(theta, list(own)) in own or theta.split(".")[0] in own
    changed = dataclasses.replace(
        experiment,
        terms=tuple(terms),
        parameters=_fitting_parameters(experiment, free, own),
        stages=fitting_stages(experiment.stages, experiment.shape.kind),
        derive=dataclasses.replace(experiment.derive, parameter=theta if known else None),
    )
    return with_possible_rays(changed)


def _fitting_parameters(experiment: Experiment, free: tuple[str, ...], own: Mapping[str, object]) -> ParametersSpec:
    """Large steps are for vertices and textures, slower distances for networks."""
    changed = dataclasses.replace(experiment.parameters, free=free)
    changed = changed if "texture" in own else dataclasses.replace(changed, large_steps_texture=0.0)
    changed = changed if "network.weights" in own else dataclasses.replace(changed, distance_rate=1.0)
    return changed if "vertices" in own else dataclasses.replace(changed, large_steps=0.0, large_steps_colours=0.0)


def fitting_stages(stages: tuple[StageSpec, ...], shape_kind: str) -> tuple[StageSpec, ...]:
    """Stages without what this kind of shape cannot follow, and without those that then change nothing."""
    refines = entry("shapes", shape_kind)["refines"]
    kept = [dataclasses.replace(s, **{n: 0 for n in REFINEMENTS if n not in refines}) for s in stages]
    return tuple(stage for stage in kept if changes_something(stage))


def parent(free: str, order: list[str]) -> str:
    """The parameter that a component belongs to, itself where it is one."""
    return free if free in order else free.rpartition(".")[0]


def with_counterparts(experiment: Experiment, kind: str, file: str | None, primitive: str | None) -> Experiment:
    """Another shape for the same problem: where geometry or appearance was free, the other shape's own is."""
    shape, free = experiment.shape, experiment.parameters.free
    changed = with_shape(experiment, kind, file, primitive)
    if kind == shape.kind:
        return changed
    mine = [parent(name, list(parameter_names(shape))) for name in free]
    wanted = {_is_appearance(name) for name in own_parameters(shape) if name in mine}
    others = [name for name in free if parent(name, list(parameter_names(shape))) not in own_parameters(shape)]
    theirs = [name for name in own_parameters(changed.shape) if _is_appearance(name) in wanted]
    return within(changed, "parameters", free=(*others, *theirs) or changed.parameters.free)


def own_parameters(shape: ShapeSpec) -> list[str]:
    """What this kind of shape has and others need not: its vertices, values, means."""
    of_shapes = {name for found in entries("shapes") for name in found["parameters"]}
    shared = {found["name"] for found in entries("parameters")} - of_shapes
    return [name for name in parameter_names(shape) if name not in shared]


def _is_appearance(name: str) -> bool:
    return "colour" in name or name == "texture"
