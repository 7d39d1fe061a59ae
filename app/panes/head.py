"""The panes' title bar: what is derived by, how finely, and how well method and finite differences agree.

When it is too narrow, its least needed parts go first.
"""

from __future__ import annotations

from PyQt6.QtCore import QSize, pyqtSignal
from PyQt6.QtGui import QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from app import numbers
from app.theme import BASE, NUMBER, REGULAR, font
from app.widgets import Head, IconButton, hint, label, mini
from core.protocol import Agreement, ParameterInfo

SAMPLES = (1, 2, 4, 8, 16)
"""Choices of S in the S x S box-filtered reference."""
STEP_RANGE = (0.001, 8.0)
"""Pixels of motion: below, float32 rounding drowns the difference; above, it is no derivative any more."""
OFF = "off"
PREFIX = "θ  "


def thetas_of(parameters: tuple[ParameterInfo, ...]) -> list[tuple[str, bool]]:
    """What can be derived by, as (theta, free), in the tree's order, the directions last."""
    found: list[tuple[str, bool]] = []
    bulk: list[tuple[str, bool]] = []
    for parameter in parameters:
        if parameter.components:
            free = (
                parameter.free_components if parameter.free_components or not parameter.free else parameter.components
            )
            found += [(f"{parameter.name}.{c}", c in free) for c in parameter.components]
        elif parameter.count == 1:
            found.append((parameter.name, parameter.free))
        else:
            if parameter.name == "vertices":
                bulk.append(("vertices.normal", parameter.free))
            bulk.append((f"random:{parameter.name}", parameter.free))
    if any(parameter.free for parameter in parameters):
        bulk.append(("random", True))
    return found + bulk


