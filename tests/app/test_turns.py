"""A snapshot is shown in many turns of the event loop: each part in its own, hidden ones not at all, the newest wins."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QWidget

from app.controller import Controller
from app.darkroom import Darkroom, develop
from app.lab.level_lines import level_lines
from app.panes import plates
from app.turns import Turns
from core.protocol import Snapshot, Status, StatusChanged
from tests.app.fake_engine import FakeClient


def snapshot(iteration: int = 0, **arrays: np.ndarray) -> Snapshot:
    return Snapshot(iteration=iteration, generation=0, view=0, stamps={}, values={}, arrays=arrays)


@pytest.fixture
def turns(qapp):  # type: ignore[no-untyped-def]
    made = Turns()
    yield made
    made.stop()


def test_each_piece_has_a_turn_in_which_timers_run_too(turns, qtbot):  # type: ignore[no-untyped-def]
    said: list[str] = []
    ticker = QTimer()
    ticker.timeout.connect(lambda: said.append("tick"))
    ticker.start(0)
    for name in ("a", "b", "c"):
        turns.post(name, lambda name=name: said.append(name), None)
    assert turns.busy
    assert said == []
    qtbot.waitUntil(lambda: not turns.busy)
    ticker.stop()
    assert [name for name in said if name != "tick"] == ["a", "b", "c"]
    assert "tick" in said[said.index("a") : said.index("b")]
    assert "tick" in said[said.index("b") : said.index("c")]


def test_the_newest_piece_of_a_key_runs_once_in_the_first_ones_place(turns, qtbot):  # type: ignore[no-untyped-def]
    said: list[str] = []
    for key, what in (("a", "old"), ("b", "b"), ("a", "new")):
        turns.post(key, lambda what=what: said.append(what), None)
    qtbot.waitUntil(lambda: not turns.busy)
    assert said == ["new", "b"]


def test_a_hidden_widgets_piece_waits_until_it_is_shown(turns, qtbot):  # type: ignore[no-untyped-def]
    outer = QWidget()
    inner = QWidget(outer)
    qtbot.addWidget(outer)
    said: list[int] = []
    for number in range(3):
        turns.post("inner", lambda number=number: said.append(number), inner)
    assert not turns.busy
    outer.show()
    qtbot.waitUntil(lambda: said == [2])
    turns.post("inner", lambda: said.append(3), inner)
    outer.hide()  # before its turn
    turns.flush()
    assert said == [2]
    outer.show()
    qtbot.waitUntil(lambda: said == [2, 3])


def test_a_piece_that_fails_holds_no_other_up(turns, qtbot):  # type: ignore[no-untyped-def]
    said: list[str] = []
    turns.post("bad", lambda: 1 / 0, None)
    turns.post("good", lambda: said.append("good"), None)
    with qtbot.captureExceptions() as errors:
        qtbot.waitUntil(lambda: said == ["good"])
    assert errors[0][0] is ZeroDivisionError


def test_one_snapshot_is_many_turns_and_a_hidden_pane_none(make_window, qtbot, monkeypatch):  # type: ignore[no-untyped-def]
    window, _ = make_window()
    c = window.controller
    qtbot.waitUntil(lambda: not c.turns.busy)
    ran: list[str] = []
    run_next = Turns._run_next

    def counted(self: Turns) -> None:
        ran.append(next(iter(self._due), ""))
        run_next(self)

    monkeypatch.setattr(Turns, "_run_next", counted)
    window.docks.timeline.hide()
    window.panes.set_pane_shown(3, False)
    qtbot.waitUntil(lambda: not c.turns.busy)
    ran.clear()
    for _ in range(2):  # the second makes no piece more
        c.snapshot_shown.emit(c.shown)
        c.frames_changed.emit()
    qtbot.waitUntil(lambda: not c.turns.busy)
    assert len(ran) == len(set(ran))
    assert {"viewport", "panes", "inspector", "pane target", "pane render", "pane derivative", "lab", "actions"} <= set(
        ran
    )
    assert not {"timeline", "pane difference", "pane own_difference", "compare"} & set(ran)
    ran.clear()
    window.docks.timeline.show()
    qtbot.waitUntil(lambda: "timeline" in ran)


def test_images_are_developed_in_another_thread_and_the_newest_replaces_what_waits(qapp, qtbot, monkeypatch):  # type: ignore[no-untyped-def]
    import app.darkroom as module

    go, threads = threading.Event(), []

    def slow(*rest):  # type: ignore[no-untyped-def]
        threads.append(threading.get_ident())
        go.wait(5)
        return develop(*rest)

    monkeypatch.setattr(module, "develop", slow)
    room, seen = Darkroom(), []
    room.developed.connect(lambda developed: seen.append(developed.snapshot.iteration))
    image = np.linspace(-1, 1, 48, dtype=np.float32).reshape(4, 4, 3)
    room.put(snapshot(0, render=image))
    qtbot.waitUntil(lambda: bool(threads))
    for iteration in (1, 2):
        room.put(snapshot(iteration, render=image))
    go.set()
    qtbot.waitUntil(lambda: seen == [0, 2])
    assert not room.busy
    assert threading.get_ident() not in threads
    room.close()
    assert not any(thread.name == "darkroom" for thread in threading.enumerate())


def test_a_picture_that_was_looked_at_is_made_before_the_window_asks_for_the_next(monkeypatch):
    image = np.full((4, 5, 3), 0.5, np.float32)
    first = develop(snapshot(0, render=image, target=image))
    seen = first.plates["render"].natural("colour")
    second = develop(snapshot(1, render=image + 0.25, target=image + 0.25), first)
    monkeypatch.setattr(plates, "natural_picture", lambda image, channel: pytest.fail("made by the window"))
    assert second.plates["render"].natural("colour")[0, 0, 0] > seen[0, 0, 0]
    with pytest.raises(pytest.fail.Exception):
        second.plates["target"].natural("colour")  # nobody looked at the one before


def test_what_did_not_change_is_shared_and_keeps_its_plate():
    image = np.linspace(-1, 1, 48, dtype=np.float32).reshape(4, 4, 3)
    first = develop(snapshot(0, render=image, derivative=image, faces=np.arange(6).reshape(2, 3)))
    second = develop(snapshot(1, render=image + 1, derivative=image.copy(), faces=np.arange(6).reshape(2, 3)), first)
    assert second.plates["derivative"] is first.plates["derivative"]
    assert second.plates["render"] is not first.plates["render"]
    assert second.frame.snapshot.arrays["faces"] is first.frame.snapshot.arrays["faces"]
    plate = second.plates["derivative"]
    luminance = image @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    assert plate.values is not None
    np.testing.assert_allclose(plate.values, luminance, atol=1e-6)
    sizes = np.abs(luminance)
    assert plate.own == pytest.approx(max(np.percentile(sizes, 98.5), np.percentile(sizes[sizes > 0], 75)), rel=1e-6)
    assert "faces" not in second.plates


def test_level_lines_of_a_cone_are_circles_and_saddles_part_by_their_middle():
    x, y = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41), indexing="ij")
    lines = level_lines(np.hypot(x, y), 0.5) / 20 - 1
    np.testing.assert_allclose(np.linalg.norm(lines, axis=-1), 0.5, atol=1e-3)
    assert np.linalg.norm(lines[:, 0] - lines[:, 1], axis=1).sum() == pytest.approx(np.pi, rel=2e-3)
    saddle = np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(level_lines(saddle, 0.4), [[[0.4, 0], [0, 0.4]], [[1, 0.6], [0.6, 1]]])
    np.testing.assert_allclose(level_lines(saddle, 0.6), [[[0.6, 0], [1, 0.4]], [[0.4, 1], [0, 0.6]]])
    assert len(level_lines(np.zeros((3, 3)), 1.0)) == 0


def test_what_never_settles_does_not_keep_the_engines_news_away(qapp, qtbot):  # type: ignore[no-untyped-def]
    client = FakeClient()
    controller = Controller(lambda: client, None)

    def again() -> None:
        controller.turns.post("again", again, None)

    again()
    controller.start()
    qtbot.waitUntil(lambda: not controller.timer.isActive(), timeout=3000)  # the first tick has come
    assert controller.turns.busy
    client.events.append(StatusChanged(Status.DEAD, "news"))
    qtbot.waitUntil(lambda: controller.status is Status.DEAD, timeout=3000)
    controller.close()
