"""Numbers that go wrong: what is set, what a step leads to, and shapes that nobody can see."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import Experiment, MethodSpec, ParametersSpec, PoseSpec, ShapeSpec, StopSpec, TermSpec, ViewsSpec
from core.optimization.stepping import step
from core.problem import NonFinite, Vanished
from core.protocol import Derive
from core.session import Session

VIEWS = ViewsSpec(kind="single", width=24, height=24, elevation=0.0)


def experiment(**changes) -> Experiment:
    return dataclasses.replace(
        Experiment(shape=ShapeSpec(primitive="cube"), views=VIEWS, stop=StopSpec(steps=20)), **changes
    )


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(experiment())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "x"])
@pytest.mark.parametrize("path", ["value.pose.translation.x", "optimizer.learning_rate", "term.0.weight"])
def test_only_finite_numbers_can_be_set(session: Session, path: str, value) -> None:
    with pytest.raises(RimlightError, match="finite number") as caught:
        session.set_value(path, value)
    assert path in str(caught.value)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_the_scale_stays_above_zero(session: Session, value: float) -> None:
    with pytest.raises(RimlightError, match="above 0"):
        session.set_value("value.pose.scale", value)


def test_a_step_out_of_all_numbers_is_not_taken(session: Session) -> None:
    session.reset()
    session.set_value("optimizer.learning_rate", 3e38)
    before: dict[str, np.ndarray] = {}

    def run_away() -> None:
        for _ in range(4):
            before.update({n: np.array(v) for n, v in session.state.values.items()})
            session.step()

    with pytest.raises(NonFinite, match="state before it is kept"):
        run_away()
    for name, value in session.state.values.items():
        np.testing.assert_array_equal(np.asarray(value), before[name])
        assert np.isfinite(np.asarray(value)).all()
    session.set_value("optimizer.learning_rate", 0.05)
    session.reset()
    assert np.isfinite(session.step().loss)


@pytest.mark.parametrize(
    "place", [(0, 0, 9.0), (0, 0, 3.2), (0, 0, 2.2), (0, 0, -1e6)], ids=["behind", "inside", "near plane", "far"]
)
def test_shapes_that_cannot_be_seen_are_harmless(session: Session, place: tuple) -> None:
    start = ShapeSpec(primitive="cube", start=PoseSpec(translation=place))
    other = Session(experiment(shape=start))
    for _ in range(2):
        assert np.isfinite(other.step().loss)
    snapshot = other.snapshot(0)
    for _, result in zip(range(100), other.derive_begin(Derive("pose.translation.x", supersampling=1), 0)):
        if isinstance(result, tuple):
            assert all(np.isfinite(a).all() for a in result[0].values())
    assert np.isfinite(snapshot.arrays["render"]).all()
    assert np.isfinite(list(other.metrics().values())).all()


def test_a_surface_that_vanishes_in_mid_fit() -> None:
    session = Session(
        experiment(
            shape=ShapeSpec(kind="sdf-grid", primitive="torus-grid"),
            method=MethodSpec("sdf-local"),
            parameters=ParametersSpec(("values",)),
            terms=(TermSpec("l2", "colour"),),
        )
    )
    session.step()
    values = {**session.state.values, "values": session.state.values["values"] + 10.0}
    session.state = session.state._replace(values=values)
    assert np.isfinite(step(session.problem, session.state, [0], 0.01)[1].loss)
    with pytest.raises(Vanished, match="there is no surface"):  # every kind of shape: tests/hostile/test_vanished.py
        session.step()
    assert session.snapshot(0).arrays["vertices"].shape == (0, 3)
    assert session.metrics()["iou"] == 0.0
