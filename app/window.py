"""The main window: it puts the parts together and carries what one says to the others. No numbers are made here.

Convention: a part's `_on_x` handler changes one thing; the controller is the only one that talks to the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QEvent, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent, QShowEvent
from PyQt6.QtWidgets import QMainWindow

from app import dialogs
from app.actions import Actions
from app.appearance import Appearance
from app.availability import hint, refresh_actions
from app.compare import CompareMode
from app.controller import Controller
from app.curves import Curves
from app.docks import ROOMY, TALL, WIDE, Docks
from app.experiment_panel import ExperimentPanel
from app.feed import Client
from app.files import Files
from app.help_windows import HelpWindows
from app.inspector import Inspector
from app.lab.desk import Lab
from app.lesson_pane import LessonPane
from app.lessons import Lesson, bundled_lessons
from app.menus import Menus
from app.panes import PaneGrid
from app.pose_hand import PoseHand
from app.presentation import Presentation
from app.recorder import Recorder
from app.settings import Settings
from app.statusline import StatusLine
from app.theme import GAP, font_scale
from app.timeline import Timeline
from app.toolbar import Toolbar
from app.viewport import Viewport
from app.wiring import connect_actions, connect_engine, connect_parts
from core.protocol import Loaded, Message, Progress, Scalars, Snapshot, Status

RESTORE, DISCARD, DISCARD_ALL = "Restore the run", "Discard", "Discard all"

FIRST_LESSON = 2
"""What the window opens on: worth looking at before anything is read."""

LEAST = (820, 560)
"""The window can be made this small; below 1024 x 700 nothing is promised but that it works."""


class MainWindow(QMainWindow):
    """`painted()` once, after the first paint."""

    painted = pyqtSignal()

    def __init__(self, make_client: Callable[[], Client], settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.appearance = Appearance(self.settings)
        self.setObjectName("Rimlight")
        self.setWindowTitle("Rimlight")
        self.setAcceptDrops(True)
        self.setMinimumSize(*LEAST)
        self.setContentsMargins(GAP, 0, GAP, 0)
        self.controller = Controller(make_client, self)
        self.actions_ = Actions(self, self.settings)
        self.files = Files(self, self.controller, self.settings)
        self.menus = Menus(self, self.actions_, self.files, self.settings)
        self.toolbar = Toolbar(self.actions_, self.menus.lessons, self.menus.exports)
        self.addToolBar(self.toolbar)
        self.status = StatusLine()
        self.setStatusBar(self.status)
        self.viewport, self.panes = Viewport(), PaneGrid(post=self.controller.turns.post)
        self.panel, self.lesson = ExperimentPanel(self.controller), LessonPane()
        self.inspector, self.curves, self.timeline = Inspector(), Curves(), Timeline()
        self.compare = CompareMode(self, self.controller, self.viewport)
        self.setCentralWidget(self.compare.stack)
        self.docks = Docks(
            self,
            self.panel,
            (self.lesson.head, self.lesson),
            (self.inspector.head, self.inspector),
            (self.panes.head, self.panes),
            (self.curves.head, self.curves),
            (self.timeline.head, self.timeline),
        )
        self.compare.docks = self.docks
        self.recorder = Recorder(self, self.controller, self.compare.stack, self.panes)
        self.presentation = Presentation(self, self.docks, self.appearance, self.toolbar)
        self.menus.add_view_items(self.docks)
        self._size_class: tuple[bool, bool] | None = None
        self.help = HelpWindows(self, self.actions_, self.settings)
        self._shown_once = self._painted_once = self._active_once = False
        connect_engine(self)
        connect_parts(self)
        connect_actions(self)
        self.refresh_actions()
        self.lab = Lab(self)
        PoseHand(self.controller, self.viewport)

    # ------------------------------------------------------------------------------------------ from the engine

    def on_experiment(self, experiment: Any) -> None:
        edited = experiment != self.controller.saved
        self.menus.set_title(experiment.title, edited)
        self.setWindowTitle(f"{experiment.title}{' (edited)' if edited else ''} — Rimlight")
        self.status.seed.setText(str(experiment.seed))
        self.curves.set_runs(self.controller.runs, experiment.stop.steps)

    def on_loaded(self, loaded: Loaded) -> None:
        self.toolbar.set_device(loaded.device)
        self.viewport.set_loaded(loaded)
        self.viewport.set_view(self.controller.view)
        self.panes.set_loaded(loaded)
        self.on_derive()
        self.curves.set_runs(self.controller.runs, loaded.experiment.stop.steps)
        self.refresh_actions()

    def on_status(self, status: Status, text: str) -> None:
        if status is Status.PAUSED and self.controller.resuming:
            return
        self.status.set_status(status, text)
        self.toolbar.set_status(status, self.controller.running)
        self.refresh_actions()
        self._refresh_hint()

    def on_progress(self, progress: Progress) -> None:
        self.status.set_progress(progress)
        if progress.gives_up or progress.done:
            self.refresh_actions()

    def on_steps(self, batch: list[Scalars]) -> None:
        last = self.controller.last
        self.toolbar.set_scalars(last, self.controller.running)
        self.curves.refresh()
        self.viewport.set_metrics({**last.metrics, "loss": last.loss} if last else {})
        self._refresh_hint()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """The parts follow one by one, each in a turn of the event loop."""
        post = self.controller.turns.post
        post("viewport", self._show_in_viewport, self.viewport)
        post("panes", self._show_in_panes, self.panes)
        post("inspector", self._show_in_inspector, self.inspector)

    def _show_in_viewport(self) -> None:
        if self.controller.shown is not None:
            self.viewport.show_snapshot(self.controller.shown)

    def _show_in_panes(self) -> None:
        if self.controller.shown is not None:
            self.panes.show_snapshot(self.controller.shown, self.controller.plates)

    def _show_in_inspector(self) -> None:
        self.inspector.set_snapshot(self.controller.shown, self.controller.experiment.method.name)

    def on_frames(self) -> None:
        c, post = self.controller, self.controller.turns.post
        post("timeline", self._show_in_timeline, self.timeline)
        post("actions", self._show_what_can_be_done, None)
        if c.shown is None:
            self.toolbar.set_scalars(None, False)
            self.viewport.set_metrics({})
            self.inspector.set_snapshot(None, "")

    def _show_in_timeline(self) -> None:
        c = self.controller
        self.timeline.set_replay(c.replay, c.shown.iteration if c.shown else 0, c.experiment.stop.steps, c.replaying)

    def _show_what_can_be_done(self) -> None:
        c = self.controller
        self.curves.set_shown(c.shown.iteration if c.shown else None)
        self.status.set_memory(c.replay.bytes(), c.replay.limit)
        self.refresh_actions()
        self._refresh_hint()

    def on_derive(self) -> None:
        c = self.controller
        self.panes.set_theta(c.theta if c.derive_on else None)
        self.panes.set_derive_options(c.step_pixels, c.supersampling)
        self.actions_.derive.setChecked(c.derive_on)

    # ------------------------------------------------------------------------------------------ from the parts

    def on_theta_picked(self, theta: str | None) -> None:
        if theta is not None:
            self.controller.choose_theta(theta)
        self.controller.set_derive(theta is not None)

    def on_pixel_pinned(self, pixel: tuple[int, int] | None) -> None:
        if pixel is not None:
            self.inspector.pin_pixel(pixel)
        else:
            self.inspector.unpin()

    def on_maximize_viewport(self) -> None:
        alone = not any(dock.isVisible() for dock in self.docks.all)
        self.docks.only_viewport(not alone)

    def on_opened(self, lesson: Lesson | None) -> None:
        if lesson is not None:
            self.lesson.show_lesson(lesson)
            if self._shown_once:
                self.docks.show_lesson(True)
        else:
            self.docks.show_lesson(False)
        self._refresh_hint()

    def on_remedy(self, remedy: str) -> None:
        c = self.controller
        self.status.clear_message()
        known = {
            "Restart engine": c.restart,
            "Halve the learning rate": c.halve_rate,
            "Undo": c.undo,
            "Reset": c.reset,
            "Retry": c.retry,
            RESTORE: self.files.restore_autosave,
            DISCARD: self.files.sessions.discard,
            DISCARD_ALL: self.files.sessions.discard,
        }
        known[remedy]()

    def on_details(self, message: Message) -> None:
        dialogs.show_plain(self, "Details", f"{message.text}\n\n{message.details}")

    def refresh_actions(self) -> None:
        refresh_actions(self.actions_, self.controller)

    def _refresh_hint(self) -> None:
        self.status.set_hint(hint(self.controller, self.actions_))

    # ------------------------------------------------------------------------------------------ theme, help

    def choose_theme(self, name: str) -> None:
        """ "system", "dark" or "light"; remembered."""
        self.appearance.choose(name, self)
        for action in self.actions_.themes.actions():
            action.setChecked(action.data() == name)

    def follow_theme(self) -> None:
        """The desktop's scheme changed."""
        self.appearance.follow(self)

    # ------------------------------------------------------------------------------------------ life

    def open_first(self, *paths: str | Path) -> None:
        """What the window opens on: the files it was given, or the first lesson."""
        self.controller.failed_first.connect(self._open_first_lesson)
        self.controller.loaded_changed.connect(self._offer_autosave)
        if not paths or not self.files.open_paths([Path(path) for path in paths]):
            self._open_first_lesson()

    def _offer_autosave(self) -> None:
        """Once, when the first experiment is there: what a program that ended unexpectedly was doing."""
        self.controller.loaded_changed.disconnect(self._offer_autosave)
        left = self.files.sessions.left
        left.tidy()
        if count := len(left.files()):
            several = count > 1
            more = f", {count} with older ones (File, Kept runs)" if several else ""
            text = f"Rimlight ended unexpectedly; its last run was kept{more}"
            self.controller.say("warning", text, remedy=RESTORE, refusal=DISCARD_ALL if several else DISCARD)

    def _open_first_lesson(self) -> None:
        lessons = bundled_lessons()
        first = [lesson for lesson in lessons if lesson.number == FIRST_LESSON] or lessons
        if first:
            self.files.open_lesson(first[0])

    def restore_layout(self) -> None:
        """Geometry and docks as they were left; otherwise 1440 x 900, or the screen where it is smaller."""
        geometry, docks, arranged = self.settings.layout()
        if geometry is None or not self.restoreGeometry(geometry):
            screen = self.screen()
            room = screen.availableSize() if screen else self.size()
            self.resize(min(1440, room.width()), min(900, room.height()))
        self.docks.restore(docks, arranged)

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self._shown_once = True
        self.docks.arrange()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        width, height = self.width(), self.height()
        self.toolbar.set_compact(width < WIDE or font_scale() != 1.0)
        size_class = (width < ROOMY or height < TALL, width < WIDE)
        if size_class != self._size_class:
            self._size_class = size_class
            self.panel.set_short(size_class[0])
        self.docks.arrange()

    def event(self, event: QEvent | None) -> bool:
        result = super().event(event)
        if event is not None and event.type() == QEvent.Type.Paint and not self._painted_once:
            self._painted_once = True
            self.painted.emit()
        if event is not None and event.type() == QEvent.Type.WindowActivate and not self._active_once:
            self._active_once = True  # Qt then rings the first button that can be pressed, as if it had been chosen
            QTimer.singleShot(0, self.setFocus)
        return result

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        if event and (mime := event.mimeData()) and any(url.isLocalFile() for url in mime.urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        if event and (mime := event.mimeData()):
            files = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
            if files:
                event.acceptProposedAction()
                self.files.open_paths([Path(file) for file in files])

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self.presentation.toggle(False)
        self.settings.set_layout(self.saveGeometry(), self.saveState(), self.docks.arranged)
        self.controller.close()
        self.files.sessions.close()
        self.recorder.close()
        self.viewport.shutdown()
        super().closeEvent(event)
