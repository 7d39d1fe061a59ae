"""The window in a process of its own: at scale 1.5, at its first paint, and what it never imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.window

ROOT = Path(__file__).resolve().parents[2]

SCALED = """
import json, sys, time
sys.path[:0] = [{root!r}, {here!r}]
from app import main
main.prepare_environment()
application = main.make_application([])
from PyQt6.QtCore import QPoint, QSettings
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, {settings!r})
from fake_engine import FakeClient
from app.settings import Settings
from app.window import MainWindow
settings = Settings()
settings.theme = {theme!r}
client = FakeClient()
window = MainWindow(lambda: client, settings)
window.resize(1024, 700)
window.open_first()
window.show()
window.controller.start()
end = time.monotonic() + 20
while window.controller.shown is None and time.monotonic() < end:
    application.processEvents()
for _ in range(20):
    application.processEvents()
    time.sleep(0.01)
image = window.grab().toImage()
ratio = image.devicePixelRatio()
run = window.toolbar.run.mapTo(window, QPoint(6, window.toolbar.run.height() // 2))
probe = lambda x, y: image.pixelColor(round(x * ratio), round(y * ratio)).name().upper()
picture = window.panes.panes["target"].picture
result = dict(
    size=[window.width(), window.height()], ratio=ratio, grabbed=[image.width(), image.height()],
    ground=probe(2, 300), run=probe(run.x(), run.y()), tokens=[window.appearance.theme.ground, window.appearance.theme.accent],
    inspector=window.docks.inspector.width(), panes=len(window.panes.shown()), shown=window.controller.shown is not None,
    picture=[picture.width(), picture.height()],
    heavy=[name for name in ("jax", "numba", "trimesh", "scipy", "kernels") if name in sys.modules],
)
window.close()
print(json.dumps(result))
"""


def run(script: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *script],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_at_scale_one_and_a_half(tmp_path, qapp, theme):
    script = SCALED.format(root=str(ROOT), here=str(Path(__file__).parent), settings=str(tmp_path), theme=theme)
    finished = run(["-c", script], QT_SCALE_FACTOR="1.5")
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    assert found["size"] == [1024, 700]
    assert found["ratio"] == 1.5
    assert found["grabbed"] == [1536, 1050]
    assert [found["ground"], found["run"]] == found["tokens"]
    assert abs(found["inspector"] - 256) <= 1
    assert found["panes"] == 5
    assert found["shown"]
    width, height = found["picture"]
    assert abs(width - height) <= 30
    assert found["heavy"] == []  # the engine's process has these, the window's never


def test_first_paint_is_told_and_the_process_ends(tmp_path, qapp):
    finished = run(
        ["-c", "import sys; from app.main import run_window; sys.exit(run_window())"],
        RIMLIGHT_FIRST_PAINT="1",
        XDG_CONFIG_HOME=str(tmp_path),
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("first paint ")
    assert finished.stdout.split()[2].isdigit()
