"""The window's tests: settings in a folder of their own, one application, and a window on a scripted engine."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PyQt6.QtCore import QEvent, QSettings


def _fake_engine() -> Any:
    """tests/app/fake_engine.py: with importmode importlib no test folder is on the path."""
    name = "window_tests_fake_engine"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("fake_engine.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def fake_engine() -> Any:
    return _fake_engine()


@pytest.fixture
def settings_folder(tmp_path: Path) -> Iterator[Path]:
    """QSettings reads and writes here instead of the user's folder."""
    before = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "rimlight", "window").fileName()
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path))
    yield tmp_path
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(Path(before).parent.parent))


@pytest.fixture
def make_window(qtbot, qapp, settings_folder, fake_engine) -> Iterator[Any]:
    """make_window(size=(1440, 900), theme="dark", compile_polls=0, start=True, files=()) -> (window, client)."""
    from app.settings import Settings
    from app.window import MainWindow

    qapp.setStyle("Fusion")
    windows = []

    def make(size=(1440, 900), theme="dark", compile_polls=0, start=True, files=()):  # type: ignore[no-untyped-def]
        client = fake_engine.FakeClient(compile_polls=compile_polls)
        settings = Settings()
        settings.theme = theme
        window = MainWindow(lambda: client, settings)
        windows.append(window)
        window.resize(*size)
        window.open_first(*files)
        window.show()
        window.activateWindow()  # without a window manager nothing else does, and keys go to active windows only
        with qtbot.waitActive(window):
            pass
        if start:
            window.controller.start()
            c = window.controller
            qtbot.waitUntil(lambda: c.shown is not None and c.settled, timeout=5000)
        return window, client

    yield make
    for window in windows:
        window.close()
        window.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # or the next window's style sheet would be set on it, too
    qapp.processEvents()


@pytest.fixture
def grid(qtbot) -> Any:
    """The image panes with a problem and no images yet."""
    from app.panes import PaneGrid
    from app.theme import DARK
    from tests.fakes.fake_scene import loaded
    from tests.fakes.pictures import THETA, WIDE

    widget = PaneGrid()
    qtbot.addWidget(widget)
    widget.set_theme(DARK)
    widget.resize(WIDE, widget.height_for(WIDE))
    with qtbot.waitExposed(widget):
        widget.show()
    widget.set_loaded(loaded(theta=THETA))
    return widget


@pytest.fixture
def viewport(qtbot) -> Any:
    """The 3D view, empty."""
    from app.theme import DARK
    from app.viewport import Viewport
    from tests.fakes.pictures import HEIGHT, WIDTH

    widget = Viewport()
    qtbot.addWidget(widget, before_close_func=lambda closing: closing.shutdown())
    if widget.problem is not None:
        pytest.skip(f"no 3D here: {widget.problem}")
    widget.set_theme(DARK)
    widget.resize(WIDTH, HEIGHT)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget
