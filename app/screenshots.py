"""Pictures of the real window on a real engine, for the README: `python -m app.screenshots OUT.png [options]`.

It opens a lesson or a file, takes steps, waits until every pane is there, and grabs the window. Needs a display (Xvfb will do).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 400.0
"""A first compile on a busy machine."""


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.screenshots", description=__doc__)
    parser.add_argument("out", help="PNG to write")
    parser.add_argument("--size", default="1440x900", help="logical pixels (default %(default)s)")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--lesson", type=int, default=2, help="number of the lesson (default %(default)s)")
    parser.add_argument("--experiment", help="a file in place of a lesson")
    parser.add_argument("--text", action="store_true", help="show the lesson's text")
    parser.add_argument("--method", help="choose this method first")
    parser.add_argument("--steps", type=int, default=40, help="steps to take (default %(default)s)")
    parser.add_argument("--compare", action="store_true", help="race the method against two others")
    parser.add_argument("--fork", action="store_true", help="go half way back, fork, and run on by naive autodiff")
    parser.add_argument("--presentation", action="store_true", help="larger type, hidden panels")
    parser.add_argument("--pixel", help="pixel to look at, as 96,60")
    parser.add_argument("--probe", help="pixel whose parameters are listed and painted, as 96,60")
    parser.add_argument("--slice", help="slice through the field, as z:0.5 or z:0.5:gradient")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    from PyQt6.QtCore import QSettings

    from app import main as entry

    entry.prepare_environment()
    application = entry.make_application(sys.argv[:1])
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        window = open_window(entry.make_client, options)
        try:
            _prepare(application, window, options)
            window.grab().save(options.out)
        finally:
            window.close()
    print(options.out)
    return 0


def open_window(make_client: Callable[[], Any], options: argparse.Namespace) -> Any:
    """A window on the file or the lesson that the options name, its engine started."""
    from app.lessons import bundled_lessons
    from app.main import begin
    from app.settings import Settings
    from app.window import MainWindow

    settings = Settings()
    settings.theme = options.theme
    window = MainWindow(make_client, settings)
    width, height = (int(part) for part in options.size.split("x"))
    window.resize(width, height)
    if options.experiment:
        window.files.open_path(options.experiment)
    else:
        window.files.open_lesson(next(lesson for lesson in bundled_lessons() if lesson.number == options.lesson))
    window.show()
    begin(window)
    return window


def _prepare(application: Any, window: Any, options: argparse.Namespace) -> None:
    c = window.controller
    wait_for(application, lambda: c.shown is not None, "the first picture")
    if options.method:
        window.panel.method.choose(options.method)
    if options.compare:
        window.actions_.compare.trigger()
        wait_for(application, lambda: bool(c.loaded.experiment.lanes) and c.shown is not None, "the runs side by side")
    if options.steps:
        take_steps(application, c, options.steps)
    if options.fork:
        _fork(application, window)
    last = f"{len(c.experiment.lanes) - 1}/disagreement" if options.compare else "disagreement"
    there = lambda: last in c.shown.arrays if options.fork else _is_of_now(c, last)  # a stored step has what it had
    wait_for(application, there, "the derivative images")
    if options.text:
        window.docks.show_lesson(True)
    if options.presentation:
        window.actions_.present.trigger()
    if options.pixel:
        x, _, y = options.pixel.partition(",")
        window.inspector.pin_pixel((int(x), int(y)))
        window.panes.set_pin((int(x), int(y)))
    if options.probe:
        x, _, y = options.probe.partition(",")
        window.lab.prober.pin((int(x), int(y)))
        wait_for(application, lambda: window.lab.prober.probed is not None, "what moves the pixel")
    if options.slice:
        c.lab_wanted.emit(f"slice={options.slice}")
        wait_for(application, lambda: window.lab.overlays.slices.sliced is not None, "the slice")
    until = time.monotonic() + 1.5
    wait_for(application, lambda: time.monotonic() > until, "")


def _is_of_now(controller: Any, name: str) -> bool:
    """Whether an image is there and of the step on screen."""
    shown = controller.shown
    return shown is not None and name in shown.arrays and shown.stamps.get(name) == shown.iteration


def take_steps(application: Any, controller: Any, count: int) -> None:
    """Step and wait until the last one is on screen."""
    last = (controller.last.iteration if controller.last else 0) + count
    controller.step(count)
    there = lambda: controller.last.iteration >= last and controller.shown.iteration >= last
    wait_for(application, lambda: controller.last is not None and controller.shown is not None and there(), "the steps")


def _fork(application: Any, window: Any) -> None:
    """From the middle of the run on by another method, then back to a step of the new run."""
    c = window.controller
    c.show_frame(c.replay.frames[c.replay.nearest(c.last.iteration // 3)])
    generation = c.loaded.generation
    c.fork()
    wait_for(application, lambda: c.loaded.generation > generation and not c.replaying, "the fork")
    window.panel.method.choose("splat")
    wait_for(application, lambda: c.loaded.generation > generation + 1, "the method")
    wait_for(application, lambda: c.shown is not None and "disagreement" in c.shown.arrays, "the derivative images")
    take_steps(application, c, 2 * c.shown.iteration)
    c.show_frame(c.replay.frames[c.replay.nearest(2 * c.last.iteration // 3)])


def wait_for(application: Any, there: Callable[[], bool], what: str) -> None:
    """Keep the window going until `there` says so; end the program where that takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not there():
        application.processEvents()
        time.sleep(0.005)
        if time.monotonic() > deadline:
            raise SystemExit(f"screenshots: {what} did not come within {PATIENCE_S:.0f} s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
