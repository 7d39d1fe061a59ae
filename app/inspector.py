"""The pixel under the cursor, in every image: colours, derivatives, and what the pixel sees.

Convention: image values are linear; a colour's derivative is shown as its luminance (Rec. 709), as in the panes, and by
channel in the tooltip. Pixel (x, y), row 0 at the top.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QFrame, QGridLayout, QLabel, QStackedLayout, QWidget

from app import numbers
from app.lab.inspector_rows import CLICK, ProbeRows
from app.theme import BASE, FINITE_DIFFERENCES, HINT, NUMBER, REGULAR, TITLE
from app.widgets import Dot, Elided, Glyph, Head, Item, frame, hbox, label, mini, vbox
from core.catalog import entries
from core.colour import linear_to_srgb
from core.derivatives.questions import Layer, Probed, Why
from core.protocol import Snapshot

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
COLOURS = {"target": "Target", "render": "Render", "difference": "Difference", "loss_gradient": "dL/dI"}
"""Images whose channels are written out: array -> title."""
WRITTEN = {
    "difference": numbers.signed_colour,
    "loss_gradient": lambda value: numbers.number(value, 2, signed=True),
}
PER = {"°": "per radian", "×": "per e-fold"}
"""What one unit of theta is where the tree writes values in another: core/derivatives/derive.py."""
TIGHT = 325
"""Logical pixels of height below which rows are closer: the inspector beside a viewport in a window 800 high."""
DERIVATIVES = ("derivative", "reference", "disagreement")


def _written_in(theta: str) -> str:
    """The unit in which people read the parameter that theta is, or is a component of."""
    names = (theta, theta.rpartition(".")[0])
    return next((entry["unit"] for entry in entries("parameters") if entry["name"] in names), "")


@dataclass(frozen=True)
class Reason:
    """What the callout says: icon, its colour token, title ("" for none), text."""

    icon: str
    token: str
    title: str
    text: str


def scalar(values: np.ndarray) -> float:
    """One number of a pixel: the value itself, or a colour's luminance."""
    return float(values @ LUMINANCE) if len(values) == 3 else float(values[0])


