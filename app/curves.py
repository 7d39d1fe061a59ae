"""Loss, overlap and pose error against the iteration: one colour a method, runs before this one kept thinner.

Convention: every step is drawn, at most 20 times a second; of a very long run what no plot is wide enough for is left out
(app/runs.py).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PyQt6.QtCore import QPoint, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QMenu, QStackedLayout, QWidget

from app import numbers
from app.runs import Run, RunBook, Series
from app.theme import BASE, HINT, REGULAR, Theme
from app.widgets import Dot, Elided, Head, Segment, Themed, clear, current_theme, hbox, label, mini, vbox

if TYPE_CHECKING:
    from app.plot import Plot

REDRAW_MS = 50
"""Curves are redrawn at most 20 times a second; a glance sees no more."""

MEASURED = "It is measured once a second while the fit runs, and at every pause"


@dataclass(frozen=True)
class Tab:
    """One choice of curves. curves: (metric, dashed); none: the loss. log: the axis. unit: from 0 to 1."""

    title: str
    tip: str
    empty: str
    curves: tuple[tuple[str, bool], ...] = ()
    log: bool = False
    unit: bool = False
    seldom: bool = False
    """Offered only where there is something to draw."""


PICTURES = "It is known where the loss sees colour. " + MEASURED + "."
TABS = (
    Tab("Loss", "The weighted sum of the terms, logarithmic", "Run the fit: every step's loss is drawn here.",
        log=True),
    Tab("IoU", f"Intersection over union of the silhouettes; dashed: of held-out views. {MEASURED}", f"{MEASURED}.",
        (("iou", False), ("held_out_iou", True)), unit=True),
    Tab("PSNR", f"Peak signal-to-noise ratio in dB; dashed: of held-out views. {MEASURED}", PICTURES,
        (("psnr", False), ("held_out_psnr", True))),
    Tab("SSIM", f"Structural similarity of held-out views. {MEASURED}", PICTURES,
        (("held_out_ssim", True),), unit=True),
    Tab("Pose", "Pose errors against the target, logarithmic: degrees as a line, distance dashed",
        "Pose errors are known where the target is the same shape in another pose.",
        (("rotation_error_degrees", False), ("translation_error", True)), log=True),
    Tab("Mesh", f"Flipped triangles; dashed: triangles that cut through others. {MEASURED}", f"{MEASURED}.",
        (("flipped_triangles", False), ("self_intersecting_triangles", True)), seldom=True),
    Tab("λ", "Damping of Levenberg-Marquardt, logarithmic: it grows where a step was refused", "",
        (("damping", False),), log=True, seldom=True),
)  # fmt: skip


class Curves(QFrame, Themed):
    """The dock's body; `head` is its title bar. `expanded(bool)` asks the window for more room."""

    expanded = pyqtSignal(bool)
    _imported = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.book = RunBook()
        self._steps, self._shown_at = 100, None
        self.plot: Plot | None = None
        self.empty = label("", BASE, REGULAR, "text2")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.tabs = Segment(*(tab.title for tab in TABS), tips=tuple(tab.tip for tab in TABS))
        self.readout = label("", HINT, REGULAR, "text2")
        self._legend = QWidget()
        self._legend_row: QHBoxLayout = hbox(gap=5)
        self._legend.setLayout(self._legend_row)
        self._legend_names: list[str] = []
        self.expand = mini("maximize", "Give the curves the room of the images", checkable=True)
        self.pin = mini("pin", "Keep runs beside whatever is opened next, or forget them")
        self.pin.clicked.connect(lambda: self.runs_menu().exec(self.pin.mapToGlobal(QPoint(0, self.pin.height() + 2))))
        self.head = Head("Curves", self.readout, 6, self._legend, 4, self.tabs, self.pin, self.expand)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        self.setLayout(vbox(self._stack, margins=(6, 0, 8, 4)))
        self.tabs.chosen.connect(lambda index: self._draw())
        self._imported.connect(self._ensure_plot)
        self.expand.toggled.connect(self._on_expand)
        self._pending = QTimer(self)
        self._pending.setSingleShot(True)
        self._pending.setInterval(REDRAW_MS)
        self._pending.timeout.connect(self._draw)
        self.set_theme(current_theme())

    def set_theme(self, theme: Theme) -> None:
        if self.plot is not None:
            self.plot.set_theme(theme)
        self._draw()

    def set_runs(self, book: RunBook, steps: int) -> None:
        """What is drawn, and the iteration the axis reaches to at least."""
        self.book, self._steps = book, max(steps, 1)
        self.refresh()

    def refresh(self) -> None:
        """There are new steps; they are drawn soon."""
        if not self._pending.isActive():
            self._pending.start()

    def set_shown(self, iteration: int | None) -> None:
        """The iteration of the pictures on screen, marked by a dashed line."""
        if iteration != self._shown_at:
            self._shown_at = iteration
            if self.plot is not None:
                self.plot.mark(iteration)

    def runs_menu(self) -> QMenu:
        """Every run with a tick where it is pinned, and a way to forget the others."""
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        runs = [run for run in self.book.runs if len(run.loss)]
        for run in runs:
            loss = numbers.number(float(run.loss.y[-1]))
            action = menu.addAction(f"{run.method}, it {run.start} to {run.last}, loss {loss}")
            assert action is not None
            action.setCheckable(True)
            action.setChecked(run.pinned)
            action.setToolTip(f"{run.title or 'This experiment'}: keep this curve beside whatever is opened next")
            action.toggled.connect(lambda on, run=run: (setattr(run, "pinned", on), self.refresh()))
        if not runs:
            none = menu.addAction("No run yet")
            assert none is not None
            none.setEnabled(False)
            none.setToolTip("Run the fit first")
        menu.addSeparator()
        forget = menu.addAction("Forget runs that are not pinned")
        assert forget is not None
        others = any(not run.pinned and run is not self.book.current for run in runs)
        forget.setEnabled(others)
        forget.setToolTip("Only the current run and pinned ones stay" if others else "There are no others")
        forget.triggered.connect(lambda: (self.book.forget_others(), self.refresh()))
        return menu

    def prepare(self) -> None:
        """Import what draws curves, beside the window, and make the plot while the engine starts: either would hold the
        window up by a tenth of a second at the first step."""
        from app.launcher import start_thread  # after the first paint, as the engine's client

        start_thread("plot", self._import_plot)

    def _import_plot(self) -> None:
        import app.plot  # noqa: F401

        with contextlib.suppress(RuntimeError):  # the window may be gone
            self._imported.emit()

    def _ensure_plot(self) -> Plot:
        if self.plot is None:
            from app.plot import Plot

            self.plot = Plot()
            self.plot.set_theme(current_theme())
            self.plot.mark(self._shown_at)
            self.plot.hovered.connect(self._on_hover)
            self._stack.addWidget(self.plot)
        return self.plot

    def _series(self, run: Run) -> list[tuple[Series, bool]]:
        """What the chosen tab draws of a run: (curve, dashed)."""
        chosen = self._tab().curves
        if not chosen:
            return [(run.loss, False)]
        return [(run.metrics[name], dashed) for name, dashed in chosen if name in run.metrics]

    def _tab(self) -> Tab:
        return TABS[self.tabs.index()]

    def _draw(self) -> None:
        curves = []
        for index, tab in enumerate(TABS):
            if tab.seldom:
                self.tabs.offer(index, any(name in run.metrics for run in self.book.runs for name, _ in tab.curves))
        for run in self.book.runs:
            width = 2.0 if run is self.book.current else 1.75 if run.pinned else 1.25
            curves += [(series, run.method, width, dashed) for series, dashed in self._series(run) if len(series)]
        self.empty.setText(self._tab().empty)
        self._write_legend()
        self._stack.setCurrentWidget(self._ensure_plot() if curves else self.empty)
        if not curves:
            return
        end = max(self._steps, *(run.last for run in self.book.runs), 1)
        self._ensure_plot().draw(curves, self._tab().log, end, self._tab().unit)

    def _write_legend(self) -> None:
        names = list(dict.fromkeys(run.method for run in self.book.runs if len(run.loss)))
        if names == self._legend_names:
            return
        self._legend_names = names
        clear(self._legend_row)
        for name in names:
            dot = Dot(name)
            self._legend_row.addWidget(dot)
            self._legend_row.addWidget(Elided(name, HINT, REGULAR, "text2"))  # gives way before the tabs do
            self._legend_row.addSpacing(4)

    def _on_expand(self, on: bool) -> None:
        self.expand.set_icon("restore" if on else "maximize")
        self.expanded.emit(on)

    def _on_hover(self, iteration: int | None) -> None:
        run = self.book.current
        values = []
        if iteration is not None and run is not None:
            values = [series.at(iteration) for series, _ in self._series(run)]
        shown = [numbers.number(value) for value in values if value is not None]
        self.readout.setText(f"it {iteration}   {'   '.join(shown)}" if shown else "")
