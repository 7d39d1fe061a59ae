"""The panel of the field's slice: what it shows, across which axis and where, its colours' range, and the cut.

Convention: it says what a hand wants by `changed` and shows what it is told (app/lab/field_slices.py).
"""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app import numbers
from app.controls.fields import STEPS, QuietSlider
from app.lab.panels import Panel, tick
from app.panes.footer import paint_bar
from app.theme import BASE, HINT, NUMBER, REGULAR, Theme, font
from app.widgets import Segment, Themed, current_theme, frame, hbox, label
from core.derivatives.questions import FieldSliced

AXES = ("x", "y", "z")


class SignedBar(QWidget, Themed):
    """The signed map with its ends and zero below it."""

    def __init__(self) -> None:
        super().__init__()
        self._theme, self.limit = current_theme(), None
        self.setFixedHeight(27)
        self.setToolTip("What the colours mean; the surface is the thick line")

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_limit(self, limit: float | None) -> None:
        """+- what the colours span; None for nothing to show."""
        self.limit = limit
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self.limit is None:
            return
        painter = QPainter(self)
        paint_bar(painter, QRectF(0, 2, self.width(), 8), self._theme.signed_lut())
        painter.setPen(QColor(self._theme.text2))
        painter.setFont(font(HINT))
        row = QRectF(0, 12, self.width(), 15)
        flags = Qt.AlignmentFlag
        for side, text in (
            (flags.AlignLeft, numbers.number(-self.limit)),
            (flags.AlignHCenter, "0"),
            (flags.AlignRight, numbers.number(self.limit, signed=True)),
        ):
            painter.drawText(row, side | flags.AlignVCenter, text)


class FieldPanel(Panel, Themed):
    """changed(): another slice is wanted. cut_changed(): what lies before it is cut away, or no longer."""

    changed = pyqtSignal()
    cut_changed = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "Field slice", "")
        self.shows = Segment(
            "Distance",
            "dL/dvalue",
            tips=("The field: negative inside; isolines at round distances", "The last step's loss by each distance"),
        )
        self.axis = Segment(*AXES, tips=tuple(f"A plane across the shape's {a} axis" for a in AXES))
        self.axis.set_index(2)
        self.place = QuietSlider()
        self.place.setValue(STEPS // 2)
        self.place.setToolTip("Where the plane cuts its axis")
        self.at = label("", BASE, NUMBER, "text", right=True)
        self.at.setFixedWidth(76)
        self.bar = SignedBar()
        self.cut = tick("Cut away what is before it", "Leave out the half of the shape that hides the plane", True)
        self.note = label("", HINT, REGULAR, "text3")
        self.note.setWordWrap(True)
        right = (0, 0, 4, 0)
        self.rows.addWidget(frame(hbox(self.shows, None, margins=right), height=30))
        self.rows.addWidget(frame(hbox(self.axis, None, self.at, margins=right), height=30))
        self.rows.addWidget(frame(hbox(self.place, margins=right), height=26))
        self.rows.addWidget(frame(hbox(self.bar, margins=right), height=32))
        self.rows.addWidget(frame(hbox(self.cut, None), height=24))
        self.rows.addWidget(self.note)
        self.shows.chosen.connect(lambda _: self.changed.emit())
        self.axis.chosen.connect(lambda _: self.changed.emit())
        self.place.valueChanged.connect(lambda _: self.changed.emit())
        self.cut.toggled.connect(lambda _: self.cut_changed.emit())

    def set_theme(self, theme: Theme) -> None:
        """The picture is in the theme's colours."""
        self.changed.emit()

    def offer_gradient(self, there: bool) -> None:
        """Whether the distances are parameters, and a loss has a derivative by them: a grid's are."""
        self.shows.offer(1, there)

    @property
    def share(self) -> float:
        """Where the plane is, 0 to 1 of the way through."""
        return self.place.value() / STEPS

    def show_sliced(self, sliced: FieldSliced) -> None:
        """Where it lies, what its colours span, and of which step it is."""
        question = sliced.question
        self.at.setText(f"{AXES[question.axis]} = {numbers.number(sliced.at)}")
        known = sliced.picture is not None
        self.bar.set_limit(sliced.limit if known else None)
        self.unit.setText(f"it {sliced.iteration}" if known else "")
        if not known:
            text = "It comes with a step of a fit whose values are free."
        elif question.gradient:
            text = "By each node of this layer. Orange: a larger distance there raises the loss."
        else:
            text = f"Isolines every {numbers.number(sliced.spacing)}; the surface is the thick line."
        self.show_note(text)

    def show_note(self, text: str) -> None:
        self.note.setText(text)
        self.adjustSize()
