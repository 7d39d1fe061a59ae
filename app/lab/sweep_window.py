"""The step sweep: finite differences over many steps as curves, the chosen step marked; a click chooses another.

Convention: both axes are logarithmic; the step runs in pixels of motion, and the same in units of theta is written out.
"""

from __future__ import annotations

import math
from functools import partial

from PyQt6.QtWidgets import QWidget

from app import numbers
from app.controller import Controller
from app.controls.fields import NumberField
from app.lab.chart import Chart
from app.lab.tool_window import ToolWindow
from app.panes.head import SAMPLES, STEP_RANGE
from app.theme import BASE, FINITE_DIFFERENCES, HINT, NUMBER, REGULAR
from app.widgets import Dot, IconButton, current_theme, frame, hbox, hint, label
from core.derivatives.questions import Sweep, SweepPoint, Swept
from core.protocol import Loaded

CURVES = (
    ("error", "method − difference", "{method}", False, "Relative L2 of the method's derivative against this difference"),
    ("silhouette_error", "on silhouettes", "{method}", True, "The same over silhouette pixels"),
    ("change", "change of the difference", FINITE_DIFFERENCES, False,
     "How much the difference changes from one step to the next: noise at the left, truncation at the right, truth between"),
    ("own", "method − its own", "warn", True, "The method against differences of its own forward image: what is left is a bug, or its sampling"),
)  # fmt: skip


