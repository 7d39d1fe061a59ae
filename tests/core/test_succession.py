"""What a new engine is told after the last one died, by what had happened."""

from __future__ import annotations

from core.engine.succession import Succession
from core.protocol import Command, Derive, Event, Load, Loaded, Look, Restore, SetValue, Status, StatusChanged
from tests.fakes.fake_session import experiment

A, B = experiment("a"), experiment("b")
STAND = Restore(A, b"state", 7)
LOADING, PAUSED = StatusChanged(Status.LOADING), StatusChanged(Status.PAUSED)
SIGMA, WEIGHT = SetValue("method.sigma", 1.0), SetValue("term.0.weight", 2.0)
AT_A: list[Command | Event] = [Load(A), LOADING, Loaded(A, {}, (), ()), PAUSED]


def after(
    happened: list[Command | Event], checkpoint: Restore | None = STAND, cancelled: bool = False
) -> list[Command]:
    succession = Succession()
    for item in happened:
        if isinstance(item, (StatusChanged, Loaded)):
            succession.heard(item)
        else:
            succession.sent(item)  # type: ignore[arg-type]
    succession.died(checkpoint, cancelled=cancelled)
    return succession.commands()


def test_nothing_was_there() -> None:
    assert after([], None) == []


def test_it_stands_where_the_checkpoint_is() -> None:
    assert after(AT_A) == [STAND]


def test_settings_and_aims_come_back_but_values_are_in_the_checkpoint() -> None:
    moved = SetValue("value.pose.translation.x", 1.0)
    sent = [*AT_A, Look(1), Derive("x"), SIGMA, moved, Look(2), SetValue("method.sigma", 3.0)]
    assert after(sent) == [Look(2), Derive("x"), STAND, SetValue("method.sigma", 3.0)]


def test_a_load_that_was_not_begun_is_told_again() -> None:
    assert after([*AT_A, SIGMA, Load(B), WEIGHT]) == [Load(B), WEIGHT]
    assert after([*AT_A, Load(B, keep_state=True), WEIGHT]) == [STAND, Load(B, keep_state=True), WEIGHT]


def test_a_load_that_was_begun_is_not() -> None:
    assert after([*AT_A, SIGMA, Load(B), LOADING]) == [STAND, SIGMA]
    assert after([*AT_A, SIGMA, Load(B), LOADING], cancelled=True) == [STAND, SIGMA]


def test_a_problem_that_was_announced_is_told_again_until_it_left_a_checkpoint() -> None:
    loaded = [LOADING, Loaded(B, {}, (), ())]
    assert after([*AT_A, SIGMA, Load(B), WEIGHT, *loaded]) == [Load(B), WEIGHT]
    assert after([*AT_A, Load(B, keep_state=True), *loaded]) == [STAND, Load(B, keep_state=True)]
    assert after([*AT_A, Load(B), *loaded], cancelled=True) == [STAND]
    there = Restore(B, b"state", 0)
    assert after([*AT_A, Load(B), *loaded], there) == [there]  # saved, and not yet said to be ready
    assert after([*AT_A, Load(B), *loaded, PAUSED], there) == [there]


def test_the_first_load_is_told_again_unless_it_was_cancelled() -> None:
    assert after([Load(A), SIGMA, LOADING], None) == [Load(A), SIGMA]
    assert after([Load(A), SIGMA, LOADING], None, cancelled=True) == []


def test_a_refused_load_takes_its_settings_along() -> None:
    assert after([*AT_A, SIGMA, Load(B), WEIGHT, LOADING, PAUSED]) == [STAND, SIGMA]


def test_an_older_checkpoint_serves_where_the_last_engine_left_none() -> None:
    succession = Succession()
    succession.died(STAND)
    succession.died(None)
    assert succession.commands() == [STAND]


def test_a_first_load_that_is_refused_leads_back_to_the_checkpoint_once() -> None:
    """A broken file opened after a crash, or while a new engine starts: the fit on screen must not be lost to it."""
    empty = StatusChanged(Status.EMPTY)
    succession = Succession()
    succession.died(STAND)
    assert succession.back(empty) == []  # it has just started
    succession.sent(Load(B))
    assert succession.commands() == [Load(B)]
    assert succession.back(empty) == []
    for event in (LOADING, empty):
        succession.heard(event)
    assert succession.back(PAUSED) == []
    assert succession.back(empty) == [STAND]
    for event in (LOADING, empty):  # that cannot be restored either
        succession.heard(event)
    assert succession.back(empty) == []
