"""Edits that drag others along: a method that needs another face, terms and parameters a shape does not have.

Pure functions on experiments, so that whatever a hand does, what is sent to the engine fits together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from core.catalog import entries, entry
from core.experiment import Experiment, MethodSpec, OptimizerSpec, ParametersSpec, StageSpec, TermSpec
from core.experiments.defaults import CAMERA_BATCH, CAMERA_HELD_OUT
from core.experiments.rules import LABELLED, REFINEMENTS, changes_something, parameter_names
from core.io.suffixes import LABEL_WORDS, PARTS
from core.shapes.primitives import BALL, HULL, METABALLS_SUFFIX

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
    if needs and needs not in parameter_names(experiment.shape):
        return f"It needs {needs}, which this kind of shape does not have"
    if entry("losses", loss)["clearance"] and "field" not in entry("shapes", experiment.shape.kind)["faces"]:
        return "It needs a field, which this kind of shape does not have"
    if entry("losses", loss)["sees"] and not sees_choices(loss, experiment):
        return labels_reason(experiment) or "It needs the target's labels: choose them under Shape, Labels"
    return ""


def labels_reason(experiment: Experiment) -> str:
    """Why the points of this shape cannot have labels, "" if they can."""
    shape, target = experiment.shape, experiment.target
    if shape.kind not in LABELLED or shape.primitive == HULL:
        return "Only meshes that are read have labels"
    other = target.kind == "shape" and (target.file or target.primitive)
    return "The target is no mesh, and has none" if other and target.shape_kind not in LABELLED else ""


def sees_choices(loss: str, experiment: Experiment) -> tuple[str, ...]:
    """What a loss can look at in this experiment; () for a regulariser."""
    sees = tuple(entry("losses", loss)["sees"])
    pictured = experiment.target.kind != "shape"
    if labels_reason(experiment) or (pictured and not experiment.labels.target):
        sees = tuple(c for c in sees if c != LABELS)
    return tuple(c for c in sees if c in ("colour", "silhouette", LABELS)) if pictured else sees


def with_labels(experiment: Experiment, source: str) -> Experiment:
    """Other labels for the shape's points; without any, no term looks at them."""
    changed = within(experiment, "labels", shape=source)
    if source:
        return changed
    terms = []
    for term in changed.terms:
        others = tuple(c for c in sees_choices(term.loss, changed) if c != LABELS)
        if term.sees != LABELS or not entry("losses", term.loss)["sees"]:
            terms.append(term)
        elif others:
            terms.append(dataclasses.replace(term, sees=others[0]))
    if not any(entry("losses", term.loss)["sees"] for term in terms):
        terms.append(TermSpec())
    return dataclasses.replace(changed, terms=tuple(terms))


def _labelled(experiment: Experiment) -> Experiment:
    """With labels where a term looks at them: the shape's connected parts, unless others are chosen."""
    looks = any(t.sees == LABELS and entry("losses", t.loss)["sees"] for t in experiment.terms)
    return within(experiment, "labels", shape=PARTS) if looks and not experiment.labels.shape else experiment


def with_shape(experiment: Experiment, kind: str, file: str | None, primitive: str | None) -> Experiment:
    """Another shape. Method, terms and free parameters that do not fit it are replaced by ones that do."""
    changed = within(experiment, "shape", kind=kind, file=file, primitive=primitive)
    if experiment.labels.shape not in LABEL_WORDS:  # a list of another shape's
        changed = within(changed, "labels", shape=PARTS)
    if method_reason(changed.method.name, kind):
        fitting = [m["name"] for m in entries("methods") if not method_reason(m["name"], kind)]
        changed = dataclasses.replace(changed, method=MethodSpec(fitting[0] if fitting else changed.method.name))
    return _fitting(changed)


def with_gaussians(experiment: Experiment, init: str) -> Experiment:
    """The same file or bundled mesh as Gaussians fitted as `init` says, or as the mesh it is ("")."""
    shape = experiment.shape
    primitive = (shape.primitive or "").removesuffix(METABALLS_SUFFIX) or None
    if not init:
        name = "sphere" if shape.primitive == BALL else primitive
        return with_shape(experiment, "mesh", shape.file, name)
    changed = with_shape(experiment, "metaballs", shape.file, shape.primitive)
    return within(changed, "shape", init=init)


def with_target_picture(experiment: Experiment, file: str, size: tuple[int, int]) -> Experiment:
    """A picture of (width, height) pixels as the target: one view of its size, terms that a picture has."""
    changed = within(experiment, "target", kind="image", file=file, primitive=None)
    changed = within(changed, "views", kind="single", held_out=0, width=size[0], height=size[1])
    return _fitting(changed)


def with_target_cameras(experiment: Experiment, file: str, size: tuple[int, int], held_out: str) -> Experiment:
    """A file of cameras as the target: its views, at (width, height), and terms that pictures have. held_out: the
    split that is measured, "" for none."""
    changed = within(experiment, "target", kind="cameras", file=file, primitive=None, held_out=held_out or "every-8th")
    count = experiment.views.held_out or CAMERA_HELD_OUT
    batch = experiment.views.batch or CAMERA_BATCH
    sized = within(changed, "views", kind="cameras", width=size[0], height=size[1], held_out=count, batch=batch)
    return _fitting(sized)


def with_target_shape(experiment: Experiment, kind: str, file: str | None, primitive: str | None) -> Experiment:
    """A shape as the target; neither file nor primitive: the fitted shape itself, which is then no hull of a target."""
    if experiment.views.kind == "cameras":
        experiment = within(experiment, "views", kind="orbit")
    if experiment.shape.primitive == HULL and file is None and primitive is None:
        experiment = within(experiment, "shape", primitive="sphere")
    return within(experiment, "target", kind="shape", shape_kind=kind, file=file, primitive=primitive)


