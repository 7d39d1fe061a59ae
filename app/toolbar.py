"""The toolbar: run, step, reset, files, the derivative switch, and at the right the run's facts.

Convention: buttons share their actions with the menus (app/actions.py), so both say the same and are enabled together.
"""

from __future__ import annotations

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from app import numbers
from app.actions import Actions
from app.theme import BASE, NUMBER, REGULAR, TOOLBAR_HEIGHT
from app.widgets import Dot, IconButton, follow, frame, hbox, label
from core.protocol import Scalars, Status

ENGINE = {
    Status.STARTING: ("warn", "engine starting"),
    Status.EMPTY: ("accent", "engine ready"),
    Status.LOADING: ("warn", "engine loading"),
    Status.COMPILING: ("warn", "engine compiling"),
    Status.PAUSED: ("accent", "engine ready"),
    Status.RUNNING: ("accent", "engine running"),
    Status.DEAD: ("error", "engine stopped"),
}
ENGINE_TIP = "What the engine is doing"


class Toolbar(QToolBar):
    """Run, Step, Reset | Open, Lessons | Compare, Derive | Record, Export, and the facts."""

    def __init__(self, actions: Actions, lessons: QMenu, exports: QMenu) -> None:
        super().__init__("Toolbar")
        self.setObjectName("Toolbar")
        self.setMovable(False)
        self.setIconSize(QSize(16, 16))
        self.setFixedHeight(TOOLBAR_HEIGHT)
        self.toggleViewAction().setVisible(False)  # type: ignore[union-attr]
        self._space(4)
        self.run = self._button(actions.run, "Run", "play", name="primary")
        self.secondary = [
            (self._button(actions.step, "Step", "step"), "Step"),
            (self._button(actions.reset, "Reset", "reset"), "Reset"),
        ]
        self._space(14)
        self.secondary.append((self._button(actions.open, "Open", "open"), "Open"))
        self.lessons = self._menu_button("Lessons", "lessons", lessons, "Lessons: one click each")
        self.secondary.append((self.lessons, "Lessons"))
        self._space(14)
        self.secondary.append((self._button(actions.compare, "Compare", "compare"), "Compare"))
        self.derive = self._button(actions.derive, "Derive", "derive")
        self.secondary.append((self.derive, "Derive"))
        self._space(14)
        self.secondary.append((self._button(actions.record, "Record", "record"), "Record"))
        self.exports = self._menu_button("Export", "export", exports, "Write the shape, images, curves or a report")
        self.secondary.append((self.exports, "Export"))
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(spacer)
        self._facts()

    def _space(self, width: int) -> None:
        gap = QWidget()
        gap.setFixedWidth(width)
        self.addWidget(gap)

    def _button(self, action: QAction, text: str, icon: str, name: str = "") -> IconButton:
        button = IconButton(text, icon, name=name)
        follow(button, action)
        self.addWidget(button)
        return button

    def _menu_button(self, text: str, icon: str, menu: QMenu, tip: str) -> IconButton:
        button = IconButton(text, icon, tip=tip)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.addWidget(button)
        return button

    def _facts(self) -> None:
        self.iteration = label("0", BASE, NUMBER)
        self.speed = label("paused", BASE, NUMBER, "text2", right=True)
        self.loss = label(numbers.NOT_A_NUMBER, BASE, NUMBER)
        self.dot = Dot("warn")
        self.engine = label("engine starting", BASE, REGULAR, "text2")
        for widget, sample in ((self.iteration, "99999"), (self.speed, "999 it/s"), (self.loss, "9.99e−9")):
            widget.setMinimumWidth(widget.fontMetrics().horizontalAdvance(sample))
        muted = lambda text: label(text, BASE, REGULAR, "text3")
        for layout, tip in (
            (hbox(muted("it"), self.iteration), "Steps taken"),
            (hbox(self.speed), "Steps a second while the fit runs"),
            (hbox(muted("loss"), self.loss), "The weighted sum of the terms at the last step"),
            (hbox(self.dot, self.engine), ENGINE_TIP),
        ):
            box = self.engine_box = frame(layout)
            box.setContentsMargins(8, 0, 8, 0)
            box.setToolTip(tip)
            self.addWidget(box)

    # ------------------------------------------------------------------------------------------ what it is told

    def set_compact(self, compact: bool) -> None:
        """Secondary buttons without text, for narrow windows."""
        for button, text in self.secondary:
            button.set_label("" if compact else text)

    def set_status(self, status: Status, running: bool) -> None:
        token, text = ENGINE[status]
        self.dot.set_token(token)
        self.engine.setText(text)
        self.run.set_label("Pause" if running else "Run")
        self.run.set_icon("pause" if running else "play")
        if not running:
            self.speed.setText("paused" if status is not Status.DEAD else "")
        elif self.speed.text() == "paused":  # until there is a speed to tell
            self.speed.setText("")

    def set_device(self, device: str) -> None:
        """What the engine computes on, in words."""
        self.engine_box.setToolTip(f"{ENGINE_TIP}; it computes on {device}" if device else ENGINE_TIP)

    def set_scalars(self, last: Scalars | None, running: bool) -> None:
        self.iteration.setText(numbers.count(last.iteration if last else 0))
        self.loss.setText(numbers.number(last.loss if last else None))
        if running and last is not None and last.steps_per_second > 0:
            self.speed.setText(f"{numbers.number(last.steps_per_second)} it/s")
