"""Rows of the experiment panel: a name, then a slider and a field, a vector, a choice, a flag or a colour.

Convention: `show_value` fills a row without a signal; `changed` fires only for what a hand did, and `settled` when the
hand lets go (a slider's release, Enter, a wheel's pause), which is when costly settings are applied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QCheckBox, QColorDialog, QSizePolicy, QToolButton, QWidget

from app.controls.fields import STEPS, NumberField, QuietCombo, QuietSlider
from app.theme import BASE, HINT, REGULAR, SETTING_HEIGHT, font
from app.widgets import Elided, hbox, label
from core.colour import linear_to_srgb, srgb_to_linear

NAME_WIDTH, LONG_NAME_WIDTH, UNIT_WIDTH = 84, 100, 18


class Row(QWidget):
    """One line of a section: the name at the left, in full as a tooltip if it is cut."""

    changed = pyqtSignal(object)
    settled = pyqtSignal()

    def __init__(self, name: str, tip: str, *, height: int = SETTING_HEIGHT) -> None:
        super().__init__()
        self.tip, self._reason = tip, ""
        self.setToolTip(tip)
        self.setFixedHeight(height)
        self.name = Elided(name, BASE, REGULAR, "text2")
        self.name.set_tip(tip)
        self.name.setFixedWidth(min(max(NAME_WIDTH, self.name.sizeHint().width()), LONG_NAME_WIDTH))

    def show_value(self, value: Any) -> None:
        raise NotImplementedError

    def set_reason(self, reason: str) -> None:
        """Disable the row and say why; "" enables it."""
        self.setEnabled(not reason)
        before, self._reason = self._reason, reason
        if reason == before:
            return
        told = lambda tip: f"{tip}\n{reason}" if reason else tip
        self.setToolTip(told(self.tip))
        self.name.set_tip(told(self.tip))
        for control in self.findChildren(QWidget):  # whose own tips would hide the reason
            own = control.toolTip().removesuffix(f"\n{before}") if before else control.toolTip()
            if own and control is not self.name:
                control.setToolTip(told(own))


class NumberRow(Row):
    """name | slider | field | unit. Without both bounds there is no slider."""

    def __init__(
        self,
        name: str,
        tip: str,
        low: float | None = None,
        high: float | None = None,
        *,
        unit: str = "",
        log: bool = False,
        whole: bool = False,
    ) -> None:
        super().__init__(name, tip)
        self._low, self._high, self._whole = low, high, whole
        self._log = log and low is not None and low > 0
        self.field = NumberField(low, high, whole=whole)
        self.field.setAccessibleName(name)
        self.field.setToolTip(tip)
        self.slider = QuietSlider()
        self.slider.setAccessibleName(name)
        self.slider.setToolTip(tip)
        self.slider.setVisible(low is not None and high is not None)
        suffix = label(unit, HINT, REGULAR, "text3")
        suffix.setFixedWidth(UNIT_WIDTH)
        self.setLayout(hbox(self.name, self.slider, self.field, suffix))
        if low is None or high is None:
            self.layout().insertStretch(1, 1)  # type: ignore[union-attr]
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderReleased.connect(self.settled)
        self.field.entered.connect(self._entered)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(250)
        self._quiet.timeout.connect(self.settled)

    def show_value(self, value: Any) -> None:
        self.field.show_value(float(value))
        if not self.slider.isSliderDown():
            self.slider.blockSignals(True)
            self.slider.setValue(self._position(float(value)))
            self.slider.blockSignals(False)

    def value(self) -> float:
        return self.field.value()

    def _position(self, value: float) -> int:
        if self._low is None or self._high is None or self._high <= self._low:
            return 0
        value = min(max(value, self._low), self._high)
        if self._log:
            share = math.log(value / self._low) / math.log(self._high / self._low)
        else:
            share = (value - self._low) / (self._high - self._low)
        return round(share * STEPS)

    def _slid(self, position: int) -> None:
        assert self._low is not None
        assert self._high is not None
        share = position / STEPS
        if self._log:
            value = self._low * (self._high / self._low) ** share
        else:
            value = self._low + share * (self._high - self._low)
        value = float(round(value)) if self._whole else _rounded(value, self._high - self._low)
        if value == self.field.value():
            return
        self.field.show_value(value)
        self.changed.emit(int(value) if self._whole else value)
        if not self.slider.isSliderDown():
            self._quiet.start()

    def _entered(self, value: float) -> None:
        self.show_value(value)
        self.changed.emit(int(value) if self._whole else value)
        self.settled.emit()


def _rounded(value: float, span: float) -> float:
    """To three significant digits, and exactly 0 within a thousandth of the slider's span."""
    if abs(value) < span * 1e-4 and span > 0.5:
        return 0.0
    return float(f"{value:.3g}")


