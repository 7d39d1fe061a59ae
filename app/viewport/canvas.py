"""The one VisPy canvas of the 3D view: made once, redrawn on request, at a rate that leaves the window its time.

A plain gloo canvas, not a scene graph: a handful of programs in a fixed order need no tree, and importing
vispy.scene would cost the first paint another 50 ms.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import vispy
from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtGui import QOffscreenSurface, QOpenGLContext
from PyQt6.QtWidgets import QWidget

vispy.use("pyqt6", "gl2")

from vispy import app as vispy_app  # noqa: E402
from vispy import gloo  # noqa: E402

SAMPLES = 4
"""Multisampling; what the driver cannot give it leaves out. Mesa's software rasterizer stops at 4."""
SHARE = 0.5
"""Most of the window's time that unasked repaints may take: software GL needs 25 to 40 ms each."""
FASTEST = 0.016
"""Seconds between repaints at best: a display shows no more."""

SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "gdi generic", "software")
"""Renderers that run on the processor: Mesa's, Chrome's, Windows' without a driver, Apple's."""


def opengl_problem() -> str | None:
    """Why nothing can be drawn here, in a few words, or None where OpenGL 2.1 or later works."""
    context, surface = QOpenGLContext(), QOffscreenSurface()
    if not context.create():
        return "no OpenGL context can be created"
    surface.setFormat(context.format())
    surface.create()
    if not surface.isValid() or not context.makeCurrent(surface):
        return "the OpenGL context cannot be made current"
    version = (context.format().majorVersion(), context.format().minorVersion())
    context.doneCurrent()
    if context.isOpenGLES() or version < (2, 1):
        return (
            f"OpenGL 2.1 is needed, and this is {'OpenGL ES ' if context.isOpenGLES() else ''}{version[0]}.{version[1]}"
        )
    return None


class Canvas(QObject):
    """Owns the vispy canvas. `paint` is called with the current size in device pixels and must draw everything.

    failed(str): drawing raised; the canvas draws no more.
    """

    failed = pyqtSignal(str)

    def __init__(self, parent: QWidget, paint: Callable[[int, int], None]) -> None:
        super().__init__(parent)
        self._paint, self._broken = paint, False
        self.cost = 0.0
        """Seconds of the last repaint, the driver's work included."""
        self.repaints = 0
        self.software = False
        """Whether the processor draws, known from the first repaint on."""
        self._last_end = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._update_now)
        self.canvas = vispy_app.Canvas(
            keys=None, autoswap=False, config=dict(samples=SAMPLES, depth_size=24), parent=parent, size=(64, 64)
        )
        self.canvas.events.draw.connect(self._on_draw)
        self.widget: QWidget = self.canvas.native
        self.widget.setMinimumSize(10, 10)

    def request(self) -> None:
        """Redraw soon; many requests make one repaint, and a slow one is followed by a pause."""
        if not self._timer.isActive():
            pause = max(FASTEST, self.cost / SHARE - self.cost)
            wait = self._last_end + pause - time.perf_counter()
            self._timer.start(max(0, round(1000 * wait)))

    def request_now(self) -> None:
        """Redraw with the next paint event: the pointer is waiting."""
        self._timer.stop()
        self._update_now()

    def _update_now(self) -> None:
        if self.widget is not None:
            self.widget.update()

    def _on_draw(self, _event) -> None:
        if self._broken:
            return
        start = time.perf_counter()
        ratio = self.widget.devicePixelRatioF()
        width, height = round(self.widget.width() * ratio), round(self.widget.height() * ratio)
        try:
            if self.repaints == 0:
                renderer = str(gloo.gl.glGetParameter(gloo.gl.GL_RENDERER)).lower()
                self.software = any(name in renderer for name in SOFTWARE)
            gloo.set_viewport(0, 0, width, height)
            self._paint(width, height)
            self.canvas.context.finish()
        except Exception as error:  # a driver's refusal must not take the window with it
            self._broken = True
            logging.getLogger(__name__).exception("the 3D view gave up")
            self.failed.emit(" ".join(str(error).split())[:160] or type(error).__name__)
        self._last_end = time.perf_counter()
        self.cost = self._last_end - start
        self.repaints += 1

    def close(self) -> None:
        """Free the context's resources now: a GL widget that the garbage collector finds while another one paints
        takes the program with it."""
        self._timer.stop()
        if self.widget is not None:
            self.canvas.events.draw.disconnect()
            self.canvas.close()
            self.widget.deleteLater()
            self.widget = None  # type: ignore[assignment]
