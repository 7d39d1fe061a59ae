"""The 3D view: the shape as it moves, the target's ghost, the cameras, and the controls that lie over them.

Without OpenGL it is a placeholder that takes the same calls.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PyQt6.QtCore import QEvent, QPointF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme
from app.viewport.camera import Eye, Orbit
from app.viewport.canvas import Canvas, opengl_problem
from app.viewport.furniture import Furniture
from app.viewport.hand import VertexHand
from app.viewport.handles import ControlHandles
from app.viewport.helm import Helm
from app.viewport.navigator import Navigator
from app.viewport.overlay import NoGraphics
from app.viewport.scene import Scene
from app.viewport.surface import MODES, Frame
from app.widgets import Themed, current_theme, restyle, vbox
from core.protocol import Loaded, Snapshot, ViewInfo

MOVED = ("vertices", "means")
"""Parameters that the drawn vertices have a gradient of."""
SETTLE = 400
"""Milliseconds without a change after which a thinned shape is drawn in full."""


class Viewport(QWidget, Themed):
    """The 3D view. view_chosen(index): a camera was clicked. maximise_requested(): its button was pressed."""

    view_chosen = pyqtSignal(int)
    painted = pyqtSignal()
    """The 3D picture was drawn anew: what lies over it must follow."""
    maximise_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = current_theme()
        self.helm = Helm()
        self._staged: tuple | None = None
        self._moving = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE)
        self._settle.timeout.connect(self._on_settled)
        self._canvas: Canvas | None = None
        self.hand: VertexHand | None = None
        self.scene: Scene | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 140)
        self.setLayout(vbox())
        self.problem = opengl_problem()
        """Why there is no 3D picture, or None."""
        if self.problem is None:
            self._build()
        else:
            self._give_up(self.problem)

    # ------------------------------------------------------------------------------------------ building

    def _build(self) -> None:
        self.scene = Scene()
        self._canvas = Canvas(self, self._paint)
        self._canvas.failed.connect(self._give_up)
        self.surface = self._canvas.widget
        self.surface.hide()  # until the window has been seen: starting OpenGL takes a tenth of a second and more
        self.layout().addWidget(self.surface)  # type: ignore[union-attr]
        self.navigator = navigator = Navigator(self.surface)
        navigator.orbited.connect(lambda dx, dy: self._steer(self.helm.free().turned(dx, dy)))
        navigator.rolled.connect(lambda dx, dy: self._steer(self.helm.free().rolled(dx, dy)))
        navigator.panned.connect(lambda dx, dy: self._steer(self.helm.free().panned(dx, dy, self.height())))
        navigator.zoomed.connect(self._on_zoomed)
        navigator.clicked.connect(self._on_clicked)
        navigator.hovered.connect(self._on_hovered)
        navigator.reset.connect(self.reset_view)
        navigator.fit.connect(self.fit)
        self._furniture = furniture = Furniture(self)
        self.modes, self.tools = furniture.modes, furniture.tools
        self.gizmo, self.scale, self.readout = furniture.gizmo, furniture.scale, furniture.readout
        self.modes.chosen.connect(lambda index: self.set_mode(MODES[index]))
        self.tools.ghost.toggled.connect(self.set_ghost_visible)
        self.tools.cameras.toggled.connect(self.set_cameras_visible)
        self.tools.look.toggled.connect(self.set_looking_through)
        self.tools.fit.clicked.connect(self.fit)
        self.tools.maximise.clicked.connect(self.maximise_requested)
        self.gizmo.axis_clicked.connect(lambda axis, negative: self._steer(self.helm.free().snapped(axis, negative)))
        self.hand = VertexHand(self)
        self.handles = ControlHandles(self)

    def _give_up(self, reason: str) -> None:
        """Drop the canvas and say why."""
        self.problem = reason
        if self._canvas is not None:
            self.surface.hide()
            self._furniture.hide()
        self.placeholder = NoGraphics(reason)
        self.layout().addWidget(self.placeholder)  # type: ignore[union-attr]
        self._canvas = self.scene = None

    def shutdown(self) -> None:
        """Free what the graphics driver holds; call it before the window goes."""
        if self._canvas is not None:
            self._canvas.close()
            self._canvas = self.scene = None

    # ------------------------------------------------------------------------------------------ what is shown

    def set_loaded(self, loaded: Loaded) -> None:
        """A problem was loaded. The view stays as it is when only method, loss or optimizer changed."""
        if self.scene is None:
            return
        self.helm.views = tuple(loaded.views)
        self.scene.set_loaded(loaded)
        experiment = loaded.experiment
        free = any(name.partition(".")[0] in MOVED for name in experiment.parameters.free)
        self.scale.set_movable(free, any(parameter.name == "vertices" for parameter in loaded.parameters))
        staged = (experiment.shape, experiment.target, experiment.views)
        if staged != self._staged:
            self._staged = staged
            self.reset_view()
        self.set_view(min(self.helm.view, max(len(self.helm.views) - 1, 0)))
        self._request()

    def set_pictures(self, views: tuple[ViewInfo, ...]) -> None:
        """More views have their picture."""
        if self.scene is not None:
            self.helm.views = views
            self.scene.set_views(views)
            self._request()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        if self.scene is None:
            return
        began = self.scene.surface.empty
        self.scene.show(snapshot)
        self.handles.show_snapshot(snapshot)
        if began and self.helm.at_home and not self.scene.surface.empty:
            self.reset_view()
        self._refresh_scale()
        self._request()

    def set_metrics(self, metrics: Mapping[str, float]) -> None:
        """For the readout: "loss", "iou", "psnr", "translation_error", "rotation_error_degrees"; any may be missing."""
        if self.scene is not None:
            self.readout.set_metrics(metrics)
            self._furniture.place_readout()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        restyle(self, theme)
        self._request()

    def set_view(self, index: int) -> None:
        """Which view is chosen (the accent pyramid, and whose camera is looked through)."""
        self.helm.view = index
        if self.scene is not None:
            self.scene.cameras.chosen = index
            self._request()

    def set_mode(self, mode: str) -> None:
        """ "gradient", "shaded", "normals" or "wire"."""
        if self.scene is None:
            return
        self.scene.mode = mode
        self.modes.set_index(MODES.index(mode))
        self._refresh_scale()
        self._request()

    def set_ghost_visible(self, visible: bool) -> None:
        if self.scene is not None:
            self.scene.show_ghost = visible
            self.tools.ghost.setChecked(visible)
            self._request()

    def set_cameras_visible(self, visible: bool) -> None:
        if self.scene is not None:
            self.scene.show_cameras = visible
            self.tools.cameras.setChecked(visible)
            self._request()

    def set_looking_through(self, looking: bool) -> None:
        """Put the eye where the chosen view's camera is; dragging leaves it from there."""
        self.helm.looking = looking and bool(self.helm.views)
        if self.scene is not None:
            self.tools.look.setChecked(self.helm.looking)
            self._request(now=True)

    def fit(self) -> None:
        """Shape and target fill the view."""
        if self.scene is not None:
            self._steer(self.helm.free().fitted(*self.scene.bounds(), self._aspect()))

    def reset_view(self) -> None:
        """Back to where the view was when the problem was loaded: shape, target and cameras in the picture."""
        if self.scene is not None:
            self._steer(self.helm.home(*self.scene.bounds(), self._aspect()))
            self.helm.at_home = True

    def _refresh_scale(self) -> None:
        if self.scene is not None:
            self.scale.setVisible(self.scene.mode == "gradient" and not self.scene.surface.empty)
            self.scale.set_range(self.scene.surface.range, self.scene.surface.exponent is not None)

    # ------------------------------------------------------------------------------------------ the eye

    def eye(self) -> Eye:
        """What is drawn with now."""
        return self.helm.eye(self._aspect())

    def _aspect(self) -> float:
        return max(self.width(), 1) / max(self.height(), 1)

    def _steer(self, orbit: Orbit) -> None:
        self.helm.orbit, self.helm.at_home = orbit, False
        if self.helm.looking:
            self.set_looking_through(False)
        self._request(now=True)

    def _request(self, *, now: bool = False) -> None:
        if self._canvas is not None:
            self.gizmo.set_rotation(self.eye().view[:3, :3])
            self._moving = True
            self._settle.start()
            (self._canvas.request_now if now else self._canvas.request)()

    def _on_settled(self) -> None:
        """Nothing has moved for a while: draw it as finely as it is."""
        self._moving = False
        if self.scene is not None and self._canvas is not None and self.scene.coarse(self._canvas.software):
            self._canvas.request()

    def _frame(self) -> Frame:
        software = self._canvas is not None and self._canvas.software
        return Frame(self.eye(), self._theme, self.devicePixelRatioF(), software, self._moving)

    def _paint(self, width: int, height: int) -> None:
        if self.scene is not None:
            self.scene.draw(self._frame(), self.helm.view if self.helm.camera else None)
            self.painted.emit()

    # ------------------------------------------------------------------------------------------ the pointer

    def _camera_at(self, point: QPointF) -> int | None:
        if self.scene is None or not self.scene.show_cameras or self.helm.looking:
            return None
        return self.scene.cameras.at(point.x(), point.y(), self._frame(), self.width(), self.height())

    def _on_clicked(self, point: QPointF) -> None:
        index = self._camera_at(point)
        if index is not None and not self.helm.views[index].held_out:
            self.set_view(index)
            self.view_chosen.emit(index)
        elif index is None and self.hand is not None:
            self.hand.pick(point)

    def paint_row(self, row: np.ndarray | None) -> None:
        """Paint (n,) sizes instead of the loss gradient: a probed pixel's row; None for the gradient again."""
        if self.scene is not None:
            self.scene.paint(row)
            self.scale.set_title("|dL/dv|" if row is None else "|dI/dv|")
            self._refresh_scale()
            self._request()

    def clip_gradient(self, percentile: float, hold: bool) -> None:
        """Above which percentile all gradients look alike, and whether the range stays as it is."""
        if self.scene is not None:
            self.scene.surface.clip, self.scene.surface.hold = percentile, hold
            self.scene.paint(self.scene.painted)
            self._refresh_scale()
            self._request()

    def redraw(self) -> None:
        """What lies over the picture has changed."""
        self._request()

    def _on_hovered(self, point: QPointF) -> None:
        index = self._camera_at(point)
        choosable = index is not None and not self.helm.views[index].held_out
        self.surface.setCursor(Qt.CursorShape.PointingHandCursor if choosable else Qt.CursorShape.ArrowCursor)
        held_out = ", held out" if index is not None and self.helm.views[index].held_out else ""
        self.surface.setToolTip("" if index is None else f"View {index}: {self.helm.views[index].name}{held_out}")

    def _on_zoomed(self, factor: float, point: QPointF) -> None:
        ndc = (2 * point.x() / max(self.width(), 1) - 1, 1 - 2 * point.y() / max(self.height(), 1))
        self._steer(self.helm.free().zoomed(factor, ndc, self._aspect()))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        if self._canvas is None:
            return
        self._place()
        if self.helm.at_home and self.helm.views:
            self.reset_view()

    def showEvent(self, event: QShowEvent | None) -> None:
        self._place()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """The plain ground, seen until OpenGL has started; it starts when this is on the screen."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.viewport))
        painter.end()
        if self._canvas is not None and self.surface.isHidden():
            QTimer.singleShot(0, self._uncover)

    def _uncover(self) -> None:
        if self._canvas is not None:
            self.surface.show()

    def changeEvent(self, event: QEvent | None) -> None:
        if event is not None and event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            # The children hear of it after this widget, and know their sizes only then.
            QTimer.singleShot(0, self._place)

    def _place(self) -> None:
        """Put the overlays where they belong."""
        if self._canvas is None:
            return
        self._furniture.place()
        if self.hand is not None:
            self.hand.place()
        self._furniture.round_corners()
