"""Whether there is still a surface after a step, since no method finds back from a picture of nothing.

Every method but one kind of loss takes its gradient where a ray meets the surface or its outline: where there is none, a
fit would go on for ever and move nothing. A step that leads there is not taken. Where there was none from the start (a
file may be so), where a loss pulls all the same (IDR's masks, by how closely rays pass), or where a look is too dear for
every step (Shape.look_every), the fit goes on and says so once.
"""

from __future__ import annotations

from core.catalog import entry
from core.problem import Problem, State, Vanished, host_values


class Presence:
    """said: warnings so far."""

    def __init__(self) -> None:
        self.said: tuple[str, ...] = ()
        self._gone = False

    def after(self, problem: Problem, before: State, state: State) -> str:
        """What is to be said of the step from `before` to `state`, mostly "". Raises Vanished where it must not be taken."""
        shape = problem.shape
        if (
            not shape.look_every
            or state.iteration % shape.look_every
            or not set(problem.free) & set(shape.parameters())
        ):
            return ""  # before any value is fetched, which on a GPU is a copy
        why = shape.nothing_left(host_values(problem, state))
        if not why:
            self._gone = False
            return ""
        if self._gone:
            return ""
        pulls = any(entry("losses", term.loss)["clearance"] for term in problem.terms)
        as_it_came = before.iteration == 0 and shape.nothing_left(host_values(problem, before))
        if as_it_came and not pulls:
            return self._say(f"there is no surface ({why}), so that nothing is seen and nothing moves")
        if not pulls and shape.look_every == 1:
            raise Vanished(self._refusal(problem, before, why))
        hope = "IDR's masks can bring it back" if pulls else "reset it, or go back in the timeline"
        return self._say(f"iteration {state.iteration}: the surface has vanished ({why}); {hope}")

    def _say(self, text: str) -> str:
        self._gone, self.said = True, (*self.said, text)
        return text

    def _refusal(self, problem: Problem, before: State, why: str) -> str:
        where = f"iteration {before.iteration}"
        if problem.shape.nothing_left(host_values(problem, before)):
            return f"{where}: there is no surface ({why}), so that nothing can be fitted. Take the last edit back, or reset."
        return (
            f"{where}: this step makes the surface vanish ({why}); the state before it is kept. "
            "Lower the learning rate, or look at the target and the weights."
        )
