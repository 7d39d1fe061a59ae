"""Edits that drag others along: a method that needs another face, terms and parameters a shape does not have.

Pure functions on experiments, so that whatever a hand does, what is sent to the engine fits together.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from core.catalog import entry
from core.experiment import Experiment, MethodSpec, OptimizerSpec, TermSpec
from core.experiments.defaults import CAMERA_BATCH, CAMERA_HELD_OUT, SMOOTHNESS
from core.experiments.fitting import (
    LABELS,
    fitting,
    loss_reason,
    parent,
    sees_choices,
    with_shape,
    within,
)
from core.experiments.rays import with_possible_rays
from core.experiments.rules import leaves_out_back_faces, parameter_names
from core.io.photo_lens import distance_for
from core.io.suffixes import PARTS, shape_kind
from core.shapes.primitives import BALL, GEOMETRIC, HULL, METABALLS_SUFFIX


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
    if not any(entry("losses", term.loss)["compares"] for term in terms):
        terms.append(TermSpec())
    return dataclasses.replace(changed, terms=tuple(terms))


def _labelled(experiment: Experiment) -> Experiment:
    """With labels where a term looks at them: the shape's connected parts, unless others are chosen."""
    looks = any(t.sees == LABELS and entry("losses", t.loss)["sees"] for t in experiment.terms)
    return within(experiment, "labels", shape=PARTS) if looks and not experiment.labels.shape else experiment


def with_gaussians(experiment: Experiment, init: str) -> Experiment:
    """The same file or bundled mesh as Gaussians fitted as `init` says, or as the mesh it is ("")."""
    shape = experiment.shape
    primitive = (shape.primitive or "").removesuffix(METABALLS_SUFFIX) or None
    if not init:
        name = "sphere" if shape.primitive == BALL else primitive
        return with_shape(experiment, "mesh", shape.file, name)
    changed = with_shape(experiment, "metaballs", shape.file, shape.primitive)
    return within(changed, "shape", init=init)


def with_network(experiment: Experiment, radiance: str) -> Experiment:
    """The same file or bundled shape as a distance network with these colours ("plain", "network"), or as it is ("")."""
    shape = experiment.shape
    moving = {"vertices", "values", "network.weights"} & set(experiment.parameters.free)
    if not radiance:
        kind = shape_kind(shape.file or "") if shape.file else "sdf-grid"
        name = "sphere-grid" if shape.primitive == GEOMETRIC else shape.primitive
        changed = with_shape(experiment, kind, shape.file, name)
        own = "values" if kind == "sdf-grid" else "vertices"
    else:
        changed = with_shape(experiment, "sdf-network", shape.file, shape.primitive)
        network = dataclasses.replace(shape.network, radiance=radiance)
        changed, own = within(changed, "shape", network=network), "network.weights"
    return within(changed, "parameters", free=(own,)) if moving else changed


def with_target_picture(
    experiment: Experiment, file: str, size: tuple[int, int], fov: float | None = None
) -> Experiment:
    """A picture of (width, height) pixels as the target: one view of its size, terms that a picture has. fov: of its
    lens, vertical, degrees; the camera moves so that the shape stays as large as it was seen."""
    changed = within(experiment, "target", kind="image", file=file, primitive=None)
    changed = within(changed, "views", kind="single", held_out=0, width=size[0], height=size[1])
    if fov is not None:
        views = experiment.views
        changed = within(changed, "views", fov=fov, distance=distance_for(fov, views.distance, views.fov))
    return fitting(changed)


def with_target_cameras(experiment: Experiment, file: str, size: tuple[int, int], held_out: str) -> Experiment:
    """A file of cameras as the target: its views, at (width, height), and terms that pictures have. held_out: the
    split that is measured, "" for none."""
    changed = within(experiment, "target", kind="cameras", file=file, primitive=None, held_out=held_out or "every-8th")
    count = experiment.views.held_out or CAMERA_HELD_OUT
    batch = experiment.views.batch or CAMERA_BATCH
    sized = within(changed, "views", kind="cameras", width=size[0], height=size[1], held_out=count, batch=batch)
    return fitting(sized)


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
    return with_possible_rays(_labelled(dataclasses.replace(experiment, terms=tuple(terms))))


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
    looks = [i for i, term in enumerate(experiment.terms) if entry("losses", term.loss)["compares"]]
    return looks == [index]


def with_method(experiment: Experiment, name: str) -> Experiment:
    """Another method, at its own defaults; it shows back faces where a term looks at them."""
    changed = dataclasses.replace(experiment, method=MethodSpec(name))
    looks = any(term.loss == "back-face" for term in experiment.terms) and leaves_out_back_faces(changed.method)
    return with_possible_rays(with_setting(changed, "method", "cull_back_faces", False) if looks else changed)


def with_optimizer(experiment: Experiment, name: str) -> Experiment:
    """Another optimizer at its own defaults; the rate and its decay stay."""
    old = experiment.optimizer
    changed = OptimizerSpec(name, old.learning_rate, old.decay)
    return with_possible_rays(dataclasses.replace(experiment, optimizer=changed))


def with_setting(experiment: Experiment, table: str, name: str, value: Any) -> Experiment:
    """One setting of the "method" or the "optimizer"."""
    spec = getattr(experiment, table)
    changed = {table: dataclasses.replace(spec, settings={**spec.settings, name: value})}
    return with_possible_rays(dataclasses.replace(experiment, **changed))


def with_free(experiment: Experiment, name: str, components: tuple[str, ...], chosen: tuple[str, ...]) -> Experiment:
    """One parameter freed or held: `chosen` of its `components`, or () / (name,) for one without.

    The order of the tree is kept, so that the same choice gives the same file. Vertices come with a smoothness term where
    nothing else holds them together, and it goes when they do.
    """
    order = list(parameter_names(experiment.shape))
    others = [f for f in experiment.parameters.free if f != name and f.rpartition(".")[0] != name]
    whole = bool(chosen) and (not components or len(chosen) == len(components))
    mine = [name] if whole else [f"{name}.{c}" for c in components if c in chosen]
    free = sorted([*others, *mine], key=lambda f: order.index(parent(f, order)) if parent(f, order) in order else 99)
    changed = dataclasses.replace(experiment, parameters=dataclasses.replace(experiment.parameters, free=tuple(free)))
    if ("vertices" in free) is ("vertices" in experiment.parameters.free):
        return changed
    terms = tuple(term for term in changed.terms if term != SMOOTHNESS)
    if "vertices" in free:
        held = changed.parameters.large_steps > 0 or any(_holds_vertices(term.loss) for term in changed.terms)
        if held or loss_reason(SMOOTHNESS.loss, changed):
            return changed
        terms = (*terms, SMOOTHNESS)
    return dataclasses.replace(changed, terms=terms)


def _holds_vertices(loss: str) -> bool:
    """Whether a term looks at the mesh itself."""
    facts = entry("losses", loss)
    return "vertices" in facts["needs"] and not facts["sees"]


def free_components(experiment: Experiment, name: str, components: tuple[str, ...]) -> tuple[str, ...]:
    """Which components of a parameter are free; (name,) for a free one without components."""
    free = experiment.parameters.free
    if name in free:
        return components or (name,)
    return tuple(c for c in components if f"{name}.{c}" in free)
