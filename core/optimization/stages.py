"""The stages of a fit: what changes before a given iteration, and the scene that follows from it.

A stage is entered between two steps: the shape is refined (`Shape.refines` says how), images change size and their
targets with them, masks, constants and the optimizer's state are made anew. The iteration goes on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from core.build import Report, Scene, build, shape_warnings
from core.errors import RimlightError
from core.experiment import Experiment, StageSpec, ViewsSpec
from core.experiments.rules import REFINEMENTS
from core.optimization.parameterization import parameterization_of
from core.optimization.terms import term_constants
from core.parameters import free_masks, scene_constants
from core.problem import Problem, State, Vanished, host_values, initial_state
from kernels.types import Shape

KEPT = ("const.rest",)
"""Constants that belong to where a stage began, and cannot be told from where the fit stands."""


class Stages:
    """Which stages of an experiment have been entered. base: the scene before the first."""

    def __init__(self, base: Scene) -> None:
        self.base = self.scene = base
        self.entered = 0
        self.changed = False
        """Something was entered or left since the flag was last cleared."""

    def due(self, iteration: int) -> StageSpec | None:
        """The next stage, where its iteration has come."""
        stages = self.base.experiment.stages
        if self.entered < len(stages) and stages[self.entered].at <= iteration:
            return stages[self.entered]
        return None

    def enter(self, problem: Problem, state: State, report: Report) -> tuple[Problem, State]:
        """Enter the due stage: problem and state to go on with. Raises RimlightError where the shape cannot follow."""
        stage = self.due(state.iteration)
        assert stage is not None
        shape, values = problem.shape, host_values(problem, state)
        if any(getattr(stage, name) for name in REFINEMENTS):
            _check_refines(shape, stage)
            shape, values = shape.refined(values, stage, report)  # type: ignore[attr-defined]
            if why := shape.nothing_left(values):
                raise Vanished(f"stage {self.entered + 1}, before step {stage.at}: it leaves no surface ({why})")
        values = {n: v for n, v in values.items() if not n.startswith("const.")}
        self._stand(self.entered + 1, shape, values, report)
        problem = with_live(self.scene.problem, problem)
        return problem, _continued(problem, state, values)

    def back(self, problem: Problem) -> Problem:
        """Before the first stage again; the settings of `problem` are kept."""
        self.changed = self.changed or self.entered > 0
        self.scene, self.entered = self.base, 0
        return with_live(self.base.problem, problem)

    def rate(self) -> float | None:
        """The learning rate of the last stage that set one, None where none has."""
        rates = [s.learning_rate for s in self.base.experiment.stages[: self.entered] if s.learning_rate > 0]
        return rates[-1] if rates else None

    # ------------------------------------------------------------------------------------------ carrying over

    def kept(self, problem: Problem) -> tuple[int, dict[str, np.ndarray]]:
        """What a checkpoint must keep beside the state: stages entered, and the constants they have changed."""
        constants = {n: np.asarray(c) for n, c in problem.constants.items()} if self.entered else {}
        return self.entered, constants

    def resume(self, kept: tuple[int, Mapping[str, Any]], values: Mapping[str, Any], report: Report) -> None:
        """Stand where `kept` says, the shape with its constants and these values."""
        entered, constants = kept
        self.changed = self.changed or entered != self.entered
        if not entered:
            self.scene, self.entered = self.base, 0
            return
        shape = self.base.problem.shape
        if hasattr(shape, "rebuilt") and set(shape.parameters()) <= set(values):
            shape = shape.rebuilt(values, constants)  # type: ignore[attr-defined]
        start = {**self.base.values, **shape.parameters()}
        self._stand(entered, shape, start, report, constants)

    def follow(self, other: Stages, problem: Problem, state: State, report: Report) -> None:
        """Stand where another experiment's stages stood, where the shape is the same one: its topology is kept."""
        mine, theirs = self.base.experiment, other.base.experiment
        if other.entered and mine.shape == theirs.shape:
            entered = min(other.entered, sum(stage.at <= state.iteration for stage in mine.stages))
            values = {n: np.asarray(v) for n, v in state.values.items()}
            self.resume((entered, other.kept(problem)[1]), values, report)

    def _stand(
        self, entered: int, shape: Shape, values: Mapping[str, Any], report: Report, kept: Mapping[str, Any] = {}
    ) -> None:
        """Make `scene` the one after so many stages, with this shape and these values at its start."""
        experiment = staged_experiment(self.base.experiment, entered)
        same = experiment.views == self.scene.experiment.views
        scene = self.scene if same else build(experiment, report)
        constants = {**shape.constants(), **scene_constants(experiment.scene)}
        constants = term_constants(experiment.terms, constants, values)
        constants |= {n: c for n, c in kept.items() if n in constants and n in KEPT}
        problem = dataclasses.replace(
            scene.problem,
            shape=shape,
            constants={n: jnp.asarray(c) for n, c in constants.items()},
            parameterization=parameterization_of(experiment.parameters, constants, values),
            masks=free_masks(experiment.parameters.free, values),
        )
        warnings = tuple(dict.fromkeys((*scene.warnings, *shape_warnings(shape, experiment))))
        self.scene = dataclasses.replace(scene, problem=problem, values=dict(values), warnings=warnings)
        self.entered, self.changed = entered, True


def staged_experiment(experiment: Experiment, entered: int) -> Experiment:
    """`experiment` with the image size that its first `entered` stages give the views."""
    views = experiment.views
    for stage in experiment.stages[:entered]:
        views = staged_views(views, stage)
    return dataclasses.replace(experiment, views=views)


def staged_views(views: ViewsSpec, stage: StageSpec) -> ViewsSpec:
    """Views of the size that a stage asks for; one side alone keeps the aspect."""
    width, height = stage.width, stage.height
    if width and not height:
        height = max(1, round(views.height * width / views.width))
    if height and not width:
        width = max(1, round(views.width * height / views.height))
    return dataclasses.replace(views, width=width or views.width, height=height or views.height)


def _check_refines(shape: Shape, stage: StageSpec) -> None:
    for name in REFINEMENTS:
        if getattr(stage, name) and name not in shape.refines:
            can = " or ".join(shape.refines) or "nothing of the kind"
            raise RimlightError(f"stage.{name}: a {shape.kind} cannot do this; allowed: {can}")


def with_live(problem: Problem, old: Problem) -> Problem:
    """`problem` with the settings and weights that were changed while the old one ran."""
    return dataclasses.replace(problem, settings=old.settings, hyper=old.hyper, terms=old.terms)


def _continued(problem: Problem, state: State, values: Mapping[str, Any]) -> State:
    """The state to go on from. The optimizer keeps its moments where every one still has its shape."""
    new = initial_state(problem, values)._replace(iteration=state.iteration)
    old_leaves, leaves = (jax.tree.leaves(s.optimizer) for s in (state, new))
    if [np.shape(a) for a in old_leaves] == [np.shape(b) for b in leaves]:
        new = new._replace(optimizer=state.optimizer)
    return new
