"""Commands that wait for the engine, and which of them still matter when several came together."""

from __future__ import annotations

from core.derivatives.questions import Question
from core.engine.ports import Receive
from core.protocol import Command, Derive, Export, Fork, Load, Look, Quit, Reset, Restore, SetValue


class Inbox:
    """What was received and not yet carried out, oldest first."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._waiting: list[Command] = []

    def gather(self, seconds: float = 0.0) -> bool:
        """Collect what was sent, waiting up to `seconds` for the first. Whether something waits."""
        command = self._receive(0.0 if self._waiting else seconds)
        while command is not None:
            self._waiting.append(command)
            command = self._receive(0.0)
        return bool(self._waiting)

    def take(self) -> list[Command]:
        """All that waits, without what is superseded."""
        commands, self._waiting = self._waiting, []
        return without_superseded(commands)


def without_superseded(commands: list[Command]) -> list[Command]:
    """What is left to do of commands that came together (no step is taken between them).

    A slider that was dragged while the engine compiled, or a few lessons opened in a row, cost one value and one load.
    Where something is exported nothing is left out, since what is written depends on all before it.
    """
    if any(isinstance(command, Export) for command in commands):
        return commands
    if any(isinstance(command, Quit) for command in commands):
        return [Quit()]
    kept: list[Command] = []
    for command in commands:
        kept = [earlier for earlier in kept if not _supersedes(command, earlier)]
        kept.append(command)
    return kept


def _supersedes(later: Command, earlier: Command) -> bool:
    if isinstance(later, Question) and isinstance(earlier, Question):
        return type(later) is type(earlier)
    match later, earlier:
        case SetValue(path, _), SetValue(earlier_path, _):
            return path == earlier_path and not path.startswith("along.")  # those add up
        case (Look(), Look()) | (Derive(), Derive()):
            return True
        case Load(_, True), Load(_, keep_state):
            return keep_state
        case Load(_, True), SetValue(path, _):
            return not path.startswith(("value.", "along."))  # the new experiment says what its settings are
        case Load(_, True), (Restore() | Fork() | Reset()):
            return False  # they say which state is to be kept
        case ((Load() | Restore()), _):
            return not isinstance(earlier, (Look, Derive))
    return False
