"""What the engine says about itself: its status, the progress of long tasks, failures."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from core.errors import OUT_OF_MEMORY, RimlightError, out_of_memory
from core.protocol import Event, Message, Progress, Status, StatusChanged

GPU_LOST = "CUDA_ERROR"
"""In the words of an error after which a process computes nothing more on a GPU: a laptop slept, its driver was reset."""

LONGEST_LINE = 200
"""Characters of an unforeseen error's text that go into the message area; the whole of it is in the details."""


class Voice:
    """Posts each change of status once, ends each task's progress, and turns exceptions into messages."""

    def __init__(self, post: Callable[[Event], None]) -> None:
        self.post = post
        self.status: Status | None = None
        self._task = self._gives_up = ""

    def set_status(self, status: Status, text: str = "") -> None:
        if status is not self.status or text:
            self.status = status
            self.post(StatusChanged(status, text))

    def progress(self, task: str, fraction: float | None, gives_up: str = "") -> None:
        """A session is at `fraction` of `task`. Another task ends the one before. gives_up: see Progress."""
        if task != self._task:
            self.end_progress()
        self._task, self._gives_up = task, gives_up
        self.post(Progress(task, fraction, gives_up=gives_up))

    @property
    def task(self) -> str:
        """Whose progress is being told, "" for none."""
        return self._task

    def end_progress(self) -> None:
        if self._task:
            task, self._task = self._task, ""
            self.post(Progress(task, None, done=True, gives_up=self._gives_up))

    def fail(self, error: Exception, what: str) -> None:
        """One line for the user, the traceback on demand. `what` introduces an error that nobody foresaw."""
        self.end_progress()
        if isinstance(error, RimlightError):
            self.post(Message("error", str(error), error.details))
            return
        cause = OUT_OF_MEMORY if out_of_memory(error) else f"{type(error).__name__}: {error}"
        line = " ".join(f"{what}: {cause}".split())
        line = line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
        details = "".join(traceback.format_exception(error))
        self.post(Message("error", line, details, "Restart engine" if GPU_LOST in str(error) else ""))
