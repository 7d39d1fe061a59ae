"""What the engine does between the steps of a fit and while it rests: answers to questions and derivative images.

What compiles is told, and the first of each kind, since it may; the window can give it up. A command that comes goes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from core.engine.answer_service import AnswerService
from core.engine.derive_service import DeriveService
from core.engine.ports import SessionLike
from core.engine.showing import Showing
from core.engine.voice import Voice

CALLED = {
    "Probe": "pixel probe", "Sweep": "step sweep", "Landscape": "loss landscape", "WarpLook": "look at the warp",
    "Derive": "derivative image",
}  # fmt: skip
"""What takes long enough to be given up: kind -> its name in the window."""


class BetweenSteps:
    """Serves both, a slice of time each. interrupted: whether a command waits."""

    def __init__(
        self,
        derive: DeriveService,
        answers: AnswerService,
        showing: Showing,
        voice: Voice,
        interrupted: Callable[[], bool],
    ) -> None:
        self._derive, self._answers, self._showing, self._voice = derive, answers, showing, voice
        self._interrupted = interrupted

    def serve(self, session: SessionLike, view: int, iteration: int, *, running: bool) -> None:
        """One slice of each that is due. Failures are posted, never raised."""
        self._say()
        self._serve_answers(session, running)
        self._serve_derive(session, view, iteration, running)
        self._say()

    def _say(self) -> None:
        """Tell what is being prepared, where it is something else than was told last."""
        kind, compiling = self._answers.preparing(), self._answers.waiting
        if self._derive.preparing and not compiling and (self._derive.waiting or not kind):
            kind, compiling = "Derive", self._derive.waiting
        if not kind:
            self._voice.end_progress()
            return
        task = f"{'Compiling' if compiling else 'Preparing'} the {CALLED.get(kind) or _words(kind)}"
        if task != self._voice.task:
            self._voice.progress(task, None, kind if kind in CALLED else "")

    def _serve_answers(self, session: SessionLike, running: bool) -> None:
        if not self._answers.due(running) or self._interrupted():
            return
        try:
            self._answers.serve(session, running, self._interrupted)
        except Exception as error:
            self._voice.fail(error, "The question could not be answered")

    def _serve_derive(self, session: SessionLike, view: int, iteration: int, running: bool) -> None:
        if not self._derive.due(running) or self._interrupted():
            return
        try:
            result = self._derive.serve(session, view, iteration, running, self._interrupted)
        except Exception as error:
            self._voice.fail(error, "The derivative image failed")
            return
        if result is not None:
            self._showing.changed()
            if result[1] is not None:
                self._voice.post(result[1])


def _words(kind: str) -> str:
    """A question's class in words: MeshCheck is the mesh check."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind).lower()
