"""One pane: title row, picture, footer. It holds its array and draws it; what is shared lies in the grid."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QContextMenuEvent, QMouseEvent
from PyQt6.QtWidgets import QFrame, QSizePolicy, QWidget

from app import numbers
from app.panes.footer import Footer
from app.panes.kinds import Kind
from app.panes.maps import CHANNELS, channel_of, signed_picture
from app.panes.over import Over, mixed
from app.panes.picture import Picture
from app.panes.plates import Plate, plate_of
from app.theme import BASE, FINITE_DIFFERENCES, HINT, NUMBER, REGULAR, Theme
from app.widgets import SHORTER, Dot, Elided, Glyph, IconButton, Themed, current_theme, frame, hbox, label, mini, vbox

CAPTION_HEIGHT = 24


class EmptyState(QFrame):
    """Icon, one sentence, one button. acted(): the button was pressed."""

    acted = pyqtSignal()

    def __init__(self, parent: QWidget, kind: Kind) -> None:
        super().__init__(parent)
        self.text = label("", BASE, REGULAR, "text2")
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.button = IconButton(kind.action, name="link", tip=kind.action)
        self.button.clicked.connect(self.acted)
        rows = (
            None,
            hbox(None, Glyph(kind.icon, "text3", 20), None),
            6,
            self.text,
            8,
            hbox(None, self.button, None),
            None,
        )
        self.setLayout(vbox(*rows, margins=(12, 4, 12, 4)))
        self.set_state(kind.empty, kind.action)

    def set_state(self, text: str, action: str) -> None:
        self.text.setText(text)
        self.button.set_label(action)
        self.button.setVisible(bool(action))


class Pane(QWidget, Themed):
    """lock_toggled(bool), enlarge_requested(), action_requested(), menu_requested(global position)."""

    lock_toggled = pyqtSignal(bool)
    enlarge_requested = pyqtSignal()
    action_requested = pyqtSignal()
    menu_requested = pyqtSignal(object)

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind, self._theme = kind, current_theme()
        self.plate: Plate | None = None
        self.stamp = -1
        self._drawn: tuple | None = ()
        self.picture = Picture(on_map=kind.signed)
        self.footer = Footer(kind.signed)
        self.dot = Dot(FINITE_DIFFERENCES if kind.name == "reference" else "")
        self.dot.setVisible(kind.name in ("derivative", "reference"))
        self.note = Elided(
            SHORTER.join((kind.note.replace("{method}", ""), *filter(None, [kind.note and kind.brief]))), HINT
        )
        self.lock = mini("unlock", "", checkable=True, checked=kind.locked)
        self.lock.setVisible(kind.signed)
        self.lock.toggled.connect(self._on_lock)
        self.enlarge = mini("maximize", f"Enlarge this pane ({kind.key})")
        self.enlarge.setVisible(not kind.signed)
        self.enlarge.clicked.connect(self.enlarge_requested)
        key, title = label(str(kind.key or ""), HINT, NUMBER, "text3"), label(kind.title, BASE, NUMBER)
        if not kind.key and kind.name in (
            "difference",
            "disagreement",
        ):  # in a card of a comparison, which may be narrow
            title = Elided(kind.title, BASE, NUMBER, "text")
        key.setVisible(bool(kind.key))
        self.over = Over() if kind.name == "target" else None
        items = [self.dot, key, title, self.note, None, *([self.over] if self.over else []), self.lock, self.enlarge]
        row = hbox(*items, margins=(2, 0, 0, 0), gap=5)
        row.setStretchFactor(self.note, 100)
        self.caption = frame(row, height=CAPTION_HEIGHT)
        self.caption.installEventFilter(self)
        body = vbox(self.caption, 2, self.picture, 4, self.footer, None)
        body.setStretch(2, 1000)
        self.setLayout(body)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.empty = EmptyState(self.picture, kind)
        self.empty.acted.connect(self.action_requested)
        self.picture.setLayout(vbox(self.empty))
        self.picture.area_changed.connect(self.footer.set_span)
        self._on_lock(kind.locked)

    # ------------------------------------------------------------------------------------------ what is shown

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme

    def set_method(self, name: str) -> None:
        if "{method}" in self.kind.note:
            self.note.setText(self.kind.note.replace("{method}", name))
            self.dot.set_token(name)

    @property
    def array(self) -> np.ndarray | None:
        """The image [H, W, C]."""
        return None if self.plate is None else self.plate.array

    @property
    def values(self) -> np.ndarray | None:
        """The shown value a pixel (H, W), for signed kinds."""
        return None if self.plate is None else self.plate.values

    def set_array(self, array: np.ndarray | None, stamp: int, plate: Plate | None = None) -> None:
        """The image [H, W, C] and the iteration it belongs to, with its plate where one was made. `draw` paints it."""
        self.stamp = stamp
        if plate is None and array is not None:
            plate = plate_of(array, self._channel(), self.plate)
        self._set_plate(plate)

    def _channel(self) -> str | None:
        """The channel that is shown now, None for a picture that is not signed."""
        if not self.kind.signed:
            return None
        return CHANNELS[0] if self.plate is None else self.plate.channel

    def _set_plate(self, plate: Plate | None) -> None:
        if plate is not self.plate:
            self.plate, self._drawn = plate, None

    def own_range(self, channel: str) -> float | None:
        """Choose the shown channel of a signed image; its robust range, or None without an image."""
        if self.plate is None or not self.kind.signed:
            return None
        self._set_plate(plate_of(self.plate.array, channel, self.plate))
        return self.plate.own

    def draw(self, limit: float | None, edited: bool, sees: frozenset[str]) -> None:
        """Paint the array unless it is painted already. limit: r of the signed map. sees: the losses' channels, which
        say how to read a picture that is not signed."""
        drawn = (limit, edited, sees, self._theme.name, self.over and self.over.state())
        if drawn == self._drawn:
            return
        self._drawn = drawn
        if self.plate is None:
            self.picture.set_picture(None)
            self.footer.set_range(None)
        elif self.values is not None and limit is not None:
            self.picture.set_picture(signed_picture(self.values, limit, self._theme.signed_lut()))
            self.footer.set_range(limit, edited)
        else:
            self.picture.set_picture(self._with_over(_natural(self.plate, sees)))

    def _with_over(self, picture: np.ndarray) -> np.ndarray:
        """The target's picture with as much of the render over it as was asked for."""
        if self.over is None or self.over.picture is None:
            return picture
        return mixed(picture, self.over.picture, self.over.share, self.over.wipe)

    def lay_over(self, plate: Plate | None, sees: frozenset[str]) -> None:
        """Hand on the image that may lie over this pane's; read only where something of it shows."""
        if self.over is not None and (self.over.share > 0 or plate is None):
            self.over.picture = None if plate is None else _natural(plate, sees)

    def set_remarks(self, iteration: int, busy_since: float | None) -> None:
        """What lies over the picture: the iteration it belongs to where that is not `iteration`, how many pixels are
        not finite, and since when (time.monotonic()) it is being recomputed."""
        chips = []
        if self.array is not None and self.stamp != iteration and self.kind.name != "target":
            chips.append((f"it {self.stamp}" if self.stamp >= 0 else "before the edit", "text2"))
        if self.plate is not None and self.plate.invalid:
            chips.append((f"{self.plate.invalid} not finite", "warn"))
        self.picture.set_chips(*chips)
        self.picture.set_busy(busy_since)

    def set_empty(self, text: str, action: str, facts: str) -> None:
        """What stands where there is no picture, and the line below."""
        self.empty.setVisible(self.array is None and bool(text))
        self.empty.set_state(text, action)
        self.footer.set_facts(facts)

    def values_at(self, pixel: tuple[int, int]) -> np.ndarray | None:
        """All channels at an image pixel (x, y), or None outside the image."""
        if self.array is None:
            return None
        height, width = self.array.shape[:2]
        inside = 0 <= pixel[0] < width and 0 <= pixel[1] < height
        return np.atleast_1d(self.array[pixel[1], pixel[0]]) if inside else None

    def show_reading(self, pixel: tuple[int, int] | None) -> None:
        """The value at an image pixel, under the picture."""
        values = None if pixel is None else self.values_at(pixel)
        if pixel is None or values is None:
            self.footer.set_reading(None)
        elif self.values is not None:
            self.footer.set_reading(float(self.values[pixel[1], pixel[0]]))
        else:
            text = "  ".join(numbers.colour(float(value)) for value in values)
            self.footer.set_reading(None, f"{pixel[0]}, {pixel[1]}   {text}")

    def set_enlarged(self, enlarged: bool) -> None:
        """Whether it has the grid to itself."""
        self.enlarge.setVisible(enlarged or not self.kind.signed)
        self.enlarge.set_icon("restore" if enlarged else "maximize")
        self.enlarge.setToolTip("Back to all panes (Esc)" if enlarged else f"Enlarge this pane ({self.kind.key})")

    def set_height(self, height: int | None) -> None:
        """What the picture needs at most, so that the footer stays close to it; None is all there is."""
        self.picture.setMaximumHeight(16777215 if height is None else max(height, self.picture.minimumHeight()))

    def _on_lock(self, locked: bool) -> None:
        self.lock.set_icon("lock" if locked else "unlock")
        self.lock.setToolTip("Range shared by the locked panes" if locked else "Range of its own; click to share")
        self.lock_toggled.emit(locked)

    # ------------------------------------------------------------------------------------------ events

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonDblClick:
            self.enlarge_requested.emit()
            return True
        return False

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        if event is not None:
            self.menu_requested.emit(event.globalPos())


def _natural(plate: Plate, sees: frozenset[str]) -> np.ndarray:
    return plate.natural(channel_of(plate.array, sees))
