"""Levenberg-Marquardt: its normal equations, poses from one and four silhouettes, other unknowns, what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import (
    Experiment,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    SceneSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.optimization.gradient_step import gradient_step
from core.optimization.least_squares import evaluate, jacobian_at, normal_equations, pooled, unknowns_of
from core.session import Session

LM = OptimizerSpec("levenberg-marquardt")
START = PoseSpec((18.0, 20.0, -13.0), (0.12, -0.1, 0.12))
"""30 degrees and 0.2 off."""


def experiment(**changes) -> Experiment:
    base = Experiment(
        shape=ShapeSpec(primitive="creature", start=START),
        views=ViewsSpec("orbit", 4, width=128, height=128),
        optimizer=LM,
        stop=StopSpec(12),
    )
    return replace(base, **changes)


def run(session: Session) -> dict[str, float]:
    while session.finished() is None:
        session.step()
    return session.pose_metrics()


def test_pooling_averages_under_tents_and_counts_a_border_as_no_difference():
    stack = np.arange(2 * 5 * 6, dtype=np.float32).reshape(2, 5, 6)
    assert pooled(stack, 1) is stack
    small = pooled(stack, 8)
    blocks = np.array(
        [[stack[0, :4, :4].sum(), stack[0, :4, 4:].sum()], [stack[0, 4:, :4].sum(), stack[0, 4, 4:].sum()]]
    )
    ends = np.array([[0.75, 0.25], [0.25, 0.75]])
    np.testing.assert_allclose(small[0], ends @ (blocks / 16) @ ends.T, rtol=1e-5)
    dot = np.zeros((1, 32, 32), np.float32)
    dot[0, 16, 16] = 1.0
    np.testing.assert_allclose(16 * pooled(dot, 8)[0, 3:6, 4], [0.125, 0.25, 0.125])
    moved = [pooled(np.roll(dot, shift, 2), 8)[0].sum() for shift in range(9)]
    np.testing.assert_allclose(moved, moved[0])  # wherever it is, it counts as much


def test_the_gradient_is_the_one_of_reverse_mode():
    session = Session(experiment(terms=(TermSpec("l2", "silhouette"), TermSpec("l2", "colour", 0.5))))
    problem, values = session.problem, session.state.values
    unknowns, batch = unknowns_of(problem.masks), range(4)
    seen = evaluate(problem, values, batch)
    gradient, matrix = normal_equations(seen, jacobian_at(problem, values, batch, unknowns), 1)
    adam = Session(experiment(terms=session.problem.terms, optimizer=OptimizerSpec()))
    _, report = gradient_step(adam.problem, adam.state, list(batch), 0.1)
    wanted = np.concatenate([np.asarray(report.gradient[n]) for n in sorted(report.gradient)])
    np.testing.assert_allclose(2 * gradient, wanted, rtol=2e-3, atol=2e-4 * np.abs(wanted).max())
    assert seen.loss == pytest.approx(report.loss, rel=1e-5)
    assert seen.cost(1) == pytest.approx(report.loss, rel=1e-4)
    assert seen.views == pytest.approx(report.views, rel=1e-4)
    assert (np.linalg.eigvalsh(matrix) > 0).all()


@pytest.mark.parametrize("views", [1, 4])
def test_a_pose_is_found_within_twelve_iterations(views):
    kind = "orbit" if views > 1 else "single"
    near = ShapeSpec(
        primitive="creature", start=START if views > 1 else PoseSpec((9.0, 10.0, -6.5), (0.06, -0.05, 0.06))
    )
    session = Session(experiment(shape=near, views=ViewsSpec(kind, views, width=128, height=128)))
    found = run(session)
    assert found["rotation_error_degrees"] < 0.15
    assert found["translation_error"] < 0.002
    losses = session.losses
    assert losses[-1] < 0.1 * losses[0]
    scalars = session.step()
    assert 1e-6 <= scalars.metrics["damping"] <= 1e6
    assert scalars.metrics["pooling"] in (1, 4, 8)


def test_pose_lens_background_and_light_are_found_together():
    """RtS, Fig. 6: what the image depends on beside the pose is free too."""
    scene = SceneSpec(background=(0.1, 0.3, 0.2), light_intensity=0.7, light_ambient=0.3)
    free = ("pose.rotation", "pose.translation", "camera.fov", "background", "light.intensity", "light.ambient")
    session = Session(
        experiment(
            terms=(TermSpec("l2", "colour"), TermSpec("l2", "silhouette")),
            views=ViewsSpec("orbit", 4, width=128, height=128, fov=44.0),
            parameters=ParametersSpec(free),
            scene=scene,
            stop=StopSpec(20),
        )
    )
    session.set_value("value.camera.fov", 40.0)
    for name, value in (("light.intensity", 0.3), ("light.ambient", 0.6), ("camera.fov", 38.0)):
        session.set_value(f"value.{name}", value)
    found = run(session)
    values = session.host()
    assert found["rotation_error_degrees"] < 0.3
    assert found["translation_error"] < 0.01
    assert np.degrees(values["camera.fov"]) == pytest.approx(44.0, abs=0.5)
    assert values["light.intensity"] == pytest.approx(0.7, abs=0.02)
    assert values["light.ambient"] == pytest.approx(0.3, abs=0.02)


def test_it_says_when_it_has_converged_and_goes_on_from_a_checkpoint():
    session = Session(experiment(stop=StopSpec(60)))
    for _ in range(5):
        session.step()
    successor = Session(experiment(stop=StopSpec(60)))
    successor.restore_state(session.state_bytes())
    assert successor.step().loss == pytest.approx(session.step().loss, rel=1e-6)
    run(session)
    assert session.finished() == "converged"
    assert session.state.iteration < 30


def test_what_it_cannot_do_is_said_in_a_line():
    with pytest.raises(RimlightError, match=r"at most 64 numbers, and 25,\d+ are free; free fewer, or use adam"):
        Session(experiment(parameters=ParametersSpec(("vertices",))))
    with pytest.raises(RimlightError, match=r"term\[0\]\.loss: levenberg-marquardt needs sums of squares, and iou"):
        Session(experiment(terms=(TermSpec("iou", "silhouette"),)))
    with pytest.raises(RimlightError, match=r"term\[1\]\.loss: levenberg-marquardt needs sums of squares, and laplac"):
        Session(experiment(terms=(TermSpec("l2", "silhouette"), TermSpec("laplacian", weight=1.0))))


def test_a_splat_finds_its_own_blur():
    session = Session(experiment(method=replace(experiment().method, name="splat"), target=TargetSpec(render="method")))
    assert run(session)["rotation_error_degrees"] < 0.15
