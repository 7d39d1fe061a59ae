"""One pixel that is asked about: which it is, what the engine found to move it, and when it is asked again.

Convention: what is known is of the newest step by the current method; beside anything else it is not shown.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PyQt6.QtCore import QObject, QTimer

from app.lab.inspector_rows import CLICK
from app.lab.wrong_zero import NO_WRONG_ZERO, NOT_READY, up_to_date, wrong_zero
from core.derivatives.questions import CHANNEL_WEIGHTS, Drop, Probe, Probed, Question
from core.protocol import Status

if TYPE_CHECKING:
    from app.window import MainWindow

LOOKING = "Looking for what moves it…"
STORED = "A stored step cannot be asked what moves it; the newest one can."
FAILED = "What moves it could not be found."

AGAIN_MS = 400
"""Between two probes of a pixel while the fit runs: numbers that change faster cannot be read."""


class Prober(QObject):
    """Asks the engine about the pinned pixel, and shows its answer in Inspector and 3D view."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.controller, self.viewport = window.controller, window.viewport
        self._panes, self._inspector = window.panes, window.inspector
        self.pixel: tuple[int, int] | None = None
        self.probed: Probed | None = None
        self._asked: Probe | None = None
        self._seen: tuple[Any, np.ndarray | None] = (None, None)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self.probe)

    def pin(self, pixel: tuple[int, int] | None) -> None:
        """Probe a pixel as if it had been clicked."""
        if pixel is not None:
            self._panes.set_pin(pixel)
            self._panes.pixel_pinned.emit(pixel)

    def wrong_zero(self) -> tuple[int, int] | None:
        """The pixel (x, y) where the method's zero is furthest from the truth; None, and a word why, where none is."""
        shown = self.controller.shown
        ready = shown is not None and up_to_date(shown)
        pixel = wrong_zero(shown) if shown is not None and ready else None
        if pixel is None:
            self.controller.say("info", NO_WRONG_ZERO if ready else NOT_READY)
        return pixel

    def set_pixel(self, pixel: tuple[int, int] | None) -> None:
        """Probe this pixel from now on, and again whenever the picture changes; None ends it."""
        self.pixel, self._seen = pixel, (None, None)
        self._again.stop()
        if pixel is None:
            if self._asked is not None and self.probed is None:
                self.controller.ask(Drop(Probe.__name__))
            self._asked = None
            self.forget()
            self._inspector.set_note(CLICK)
        else:
            self.probe()

    def forget(self) -> None:
        """What is known holds no longer; the pixel stays, and is asked about at the next picture."""
        self.probed, self._seen = None, (None, None)
        self._inspector.set_probed(None)
        self.viewport.paint_row(None)
        if self.viewport.hand is not None:
            self.viewport.hand.mark(np.zeros(0, int), np.zeros(0), "accent")

    def probe(self) -> None:
        """Ask about the pixel now, where there is one and the newest step is on screen."""
        c, shown = self.controller, self.controller.shown
        if self.pixel is None or shown is None or c.replaying:
            return
        self._inspector.set_note(LOOKING)
        channel = self._panes.channel
        known = channel if channel in CHANNEL_WEIGHTS else "luminance"
        self._asked = Probe(shown.view, self.pixel, known, c.theta if c.derive_on else None)
        c.ask(self._asked)

    def follow_picture(self) -> None:
        """Another picture is on screen."""
        snapshot = self.controller.shown
        if self.pixel is None or snapshot is None:
            return
        if self.controller.replaying:
            self.forget()
            self._inspector.set_note(STORED)
            return
        if self._again.isActive():
            return
        render, key = snapshot.arrays["render"], (snapshot.iteration, snapshot.view)
        if self._seen[0] != key or self._seen[1] is None or not np.array_equal(self._seen[1], render):
            self._seen = (key, render)
            waits = self._asked is not None and (self.probed is None or self.probed.question is not self._asked)
            (self._again.start if self.controller.status is Status.RUNNING or waits else self.probe)()

    # ------------------------------------------------------------------------------------------ answers

    def take(self, probed: Probed) -> None:
        """The engine answered; shown in a turn of its own, unless something else was asked since."""
        if probed.question == self._asked:
            self.controller.turns.post("probed", partial(self._show, probed), None)

    def give_up(self, question: Question) -> None:
        """The engine could not answer."""
        if question == self._asked:
            self._inspector.set_note(FAILED)

    def _show(self, probed: Probed) -> None:
        if probed.question != self._asked:
            return
        self.probed = probed
        self._inspector.set_probed(probed)
        row, hand = probed.painted, self.viewport.hand
        self.viewport.paint_row(row if row is not None and float(row.max(initial=0.0)) > 0 else None)
        if hand is not None and probed.parameter == "vertices":
            found = probed.movers
            largest = found[0].size if found else 1.0
            vertices = np.array([int(mover.theta.split(".")[1]) for mover in found], int)
            sizes = np.array([mover.size / largest for mover in found])
            hand.mark(vertices, sizes, self.controller.experiment.method.name)
