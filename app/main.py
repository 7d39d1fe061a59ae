"""The window's entry: what must be set before Qt starts, the message for what nobody caught, and the first paint.

Order matters: environment, QApplication, OpenGL's toolkit, window, first paint, and only then the engine's process.
"""

from __future__ import annotations

import gc
import os
import sys
import time
import traceback
from pathlib import Path
from types import TracebackType

from core.memory import keep_large_blocks_apart
from core.priorities import rest_between_products, take_turns

_IMPORTED = time.time()


def process_start() -> float:
    """Seconds since the epoch at which this process began; where that cannot be known, when this module was read."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        return time.time() - (uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, AttributeError, IndexError):
        return _IMPORTED


def prepare_environment() -> None:
    """What Qt reads when it starts, how memory is kept, how threads take turns. Under Wayland, X11: floating docks and
    OpenGL in docks work there."""
    if sys.platform.startswith("linux") and os.environ.get("WAYLAND_DISPLAY") and os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb;wayland")
    os.environ.setdefault("QT_API", "pyqt6")
    os.environ.setdefault("PYQTGRAPH_QT_LIB", "PyQt6")
    rest_between_products()
    _import_numpy_alone()
    keep_large_blocks_apart()
    take_turns()


def _import_numpy_alone() -> None:
    """Import NumPy without the threads of its linear algebra: the window multiplies nothing larger than 4 x 4, and
    starting them costs the first paint up to a tenth of a second. The engine's process gets the environment unchanged."""
    name = "OPENBLAS_NUM_THREADS"
    if name in os.environ:
        return
    os.environ[name] = "1"
    import numpy  # noqa: F401

    del os.environ[name]


def make_application(arguments: list[str]):  # type: ignore[no-untyped-def]
    """The QApplication, in our style. Fractional scales pass through unrounded."""
    from PyQt6.QtCore import QRectF, Qt
    from PyQt6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
    from PyQt6.QtWidgets import QApplication

    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    QApplication.setApplicationName("rimlight")
    QApplication.setApplicationDisplayName("Rimlight")
    QGuiApplication.setDesktopFileName("rimlight")
    application = QApplication(arguments)
    application.setStyle("Fusion")
    from app.theme import DARK
    from app.widgets import paint_mark

    picture = QPixmap(128, 128)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    paint_mark(painter, QRectF(10, 10, 108, 108), DARK)
    painter.end()
    application.setWindowIcon(QIcon(picture))
    return application


def install_excepthook(window) -> None:  # type: ignore[no-untyped-def]
    """What nobody caught becomes a line in the window; without this PyQt aborts the program."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(text)
        if issubclass(kind, KeyboardInterrupt):
            window.close()
            return
        first = " ".join(str(error).split())[:160] or "no further word"
        window.controller.say("error", f"Something in the window went wrong: {kind.__name__}: {first}", text)

    sys.excepthook = hook


def run_window(*paths: str) -> int:
    """Show the window on files (app/opening.py), or on the first lesson; returns when it is closed."""
    gc.disable()  # until the first paint: importing allocates much and frees nothing (a tenth of the time)
    prepare_environment()
    application = make_application(sys.argv[:1])
    import vispy

    vispy.use("pyqt6", "gl2")
    from app.window import MainWindow

    window = MainWindow(make_client)
    previous = sys.excepthook
    install_excepthook(window)
    window.restore_layout()
    window.open_first(*paths)
    window.painted.connect(lambda: _first_paint(window))
    application.styleHints().colorSchemeChanged.connect(lambda scheme: window.follow_theme())
    window.show()
    try:
        return application.exec()
    finally:
        window.controller.close()
        sys.excepthook = previous


def make_client():  # type: ignore[no-untyped-def]
    """The engine's client, imported after the first paint."""
    from app.launcher import EngineClient

    return EngineClient()


def begin(window) -> None:  # type: ignore[no-untyped-def]
    """Start the engine. What is there when it has loaded, modules and the window's parts, is not looked through for
    garbage any more: each time would hold the window up for 50 ms."""
    from PyQt6.QtCore import Qt

    gc.enable()
    window.controller.loaded_changed.connect(lambda loaded: gc.freeze(), Qt.ConnectionType.SingleShotConnection)
    window.controller.start()
    window.curves.prepare()


def _first_paint(window) -> None:  # type: ignore[no-untyped-def]
    """The window can be seen: now the engine may start. With RIMLIGHT_FIRST_PAINT=1, print the time and leave."""
    from PyQt6.QtCore import QTimer

    def after() -> None:
        if os.environ.get("RIMLIGHT_FIRST_PAINT"):
            print(f"first paint {1000 * (time.time() - process_start()):.0f} ms", flush=True)
            window.close()
            return
        begin(window)

    QTimer.singleShot(0, after)
