"""Random sequences of what a user may do; `make monkey` plays five hundred."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PyQt6.QtCore import QSettings

from tests.hostile.actions import play
from tests.hostile.dialogs import write_files
from tests.hostile.scripted import scripted_client

pytestmark = pytest.mark.window

STEPS = 25


@pytest.fixture
def window(qapp, tmp_path: Path) -> Iterator[Any]:
    from app.settings import Settings
    from app.window import MainWindow

    before = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "rimlight", "window").fileName()
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path))
    qapp.setStyle("Fusion")
    made = MainWindow(scripted_client, Settings())
    made.resize(1280, 800)
    made.open_first()
    made.show()
    made.controller.start()
    qapp.processEvents()
    yield made
    made.close()
    made.deleteLater()
    qapp.processEvents()
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(Path(before).parent.parent))


def test_nothing_that_a_user_does_raises(window: Any, tmp_path: Path) -> None:
    write_files(tmp_path)
    for seed in range(4):
        monkey = play(window, seed, STEPS, tmp_path)
        assert not monkey.errors, f"seed {seed}, after {monkey.done[-4:]}:\n{monkey.errors[0]}"
        assert len(monkey.done) == STEPS
    window.resize(1440, 900)
    window.files.open_path(str(tmp_path / "fine.obj"))
    assert window.controller.experiment.shape.file == str(tmp_path / "fine.obj")  # still alive and well
