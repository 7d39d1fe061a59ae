"""Lanes: the runs that a comparison sets beside each other, and what tells them apart. No JAX.

Lane 0's images carry their plain names ("render"), those of the others its number before them ("1/render"), so that
whatever shows one run shows the first of several.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.catalog import entries, entry, names
from core.experiment import Experiment, LaneSpec, MethodSpec, OptimizerSpec, ShapeSpec
from core.experiments.fitting import with_counterparts
from core.experiments.rules import fitting_methods
from core.io.file_kinds import file_kind

USUAL = ("edge-grad", "splat", "warp", "antialias", "sdf-local", "naive", "soft-raster")
"""Which methods a comparison begins with, where nothing was said: the most telling first, and last the one whose steps take
tens of times longer than the others' on meshes of thousands of triangles."""


NUDGE = 1e-3
"""Radians and unit-sphere units by which the start of a repeat differs: nothing that anybody would call another start."""


LANE_COLOURS = ("edge-grad", "splat", "soft-raster", "sdf-local")
"""Methods whose colours runs take that all have the same method: four that are told apart by anybody."""


def lane_experiment(experiment: Experiment, lane: LaneSpec) -> Experiment:
    """What one lane runs."""
    problem = _with_lane_shape(dataclasses.replace(experiment, lanes=()), lane)
    method, optimizer = problem.method, problem.optimizer
    if lane.method and lane.method != method.name:
        method = MethodSpec(lane.method, dict(lane.settings))
    else:
        method = dataclasses.replace(method, settings={**method.settings, **lane.settings})
    if lane.optimizer and lane.optimizer != optimizer.name:
        optimizer = OptimizerSpec(lane.optimizer, optimizer.learning_rate, optimizer.decay)
    if lane.learning_rate > 0:
        optimizer = dataclasses.replace(optimizer, learning_rate=lane.learning_rate)
    optimizer = dataclasses.replace(optimizer, settings={**optimizer.settings, **lane.optimizer_settings})
    return nudged(dataclasses.replace(problem, method=method, optimizer=optimizer), lane.repeat)


def has_own_shape(lane: LaneSpec) -> bool:
    return bool(lane.shape_kind or lane.file or lane.primitive)


def _with_lane_shape(experiment: Experiment, lane: LaneSpec) -> Experiment:
    """The lane's shape in front of the experiment's target: a target that is the shape itself stays that shape."""
    if not has_own_shape(lane):
        return experiment
    shape, target = experiment.shape, experiment.target
    if target.kind == "shape" and target.file is None and target.primitive is None:
        target = dataclasses.replace(
            target, shape_kind=shape.kind, file=shape.file, primitive=shape.primitive, colour=shape.colour
        )
    file, primitive = lane.file, lane.primitive
    if file is None and primitive is None:
        file, primitive = shape.file, shape.primitive
    return with_counterparts(
        dataclasses.replace(experiment, target=target), lane.shape_kind or shape.kind, file, primitive
    )


