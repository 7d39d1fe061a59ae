"""The two panels over the 3D view: vertex gradients (arrows, the largest, clip) and mesh health.

Convention: each says what a hand wants by signals and shows what it is told; the desk (app/lab/desk.py) connects them.
"""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QFrame, QLabel, QWidget

from app import numbers
from app.controls.fields import STEPS, NumberField, QuietSlider
from app.theme import BASE, HINT, NUMBER, REGULAR, TITLE, font
from app.widgets import IconButton, frame, hbox, label, mini, vbox
from core.derivatives.questions import Checked

WIDTH = 232
CLIPS = (90.0, 100.0)
"""Percentiles that the clip's slider runs over."""
MOST = 12
LINE, OTHERS = 26, 240
"""Height of a line of the list, and of what stands above and below the list in the viewport, px."""


class Panel(QFrame):
    """A title with a cross, and a body. closed(): the cross was pressed."""

    closed = pyqtSignal()

    def __init__(self, parent: QWidget, title: str, unit: str) -> None:
        super().__init__(parent)
        self.setObjectName("overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        close = mini("close", f"Close {title.lower()}")
        close.clicked.connect(self.closed)
        self.unit = label(unit, HINT, REGULAR, "text3")
        head = frame(hbox(label(title, BASE, TITLE), self.unit, None, close), height=28)
        self.rows = vbox(head, margins=(10, 0, 6, 8))
        self.setLayout(self.rows)
        self.hide()


class GradientPanel(Panel):
    """arrows_wanted(bool), count_changed(int), clip_changed(percentile, hold), vertex_chosen(index)."""

    arrows_wanted = pyqtSignal(bool)
    count_changed = pyqtSignal(int)
    clip_changed = pyqtSignal(float, bool)
    vertex_chosen = pyqtSignal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "Vertex gradients", "|dL/dv|")
        self.arrows = tick("Arrows", "Where the loss pulls each vertex: −dL/dv, of the largest", True)
        self.count = NumberField(1, 1500, whole=True)
        self.count.setToolTip("How many of the largest have an arrow")
        self.count.show_value(200)
        self.clip = QuietSlider()
        self.clip.setToolTip("Clip: above this percentile all gradients have one colour and one length")
        self.clip.setValue(round(STEPS * 0.95))
        self.percent = label("99.5 %", BASE, NUMBER, "text", right=True)
        self.percent.setFixedWidth(48)
        self.hold = tick("Hold the range", "Keep the colours' range while the fit goes on", False)
        self.rows.addWidget(frame(hbox(self.arrows, None, self.count), height=26))
        self.rows.addWidget(frame(hbox(label("Clip", BASE, REGULAR, "text2"), self.clip, self.percent), height=26))
        self.rows.addWidget(self.hold)
        self.note = label("Comes with a step, or with a derivative image.", HINT, REGULAR, "text3")
        self.note.setWordWrap(True)
        self.rows.addWidget(self.note)
        self.lines: list[IconButton] = []
        for _ in range(5):
            line = IconButton("", name="quiet", tip="Choose this vertex and see its derivative image")
            line.setFont(font(HINT))
            line.clicked.connect(lambda _checked=False, line=line: self.vertex_chosen.emit(line.property("vertex")))
            line.hide()
            self.lines.append(line)
            self.rows.addWidget(line)
        self.arrows.toggled.connect(self.arrows_wanted)
        self.count.entered.connect(lambda value: self.count_changed.emit(int(value)))
        self.clip.valueChanged.connect(self._on_clip)
        self.hold.toggled.connect(self._on_clip)

    @property
    def percentile(self) -> float:
        return CLIPS[0] + (CLIPS[1] - CLIPS[0]) * self.clip.value() / STEPS

    def _on_clip(self) -> None:
        self.percent.setText(f"{self.percentile:.1f} %")
        self.clip_changed.emit(self.percentile, self.hold.isChecked())

    def show_largest(self, vertices: np.ndarray, sizes: np.ndarray) -> None:
        """The largest, in order, as many as there is room for."""
        self.note.setVisible(len(vertices) == 0)
        parent = self.parentWidget()
        room = (parent.height() - OTHERS) // LINE if parent else MOST
        for index, line in enumerate(self.lines):
            there = index < min(len(vertices), max(room, 1))
            line.setVisible(there)
            if there:
                line.setProperty("vertex", int(vertices[index]))
                line.set_label(f"vertex {int(vertices[index])}   {numbers.number(float(sizes[index]))}")
        self.adjustSize()


class HealthPanel(Panel):
    """check_wanted(), mark_wanted(name or "")."""

    check_wanted = pyqtSignal()
    mark_wanted = pyqtSignal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "Mesh health", "")
        self.note = label("Checking…", BASE, REGULAR, "text2")
        self.note.setWordWrap(True)
        self.again = IconButton("Check again", name="link", tip="Look at the current triangles once more")
        self.again.clicked.connect(self.check_wanted)
        self.lines: list[tuple[QFrame, QLabel, IconButton]] = []
        for _ in range(MOST):
            name = label("", BASE, REGULAR, "text2")
            count = IconButton("", name="quiet", tip="Mark these in the 3D view", checkable=True)
            count.clicked.connect(lambda on, count=count: self._on_line(count, on))
            row = frame(hbox(name, None, count), height=22)
            self.lines.append((row, name, count))
            self.rows.addWidget(row)
            row.hide()
        self.rows.addWidget(self.note)
        self.rows.addWidget(frame(hbox(self.again, None), height=26))
        self.stale = False

    def show_checked(self, checked: Checked | None) -> None:
        """The counts, or that they are being counted."""
        counts = () if checked is None else checked.counts[:MOST]
        for index, (row, name, count) in enumerate(self.lines):
            row.setVisible(index < len(counts))
            if index < len(counts):
                title, number = counts[index]
                marked = checked is not None and title in checked.marks and number > 0
                name.setText(title)
                count.set_label(f"{number:,}")
                count.setProperty("title", title)
                count.setEnabled(marked)
                count.setChecked(False)
                tip = f"Mark {title.lower()} in the 3D view" if marked else "Nothing to mark"
                count.setToolTip(tip)
        wrong = sum(number for _, number in counts)
        self.note.setText(
            "Checking…" if checked is None else f"it {checked.iteration}" + ("" if wrong else ": all well")
        )
        self.adjustSize()

    def show_reason(self, text: str) -> None:
        """Why there is nothing to check."""
        for row, *_ in self.lines:
            row.hide()
        self.note.setText(text)
        self.adjustSize()

    def _on_line(self, button: IconButton, on: bool) -> None:
        for _, _, other in self.lines:
            if other is not button:
                other.setChecked(False)
        self.mark_wanted.emit(button.property("title") if on else "")


def tick(text: str, tip: str, checked: bool) -> QCheckBox:
    """A tick box in the panels' type."""
    box = QCheckBox(text)
    box.setFont(font(BASE))
    box.setToolTip(tip)
    box.setChecked(checked)
    return box