class VectorRow(Row):
    """name | x y z | unit, one field a component."""

    def __init__(self, name: str, tip: str, components: Sequence[str], unit: str = "") -> None:
        super().__init__(name, tip)
        self.fields = [NumberField(tight=True) for _ in components]
        self.name.setFixedWidth(60)
        for field, component in zip(self.fields, components):
            field.setMinimumWidth(34)
            field.setMaximumWidth(16777215)
            field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            field.setToolTip(f"{component} — {tip}")
            field.setAccessibleName(f"{name} {component}")
            field.entered.connect(self._entered)
        suffix = label(unit, HINT, REGULAR, "text3")
        suffix.setFixedWidth(8 if unit else 0)
        self.setLayout(hbox(self.name, *self.fields, suffix, gap=4))

    def show_value(self, value: Sequence[float]) -> None:
        for field, component in zip(self.fields, value):
            field.show_value(float(component))

    def _entered(self) -> None:
        self.changed.emit(tuple(field.value() for field in self.fields))
        self.settled.emit()


class ChoiceRow(Row):
    """name | combo box. `choices`: (value, title) pairs; `changed(value)`. Without a name the box takes the whole row."""

    def __init__(self, name: str, tip: str, choices: Sequence[tuple[Any, str]]) -> None:
        super().__init__(name, tip, height=28)
        self.combo = QuietCombo()
        self.combo.setToolTip(tip)
        self.combo.setAccessibleName(name or tip)
        self.setLayout(hbox(*([self.name] if name else []), self.combo))
        self._values: list[Any] = []
        self.set_choices(choices)
        self.combo.activated.connect(self._activated)

    def set_choices(self, choices: Sequence[tuple[Any, str]]) -> None:
        if [value for value, _ in choices] == self._values:
            return
        self._values = [value for value, _ in choices]
        self.combo.clear()
        for _, title in choices:
            self.combo.addItem(title)

    def show_value(self, value: Any) -> None:
        self.combo.setCurrentIndex(self._values.index(value) if value in self._values else -1)

    def disable_choice(self, value: Any, reason: str) -> None:
        """Grey one choice and say why; "" allows it."""
        item = self.combo.model().item(self._values.index(value))  # type: ignore[union-attr]
        item.setEnabled(not reason)
        item.setToolTip(reason)

    def _activated(self, index: int) -> None:
        self.changed.emit(self._values[index])
        self.settled.emit()


class FlagRow(Row):
    """A check box with its name."""

    def __init__(self, name: str, tip: str) -> None:
        super().__init__(name, tip)
        self.box = QCheckBox(name)
        self.box.setFont(font(BASE))
        self.box.setToolTip(tip)
        self.setLayout(hbox(self.box, None))
        self.name.hide()
        self.box.clicked.connect(self._clicked)

    def show_value(self, value: Any) -> None:
        self.box.setChecked(bool(value))

    def _clicked(self, checked: bool) -> None:
        self.changed.emit(checked)
        self.settled.emit()


class ColourRow(Row):
    """name | swatch. Values are linear (r, g, b) in [0, 1]; the dialog and the swatch show sRGB."""

    def __init__(self, name: str, tip: str) -> None:
        super().__init__(name, tip)
        self._value = (0.0, 0.0, 0.0)
        self.swatch = QToolButton()
        self.swatch.setToolTip(tip)
        self.swatch.setAccessibleName(name)
        self.swatch.clicked.connect(self._choose)
        self.setLayout(hbox(self.name, self.swatch, None))

    def show_value(self, value: Sequence[float]) -> None:
        self._value = (float(value[0]), float(value[1]), float(value[2]))
        self.swatch.setStyleSheet(
            f"QToolButton {{ background: {self._shown().name()}; border-radius: 4px; padding: 0;"
            " min-width: 40px; max-width: 40px; min-height: 16px; max-height: 16px; }"
        )

    def _shown(self) -> QColor:
        return QColor.fromRgbF(*(float(c) for c in linear_to_srgb(np.array(self._value))))

    def _choose(self) -> None:
        picked = QColorDialog.getColor(self._shown(), self.window(), self.name.text())
        if not picked.isValid():
            return
        rgb = np.array([picked.redF(), picked.greenF(), picked.blueF()])
        value = tuple(round(float(c), 4) for c in srgb_to_linear(rgb))
        self.show_value(value)
        self.changed.emit(value)
        self.settled.emit()


def row_for(setting: dict[str, Any]) -> Row:
    """The control of one setting of the catalog (kernels.settings.describe_settings): kind, bounds, unit, help."""
    title, tip = setting["title"].capitalize(), setting["help"]
    if setting["kind"] == "flag":
        return FlagRow(title, tip)
    if setting["kind"] == "choice":
        return ChoiceRow(title, tip, [(choice, choice) for choice in setting["choices"]])
    return NumberRow(
        title,
        tip,
        setting["low"],
        setting["high"],
        unit=setting["unit"],
        log=setting["log"],
        whole=setting["kind"] == "count",
    )