def nudged(experiment: Experiment, number: int) -> Experiment:
    """The same from a start a thousandth away, with another seed; number 0 is the experiment itself."""
    if not number:
        return experiment
    rng = np.random.default_rng(number)
    turn, shift = (NUDGE * v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    pose = experiment.shape.start
    rotation = tuple(float(a + np.degrees(b)) for a, b in zip(pose.rotation, turn))
    translation = tuple(float(a + b) for a, b in zip(pose.translation, shift))
    moved = dataclasses.replace(pose, rotation=rotation, translation=translation)
    shape = dataclasses.replace(experiment.shape, start=moved)
    return dataclasses.replace(experiment, shape=shape, seed=experiment.seed + number)


def repeats_of(experiment: Experiment) -> list[list[int]]:
    """The lanes that are repeats of one another, two or more each."""
    groups: list[list[int]] = []
    same = [dataclasses.replace(lane, repeat=0, title="") for lane in experiment.lanes]
    for i, lane in enumerate(same):
        if lane not in same[:i]:
            groups.append([j for j, other in enumerate(same) if other == lane])
    return [group for group in groups if len({experiment.lanes[i].repeat for i in group}) > 1]


def chosen_lanes(experiment: Experiment, methods: Sequence[str], shapes: Sequence[str]) -> Experiment:
    """Lanes by method (or the experiment's own), by shape beside the experiment's own, or each method on each shape.

    shapes: files, names of bundled shapes, or kinds, as which the experiment's own source is taken. Raises RimlightError.
    """
    if not methods and not shapes:
        return experiment
    each = list(dict.fromkeys(methods)) or [""]
    beside = [shape_lane(word) for word in dict.fromkeys(shapes)]
    lanes = [dataclasses.replace(lane, method=name) for lane in (LaneSpec(), *beside) for name in each]
    return dataclasses.replace(experiment, lanes=tuple(lanes))


def shape_lane(word: str) -> LaneSpec:
    """A lane of another shape: a kind of shape, a bundled one by its name, or a file."""
    if word in names("shapes"):
        return LaneSpec(shape_kind=word)
    bundled = next((found for found in entries("primitives") if found["name"] == word), None)
    if bundled is not None:
        return LaneSpec(shape_kind=bundled["kind"], primitive=word)
    return LaneSpec(shape_kind=file_kind(word), file=str(Path(word).absolute()))


def with_methods(experiment: Experiment, methods: Sequence[str]) -> Experiment:
    """The experiment with one lane a method; the experiment's own keeps its settings."""
    return dataclasses.replace(experiment, lanes=tuple(LaneSpec(name) for name in methods))


def usual_lanes(experiment: Experiment) -> Experiment:
    """A comparison to begin with: the experiment's own method against two others that render the same shape."""
    own, fitting = experiment.method.name, fitting_methods(experiment.shape.kind)
    others = [name for name in (*USUAL, *fitting) if name in fitting and name != own]
    chosen = [own, *dict.fromkeys(others)][:3]
    if len(chosen) > 1:
        return with_methods(experiment, chosen)
    slower = experiment.optimizer.learning_rate / 4
    return dataclasses.replace(experiment, lanes=(LaneSpec(own), LaneSpec(own, learning_rate=slower)))


def lane_names(experiment: Experiment) -> list[str]:
    """A short name a lane, all different: its title, its shape where shapes differ, its method, what is set otherwise."""
    shapes = any(has_own_shape(lane) for lane in experiment.lanes)
    methods = {lane_experiment(experiment, lane).method.name for lane in experiment.lanes}
    plain = [lane.title or _plain_name(experiment, lane, shapes, len(methods) > 1) for lane in experiment.lanes]
    names = []
    for lane, name in zip(experiment.lanes, plain):
        names.append(f"{name}, {note}" if plain.count(name) > 1 and (note := lane_note(experiment, lane)) else name)
    return [f"{n} ({names[:i].count(n) + 1})" if names[:i].count(n) else n for i, n in enumerate(names)]


def _plain_name(experiment: Experiment, lane: LaneSpec, shapes: bool, methods: bool) -> str:
    own = lane_experiment(experiment, lane)
    shape = f"{shape_name(own.shape)} {own.shape.kind}" if shapes else ""
    return ", ".join(part for part in (shape, own.method.name if methods or not shapes else "") if part)


def shape_name(shape: ShapeSpec) -> str:
    """A shape's source without folder and ending."""
    return Path(shape.file).stem if shape.file is not None else shape.primitive or ""


def lane_note(experiment: Experiment, lane: LaneSpec) -> str:
    """What a lane sets itself, in a few words: "sigma 0.62 px, rate 0.01"."""
    method = lane_experiment(experiment, lane).method.name
    described = {s["name"]: s for s in entry("methods", method)["settings"]}
    parts = [_setting(described[name], value) for name, value in lane.settings.items() if name in described]
    optimizer = entry("optimizers", lane.optimizer or experiment.optimizer.name)
    if lane.optimizer and lane.title != optimizer["title"]:
        parts.append(optimizer["title"])
    described = {s["name"]: s for s in optimizer["settings"]}
    parts += [_setting(described[n], value) for n, value in lane.optimizer_settings.items() if n in described]
    if lane.learning_rate > 0:
        parts.append(f"rate {lane.learning_rate:.3g}")
    if lane.repeat:
        parts.append(f"repeat {lane.repeat}")
    return ", ".join(parts)


def _setting(setting: Mapping[str, Any], value: Any) -> str:
    if isinstance(value, bool):
        return setting["title"] if value else f"no {setting['title']}"
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return " ".join(part for part in (setting["title"], text, setting["unit"]) if part)


def lane_tokens(experiment: Experiment) -> list[str]:
    """The method whose colour each lane has: its own, or, where all lanes have the same, another each."""
    methods = [lane_experiment(experiment, lane).method.name for lane in experiment.lanes]
    return list(LANE_COLOURS[: len(methods)]) if len(set(methods)) == 1 else methods


def follows(experiment: Experiment, lane: LaneSpec, path: str) -> bool:
    """Whether a number that is changed while the race runs (protocol.SetValue) is the lane's too: not where it has a
    method, an optimizer or a setting of its own."""
    kind, _, name = path.partition(".")
    own = lane_experiment(experiment, lane)
    if kind == "method":
        return own.method.name == experiment.method.name and name not in lane.settings
    if kind != "optimizer":
        return True
    if name == "learning_rate":
        return not lane.learning_rate
    return own.optimizer.name == experiment.optimizer.name and name not in lane.optimizer_settings


def of_lane(name: str, lane: int) -> str:
    """An image's or metric's name in a lane."""
    return name if lane == 0 else f"{lane}/{name}"


def split_lane(name: str) -> tuple[int, str]:
    """(lane, plain name) of what `of_lane` made."""
    head, slash, rest = name.partition("/")
    return (int(head), rest) if slash and head.isdigit() else (0, name)
