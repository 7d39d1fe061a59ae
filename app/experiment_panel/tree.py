"""The tree of parameters: which are free, their values and gradients, and the theta of the derivative images.

Convention: a row's `name` is the dotted name of the parameter or component, or a direction ("vertices.normal",
"random"), which can be derived by but not freed. Values and gradients are filled in place, many times a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PyQt6.QtCore import QModelIndex, QPoint, QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QKeyEvent, QMouseEvent, QPainter, QPen
from PyQt6.QtWidgets import (
    QFrame,
    QHeaderView,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
)

from app import numbers
from app.experiment_panel.tree_rows import GRADIENT, NAME, VALUE, Row, ValueEditor
from app.theme import BASE, HINT, TITLE, TREE_HEIGHT, Theme, font
from app.widgets import Themed, current_theme

VALUE_WIDTH, GRADIENT_WIDTH = 58, 50
ARRAYS = frozenset({"vertices", "vertex_colours", "texture", "decoder", "values", "light.sh"})
"""Parameters that are no single number or direction: nothing to derive by as a whole."""

FITS = 7
"""Characters of the value column."""
CHIP = 16
"""Width of the theta marker."""


class ParameterTree(QTreeWidget, Themed):
    """`freed(name, components, chosen)` when a box was ticked; `theta_chosen(name)`; `value_entered(name, value)`."""

    freed = pyqtSignal(str, object, object)
    theta_chosen = pyqtSignal(str)
    value_entered = pyqtSignal(str, float)

    def __init__(self) -> None:
        super().__init__()
        self._theme, self._theta, self._hovered = current_theme(), "", QModelIndex()
        self._rows: dict[str, Row] = {}
        self.setColumnCount(3)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(True)
        self.setIndentation(11)
        self.setFont(font(BASE))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setUniformRowHeights(True)
        self.setExpandsOnDoubleClick(False)
        self.setMouseTracking(True)
        self.setAccessibleName("Free parameters")
        header = self.header()
        assert header is not None
        header.setMinimumSectionSize(20)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in ((VALUE, VALUE_WIDTH), (GRADIENT, GRADIENT_WIDTH)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, width)
        self.itemChanged.connect(self._ticked)
        self.itemDoubleClicked.connect(self._double_clicked)
        self.setEditTriggers(QTreeWidget.EditTrigger.NoEditTriggers)
        editor = ValueEditor(self)
        editor.entered.connect(self.value_entered)
        self.setItemDelegateForColumn(VALUE, editor)
        self.itemExpanded.connect(lambda item: self._fit_height())
        self.itemCollapsed.connect(lambda item: self._fit_height())

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._paint_rows()

    # ------------------------------------------------------------------------------------------ building

    def rebuild(self, parameters: list[tuple[str, str, tuple[str, ...]]]) -> None:
        """parameters: (name, title, components). Directions are added to them."""
        self.blockSignals(True)
        self.clear()
        self._rows = {}
        for name, title, components in parameters:
            row = self._add(None, Row(title, name, f"{title}: tick to let the fit move it ({name})", components))
            for component in components:
                part = f"{name}.{component}"
                self._add(row, Row(component, part, f"{title}, {component}: tick to let the fit move it ({part})"))
            if name == "vertices":
                tip = "Derive by inflation: every vertex moves along its normal"
                self._add(row, Row("normals", "vertices.normal", tip, can_free=False))
        tip = "Derive by a seeded random direction over the first free parameter"
        self._add(None, Row("random direction", "random", tip, can_free=False))
        self.blockSignals(False)
        self._fit_height()

    def _add(self, parent: Row | None, row: Row) -> Row:
        if parent is None:
            self.addTopLevelItem(row)
        else:
            parent.addChild(row)
        self._rows[row.name] = row
        return row

    def row(self, name: str) -> Row | None:
        return self._rows.get(name)

    def _top_rows(self) -> list[Row]:
        return [item for i in range(self.topLevelItemCount()) if isinstance(item := self.topLevelItem(i), Row)]

    def _fit_height(self) -> None:
        """All rows are shown; the panel scrolls, not the tree."""
        count = sum(1 + (len(row.rows()) if row.isExpanded() else 0) for row in self._top_rows())
        self.setFixedHeight(TREE_HEIGHT * count + 2)

    # ------------------------------------------------------------------------------------------ showing

    def show_free(self, chosen: Mapping[str, tuple[str, ...]]) -> None:
        """chosen: free parameter -> its free components, or (name,) where it has none."""
        self.blockSignals(True)
        for row in self._top_rows():
            free = chosen.get(row.name, ())
            row.is_free = bool(free)
            if row.can_free:
                partial = bool(row.components) and 0 < len(free) < len(row.components)
                state = Qt.CheckState.PartiallyChecked if partial else Qt.CheckState(2 * bool(free))
                row.setCheckState(NAME, state)
            for part in row.rows():
                if part.can_free:
                    part.is_free = part.name.rpartition(".")[2] in free
                    part.setCheckState(NAME, Qt.CheckState.Checked if part.is_free else Qt.CheckState.Unchecked)
                else:
                    part.is_free = row.is_free
        self.blockSignals(False)
        self._paint_rows()

    def unfold_free(self) -> None:
        """Free parameters open, held ones closed: how a tree begins."""
        for row in self._top_rows():
            row.setExpanded(row.is_free)
        self._fit_height()

    def _paint_rows(self) -> None:
        self.blockSignals(True)
        muted, soft, plain = (QBrush(QColor(c)) for c in (self._theme.text3, self._theme.text2, self._theme.text))
        for row in self._rows.values():
            on = row.is_free or not row.can_free
            row.setForeground(NAME, plain if on else muted)
            row.setForeground(VALUE, plain if on else muted)
            row.setForeground(GRADIENT, soft if on else muted)
        self.blockSignals(False)

    def set_theta(self, theta: str | None) -> None:
        """Mark the row that the derivative images are taken by."""
        self._theta = theta or ""
        row = self._rows.get(self._theta)
        if row is not None:
            parent = row.parent()
            if parent is not None and not parent.isExpanded():
                parent.setExpanded(True)
            self.setCurrentItem(row)
        self.viewport().update()  # type: ignore[union-attr]

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """How many numbers a bulk parameter has, shown in place of a value."""
        for name, count in counts.items():
            row = self._rows.get(name)
            if row is not None and not row.components and count > 1:
                _write(row, VALUE, numbers.integer(count))

    def show_values(self, values: Mapping[str, Any], units: Mapping[str, str]) -> None:
        """values: as Snapshot.values, lists for parameters with components."""
        for name, value in values.items():
            row = self._rows.get(name)
            if row is None:
                continue
            unit = units.get(name, "")
            unit = unit if unit == "°" else ""
            if row.components and isinstance(value, (list, tuple)):
                for component, number in zip(row.components, value):
                    _write(self._rows[f"{name}.{component}"], VALUE, _short(number, unit))
            elif not isinstance(value, (list, tuple)):
                _write(row, VALUE, _short(value, unit))

    def show_gradients(self, gradients: Mapping[str, float]) -> None:
        """gradients: as Scalars.gradients; rows without one show a dash."""
        for name, row in self._rows.items():
            if row.can_free:
                gradient = gradients.get(name)
                _write(row, GRADIENT, numbers.narrow(None if gradient is None else abs(gradient)))

    def clear_numbers(self) -> None:
        for row in self._rows.values():
            _write(row, GRADIENT, numbers.NOT_A_NUMBER if row.can_free else "")

    # ------------------------------------------------------------------------------------------ the theta marker

    def _chip(self, index: QModelIndex) -> QRect:
        """Where the marker of a row stands: after its name."""
        first = index.siblingAtColumn(NAME)
        row = self.itemFromIndex(first)
        left = self.visualRect(first).x() + (21 if isinstance(row, Row) and row.can_free else 4)
        title = row.title if isinstance(row, Row) else ""
        left += self.fontMetrics().horizontalAdvance(title) + 7
        box = self.visualRect(first)
        if isinstance(row, Row) and row.text(VALUE):  # a row without a value has that column's room too
            left = min(left, box.right() - CHIP)
        return QRect(left, box.y() + 3, CHIP, TREE_HEIGHT - 6)

    def drawRow(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        super().drawRow(painter, option, index)
        row = self.itemFromIndex(index.siblingAtColumn(NAME))
        if painter is None or not isinstance(row, Row):
            return
        chosen = row.name == self._theta
        hovered = self._hovered.isValid() and index.siblingAtColumn(NAME) == self._hovered and _derivable(row)
        if not (chosen or hovered):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self._chip(index))
        painter.setFont(font(HINT, TITLE))
        painter.setPen(Qt.PenStyle.NoPen if chosen else QPen(QColor(self._theme.text3), 1))
        painter.setBrush(QColor(self._theme.accent) if chosen else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box if chosen else box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.setPen(QColor(self._theme.accent_ink if chosen else self._theme.text3))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "θ")
        painter.restore()

    def _choose(self, item: QTreeWidgetItem | None) -> None:
        if isinstance(item, Row) and _derivable(item):
            self.theta_chosen.emit(item.name)

    def _double_clicked(self, item: QTreeWidgetItem | None, column: int) -> None:
        if column == VALUE and isinstance(item, Row) and item.can_free and _derivable(item):
            self.editItem(item, VALUE)
        else:
            self._choose(item)

    def choose_current(self) -> None:
        """Derive by the current row (the key H)."""
        self._choose(self.currentItem())

    # ------------------------------------------------------------------------------------------ hands

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        super().mouseMoveEvent(event)
        self._hovered = self.indexAt(event.position().toPoint() if event else QPoint()).siblingAtColumn(NAME)
        self.viewport().update()  # type: ignore[union-attr]

    def leaveEvent(self, event: Any) -> None:
        super().leaveEvent(event)
        self._hovered = QModelIndex()
        self.viewport().update()  # type: ignore[union-attr]

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event:
            index = self.indexAt(event.position().toPoint())
            if index.isValid() and self._chip(index).contains(event.position().toPoint()):
                self._choose(self.itemFromIndex(index.siblingAtColumn(NAME)))
                return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        row = self.currentItem()
        if self.state() == QTreeWidget.State.EditingState:  # the editor's own Return
            return
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(row, Row) and row.can_free:
            checked = row.checkState(NAME) == Qt.CheckState.Checked
            row.setCheckState(NAME, Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked)
            return
        super().keyPressEvent(event)

    def _ticked(self, item: QTreeWidgetItem, column: int) -> None:
        if column != NAME or not isinstance(item, Row) or not item.can_free:
            return
        on = item.checkState(NAME) == Qt.CheckState.Checked
        parent = item.parent()
        if isinstance(parent, Row):
            parts = [row for row in parent.rows() if row.can_free]
            chosen = tuple(r.name.rpartition(".")[2] for r in parts if r.checkState(NAME) == Qt.CheckState.Checked)
            self.freed.emit(parent.name, parent.components, chosen)
        else:
            self.freed.emit(item.name, item.components, (item.components or (item.name,)) if on else ())


def _derivable(row: Row) -> bool:
    """Whether one can derive by it: a number or a direction, not a group of components or an array."""
    return not row.components and row.name not in ARRAYS


def _short(value: float, unit: str) -> str:
    """Three digits, two beside a power, fewer where they would not fit: the column is narrow."""
    texts = [numbers.number(value, digits) + unit for digits in (3, 2, 1)]
    return next((t for t in texts[:2] if len(t) <= FITS and (t is not texts[0] or "e" not in t)), texts[2])


def _write(row: Row, column: int, text: str) -> None:
    if row.text(column) != text:
        row.setText(column, text)
