"""The engine's loop, in-process with a session that only counts: derivative images beside the fit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core import protocol
from core.derivatives.questions import Drop
from core.engine.derive_service import BEFORE_EDIT, MAX_SHARE, PERIOD_S, DeriveService
from core.engine.loop import COMPILING_S
from core.protocol import Derive, Load, Message, Pause, Play, Progress, SetValue, Status
from tests.fakes.desk import Desk
from tests.fakes.fake_session import experiment


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_derivative_images_come_in_slices_while_paused(desk: Desk) -> None:
    desk.do(Load(experiment(slices=3)), Derive("pose.translation.x"), turns=6)
    last = desk.snapshots[-1]
    assert last.theta == "pose.translation.x"
    assert {"derivative", "reference"} <= set(last.arrays)
    assert last.stamps["derivative"] == 0
    (agreement,) = desk.of(protocol.Agreement)
    assert agreement.parameter == "pose.translation.x"
    desk.do(turns=4)
    assert desk.sessions[0].calls.count("derive") == 1


def test_derivative_images_go_with_their_theta(desk: Desk) -> None:
    desk.do(Load(experiment()), Derive("x"), turns=6)
    desk.do(Derive(None), turns=2)
    assert desk.snapshots[-1].theta is None
    assert "derivative" not in desk.snapshots[-1].arrays


def test_an_edit_marks_derivative_images_until_they_are_renewed(desk: Desk) -> None:
    desk.do(Load(experiment(slices=0)), Derive("x"), turns=6)
    desk.do(SetValue("value.x", 1.0), turns=1)
    assert desk.snapshots[-1].stamps["derivative"] == BEFORE_EDIT
    desk.do(turns=5)
    assert desk.snapshots[-1].stamps["derivative"] == 0


def test_a_running_fit_renews_derivative_images_and_steps_on(desk: Desk) -> None:
    desk.do(Load(experiment(step_s=0.002, slices=20, slice_s=0.005)), Play(), Derive("x"))
    while len(desk.of(protocol.Agreement)) < 3:
        desk.do()
        desk.later += PERIOD_S / 50
        assert len(desk.iterations) < 5000
    assert desk.iterations == list(range(1, len(desk.iterations) + 1))
    assert len(desk.iterations) > 50
    assert 0 < desk.snapshots[-1].stamps["derivative"] <= desk.snapshots[-1].iteration


def test_a_broken_theta_is_said_once_and_the_fit_runs_on(desk: Desk) -> None:
    desk.do(Load(experiment(slices=0)), Derive("broken"), Play(), turns=10)
    assert len(desk.of(Message)) == 1
    assert desk.of(Message)[0].text == "The derivative image failed: ValueError: no such theta"
    assert desk.sessions[0].iteration >= 9
    desk.do(Pause(), Derive("x"), turns=6)
    assert "derivative" in desk.snapshots[-1].arrays


def test_a_waiting_command_ends_a_visit(desk: Desk) -> None:
    desk.do(Load(experiment(slices=100)), turns=2)
    asked = iter([False, True])
    service = DeriveService()
    service.ask(Derive("x"))
    assert service.serve(desk.sessions[0], 0, 0, False, lambda: next(asked)) is None
    assert service.due(running=False)


def test_the_gradient_by_the_vertices_stays_while_another_theta_is_derived_by() -> None:
    class Images:
        def derive_begin(self, request: Derive, view: int):
            yield {"derivative": np.zeros(1)}, None
            yield {"vertex_gradient": np.ones(4)}, None

    service = DeriveService()
    service.ask(Derive("x"))
    for _ in range(2):
        service.serve(Images(), 0, 3, False, lambda: False)
    service.ask(Derive("y"))
    assert list(service.arrays) == ["vertex_gradient"]
    assert service.stamps == {"vertex_gradient": 3}
    service.ask(Derive(None))
    assert not service.arrays


def test_commands_are_served_while_a_derivative_image_compiles(desk: Desk) -> None:
    desk.do(Load(experiment(compile_slices=10**9)), Derive("x"), turns=3)
    told = [event for event in desk.of(Progress) if event.gives_up]
    desk.do(Play(), turns=5)
    assert desk.iterations == [1, 2, 3, 4, 5]
    desk.do(Pause(), turns=1)
    assert desk.statuses[-1] is Status.PAUSED
    assert "derivative" not in desk.snapshots[-1].arrays
    desk.do(Drop("Derive"), turns=2)
    assert told[-1] == Progress("Compiling the derivative image", None, gives_up="Derive")
    assert desk.of(Progress)[-1] == dataclasses.replace(told[-1], done=True)


def test_an_engine_that_waits_for_a_compilation_sleeps(desk: Desk) -> None:
    desk.do(Load(experiment(compile_slices=10**9)), Derive("x"), turns=3)
    assert COMPILING_S in desk.waits[-3:]


def test_costly_images_leave_the_fit_its_share() -> None:
    """A clock that only work moves: 3 s of images against steps of 10 ms get MAX_SHARE of the time, no more."""
    now = [0.0]

    class Slow:
        def derive_begin(self, request: Derive, view: int):
            for _ in range(100):
                now[0] += 0.03
                yield None
            yield {"derivative": np.zeros(1)}, None

    service = DeriveService(clock=lambda: now[0])
    service.ask(Derive("x"))
    stepping = 0.0
    while now[0] < 60.0:
        now[0] += 0.01
        stepping += 0.01
        service.earn(0.01)
        service.moved()
        if service.due(running=True):
            service.serve(Slow(), 0, 0, True, lambda: False)
    assert 1 - stepping / now[0] == pytest.approx(MAX_SHARE, abs=0.03)
