"""Questions answered between the steps of a fit, a slice of work at a time: of each kind the last one asked.

A probe is short and goes first. Sweeps, landscapes and checks take all the time while the fit is paused, and up to
SHARE of it while it runs. What is interrupted by a command goes on in the next turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Protocol

from core.derivatives.questions import Answer, Probe, Question, Unanswered
from core.engine.ports import Waiting
from core.protocol import Event

SHARE = 0.35
"""Of a running fit's time for long tasks: a fit that slows by half is still a fit, and a landscape of 41 x 41 places
takes seconds, not minutes."""

SLICE_S = 0.05
"""Longest stretch of work on one question while the fit is paused: then panes and pictures get their turn."""

MAX_CREDIT_S = 0.1
"""Bounds what a slow step may save up and a slow slice may owe."""

Work = Iterator[Answer | Waiting | None]


class Answering(Protocol):
    def answer(self, question: Question) -> Work: ...


class AnswerService:
    """What was asked and is being worked on."""

    def __init__(self, post: Callable[[Event], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self._post, self._clock = post, clock
        self._asked: dict[str, tuple[Question, Work | None]] = {}
        self._credit = 0.0
        self._served: set[str] = set()
        self.waiting = False
        """Whether the work waits for a compilation: asking again at once is no use."""

    def ask(self, question: Question) -> None:
        """Answer `question` instead of the last of its kind. The same asked again is asked of the present state."""
        kind = type(question).__name__
        before = self._asked[kind][0] if kind in self._asked else None
        waiting = self.waiting and before in (None, question)
        self.drop(kind, tell=before != question)
        self._asked[kind], self.waiting = (question, None), waiting

    def drop(self, kind: str, *, tell: bool = True) -> None:
        """Give up the question of this kind, if there is one. tell: whoever asked is told."""
        question, work = self._asked.pop(kind, (None, None))
        if question is None:
            return
        if isinstance(work, Generator):
            work.close()
        self.waiting = False
        if tell:
            self._post(Unanswered(question))

    def clear(self) -> None:
        """Another problem: nothing that was asked concerns it."""
        for kind in list(self._asked):
            self.drop(kind)
        self._served.clear()

    def earn(self, seconds: float) -> None:
        """A step took `seconds`: what long tasks may spend in return."""
        self._credit = min(MAX_CREDIT_S, self._credit + seconds * SHARE / (1 - SHARE))

    def due(self, running: bool) -> bool:
        """Whether `serve` has something to do now."""
        return bool(self._asked) and (not running or self._credit > 0 or Probe.__name__ in self._asked)

    def preparing(self) -> str:
        """The kind that is served next where it compiles, or may since it was not served before in this problem; or ""."""
        kind = self._next()
        return "" if kind in self._served and not self.waiting else kind

    def _next(self) -> str:
        return Probe.__name__ if Probe.__name__ in self._asked else next(iter(self._asked), "")

    def serve(self, session: Answering, running: bool, interrupted: Callable[[], bool]) -> None:
        """Work on the next question until its time is spent, it is answered or `interrupted`. Raises what it raises,
        after which the question is given up."""
        kind, started = self._next(), self._clock()
        while kind in self._asked:
            question, work = self._asked[kind]
            begin = self._clock()
            try:
                work = session.answer(question) if work is None else work
                self._asked[kind] = (question, work)
                answer = next(work)
            except StopIteration:
                del self._asked[kind]
                self._served.add(kind)
                return
            except Exception:
                del self._asked[kind]
                self._post(Unanswered(question))
                raise
            if kind != Probe.__name__:
                self._credit = max(-MAX_CREDIT_S, self._credit - (self._clock() - begin))
            self.waiting = isinstance(answer, Waiting)
            if isinstance(answer, Waiting):
                return
            if answer is not None:
                self._served.add(kind)
                self._post(answer)
            spent = running and self._credit <= 0 and kind != Probe.__name__
            if spent or self._clock() - started > SLICE_S or interrupted():
                return
