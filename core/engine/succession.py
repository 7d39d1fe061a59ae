"""What a new engine must be told to stand where the last one stood.

An engine saves a checkpoint with every problem it has loaded, so the last checkpoint says what it stood at. Only a
Load that it had not begun is told again; one that it died of, or that was cancelled, is not. Between the two lies a
problem that was announced (the window shows it, and has let the one before go) and whose first picture is still being
compiled: it is told again too, unless it was cancelled. A Load that a new engine is told instead of the last checkpoint
may be refused: then the engine stands at nothing, and is told of the checkpoint after all.
"""

from __future__ import annotations

from core.experiment import Experiment
from core.protocol import Command, Derive, Event, Load, Loaded, Look, Restore, SetValue, Status, StatusChanged


class Succession:
    """Listens to what is sent to an engine and heard from it, and keeps the last checkpoint."""

    def __init__(self) -> None:
        self._load: Load | None = None
        self._begun = self._announced = False
        self._told = False
        """Whether the engine there is was told a Load."""
        self._settings: dict[str, SetValue] = {}
        self._coming: dict[str, SetValue] | None = None
        self._aims: dict[type, Command] = {}
        self._checkpoint: Restore | None = None

    def sent(self, command: Command) -> None:
        """Note a command. Values of parameters need no note: they are in the checkpoints."""
        match command:
            case Load():
                self._load, self._begun, self._announced, self._coming = command, False, False, {}
                self._told = True
            case SetValue(path, _) if not path.startswith(("value.", "along.")):
                settings = self._settings if self._coming is None else self._coming
                settings[path] = command
            case Look() | Derive():
                self._aims[type(command)] = command

    def heard(self, event: Event) -> None:
        """Note what became of a Load: the settings sent after it are its own, or are void with it."""
        match event:
            case StatusChanged(Status.LOADING):
                self._begun = True
            case Loaded(experiment):
                self._announced = self._load is not None and self._begun and experiment == self._load.experiment
                if self._coming is not None:
                    self._settings, self._coming = self._coming, None
            case StatusChanged(Status.PAUSED | Status.EMPTY) if self._begun:
                self._coming, self._announced = None, False

    def died(self, checkpoint: Restore | None, *, cancelled: bool = False) -> None:
        """An engine is gone and left this; None if it had saved nothing. cancelled: what it was loading is unwanted."""
        self._checkpoint = checkpoint or self._checkpoint
        if cancelled:
            self._load = self._coming = None
        elif self._announced and self._checkpoint is not None and self._load is not None:
            self._begun = self._checkpoint.experiment == self._load.experiment
        self._announced = False
        self._told = self._load is not None and not self._begun

    def back(self, event: Event) -> list[Command]:
        """To the last checkpoint, for an engine that was heard to stand at nothing since it refused its Load. Once: what
        a checkpoint fails at would fail again."""
        refused = self._told and self._begun and event == StatusChanged(Status.EMPTY)
        if not refused or self._checkpoint is None:
            return []
        self._told = False
        return self.commands()

    def commands(self) -> list[Command]:
        """To the last checkpoint, and on to a Load that was not begun. Without a checkpoint the last Load must do."""
        load, checkpoint = self._load, self._checkpoint
        if checkpoint is not None and (load is None or self._begun):
            return [*self._aims.values(), checkpoint, *self._settings.values()]
        start: list[Command] = []
        if load is not None:
            start = [checkpoint, load] if checkpoint is not None and load.keep_state else [load]
        settings = self._settings if self._coming is None else self._coming
        return [*self._aims.values(), *start, *settings.values()]

    def stand(self) -> Experiment | None:
        """The problem that `commands` lead to, None where there is none."""
        told = [command for command in self.commands() if isinstance(command, Load | Restore)]
        return told[-1].experiment if told else None
