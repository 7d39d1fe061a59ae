"""How late the window's event loop wakes with everything open, on a real engine, painting off.

    python -m tests.display python -m benchmarks.bench_window [--slice]

Lesson 2 runs; every dock is open, a pixel is probed, vertex gradients are drawn, the derivative images are on with
finite differences of both kinds, a step sweep and a loss landscape are computed in their windows. A timer of 16 ms says
how much later than asked it fired. Then lesson 11's grid, with a slice through the field open, which follows the fit;
--slice: that alone. Of the latest tick it tells what its thread did meanwhile: computed, waited for a processor, or slept
(for a file, the display, another thread). Needs a display; says so and ends without one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from app import screenshots

TICK_MS, SECONDS = 16, 15.0


def main(arguments: list[str]) -> int:
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        print("no display: run it as python -m tests.display python -m benchmarks.bench_window")
        return 0
    from PyQt6.QtCore import QSettings

    from app import main as entry
    from benchmarks.timing import machine

    entry.prepare_environment()
    application = entry.make_application([])
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        for lesson in (11,) if "--slice" in arguments else (2, 11):
            window = screenshots.open_window(
                entry.make_client, screenshots.parse(["none.png", "--lesson", str(lesson)])
            )
            try:
                _measure(application, window, lesson)
            finally:
                window.close()
    return 0


def _measure(application: Any, window: Any, lesson: int) -> None:
    c = window.controller
    screenshots.wait_for(application, lambda: c.shown is not None, "the first picture")
    screenshots.take_steps(application, c, 5)
    _report(f"lesson {lesson} running, nothing else", _lateness(application, window))
    if lesson == 2:
        _open_everything(application, window)
        _report("running, everything open", _lateness(application, window))
    else:
        c.lab_wanted.emit("slice=z:0.5")
        screenshots.wait_for(application, lambda: window.lab.overlays.slices.sliced is not None, "the slice")
        _report("running, a slice open", _lateness(application, window))


def _open_everything(application: Any, window: Any) -> None:
    lab = window.lab
    window.panes.set_pane_shown(7, True)
    lab.prober.pin((96, 60))
    lab.actions.gradients.setChecked(True)
    screenshots.wait_for(application, lambda: lab.prober.probed is not None, "the pixel's parameters")
    lab.open_sweep().compute()
    lab.open_landscape().compute()


def _lateness(application: Any, window: Any) -> np.ndarray:
    """Of each of the ticks of SECONDS of a running fit (n, 3), milliseconds: how late it was, how long its thread
    computed since the tick before, and how long it waited for a processor."""
    from PyQt6.QtCore import QEventLoop, Qt, QTimer

    late: list[np.ndarray] = []
    last = [_clocks()]

    def tick() -> None:
        now = _clocks()
        late.append(now - last[0] - (TICK_MS, 0, 0))
        last[0] = now

    for widget in application.topLevelWidgets():
        widget.setUpdatesEnabled(False)
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(TICK_MS)
    timer.timeout.connect(tick)
    window.controller.step(100_000)
    last[0] = _clocks()
    timer.start()
    loop = QEventLoop()  # as the program's own: a loop that polls would itself be busy, and wake later for it
    QTimer.singleShot(int(1000 * SECONDS), loop.quit)
    loop.exec()
    timer.stop()
    window.controller.pause()
    return np.maximum(late, 0.0)


def _clocks() -> np.ndarray:
    """Milliseconds: now, on a processor, and waiting for one, of this thread; 0 for the last where the system is no Linux."""
    try:
        waited = int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1]) / 1e6
    except (OSError, ValueError, IndexError):
        waited = 0.0
    return np.array([1e3 * time.perf_counter(), 1e3 * time.thread_time(), waited])


def _report(what: str, late: np.ndarray) -> None:
    p50, p99 = np.percentile(late[:, 0], [50, 99])
    most, computed, waited = late[late[:, 0].argmax()]
    print(
        f"lateness {what:<33} p50 {p50:5.2f}  p99 {p99:6.2f}  max {most:6.2f} ms ({computed:.0f} computing, "
        f"{waited:.0f} waiting for a processor)  ({len(late)} ticks)",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
