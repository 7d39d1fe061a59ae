"""One running fit: the scene, its state, and everything the engine can ask of them. Synchronous; all JAX is behind it.

The engine (core/engine/loop.py) drives a Session in its process; the command line and tests drive one directly.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from core import protocol
from core.accelerators import device
from core.build import Scene, build
from core.derivatives.images import derivative_images
from core.derivatives.questions import Answer, Question
from core.derivatives.reference import moved_values
from core.derivatives.term_gradients import term_gradient
from core.engine.ports import Waiting
from core.errors import RimlightError
from core.experiment import Experiment
from core.inspection import Rendered
from core.label_colours import shown_channel
from core.looking import world_mesh
from core.measures import Measures, gradient_norms
from core.optimization.pace import Pace
from core.optimization.presence import Presence
from core.optimization.schedule import batch_of, learning_rate_at, stop_reason
from core.optimization.stages import Stages, with_live
from core.optimization.stepping import step
from core.parameters import describe_parameters, require_settable, set_small_value, theta_direction
from core.problem import NonFinite, State, StepReport, host_values, initial_state, set_live
from core.record.history import History, history_from
from core.record.past import Past, Tell
from core.record.state import carried, freeze, thaw, with_moments
from core.snapshots import Snapshots
from core.targets.view_order import ViewOrder


class Session:
    """A fit in progress. Raises RimlightError (one line) where an experiment cannot be built or a value is wrong."""

    def __init__(self, experiment: Experiment, progress: Callable[[str, float | None], None] | None = None) -> None:
        self._report = progress or (lambda task, fraction: None)
        self.scene: Scene = build(experiment, self._report)
        self.problem = self.scene.problem
        self.state: State = initial_state(self.problem, self.scene.values)
        self.experiment = experiment
        self.past = Past()
        self.seconds = 0.0
        self.last: StepReport | None = None
        self._learning_rate = experiment.optimizer.learning_rate
        self._compiled = False
        self._pace = Pace()
        self._measures = Measures(self.scene, self._report)
        self._stages = Stages(self.scene)
        self._view_losses = np.full(len(self.problem.views), np.inf)
        self._order = ViewOrder()
        self._shown_term: int | None = None
        self.history = History(experiment)
        self._presence = Presence()
        self._snapshots = Snapshots()

    # ------------------------------------------------------------------------------------------ what it is

    @property
    def losses(self) -> array:
        """Of every step so far."""
        return self.past.losses

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the scene, and what happened since."""
        return (*self.scene.warnings, *self._presence.said)

    def loaded(self) -> protocol.Loaded:
        """What the window needs to know once a problem is ready."""
        from core.targets.thumbnails import view_infos

        ghost = self.scene.target_mesh()
        return protocol.Loaded(
            experiment=self.experiment,
            shape_facts=self.problem.shape.facts(),
            parameters=describe_parameters(self.scene.values, self.experiment.parameters.free),
            views=view_infos(self.scene),
            target_vertices=None if ghost is None else ghost[0],
            target_faces=None if ghost is None else ghost[1],
            warnings=self.warnings,
            device=device(),
        )

    def world_mesh(self) -> tuple[np.ndarray, np.ndarray]:
        """The current shape's triangles, vertices in world units."""
        return world_mesh(self.problem.shape, self.host())

    def compile_text(self) -> str:
        count = len(self.problem.views)
        layers = getattr(self.problem.settings, "layers", None)
        parts = ([f"{layers} layer{'s' if layers != 1 else ''}"] if layers else []) + [
            f"{count} view{'s' if count != 1 else ''}"
        ]
        return f"{self.problem.method.name} for {', '.join(parts)}"

    def needs_compile(self) -> bool:
        return not self._compiled or self._stages.due(self.state.iteration) is not None

    def compile(self) -> None:
        """Enter the stage that is due; trace and compile the step by taking one and forgetting it."""
        self._enter_stages()
        with contextlib.suppress(NonFinite):
            step(self.problem, self.state, batch_of(self.experiment, len(self.problem.views), 0)[:1], 0.0)
        self._compiled = True

    # ------------------------------------------------------------------------------------------ stepping

    def step(self) -> protocol.Scalars:
        """One iteration, in the stage that is due. Raises NonFinite or Vanished with the last good state kept."""
        self._enter_stages()
        start = time.perf_counter()
        i = self.state.iteration
        rate = learning_rate_at(dataclasses.replace(self.experiment.optimizer, learning_rate=self._learning_rate), i,
                                self.experiment.stop.steps, self.losses)  # fmt: skip
        batch = self._order.batch(self.experiment, i, self._view_losses, self.losses)
        state, report = step(self.problem, self.state, batch, rate)
        warning = self._presence.after(self.problem, self.state, state)
        self.state, self.last = state, report
        self._view_losses[batch] = self.last.views
        self._compiled = True
        self.past.append(self.last.loss, self.last.terms)
        self.seconds += time.perf_counter() - start
        self._pace.note()
        return protocol.Scalars(
            iteration=self.state.iteration,
            loss=self.last.loss,
            terms=self.last.terms,
            metrics={**self.pose_metrics(), **self.last.metrics},
            gradients=gradient_norms(self.last.gradient),
            steps_per_second=self._pace.steps_per_second,
            seconds=self.seconds,
            warning=warning,
        )

    def _enter_stages(self) -> None:
        while (stage := self._stages.due(self.state.iteration)) is not None:
            self.problem, self.state = self._stages.enter(self.problem, self.state, self._report)
            self._learning_rate = stage.learning_rate or self._learning_rate
            self._stand()

    def _stand(self) -> None:
        """Go on in the scene that the stages have come to."""
        self.scene = self._stages.scene
        self._measures = self._measures.moved_to(self.scene)
        self._compiled, self._snapshots, self.last = False, Snapshots(), None

    def staged(self) -> protocol.Staged | None:
        """What a stage entered or left since the last call has changed; None where none was."""
        if not self._stages.changed:
            return None
        self._stages.changed = False
        loaded, stages = self.loaded(), self.experiment.stages
        text = f"stage {self._stages.entered} of {len(stages)}: {loaded.shape_facts['summary']}"
        return protocol.Staged(self.state.iteration, text, loaded.shape_facts, loaded.parameters, loaded.views)

    def _adopt_scene(self) -> None:
        self.problem = self._stages.scene.problem
        self._learning_rate = self._stages.rate() or self._learning_rate
        self._stand()
        self._stages.changed = False  # whoever loads this session is told by Loaded

    def finished(self) -> str | None:
        done = self.last.done if self.last is not None else ""
        return done or stop_reason(self.experiment.stop, self.state.iteration, self.losses)

    def reset(self) -> None:
        """Back to the experiment's start, settings kept."""
        if self._stages.entered:
            if self._stages.rate() is not None:
                self._learning_rate = self.experiment.optimizer.learning_rate
            self.problem = self._stages.back(self.problem)
            self._stand()
        self.history = self.history.reset(self.experiment)
        self.state = initial_state(self.problem, self.scene.values)
        self.past = Past()
        self.last, self._pace, self.seconds = None, Pace(), 0.0
        self._presence = Presence()
        self._view_losses[:] = np.inf

    def _shown_gradient(self) -> Mapping[str, Any]:
        """What the mesh is coloured by: the last step's gradient, or one term's own, now."""
        if self._shown_term is None or "vertices" not in self.problem.free:
            return self.last.gradient if self.last else {}
        batch = batch_of(self.experiment, len(self.problem.views), self.state.iteration)
        return term_gradient(self.problem, self.state, batch, self._shown_term)

    def set_value(self, path: str, value: Any) -> None:
        """See protocol.SetValue. Unknown paths and numbers that are not finite raise RimlightError; nothing recompiles."""
        require_settable(path, value)
        kind, _, rest = path.partition(".")
        if path == "optimizer.learning_rate":
            self._learning_rate = float(value)
        elif (changed := set_live(self.problem, path, value)) is not None:
            self.problem = changed
        elif kind == "overlay" and rest == "term":
            self._shown_term = int(value) if 0 <= int(value) < len(self.problem.terms) else None
        elif kind == "value":
            self._take_values(set_small_value(self.host(), rest, value))
        elif kind == "along":
            self._take_values(moved_values(self.host(), self.direction(rest), float(value)))
        else:
            raise RimlightError(f"{path}: no such value to set while a fit runs")
        self.history = self.history.noted(self.state.iteration, path, value)

    def _take_values(self, changed: Mapping[str, Any]) -> None:
        kept = {n: np.asarray(changed[n]) for n in self.state.values}
        self.state = self.state._replace(values=initial_state(self.problem, kept).values)

    # ------------------------------------------------------------------------------------------ looking

    def host(self) -> dict[str, Any]:
        return host_values(self.problem, self.state)

    def primary_channel(self) -> str:
        """The channel the panes show: colour where the loss sees it, else labels, else the first it sees."""
        return shown_channel(self.problem.channels)

    def snapshot(self, view: int, *, include_topology: bool = True) -> protocol.Snapshot:
        """What the eye gets of the current state, seen through view number `view`."""
        view = min(max(view, 0), len(self.problem.views) - 1)
        channel, gradient = self.primary_channel(), self._shown_gradient()
        return self._snapshots.take(self.problem, self.state, view, channel, gradient, include_topology)

    def rendered(self, view: int) -> Rendered:
        """The current state as something to differentiate."""
        problem = self.problem
        camera = problem.views[min(max(view, 0), len(problem.views) - 1)]
        return Rendered(problem.shape, problem.method, problem.settings, self.host(), camera, problem.channels)

    def direction(self, theta: str) -> dict[str, np.ndarray]:
        """The tangent that `theta` names, now."""
        values = self.host()
        normals = None
        if theta.startswith("vertices.") and theta.endswith(".normal") and "vertices" in values:
            from kernels.raster.interpolate import vertex_normals

            normals = vertex_normals(values["vertices"], self.problem.shape.display_mesh(values)[1])
        free = self.experiment.parameters.free
        return theta_direction(theta, values, free, normals, self.experiment.seed)[1]

    def derive_begin(
        self, request: protocol.Derive, view: int
    ) -> Iterator[tuple[dict[str, np.ndarray], protocol.Agreement | None] | Waiting | None]:
        """Derivative images of the state at the call, in slices (core/derivatives/images.py)."""
        return derivative_images(self, request, view)

    def answer(self, question: Question) -> Iterator[Answer | Waiting | None]:
        """Work on a question of the lab in slices: None between slices, answers as they become ready."""
        from core.derivatives.answers import answer

        return answer(self, question)

    # ------------------------------------------------------------------------------------------ metrics, export

    def pose_metrics(self) -> dict[str, float]:
        """How far the pose is from the target's; nothing where the target is another shape or a picture."""
        return self._measures.pose(self.state.values)

    def metrics(self) -> dict[str, float]:
        """Pose errors, and IoU, PSNR, SSIM on fitted and held-out views ("held_out_iou", ...), a few views a call."""
        values = self.host()
        return {**self.pose_metrics(), **self._measures.images(values), **self._measures.mesh(values)}

    def all_metrics(self) -> dict[str, float]:
        """The same over all views, as they are now."""
        values = self.host()
        seen, mesh = (measure(values, everything=True) for measure in (self._measures.images, self._measures.mesh))
        return {**self.pose_metrics(), **seen, **mesh}

    def export(self, what: str, path: str) -> None:
        """Write "shape", "script", "images", "curves", "report" or "all" to `path` (core/export.py)."""
        from core.export import export

        export(self, what, path)

    # ------------------------------------------------------------------------------------------ replacing

    def replace(self, experiment: Experiment) -> Session:
        """A session for `experiment` that keeps the values of parameters with the same shape, and the iteration."""
        new = Session(experiment, self._report)
        new._stages.follow(self._stages, self.problem, self.state, self._report)
        if new._stages.entered:
            new._adopt_scene()
        new.state = initial_state(new.problem, carried(self.state.values, new.scene.values))._replace(
            iteration=self.state.iteration
        )
        new.history = self.history.replaced(self.state.iteration, experiment)
        return new

    def state_bytes(self, tell: Tell | None = None) -> bytes:
        """The state, for a fork, a session file, or a restart after the engine was ended; see restore_state. With `tell` it
        leaves out the steps that were told (core/record/past.py)."""
        return freeze(
            self.state,
            self.scene.values,
            self.problem.free,
            self.past.kept(tell),
            self.seconds,
            self._stages.kept(self.problem),
            self.history.facts(),
        )

    def restore_state(self, data: bytes) -> None:
        """Go on from state_bytes of a session of the same problem. Raises RimlightError where it cannot be read."""
        kept, live = thaw(data), self.problem
        self.past, self.seconds = Past(kept.losses, kept.terms), kept.seconds
        self.history = history_from(kept.history, self.experiment)
        self._stages.resume(kept.stages, kept.values, self._report)
        if self._stages.entered or self._stages.changed:
            self._learning_rate = self.experiment.optimizer.learning_rate
            self._adopt_scene()
            self.problem = with_live(self.problem, live)
        state = initial_state(self.problem, carried(kept.values, self.scene.values))
        self.state = with_moments(state._replace(iteration=kept.iteration), kept.moments)
        self.last, self._pace = None, Pace()
