"""One axis of a landscape: which parameter runs along it, and from where to where, in displayed units."""

from __future__ import annotations

from PyQt6.QtWidgets import QWidget

from app.controls.fields import NumberField, QuietCombo
from app.widgets import hbox, hint
from core.derivatives.questions import Axis

NONE = "none"
SPANS = {"pose.rotation": 40.0, "pose.translation": 0.4, "pose.scale": 0.3, "camera.fov": 10.0, "light.direction": 0.6}
"""Half the range that an axis first has, in displayed units."""
OFFSET_SPAN = 0.2


class AxisControl(QWidget):
    """A parameter and its range."""

    def __init__(self, name: str, optional: bool) -> None:
        super().__init__()
        self._optional = optional
        self.theta = QuietCombo()
        self.theta.setMinimumWidth(150)
        self.theta.setToolTip(f"What runs along the {name} axis")
        self.low, self.high = NumberField(), NumberField()
        self.low.setToolTip("Where the axis begins, in displayed units (degrees; unit-sphere radii)")
        self.high.setToolTip("Where the axis ends")
        self.setLayout(hbox(hint(name), self.theta, self.low, hint("to"), self.high, gap=5))
        self.theta.activated.connect(lambda _: self.set_span(0.0))

    def set_thetas(self, thetas: list[str], chosen: str) -> None:
        before = self.theta.currentText()
        self.theta.clear()
        self.theta.addItems([NONE, *thetas] if self._optional else thetas)
        wanted = before if before in thetas else chosen
        self.theta.setCurrentIndex(max(self.theta.findText(wanted), 0))

    def set_span(self, here: float, span: float = 0.0) -> None:
        """A range around the present; span 0 is the usual one."""
        theta = self.theta.currentText()
        span = span or next((s for name, s in SPANS.items() if theta.startswith(name)), OFFSET_SPAN)
        self.low.show_value(here - span)
        self.high.show_value(here + span)

    def axis(self, count: int) -> Axis | None:
        theta = self.theta.currentText()
        if theta in ("", NONE) or not self.high.value() > self.low.value():
            return None
        return Axis(theta, self.low.value(), self.high.value(), count)
