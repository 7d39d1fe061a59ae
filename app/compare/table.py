"""The table of a comparison: a row a run, the best of each column bold, what it cannot show at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from app import numbers
from app.theme import BASE, HINT, NUMBER, REGULAR, TITLE, font
from app.widgets import Dot, Elided, Head, Segment, clear, hbox, label, mini, rule, set_tone, vbox
from core.comparison.table import Column, LaneResult, best_of, columns_of

NOTE = "Bold is the best of its column. Each run is judged at its own pose. A card's menu adds a repeat, which tells the noise."
SPARE = ("held_out_psnr", "total_gradient_relative_error", "steps_to", "silhouette_relative_l2", "translation_error")
"""Columns that are left out where the card is narrow, the first first."""
CELL, CANNOT = 60, 124
"""Logical pixels a column needs, and the last one."""


AT_STEP, FINAL = range(2)


class Table(QFrame):
    """`export` and `when` (AT_STEP or FINAL: of which step the numbers are) stand in its title bar."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.export = mini("export", "Write the table, the curves and the pictures into a folder")
        tips = ("Numbers of the step on screen, as the timeline is scrubbed", "Numbers of the newest step")
        self.when = Segment("At it 0", "Final", tips=tips)
        self.head = Head("Table", self.when, self.export)
        self.tokens: list[str] = []
        """What each run is coloured by; the methods where it is empty."""
        self._results: list[LaneResult] = []
        self._noise: dict[str, float] = {}
        self._remarks: list[str] = []
        self._shape: tuple = ()
        self._cells: dict[tuple[int, str], QLabel] = {}
        self._cannot: dict[int, Elided] = {}
        self._grid = QGridLayout()
        self._grid.setContentsMargins(12, 0, 12, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(0)
        self._body = QWidget()
        self._body.setLayout(self._grid)
        self.note = Elided(NOTE, HINT, REGULAR, "text3")
        self.setLayout(vbox(self.head, self._body, None, hbox(self.note, margins=(12, 0, 12, 8))))

    def set_results(
        self, results: Sequence[LaneResult], noise: Mapping[str, float] | None = None, remarks: Sequence[str] = ()
    ) -> None:
        """Show these runs; the layout is made anew only where its columns or runs change. noise: of a column, from
        repeats; nothing is best that does not rise above it. remarks: what else is to be known."""
        self._results, self._noise, self._remarks = list(results), dict(noise or {}), list(remarks)
        self.note.setText(" ".join(remarks) or NOTE)
        self.note.set_tip("\n".join(remarks))
        columns = self._columns()
        shape = (tuple(c.key for c in columns), tuple((r.name, r.method) for r in results))
        if shape != self._shape:
            self._shape = shape
            self._build(columns)
        for column in columns:
            best = best_of(self._results, column, self._noise.get(column.key, 0.0))
            for row, result in enumerate(self._results):
                cell = self._cells[row, column.key]
                cell.setText(_text(result.value(column.key), column))
                set_tone(cell, "text" if best == row else "text2")
                cell.setFont(font(BASE, TITLE if best == row else REGULAR))
        for row, result in enumerate(self._results):
            cell = self._cannot[row]
            cell.setText(result.trouble or result.misses or "–")
            cell.set_tip("" if result.trouble else result.cannot)

    def set_step(self, iteration: int | None) -> None:
        """The step on screen, for the switch."""
        self.when.button(AT_STEP).set_label(f"At it {numbers.integer(iteration or 0)}")

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().resizeEvent(event)
        if self._results:
            self.set_results(self._results, self._noise, self._remarks)

    def _columns(self) -> list[Column]:
        """What there is room for."""
        columns = columns_of(self._results)
        room = max(3, int((self.width() - 24 - 110 - CANNOT) / CELL))
        for key in SPARE:
            if len(columns) > room:
                columns = [c for c in columns if c.key != key]
        return columns[:room]

    def _build(self, columns: Sequence[Column]) -> None:
        clear(self._grid)
        for place in range(self._grid.columnCount()):
            self._grid.setColumnStretch(place, 0)
        self._cells = {}
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        self._grid.addWidget(label("Run", HINT, REGULAR, "text2"), 0, 0)
        for place, column in enumerate(columns, 1):
            title = label(column.title, HINT, REGULAR, "text2", right=True)
            title.setToolTip(column.tip)
            self._grid.addWidget(title, 0, place, right)
        last = len(columns) + 1
        self._grid.addWidget(label("Cannot show", HINT, REGULAR, "text2"), 0, last)
        for row, result in enumerate(self._results):
            self._grid.addWidget(rule(), 2 * row + 1, 0, 1, last + 1)
            name = QWidget()
            text = Elided(result.name, BASE, TITLE, "text")
            name.setLayout(hbox(Dot(self.tokens[row] if row < len(self.tokens) else result.method), text, gap=5))
            name.setMinimumWidth(90)
            self._grid.addWidget(name, 2 * row + 2, 0)
            for place, column in enumerate(columns, 1):
                cell = self._cells[row, column.key] = label("", BASE, NUMBER, "text2", right=True)
                cell.setToolTip(column.tip)
                self._grid.addWidget(cell, 2 * row + 2, place, right)
            cannot = self._cannot[row] = Elided("", HINT, REGULAR, "text2", lines=2)
            cannot.setMinimumWidth(100)
            self._grid.addWidget(cannot, 2 * row + 2, last)
            self._grid.setRowMinimumHeight(2 * row + 2, 32)
        self._grid.setRowMinimumHeight(0, 22)
        self._grid.setColumnStretch(last, 1)


def _text(value: float | None, column: Column) -> str:
    """A number as the window writes them, with its unit."""
    if value is None:
        return numbers.NOT_A_NUMBER
    text = numbers.integer(int(value)) if column.key == "steps_to" else numbers.number(value)
    return f"{text}{'' if column.unit == '°' else ' '}{column.unit}".strip()