def reason(snapshot: Snapshot, x: int, y: int, method: str) -> Reason:
    """What this pixel sees, from the face ids around it and the two derivatives."""
    arrays = snapshot.arrays
    face_id = arrays.get("face_id")
    if face_id is None:
        return Reason("info", "text3", "", "This method has no triangles to name.")
    here = int(face_id[y, x])
    around = face_id[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
    edge = bool(((around < 0) != (here < 0)).any())
    if all(snapshot.stamps.get(name) == snapshot.iteration for name in DERIVATIVES):
        by_method, by_reference = (abs(scalar(arrays[name][y, x])) for name in DERIVATIVES[:2])
        size = float(np.percentile(np.abs(arrays["reference"]), 99))
        if by_method <= 1e-3 * size and by_reference > 0.05 * size:
            sees = f"keeps triangle {here}" if here >= 0 else "keeps the background"
            text = f"{method} {sees} here. It does not see the silhouette move."
            if not edge:
                text = f"{method} does not see what changes at this pixel."
            return Reason("help", "warn", "Why is this zero?", text)
    if edge:
        return Reason("silhouette", "accent", "", "Silhouette: the surface beside the background.")
    if here < 0:
        return Reason("info", "text3", "", "Background: no triangle is hit here.")
    depth = arrays.get("depth")
    jump = depth is not None and _depth_jump(depth[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2], around)
    if jump:
        return Reason("silhouette", "accent", "", "Occlusion: one part of the surface before another.")
    return Reason("cube", "text3", "", f"Inside the surface, triangle {here}.")


def _depth_jump(depth: np.ndarray, face_id: np.ndarray) -> bool:
    """Whether the depth leaps within a 3 x 3 neighbourhood: by more than 5 % of the depth itself."""
    seen = depth.reshape(depth.shape[0], depth.shape[1], -1)[..., 0][face_id >= 0]
    return len(seen) > 1 and float(seen.max() - seen.min()) > 0.05 * float(seen.min())


class Inspector(QFrame):
    """The dock's body; `head` is its title bar."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._snapshot: Snapshot | None = None
        self._pixel: tuple[int, int] | None = None
        self._method = ""
        self._probed: Probed | None = None
        self._note = CLICK
        self.swatch = QLabel()
        self.swatch.setFixedSize(14, 14)
        self.where = label("", BASE, NUMBER)
        self.view = label("", BASE, REGULAR, "text2")
        self.pin = mini("pin", "Keep this pixel while the cursor moves on", checkable=True)
        self.head = Head("Inspector", self.pin, left=(8, self.swatch, self.where, self.view))
        self._stack = QStackedLayout()
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._filled())
        self.setLayout(self._stack)
        self._refresh()

    # ------------------------------------------------------------------------------------------ building

    def _empty(self) -> QWidget:
        text = label("Move over an image to see the pixel's value in every pane.", BASE, REGULAR, "text2")
        more = label(
            "Click it to see what moves it, or click a vertex in the 3D view for its derivative image.",
            BASE,
            REGULAR,
            "text2",
        )
        for line in (text, more):
            line.setWordWrap(True)
            line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        glyph = Glyph("pointer", "text3", 24)
        return frame(vbox(None, hbox(None, glyph, None), 8, text, 4, more, None, margins=(12, 0, 12, 0)))

    def _filled(self) -> QWidget:
        colours = QGridLayout()
        colours.setContentsMargins(0, 0, 0, 0)
        colours.setHorizontalSpacing(6)
        colours.setVerticalSpacing(0)
        colours.setColumnStretch(0, 1)
        self.channels = [label(name, HINT, REGULAR, "text3", right=True) for name in "RGB"]
        for column, name in enumerate(self.channels, start=1):
            colours.addWidget(name, 0, column)
            colours.setColumnMinimumWidth(column, 50)
        self.values: dict[str, list[QLabel]] = {}
        self._titles: dict[str, QLabel] = {}
        self._colours = colours
        for row, (name, title) in enumerate(COLOURS.items(), start=1):
            self._titles[name] = label(title, BASE, REGULAR, "text2")
            colours.addWidget(self._titles[name], row, 0)
            self.values[name] = [label("", BASE, REGULAR, "text", right=True) for _ in range(3)]
            for column, cell in enumerate(self.values[name], start=1):
                colours.addWidget(cell, row, column)

        self.theta = Elided("", HINT, TITLE, "text2")
        self.unit = label("per unit", HINT, REGULAR, "text3")
        derivative_head = frame(hbox(self.theta, None, self.unit), height=24)
        self.method_dot, self.method_name = Dot("naive"), label("", BASE, REGULAR, "text2")
        rows: list[Item] = []
        self.derivatives = {name: label("", BASE, NUMBER, "text", right=True) for name in DERIVATIVES}
        titles = {
            "derivative": (self.method_dot, self.method_name),
            "reference": (Dot(FINITE_DIFFERENCES), label("finite differences", BASE, REGULAR, "text2")),
            "disagreement": (Dot(""), label("disagreement", BASE, REGULAR, "text2")),
        }
        for name, (dot, title) in titles.items():
            rows.append(frame(hbox(dot, title, None, self.derivatives[name]), height=19))
        self._derivative_rows = frame(vbox(derivative_head, *rows))

        self.why_icon, self.why_title = Glyph("silhouette", "accent", 14), label("", BASE, TITLE)
        self.why = label("", BASE, REGULAR, "text2")
        self.why.setWordWrap(True)
        icon = vbox(2, self.why_icon, None)
        callout = frame(hbox(icon, vbox(self.why_title, self.why, gap=2), margins=(10, 6, 8, 6), gap=8), "well")
        callout.layout().setStretch(1, 1)  # type: ignore[union-attr]

        self.rows = ProbeRows()
        body = frame(vbox(colours, self._derivative_rows, 6, callout, self.rows, margins=(12, 0, 12, 6)))
        body.layout().setStretchFactor(self.rows, 1)  # type: ignore[union-attr]
        return body

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Where there is little height, rows stand closer and dL/dI goes, so that a few movers can be read."""
        super().resizeEvent(event)
        tight = self.height() < TIGHT
        for row in range(1 + len(COLOURS)):
            self._colours.setRowMinimumHeight(row, 0 if tight and row == len(COLOURS) else 16 if tight else 19)
        for cell in (self._titles["loss_gradient"], *self.values["loss_gradient"]):
            cell.setVisible(not tight)

    # ------------------------------------------------------------------------------------------ what it is told

    def set_snapshot(self, snapshot: Snapshot | None, method: str) -> None:
        self._snapshot, self._method = snapshot, method
        self._refresh()

    def set_pixel(self, pixel: tuple[int, int] | None) -> None:
        """The pixel under the cursor, None when it left the images; a pinned one stays."""
        if not self.pin.isChecked():
            self._pixel = pixel
            self._refresh()

    def pin_pixel(self, pixel: tuple[int, int]) -> None:
        """Keep this pixel from now on."""
        self._pixel = pixel
        self.pin.setChecked(True)
        self._refresh()

    def unpin(self) -> None:
        self.pin.setChecked(False)
        self.set_pixel(None)

    def set_probed(self, probed: Probed | None) -> None:
        """What the engine found out about a pixel; shown while that pixel is."""
        self._probed = probed
        self._refresh()

    def set_note(self, note: str) -> None:
        """Why nothing is known yet of what moves the pixel."""
        if note != self._note:
            self._note = note
            self._refresh()

    @property
    def pixel(self) -> tuple[int, int] | None:
        return self._pixel

    # ------------------------------------------------------------------------------------------ what it shows

    def _refresh(self) -> None:
        snapshot, pixel = self._snapshot, self._pixel
        render = snapshot.arrays.get("render") if snapshot else None
        inside = render is not None and pixel is not None and pixel[0] < render.shape[1] and pixel[1] < render.shape[0]
        self._stack.setCurrentIndex(1 if inside else 0)
        self.pin.setEnabled(inside or self.pin.isChecked())
        self.pin.setToolTip("Keep this pixel while the cursor moves on" if inside else "Move over an image first")
        for widget in (self.swatch, self.where, self.view):
            widget.setVisible(inside)
        if not inside or snapshot is None or pixel is None or render is None:
            return
        x, y = pixel
        self.where.setText(f"{x}, {y}")
        self.view.setText(f"view {snapshot.view}")
        shown = np.broadcast_to(np.round(255 * linear_to_srgb(render[y, x])).astype(int), (3,))
        self.swatch.setStyleSheet(f"background: rgb({shown[0]}, {shown[1]}, {shown[2]}); border-radius: 3px;")
        self._show_colours(snapshot, x, y)
        self._show_derivatives(snapshot, x, y)
        self._show_surface(snapshot, x, y)

    def _show_colours(self, snapshot: Snapshot, x: int, y: int) -> None:
        count = snapshot.arrays["render"].shape[2]
        for index, name in enumerate(self.channels):
            name.setText("RGB"[index] if count == 3 else ("" if index < 2 else "value"))
        for name, cells in self.values.items():
            array = snapshot.arrays.get(name)
            write = WRITTEN.get(name, numbers.colour)
            for index, cell in enumerate(cells):
                channel = index if count == 3 else index - 2
                cell.setText("" if array is None or channel < 0 else write(float(array[y, x, channel])))

    def _show_derivatives(self, snapshot: Snapshot, x: int, y: int) -> None:
        there = [name for name in DERIVATIVES if name in snapshot.arrays]
        self._derivative_rows.setVisible(bool(there))
        self.theta.setText(f"dI/dθ, θ = {snapshot.theta}")
        self.unit.setText(PER.get(_written_in(snapshot.theta or ""), "per unit"))
        self.method_dot.set_token(self._method)
        self.method_name.setText(self._method)
        for name, cell in self.derivatives.items():
            values = snapshot.arrays[name][y, x] if name in there else None
            cell.setText(numbers.NOT_A_NUMBER if values is None else numbers.number(scalar(values), signed=True))
            modes = self._modes(name, snapshot, x, y)
            parts = (
                [] if values is None or len(values) == 1 else [numbers.number(float(v), signed=True) for v in values]
            )
            channels = "Red {}, green {}, blue {}; shown: luminance".format(*parts) if parts else ""
            cell.setToolTip("\n".join(line for line in (channels, modes) if line))

    def _modes(self, name: str, snapshot: Snapshot, x: int, y: int) -> str:
        """The method's derivative found both ways, where the pixel was probed."""
        probed = self._probed
        same = probed is not None and probed.question.pixel == (x, y) and probed.question.theta == snapshot.theta
        if name != "derivative" or not same or probed is None or probed.by_theta is None:
            return ""
        forward, reverse = (numbers.number(value, 5, signed=True) for value in probed.by_theta)
        return f"Forward mode {forward}, reverse mode {reverse}"

    def _show_surface(self, snapshot: Snapshot, x: int, y: int) -> None:
        probed = self._probed
        if probed is not None and probed.question.pixel == (x, y) and probed.question.view == snapshot.view:
            why = reason(snapshot, x, y, self._method) if probed.why is None else _told(probed.why)
            self.rows.show_probed(probed, self._method)
        else:
            why = reason(snapshot, x, y, self._method)
            self.rows.show_layers(_first_layer(snapshot, x, y), self._note)
        self.why_icon.set_icon(why.icon, why.token)
        self.why_title.setText(why.title)
        self.why_title.setVisible(bool(why.title))
        self.why.setText(why.text)


def _told(why: Why) -> Reason:
    """The engine's cause as a callout."""
    if why.title:
        return Reason("help", "warn", why.title, why.text)
    edge = why.text.startswith(("Silhouette", "Occlusion", "Intersection"))
    return Reason("silhouette" if edge else "cube", "accent" if edge else "text3", "", why.text)


def _first_layer(snapshot: Snapshot, x: int, y: int) -> tuple[Layer, ...]:
    """What the snapshot knows of the surface under a pixel."""
    face_id, depth = snapshot.arrays.get("face_id"), snapshot.arrays.get("depth")
    if depth is None or (face_id is not None and face_id[y, x] < 0) or not np.isfinite(depth[y, x]).all():
        return ()
    return (Layer(None if face_id is None else int(face_id[y, x]), float(np.ravel(depth[y, x])[0])),)
