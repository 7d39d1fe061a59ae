"""A mesh fit with one splat layer and with two, at a careful and at a bold rate (Cole et al. 2021, Fig. 7).

A creature before a solid rectangle, seen by three cameras: where its outline moves, the rectangle is uncovered, and one
layer of splats confuses the two. The start is the creature squeezed and bent; vertices are free, the rectangle is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.derivatives.reference import as_arrays, hard_image
from core.experiment import PoseSpec, SceneSpec, TermSpec
from core.inspection import Rendered, forward
from core.optimization.stepping import step
from core.parameters import scene_values
from core.pictures import pane, plain, side_by_side, stacked
from core.problem import Problem, State, Target, initial_state
from core.registry import methods
from core.report.charts import Axis, chart
from core.shapes.loading import load_shape
from core.shapes.mesh import Mesh
from kernels.camera import look_at, orbit_eye
from kernels.types import CameraView

RATES = {"careful": 0.004, "bold": 0.03}
"""Adam's rate, unit-sphere units a step."""

STEPS, SIZE = 120, 128
AZIMUTHS = (-35.0, 0.0, 35.0)


@dataclass(frozen=True)
class Fit:
    """name: layers and rate. loss: of every step. distance: mean distance of vertices to where they belong, at the end."""

    name: str
    loss: np.ndarray
    distance: float
    image: np.ndarray


def layer_fits(
    steps: int = STEPS, progress: Callable[[str, float | None], None] = lambda task, done: None
) -> tuple[list[Fit], np.ndarray]:
    """The four fits, and the first view's target."""
    target, start, free = _scene()
    truth = [hard_image(target[0], target[1], view, ("colour",), 4)["colour"] for view in _views()]
    fits = []
    for layers in (1, 2):
        for rate in RATES:
            progress(f"Fitting with {layers} splat layers, {rate}", len(fits) / 4)
            fits.append(_fit(layers, rate, steps, start, free, truth, target[1]["vertices"]))
    return fits, truth[0]


def _scene() -> tuple[tuple[Mesh, dict], tuple[Mesh, dict], np.ndarray]:
    """(target mesh and values, start mesh and values, which vertices are free (n, 1))."""
    creature = load_shape("mesh", None, "creature", None)
    own = creature.parameters()
    count = len(own["vertices"])
    corners = np.array([(-1.6, -1.3, -1.2), (1.6, -1.3, -1.2), (1.6, 1.3, -1.2), (-1.6, 1.3, -1.2)], np.float32)
    vertices = np.concatenate([own["vertices"], corners])
    faces = np.concatenate([creature.constants()["const.faces"], count + np.array([(0, 1, 2), (0, 2, 3)])])
    colours = np.concatenate([own["vertex_colours"], np.tile(np.array([0.85, 0.25, 0.15], np.float32), (4, 1))])
    bent = vertices.copy()
    bent[:count] *= (0.85, 1.12, 0.9)
    bent[:count, 0] += 0.12 * np.sin(3.0 * own["vertices"][:, 1])
    scene = scene_values(SceneSpec(), PoseSpec(), 40.0)
    pairs = []
    for points in (vertices, bent):
        mesh = Mesh(points, faces, colours)
        pairs.append((mesh, {**mesh.parameters(), **mesh.constants(), **scene}))
    free = np.zeros((len(vertices), 1), np.float32)
    free[:count] = 1
    return pairs[0], pairs[1], free


def _views() -> tuple[CameraView, ...]:
    return tuple(CameraView(look_at(orbit_eye(a, 10.0, 3.2)), SIZE, SIZE) for a in AZIMUTHS)


def _fit(
    layers: int, rate: str, steps: int, start: tuple[Mesh, dict], free: np.ndarray, truth: list, goal: np.ndarray
) -> Fit:
    mesh, values = start
    method = methods()["splat"]
    problem = Problem(
        shape=mesh,
        method=method,
        settings=method.Settings(layers=layers),  # type: ignore[call-arg]
        views=_views(),
        targets=tuple(
            Target(
                {"colour": tuple(np.ascontiguousarray(t[..., i]) for i in range(3))}, np.ones((SIZE, SIZE), np.float32)
            )
            for t in truth
        ),
        terms=(TermSpec("l2", "colour"), TermSpec("laplacian", weight=3.0)),
        channels=("colour",),
        masks={"vertices": np.broadcast_to(free, mesh.vertices.shape).copy()},
        optimizer="adam",
        hyper={"beta1": np.float32(0.9), "beta2": np.float32(0.99), "epsilon": np.float32(1e-8)},
        constants=mesh.constants(),
    )
    state: State = initial_state(problem, {n: v for n, v in values.items() if not n.startswith("const.")})
    losses = []
    for _ in range(steps):
        state, report = step(problem, state, range(len(problem.views)), RATES[rate])
        losses.append(report.loss)
    moved = {**values, "vertices": np.asarray(state.values["vertices"])}
    gaps = np.linalg.norm(moved["vertices"] - goal, axis=1)[free[:, 0] > 0]
    image = as_arrays(forward(Rendered(mesh, method, problem.settings, moved, problem.views[0], ("colour",))))["colour"]
    name = f"{layers} layer{'s' if layers > 1 else ''}, {rate}"
    return Fit(name, np.array(losses), float(gaps.mean()), image)


def fits_picture(fits: Sequence[Fit], target: np.ndarray) -> Any:
    """The target and the four results, over the four loss curves."""
    panes = [pane(plain(target, 256), "Target")]
    panes += [pane(plain(f.image, 256), f.name, f"loss {f.loss[-1]:.2e}") for f in fits]
    curves = {f.name: (np.arange(1, len(f.loss) + 1), f.loss) for f in fits}
    losses = chart(curves, "Loss of a mesh fit", Axis("step"), Axis("", True), (sum(p.width for p in panes), 320))
    return stacked([side_by_side(panes), losses])


def fits_markdown(fits: Sequence[Fit]) -> list[str]:
    lines = [
        "| splat | rate | first loss | last loss | highest after the least | mean distance |",
        "|---|---|---|---|---|---|",
    ]
    for fit in fits:
        layers, rate = fit.name.split(", ")
        after = fit.loss[int(np.argmin(fit.loss)) :].max()
        lines.append(
            f"| {layers} | {rate} ({RATES[rate]}) | {fit.loss[0]:.2e} | {fit.loss[-1]:.2e} | {after:.2e} | "
            f"{fit.distance:.4f} |"
        )
    return lines
