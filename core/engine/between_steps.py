"""What the engine does between the steps of a fit and while it rests: answers to questions and derivative images.

Each says what it prepares the first time, since it compiles then. A command that comes goes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from core.engine.answer_service import AnswerService
from core.engine.derive_service import DeriveService
from core.engine.ports import SessionLike
from core.engine.showing import Showing
from core.engine.voice import Voice


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
        self._serve_answers(session, running)
        self._serve_derive(session, view, iteration, running)

    def _serve_answers(self, session: SessionLike, running: bool) -> None:
        if not self._answers.due(running) or self._interrupted():
            return
        kind = self._answers.first_of_kind()
        task = f"Preparing the {_words(kind)}" if kind else ""
        if task and not self._voice.task:
            self._voice.progress(task, None)
        try:
            self._answers.serve(session, running, self._interrupted)
        except Exception as error:
            self._voice.fail(error, "The question could not be answered")
        if task and self._voice.task == task and not self._answers.waiting:
            self._voice.end_progress()

    def _serve_derive(self, session: SessionLike, view: int, iteration: int, running: bool) -> None:
        if not self._derive.due(running) or self._interrupted():
            return
        if not self._derive.served:
            self._voice.progress("Preparing the derivative image", None)
        try:
            result = self._derive.serve(session, view, iteration, running, self._interrupted)
        except Exception as error:
            self._voice.fail(error, "The derivative image failed")
            return
        if self._derive.served:
            self._voice.end_progress()
        if result is not None:
            self._showing.changed()
            if result[1] is not None:
                self._voice.post(result[1])


def _words(kind: str) -> str:
    """A question's class in words: MeshCheck is the mesh check."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind).lower()