class SweepWindow(ToolWindow):
    """Opened from the Inspect menu; asks for the theta and the view that the panes show."""

    def __init__(self, parent: QWidget, controller: Controller) -> None:
        super().__init__(parent, controller, "Step sweep", (760, 460))
        self.theta = label("", BASE, NUMBER)
        self.step, self.amount = NumberField(*STEP_RANGE), NumberField(0.0, None)
        self.step.setToolTip("The panes' step: how far the difference moves the silhouette, in pixels")
        self.amount.setToolTip("The same step in units of θ")
        self.amount.setFixedWidth(76)
        self.samples = IconButton("", "", name="chip", tip="Samples a pixel of the hard render; click for the next")
        self.best = IconButton("Take the calmest", name="link", tip="Choose the step in the middle of the calm stretch")
        self.chart = Chart(log_x=True, log_y=True)
        self.chart.setToolTip("Click to choose a step")
        self.swept: Swept | None = None
        head = (
            label("Derivative by", BASE, REGULAR, "text2"), self.theta, 6,
            hint("step"), self.step, hint("px  ="), self.amount, hint("units"), 6, hint("samples"), self.samples,
        )  # fmt: skip
        self._legend: list[Dot] = []
        legend: list = []
        for _, title, token, dashed, tip in CURVES:
            dot = Dot(controller.experiment.method.name if token == "{method}" else token)
            text = label(title + (" - -" if dashed else ""), HINT, REGULAR, "text2")
            text.setToolTip(tip)
            legend += [dot, text, 8]
            self._legend.append(dot)
        self.build(head, self.chart, frame(hbox(*legend, None, self.best, margins=(14, 2, 12, 0), gap=5)))
        self.step.entered.connect(self.choose)
        self.amount.entered.connect(self._on_amount)
        self.samples.clicked.connect(self._on_samples)
        self.best.clicked.connect(lambda: self.choose(self.swept.best) if self.swept and self.swept.best else None)
        self.chart.clicked.connect(lambda x, y: self.choose(10**x))
        controller.derive_changed.connect(self._refresh)
        self._refresh()

    def set_loaded(self, loaded: Loaded) -> None:
        super().set_loaded(loaded)
        self.swept = None
        for (_, _, token, _, _), dot in zip(CURVES, self._legend):
            dot.set_token(loaded.experiment.method.name if token == "{method}" else token)
        self._refresh()

    def compute(self) -> None:
        c = self.controller
        if c.theta is not None:
            self.ask(Sweep(c.view, c.theta, c.supersampling))

    def show_swept(self, swept: Swept) -> None:
        self.controller.turns.post("sweep", partial(self._show_found, swept), self)

    def _show_found(self, swept: Swept) -> None:
        if swept.question == self.question:
            self.swept = swept
            self.set_busy(swept.fraction < 1.0, swept.fraction)
            self._refresh()

    # ------------------------------------------------------------------------------------------ the step

    def choose(self, step: float) -> None:
        """Make this the panes' step, in pixels."""
        step = float(f"{min(max(step, STEP_RANGE[0]), STEP_RANGE[1]):.3g}")
        self.controller.set_derive_options(step, self.controller.supersampling)

    def units(self) -> float | None:
        """Units of theta a pixel of motion, where a sweep has said so."""
        points = self._points()
        return points[0].amount / points[0].step if points else None

    def _points(self) -> tuple[SweepPoint, ...]:
        fits = self.swept is not None and self.swept.question.theta == self.controller.theta
        return self.swept.points if fits and self.swept is not None else ()

    def _on_amount(self, amount: float) -> None:
        units = self.units()
        if units:
            self.choose(amount / units)

    def _on_samples(self) -> None:
        c = self.controller
        after = SAMPLES[(SAMPLES.index(c.supersampling) + 1) % len(SAMPLES)] if c.supersampling in SAMPLES else 4
        c.set_derive_options(c.step_pixels, after)

    # ------------------------------------------------------------------------------------------ what is drawn

    def _refresh(self) -> None:
        c, units = self.controller, self.units()
        self.theta.setText(c.theta or "nothing")
        self.go.setEnabled(c.theta is not None)
        self.step.show_value(c.step_pixels)
        self.amount.setEnabled(units is not None)
        self.amount.show_value(c.step_pixels * units if units else 0.0)
        self.amount.setToolTip("The same step in units of θ" + ("" if units else "; known once it is computed"))
        self.samples.set_label(f"{c.supersampling} × {c.supersampling}")
        self.best.setEnabled(self.swept is not None and self.swept.best is not None)
        self.best.setToolTip(
            "Choose the step in the middle of the calm stretch" if self.best.isEnabled() else "Compute first"
        )
        self._draw()

    def _draw(self) -> None:
        chart, theme, points = self.chart, current_theme(), self._points()
        chart.clear_all()
        x = [math.log10(p.step) for p in points]
        values: list[float] = []
        for name, _, token, dashed, _ in CURVES:
            y = [_log(getattr(p, name)) for p in points]
            values += [v for v in y if math.isfinite(v)]
            colour = theme.warn if token == "warn" else theme.run_colour(
                self.controller.experiment.method.name if token == "{method}" else token
            )  # fmt: skip
            at = (
                [(a + b) / 2 for a, b in zip(x[:1] + x, x)] if name == "change" else x
            )  # from the step before to this one
            chart.curve(at, y, colour, width=1.5 if dashed else 2.0, dashed=dashed, dots=not dashed)
        steps = self.question.steps if isinstance(self.question, Sweep) else (0.002, 8.0)
        low, high = (math.floor(min(values) * 2) / 2, math.ceil(max(values) * 2) / 2) if values else (-2.0, 0.5)
        chart.frame((math.log10(min(steps)), math.log10(max(steps))), (low, max(high, low + 1)))
        if self.swept is not None and self.swept.best is not None and points:
            chart.line_at(math.log10(self.swept.best), theme.text3, dashed=True)
        chart.line_at(math.log10(self.controller.step_pixels), theme.accent)
        self.facts.setText(self._words(points))

    def _words(self, points: tuple[SweepPoint, ...]) -> str:
        c = self.controller
        if not points:
            return "Relative L2 over the step in pixels of motion. Compute takes seconds; the fit goes on."
        here = min(points, key=lambda p: abs(math.log(p.step / c.step_pixels)))
        iteration = self.swept.iteration if self.swept else 0
        text = f"it {iteration}, at {numbers.number(here.step)} px: rel. L2 {numbers.number(here.error)}, silhouette "
        text += f"{numbers.number(here.silhouette_error)}, cosine {here.cosine:.3f}".replace("-", numbers.MINUS)
        best = self.swept.best if self.swept else None
        return text + (f". Calmest at {numbers.number(best)} px (dashed)." if best else ".")


def _log(value: float) -> float:
    return math.log10(value) if value > 0 and math.isfinite(value) else math.nan
