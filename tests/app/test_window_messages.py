"""The main window on a scripted engine: compiling, errors, a dead engine, and what is said of them."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt

from core import protocol
from core.protocol import Message, SetValue, Status

pytestmark = pytest.mark.window


def test_compiling_shows_as_such_and_is_cancelled(make_window, qtbot):
    window, client = make_window(compile_polls=100_000)
    window.controller.play()
    qtbot.waitUntil(lambda: window.status.spinner.isVisible())
    assert "Compiling edge-grad" in window.status.text.text()
    assert window.toolbar.engine.text() == "engine compiling"
    assert window.status.seconds.text().endswith(" s")
    qtbot.mouseClick(window.status.cancel, Qt.MouseButton.LeftButton)
    assert client.calls[-1] == "cancel"
    qtbot.waitUntil(lambda: window.controller.status is Status.PAUSED)
    assert "cancelled" in window.status.text.text()
    assert not window.status.spinner.isVisible()


def test_a_file_whose_numbers_are_not_finite_is_no_matter_of_the_learning_rate(make_window, qtbot):
    window, _ = make_window()
    window.controller._set_status(Status.LOADING, "bad.obj")
    message = Message("error", "bad.obj: line 4: vertex 4 is not finite; export it again")
    assert window.controller.remedy_for(message) == ""


def test_the_scale_says_where_its_gradient_comes_from(make_window, qtbot):
    window, _ = make_window()
    scale = window.viewport.scale
    said = []
    for free, there in ((True, True), (False, True), (False, False)):
        scale.set_movable(free, there)
        said.append(scale._absent.split("\n")[-1])
    assert said == ["a step", "pane 4", "no vertices"]


def test_a_text_of_two_lines_is_no_higher_the_second_time(qtbot):
    from app.widgets import Elided

    facts, heights = Elided(lines=2), []
    qtbot.addWidget(facts)
    facts.resize(60, 40)
    for _ in range(2):
        facts.setText("40 nodes, 1 unit, distances 0 to 1")
        heights.append(facts.minimumHeight())
        facts.setText("40 nodes")
    assert heights[0] == heights[1] == 2 * facts.minimumHeight()


def test_a_disabled_row_says_why_wherever_it_is_pointed_at(qtbot):
    from app.controls import NumberRow, VectorRow

    place = VectorRow("Position", "Where it is", "xyz")
    qtbot.addWidget(place)
    for reason in ("It is filed", "It is locked", ""):
        place.set_reason(reason)
        assert [field.toolTip() for field in place.fields] == [
            "\n".join(filter(None, (f"{axis} — Where it is", reason))) for axis in "xyz"
        ]
    row = NumberRow("Width", "Of every hidden layer", 1, 256, whole=True)
    qtbot.addWidget(row)
    for reason, told in (
        ("The shape is no network", "Of every hidden layer\nThe shape is no network"),
        ("", "Of every hidden layer"),
    ):
        row.set_reason(reason)
        assert {row.toolTip(), row.field.toolTip(), row.slider.toolTip()} == {told}


def test_a_label_of_two_lines_cuts_the_second(qtbot):
    from app.widgets import Elided

    text = "5120 triangles, 2562 vertices, watertight, coloured"
    name = Elided(text, lines=2)
    qtbot.addWidget(name)
    room = name.fontMetrics().horizontalAdvance("5120 triangles, 2562 vertices,") + 1
    assert name.fitted(room) == text.replace("vertices, ", "vertices,\n")
    assert name.fitted(4 * room) == text
    assert name.fitted(room // 2).count("\n") == 1
    assert name.fitted(room // 2).endswith("…")
    assert name.heightForWidth(room) > name.heightForWidth(4 * room)


def test_an_engine_that_starts_is_named_once(make_window):
    window, _ = make_window(start=False)
    window.status.set_status(Status.STARTING, "the engine")  # as engine and launcher say it
    assert window.status._work() == "Starting the engine"
    since = window.status._since
    window.status.set_status(Status.STARTING, "the engine")
    assert window.status._since == since  # said again, as at a pause: it has not begun again


def test_errors_are_one_line_with_remedy_and_details(make_window, qtbot):
    window, client = make_window()
    rate = window.controller.experiment.optimizer.learning_rate
    client.fail("The loss is not finite at it 81, view 2, by pose.translation.x. It 80 is kept.")
    qtbot.waitUntil(lambda: window.status.message is not None)
    assert window.status.remedy.text() == "Halve the learning rate"
    assert window.status.details.isVisible()
    qtbot.mouseClick(window.status.details, Qt.MouseButton.LeftButton)
    details = [w for w in window.children() if type(w).__name__ == "TextWindow"]
    assert "Traceback" in details[0].text.toPlainText()
    assert not details[0].isModal()
    details[0].close()
    qtbot.mouseClick(window.status.remedy, Qt.MouseButton.LeftButton)
    assert window.controller.experiment.optimizer.learning_rate == rate / 2
    assert client.sent[-1] == SetValue("optimizer.learning_rate", rate / 2)
    assert window.status.message is None


def test_an_error_stays_while_the_fit_goes_on_and_goes_when_a_hand_acts(make_window, qtbot):
    window, client = make_window()
    window.controller.play()
    qtbot.waitUntil(lambda: window.controller.status is Status.RUNNING)
    window.controller.say("warning", "it is odd")
    client.events += [Message("error", "method.name: it cannot be"), protocol.StatusChanged(Status.RUNNING)]
    qtbot.waitUntil(lambda: "cannot be" in window.status.text.text())
    qtbot.wait(40)
    assert "cannot be" in window.status.text.text()
    window.actions_.run.trigger()
    assert window.status.message.text == "it is odd"  # a warning comes back until it is put away
    qtbot.mouseClick(window.status.dismiss, Qt.MouseButton.LeftButton)
    assert window.status.message is None


def test_a_dead_engine_can_be_restarted(make_window, qtbot):
    window, client = make_window()
    client.events += [
        protocol.StatusChanged(Status.DEAD, "crashed"),
        Message("error", "The engine crashed; its last state is kept", remedy="Restart engine"),
    ]
    qtbot.waitUntil(lambda: window.status.message is not None)
    assert window.toolbar.engine.text() == "engine stopped"
    assert not window.actions_.run.isEnabled()
    qtbot.mouseClick(window.status.remedy, Qt.MouseButton.LeftButton)
    assert client.calls[-1] == "restart"


def test_an_error_in_a_slot_becomes_a_line(make_window, qtbot, capsys):
    import sys

    from app.main import install_excepthook

    window, _ = make_window()
    before = sys.excepthook
    install_excepthook(window)
    try:
        try:
            raise KeyError("nobody knows")
        except KeyError:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        sys.excepthook = before
    assert "nobody knows" in window.status.message.text
    assert "Traceback" in window.status.message.details
    assert "KeyError" in capsys.readouterr().err
