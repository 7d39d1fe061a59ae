"""What is shown while the engine loads something else, kept until that is there: a load that fails or is given up leaves
no trace.

Convention: the engine's word is taken. Where it stands at what the shelf holds, that is shown again with its runs, its
timeline and its undo; where it stands at something in between, the panels follow it.
"""

from __future__ import annotations

from typing import Any

from app import edits
from app.darkroom import Developed
from app.replay import Replay
from core.catalog import entry
from core.experiment import Experiment
from core.protocol import Load, Scalars

SHELVED = (
    "runs", "replay", "last", "snapshot", "shown", "frame", "plates", "_newest_plates", "loaded", "_aside",
)  # fmt: skip
"""The controller's attributes that belong to the problem the engine has."""
OPENED = ("origin", "saved", "undo_stack", "theta", "view", "step_pixels", "supersampling")
"""Those that another experiment, opened, replaces too; an edit leaves them."""


class Shelf:
    """Empty, or what stood when the first load that is still under way was asked for."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._kept: dict[str, Any] = {}
        self.experiment: Experiment | None = None
        """What the panels showed; None while the shelf is empty."""
        self.running = False
        """Whether the fit was."""

    def put_by(self, experiment: Experiment) -> None:
        """Keep what is shown, `experiment` as its experiment, unless something older is kept."""
        if self.experiment is None and self._owner.loaded is not None:
            self._kept = {name: getattr(self._owner, name) for name in (*SHELVED, *OPENED)}
            self.experiment, self.running = experiment, self._owner.running

    def clear(self) -> None:
        self._kept, self.experiment, self.running = {}, None, False

    @property
    def opened(self) -> bool:
        """Whether another experiment was opened since, and not only this one edited."""
        return self._kept.get("undo_stack") is not self._owner.undo_stack

    @property
    def going_on(self) -> bool:
        """Whether what the engine tells belongs to what was put by: another fit is on screen, and not loaded yet."""
        if self.experiment is None or self._owner.loaded is None or self._kept["runs"] is self._owner.runs:
            return False
        return self._kept["loaded"].generation == self._owner.loaded.generation

    @property
    def replay(self) -> Replay:
        """The timeline that was put by."""
        return self._kept["replay"]

    def take_steps(self, batch: list[Scalars]) -> None:
        """Steps of the fit that was put by."""
        self._kept["runs"].put(batch)
        self._kept["last"] = batch[-1]

    def take_picture(self, developed: Developed) -> None:
        """A snapshot of the fit that was put by: its newest, and what it shows unless a stored one was on screen."""
        live = self._kept["shown"] is self._kept["snapshot"]
        self._kept.update(snapshot=developed.snapshot, _newest_plates=developed.plates)
        self._kept["replay"].add(developed.snapshot, developed.frame)
        if live:
            self._kept.update(shown=developed.snapshot, plates=developed.plates)

    def give_back(self) -> bool:
        """Put everything back where it was; the answer is `opened`."""
        opened = self.opened
        for name in (*SHELVED, *(OPENED if opened else ())):
            setattr(self._owner, name, self._kept[name])
        self.clear()
        return opened


def needs_load(before: Experiment, after: Experiment) -> bool:
    """Whether the engine must load to come from one experiment to another."""
    return any(isinstance(c, Load) for c in edits.commands(before, after, live_settings(after.method.name)))


def live_settings(method: str) -> list[str]:
    """The method's settings that a slider changes without a recompile."""
    return [s["name"] for s in entry("methods", method)["settings"] if s["kind"] == "continuous"]