def with_loss(experiment: Experiment, index: int, loss: str) -> Experiment:
    """Another loss in a term; it keeps what it looks at if it can."""
    sees = sees_choices(loss, experiment)
    term = experiment.terms[index]
    kept = term.sees if not sees or term.sees in sees else sees[0]
    return with_term(experiment, index, loss=loss, sees=kept)


def with_term(experiment: Experiment, index: int, **changes: Any) -> Experiment:
    terms = list(experiment.terms)
    terms[index] = dataclasses.replace(terms[index], **changes)
    return _labelled(dataclasses.replace(experiment, terms=tuple(terms)))


def with_new_term(experiment: Experiment, loss: str) -> Experiment:
    """One term more, looking at what the others do not yet look at."""
    sees = sees_choices(loss, experiment)
    used = {term.sees for term in experiment.terms}
    free = next((s for s in sees if s not in used), sees[0] if sees else "silhouette")
    return _labelled(dataclasses.replace(experiment, terms=(*experiment.terms, TermSpec(loss, free))))


def without_term(experiment: Experiment, index: int) -> Experiment:
    return dataclasses.replace(experiment, terms=tuple(t for i, t in enumerate(experiment.terms) if i != index))


def last_image_term(experiment: Experiment, index: int) -> bool:
    """Whether this is the only term that looks at the image, which a fit needs."""
    looks = [i for i, term in enumerate(experiment.terms) if entry("losses", term.loss)["sees"]]
    return looks == [index]


def with_method(experiment: Experiment, name: str) -> Experiment:
    """Another method, at its own defaults."""
    return dataclasses.replace(experiment, method=MethodSpec(name))


def with_optimizer(experiment: Experiment, name: str) -> Experiment:
    """Another optimizer at its own defaults; the rate and its decay stay."""
    old = experiment.optimizer
    return dataclasses.replace(experiment, optimizer=OptimizerSpec(name, old.learning_rate, old.decay))


def with_setting(experiment: Experiment, table: str, name: str, value: Any) -> Experiment:
    """One setting of the "method" or the "optimizer"."""
    spec = getattr(experiment, table)
    return dataclasses.replace(
        experiment, **{table: dataclasses.replace(spec, settings={**spec.settings, name: value})}
    )


def with_free(experiment: Experiment, name: str, components: tuple[str, ...], chosen: tuple[str, ...]) -> Experiment:
    """One parameter freed or held: `chosen` of its `components`, or () / (name,) for one without.

    The order of the tree is kept, so that the same choice gives the same file.
    """
    order = list(parameter_names(experiment.shape))
    others = [f for f in experiment.parameters.free if f != name and f.rpartition(".")[0] != name]
    whole = bool(chosen) and (not components or len(chosen) == len(components))
    mine = [name] if whole else [f"{name}.{c}" for c in components if c in chosen]
    free = sorted([*others, *mine], key=lambda f: order.index(_parent(f, order)) if _parent(f, order) in order else 99)
    return dataclasses.replace(experiment, parameters=dataclasses.replace(experiment.parameters, free=tuple(free)))


def free_components(experiment: Experiment, name: str, components: tuple[str, ...]) -> tuple[str, ...]:
    """Which components of a parameter are free; (name,) for a free one without components."""
    free = experiment.parameters.free
    if name in free:
        return components or (name,)
    return tuple(c for c in components if f"{name}.{c}" in free)


def _parent(free: str, order: list[str]) -> str:
    return free if free in order else free.rpartition(".")[0]


def _fitting(experiment: Experiment) -> Experiment:
    """Without terms and free parameters that this experiment cannot have; at least one of each stays."""
    own = parameter_names(experiment.shape)
    terms = []
    for term in experiment.terms:
        sees = sees_choices(term.loss, experiment)
        if loss_reason(term.loss, experiment):
            continue
        terms.append(term if not sees or term.sees in sees else dataclasses.replace(term, sees=sees[0]))
    if not any(entry("losses", term.loss)["sees"] for term in terms):
        terms.append(TermSpec())
    free = tuple(f for f in experiment.parameters.free if _parent(f, list(own)) in own) or ("pose.translation",)
    theta = experiment.derive.parameter
    known = (
        theta is None or theta.startswith("random") or _parent(theta, list(own)) in own or theta.split(".")[0] in own
    )
    return dataclasses.replace(
        experiment,
        terms=tuple(terms),
        parameters=_fitting_parameters(experiment, free, own),
        stages=fitting_stages(experiment.stages, experiment.shape.kind),
        derive=dataclasses.replace(experiment.derive, parameter=theta if known else None),
    )


def _fitting_parameters(experiment: Experiment, free: tuple[str, ...], own: Mapping[str, object]) -> ParametersSpec:
    """Large steps are for vertices."""
    changed = dataclasses.replace(experiment.parameters, free=free)
    return changed if "vertices" in own else dataclasses.replace(changed, large_steps=0.0, large_steps_colours=0.0)


def fitting_stages(stages: tuple[StageSpec, ...], shape_kind: str) -> tuple[StageSpec, ...]:
    """Stages without what this kind of shape cannot follow, and without those that then change nothing."""
    refines = entry("shapes", shape_kind)["refines"]
    kept = [dataclasses.replace(s, **{n: 0 for n in REFINEMENTS if n not in refines}) for s in stages]
    return tuple(stage for stage in kept if changes_something(stage))
