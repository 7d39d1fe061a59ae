"""The main window on a scripted engine: files, lessons, export, help, and what is kept between runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QLabel, QScrollArea, QToolButton

from app.lessons import Block, bundled_lessons, parse
from core import protocol
from core.catalog import ASSETS
from core.experiment import Experiment, ShapeSpec
from core.record.files import write_session
from core.record.session_record import SessionRecord
from tests.hostile.seeds import SEEDS

pytestmark = pytest.mark.window


def test_save_open_and_drop(make_window, qtbot, tmp_path):
    window, _client = make_window()
    window.panel.method.choose("naive")
    path = tmp_path / "saved.toml"
    assert window.files.save_to(path)
    assert window.menus.edited.text() == ""
    window.files.open_lesson(bundled_lessons()[1])
    assert window.controller.experiment.method.name == "edge-grad"
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(ASSETS / "shapes" / "cube.ply")), QUrl.fromLocalFile(str(path))])
    drop = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(drop)
    assert window.controller.experiment.method.name == "naive"
    assert window.files.path == path
    assert window.settings.recent[0] == str(path)
    told = "Opened saved.toml; not cube.ply: an experiment is opened alone"
    qtbot.waitUntil(lambda: window.status.message is not None and window.status.message.text == told)
    assert not window.files.open_path(Path(tmp_path / "nothing.ply"))
    assert "nothing.ply" in window.status.message.text


def test_a_file_that_cannot_be_loaded_leaves_everything_as_it_was(make_window, qtbot, tmp_path):
    window, client = make_window()
    c = window.controller
    for i in range(3):
        client.send(protocol.Step(1))
        qtbot.waitUntil(lambda i=i: c.last is not None and c.last.iteration == i + 1 and c.shown.iteration == i + 1)
    before, steps, frames = c.experiment, c.last.iteration, len(c.replay.frames)
    (tmp_path / "broken.ply").write_text("ply")
    assert window.files.open_path(tmp_path / "broken.ply")
    says = lambda: window.status.message is not None and "broken.ply: mesh has no faces" in window.status.message.text
    qtbot.waitUntil(says, timeout=3000)
    assert c.experiment is before
    assert c.last.iteration == steps
    assert len(c.replay.frames) >= frames
    assert c.runs.runs[-1].last == steps
    assert window.panes.isVisible()
    client.send(protocol.Step(1))
    qtbot.waitUntil(lambda: c.last.iteration == steps + 1, timeout=3000)


def test_the_window_opens_beside_a_damaged_session(make_window, tmp_path):
    """Given on the command line it says so and shows the first lesson; opened later it leaves everything as it was."""
    broken = tmp_path / "broken.rimlight"
    for _ in write_session(SessionRecord(Experiment(shape=ShapeSpec(primitive="cube"))), broken):
        pass
    data = bytearray(broken.read_bytes())
    data[data.index(b"experiment.toml") + 40] ^= 1  # in what deflate wrote
    broken.write_bytes(data)
    window, _client = make_window(files=[broken])
    c = window.controller
    assert c.origin[1] is not None  # a lesson
    before = c.experiment
    assert not window.files.open_path(broken)
    assert window.status.message.text.startswith("broken.rimlight: damaged or no session file (")
    assert c.experiment is before


def test_colmaps_text_is_opened_as_cameras_and_a_table_as_points(make_window, tmp_path):
    window, _client = make_window()
    for name in ("cameras.txt", "images.txt", "seed.png", "points.txt"):
        (tmp_path / name).write_bytes(SEEDS[name]())
    assert window.files.open_paths([tmp_path / "images.txt", tmp_path / "cameras.txt", tmp_path / "seed.png"])
    assert window.controller.experiment.target.kind == "cameras"
    assert window.files.open_path(tmp_path / "points.txt")
    assert window.controller.experiment.shape.kind == "metaballs"


def test_what_no_reader_foresaw_is_a_line_and_the_scene_stays(make_window, monkeypatch, tmp_path):
    """Whichever way the file comes in: an exception of a slot would end the program."""
    window, _client = make_window()
    c, files, told = window.controller, window.files, []
    c.message_posted.connect(told.append)
    before = c.experiment
    (tmp_path / "seed.png").write_bytes(SEEDS["seed.png"]())
    (tmp_path / "kept.rimlight").write_bytes(b"PK")

    def broken(*arguments, **options):
        raise KeyError("deep inside")

    for culprit in (
        "core.io.picture_facts.picture_facts",
        "core.io.images.upright_size",
        "core.experiments.files.load_experiment",
        "app.files.file_kind",
        "app.sessions.Sessions.open",
        "app.files.together",
    ):
        monkeypatch.setattr(culprit, broken)
    monkeypatch.setattr(files, "_ask_open", lambda title, filters: str(tmp_path / "seed.png"))
    ways = {
        "target": lambda: files.choose_target(),
        "shape": lambda: files.choose_shape(),
        "lesson": lambda: files.open_lesson(bundled_lessons()[1]),
        "session": lambda: files._open_session(tmp_path / "kept.rimlight"),
        "file": lambda: files.open_path(tmp_path / "seed.png"),
    }
    for way, ask in ways.items():
        told.clear()
        assert not ask()
        assert [message.level for message in told] == ["error"], way
        assert "unexpected KeyError" in told[0].text
        assert "Traceback" in told[0].details
        assert c.experiment is before


def test_a_name_that_the_system_refuses_is_a_line(make_window):
    window, _client = make_window()
    assert not window.files.open_path(Path("x" * 5000 + ".obj"))
    assert "too long" in window.status.message.text.lower() or "x" * 50 in window.status.message.text


def test_a_file_that_cannot_be_loaded_does_not_stop_the_fit(make_window, qtbot, tmp_path):
    window, _client = make_window()
    c, told = window.controller, []
    c.message_posted.connect(lambda message: told.append(message.text))
    (tmp_path / "broken.ply").write_text("ply")

    def opened() -> None:
        told.clear()
        assert window.files.open_path(tmp_path / "broken.ply")
        qtbot.waitUntil(lambda: any("broken.ply: mesh has no faces" in text for text in told), timeout=3000)

    c.play()
    qtbot.waitUntil(lambda: c.last is not None and c.last.iteration > 0, timeout=3000)
    opened()
    stood = c.last.iteration
    qtbot.waitUntil(lambda: c.status is protocol.Status.RUNNING and c.last.iteration > stood, timeout=3000)
    assert "broken.ply: mesh has no faces" in window.status.message.text
    c.pause()
    qtbot.waitUntil(lambda: c.status is protocol.Status.PAUSED, timeout=3000)
    stood = c.last.iteration
    opened()
    qtbot.wait(100)
    assert (c.last.iteration, c.status) == (stood, protocol.Status.PAUSED)  # what stands is not started by it


def test_steps_of_the_fit_before_are_no_part_of_what_is_opened(make_window, qtbot, monkeypatch):
    """They are on their way, or the engine takes them while it is told of another file."""
    window, client = make_window()
    c, opened = window.controller, []
    monkeypatch.setattr(client, "_load", lambda experiment, keep_state, iteration=None: opened.append(experiment))

    def open_while_it_runs(experiment: Experiment) -> None:
        c.play()
        qtbot.waitUntil(lambda: c.shown is not None and c.shown.iteration > 2, timeout=3000)
        c.open(experiment)
        stood = client.iteration
        qtbot.waitUntil(lambda: client.iteration > stood + 5, timeout=3000)
        qtbot.waitUntil(lambda: c.settled, timeout=3000)
        assert (c.last, c.shown, c.replay.frames) == (None, None, [])
        assert not any(len(run.loss) for run in c.runs.runs)
        type(client)._load(client, opened[-1], False)

    before = c.experiment
    open_while_it_runs(Experiment(title="broken", shape=ShapeSpec(file="/broken.ply")))
    qtbot.waitUntil(lambda: c.experiment == before and c.last is not None, timeout=3000)
    assert c.runs.current.loss.x.tolist() == list(range(1, c.last.iteration + 1))  # no step was lost, either
    assert c.replay.frames[-1].iteration > 2
    c.pause()
    open_while_it_runs(Experiment(title="next"))
    qtbot.waitUntil(lambda: c.loaded.experiment.title == "next" and c.shown is not None, timeout=3000)
    assert c.shown.iteration == 0
    assert not any(len(run.loss) for run in c.runs.runs)


def test_a_broken_first_file_opens_the_first_lesson_instead(make_window, qtbot, tmp_path):
    (tmp_path / "broken.ply").write_text("ply")
    window, _client = make_window(start=False)
    window.files.open_path(tmp_path / "broken.ply")
    window.controller.start()
    qtbot.waitUntil(lambda: window.controller.loaded is not None, timeout=3000)
    assert window.controller.experiment.title == "The silhouette is missing"
    assert "broken.ply" in window.status.message.text  # it stays while the lesson opens


def test_lessons_open_by_one_click_with_their_text(make_window, qtbot):
    window, _client = make_window()
    action = window.menus.lessons.actions()[2]
    action.trigger()
    assert window.docks.lesson.isVisible()
    assert not window.docks.experiment.isVisible()
    assert window.lesson.lesson.title == window.controller.experiment.title
    qtbot.mouseClick(window.lesson.previous, Qt.MouseButton.LeftButton)
    assert window.lesson.lesson.number == 2
    window.lesson.do.emit("method=naive")
    assert window.controller.experiment.method.name == "naive"
    assert window.actions_.lesson_text.isChecked()
    window.lesson.closed.emit()
    assert window.docks.experiment.isVisible()
    assert not window.actions_.lesson_text.isChecked()
    qtbot.keyClick(window, "t")
    assert window.docks.lesson.isVisible()


def test_every_lesson_button_can_be_done(make_window):
    from app.availability import carry_out
    from app.lessons import bundled_lessons

    window, _ = make_window()
    done = 0
    for lesson in bundled_lessons():
        assert lesson.blocks(), lesson.name
        window.files.open_lesson(lesson)
        for block in lesson.blocks():
            for _, command in block.buttons:
                carry_out(command, window.controller)
                done += 1
    assert done > 5
    with pytest.raises(ValueError, match="no button"):
        carry_out("dance", window.controller)


def test_what_is_written_after_a_steps_buttons_is_read_after_them(make_window, qtbot):
    """The remark that ends a step stood between what it asks for and the buttons that do it."""
    step = parse("# A\n\nFirst.\n\n## 1. B\n\nPress **Run**.\n\n[Run](do:run)\n\n*It ran.*\n")[1]
    assert step == Block("B", ("Press <b>Run</b>.",), (("Run", "run"),), ("<i>It ran.</i>",))
    window, _ = make_window()
    window.files.open_lesson(bundled_lessons()[0])
    window.docks.show_lesson(True)
    qtbot.wait(20)
    page = window.lesson.findChild(QScrollArea).widget()
    remark = next(text for text in page.findChildren(QLabel) if "Exact or approximate" in text.text())
    button = next(b for b in page.findChildren(QToolButton) if b.text() == "Run splat")
    assert button.mapTo(page, button.rect().bottomLeft()).y() < remark.mapTo(page, remark.rect().topLeft()).y()


@pytest.mark.parametrize("presented", [False, True])
def test_no_lesson_is_wider_than_its_pane(make_window, qtbot, presented):
    """Its buttons begin another row where the pane ends, in any size of type."""
    window, _ = make_window()
    if presented:
        window.actions_.present.trigger()
    window.docks.show_lesson(True)
    wider = {}
    for lesson in bundled_lessons():
        window.files.open_lesson(lesson)
        qtbot.wait(20)
        area = window.lesson.findChild(QScrollArea)
        if area.widget().width() > area.viewport().width():
            wider[lesson.number] = area.widget().width(), area.viewport().width()
    if presented:
        window.actions_.present.trigger()
    assert wider == {}


def test_export_by_menu(make_window, qtbot, monkeypatch, tmp_path):
    from PyQt6.QtWidgets import QFileDialog

    window, client = make_window()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / "shape"), "OBJ (*.obj)"))
    window.actions_.exports["shape"].trigger()
    assert client.sent[-1] == protocol.Export("shape", str(tmp_path / "shape.obj"))
    qtbot.waitUntil(lambda: window.status.message is not None)
    assert "shape.obj" in window.status.message.text


def test_layout_is_remembered_and_closing_ends_the_engine(make_window, qtbot):
    window, client = make_window((1280, 800))
    window.docks.inspector.hide()
    window.docks.arranged = False
    window.close()
    assert client.calls[-1] == "close"
    window.close()
    assert client.calls.count("close") == 1
    geometry, docks, arranged = window.settings.layout()
    assert geometry is not None
    assert docks is not None
    assert not arranged
    again, _ = make_window((1440, 900), start=False)
    again.restore_layout()
    qtbot.wait(30)
    assert not again.docks.inspector.isVisible()
    again.docks.reset()
    assert again.docks.inspector.isVisible()
    assert again.docks.arranged


def test_the_rail_opens_the_panel_at_a_section(make_window, qtbot):
    window, _ = make_window((1024, 700))
    assert window.docks.rail.isVisible()
    window.docks.rail.chosen.emit(window.panel.loss)
    qtbot.wait(40)
    assert window.panel.isVisible()
    assert not window.panel.loss.folded
    assert (window.width(), window.height()) == (1024, 700)
    qtbot.mouseClick(window.panel.fold, Qt.MouseButton.LeftButton)
    assert window.docks.rail.isVisible()


def test_help_is_made_from_the_catalog(make_window):
    from app.help_text import help_html, shortcuts_html
    from core.catalog import entries

    window, _ = make_window(start=False)
    text = help_html()
    for kind in ("methods", "optimizers"):
        for entry in entries(kind):
            assert entry["title"] in text or entry["title"].capitalize() in text
    sheet = shortcuts_html(window.actions_)
    for key in ("Space", "Ctrl+O", "F1", "1 2 3"):
        assert key in sheet


def test_a_label_that_is_cut_tells_itself_and_its_help(qtbot):
    from app.widgets import Elided

    name = Elided("Faces per pixel")
    qtbot.addWidget(name)
    name.set_tip("Triangles a pixel keeps.")
    for width, told in ((40, "Faces per pixel: Triangles a pixel keeps."), (400, "Triangles a pixel keeps.")):
        name.setFixedWidth(width)
        name.grab()
        assert name.toolTip() == told
