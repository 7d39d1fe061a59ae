"""The window's icons: our own paths on a 24-unit grid, stroke 1.75, round caps and joins, tinted when drawn.

Convention: a path is stroked; one written after a "fill:" mark is filled. Pictures are made when first seen.
"""

from __future__ import annotations

import hashlib
import tempfile
from functools import cache
from pathlib import Path

from PyQt6.QtCore import QRect, QRectF, QSize, QStandardPaths, Qt
from PyQt6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PyQt6.QtSvg import QSvgRenderer

from app.theme import Theme

STROKE = 1.75
RATIO = 2.0

PATHS: dict[str, str] = {
    # run
    "play": "fill:M7 4.6v14.8a1 1 0 0 0 1.5.9l12-7.4a1 1 0 0 0 0-1.8l-12-7.4A1 1 0 0 0 7 4.6z",
    "pause": "fill:M7 4h2.5a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1z"
    "M14.5 4H17a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1h-2.5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1z",
    "step": "M4.5 4.5v15M9 5.5v13l11-6.5z",
    "reset": "M4 4v5h5M4.6 9A8 8 0 1 1 4 13.2",
    "live": "M4 12h3.5l2.5-7 4.5 14 2.5-7H21",
    "fork": "M6.5 8.5v7M6.5 8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM6.5 20.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"
    "M17.5 8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM17.5 8.5c0 4.5-6 4-11 5.5",
    "compare": "M4.5 4h15a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM9.2 4v16M14.8 4v16",
    "record": "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
    # files
    "open": "M3 18.5V6a1.5 1.5 0 0 1 1.5-1.5H9l2.5 3H18A1.5 1.5 0 0 1 19.5 9v1.5M3 18.5l3-7a1.5 1.5 0 0 1 1.4-1"
    "h13a1 1 0 0 1 .95 1.35l-2.3 6.65a1.5 1.5 0 0 1-1.4 1z",
    "save": "M5.5 4H16l4 4v10.5a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18.5v-13A1.5 1.5 0 0 1 5.5 4z"
    "M8 4v4.5h7V4M7.5 20v-6.5h9V20",
    "export": "M12 14.5V3.5M7.5 8 12 3.5 16.5 8M4.5 13v6a1.5 1.5 0 0 0 1.5 1.5h12a1.5 1.5 0 0 0 1.5-1.5v-6",
    "image": "M5.5 4h13A1.5 1.5 0 0 1 20 5.5v13a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18.5v-13A1.5 1.5 0 0 1 5.5 4z"
    "M4.5 17.5 9.5 12l3.5 3.5 2.5-2.5 4.5 4.5M15.5 8.5h.01",
    "lessons": "M12 6.5C10.3 5.2 8 4.5 5 4.5H3.5v13.5H6c2.6 0 4.6.6 6 1.8 1.4-1.2 3.4-1.8 6-1.8h2.5V4.5H19"
    "c-3 0-5.3.7-7 2zM12 6.5v13",
    # mathematics
    "derive": "M18 7V4.5H6l6.5 7.5L6 19.5h12V17",
    "method": "M5.5 4h13A1.5 1.5 0 0 1 20 5.5v13a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18.5v-13A1.5 1.5 0 0 1 5.5 4z"
    "M8.5 17c1.8 0 2.3-.9 2.5-2.7l.6-4.6C11.9 7.9 12.6 7 14.5 7M8.8 11.5h5.4",
    "difference": "M12 4.5v9M7.5 9h9M6 19h12",
    "flask": "M9.5 3.5h5M10.5 3.5v6L5.2 18a1.8 1.8 0 0 0 1.5 2.7h10.6a1.8 1.8 0 0 0 1.5-2.7l-5.3-8.5v-6M7.6 15h8.8",
    "loss": "M3.5 6.5 9.5 12.5l3.5-3.5 7.5 8M20.5 11.5V17H15",
    "sliders": "M4 7.5h8M18 7.5h2M4 16.5h2M12 16.5h8M15 10a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"
    "M9 19a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
    "tree": "M4 4v12.5A1.5 1.5 0 0 0 5.5 18H9M4 10.5h5M4.5 4H20M13 10.5h7M13 18h7",
    "flag": "M5.5 21V4M5.5 4.5h12.2l-2.2 4.25 2.2 4.25H5.5",
    "stages": "M3.5 19.5h4.5v-5h4.5v-5H17v-5h4",
    "light": "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4"
    "M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
    # scene
    "cube": "M12 2.8 20 7.2v9.6l-8 4.4-8-4.4V7.2zM4.2 7.3 12 11.7l7.8-4.4M12 11.7v9.4",
    "target": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12 12h.01",
    "ghost": "M5 20.5V11a7 7 0 0 1 14 0v9.5L16.7 18.5l-2.35 2-2.35-2-2.35 2-2.35-2zM9.5 10.5h.01M14.5 10.5h.01",
    "camera": "M4.5 7.5h3l1.8-3h5.4l1.8 3h3A1.5 1.5 0 0 1 21 9v9.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18.5V9"
    "a1.5 1.5 0 0 1 1.5-1.5zM12 16.8a3.4 3.4 0 1 0 0-6.8 3.4 3.4 0 0 0 0 6.8z",
    "arrow": "M6.5 17.5 17.5 6.5M9 6.5h8.5V15",
    "triangle": "M12 4.5 21 19.5H3z",
    "slice": "M4 15.5 12 20l8-4.5-8-4.5zM4 15.5v-4.2M20 15.5v-4.2M8.5 8.8a4 4 0 1 1 7 0",
    "axes": "M8 16V3.5M8 16h12.5M8 16l-4.5 4.5M5.5 6 8 3.5 10.5 6M18 13.5l2.5 2.5-2.5 2.5",
    "eye": "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
    "fit": "M4 8.5V5.5A1.5 1.5 0 0 1 5.5 4h3M15.5 4h3A1.5 1.5 0 0 1 20 5.5v3M20 15.5v3a1.5 1.5 0 0 1-1.5 1.5h-3"
    "M8.5 20h-3A1.5 1.5 0 0 1 4 18.5v-3",
    "silhouette": "M4 8.5V5.5A1.5 1.5 0 0 1 5.5 4h3M15.5 4h3A1.5 1.5 0 0 1 20 5.5v3M20 15.5v3a1.5 1.5 0 0 1-1.5 1.5h-3"
    "M8.5 20h-3A1.5 1.5 0 0 1 4 18.5v-3M7.5 12h9",
    # panes
    "lock": "M6.5 11h11a1.5 1.5 0 0 1 1.5 1.5v6.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 19v-6.5A1.5 1.5 0 0 1 6.5 11z"
    "M8 11V7.5a4 4 0 0 1 8 0V11",
    "unlock": "M6.5 11h11a1.5 1.5 0 0 1 1.5 1.5v6.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 19v-6.5A1.5 1.5 0 0 1 6.5 11z"
    "M8 11V7.5a4 4 0 0 1 7.7-1.5",
    "maximize": "M14.5 4H20v5.5M20 4l-6.5 6.5M9.5 20H4v-5.5M4 20l6.5-6.5",
    "restore": "M20 10h-6V4M14 10l6.5-6.5M4 14h6v6M10 14l-6.5 6.5",
    "link": "M9.5 8H7.5a4 4 0 0 0 0 8h2M14.5 8h2a4 4 0 0 1 0 8h-2M8.5 12h7",
    "unlink": "M9.5 8H7.5a4 4 0 0 0 0 8h2M14.5 8h2a4 4 0 0 1 0 8h-2",
    "pin": "M9 4h6M10 4v6l-3 4h10l-3-4V4M12 14v6.5",
    "pointer": "M10 10l10 4-4.5 1.5L14 20zM8.5 3.5v2.2M3.5 8.5h2.2M5 5l1.6 1.6M12 5l-1.6 1.6M5 12l1.6-1.6",
    # signs
    "warning": "M12 4 21 19.5H3zM12 10v4.2M12 17h.01",
    "error": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 9l6 6M15 9l-6 6",
    "info": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.5M12 7.8h.01",
    "help": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.4 9.3a2.7 2.7 0 1 1 3.9 2.9c-.9.5-1.3 1-1.3 1.9M12 17h.01",
    "check": "M5 12.5 10 17.5 19.5 7",
    "minus": "M5.5 12h13",
    "plus": "M12 5.5v13M5.5 12h13",
    "close": "M6 6l12 12M18 6 6 18",
    "more": "M5 12h.01M12 12h.01M19 12h.01",
    "chevron-down": "M6 9.5l6 6 6-6",
    "chevron-right": "M9.5 6l6 6-6 6",
    "chevron-left": "M14.5 6l-6 6 6 6",
    "chevron-up": "M6 14.5l6-6 6 6",
    "panel-open": "M5.5 4h13A1.5 1.5 0 0 1 20 5.5v13a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18.5v-13A1.5 1.5 0 0 1 5.5 4z"
    "M9.5 4v16M13.5 9l3 3-3 3",
    "panel-close": "M5.5 4h13A1.5 1.5 0 0 1 20 5.5v13a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18.5v-13A1.5 1.5 0 0 1 5.5 4z"
    "M9.5 4v16M16.5 9l-3 3 3 3",
    "trash": "M4.5 6.5h15M9 6.5V4h6v2.5M6.5 6.5l.8 12.6a1.5 1.5 0 0 0 1.5 1.4h6.4a1.5 1.5 0 0 0 1.5-1.4l.8-12.6M10.2 10.5v6"
    "M13.8 10.5v6",
}

