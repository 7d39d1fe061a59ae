"""Questions beside a fit: when they are served, what supersedes them, what they cost; sweeps and landscapes' numbers."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core import protocol
from core.derivatives import landscape
from core.derivatives.questions import (
    Axis,
    Checked,
    Drop,
    Landscape,
    Landscaped,
    MeshCheck,
    Probe,
    Probed,
    Sweep,
    Swept,
    Unanswered,
)
from core.derivatives.step_sweep import best_step
from core.engine.answer_service import AnswerService
from core.engine.inbox import without_superseded
from core.engine.loop import Engine
from core.experiment import Experiment, MethodSpec, ParametersSpec, PoseSpec, ShapeSpec, TermSpec, ViewsSpec
from core.session import Session
from tests.fakes.fake_session import FakeSession, experiment


class Desk:
    def __init__(self) -> None:
        self.commands: deque[Any] = deque()
        self.events: list[Any] = []
        self.sessions: list[FakeSession] = []
        self.engine = Engine(self._receive, self.events.append, None, self._make)

    def _make(self, *arguments: Any) -> FakeSession:
        self.sessions.append(FakeSession(*arguments))
        return self.sessions[-1]

    def _receive(self, seconds: float) -> Any:
        return self.commands.popleft() if self.commands else None

    def do(self, *commands: Any, turns: int = 1) -> None:
        self.commands.extend(commands)
        for _ in range(turns):
            self.engine.turn()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.do(protocol.Load(experiment("first")))
    return desk


PROBE = Probe(0, (1, 2))


def test_a_question_is_answered_while_paused_and_while_running(desk: Desk):
    desk.do(MeshCheck(), turns=6)
    assert len(desk.of(Checked)) == 1
    desk.do(protocol.Play(), Sweep(0, "pose.translation.x"), turns=400)
    assert len(desk.of(Checked)) == 2
    steps = [event for event in desk.events if isinstance(event, protocol.Scalars)]
    assert len(steps) > 100


def test_a_probe_goes_first_and_the_last_of_a_kind_counts(desk: Desk):
    desk.do(Landscape(()), turns=1)
    desk.do(PROBE, turns=3)
    calls = [call for call in desk.sessions[0].calls if call.startswith("answer")]
    assert calls == ["answer Landscape", "answer Probe"]
    other = replace(PROBE, pixel=(3, 4))
    assert without_superseded([PROBE, other]) == [other]
    assert without_superseded([PROBE, MeshCheck()]) == [PROBE, MeshCheck()]


def test_dropped_failed_and_outlived_questions_say_so(desk: Desk):
    sweep = Sweep(0, "broken")
    desk.do(sweep, turns=8)
    assert desk.of(Unanswered) == [Unanswered(sweep)]
    assert "broken" in desk.of(protocol.Message)[-1].text
    desk.do(MeshCheck(), Drop("MeshCheck"), turns=1)
    assert desk.of(Unanswered)[-1] == Unanswered(MeshCheck())
    service, told = AnswerService(desk.events.append), len(desk.of(Unanswered))
    service.ask(PROBE)
    service.ask(replace(PROBE))  # the same of the next step: whoever asked still waits
    assert len(desk.of(Unanswered)) == told
    service.ask(replace(PROBE, pixel=(3, 4)))
    assert desk.of(Unanswered)[told:] == [Unanswered(PROBE)]
    desk.do(PROBE, protocol.Load(experiment("next")), turns=3)
    assert len(desk.sessions) == 2


# ---------------------------------------------------------------------------------------------- real numbers


SMALL = Experiment(
    shape=ShapeSpec(primitive="cube", start=PoseSpec((5.0, 25.0, 0.0), (0.15, 0.0, 0.0))),
    views=ViewsSpec(kind="single", width=32, height=32),
    method=MethodSpec("edge-grad"),
    terms=(TermSpec("l2", "silhouette"),),
    parameters=ParametersSpec(("pose.translation", "pose.rotation.y")),
)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(SMALL)


def answered(session: Session, question: Any, kind: type) -> Any:
    *_, last = [answer for answer in session.answer(question) if isinstance(answer, kind)]
    return last


def test_a_probe_of_a_session_agrees_in_both_modes(session: Session):
    probed = answered(session, Probe(0, (22, 16), theta="pose.translation.x"), Probed)
    forward, reverse = probed.by_theta
    assert forward == pytest.approx(reverse, rel=1e-4, abs=1e-6)
    assert dict(probed.components)["pose.translation.x"] == pytest.approx(forward, rel=1e-4, abs=1e-6)
    assert probed.parameter == "vertices"
    assert len(probed.painted) == len(session.host()["vertices"])


def test_a_sweep_finds_the_calm_between_noise_and_truncation(session: Session):
    swept = answered(session, Sweep(0, "pose.translation.x", steps=(0.004, 0.06, 0.25, 0.5, 1.0, 6.0)), Swept)
    assert swept.fraction == 1.0
    change = {p.step: p.change for p in swept.points}
    assert 0.06 <= swept.best <= 1.0
    assert min(change[0.06], change[6.0]) > change[swept.best]
    assert all(a.amount < b.amount for a, b in zip(swept.points, swept.points[1:]))
    assert best_step(list(swept.points[:2])) is None


def test_a_landscape_has_the_fits_loss_and_slopes(session: Session):
    axes = (Axis("pose.translation.x", -0.25, 0.25, 9), Axis("pose.rotation.y", 5.0, 45.0, 5))
    found = answered(session, Landscape(axes), Landscaped)
    assert found.loss.shape == (9, 5)
    assert np.isfinite(found.loss).all()
    assert found.here == pytest.approx((0.15, 25.0), abs=1e-3)
    here = session.step().loss
    assert found.loss_here == pytest.approx(here, rel=1e-5)
    session.reset()
    for slopes in (found.by_method, found.by_reference):
        assert slopes[0] > 0  # the target lies at 0
    assert found.by_method[0] == pytest.approx(found.by_reference[0], rel=0.35)
    row = found.loss[:, 2]
    assert int(np.argmin(row)) in (3, 4, 5)


def test_axes_in_displayed_units_have_the_right_tangents(session: Session):
    """d loss / d degree along a rotation vector's component, against a central difference of the splatted loss."""
    values = session.host()
    for theta, step in (("pose.rotation.y", 0.5), ("pose.scale", 0.01), ("camera.fov", 0.5), ("vertices.normal", 0.01)):
        direction = session.direction(theta)
        tangent = landscape.axis_tangent(theta, values, direction)
        here = landscape.present(theta, values)
        from core.derivatives.reference import moved_values

        by_axis = landscape.placed_at(theta, here + step, values, direction)
        by_tangent = moved_values(values, tangent, step)
        for name in tangent:
            moved = np.abs(by_axis[name] - values[name]).max()
            assert moved > 0
            assert np.abs(by_axis[name] - by_tangent[name]).max() <= 0.02 * moved, theta


def test_a_slice_along_any_theta_starts_again_from_a_place(session: Session):
    before = session.host()["vertices"].copy()
    session.set_value("along.vertices.normal", 0.1)
    moved = session.host()["vertices"] - before
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 0.1, rtol=1e-3)
    session.set_value("value.vertices.3", [0.1, 0.2, 0.3])
    np.testing.assert_allclose(session.host()["vertices"][3], [0.1, 0.2, 0.3], rtol=1e-6)
    session.reset()


def test_places_fill_from_coarse_to_fine():
    order = landscape.coarse_to_fine((17, 9))
    assert len(order) == len(set(order)) == 17 * 9
    assert order[:3] == [(0, 0), (0, 8), (8, 0)]
