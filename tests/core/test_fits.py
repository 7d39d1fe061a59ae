"""Real fits on bundled shapes, with naive autodiff as the control that must fail, and what a session promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.inspection import compiled_count
from core.problem import NonFinite
from core.protocol import Derive
from core.session import Session

SIZE = 96


def pose_experiment(method: str = "edge-grad", **changes) -> Experiment:
    """The creature 40 degrees and 0.2 off, four silhouettes."""
    start = PoseSpec((24.0, 28.0, -14.0), (0.12, -0.1, 0.12))
    experiment = Experiment(
        shape=ShapeSpec(primitive="creature", start=start),
        target=TargetSpec(render="method" if method == "splat" else "supersampled"),
        views=ViewsSpec("orbit", 4, width=SIZE, height=SIZE),
        method=MethodSpec(method),
        optimizer=OptimizerSpec("adam", 0.06, 0.02),
        stop=StopSpec(80),
    )
    return replace(experiment, **changes)


def run(session: Session) -> dict[str, float]:
    scalars = None
    while session.finished() is None:
        scalars = session.step()
    assert scalars is not None
    return {**session.metrics(), "first": session.losses[0], "last": session.losses[-1]}


@pytest.mark.parametrize("method", ["edge-grad", "splat"])
def test_a_pose_is_found_from_four_silhouettes(method):
    found = run(Session(pose_experiment(method)))
    assert found["rotation_error_degrees"] < 0.5
    assert found["translation_error"] < 0.005
    assert found["iou"] > 0.97


def test_naive_does_not_move_at_all_on_silhouettes():
    found = run(Session(pose_experiment("naive", stop=StopSpec(10))))
    assert found["rotation_error_degrees"] > 35
    assert found["last"] == pytest.approx(found["first"], rel=1e-6)


def vertex_experiment(method: str) -> Experiment:
    return Experiment(
        shape=ShapeSpec(primitive="sphere", start=PoseSpec(scale=0.6)),
        target=TargetSpec(primitive="creature"),
        views=ViewsSpec("sphere", 8, held_out=4, width=SIZE, height=SIZE, batch=4),
        method=MethodSpec(method, {"crossings": False} if method == "edge-grad" else {}),
        terms=(TermSpec("l2", "silhouette"), TermSpec("laplacian", weight=2.0)),
        optimizer=OptimizerSpec("adam", 0.03, 0.1),
        parameters=ParametersSpec(("vertices",)),
        stop=StopSpec(160),
    )


def test_a_sphere_becomes_the_creature_and_naive_leaves_it_a_sphere():
    edges, naive = run(Session(vertex_experiment("edge-grad"))), run(Session(vertex_experiment("naive")))
    assert edges["held_out_iou"] > 0.88
    assert naive["held_out_iou"] < 0.7


def test_colours_light_and_lens_are_found_together():
    experiment = pose_experiment(
        shape=ShapeSpec(primitive="creature", start=PoseSpec((0, 4, 0), (0.02, 0, 0))),
        views=ViewsSpec("orbit", 2, width=SIZE, height=SIZE),
        terms=(TermSpec("l2", "colour"),),
        parameters=ParametersSpec(("pose.rotation.y", "pose.translation.x", "light.intensity", "camera.fov")),
        optimizer=OptimizerSpec("adam", 0.02, 0.05),
    )
    session = Session(experiment)
    session.set_value("value.light.intensity", 0.5)
    session.set_value("value.camera.fov", 43.0)
    found = run(session)
    assert float(session.host()["light.intensity"]) == pytest.approx(0.8, abs=0.03)
    assert float(np.degrees(session.host()["camera.fov"])) == pytest.approx(40.0, abs=0.3)
    assert found["rotation_error_degrees"] < 0.6
    # Only the ticked components move.
    assert abs(float(session.host()["pose.translation"][1])) < 1e-6


def test_sliders_views_and_steps_recompile_nothing():
    session = Session(pose_experiment("splat"))
    session.step()
    session.snapshot(0)
    list(session.derive_begin(Derive("pose.translation.x", supersampling=2), 0))
    count = compiled_count()
    session.set_value("method.sigma", 0.7)
    session.set_value("optimizer.learning_rate", 0.01)
    session.set_value("optimizer.beta1", 0.8)
    session.set_value("term.0.weight", 2.0)
    session.set_value("value.pose.translation.x", 0.3)
    session.step()
    session.snapshot(3)
    list(session.derive_begin(Derive("pose.rotation.y", step_pixels=0.5, supersampling=2), 2))
    assert compiled_count() == count


def test_the_same_experiment_gives_the_same_numbers_again():
    losses = []
    for _ in range(2):
        session = Session(pose_experiment())
        losses.append([session.step().loss for _ in range(5)])
    assert losses[0] == losses[1]


def test_a_change_of_method_keeps_the_pose_and_the_iteration():
    session = Session(pose_experiment())
    for _ in range(5):
        session.step()
    changed = session.replace(pose_experiment("naive"))
    assert changed.state.iteration == 5
    for name in ("pose.rotation", "pose.translation"):
        np.testing.assert_array_equal(changed.host()[name], session.host()[name])


def test_a_non_finite_step_is_refused_and_the_state_kept():
    session = Session(pose_experiment(optimizer=OptimizerSpec("sgd", 0.1)))
    session.step()
    before = {n: np.array(v) for n, v in session.host().items()}
    (term,) = session.problem.terms
    session.problem = replace(session.problem, terms=(replace(term, weight=float("inf")),))
    with pytest.raises(NonFinite, match=r"iteration 1, views 0, 1, 2, 3.*not finite"):
        session.step()
    for name in ("pose.rotation", "pose.translation"):
        np.testing.assert_array_equal(session.host()[name], before[name])
    session.set_value("term.0.weight", 1.0)
    assert np.isfinite(session.step().loss)


def test_state_survives_being_carried_over():
    session = Session(pose_experiment())
    for _ in range(3):
        session.step()
    other = Session(pose_experiment())
    other.restore_state(session.state_bytes())
    assert other.state.iteration == 3
    assert other.losses == session.losses
    assert other.step().loss == session.step().loss
    assert other.step().loss == session.step().loss  # the optimizer's moments came along
    np.testing.assert_array_equal(other.host()["pose.rotation"], session.host()["pose.rotation"])


def test_experiments_that_cannot_be_built_say_why_in_one_line():
    with pytest.raises(RimlightError, match=r"nothing is free"):
        Session(pose_experiment(parameters=ParametersSpec(())))
    with pytest.raises(RimlightError, match=r"needs a field.*edge-grad"):
        Session(pose_experiment("sdf-local"))
    with pytest.raises(RimlightError, match="no such value"):
        Session(pose_experiment()).set_value("method.nonsense", 1.0)
