"""A window to be tried from outside pytest: under a virtual display, its settings in a folder of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.protocol import Message


def application() -> Any:
    """The QApplication as the program makes it, with VisPy's back end."""
    from app.main import make_application, prepare_environment

    prepare_environment()
    made = make_application(sys.argv[:1])
    import vispy

    vispy.use("pyqt6", "gl2")
    return made


def settings_in(folder: Path) -> Any:
    """The window's settings, kept below `folder`."""
    from PyQt6.QtCore import QSettings

    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))
    from app.settings import Settings

    return Settings()


class Stage:
    """A shown window and every message it was told. The first experiment is the lesson the program opens on."""

    def __init__(self, folder: Path, make_client: Callable[[], Any] | None = None, path: str | None = None) -> None:
        """folder: for settings and autosaves. make_client: None for the real engine in its own process."""
        from app.main import make_client as real
        from app.window import MainWindow

        self.window = MainWindow(make_client or real, settings_in(folder))
        self.messages: list[Message] = []
        self.window.controller.message_posted.connect(self.messages.append)
        self.window.resize(1440, 900)
        self.window.open_first(*([path] if path else []))
        self.window.show()
        self.window.controller.start()

    def wait(self, hit: Callable[[], Any], seconds: float = 300.0) -> bool:
        """Let the window live until `hit`; False where that never comes."""
        from PyQt6.QtWidgets import QApplication

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            if hit():
                return True
            time.sleep(0.002)
        return False

    def live(self, seconds: float) -> None:
        self.wait(lambda: False, seconds)

    def close(self) -> None:
        from PyQt6.QtCore import QEvent
        from PyQt6.QtWidgets import QApplication

        self.window.close()
        self.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
