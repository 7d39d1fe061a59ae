"""Where the panels stand: our own arrangement for three sizes of window, and what a hand made of it.

Convention: while `arranged` is true every resize lays the docks out anew (square panes, fixed side panels); dragging a
separator or a dock makes it false, and Qt keeps what the hand did. Reset layout makes it true again.
"""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QByteArray, QEvent, QObject, Qt, QTimer
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QDockWidget, QMainWindow, QStackedWidget, QWidget

from app.experiment_panel.panel import RAIL_WIDTH, ExperimentPanel, Rail
from app.theme import GAP, PANE_GAP, TITLE_HEIGHT

AREA = Qt.DockWidgetArea
WIDE, ROOMY, TALL = 1200, 1400, 860
"""Logical pixels: below WIDE the experiment is a rail and the lower docks are tabs; below ROOMY or TALL side panels
narrow and sections fold."""

LESSON_WIDTH = 320
TAB_HEIGHT = 28
"""What the tabs of the lower docks take of their height."""
TIMELINE_SHARE = 0.46
CHROME = TITLE_HEIGHT + 24 + 2 + 2 + 25 + 2 + 6
"""What a pane has above and below its square picture: title, caption, footer, gaps."""

LEAST_PANEL = 244
"""Width below which rows of the experiment panel would be cut: the longest setting's name, its slider and its field."""


@dataclass(frozen=True)
class Sizes:
    """Logical pixels of one arrangement: widths, but for images and lower, which are heights (0: the docks are tabs)."""

    left: int
    right: int
    images: int
    lower: int
    curves: int
    timeline: int


def sizes(width: int, height: int, left: int = 0) -> Sizes:
    """The arrangement of a window of width x height. left: width of the left panel where it is not the usual one."""
    wide, tall = width >= WIDE, height >= TALL
    if not left:
        left = RAIL_WIDTH if not wide else 248 if width >= ROOMY else LEAST_PANEL
    right = 280 if width >= ROOMY else 256
    rest = width - 3 * GAP - left
    panes = 6 if wide else 5
    cell = (rest - 16 - (panes - 1) * PANE_GAP) / (6 if wide else 5.3)
    images = min(int(CHROME + cell), int(0.42 * height)) + (0 if wide else TAB_HEIGHT)
    lower = (144 if tall else 128) if wide else 0
    timeline = int(TIMELINE_SHARE * rest)
    return Sizes(left, right, images, lower, int(rest) - timeline, timeline)


class Dock(QDockWidget):
    """A panel with our title bar. Its toggle in the View menu has a tooltip."""

    def __init__(self, name: str, head: QWidget, body: QWidget, window: QMainWindow) -> None:
        super().__init__(name, window)
        self.setObjectName(name)
        self.setTitleBarWidget(head)
        self.setWidget(body)

    def action(self) -> QAction:
        action = self.toggleViewAction()
        assert action is not None
        action.setToolTip(f"Show or hide {self.windowTitle()}")
        return action


