"""The lab's actions. They live among the window's (app/actions.py), with keys, tooltips and reasons like all others."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtGui import QAction


class LabActions:
    """`menu`: in the order of the menu, None for a line."""

    def __init__(self, new: Callable[[str, str, str], QAction]) -> None:
        self.probe = new("Probe the pixel", "P", "Keep the pixel under the cursor, and show what moves it")
        self.wrong_zero = new(
            "Show a wrong zero", "W", "Go to a pixel where the method says zero and the truth does not"
        )
        self.release = new("Let go", "U", "Release the probed pixel and the chosen vertex")
        self.gradients = new("Vertex gradients", "A", "Arrows, the largest and the clip of dL/dv over the 3D view")
        self.health = new(
            "Mesh health", "M", "Flipped, degenerate, crossing and duplicate parts of the current triangles"
        )
        self.slice = new(
            "Field slice",
            "I",
            "A plane through the field in the 3D view: distances with isolines, or the loss's gradient",
        )
        self.sweep = new(
            "Step sweep…", "S", "Finite differences over many steps: noise, truncation, and the calm between"
        )
        self.landscape = new("Loss landscape…", "Ctrl+L", "The loss over one or two parameters, with both slopes")
        self.warp = new(
            "Look into the warp…", "", "The weights along a ray, the points each pixel keeps, and how far samples move"
        )
        for action in (self.gradients, self.health, self.slice):
            action.setCheckable(True)

    @property
    def menu(self) -> tuple[QAction | None, ...]:
        return (
            self.probe, self.wrong_zero, self.release, None, self.gradients, self.health, self.slice, None,
            self.sweep, self.landscape, self.warp,
        )  # fmt: skip
