"""The loss landscape: a slice over one or two parameters, where the fit stands, both slopes; a click starts there.

While runs are compared their paths are drawn over it, and a click lets all of them start again from there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QWidget

from app import numbers
from app.controller import Controller
from app.controls.fields import QuietCombo
from app.lab.axis_control import NONE, AxisControl
from app.lab.chart import Chart
from app.lab.landscape_drawing import LandscapeDrawing, words_of
from app.lab.loss_scale import LossScale
from app.lab.run_paths import RunPaths
from app.lab.tool_window import ToolWindow
from app.panes.head import thetas_of
from app.theme import FINITE_DIFFERENCES, HINT, REGULAR, Theme
from app.widgets import Dot, Themed, frame, hbox, hint, label, vbox
from core.derivatives.questions import Landscape, Landscaped
from core.protocol import Loaded

if TYPE_CHECKING:
    from app.compare import CompareMode

COUNTS_1, COUNTS_2 = (33, 65, 129), (17, 25, 41)
START = "start in the landscape"
"""The step's name in the menu."""


class LandscapeWindow(ToolWindow, Themed):
    """Opened from the Inspect menu."""

    def __init__(self, parent: QWidget, controller: Controller, compare: CompareMode | None = None) -> None:
        """compare: whose runs are drawn."""
        super().__init__(parent, controller, "Loss landscape", (880, 600))
        self.across, self.up = AxisControl("across", False), AxisControl("up", True)
        self.count = QuietCombo()
        self.count.setToolTip("Places along each axis: more take longer")
        self.count.setFixedWidth(72)
        self.chart = Chart()
        self.chart.setToolTip("Click to start again from there")
        self.scale = LossScale()
        self.drawing = LandscapeDrawing(self.chart, self.scale)
        self._drawn = frame(hbox(self.chart, self.scale, margins=(0, 0, 6, 0), gap=0))
        self.shown: Landscaped | None = None
        self._restarted: tuple[float, float] | None = None
        """Where a click put the fit since the picture was computed."""
        self.runs = RunPaths(self.chart, compare)
        self.method = Dot(controller.experiment.method.name)
        self.method_name = label("", HINT, REGULAR, "text2")
        self.pointer = label("", HINT, REGULAR, "text2")
        self.empty = label("Compute draws the loss here, place by place; the fit goes on meanwhile.", tone="text2")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        legend = (
            self.method, self.method_name, 10, Dot(FINITE_DIFFERENCES), label("finite differences", HINT, REGULAR, "text2"),
            10, self.runs, None, self.pointer,
        )  # fmt: skip
        self.build(
            (self.across, 4, self.up, 4, hint("places"), self.count),
            vbox(self._drawn, self.empty),
            frame(hbox(*legend, margins=(14, 2, 14, 0), gap=5)),
        )
        self.across.theta.activated.connect(lambda _: self._span(self.across))
        self.up.theta.activated.connect(lambda _: self._on_up())
        self.chart.clicked.connect(self.restart)
        self.chart.hovered.connect(self._on_hover)
        controller.stepped.connect(lambda _: self._follow())
        controller.snapshot_shown.connect(lambda _: self._follow())
        self._on_up()
        self._refresh()

    def set_loaded(self, loaded: Loaded) -> None:
        same = self.loaded is not None and self.loaded.parameters == loaded.parameters
        super().set_loaded(loaded)
        found = thetas_of(loaded.parameters)
        thetas = [theta for theta, free in found if free] + [theta for theta, free in found if not free]
        chosen = self.controller.theta if self.controller.theta in thetas else (thetas or [""])[0]
        other = next((theta for theta, free in found if free and theta != chosen), NONE)
        self.across.set_thetas(thetas, chosen or "")
        self.up.set_thetas(thetas, other)
        if not same or self.shown is None:
            self._span(self.across)
            self._on_up()
        self.shown = None
        self._refresh()

    def _on_up(self) -> None:
        """One parameter more or less: other counts make sense."""
        counts = COUNTS_1 if self.up.theta.currentText() in ("", NONE) else COUNTS_2
        self.count.clear()
        self.count.addItems([str(count) for count in counts])
        self.count.setCurrentIndex(1)
        for widget in (self.up.low, self.up.high):
            widget.setEnabled(counts is COUNTS_2)
        self._span(self.up)

    def _span(self, control: AxisControl) -> None:
        control.set_span(self.controller.present(control.theta.currentText()) or 0.0)

    # ------------------------------------------------------------------------------------------ asking

    def compute(self) -> None:
        count = int(self.count.currentText())
        axes = tuple(axis for axis in (self.across.axis(count), self.up.axis(count)) if axis is not None)
        if not axes or axes[0].theta != self.across.theta.currentText() or len({a.theta for a in axes}) < len(axes):
            self.facts.setText("Choose two different parameters, and ranges that end above where they begin.")
            return
        c = self.controller
        self.ask(Landscape(axes, c.step_pixels, c.supersampling))

    def compute_over(self, across: str, up: str, span: float = 0.0, centre: float | None = None) -> None:
        """Choose the parameters and compute; `up` "" for a slice over one. span: half the ranges, displayed units, about
        `centre` or the present."""
        for control, theta in ((self.across, across), (self.up, up or NONE)):
            control.theta.setCurrentIndex(max(control.theta.findText(theta), 0))
        self._span(self.across)
        self._on_up()
        for control in (self.across, self.up) if span else ():
            here = self.controller.present(control.theta.currentText()) or 0.0
            control.set_span(here if centre is None else centre, span)
        self.compute()

    def show_landscaped(self, found: Landscaped) -> None:
        self.controller.turns.post("landscape", partial(self._show_found, found), self)

    def _show_found(self, found: Landscaped) -> None:
        if found.question == self.question:
            self.shown, self._restarted = found, None
            self.set_busy(found.fraction < 1.0, found.fraction)
            self._refresh()

    def restart(self, x: float, y: float) -> None:
        """Put the parameters where the plot was clicked; the fit goes on from there, compared runs begin again."""
        if self.shown is None:
            return
        c, axes = self.controller, self.shown.question.axes
        before = c.moved_here(START) if self._restarted is not None else None
        backs = {name: back for name, back, _ in before.changes} if before is not None else {}
        changes = []
        for axis, place, here in zip(axes, (x, y), self.shown.here):
            place = min(max(place, axis.low), axis.high)
            if self._is_value(axis.theta):
                changes.append((axis.theta, backs.get(axis.theta, c.present(axis.theta)), place))
            else:
                changes.append((f"along.{axis.theta}", here - place, place - here))
        if self.runs.racing:
            c.reset()
        else:
            if before is not None:
                c.undo()  # offsets count from where the picture was computed
            c.note_moved(START, tuple(changes))
            c.settle()
        for name, _, value in changes:
            c.set_value(name, value)
        words = ", ".join(f"{a.theta} {numbers.number(p)}" for a, p in zip(axes, (x, y)))
        who = "All runs start" if self.runs.racing else "Starts"
        c.say("info", f"{who} from {words}; Compute again to see the slopes there")
        self._restarted = (x, y)
        self._refresh()
        if self.runs.racing:
            c.play()

    def _is_value(self, theta: str) -> bool:
        """Whether theta is one displayed number; others are offsets along something."""
        names = {p.name for p in self.loaded.parameters} if self.loaded else set()
        known = theta in names or theta.rpartition(".")[0] in names
        return known and not theta.startswith(("vertices.", "values."))

    def _follow(self) -> None:
        """The compared runs went on."""
        if self.isVisible() and self.runs.racing:
            self.controller.turns.post("landscape runs", lambda: self.runs.draw_again(self.shown), self)

    # ------------------------------------------------------------------------------------------ drawing

    def _refresh(self) -> None:
        method = self.controller.experiment.method.name
        self.method.set_token(self._token)
        self.method.update()
        self.method_name.setText(method)
        self.chart.clear_all()
        found = self.shown
        self._drawn.setVisible(found is not None)
        self.scale.set_range(None)
        self.empty.setVisible(found is None)
        if found is None:
            self.facts.setText(
                "The fit's own loss, all views and terms, over the chosen parameters. Compute takes seconds."
            )
        else:
            self.drawing.draw(found, self._token, self._restarted, present=not self.runs.racing)
            self.facts.setText(words_of(found))
        self.runs.draw_over(found)

    def set_theme(self, theme: Theme) -> None:
        self.chart.set_theme(theme)  # whose turn comes later, and whose lines are drawn here
        self._refresh()

    @property
    def _token(self) -> str:
        """The method's colour, but beside runs that may have it."""
        return "text2" if self.runs.racing else self.controller.experiment.method.name

    def _on_hover(self, x: float, y: float) -> None:
        found = self.shown
        if found is None:
            return
        places = []
        for axis, value in zip(found.question.axes, (x, y)):
            share = (value - axis.low) / (axis.high - axis.low)
            places.append(int(np.clip(round(share * (axis.count - 1)), 0, axis.count - 1)))
        loss = float(found.loss[tuple(places)])
        where = ", ".join(numbers.number(v, signed=True) for v, _ in zip((x, y), found.question.axes))
        self.scale.set_pointer(loss)
        self.pointer.setText(f"{where}   loss {numbers.number(loss)}" if np.isfinite(loss) else where)