class Docks(QObject):
    """All docks of a window and their arrangement."""

    def __init__(
        self,
        window: QMainWindow,
        panel: ExperimentPanel,
        lesson: tuple[QWidget, QWidget],
        inspector: tuple[QWidget, QWidget],
        images: tuple[QWidget, QWidget],
        curves: tuple[QWidget, QWidget],
        timeline: tuple[QWidget, QWidget],
    ) -> None:
        """Pairs are (title bar, body)."""
        super().__init__(window)
        self.window, self.panel, self.rail = window, panel, Rail(panel)
        self.arranged, self.narrow, self.unfolded = True, False, False
        self._arranging = self.comparing = False
        window.setDockOptions(QMainWindow.DockOption.AllowNestedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        window.setCorner(Qt.Corner.BottomLeftCorner, AREA.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.TopLeftCorner, AREA.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, AREA.BottomDockWidgetArea)
        self._stack = QStackedWidget()
        self._stack.addWidget(panel)
        self._stack.addWidget(self.rail)
        self._no_head = QWidget()
        self.experiment = Dock("Experiment", panel.head, self._stack, window)
        self.lesson = Dock("Lesson", *lesson, window)
        self.inspector = Dock("Inspector", *inspector, window)
        self.images = Dock("Images", *images, window)
        self.curves = Dock("Curves", *curves, window)
        self.timeline = Dock("Timeline", *timeline, window)
        self.all = (self.experiment, self.lesson, self.inspector, self.images, self.curves, self.timeline)
        self.lower = (self.images, self.curves, self.timeline)
        self._place()
        self.lesson.hide()
        for dock in self.all:
            dock.topLevelChanged.connect(self._moved_by_hand)
        window.installEventFilter(self)
        self.rail.chosen.connect(self._unfold)
        panel.fold.clicked.connect(self._fold)

    def _place(self) -> None:
        """Every dock in its area, the lower ones beside each other."""
        window = self.window
        for dock in self.all:
            dock.setFloating(False)
        window.addDockWidget(AREA.LeftDockWidgetArea, self.experiment)
        window.addDockWidget(AREA.LeftDockWidgetArea, self.lesson)
        window.addDockWidget(AREA.RightDockWidgetArea, self.inspector)
        for dock in self.lower:
            window.removeDockWidget(dock)
            window.addDockWidget(AREA.BottomDockWidgetArea, dock)
        if self.narrow:
            window.tabifyDockWidget(self.images, self.curves)
            window.tabifyDockWidget(self.curves, self.timeline)
        else:
            window.splitDockWidget(self.images, self.curves, Qt.Orientation.Vertical)
            window.splitDockWidget(self.curves, self.timeline, Qt.Orientation.Horizontal)
        for dock in self.lower:
            dock.show()
        self.images.raise_()

    # ------------------------------------------------------------------------------------------ arranging

    def arrange(self) -> None:
        """Lay out for the window's present size, unless a hand has."""
        if not self.arranged or self._arranging or self.comparing:
            return
        self._arranging = True
        width, height = self.window.width(), self.window.height()
        narrow = width < WIDE
        if narrow != self.narrow:
            self.narrow, self.unfolded = narrow, False
            self._place()
        self._show_rail(narrow and not self.unfolded)
        self.panel.fold.setVisible(narrow)
        lesson = self.lesson.isVisible() and not self.lesson.isFloating()
        left = LESSON_WIDTH if lesson else LEAST_PANEL if narrow and self.unfolded else 0
        self._resize(sizes(width, height, left))
        self._arranging = False

    def _resize(self, s: Sizes) -> None:
        """Give the docks their sizes."""
        pinned: list[tuple[QDockWidget, int, int]] = [(self.inspector, s.right, 0), (self.images, 0, s.images)]
        left = self.lesson if self.lesson.isVisible() else self.experiment
        pinned.append((left, s.left, 0))
        if s.lower:
            pinned += [(self.curves, s.curves, s.lower), (self.timeline, s.timeline, s.lower)]
        docked = [(dock, w, h) for dock, w, h in pinned if dock.isVisible() and not dock.isFloating()]
        if not self.images.isVisible():  # the curves have the room
            docked = [(dock, w, 0) if dock in (self.curves, self.timeline) else (dock, w, h) for dock, w, h in docked]
        across = [(dock, w) for dock, w, _ in docked if w]
        down = [(dock, h) for dock, _, h in docked if h and dock is not self.timeline]
        for pairs, direction in ((across, Qt.Orientation.Horizontal), (down, Qt.Orientation.Vertical)):
            self.window.resizeDocks([dock for dock, _ in pairs], [size for _, size in pairs], direction)

    def _show_rail(self, rail: bool) -> None:
        self._stack.setCurrentIndex(1 if rail else 0)
        self.experiment.setTitleBarWidget(self._no_head if rail else self.panel.head)
        self.panel.head.setVisible(not rail)
        self._stack.setMinimumWidth(RAIL_WIDTH if rail else LEAST_PANEL)
        self._stack.setMaximumWidth(RAIL_WIDTH if rail else 16777215)

    def compare(self, on: bool) -> None:
        """Hide every panel but a lesson's text, whose next step is read there, or the experiment's rail; or show what was
        there. A narrow window has no room for the text beside the runs."""
        if on == self.comparing:
            return
        if on:
            self._before = [dock for dock in self.all if not dock.isHidden()]
            self.comparing = True
            kept = self.lesson if self.lesson in self._before and self.window.width() >= WIDE else self.experiment
            for dock in self.all:
                dock.setVisible(dock is kept)
            self._fold_panel(True)
            return
        self.comparing = self.unfolded = False
        for dock in self.all:
            dock.setVisible(dock in self._before)
        self._fold_panel(False)
        self.arrange()

    def _fold_panel(self, fold: bool) -> None:
        """The experiment as a rail, or in full beside the runs that are compared."""
        self._show_rail(fold)
        self.panel.fold.setVisible(self.comparing and not fold)
        if self.comparing:
            width = RAIL_WIDTH if fold else 248
            self.window.resizeDocks([self.experiment], [width], Qt.Orientation.Horizontal)

    def _unfold(self, section: object) -> None:
        self.unfolded = True
        if self.comparing:
            self._fold_panel(False)
        self.arrange()
        if section is not None:
            QTimer.singleShot(0, lambda: self.panel.reveal(section))  # type: ignore[arg-type]

    def _fold(self) -> None:
        self.unfolded = False
        if self.comparing:
            self._fold_panel(True)
        self.arrange()

    def reset(self) -> None:
        """Our own arrangement again."""
        self.arranged, self.unfolded = True, False
        self.narrow = self.window.width() < WIDE
        self._place()
        self.experiment.setVisible(not self.lesson.isVisible())
        self.inspector.show()
        self.arrange()

    def show_lesson(self, shown: bool) -> None:
        """The lesson's text takes the place of the experiment panel."""
        self.lesson.setVisible(shown)
        self.experiment.setVisible(not shown)
        self.arrange()

    def expand_curves(self, on: bool) -> None:
        """Give the curves the room of the images and the timeline, or give it back."""
        for dock in (self.images, self.timeline):
            dock.setVisible(not on)
        self.arrange()

    def only_viewport(self, on: bool) -> None:
        """Hide every panel, or show what was there."""
        if on:
            self._before = [dock for dock in self.all if dock.isVisible()]
            for dock in self.all:
                dock.hide()
        else:
            for dock in self._before:
                dock.show()
            self.arrange()

    # ------------------------------------------------------------------------------------------ hands, memory

    def _moved_by_hand(self) -> None:
        if not self._arranging:
            self.arranged = False

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """A press on the window itself is a press on a separator: everything else lies under a child."""
        if event is not None and event.type() == QEvent.Type.MouseButtonPress:
            cursor = self.window.cursor().shape()
            if cursor in (Qt.CursorShape.SplitHCursor, Qt.CursorShape.SplitVCursor):
                self.arranged = False
        return False

    def restore(self, state: QByteArray | None, arranged: bool) -> None:
        """What was remembered; our own arrangement where nothing was or it does not fit."""
        if state is not None and not arranged and self.window.restoreState(state):
            self.arranged = False
            self._show_rail(False)
            self.panel.fold.setVisible(False)
        else:
            self.arrange()
