"""A long fit with every pane open: what both processes hold over time, as a CSV, and whether any of it grows.

    python -m tests.display python -m tests.hostile.soak [--hours H] [--out FILE.csv]     (`make soak`)

After the first fifth (warm-up: caches, the timeline filling its bound), memory may grow by 5 % of its mean in all, by
the line of least squares; so may the most that the window holds with its timeline, which is a saw since the timeline
thins itself, from the first third to the last. Counts may not grow at all. With --opens N it opens and closes every panel, image, dialog
and mode N times instead.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import math
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.panes.kinds import KINDS
from core.memory import give_back
from core.protocol import Status
from tests.hostile.gauges import FIELDS, MEMORY, gauge, gl_objects, held, widgets

WARM_UP = 0.2
"""Share of the samples that are not judged."""
READY_S = 600.0
"""Patience with a machine that does other things too."""
GROWTH = 0.05
"""Most that memory may grow after warm-up, as a share of its mean."""
SETTLES_S = 3.0
"""The 3D view deletes what it no longer draws when it paints next."""
COLUMNS = ("seconds", "step", "timeline_mb", *FIELDS)
WHOLE = "window_whole_mb"
"""The window's memory with the timeline's."""
LOOKS = 240
"""Samples of a run."""


def complaints(samples: Sequence[dict[str, float]]) -> list[str]:
    """What grew. samples: gauges (tests/hostile/gauges.py) with "seconds", in order of time."""
    kept = samples[int(WARM_UP * len(samples)) :]
    found = []
    for name in FIELDS:
        growth = slope(kept, name)
        if name == "window_mb":
            growth = min(growth, slope(kept, WHOLE))  # what the timeline gave up may stay in the heap a while
        if name in MEMORY and growth > GROWTH:
            found.append(f"{name} grew by {100 * growth:.1f} %")
        if name not in MEMORY and not _level([sample[name] for sample in kept]):
            found.append(f"{name} grew from {kept[0][name]:g} to {kept[-1][name]:g}")
    before, after = peaks(kept)
    if after > (1 + GROWTH) * before:
        found.append(f"the window's peaks grew from {before:.0f} to {after:.0f} MB")
    return found


def peaks(samples: Sequence[dict[str, float]]) -> tuple[float, float]:
    """The most that the window held, timeline and all, in the first third and in the last."""
    third = max(1, len(samples) // 3)
    values = [sample[WHOLE] for sample in samples]
    return max(values[:third]), max(values[-third:])


def slope(samples: Sequence[dict[str, float]], name: str) -> float:
    """Growth over all samples by the line of least squares, as a share of the mean."""
    times, values = (np.array([sample[key] for sample in samples]) for key in ("seconds", name))
    if len(samples) < 3 or np.ptp(times) == 0 or values.mean() == 0:
        return 0.0
    return float(np.polyfit(times - times[0], values, 1)[0] * np.ptp(times) / values.mean())


def _level(counts: Sequence[float]) -> bool:
    """Whether the last third never goes beyond what the first two thirds did."""
    third = max(1, len(counts) // 3)
    return max(counts[-third:]) <= max(counts[:-third] or counts)


# ---------------------------------------------------------------------------------------------- a long fit


def soak(stage: Any, seconds: float, note: Callable[[dict[str, float]], None]) -> list[dict[str, float]]:
    """Run the fit on stage without an end, every pane open, looking at both processes now and then."""
    window, c = stage.window, stage.window.controller
    ready = stage.wait(lambda: c.status is Status.PAUSED and c.shown is not None, READY_S)
    assert ready, "the engine did not come"
    open_everything(window)
    c.edit("stop", dataclasses.replace(c.experiment, stop=dataclasses.replace(c.experiment.stop, steps=10**9)))
    c.settle()
    stage.live(0.5)
    c.play()
    assert stage.wait(lambda: c.last is not None and c.last.iteration > 0, READY_S), "no step was taken"
    return watch(stage, seconds, note)


def watch(stage: Any, seconds: float, note: Callable[[dict[str, float]], None]) -> list[dict[str, float]]:
    """Look at both processes now and then while the fit goes on."""
    window, c = stage.window, stage.window.controller
    begin, samples = time.monotonic(), []
    while time.monotonic() - begin < seconds:
        stage.live(max(0.2, seconds / LOOKS))
        if c.status is Status.PAUSED:  # a stop rule of its own: round again
            c.reset()
            c.play()
        step = c.last.iteration if c.last is not None else 0
        reading = {"seconds": time.monotonic() - begin, "step": float(step), "timeline_mb": c.replay.bytes() / 2**20}
        held = gauge(window, c.client.process_id)
        samples.append({**reading, **held, WHOLE: held["window_mb"] + reading["timeline_mb"]})
        note(samples[-1])
    return samples


def open_everything(window: Any) -> None:
    """Every panel, every image, the derivative by both truths, and the lab's overlays."""
    for dock in window.docks.all:
        dock.show()
    for kind in KINDS:
        window.panes.set_pane_shown(kind.key, True)
    window.controller.set_derive(True)
    window.actions_.lab.gradients.setChecked(True)
    window.actions_.lab.health.setChecked(True)


