"""Lanes: the runs that a comparison sets beside each other, and what tells them apart. No JAX.

Lane 0's images carry their plain names ("render"), those of the others its number before them ("1/render"), so that
whatever shows one run shows the first of several.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from core.catalog import entry
from core.experiment import Experiment, LaneSpec, MethodSpec
from core.experiments.rules import MOST_LANES, fitting_methods

USUAL = ("edge-grad", "splat", "warp", "soft-raster", "antialias", "sdf-local", "naive")
"""Which methods a comparison begins with, where nothing was said: the most telling first."""


def lane_experiment(experiment: Experiment, lane: LaneSpec) -> Experiment:
    """What one lane runs."""
    method, optimizer = experiment.method, experiment.optimizer
    if lane.method and lane.method != method.name:
        method = MethodSpec(lane.method, dict(lane.settings))
    else:
        method = dataclasses.replace(method, settings={**method.settings, **lane.settings})
    if lane.learning_rate > 0:
        optimizer = dataclasses.replace(optimizer, learning_rate=lane.learning_rate)
    return dataclasses.replace(experiment, method=method, optimizer=optimizer, lanes=())


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
    """A short name a lane, all different: its title, its method, or the method and what is set otherwise."""
    plain = [lane.title or lane.method or experiment.method.name for lane in experiment.lanes]
    names = []
    for lane, name in zip(experiment.lanes, plain):
        names.append(f"{name}, {note}" if plain.count(name) > 1 and (note := lane_note(experiment, lane)) else name)
    return [f"{n} ({names[:i].count(n) + 1})" if names[:i].count(n) else n for i, n in enumerate(names)]


def lane_note(experiment: Experiment, lane: LaneSpec) -> str:
    """What a lane sets itself, in a few words: "sigma 0.62 px, rate 0.01"."""
    described = {s["name"]: s for s in entry("methods", lane.method or experiment.method.name)["settings"]}
    parts = [_setting(described[name], value) for name, value in lane.settings.items() if name in described]
    if lane.learning_rate > 0:
        parts.append(f"rate {lane.learning_rate:.3g}")
    return ", ".join(parts)


def _setting(setting: Mapping[str, Any], value: Any) -> str:
    if isinstance(value, bool):
        return setting["title"] if value else f"no {setting['title']}"
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return " ".join(part for part in (setting["title"], text, setting["unit"]) if part)


def of_lane(name: str, lane: int) -> str:
    """An image's or metric's name in a lane."""
    return name if lane == 0 else f"{lane}/{name}"


def split_lane(name: str) -> tuple[int, str]:
    """(lane, plain name) of what `of_lane` made."""
    head, slash, rest = name.partition("/")
    return (int(head), rest) if slash and head.isdigit() else (0, name)


__all__ = [
    "MOST_LANES", "lane_experiment", "lane_names", "lane_note", "of_lane", "split_lane", "usual_lanes", "with_methods",
]  # fmt: skip
