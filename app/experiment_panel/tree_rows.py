"""A row of the parameter tree, and the editor of its value."""

from __future__ import annotations

import contextlib

from PyQt6.QtCore import QAbstractItemModel, QModelIndex, Qt, pyqtSignal
from PyQt6.QtWidgets import QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QTreeWidget, QTreeWidgetItem, QWidget

from app import numbers
from app.theme import BASE, TREE_HEIGHT, font

NAME, VALUE, GRADIENT = 0, 1, 2


class Row(QTreeWidgetItem):
    """One line. components: of a parameter, () for a component, a scalar or a direction."""

    def __init__(
        self, title: str, name: str, tip: str, components: tuple[str, ...] = (), *, can_free: bool = True
    ) -> None:
        super().__init__([title, "", ""])
        self.name, self.title, self.components, self.can_free = name, title, components, can_free
        self.is_free = False
        self.setToolTip(NAME, tip)
        editable = can_free and not components
        self.setToolTip(VALUE, "Value; double-click to set it" if editable else "Value")
        if editable:
            self.setFlags(self.flags() | Qt.ItemFlag.ItemIsEditable)
        self.setToolTip(GRADIENT, "Size of the loss's gradient")
        for column in (VALUE, GRADIENT):
            self.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if can_free:
            self.setCheckState(NAME, Qt.CheckState.Unchecked)

    def rows(self) -> list[Row]:
        """The rows below it."""
        return [child for i in range(self.childCount()) if isinstance(child := self.child(i), Row)]


class ValueEditor(QStyledItemDelegate):
    """Edits the value column with a number field. `entered(name, value)`; the tree itself shows what comes back."""

    entered = pyqtSignal(str, float)

    def createEditor(self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex) -> QWidget | None:
        if index.column() != VALUE:
            return None
        editor = QLineEdit(parent)
        editor.setFont(font(BASE))
        editor.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        editor.setStyleSheet(f"min-height: {TREE_HEIGHT - 2}px; max-height: {TREE_HEIGHT - 2}px; padding: 0 2px;")
        return editor

    def setEditorData(self, editor: QWidget | None, index: QModelIndex) -> None:
        if isinstance(editor, QLineEdit) and not editor.isModified():  # a running fit writes the row meanwhile
            editor.setText(str(index.data()).removesuffix("°"))
            editor.selectAll()

    def setModelData(self, editor: QWidget | None, model: QAbstractItemModel | None, index: QModelIndex) -> None:
        tree = self.parent()
        if isinstance(editor, QLineEdit) and editor.isModified() and isinstance(tree, QTreeWidget):
            row = tree.itemFromIndex(index.siblingAtColumn(NAME))
            with contextlib.suppress(ValueError):  # what is no number changes nothing
                self.entered.emit(row.name if isinstance(row, Row) else "", numbers.parse(editor.text()))