# ---------------------------------------------------------------------------------------------- opening and closing


def ways(window: Any) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """name -> (open, close) of everything that can be."""
    a = window.actions_
    found: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {}
    for dock in window.docks.all:
        found[dock.objectName()] = (dock.show, dock.hide)
        found[f"{dock.objectName()} afloat"] = (
            lambda d=dock: (d.show(), d.setFloating(True)), lambda d=dock: d.setFloating(False)
        )  # fmt: skip
    for key, action in a.panes.items():
        found[f"image {key}"] = (action.trigger, action.trigger)
    dialogs = (a.help, a.shortcuts, a.about, a.change_keys, a.lab.sweep, a.lab.landscape)
    for action in dialogs:
        found[action.text()] = (action.trigger, close_dialogs)
    for action in (a.compare, a.present, a.lesson_text, a.lab.gradients, a.lab.health):
        found[action.text()] = (action.trigger, action.trigger)
    return found


def close_dialogs() -> None:
    from PyQt6.QtWidgets import QApplication, QDialog

    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog):
            widget.close()


def open_and_close(stage: Any, name: str, times: int) -> tuple[int, int]:
    """How many (widgets, GL objects) more there are after `times` rounds than after the second."""
    from PyQt6.QtCore import QEvent
    from PyQt6.QtWidgets import QApplication

    show, hide = ways(stage.window)[name]
    before = (0, 0)
    for turn in range(times):
        for act in (show, hide):
            act()
            QApplication.processEvents()
            stage.wait(lambda: _there(stage.window.controller), 60.0)
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if turn == 1:
            before = widgets(), gl_objects(stage.window)
    stage.wait(lambda: gl_objects(stage.window) <= before[1], SETTLES_S)
    return widgets() - before[0], gl_objects(stage.window) - before[1]


def _there(controller: Any) -> bool:
    """Whether the engine has what the panels ask for (Compare loads the problem anew), and all of it is shown."""
    loaded = controller.loaded
    return (
        loaded is not None and bool(loaded.experiment.lanes) == bool(controller.experiment.lanes) and controller.settled
    )


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--hours", type=float, default=2.0)
    options.add_argument("--out", type=Path, default=Path("out/soak.csv"))
    options.add_argument("--opens", type=int, default=0, metavar="N", help="open and close everything N times instead")
    options.add_argument("--experiment", help="instead of the lesson that the window opens on")
    chosen = options.parse_args()
    from tests.hostile.stage import Stage, application

    kept = application()
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), path=chosen.experiment)
        found = _opens(stage, chosen.opens) if chosen.opens else _hours(stage, 3600 * chosen.hours, chosen.out)
        stage.close()
    del kept
    return 1 if found else 0


def _opens(stage: Any, times: int) -> list[str]:
    c = stage.window.controller
    stage.wait(lambda: c.status is Status.PAUSED and c.shown is not None)
    stage.live(2.0)  # the first pictures make what later ones use again
    give_back()  # what glibc keeps of freed memory is no leak
    before, found = gauge(stage.window, c.client.process_id), []
    for name in ways(stage.window):
        more = open_and_close(stage, name, times)
        print(f"{name}: {more[0]} widgets and {more[1]} GL objects more after {times} times", flush=True)
        found += [name] if max(more) > 0 else []
    give_back()
    after = gauge(stage.window, c.client.process_id)
    print(", ".join(f"{name} {before[name]:.4g} -> {after[name]:.4g}" for name in FIELDS))
    return found


def _hours(stage: Any, seconds: float, out: Path) -> list[str]:
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)

        most, before = math.inf, Counter[str]()  # none at the first look

        def note(sample: dict[str, float]) -> None:
            nonlocal most, before
            now = Counter(held[os.getpid()])
            if sample["window_handles"] > most:
                print(
                    f"{sample['seconds']:.0f} s: {sample['window_handles']:.0f} handles, new: {list(now - before)}",
                    flush=True,
                )
            most, before = max(sample["window_handles"], most if before else 0.0), now
            writer.writerow([round(sample[name], 2) for name in COLUMNS])
            file.flush()

        samples = soak(stage, seconds, note)
    judged = samples[int(WARM_UP * len(samples)) :]
    for name in (*FIELDS, WHOLE):
        first, last = judged[0][name], judged[-1][name]
        print(f"{name}: {first:.5g} -> {last:.5g}, slope {100 * slope(judged, name):+.2f} % after warm-up")
    found = complaints(samples)
    print("the window's peaks with its timeline, first and last third: {:.1f} and {:.1f} MB".format(*peaks(judged)))
    print(
        f"{samples[-1]['seconds'] / 60:.1f} minutes, {samples[-1]['step']:,.0f} steps: {found or 'nothing grows'}; {out}"
    )
    return found


if __name__ == "__main__":
    sys.exit(main())
