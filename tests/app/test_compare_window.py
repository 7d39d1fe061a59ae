"""Compare and sessions in the window, on a scripted engine."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from app import numbers
from app.aside import Aside
from app.autosave import CURVES, LEDGER, Autosave
from app.replay import Replay
from app.runs import RunBook
from core import protocol
from core.errors import RimlightError
from core.experiment import Experiment
from core.io.suffixes import SESSION_SUFFIX
from core.protocol import Agreement, Load
from core.record.files import read_session
from core.record.packing import unpack

pytestmark = pytest.mark.window

_REFUSAL = (
    protocol.StatusChanged(protocol.Status.LOADING, "runs"),
    protocol.StatusChanged(protocol.Status.PAUSED),
    protocol.Message("error", "no room for another run"),
)


def compared(window, qtbot):  # type: ignore[no-untyped-def]
    window.activateWindow()  # keys go to active windows only
    qtbot.waitUntil(lambda: window.isActiveWindow() and window.actions_.compare.isEnabled())
    qtbot.keyClick(window, "c")
    qtbot.waitUntil(
        lambda: bool(window.controller.loaded.experiment.lanes) and window.controller.shown is not None, timeout=20_000
    )
    qtbot.waitUntil(lambda: window.controller.settled)
    return window.compare.view


def test_compare_shows_every_run_side_by_side_and_goes_back(make_window, qtbot):
    window, client = make_window()
    docks = [dock.isVisible() for dock in window.docks.all]
    heights = [dock.height() for dock in window.docks.all]
    view = compared(window, qtbot)
    assert isinstance(client.sent[-1], protocol.Command)
    assert client.loads()[-1].keep_state is False
    methods = [lane.method for lane in window.controller.experiment.lanes]
    assert methods[0] == "edge-grad"
    assert len(methods) == len(view.columns) == 3
    assert view.isVisible()
    assert not window.viewport.isVisible()
    assert not window.docks.images.isVisible()
    assert window.actions_.compare.isChecked()
    assert (window.width(), window.height()) == (1440, 900)
    window.controller.step(5)
    qtbot.waitUntil(lambda: len(view.series[2]) == 5, timeout=20_000)
    assert np.allclose(view.series[2].y, 3 * view.series[0].y)
    view.refresh()
    assert view.columns[1].loss.text() != view.columns[0].loss.text()
    qtbot.waitUntil(lambda: window.controller.shown.iteration == 5 and window.controller.settled, timeout=20_000)
    arrays = window.controller.shown.arrays
    assert view.panes["1/render"].array is arrays["1/render"]
    assert np.array_equal(view.panes["target"].array, arrays["target"])
    assert view.panes["1/derivative"].footer.limit == view.panes["derivative"].footer.limit  # one range for all
    view.set_agreement(Agreement(5, "splat", "pose.translation.x", 0, 0.25, 0.9, 0.3, 0.1, 0.25, 4, 1.0, 2.0, lane=1))
    view.refresh()
    assert view.table._cells[1, "relative_l2"].text() == "0.250"
    assert window.panes.head is not None
    view.panes["target"].picture.hovered.emit((3, 4))
    assert view.linking.cursor == (3, 4)
    frame = window.controller.replay.frames[1]
    window.controller.show_frame(frame)
    window.controller.turns.flush()
    assert np.array_equal(view.panes["1/difference"].array, frame.whole().arrays["1/difference"])
    view.refresh()
    assert view.table.when.button(0).text().strip() == f"At it {frame.iteration}"
    square = view.panes["render"].picture
    assert view.curves.plot is not None  # which leaves the pictures their room
    assert square.height() == pytest.approx(square.width(), abs=6)
    newest, loss = view.series[1], lambda: view.table._cells[1, "loss"].text()
    assert loss() == numbers.number(newest.at(frame.iteration))
    view.table.when.button(1).click()
    assert loss() == numbers.number(float(newest.y[-1]))
    view.table.when.button(0).click()
    assert loss() == numbers.number(newest.at(frame.iteration))
    qtbot.keyClick(window, "c")
    qtbot.waitUntil(lambda: not window.controller.loaded.experiment.lanes, timeout=20_000)
    assert window.viewport.isVisible()
    assert [dock.isVisible() for dock in window.docks.all] == docks
    qtbot.waitUntil(lambda: [dock.height() for dock in window.docks.all] == heights)
    window.controller.undo()
    qtbot.waitUntil(lambda: len(client.loads()[-1].experiment.lanes) == 3, timeout=20_000)


@pytest.mark.parametrize("how", ["key", "undo", "refused", "edited and back"])
def test_the_fit_that_compare_interrupts_goes_on_after_it(make_window, qtbot, monkeypatch, how):
    window, client = make_window()
    c = window.controller
    c.step(6)
    qtbot.waitUntil(lambda: c.shown is not None and c.shown.iteration == 6 and c.settled, timeout=20_000)
    told, run, before = c.last, c.runs.current, c.experiment
    stood = [frame.iteration for frame in c.replay.frames]
    if how == "refused":
        monkeypatch.setattr(client, "_load", lambda *given, **named: client.events.extend(_REFUSAL))
        window.compare.toggle(True)
        qtbot.waitUntil(lambda: window.status.message is not None, timeout=20_000)
    else:
        compared(window, qtbot)
        assert (c.last, len(c.runs.current.loss)) == (None, 0)
        c.step(3)
        qtbot.waitUntil(lambda: c.shown.iteration == 3 and c.settled, timeout=20_000)
        if how == "edited and back":
            c.edit("seed", replace(c.experiment, seed=5))
            c.settle()
            qtbot.waitUntil(lambda: c.loaded.experiment.seed == 5 and c.settled, timeout=20_000)
            c.edit("as it was", before)  # both at once, as a lesson's button does
            c.settle()
        else:
            c.undo() if how == "undo" else qtbot.keyClick(window, "c")
        qtbot.waitUntil(lambda: not c.loaded.experiment.lanes and c.shown is not None, timeout=20_000)
    qtbot.waitUntil(lambda: c.settled)
    assert (c.last.iteration, c.last.loss, c.shown.iteration) == (6, told.loss, 6)
    assert [frame.iteration for frame in c.replay.frames] == stood
    assert run in c.runs.runs
    assert len(run.loss) == 6
    assert client.iteration == 6
    c.step(1)
    qtbot.waitUntil(lambda: c.shown.iteration == 7 and c.settled, timeout=20_000)
    assert [frame.iteration for frame in c.replay.frames] == [*stood, 7]


def test_a_fit_that_was_edited_in_compare_starts_anew(make_window, qtbot):
    window, client = make_window()
    c = window.controller
    c.step(6)
    qtbot.waitUntil(lambda: c.shown is not None and c.shown.iteration == 6 and c.settled, timeout=20_000)
    compared(window, qtbot)
    c.edit("seed", replace(c.experiment, seed=5))
    c.settle()
    qtbot.waitUntil(lambda: c.loaded.experiment.seed == 5 and c.settled, timeout=20_000)
    qtbot.keyClick(window, "c")
    qtbot.waitUntil(lambda: not c.loaded.experiment.lanes and c.settled, timeout=20_000)
    assert (client.iteration, len(c.replay.frames)) == (0, 1)


def test_the_fit_beside_a_comparison_counts_in_the_timelines_memory(monkeypatch):
    most = 10_000_000
    monkeypatch.setattr("app.aside.BYTES", most)
    kept, render = Replay(), np.zeros((8, 8, 3), np.float32)
    for i in range(90):
        arrays = {"render": render, "loss_gradient": np.full((160, 160), i, np.float32)}
        kept.add(protocol.Snapshot(i, 0, arrays, {}, {}))
    assert kept.bytes() > 0.9 * most
    beside = Aside(Experiment(), RunBook(), kept).timeline_beside()
    assert 0 < kept.bytes() <= 0.75 * most
    assert beside.limit == most - kept.bytes()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 700)], ids=["1440", "1024"])
def test_lanes_are_changed_by_their_menus(make_window, qtbot, size):
    window, _client = make_window(size)
    view = compared(window, qtbot)
    assert (window.width(), window.height()) == size
    pick = lambda menu, text: next(a for a in menu.actions() if a.text().startswith(text)).trigger()
    pick(window.compare.menu(1), "Half")
    qtbot.waitUntil(lambda: window.controller.experiment.lanes[1].learning_rate == 0.015, timeout=20_000)
    pick(window.compare.menu(1), "Add a copy")
    qtbot.waitUntil(lambda: len(view.columns) == 4, timeout=20_000)
    full = next(a for a in window.compare.menu(0).actions() if a.text() == "Add a copy")
    assert not full.isEnabled()
    assert "At most 4" in full.toolTip()
    methods = window.compare.menu(3).actions()[0].menu()
    fields = [a for a in methods.actions() if not a.isEnabled()]
    assert any("needs a" in a.toolTip() for a in fields)
    pick(window.compare.menu(3), "Remove")
    pick(window.compare.menu(1), "Remove")
    assert len(window.controller.experiment.lanes) == 2
    last = next(a for a in window.compare.menu(0).actions() if a.text().startswith("Remove"))
    assert not last.isEnabled()
    pick(window.compare.menu(-1), "Leave")
    assert not window.controller.experiment.lanes


def test_shapes_settings_and_repeats_are_lanes_too(make_window, qtbot):
    window, _client = make_window()
    view = compared(window, qtbot)
    c = window.controller
    named = lambda menu, text: next(a for a in menu.actions() if a.text().startswith(text))
    below = lambda lane, text: named(window.compare.menu(lane), text).menu()
    named(window.compare.menu(2), "Remove").trigger()
    named(below(0, "Shape"), "Torus, signed").trigger()
    assert (c.experiment.lanes[0].shape_kind, c.experiment.lanes[0].primitive) == ("sdf-grid", "torus-grid")
    assert not named(below(1, "Shape"), "The experiment's").isEnabled()
    named(below(0, "Shape"), "The experiment's").trigger()
    assert c.experiment.lanes[0].primitive is None
    reach = named(below(0, "Settings"), "Reach").menu()
    named(reach, "0.5").trigger()
    assert c.experiment.lanes[0].settings == {"reach": 0.5}
    rate = next(a for a in below(1, "Optimizer's").actions() if a.text().startswith("Beta1")).menu()
    named(rate, "0.45").trigger()
    assert c.experiment.lanes[1].optimizer_settings == {"beta1": 0.45}
    others = [a for a in below(1, "Optimizer").actions() if a.isEnabled()]
    others[0].trigger()
    assert c.experiment.lanes[1].optimizer not in ("", c.experiment.optimizer.name)
    assert c.experiment.lanes[1].optimizer_settings == {}  # they were the other's
    named(window.compare.menu(0), "Add a repeat").trigger()
    assert c.experiment.lanes[2] == replace(c.experiment.lanes[0], repeat=1)
    qtbot.waitUntil(lambda: len(view.columns) == 3 and c.shown is not None, timeout=20_000)
    c.step(4)
    qtbot.waitUntil(lambda: c.shown is not None and c.shown.iteration == 4 and len(view.series[2]) == 4, timeout=20_000)
    view.refresh()
    assert "Noise is the range over 2 runs" in view.table.note.text()
    assert view.path.note.text() == "x, turn y°"  # the two that moved
    axes = view.paths.axes()
    assert np.allclose(view.paths.curve(2, axes)[:, 0], 3 * view.paths.curve(0, axes)[:, 0])
    assert view.path.chart.isVisible()
    view.curves.tabs.button(2).click()  # the pose's error
    assert np.allclose(view._measured[1]["rotation_error_degrees"].x, [1, 2, 3, 4])


def test_the_table_says_where_its_derivatives_are_of_an_earlier_step(make_window, qtbot):
    window, _ = make_window()
    view = compared(window, qtbot)
    window.controller.step(2)
    qtbot.waitUntil(lambda: len(view.series[0]) == 2 and view._shown == 2, timeout=20_000)
    for iteration, behind in ((0, True), (2, False)):
        view.set_agreement(
            Agreement(iteration, "splat", "pose.translation.x", 0, 0.25, 0.9, 0.3, 0.1, 0.25, 4, 1.0, 2.0)
        )
        view.refresh()
        assert ("steps behind" in view.table.note.text()) is behind


def test_curves_of_a_comparison_say_what_is_missing_until_there_is_a_step(make_window, qtbot):
    window, _ = make_window()
    view = compared(window, qtbot)
    qtbot.waitUntil(lambda: view.curves.empty.isVisible())
    assert "Run the fit" in view.curves.empty.text()
    window.controller.step(2)
    qtbot.waitUntil(lambda: view.curves.plot is not None and view.curves.plot.isVisible(), timeout=20_000)
    assert not view.curves.empty.isVisible()


def test_runs_are_drawn_over_the_landscape_and_a_click_starts_all_of_them_there(make_window, qtbot):
    window, client = make_window()
    view = compared(window, qtbot)
    landscape = window.lab.open_landscape()
    landscape.compute_over("pose.translation.x", "pose.translation.z", 0.5, 0.0)
    assert (landscape.across.low.value(), landscape.up.high.value()) == (-0.5, 0.5)
    qtbot.waitUntil(lambda: landscape.shown is not None, timeout=20_000)
    window.controller.step(5)
    qtbot.waitUntil(lambda: len(view.paths.curve(1, (0, 2))) == 6 and window.controller.settled, timeout=20_000)
    assert np.allclose(view.paths.curve(1, (0, 2))[:, 0], 0.8 * 0.9 ** np.arange(6))
    again = landscape.chart.drawn
    assert again > landscape.runs._under
    landscape.runs.draw_again(landscape.shown)
    assert landscape.chart.drawn == again  # drawn anew, not once more
    landscape.chart.clicked.emit(0.1, -0.2)
    sent = client.sent[-4:]
    assert isinstance(sent[0], protocol.Reset)
    assert sent[1:3] == [
        protocol.SetValue("value.pose.translation.x", 0.1), protocol.SetValue("value.pose.translation.z", -0.2)
    ]  # fmt: skip
    assert isinstance(sent[3], protocol.Play)
    qtbot.waitUntil(lambda: len(view.series[0]) > 0 and view.series[0].x[0] == 1, timeout=20_000)
    window.controller.pause()
    landscape.compute_over("pose.scale", "", 0.1)  # no number of the paths
    qtbot.waitUntil(lambda: landscape.shown.question.axes[0].theta == "pose.scale", timeout=20_000)
    qtbot.waitUntil(lambda: not landscape.runs._names, timeout=20_000)


def test_a_comparison_is_exported(make_window, qtbot, monkeypatch, tmp_path):
    window, client = make_window()
    assert not window.actions_.export_compare.isEnabled()
    compared(window, qtbot)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
    window.actions_.export_compare.trigger()
    assert client.sent[-1] == protocol.Export("compare", str(tmp_path))


# ------------------------------------------------------------------------------------------ sessions


def test_a_session_is_saved_and_opened_with_its_runs(make_window, qtbot, tmp_path):
    window, _client = make_window()
    c = window.controller
    c.step(8)
    qtbot.waitUntil(lambda: c.last is not None and c.last.iteration == 8 and c.shown.iteration == 8, timeout=20_000)
    c.show_frame(c.replay.frames[3])
    at = c.replay.frames[3].iteration
    c.fork()
    qtbot.waitUntil(lambda: c.loaded.generation == 2 and not c.replaying and c.shown.iteration == at, timeout=20_000)
    c.runs.runs[0].pinned = True
    c.choose_theta("light.intensity")
    losses, frames = c.runs.runs[0].loss.y.tolist(), [f.iteration for b in c.replay.branches for f in b.frames]
    path = tmp_path / "work.rimlight"
    window.files.sessions.save(path)
    qtbot.waitUntil(path.is_file, timeout=20_000)
    qtbot.waitUntil(lambda: window.status.message is not None and "Saved" in window.status.message.text, timeout=20_000)
    again, other = make_window(start=False)
    assert again.files.open_path(path)
    again.controller.start()
    qtbot.waitUntil(lambda: again.controller.shown is not None, timeout=20_000)
    n = again.controller
    assert isinstance(other.sent[0], protocol.Restore)
    assert other.iteration == at
    assert n.theta == "light.intensity"
    assert n.runs.runs[0].loss.y.tolist() == losses
    assert [f.iteration for b in n.replay.branches for f in b.frames][: len(frames)] == frames
    assert again.toolbar.iteration.text() == str(at)
    n.show_frame(n.replay.branches[0].frames[-1])
    assert n.shown.iteration == 8
    assert "difference" in n.shown.arrays
    n.step(2)
    qtbot.waitUntil(lambda: n.last is not None and n.last.iteration == at + 2, timeout=20_000)


def full_once(write):  # type: ignore[no-untyped-def]
    """Autosave._write on a disk that has no room for the first ledger."""
    refused = []

    def tried(self, record, file):  # type: ignore[no-untyped-def]
        if file.suffix == LEDGER and not refused:
            refused.append(file)
            raise RimlightError(f"{file}: cannot be written (no space left); free some space")
        return write(self, record, file)

    return tried


@pytest.mark.parametrize("blocks", [10, 2])
def test_what_a_killed_program_did_is_offered(make_window, qtbot, monkeypatch, blocks):
    monkeypatch.setattr("core.record.stored_state.BLOCK", 1)
    monkeypatch.setattr("core.record.ledger.AHEAD", blocks)
    monkeypatch.setattr("app.autosave.RETRY_S", 0.1)
    monkeypatch.setattr(Autosave, "_write", full_once(Autosave._write))
    window, _client = make_window()
    c, sessions = window.controller, window.files.sessions
    c.step(4)
    qtbot.waitUntil(lambda: c.last is not None and c.last.iteration == 4 and c.shown.iteration == 4, timeout=20_000)
    qtbot.waitUntil(lambda: sessions.autosave.holds(c.loaded.experiment, 4), timeout=20_000)
    assert sessions._own.is_file()
    assert sessions.left.files() == []  # it is ours, and we live
    dead = sessions._own.with_name(sessions._own.name.replace(str(os.getpid()), "999999999"))
    beside = {file.suffix for file in sessions._folder.iterdir()} - {SESSION_SUFFIX}
    assert beside == ({CURVES, LEDGER} if blocks < 4 else {CURVES})
    for suffix in (SESSION_SUFFIX, *beside):
        os.rename(sessions._own.with_suffix(suffix), dead.with_suffix(suffix))
    again, other = make_window()
    assert "ended unexpectedly" in again.status.message.text
    assert again.status.refusal.isVisible()
    qtbot.mouseClick(again.status.remedy, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: other.iteration == 4 and again.toolbar.iteration.text() == "4", timeout=20_000)
    state = next(command.state for command in other.sent if isinstance(command, protocol.Restore))
    assert unpack(state)[1]["losses"].tolist() == pytest.approx(c.runs.runs[0].loss.y.tolist())
    run = again.controller.runs.runs[0]
    assert run.loss.x.tolist() == [1, 2, 3, 4]  # the curves on disk are older than the state
    assert run.loss.y.tolist() == pytest.approx(c.runs.runs[0].loss.y.tolist())
    qtbot.waitUntil(lambda: not dead.exists(), timeout=20_000)
    kept = read_session(again.files.sessions._own, sessions._folder)
    assert (kept.iteration, kept.state is not None) == (4, True)  # it goes when it is kept anew, and not before
    again.close()
    assert list(sessions._folder.iterdir()) == []


def test_a_run_that_is_offered_outlives_another_end(make_window, qtbot):
    """A program that ends while it opens what the one before left has taken nothing."""
    window, client = make_window()
    sessions = window.files.sessions
    qtbot.waitUntil(sessions._own.is_file, timeout=20_000)  # with the first picture, before any step
    dead = sessions._own.with_name(sessions._own.name.replace(str(os.getpid()), "999999999"))
    os.rename(sessions._own, dead)
    client.poll_events, client.take_snapshot = list, lambda: None  # nothing of it comes any more
    window.files.restore_autosave()
    qtbot.waitUntil(sessions._own.is_file, timeout=20_000)  # of what was open before
    assert dead.exists()
    window.close()
    assert dead.exists()


def test_a_damaged_session_is_one_line(make_window, tmp_path):
    window, client = make_window()
    bad = tmp_path / "bad.rimlight"
    bad.write_bytes(b"PK nothing")
    loads = len([s for s in client.sent if isinstance(s, Load)])
    assert not window.files.open_path(bad)
    assert "bad.rimlight: damaged" in window.status.message.text
    assert len([s for s in client.sent if isinstance(s, Load)]) == loads


def test_a_lessons_text_stays_beside_the_runs_it_speaks_of(make_window, qtbot):
    """Its next step, and the button that does it, were hidden by the race that the step before began."""
    window, _ = make_window()
    window.docks.show_lesson(True)
    view = compared(window, qtbot)
    assert view.isVisible()
    assert window.docks.lesson.isVisible()
    assert not window.docks.experiment.isVisible()
    qtbot.keyClick(window, "c")
    qtbot.waitUntil(lambda: not window.docks.comparing, timeout=20_000)
    assert window.docks.lesson.isVisible()
    assert window.docks.images.isVisible()
