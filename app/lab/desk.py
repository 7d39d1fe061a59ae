"""Between the window's parts and the engine: who is probed, what is painted, which panels and windows are open.

Convention: questions go out by the controller; an answer to a question that is no longer asked is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QWidget

from app.lab.brush import Brush
from app.lab.gaussians import DrawnGaussians, drawn_gaussians
from app.lab.lesson_commands import carry_out
from app.lab.overlays import Overlays
from app.lab.prober import Prober
from app.lab.tool_window import ToolWindow
from app.lab.wrong_zero import up_to_date
from core.derivatives.questions import (
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
from core.protocol import Loaded

if TYPE_CHECKING:
    from app.controller import Controller
    from app.lab.landscape_window import LandscapeWindow
    from app.lab.sweep_window import SweepWindow
    from app.lab.warp_window import WarpWindow
    from app.window import MainWindow

Opened = TypeVar("Opened", bound=ToolWindow)


class Lab(QObject):
    """Made once by the window, after its parts."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.controller, self.viewport = window.controller, window.viewport
        self.actions = window.actions_.lab
        self.hand = window.viewport.hand
        self.brush = Brush(self.controller, self.viewport)
        self.prober = Prober(window)
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
        c.gave_up.connect(self._on_gave_up)
        c.frames_changed.connect(lambda: c.turns.post("lab actions", self._refresh_actions, None))
        c.lab_wanted.connect(lambda command: carry_out(self, command))
        w.panes.shown_changed.connect(lambda names: c.set_derive_own("own_difference" in names))
        w.panes.pixel_pinned.connect(self._on_pixel)
        w.panes.cursor_moved.connect(lambda _: self._refresh_actions())
        w.inspector.rows.mover_chosen.connect(self.choose_theta)
        a.probe.triggered.connect(lambda: self.prober.pin(self.window.panes.linking.pointed))
        a.wrong_zero.triggered.connect(lambda: self.prober.pin(self.prober.wrong_zero()))
        a.release.triggered.connect(lambda: self.release())
        a.sweep.triggered.connect(lambda: self.open_sweep())
        a.landscape.triggered.connect(lambda: self.open_landscape())
        a.warp.triggered.connect(lambda: self.open_warp())
        self.overlays.gradients.vertex_chosen.connect(lambda index: self.choose_theta(f"vertices.{index}.normal"))
        if self.hand is not None:
            self.hand.picked.connect(self._on_picked)
            self.hand.moved.connect(self._on_moved)
            self.viewport.navigator.dropped.connect(c.settle)

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
        explain(a.release, "" if self.prober.pixel is not None or chosen else "No pixel and no vertex is held")
        theta = self.controller.theta
        explain(a.sweep, nothing or ("" if theta else "Choose a parameter to derive by first"))
        explain(a.landscape, nothing)
        warped = self.controller.experiment.method.name == "warp"
        explain(a.warp, nothing or ("" if warped else "The method is not the warp"))
        explain(a.gradients, "" if self.hand is not None else "The 3D view is off")
        explain(a.health, "" if self.hand is not None else "The 3D view is off")
        explain(a.slice, self.overlays.slices.reason)

    # ------------------------------------------------------------------------------------------ what happens

    def release(self) -> None:
        """Let the pixel and the vertex go."""
        self.window.panes.set_pin(None)
        self.window.panes.pixel_pinned.emit(None)
        if self.hand is not None:
            self.hand.choose(None)
        self._refresh_actions()

    def _on_pixel(self, pixel: tuple[int, int] | None) -> None:
        self.prober.set_pixel(pixel)
        if self.warp is not None and self.warp.isVisible():
            self.warp.look_at(pixel)
        self._refresh_actions()

    def _on_snapshot(self) -> None:
        if self.controller.shown is not None:
            self.overlays.refresh()
            self._follow_theta()
            self.prober.follow_picture()

    def _on_derive(self) -> None:
        self._follow_theta()
        self._refresh_actions()
        self.prober.probe()

    def _on_loaded(self, loaded: Loaded) -> None:
        """Another problem: pixels stay, vertices go."""
        names = {parameter.name for parameter in loaded.parameters}
        if self.hand is not None:
            self.hand.draggable = bool({"vertices", "means"} & names) or self.brush.lattice is not None
            self.hand.choose(None)
        self.prober.forget()  # by another method other parameters move the pixel, or the same ones otherwise
        if not loaded.continued and self.prober.pixel is not None:
            self.window.inspector.unpin()
            self._on_pixel(None)
        for window in (self.sweep, self.landscape, self.warp):
            if window is not None:
                window.set_loaded(loaded)
        self.overlays.forget()

    # ------------------------------------------------------------------------------------------ answers

    def _on_answer(self, answer: Any) -> None:
        match answer:
            case Probed():
                self.prober.take(answer)
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
        self.prober.give_up(answer.question)
        if isinstance(answer.question, FieldSlice):
            self.overlays.slices.give_up(answer.question)
        if isinstance(answer.question, MeshCheck) and self.overlays.checked is None:
            self.overlays.health.show_reason("This shape has no triangles of its own to check.")

    def _on_gave_up(self, kind: str) -> None:
        """Cancel in the status line: nothing waits for an answer any more, and no pixel is asked about anew."""
        if kind == Probe.__name__:
            self.window.panes.set_pin(None)
            self.window.panes.pixel_pinned.emit(None)
        for window in (self.sweep, self.landscape, self.warp):
            if window is not None and window.question is not None and type(window.question).__name__ == kind:
                window.give_up(window.question)

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
        movers: tuple[Mover, ...] = self.prober.probed.movers if self.prober.probed else ()
        if movers:
            self.choose_theta(movers[0].theta)
        else:
            text = "Click a pixel first: its nodes are listed in the Inspector, and each can be derived by"
            self.controller.say("info", text)

    def _on_moved(self, index: int, place: tuple[float, float, float]) -> None:
        scene = self.viewport.scene
        if self.brush.lattice is not None:
            self.brush.drag(place)
        elif scene is not None:
            x, y, z = (float(v) for v in scene.surface.vertices[index])
            balls = self._gaussians()
            moved = balls.moved if balls is not None else lambda i, p: (f"vertices.{i}", list(p))
            what = f"move of Gaussian {balls.of_vertex(index)}" if balls is not None else f"move of vertex {index}"
            name, value = moved(index, place)
            self.controller.move(what, name, moved(index, (x, y, z))[1], value)

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
        self.warp.look_at(self.prober.pixel)
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
