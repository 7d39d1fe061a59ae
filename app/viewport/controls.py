"""The buttons over the 3D view: what the shape shows at the left, what stands around it at the right."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QWidget

from app.widgets import IconButton, Segment, hbox

HEIGHT = 28
TITLES = ("Gradient", "Shaded", "Normals", "Wire")
TIPS = (
    "Length of the loss gradient at each vertex, logarithmic",
    "The shape in its own colours",
    "Directions of the normals: x red, y green, z blue",
    "The triangles' edges",
)


def mode_control(parent: QWidget) -> Segment:
    """Gradient, Shaded, Normals, Wire: one is chosen."""
    control = Segment(*TITLES, tips=TIPS)
    control.setObjectName("overlay")
    control.setFixedHeight(HEIGHT)
    control.setParent(parent)
    return control


class Tools(QFrame):
    """Ghost, cameras, look through, vertex gradients, mesh health, field slice, fit, maximise."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.ghost = self._button("ghost", "Show the target as a ghost", checkable=True, checked=True)
        tip = "Show the cameras; click one to choose its view"
        self.cameras = self._button("camera", tip, checkable=True, checked=True)
        self.look = self._button("eye", "Look through the chosen view's camera, over its target", checkable=True)
        self.gradients = self._button("arrow", "Vertex gradients: arrows, the largest, clip (A)", checkable=True)
        self.health = self._button("triangle", "Mesh health: what is wrong with the triangles (M)", checkable=True)
        self.slice = self._button("slice", "Field slice: distances with isolines, or the gradient", checkable=True)
        self.fit = self._button("fit", "Fit the shape into the view (F)")
        self.maximise = self._button("maximize", "Enlarge the 3D view, or bring the panes back")
        buttons = (self.ghost, self.cameras, self.look, self.gradients, self.health, self.slice)
        buttons = (*buttons, self.fit, self.maximise)
        self.setLayout(hbox(*buttons, margins=(1, 0, 1, 0), gap=0))
        self.setFixedHeight(HEIGHT)

    @staticmethod
    def _button(icon: str, tip: str, *, checkable: bool = False, checked: bool = False) -> IconButton:
        return IconButton("", icon, tip=tip, size=15, checkable=checkable, checked=checked)
