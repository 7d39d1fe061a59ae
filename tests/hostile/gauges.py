"""What a running window and its engine hold: memory, threads, handles, shared memory, widgets and GL objects."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from pathlib import Path
from typing import Any

FIELDS = (
    "window_mb", "engine_mb", "window_threads", "engine_threads", "window_handles", "engine_handles", "segments",
    "widgets", "gl_objects",
)  # fmt: skip
MEMORY = ("window_mb", "engine_mb")
"""window_mb: without what the timeline stores, which fills its bound (app/replay.py) in the first thousands of steps."""


def resident_mb(process: int) -> float:
    """Resident memory that is the process's own, MB: without files and what it shares."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024


def threads(process: int) -> int:
    return len(os.listdir(f"/proc/{process}/task"))


held: dict[int, list[str]] = {}
"""Of every process: what its handles were of when they were counted last."""


LOOKS, BETWEEN_S = 3, 0.02
"""The autosave's file is open for some milliseconds four times a second: a handle counts that is there at every look."""


def handles(process: int) -> int:
    folder = Path(f"/proc/{process}/fd")
    found: dict[str, str] = {}
    for look in range(LOOKS):
        time.sleep(BETWEEN_S if look else 0.0)
        now = {}
        for number in os.listdir(folder):
            with contextlib.suppress(OSError):  # closed meanwhile
                now[number] = os.readlink(folder / number)
        found = {number: name for number, name in now.items() if not look or found.get(number) == name}
    held[process] = list(found.values())
    return len(found)


def segments(*processes: int) -> int:
    """Blocks of shared memory that these have named (core/engine/mailbox.py) or mapped; other programs' do not count."""
    named = {
        path.name.removeprefix("rimlight-") for p in processes for path in Path("/dev/shm").glob(f"rimlight-{p}-*")
    }
    for process in processes:
        for line in Path(f"/proc/{process}/maps").read_text(encoding="utf-8").splitlines():
            if "/rimlight-" in line:
                named.add(line.partition("/rimlight-")[2].split()[0])
    return len(named)


def widgets() -> int:
    from PyQt6.QtWidgets import QApplication

    return len(QApplication.allWidgets())


def gl_objects(window: Any) -> int:
    """Buffers, textures, programs of the 3D view; 0 where there is none."""
    canvas = window.viewport._canvas
    if canvas is None or canvas.widget is None or canvas.repaints == 0:
        return 0
    return len(canvas.canvas.context.shared.parser._objects)


def gauge(window: Any, engine: int) -> dict[str, float]:
    """One reading of everything."""
    gc.collect()
    me = os.getpid()
    values = (
        resident_mb(me) - window.controller.replay.bytes() / 2**20, resident_mb(engine), threads(me), threads(engine), handles(me), handles(engine),
        segments(me, engine), widgets(), gl_objects(window),
    )  # fmt: skip
    return dict(zip(FIELDS, values, strict=True))
