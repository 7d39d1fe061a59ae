"""Between the window's parts and the engine: who is probed, what is painted, which panels and windows are open.

Convention: questions go out by the controller; an answer to a question that is no longer asked is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PyQt6.QtCore import QObject, QTimer
from PyQt6.QtWidgets import QWidget

from app.lab.brush import Brush
from app.lab.gaussians import DrawnGaussians, drawn_gaussians
from app.lab.inspector_rows import CLICK
from app.lab.lesson_commands import carry_out
from app.lab.overlays import Overlays
from app.lab.tool_window import ToolWindow
from app.lab.wrong_zero import NO_WRONG_ZERO, NOT_READY, up_to_date, wrong_zero
from core.derivatives.questions import (
    CHANNEL_WEIGHTS,
    Checked,
    FieldSlice,
    FieldSliced,
    Landscaped,
    MeshCheck,
    Mover,
    Probe,
    Probed,
    Swept,
    Unanswered,
    WarpLooked,
)
from core.protocol import Loaded, Status

if TYPE_CHECKING:
    from app.controller import Controller
    from app.lab.landscape_window import LandscapeWindow
    from app.lab.sweep_window import SweepWindow
    from app.lab.warp_window import WarpWindow
    from app.window import MainWindow

Opened = TypeVar("Opened", bound=ToolWindow)

LOOKING = "Looking for what moves it…"
STORED = "A stored step cannot be asked what moves it; the newest one can."

AGAIN_MS = 400
"""Between two probes of a pixel while the fit runs: numbers that change faster cannot be read."""


class Lab(QObject):
    """Made once by the window, after its parts."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.controller, self.viewport = window.controller, window.viewport
        self.actions = window.actions_.lab
        self.hand = window.viewport.hand
        self.brush = Brush(self.controller, self.viewport)
        self.probed: Probed | None = None
        self._asked: Probe | None = None
        self._pixel: tuple[int, int] | None = None
        self._seen: tuple[Any, np.ndarray | None] = (None, None)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self._probe)
        self.sweep: SweepWindow | None = None
        self.landscape: LandscapeWindow | None = None
        self.warp: WarpWindow | None = None
        self.overlays = Overlays(self.controller, self.viewport, self.actions)
        self._connect()
        self._refresh_actions()

    def _connect(self) -> None:
        c, a, w = self.controller, self.actions, self.window
        c.answered.connect(self._on_answer)
        c.snapshot_shown.connect(lambda _: c.turns.post("lab", self._on_snapshot, None))
        c.derive_changed.connect(self._on_derive)
        c.loaded_changed.connect(self._on_loaded)
        c.frames_changed.connect(lambda: c.turns.post("lab actions", self._refresh_actions, None))
        c.lab_wanted.connect(lambda command: carry_out(self, command))
        w.panes.shown_changed.connect(lambda names: c.set_derive_own("own_difference" in names))
        w.panes.pixel_pinned.connect(self.set_pixel)
        w.panes.cursor_moved.connect(lambda _: self._refresh_actions())
        w.inspector.rows.mover_chosen.connect(self.choose_theta)
        a.probe.triggered.connect(lambda: self.pin(self.window.panes.linking.pointed))
        a.wrong_zero.triggered.connect(lambda: self.pin(self.wrong_zero()))
        a.release.triggered.connect(lambda: self.release())
        a.sweep.triggered.connect(lambda: self.open_sweep())
        a.landscape.triggered.connect(lambda: self.open_landscape())
        a.warp.triggered.connect(lambda: self.open_warp())
        self.overlays.gradients.vertex_chosen.connect(lambda index: self.choose_theta(f"vertices.{index}.normal"))
        if self.hand is not None:
            self.hand.picked.connect(self._on_picked)
            self.hand.moved.connect(self._on_moved)

    def _refresh_actions(self) -> None:
        """What can be done now, and why the rest cannot."""
        explain, a = self.window.actions_.explain, self.actions
        shown = self.controller.shown
        nothing = "" if shown is not None else "There is no picture yet"
        explain(a.probe, nothing or ("" if self.window.panes.linking.pointed else "Move over an image first"))
        known = shown is not None and up_to_date(shown)
        explain(
            a.wrong_zero, nothing or ("" if known else "It needs both derivative images of this step (D shows them)")
        )
        chosen = self.hand is not None and self.hand.chosen is not None
        explain(a.release, "" if self._pixel is not None or chosen else "No pixel and no vertex is held")
        theta = self.controller.theta
        explain(a.sweep, nothing or ("" if theta else "Choose a parameter to derive by first"))
        explain(a.landscape, nothing)
        warped = self.controller.experiment.method.name == "warp"
        explain(a.warp, nothing or ("" if warped else "The method is not the warp"))
        explain(a.gradients, "" if self.hand is not None else "The 3D view is off")
        explain(a.health, "" if self.hand is not None else "The 3D view is off")
        explain(a.slice, self.overlays.slices.reason)

    # ------------------------------------------------------------------------------------------ one pixel

    def pin(self, pixel: tuple[int, int] | None) -> None:
        """Probe a pixel as if it had been clicked."""
        if pixel is not None:
            self.window.panes.set_pin(pixel)
            self.window.panes.pixel_pinned.emit(pixel)

    def release(self) -> None:
        """Let the pixel and the vertex go."""
        self.window.panes.set_pin(None)
        self.window.panes.pixel_pinned.emit(None)
        if self.hand is not None:
            self.hand.choose(None)
        self._refresh_actions()

    def set_pixel(self, pixel: tuple[int, int] | None) -> None:
        """Probe this pixel from now on, and again whenever the picture changes; None ends it."""
        self._pixel, self._seen = pixel, (None, None)
        self._again.stop()
        if self.warp is not None and self.warp.isVisible():
            self.warp.look_at(pixel)
        if pixel is None:
            self._asked = None
            self._forget()
            self.window.inspector.set_note(CLICK)
        else:
            self._probe()
        self._refresh_actions()

    def _forget(self) -> None:
        self.probed = None
        self.window.inspector.set_probed(None)
        self.viewport.paint_row(None)
        if self.hand is not None:
            self.hand.mark(np.zeros(0, int), np.zeros(0), "accent")

    def _probe(self) -> None:
        c, shown = self.controller, self.controller.shown
        if self._pixel is None or shown is None or c.replaying:
            return
        self.window.inspector.set_note(LOOKING)
        channel = self.window.panes.channel
        known = channel if channel in CHANNEL_WEIGHTS else "luminance"
        self._asked = Probe(shown.view, self._pixel, known, c.theta if c.derive_on else None)
        c.ask(self._asked)

    def _on_snapshot(self) -> None:
        snapshot = self.controller.shown
        if snapshot is None:
            return
        self.overlays.refresh()
        self._follow_theta()
        if self.controller.replaying:  # what is known is of the newest step
            if self._pixel is not None:
                self._forget()
                self._seen = (None, None)
                self.window.inspector.set_note(STORED)
            return
        if self._pixel is not None and not self._again.isActive():
            render = snapshot.arrays["render"]
            key = (snapshot.iteration, snapshot.view)
            same = self._seen[0] == key and self._seen[1] is not None and np.array_equal(self._seen[1], render)
            if not same:
                self._seen = (key, render)
                waits = self._asked is not None and (self.probed is None or self.probed.question is not self._asked)
                (self._again.start if self.controller.status is Status.RUNNING or waits else self._probe)()

    def _on_derive(self) -> None:
        self._follow_theta()
        self._refresh_actions()
        if self._pixel is not None:
            self._probe()

    def _on_loaded(self, loaded: Loaded) -> None:
        """Another problem: pixels stay, vertices go."""
        names = {parameter.name for parameter in loaded.parameters}
        if self.hand is not None:
            self.hand.draggable = bool({"vertices", "means"} & names) or self.brush.lattice is not None
            self.hand.choose(None)
            self.hand.mark(np.zeros(0, int), np.zeros(0), "accent")
        self._forget()  # by another method other parameters move the pixel, or the same ones otherwise
        self._seen = (None, None)
        if not loaded.continued and self._pixel is not None:
            self.window.inspector.unpin()
            self.set_pixel(None)
        for window in (self.sweep, self.landscape, self.warp):
            if window is not None:
                window.set_loaded(loaded)
        self.overlays.forget()

    def wrong_zero(self) -> tuple[int, int] | None:
        """The pixel (x, y) where the method's zero is furthest from the truth; None, and a word why, where none is."""
        shown = self.controller.shown
        pixel = wrong_zero(shown) if shown is not None and up_to_date(shown) else None
        if pixel is None:
            self.controller.say("info", NO_WRONG_ZERO if shown is not None and up_to_date(shown) else NOT_READY)
        return pixel

    # ------------------------------------------------------------------------------------------ answers

    def _on_answer(self, answer: Any) -> None:
        match answer:
            case Probed() if answer.question is self._asked or answer.question == self._asked:
                self.controller.turns.post("probed", partial(self._show_probed, answer), None)
            case Swept() if self.sweep is not None:
                self.sweep.show_swept(answer)
            case Landscaped() if self.landscape is not None:
                self.landscape.show_landscaped(answer)
            case WarpLooked() if self.warp is not None:
                self.warp.show_looked(answer)
            case Checked():
                self.overlays.show_checked(answer)
            case FieldSliced():
                self.overlays.slices.show_sliced(answer)
            case Unanswered():
                self._on_unanswered(answer)

    def _on_unanswered(self, answer: Unanswered) -> None:
        for window in (self.sweep, self.landscape, self.warp):
            if window is not None:
                window.give_up(answer.question)
        if isinstance(answer.question, FieldSlice):
            self.overlays.slices.give_up(answer.question)
        if isinstance(answer.question, MeshCheck) and self.overlays.checked is None:
            self.overlays.health.show_reason("This shape has no triangles of its own to check.")

    def _show_probed(self, probed: Probed) -> None:
        if probed.question != self._asked:
            return
        self.probed = probed
        self.window.inspector.set_probed(probed)
        row = probed.painted
        self.viewport.paint_row(row if row is not None and float(row.max(initial=0.0)) > 0 else None)
        if self.hand is not None and probed.parameter == "vertices":
            found = probed.movers
            largest = found[0].size if found else 1.0
            vertices = np.array([int(mover.theta.split(".")[1]) for mover in found], int)
            sizes = np.array([mover.size / largest for mover in found])
            self.hand.mark(vertices, sizes, self.controller.experiment.method.name)

    # ------------------------------------------------------------------------------------------ one parameter

    def choose_theta(self, theta: str) -> None:
        """See the derivative image by one vertex, cell or element."""
        self.controller.choose_theta(theta)
        self.controller.set_derive(True)

    def _follow_theta(self) -> None:
        """Mark the vertex that is derived by."""
        if self.hand is None:
            return
        theta = self.controller.theta or ""
        parts = theta.split(".")
        mine = len(parts) == 3 and parts[0] == "vertices" and parts[1].isdigit()
        chosen = int(parts[1]) if mine else self.brush.vertex(theta)
        if (balls := self._gaussians()) is not None:
            chosen = balls.vertex_of(theta, self.hand.chosen)
        if chosen != self.hand.chosen:
            self.hand.choose(chosen)

    def _on_picked(self, index: int) -> None:
        loaded = self.controller.loaded
        counts = {p.name: p.count for p in loaded.parameters} if loaded else {}
        if "vertices" in counts:
            self.choose_theta(f"vertices.{index}.normal")
        elif (balls := self._gaussians()) is not None:
            self.choose_theta(f"means.{balls.of_vertex(index)}.x")
        elif self.brush.lattice is not None:
            self.brush.pick(index)
        else:
            self._pick_nearest_mover()

    def _gaussians(self) -> DrawnGaussians | None:
        return drawn_gaussians(self.controller.loaded, self.viewport.scene)

    def _pick_nearest_mover(self) -> None:
        """A surface without parameters of its own: what moves the probed pixel most stands for the pick."""
        movers: tuple[Mover, ...] = self.probed.movers if self.probed else ()
        if movers:
            self.choose_theta(movers[0].theta)
        else:
            text = "Click a pixel first: its nodes are listed in the Inspector, and each can be derived by"
            self.controller.say("info", text)

    def _on_moved(self, index: int, place: tuple[float, float, float]) -> None:
        if self.brush.lattice is not None:
            self.brush.drag(place)
        elif (balls := self._gaussians()) is not None:
            self.controller.set_value(*balls.moved(index, place))
        else:
            self.controller.set_value(f"vertices.{index}", list(place))

    # ------------------------------------------------------------------------------------------ windows

    def open_sweep(self) -> SweepWindow:
        """Finite differences over many steps, in a window of their own."""
        from app.lab.sweep_window import SweepWindow

        self.sweep = self._shown(self.sweep, SweepWindow)
        return self.sweep

    def open_landscape(self) -> LandscapeWindow:
        """The loss over one or two parameters, in a window of its own."""
        from app.lab.landscape_window import LandscapeWindow

        kind = partial(LandscapeWindow, compare=self.window.compare)
        self.landscape = self._shown(self.landscape, kind)
        return self.landscape

    def open_warp(self) -> WarpWindow:
        """The quadrature along a ray and what the warp does with every pixel, in a window of their own."""
        from app.lab.warp_window import WarpWindow

        self.warp = self._shown(self.warp, WarpWindow)
        self.warp.look_at(self._pixel)
        return self.warp

    def _shown(self, window: Opened | None, kind: Callable[[QWidget, Controller], Opened]) -> Opened:
        """The window, made where there is none yet, before all others."""
        if window is None:
            window = kind(self.window, self.controller)
            if self.controller.loaded is not None:
                window.set_loaded(self.controller.loaded)
        window.show()
        window.raise_()
        return window