class ThetaCombo(QComboBox):
    """The parameter that the derivative panes derive by; None is off."""

    picked = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setFont(font(BASE, NUMBER))
        self.setToolTip("Parameter that the derivative panes derive by (H)")
        self.setAccessibleName("Derivative by")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setMaxVisibleItems(24)
        self.setMaximumWidth(230)
        self.addItem(OFF, None)
        self.activated.connect(lambda index: self.picked.emit(self.itemData(index)))

    def set_parameters(self, parameters: tuple[ParameterInfo, ...]) -> None:
        """Free ones first; what is chosen stays chosen where it still exists."""
        chosen = self.currentData()
        thetas = thetas_of(parameters)
        self.clear()
        self.addItem(OFF, None)
        for group in (True, False):
            names = [theta for theta, free in thetas if free is group]
            if names:
                self.insertSeparator(self.count())
            for theta in names:
                self.addItem(theta, theta)
        self.set_theta(chosen if chosen in [theta for theta, _ in thetas] else None)

    def set_theta(self, theta: str | None) -> None:
        """Show `theta` as chosen; one that is not in the list (a single vertex) joins it."""
        index = 0 if theta is None else self.findData(theta)
        if index < 0:
            self.addItem(theta, theta)
            index = self.count() - 1
        self.setCurrentIndex(index)

    def first(self) -> str | None:
        """The first free parameter, to begin with."""
        data = [self.itemData(index) for index in range(1, self.count())]
        return next((theta for theta in data if theta), None)

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(hint.width() + self.fontMetrics().horizontalAdvance(PREFIX), hint.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(90, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        if self.currentData():
            option.currentText = PREFIX + self.currentText()
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class StepField(QLineEdit):
    """The finite difference's step in pixels of motion. changed(float)."""

    changed = pyqtSignal(float)

    def __init__(self) -> None:
        super().__init__()
        self.step = 0.25
        self.setFont(font(BASE, NUMBER))
        self.setFixedWidth(60)
        self.setToolTip("How far the finite difference moves the silhouette, in pixels")
        self.setAccessibleName("Step in pixels")
        self.editingFinished.connect(self._on_finished)
        self.set_step(self.step)

    def set_step(self, step: float) -> None:
        self.step = step
        self.setText(f"{step:.4g} px")
        self.setProperty("wrong", False)

    def _on_finished(self) -> None:
        try:
            step = numbers.parse(self.text())
        except ValueError:
            step = self.step
        step = min(max(step, STEP_RANGE[0]), STEP_RANGE[1])
        changed = step != self.step
        self.set_step(step)
        if changed:
            self.changed.emit(step)


class PaneHead(Head):
    """theta_picked(str | None), options_changed(step in pixels, S), linked(bool), more_requested()."""

    theta_picked = pyqtSignal(object)
    options_changed = pyqtSignal(float, int)
    linked = pyqtSignal(bool)

    def __init__(self) -> None:
        self.theta, self.step = ThetaCombo(), StepField()
        self.samples = IconButton("", "", name="chip", tip="Samples a pixel of the finite differences' hard render")
        self.samples.setFont(font(BASE, NUMBER))
        self.link = mini("link", "Zoom and cursor linked across panes", checkable=True, checked=True)
        self.more = mini("plus", "Choose panes, channel and ranges")
        self.against = label("Against finite differences", BASE, REGULAR, "text2")
        self.unknown = label("not computed", BASE, REGULAR, "text3")
        self.numbers: dict[str, tuple[QLabel, QLabel]] = {
            name: (hint(title), label("", BASE, NUMBER))
            for name, title in (
                ("relative_l2", "rel. L2"),
                ("silhouette_relative_l2", "silhouette"),
                ("cosine", "cosine"),
            )
        }
        by = label("Derivative by", BASE, REGULAR, "text2")
        step, samples = hint("step"), hint("samples")
        left = (8, by, self.theta, 4, step, self.step, 2, samples, self.samples)
        pairs = [widget for pair in self.numbers.values() for widget in pair]
        super().__init__("Images", self.against, self.unknown, *pairs, 4, self.link, self.more, left=left)
        relative, silhouette, cosine = self.numbers.values()
        # What goes first when the row is narrow.
        self._droppable: tuple[tuple[QWidget, ...], ...] = (
            (self.against,), silhouette, cosine, (by,), (samples, self.samples), (step, self.step), (self.unknown, *relative)
        )  # fmt: skip
        self._known = False
        self._sampled = 4
        self._build_samples()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.theta.picked.connect(self.theta_picked)
        self.step.changed.connect(lambda step: self.options_changed.emit(step, self._sampled))
        self.link.toggled.connect(self._on_link)
        self.set_agreement(None)

    def _build_samples(self) -> None:
        menu = QMenu(self.samples)
        for count in SAMPLES:
            action = menu.addAction(f"{count} × {count}")
            assert action is not None
            action.triggered.connect(lambda _checked=False, count=count: self._on_samples(count))
        self.samples.setMenu(menu)
        self.samples.setPopupMode(IconButton.ToolButtonPopupMode.InstantPopup)
        self._show_samples(self._sampled)

    def _show_samples(self, count: int) -> None:
        self._sampled = count
        self.samples.set_label(f"{count} × {count}")
        self.samples.setFixedWidth(self.samples.fontMetrics().horizontalAdvance(self.samples.text()) + 18)

    def _on_samples(self, count: int) -> None:
        if count != self._sampled:
            self._show_samples(count)
            self.options_changed.emit(self.step.step, count)

    def _on_link(self, linked: bool) -> None:
        self.link.set_icon("link" if linked else "unlink")
        self.linked.emit(linked)

    @property
    def options(self) -> tuple[float, int]:
        """Step in pixels, and S."""
        return self.step.step, self._sampled

    def set_options(self, step: float, samples: int) -> None:
        self.step.set_step(step)
        self._show_samples(samples)

    def set_agreement(self, agreement: Agreement | None) -> None:
        """The numbers of the shown derivative, or None while there are none."""
        self._known = agreement is not None
        if agreement is not None:
            for name, (_, shown) in self.numbers.items():
                value = getattr(agreement, name)
                shown.setText(f"{value:.3f}".replace("-", numbers.MINUS) if name == "cosine" else numbers.number(value))
            units = f", which is {numbers.number(agreement.step)} of θ" if agreement.step else ""
            self.step.setToolTip(f"How far the finite difference moves the silhouette, in pixels{units}")
            self.against.setToolTip(
                f"{agreement.method} by {agreement.parameter}, view {agreement.view}, it {agreement.iteration}: "
                f"forward {numbers.number(agreement.forward_ms)} ms, reference {numbers.number(agreement.reference_ms)} ms; "
                f"total gradient off by {numbers.number(agreement.total_gradient_relative_error)}"
            )
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._fit()

    def _fit(self) -> None:
        """Show as much as there is room for."""
        layout = self.layout()
        assert layout is not None
        wanted = [w for pair in self.numbers.values() for w in pair] if self._known else [self.unknown]
        hidden = {self.unknown} if self._known else {w for pair in self.numbers.values() for w in pair}
        for widget in (self.against, *wanted, *(w for group in self._droppable for w in group if w not in hidden)):
            widget.setVisible(True)
        for widget in hidden:
            widget.setVisible(False)
        for group in self._droppable:
            layout.invalidate()
            if layout.sizeHint().width() <= self.width():
                break
            for widget in group:
                widget.setVisible(False)
