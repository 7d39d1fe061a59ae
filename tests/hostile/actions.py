"""Random sequences of what a user may do, on a window with a scripted or a real engine. The seed replays a sequence.

    python -m tests.display python -m tests.hostile.actions [--sequences N] [--steps M] [--seed S] [--real]

What fails is an exception in a slot, an error that is no line of ours, or a window that does not answer.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QLineEdit,
    QSlider,
    QToolButton,
    QWidget,
)

from app.panes.kinds import KINDS
from core.catalog import entries
from core.experiments.files import load_experiment
from core.protocol import Status
from tests.hostile.dialogs import Quiet, write_files
from tests.hostile.problems import small

SIDE = 32
"""Pixels of the lessons' views on the real engine: what is tried is the window and the engine, not the fit."""
LEFT_OUT = ("Quit",)
"""Actions that would end the sequence."""


class Monkey:
    """Does random things to one window and remembers them. folder: where dialogs are answered to write to. side: of the
    views of the lessons it opens, pixels; None for theirs."""

    def __init__(self, window: Any, seed: int, folder: Path, side: int | None = None) -> None:
        self.window, self.draw, self.folder, self.side = window, random.Random(seed), folder, side
        self.done: list[str] = []
        self.errors: list[str] = []
        self.ways: list[Callable[[], str]] = [
            self._action, self._action, self._action, self._run, self._lesson, self._file, self._size, self._mouse,
            self._wheel, self._key, self._control, self._control, self._dock, self._method, self._image, self._undo,
            self._fork, self._export,
        ]  # fmt: skip

    def step(self) -> None:
        """One random thing, and a moment for what follows from it."""
        way = self.draw.choice(self.ways)
        try:
            self.done.append(way())
        except Exception as error:
            self.done.append(way.__name__)
            self.errors.append("".join(traceback.format_exception(error)))
        end = time.monotonic() + self.draw.choice((0.0, 0.02, 0.1))
        QApplication.processEvents()
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.002)

    def _action(self) -> str:
        action = self.draw.choice([a for a in self.window.actions_.all if a.isEnabled() and a.text() not in LEFT_OUT])
        action.trigger()
        return f"action {action.text()}"

    def _run(self) -> str:
        self.window.actions_.run.trigger()
        return "run or pause"

    def _lesson(self) -> str:
        from app.lessons import bundled_lessons

        lesson = self.draw.choice(bundled_lessons())
        if self.side is None:
            self.window.files.open_lesson(lesson)
        else:
            self.window.controller.open(small(load_experiment(lesson.path), self.side, 0))
        return f"lesson {lesson.number}"

    def _file(self) -> str:
        path = self.folder / self.draw.choice(("broken.ply", "empty.obj", "nothing.toml", "garbage.npz", "fine.obj"))
        self.window.files.open_path(str(path))
        return f"open {path.name}"

    def _method(self) -> str:
        """Another method that the shape allows, as the panel would choose it."""
        from app.experiment_panel.adapt import with_method

        names = [entry["name"] for entry in entries("methods")]
        name, c = self.draw.choice(names), self.window.controller
        c.edit("method", with_method(c.experiment, name))
        return f"method {name}"

    def _image(self) -> str:
        kind, shown = self.draw.choice(KINDS), self.draw.random() < 0.6
        self.window.panes.set_pane_shown(kind.key, shown)
        return f"{'open' if shown else 'close'} image {kind.name}"

    def _undo(self) -> str:
        action = self.draw.choice((self.window.actions_.undo, self.window.actions_.redo))
        action.trigger()
        return action.text()

    def _fork(self) -> str:
        """Go to a stored step, and perhaps begin another run there."""
        c = self.window.controller
        frames = c.replay.frames
        if not frames:
            return "no step to go to"
        c.show_frame(self.draw.choice(frames))
        if self.draw.random() < 0.5:
            c.fork()
            return "fork"
        return "stored step"

    def _export(self) -> str:
        what = self.draw.choice(list(self.window.actions_.exports))
        self.window.files.export(what)
        return f"export {what}"

    def _size(self) -> str:
        size = self.draw.choice(((1024, 700), (1440, 900), (1100, 1000), (1900, 760)))
        self.window.resize(*size)
        return f"size {size}"

    def _target(self) -> QWidget:
        widgets = [
            self.window.viewport,
            self.window.timeline,
            self.window.curves,
            *(self.window.panes.panes[name] for name in self.window.panes.shown()),
        ]
        return self.draw.choice([w for w in widgets if w.isVisible()] or [self.window])

    def _place(self, widget: QWidget) -> QPoint:
        return QPoint(self.draw.randrange(max(1, widget.width())), self.draw.randrange(max(1, widget.height())))

    def _mouse(self) -> str:
        widget = self._target()
        child = widget.childAt(self._place(widget)) or widget
        button = self.draw.choice((Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton))
        begin, end = self._place(child), self._place(child)
        QTest.mousePress(child, button, pos=begin)
        QTest.mouseMove(child, end)
        QTest.mouseRelease(child, button, pos=end)
        return f"drag on {type(child).__name__}"

    def _wheel(self) -> str:
        widget = self._target()
        child = widget.childAt(self._place(widget)) or widget
        at = QPointF(self._place(child))
        turn = QPoint(0, self.draw.choice((-120, 120, 1200)))
        event = QWheelEvent(
            at, QPointF(child.mapToGlobal(at.toPoint())), QPoint(), turn, Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(child, event)
        return f"wheel on {type(child).__name__}"

    def _key(self) -> str:
        key = self.draw.choice((Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Left, Qt.Key.Key_Right,
                                Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_R, Qt.Key.Key_Delete))  # fmt: skip
        widget = QApplication.focusWidget() or self.window
        QTest.keyClick(widget, key)
        return f"key {key.name} on {type(widget).__name__}"

    def _control(self) -> str:
        """Move a slider, choose from a list, type a number, press a button of the experiment panel."""
        kinds = (QSlider, QComboBox, QLineEdit, QToolButton)
        found = [w for kind in kinds for w in self.window.panel.findChildren(kind) if w.isVisible() and w.isEnabled()]
        if not found:
            return "no control"
        widget = self.draw.choice(found)
        if isinstance(widget, QSlider):
            widget.setValue(self.draw.randint(widget.minimum(), widget.maximum()))
        elif isinstance(widget, QComboBox):
            if widget.count():
                index = self.draw.randrange(widget.count())
                widget.setCurrentIndex(index)
                widget.activated.emit(index)
        elif isinstance(widget, QLineEdit):
            widget.setText(self.draw.choice(("0", "1", "-1", "3.5", "1e9", "nan", "", "x", "1,5")))
            widget.editingFinished.emit()
        else:
            menu = widget.menu()
            if menu is None:
                widget.click()
        return f"control {type(widget).__name__} {widget.accessibleName() or widget.objectName()}"

    def _dock(self) -> str:
        dock = self.draw.choice(self.window.findChildren(QDockWidget))
        what = self.draw.choice(("close", "show", "float", "back"))
        if what in ("close", "show"):
            dock.setVisible(what == "show")
        else:
            dock.setFloating(what == "float")
        return f"{what} {dock.objectName()}"


def play(window: Any, seed: int, steps: int, folder: Path, side: int | None = None) -> Monkey:
    """One sequence. Errors in slots are in the answer's `errors`."""
    monkey, before = Monkey(window, seed, folder, side), sys.excepthook
    sys.excepthook = lambda kind, error, trace: monkey.errors.append(
        "".join(traceback.format_exception(kind, error, trace))
    )
    try:
        with Quiet(folder, seed):
            for _ in range(steps):
                monkey.step()
                if monkey.errors:
                    break
            _settle(window)
    finally:
        sys.excepthook = before
    return monkey


def play_for_real(window: Any, seed: int, steps: int, folder: Path) -> Monkey:
    """One sequence on the real engine, from a lesson that the seed chooses, at rest, its images small; what the engine did
    not foresee (an error with a traceback), its death, and an engine that does not come to rest are errors too."""
    c, told = window.controller, []
    c.message_posted.connect(told.append)
    Monkey(window, -seed, folder, SIDE)._lesson()
    begun = _at_rest(window)
    monkey = play(window, seed, steps, folder, SIDE)
    c.pause()
    monkey.errors += [message.details for message in told if message.details.startswith("Traceback")]
    if not begun or not _at_rest(window):
        asked = c.loaded is not None and c.loaded.experiment == c._asked
        state = f"{c.status} {c.status_text}, loading {c.loading}, shown {c.settled}, as asked {asked}"
        monkey.errors.append(f"no rest: {state}, {[message.text for message in told[-3:]]}")
    c.message_posted.disconnect(told.append)
    return monkey


def _at_rest(window: Any, seconds: float = 600.0) -> bool:
    """Wait until the engine has done all it was told; False where it does not, or is gone."""
    c, end = window.controller, time.monotonic() + seconds
    c.settle()
    while time.monotonic() < end:
        QApplication.processEvents()
        asked = c.loaded is not None and c.loaded.experiment == c._asked
        if c.status in (Status.PAUSED, Status.DEAD) and not c.loading and c.settled and asked:
            return c.status is Status.PAUSED
        time.sleep(0.005)
    return False


def _settle(window: Any) -> None:
    """Close what was opened beside the window, and leave it as the next sequence expects it."""
    for widget in QApplication.topLevelWidgets():
        if widget is not window and isinstance(widget, QDialog):
            widget.close()
    popup = QApplication.activePopupWidget()
    if popup is not None:
        popup.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--sequences", type=int, default=500)
    options.add_argument("--steps", type=int, default=40)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--real", action="store_true", help="with the real engine")
    chosen = options.parse_args()
    from app.main import make_application, make_client, prepare_environment

    prepare_environment()
    application = make_application(sys.argv[:1])
    import vispy

    vispy.use("pyqt6", "gl2")
    from app.settings import Settings
    from app.window import MainWindow
    from tests.hostile.scripted import scripted_client

    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        window = MainWindow(make_client if chosen.real else scripted_client, Settings())
        window.resize(1440, 900)
        window.open_first()
        window.show()
        window.controller.start()
        application.processEvents()
        for number in range(chosen.sequences):
            seed = chosen.seed + number
            monkey = (play_for_real if chosen.real else play)(window, seed, chosen.steps, folder)
            if (number + 1) % (1 if chosen.real else 25) == 0:
                print(f"{number + 1 - failed} of {number + 1} without an error", flush=True)
            if monkey.errors:
                failed += 1
                print(f"seed {seed}: after {', '.join(monkey.done[-4:])}:\n{monkey.errors[0]}", flush=True)
        window.controller.close()
    print(f"{chosen.sequences - failed} of {chosen.sequences} sequences of {chosen.steps} actions without an error")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
