"""The section of the gradient method: which, and its settings as controls made from the catalog."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap

from app.controller import Controller
from app.controls import ChoiceRow, Row
from app.experiment_panel.adapt import with_method
from app.experiment_panel.base import CatalogRows, PanelSection
from app.theme import Theme
from app.widgets import Themed, current_theme, frame, vbox
from core.catalog import entries, entry
from core.experiment import Experiment
from core.experiments.fitting import method_reason


def dot_icon(colour: str) -> QIcon:
    """A run's colour as a combo box's icon."""
    pixmap = QPixmap(20, 20)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(QRectF(2, 2, 16, 16))
    painter.end()
    pixmap.setDevicePixelRatio(2)
    return QIcon(pixmap)


class MethodSection(PanelSection, CatalogRows, Themed):
    def __init__(self, controller: Controller) -> None:
        super().__init__(controller, "Method", "How the image is made differentiable")
        self.names = [m["name"] for m in entries("methods")]
        self.choice = ChoiceRow("", "The gradient method", [(name, name) for name in self.names])
        self.choice.combo.setIconSize(QSize(10, 10))
        for index, method in enumerate(entries("methods")):
            tip = f"{method['title']}: {method['summary']}"
            self.choice.combo.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
        self.choice.changed.connect(self.choose)
        self.settings: dict[str, Row] = {}
        self._shown = ""
        self._body = vbox(gap=2)
        self.rows.addWidget(self.choice)
        self.rows.addWidget(frame(self._body))
        self.set_theme(current_theme())

    def set_theme(self, theme: Theme) -> None:
        for index, name in enumerate(self.names):
            self.choice.combo.setItemIcon(index, dot_icon(theme.run_colour(name)))

    def show_experiment(self, experiment: Experiment) -> None:
        method = experiment.method
        for name in self.names:
            reason = method_reason(name, experiment.shape.kind)
            item = f"{entry('methods', name)['title']}: {entry('methods', name)['summary']}"
            self.choice.disable_choice(name, reason)
            if not reason:
                self.choice.combo.setItemData(self.names.index(name), item, Qt.ItemDataRole.ToolTipRole)
        self.choice.show_value(method.name)
        self.choice.combo.setToolTip(self._tip(method.name))
        if method.name != self._shown:
            self._shown = method.name
            self.make_rows("methods", "method", method.name)
        for setting in entry("methods", method.name)["settings"]:
            self.settings[setting["name"]].show_value(method.settings.get(setting["name"], setting["default"]))
        self.set_summary(method.name)

    def _tip(self, name: str) -> str:
        method = entry("methods", name)
        lines = [f"{method['title']}: {method['summary']}", method["cannot"], method["paper"]]
        return "\n".join(line for line in lines if line)

    def choose(self, name: str) -> None:
        """Another method, as one edit; unknown names are refused by the catalog."""
        self.edit("method", with_method(self.controller.experiment, name))
