"""Every action of the window: a tooltip, a way to it, a reason when it is disabled; presentation mode; videos aside."""

from __future__ import annotations

import pytest
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMenu

from core.experiments.rules import fitting_methods
from core.protocol import Status, StatusChanged

pytestmark = pytest.mark.window


def in_menus(menu: QMenu) -> set[QAction]:
    """Every action below a menu."""
    found: set[QAction] = set()
    for action in menu.actions():
        found |= in_menus(action.menu()) if action.menu() else {action}
    return found


def reachable(window) -> set[QAction]:  # type: ignore[no-untyped-def]
    bar = window.menus.bar
    return set().union(*(in_menus(action.menu()) for action in bar.actions() if action.menu()))


def test_every_action_is_in_a_menu_and_says_what_it_does(make_window):
    window, _ = make_window()
    there = reachable(window)
    for action in window.actions_.all:
        assert action in there, action.text()
        assert window.actions_.tip(action)
        assert action.toolTip().startswith(window.actions_.tip(action))
    keys = [a.shortcut().toString() for a in window.actions_.all if not a.shortcut().isEmpty()]
    assert len(keys) == len(set(keys))
    for key in ("Space", ".", "R", "F", "C", "H", "Ctrl+O", "Ctrl+S", "Ctrl+E", "F1", "?"):  # WINDOW.md, Behaviour
        assert QKeySequence(key).toString() in keys


@pytest.mark.parametrize("state", ["starting", "paused", "running", "compiling", "dead"])
def test_whatever_is_disabled_says_why(make_window, qtbot, state):
    window, client = make_window(start=state != "starting", compile_polls=10_000 if state == "compiling" else 0)
    c = window.controller
    if state in ("running", "compiling"):
        c.play()
        wanted = Status.RUNNING if state == "running" else Status.COMPILING
        qtbot.waitUntil(lambda: c.status is wanted)
    elif state == "dead":
        client.events.append(StatusChanged(Status.DEAD, "crashed"))
        qtbot.waitUntil(lambda: c.status is Status.DEAD)
    for action in window.actions_.all:
        if not action.isEnabled():
            assert "\n" in action.toolTip(), action.text()
            assert action.toolTip().partition("\n")[2].strip()


def test_a_pause_in_mid_compile_is_shown_at_once(make_window, qtbot):
    """The engine hears of it when it has compiled: as long as that takes, the button already says what comes next."""
    window, client = make_window(compile_polls=10_000)
    c, run = window.controller, window.actions_.run
    run.trigger()
    qtbot.waitUntil(lambda: c.status is Status.COMPILING)
    client.send = lambda command: None  # type: ignore[method-assign]
    run.trigger()
    assert (c.running, run.text()) == (False, "Run")
    run.trigger()
    assert (c.running, run.text()) == (True, "Pause")
    run.trigger()
    client.events.append(StatusChanged(Status.PAUSED))
    qtbot.waitUntil(lambda: c.status is Status.PAUSED)
    assert (c.running, c.pausing) == (False, False)


def test_undo_takes_back_every_kind_of_setting(make_window, qtbot):
    window, _ = make_window()
    c = window.controller
    start = c.experiment
    other = next(m for m in fitting_methods(start.shape.kind) if m != start.method.name)
    window.panel.method.choose(other)
    window.panel.optimizer.rate.entered.emit(0.5) if hasattr(window.panel.optimizer.rate, "entered") else None
    window.actions_.compare.trigger()
    qtbot.waitUntil(lambda: bool(c.experiment.lanes))
    while window.actions_.undo.isEnabled():
        window.actions_.undo.trigger()
    assert c.experiment == start
    window.actions_.redo.trigger()
    assert c.experiment.method.name == other


def test_presentation_is_larger_with_fewer_panels_and_goes_back(make_window, qtbot):
    window, _ = make_window()
    docks = [dock.isVisible() for dock in window.docks.all]
    title = window.panes.head.title if hasattr(window.panes.head, "title") else window.timeline.head.title
    pixels = title.font().pixelSize()
    window.actions_.present.trigger()
    qtbot.wait(30)
    assert title.font().pixelSize() > 1.2 * pixels
    assert not window.docks.experiment.isVisible()
    assert not window.docks.inspector.isVisible()
    assert window.docks.images.isVisible()
    assert (window.width(), window.height()) == (1440, 900)
    window.actions_.present.trigger()
    qtbot.wait(30)
    assert title.font().pixelSize() == pixels
    assert [dock.isVisible() for dock in window.docks.all] == docks


def test_a_pinned_run_stays_beside_another_experiment(make_window, qtbot):
    from app.lessons import bundled_lessons

    window, _ = make_window()
    c = window.controller
    assert not window.curves.runs_menu().actions()[0].isEnabled()
    c.step(4)
    qtbot.waitUntil(lambda: c.last is not None and c.last.iteration == 4)
    window.curves.runs_menu().actions()[0].trigger()
    losses = c.runs.runs[0].loss.y.tolist()
    window.files.open_lesson(bundled_lessons()[3])
    qtbot.waitUntil(lambda: c.loaded.generation == 2 and c.shown is not None)
    c.step(2)
    qtbot.waitUntil(lambda: c.last is not None and c.last.iteration == 2)
    assert [run.loss.y.tolist() == losses for run in c.runs.runs] == [True, False]
    window.curves._draw()
    window.curves.runs_menu().actions()[0].trigger()
    window.curves.runs_menu().actions()[-1].trigger()
    assert len(c.runs.runs) == 1
