"""What the Inspector says of a probed pixel: the layers under it, and the parameters that move it, largest first.

As many rows as there is room for; every number in full is in its tooltip.
"""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PyQt6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from app import numbers
from app.theme import BASE, HINT, NUMBER, REGULAR, TITLE
from app.widgets import Bar, Elided, frame, hbox, label, vbox
from core.derivatives.questions import Layer, Mover, Probed

ROW, HEAD = 19, 24
MOST_LAYERS, MOST_MOVERS = 3, 8
CLICK = "Click the pixel, or press P, to see what moves it."
LEAST_MOVERS = 3
"""Shown before any layer is: at 1024 x 700 the layers go first."""


class MoverRow(QFrame):
    """One vertex, cell or element: its name, a bar, a number. chosen(theta) when it is clicked."""

    chosen = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("sectionHead")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(ROW)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.theta = ""
        self.name = Elided("", BASE, REGULAR, "text2")
        self.name.setFixedWidth(92)
        self.bar = Bar("")
        self.size_ = label("", BASE, NUMBER, "text", right=True)
        self.size_.setMinimumWidth(46)
        self.setLayout(hbox(self.name, self.bar, self.size_, gap=6))

    def show_mover(self, mover: Mover, largest: float, method: str) -> None:
        self.theta = mover.theta
        self.name.setText(mover.label)
        self.bar.set_token(method)
        self.bar.set_share(mover.size / max(largest, 1e-30))
        self.size_.setText(numbers.number(mover.size))
        parts = ", ".join(numbers.number(v, signed=True) for v in mover.vector)
        tip = f"{mover.label}: {parts}. Click to see its derivative image."
        self.setToolTip(tip)
        self.name.set_tip(tip)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self.theta)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.theta)
        else:
            super().keyPressEvent(event)


class ProbeRows(QWidget):
    """Layers and movers. mover_chosen(theta)."""

    mover_chosen = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._layers: list[tuple[QFrame, QLabel, QLabel, QLabel]] = []
        self.layers_head = _head("Layers", "triangle, depth")[0]
        for index in range(MOST_LAYERS):
            name = label(str(index), BASE, REGULAR, "text2")
            triangle, depth = (label("", BASE, REGULAR, "text", right=True) for _ in range(2))
            depth.setFixedWidth(52)
            self._layers.append((frame(hbox(name, None, triangle, depth), height=ROW), name, triangle, depth))
        self.movers_head, self.unit = _head("Parameters that move it", "|dI/dv|")
        self.note = label("", BASE, REGULAR, "text3")
        self.note.setWordWrap(True)
        self.movers = [MoverRow() for _ in range(MOST_MOVERS)]
        for row in self.movers:
            row.chosen.connect(self.mover_chosen)
        layers = [row for row, *_ in self._layers]
        self.setLayout(vbox(self.layers_head, *layers, self.movers_head, self.note, *self.movers, None))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.setMinimumHeight(0)
        self._shown: tuple[tuple[Layer, ...], tuple[Mover, ...], str, str] = ((), (), "", "")

    def show_layers(self, layers: tuple[Layer, ...], note: str) -> None:
        """A pixel of which no more is known. note: why."""
        self._show(layers, (), "", note)

    def show_probed(self, probed: Probed, method: str) -> None:
        names = {"vertices": "|dI/dv|", "values": "|dI/dvalue|"}
        self.unit.setText(names.get(probed.parameter, "|dI/dp|"))
        self.movers_head.setToolTip(f"Reverse mode, {numbers.number(probed.milliseconds, 2)} ms")
        note = "" if probed.movers else "Nothing moves it."
        self._show(probed.layers, probed.movers, method, note)

    def _show(self, layers: tuple[Layer, ...], movers: tuple[Mover, ...], method: str, note: str) -> None:
        self._shown = (layers, movers, method, note)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._fit()

    def _fit(self) -> None:
        """Fill the rows that there is room for: some movers, then the layers, then more movers."""
        layers, movers, method, note = self._shown
        room = self.height()
        wanted = HEAD + ROW * (min(len(movers), LEAST_MOVERS) if movers else 2)
        shown_layers = min(len(layers), MOST_LAYERS, max(0, (room - wanted - HEAD) // ROW))
        self.layers_head.setVisible(shown_layers > 0)
        room -= HEAD + ROW * shown_layers if shown_layers else 0
        for index, (row, name, triangle, depth) in enumerate(self._layers):
            row.setVisible(index < shown_layers)
            if index < shown_layers:
                more = len(layers) - shown_layers if index == shown_layers - 1 else 0
                name.setText(f"{index}  ({more} more)" if more else str(index))
                triangle.setText("field" if layers[index].triangle is None else str(layers[index].triangle))
                depth.setText(numbers.number(layers[index].depth))
        under = "; ".join(f"{i}: {_layer_words(layer)}" for i, layer in enumerate(layers))
        self.setToolTip(f"Layers under the pixel, nearest first: {under}" if under else "")
        self.note.setText(note)
        self.note.setVisible(bool(note))
        count = 0 if note else max(0, min((room - HEAD) // ROW, len(movers), MOST_MOVERS))
        largest = movers[0].size if movers else 1.0
        for index, row in enumerate(self.movers):
            row.setVisible(index < count)
            if index < count:
                row.show_mover(movers[index], largest, method)
        self.movers_head.setVisible(count > 0 or bool(note))


def _head(title: str, unit: str) -> tuple[QFrame, QLabel]:
    shown = label(unit, HINT, REGULAR, "text3", right=True)
    return frame(hbox(label(title, HINT, TITLE, "text2"), None, shown), height=HEAD), shown


def _layer_words(layer: Layer) -> str:
    what = "the surface" if layer.triangle is None else f"triangle {layer.triangle}"
    return f"{what} at {numbers.number(layer.depth)}"
