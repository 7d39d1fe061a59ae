"""A line of progress on stderr: a bar that is redrawn on a terminal, a line for each new task elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType

REDRAW_S = 0.1
"""Seconds between redraws: a terminal shows no more, and a fast fit makes a thousand steps a second."""
BAR = 24


class ProgressLine:
    """Called with (task, fraction or None), as core.headless does; cleared when the block ends."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._drawn = 0.0
        self._task = ""

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live and self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def __call__(self, task: str, fraction: float | None) -> None:
        head = task.split(",")[0]
        if not self._live:
            if head != self._task:
                print(head, file=sys.stderr, flush=True)
        elif head != self._task or time.monotonic() - self._drawn > REDRAW_S:
            self._drawn = time.monotonic()
            filled = round(BAR * min(max(fraction or 0.0, 0.0), 1.0))
            bar = f"[{'#' * filled}{'.' * (BAR - filled)}] {100 * fraction:3.0f} %  " if fraction is not None else ""
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{(bar + task)[:width]}", end="", file=sys.stderr, flush=True)
        self._task = head
