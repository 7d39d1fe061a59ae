"""The order of the Tab key where rows are made anew: Qt puts a new control last, wherever it stands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLayout, QWidget


def tab_stops(widget: QWidget) -> Iterator[QWidget]:
    """A widget and those below it at which Tab stops, in the order of their layouts: as they are read."""
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield widget
    layout = widget.layout()
    if layout is not None:
        yield from _stops_of(layout)


def _stops_of(layout: QLayout) -> Iterator[QWidget]:
    for index in range(layout.count()):
        item = layout.itemAt(index)
        if item is None:
            continue
        below, inner = item.widget(), item.layout()
        if below is not None:
            yield from tab_stops(below)
        elif inner is not None:
            yield from _stops_of(inner)


def chain_tabs(root: QWidget) -> None:
    """Let Tab go through all below `root` as it is read."""
    for before, after in itertools.pairwise(tab_stops(root)):
        if before.nextInFocusChain() is not after:
            QWidget.setTabOrder(before, after)
