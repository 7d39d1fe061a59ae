"""The experiment panel: its sections in a scrolling column, and the rail it folds into where there is no room."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QScrollArea, QWidget

from app.controller import Controller
from app.experiment_panel.base import PanelSection
from app.experiment_panel.loss import LossSection
from app.experiment_panel.method import MethodSection
from app.experiment_panel.optimizer import OptimizerSection, SceneSection, StopSection
from app.experiment_panel.parameters import ParametersSection
from app.experiment_panel.schedule import ScheduleSection
from app.experiment_panel.shape import ShapeSection
from app.experiment_panel.target import TargetSection
from app.widgets import Head, IconButton, frame, mini, vbox
from app.widgets.tab_order import chain_tabs

RAIL_WIDTH = 44


class _Column(QScrollArea):
    """A scrolling column whose content keeps its width whether the bar is there or not."""

    BAR = 8

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setViewportMargins(0, 0, self.BAR, 0)
        self.setWidget(content)
        bar = self.verticalScrollBar()
        assert bar is not None
        # A method, not a lambda: PyQt drops it when the column is torn down, while the bar still emits.
        bar.rangeChanged.connect(self._on_range_change)

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab was pressed in the column. Rows come and go, so where it leads is looked up now."""
        content = self.widget()
        if content is not None:
            chain_tabs(content)
        return super().focusNextPrevChild(next)

    def _on_range_change(self, low: int, high: int) -> None:
        self.setViewportMargins(0, 0, 0 if high > low else self.BAR, 0)


class ExperimentPanel(QFrame):
    """The dock's body; `head` is its title bar, `save` and `more` are buttons on it."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.controller = controller
        self.save = mini("save", "Save the experiment (Ctrl+S)")
        self.fold = mini("panel-close", "Fold the panel into a rail")
        self.fold.hide()
        self.head = Head("Experiment", self.save, self.fold)
        self.shape, self.target = ShapeSection(controller), TargetSection(controller)
        self.method, self.loss = MethodSection(controller), LossSection(controller)
        self.optimizer, self.parameters = OptimizerSection(controller), ParametersSection(controller)
        self.schedule = ScheduleSection(controller)
        self.stop, self.scene = StopSection(controller), SceneSection(controller)
        self.sections: tuple[PanelSection, ...] = (
            self.shape, self.target, self.method, self.loss, self.optimizer, self.parameters, self.schedule, self.stop,
            self.scene,
        )  # fmt: skip
        self.area = _Column(frame(vbox(*self.sections, None)))
        self.setLayout(vbox(self.area, margins=(0, 0, 0, 4)))
        controller.experiment_changed.connect(self._show_experiment)
        controller.loaded_changed.connect(self._show_loaded)
        post = controller.turns.post
        controller.snapshot_shown.connect(lambda _: post("experiment", self._show_snapshot, self))
        controller.thumbnails.pictured.connect(self.target.strip.set_views)
        controller.stepped.connect(lambda _: post("gradients", self._show_scalars, self))
        controller.derive_changed.connect(self.parameters.show_theta)
        controller.view_changed.connect(self.target.strip.set_view)

    def _show_experiment(self, experiment: object) -> None:
        for section in self.sections:
            section.show_experiment(self.controller.experiment)

    def _show_loaded(self, loaded) -> None:  # type: ignore[no-untyped-def]
        for section in self.sections:
            section.show_loaded(loaded)

    def _show_scalars(self) -> None:
        self.parameters.show_scalars(self.controller.last)

    def _show_snapshot(self) -> None:
        if self.controller.shown is not None:
            self.parameters.show_snapshot(self.controller.shown)
        frames = self.controller.replay.frames
        if frames:
            self.shape.thumbnail.set_picture(frames[0].thumbnail)

    def set_short(self, short: bool) -> None:
        """Little height: the sections one seldom edits fold to a line each."""
        for section in (self.shape, self.target, self.loss):
            section.set_folded(short)

    def reveal(self, section: PanelSection) -> None:
        """Open a section and bring it into sight."""
        section.set_folded(False)
        self.area.ensureWidgetVisible(section, 0, 0)


class Rail(QFrame):
    """The folded panel: one icon a section; the tooltip names it, a click opens it there. `chosen(section or None)`."""

    chosen = pyqtSignal(object)
    help_wanted = pyqtSignal()

    def __init__(self, panel: ExperimentPanel) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(RAIL_WIDTH)
        items: list[QWidget | None] = []
        for icon, tip, section in (
            ("panel-open", "Open the Experiment panel", None),
            ("cube", "Shape", panel.shape),
            ("target", "Target and views", panel.target),
            ("method", "Method", panel.method),
            ("loss", "Loss", panel.loss),
            ("sliders", "Optimizer", panel.optimizer),
            ("tree", "Free parameters", panel.parameters),
            ("stages", "Schedule", panel.schedule),
            ("flag", "Stop", panel.stop),
            ("light", "Light and background", panel.scene),
        ):
            button = IconButton("", icon, name="rail", tip=tip, size=18)
            button.clicked.connect(lambda _, s=section: self.chosen.emit(s))
            items.append(button)
        help_button = IconButton("", "help", name="rail", tip="Help (F1)", size=18)
        help_button.clicked.connect(self.help_wanted)
        self.setLayout(vbox(*items, None, help_button, margins=(6, 6, 6, 6), gap=4))
