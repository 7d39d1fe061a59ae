"""The window over time, on lesson 2 and a real engine: scrubbing, saving, and what recording costs the fit.

    python -m tests.display python -m benchmarks.bench_timeline [--video]

--video: only the video of PICTURES stored steps, SIDE x SIDE pixels, that is written while the fit goes on.
Scrubbing is timed without painting (every widget told) and with it. Needs a display; says so and ends without one.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from app import screenshots
from core.protocol import Status

STEPS, ROUNDS, PICTURES, SIDE = 100, 5, 300, 512


def main() -> int:
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        print("no display: run it as python -m tests.display python -m benchmarks.bench_timeline")
        return 0
    from PyQt6.QtCore import QSettings

    from app import main as entry

    entry.prepare_environment()
    application = entry.make_application([])
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        window = screenshots.open_window(entry.make_client, screenshots.parse(["none.png"]))
        try:
            screenshots.wait_for(application, lambda: window.controller.shown is not None, "the first picture")
            _measure(application, window, Path(folder))
        finally:
            window.close()
    return 0


def _measure(application: Any, window: Any, folder: Path) -> None:
    from benchmarks.timing import machine

    c = window.controller
    print(machine())
    screenshots.take_steps(application, c, STEPS)
    if "--video" in sys.argv[1:]:
        _film(application, window, folder / "b.mp4", _speed(application, c))
        return
    told, painted = [], []
    for _ in range(ROUNDS):
        for frame in c.replay.frames:
            begin = time.perf_counter()
            c.show_frame(frame)
            c.turns.flush()
            told.append(time.perf_counter() - begin)
            application.processEvents()
            painted.append(time.perf_counter() - begin)
    ms = lambda times: f"least {1e3 * min(times):.1f}, median {1e3 * statistics.median(times):.1f} ms"
    count, held = len(c.replay.frames), c.replay.bytes() / 2**20
    print(f"scrub to one of {count} steps ({held:.0f} MB): {ms(told)} without painting, {ms(painted)} with")
    c.go_live()
    begin = time.perf_counter()
    window.files.sessions.save(folder / "a.rimlight")
    window.files.sessions.finish()
    size = (folder / "a.rimlight").stat().st_size / 2**20
    print(f"session file: {size:.0f} MB, {time.perf_counter() - begin:.2f} s of the window's time, in slices")
    begin = time.perf_counter()
    window.files.sessions.autosave()
    print(f"autosave: {1e3 * (time.perf_counter() - begin):.1f} ms")
    plain = _speed(application, c)
    window.recorder.start(folder / "a.mp4")
    recorded = _speed(application, c)
    window.recorder.stop()
    print(f"fit: {plain:.1f} it/s; while both views are recorded {recorded:.1f} it/s ({100 * recorded / plain:.0f} %)")
    screenshots.wait_for(application, lambda: not window.recorder.busy, "the recording")
    _film(application, window, folder / "b.mp4", plain)


def _film(application: Any, window: Any, path: Path, plain: float) -> None:
    """PICTURES stored steps as a video of the viewport, SIDE x SIDE, while the fit goes on."""
    c, recorder = window.controller, window.recorder
    recorder.what = "viewport"
    window.compare.stack.setFixedSize(SIDE, SIDE)
    frames = list(islice(cycle(c.replay.frames), PICTURES))
    c.step(100_000)
    screenshots.wait_for(application, lambda: c.running and c.status is Status.RUNNING, "the fit")
    begin, first = time.perf_counter(), c.last.iteration
    recorder.start_film(path, frames)
    screenshots.wait_for(application, lambda: not recorder.busy, "the video")
    seconds = time.perf_counter() - begin
    speed = (c.last.iteration - first) / seconds
    c.pause()
    size = recorder.picture()
    print(
        f"video of {PICTURES} pictures, {size.width()} x {size.height()}: {seconds:.1f} s, the fit at {speed:.1f} it/s "
        f"({100 * speed / plain:.0f} %)"
    )


def _speed(application: Any, c: Any) -> float:
    """Steps a second over STEPS further ones."""
    begin = time.perf_counter()
    screenshots.take_steps(application, c, STEPS)
    return STEPS / (time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main())