_DOTTED = frozenset({"more"})
"""Icons whose dots are marks of their own, not points on an i: drawn heavier."""


def svg(name: str, colour: str) -> str:
    """One icon as an SVG document in `colour` ("#RRGGBB"). Raises KeyError for an unknown name."""
    path = PATHS[name]
    if path.startswith("fill:"):
        style, path = f'fill="{colour}" stroke="none"', path.removeprefix("fill:")
    else:
        width = 2.75 if name in _DOTTED else STROKE
        style = f'fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"><path {style} d="{path}"/></svg>'


@cache
def pixmap(name: str, colour: str, size: int = 16, ratio: float = RATIO) -> QPixmap:
    """One tinted icon, `size` logical pixels square, `ratio` device pixels each; nothing where there is no room."""
    side = int(size * ratio)
    result = QPixmap(max(side, 0), max(side, 0))
    if result.isNull():
        return result
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    QSvgRenderer(svg(name, colour).encode()).render(painter, QRectF(0, 0, side, side))
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


class _Tinted(QIconEngine):
    """Draws an icon when it is seen, in the colour of its state: a window has more icons than it shows."""

    def __init__(self, name: str, size: int, colours: dict[QIcon.Mode, tuple[str, str]]) -> None:
        super().__init__()
        self._name, self._size, self._colours = name, size, colours

    def paint(self, painter: QPainter | None, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        if painter is not None and (device := painter.device()) is not None:
            painter.drawPixmap(rect, self.pixmap(rect.size() * device.devicePixelRatioF(), mode, state))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """`size` is in device pixels."""
        colour = self._colours[mode][state is QIcon.State.On]
        return pixmap(self._name, colour, min(size.width(), size.height()), 1.0)

    def actualSize(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QSize:
        return size.boundedTo(QSize(self._size, self._size))

    def clone(self) -> QIconEngine:
        return _Tinted(self._name, self._size, self._colours)


def icon(name: str, theme: Theme, size: int = 16, *, colour: str | None = None, checked: str | None = None) -> QIcon:
    """A button's icon: muted, brighter under the cursor, `checked` (the accent) when on, grey when disabled."""
    normal, on = colour or theme.text2, checked or theme.accent
    colours = {
        QIcon.Mode.Normal: (normal, on),
        QIcon.Mode.Active: (colour or theme.text, on),
        QIcon.Mode.Selected: (normal, on),
        QIcon.Mode.Disabled: (theme.disabled, theme.disabled),
    }
    return QIcon(_Tinted(name, size, colours))


@cache
def _folder() -> Path:
    """Where tinted SVG files lie for style sheets, which take pictures only by path."""
    cache_root = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericCacheLocation)
    try:
        folder = Path(cache_root) / "rimlight" / "icons"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="rimlight-icons-"))


@cache
def file(name: str, colour: str) -> str:
    """Path of one tinted icon for a style sheet's url(), with forward slashes."""
    text = svg(name, colour)
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:10]
    path = _folder() / f"{name}-{digest}.svg"
    if not path.is_file():
        path.write_text(text, encoding="utf-8")
    return path.as_posix()
