"""The panes together: which are shown, what they share (zoom, cursor, range), and what comes from the engine.

Images keep the iteration they belong to; one that lags says so, one whose parameter or view has changed fades until
its successor arrives.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from PyQt6.QtCore import QPoint, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.panes.arrangement import MARGINS, grid_height, pane_width, room
from app.panes.head import PaneHead
from app.panes.kinds import BY_NAME, KINDS
from app.panes.linking import Linking
from app.panes.maps import CHANNELS
from app.panes.menus import more_menu, pane_menu
from app.panes.pane import Pane
from app.panes.plates import Plate
from app.panes.ranges import Ranges
from app.panes.words import Context, words
from app.theme import PANE_GAP, Theme
from app.turns import Post, at_once
from app.widgets import Themed, current_theme, frame, hbox, restyle, vbox
from core.catalog import entry
from core.protocol import Agreement, Loaded, ParameterInfo, Snapshot

BUSY_AFTER = 0.2
"""Seconds before a pane that waits says so: most derivatives come sooner."""
GIVE_UP = 120.0
"""Seconds after which a pane waits no more: whatever it waited for has failed, and said so elsewhere."""
BY_THETA = tuple(kind.name for kind in KINDS if kind.by_theta)


class PaneGrid(QWidget, Themed):
    """The panes and their title bar. Pixels are (x, y) in the image, or None."""

    theta_changed = pyqtSignal(object)
    """str, or None when switched off."""
    derive_options_changed = pyqtSignal(float, int)
    """Step in pixels, S of the S x S samples."""
    reference_requested = pyqtSignal()
    shown_changed = pyqtSignal(object)
    """The names of the panes that are shown now."""
    cursor_moved = pyqtSignal(object)
    pixel_pinned = pyqtSignal(object)
    failed = pyqtSignal(str)
    """One line: a picture could not be written."""

    channel_chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None, post: Post = at_once) -> None:
        """post: gives each pane's work a turn of its own."""
        super().__init__(parent)
        self._post = post
        self.theme = current_theme()
        self.head = PaneHead()
        self.panes = {kind.name: Pane(kind) for kind in KINDS}
        self.chosen = {kind.name for kind in KINDS[:6]}
        self.enlarged: str | None = None
        self.ranges = Ranges({kind.name for kind in KINDS if kind.locked})
        self.channel, self._sees = CHANNELS[0], frozenset[str]()
        self.linking = Linking(self.panes.values(), self)
        self._iteration, self._view, self._method = -1, 0, ""
        self._theta: str | None = None
        self._agreement: Agreement | None = None
        self._waiting: dict[str, float] = {}
        self._aspect = 1.0
        body = frame(hbox(*self.panes.values(), margins=MARGINS, gap=PANE_GAP), "body")
        layout = vbox(self.head, body)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 150)
        self._late: set[str] = set()
        self._ticker = QTimer(self)
        self._ticker.setInterval(100)
        self._ticker.timeout.connect(self._tick)
        self._connect()
        self._arrange()

    def _connect(self) -> None:
        self.head.theta_picked.connect(self._on_theta_picked)
        self.head.options_changed.connect(self._on_options)
        self.head.linked.connect(lambda on: self.linking.set_linked(on, self.panes[self.shown()[0]]))
        self.linking.cursor_moved.connect(self.cursor_moved)
        self.linking.pixel_pinned.connect(self.pixel_pinned)
        self.head.more.clicked.connect(lambda: more_menu(self).exec(self.head.more.mapToGlobal(QPoint(0, 22))))
        for name, pane in self.panes.items():
            pane.lock_toggled.connect(lambda locked, name=name: self._on_lock(name, locked))
            pane.enlarge_requested.connect(lambda key=pane.kind.key: self.maximise(key))
            pane.action_requested.connect(self._on_action)
            pane.menu_requested.connect(lambda at, pane=pane: pane_menu(self, pane).exec(at))
            pane.footer.range_edited.connect(lambda limit, name=name: self._on_range(name, limit))
            pane.footer.range_reset.connect(lambda name=name: self._on_range(name, None))
            if pane.over is not None:
                pane.over.changed.connect(self._refresh)

    # ------------------------------------------------------------------------------------------ from the engine

    def set_loaded(self, loaded: Loaded) -> None:
        """A problem was loaded: its parameters, method and derive options; the pictures go."""
        experiment = loaded.experiment
        self._sees = frozenset(term.sees for term in experiment.terms if entry("losses", term.loss)["sees"])
        for pane in self.panes.values():
            pane.set_array(None, -1)
        self._iteration, self._waiting, self._theta = -1, {}, None
        self.set_parameters(loaded.parameters)
        self.set_method(experiment.method.name)
        self.set_derive_options(experiment.derive.step_pixels, experiment.derive.supersampling)
        self.set_theta(experiment.derive.parameter)
        self.linking.clear()
        self._refresh()

    def show_snapshot(self, snapshot: Snapshot, plates: Mapping[str, Plate] | None = None) -> None:
        """New images; those that it does not bring stay, and say which iteration they belong to. plates: of its images,
        where they were made."""
        turned = snapshot.view != self._view
        self._view, self._iteration = snapshot.view, snapshot.iteration
        for name, pane in self.panes.items():
            array = snapshot.arrays.get(name)
            if BY_NAME[name].by_theta and snapshot.theta != self._theta:
                array = None
            if array is not None:
                before = pane.plate
                pane.set_array(array, snapshot.stamps.get(name, snapshot.iteration), (plates or {}).get(name))
                if pane.plate is not before:
                    self._waiting.pop(name, None)
            elif turned:
                pane.set_array(None, -1)
        (self._refresh if self._image_aspect() == self._aspect else self._arrange)()

    def set_agreement(self, agreement: Agreement | None) -> None:
        """How method and finite differences agree; numbers of another parameter, or of another run, are left out."""
        if agreement is None or (agreement.parameter == self._theta and agreement.lane == 0):
            self._agreement = agreement
            self.head.set_agreement(agreement)
            self._refresh()

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        restyle(self, theme)
        self._refresh()

    def set_method(self, name: str) -> None:
        self._method = name
        for pane in self.panes.values():
            pane.set_method(name)
        self._refresh()

    def set_parameters(self, parameters: tuple[ParameterInfo, ...]) -> None:
        self.head.theta.set_parameters(parameters)

    @property
    def theta(self) -> str | None:
        return self._theta

    def set_theta(self, theta: str | None) -> None:
        """Show what is derived by, without asking for it: the images of another parameter fade or go."""
        self.head.theta.set_theta(theta)
        if theta == self._theta:
            return
        self._theta, self._agreement = theta, None
        self.head.set_agreement(None)
        if theta is None:
            for name in BY_THETA:
                self._waiting.pop(name, None)
                self.panes[name].set_array(None, -1)
        else:
            self._wait(*self._expected())
        self._refresh()

    def set_derive_options(self, step_pixels: float, supersampling: int) -> None:
        self.head.set_options(step_pixels, supersampling)

    # ------------------------------------------------------------------------------------------ which panes

    def maximise(self, key: int) -> None:
        """Give pane `key` (1 to 8) the grid, or give it back to all if it has it; 0 is all."""
        name = next((kind.name for kind in KINDS if kind.key == key), None)
        self.enlarged = None if name == self.enlarged else name
        self._arrange()

    def set_pane_shown(self, key: int, shown: bool) -> None:
        """Whether pane `key` is among those shown side by side."""
        name = next(kind.name for kind in KINDS if kind.key == key)
        (self.chosen.add if shown else self.chosen.discard)(name)
        self.enlarged = None
        self._arrange()

    def shown(self) -> list[str]:
        """The names of the visible panes, left to right."""
        if self.enlarged:
            return [self.enlarged]
        chosen = [kind.name for kind in KINDS if kind.name in self.chosen]
        return chosen[: room(self.width())]

    def _arrange(self) -> None:
        shown = self.shown()
        self._aspect = self._image_aspect()
        height = None if self.enlarged else round(pane_width(self.width(), len(shown)) * self._aspect)
        for name, pane in self.panes.items():
            pane.setVisible(name in shown)
            pane.set_height(height)
            pane.set_enlarged(name == self.enlarged)
        self.shown_changed.emit(shown)
        self._refresh()

    def _image_aspect(self) -> float:
        """Height of an image over its width."""
        shapes = [pane.array.shape for pane in self.panes.values() if pane.array is not None]
        return shapes[0][0] / max(shapes[0][1], 1) if shapes else 1.0

    def height_for(self, width: int) -> int:
        """Logical px at which the panes side by side show their images with nothing to spare."""
        return grid_height(width, min(max(len(self.chosen), 1), room(width)), self._image_aspect())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._arrange()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event and event.key() == Qt.Key.Key_Escape and self.enlarged:
            self.maximise(0)
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------------------------------------ drawing

    def _refresh(self) -> None:
        """Bring every visible pane up to date, each in its turn; what is painted already is not painted again."""
        for name in self.shown():
            self._post(f"pane {name}", partial(self._refresh_pane, name), self.panes[name])

    def _refresh_pane(self, name: str) -> None:
        pane, since = self.panes[name], self._waiting.get(name)
        limits = self.ranges.limits({other: p.own_range(self.channel) for other, p in self.panes.items()})
        if name == "target":
            pane.lay_over(self.panes["render"].plate, self._sees)
        pane.set_empty(*words(pane, Context(self._sees, self._view, self._theta, self._agreement, set(self._waiting))))
        pane.draw(*limits[name], self._sees)
        late = since is not None and time.monotonic() - since > BUSY_AFTER
        pane.set_remarks(self._iteration, since if late else None)
        pane.show_reading(self.linking.cursor)

    def _expected(self) -> list[str]:
        """The images that come with a parameter; the method's own difference only where it is shown."""
        return [name for name in BY_THETA if name != "own_difference" or name in self.shown()]

    def _wait(self, *names: str) -> None:
        """Fade these panes until their successors arrive."""
        self._waiting |= dict.fromkeys(names, time.monotonic())
        self._ticker.start()

    def stop_waiting(self) -> None:
        """What was asked for will not come."""
        self._waiting = {}
        self._refresh()

    def _tick(self) -> None:
        """Turn the rings of the panes that wait. What else they say changes when they are late, and when they give up:
        only then are they refreshed, so that a slow event loop is not kept busy by its waiting."""
        now = time.monotonic()
        waiting = {name: since for name, since in self._waiting.items() if now - since < GIVE_UP}
        late = {name for name, since in waiting.items() if now - since > BUSY_AFTER}
        if late != self._late or len(waiting) < len(self._waiting):
            self._waiting, self._late = waiting, late
            self._refresh()
        if not waiting:
            self._ticker.stop()
        for name in waiting:
            self.panes[name].picture.update()

    # ------------------------------------------------------------------------------------------ from the user

    def _on_theta_picked(self, theta: str | None) -> None:
        if theta != self._theta:
            self.set_theta(theta)
            self.theta_changed.emit(theta)

    def _on_options(self, step: float, samples: int) -> None:
        if self._theta is not None:
            self._wait("reference", "disagreement")
        self.derive_options_changed.emit(step, samples)

    def _on_action(self) -> None:
        """An empty derivative pane's button: without a parameter choose the first, else ask for the reference."""
        if self._theta is None:
            self._on_theta_picked(self.head.theta.first())
            return
        self._wait(*(name for name in self._expected() if self.panes[name].array is None))
        self._refresh()
        self.reference_requested.emit()

    def _on_lock(self, name: str, locked: bool) -> None:
        self.ranges.lock(name, locked)
        self._refresh()

    def _on_range(self, name: str, limit: float | None) -> None:
        self.ranges.type(name, limit)
        self._refresh()

    def reset_ranges(self) -> None:
        self.ranges.reset()
        self._refresh()

    def set_channel(self, channel: str) -> None:
        """ "luminance" (Rec. 709 weights), "mean", "red", "green" or "blue": what signed maps show of three channels."""
        self.channel = channel
        self.channel_chosen.emit(channel)
        self._refresh()

    def set_pin(self, pixel: tuple[int, int] | None) -> None:
        """Mark a pixel in every pane."""
        self.linking.set_pin(pixel)
