"""What a new engine must be told to stand where the last one stood."""

from __future__ import annotations

from core.protocol import Command, Derive, Load, Look, Restore, SetValue


class Succession:
    """Remembers what was sent to an engine and the last checkpoint it left."""

    def __init__(self) -> None:
        self._load: Load | None = None
        self._settings: dict[str, SetValue] = {}
        self._aims: dict[type, Command] = {}
        self._checkpoint: Restore | None = None

    def sent(self, command: Command) -> None:
        """Note a command. Values of parameters need no note: they are in the checkpoints."""
        match command:
            case Load():
                self._load = command
                self._settings.clear()
            case SetValue(path, _) if not path.startswith("value."):
                self._settings[path] = command
            case Look() | Derive():
                self._aims[type(command)] = command

    def died(self, checkpoint: Restore | None) -> None:
        """An engine is gone and left this; None if it had saved nothing."""
        self._checkpoint = checkpoint or self._checkpoint

    @property
    def has_checkpoint(self) -> bool:
        return self._checkpoint is not None

    def commands(self, *, without_last_load: bool) -> list[Command]:
        """To the last checkpoint and, unless `without_last_load`, on to a later Load that left none of its own.

        without_last_load: that Load is what was cancelled, or what the engine died of.
        """
        load, checkpoint = self._load, self._checkpoint
        if load is not None and checkpoint is not None and load.experiment == checkpoint.experiment:
            load = None
        elif without_last_load:
            load, self._load = None, None if checkpoint is None else Load(checkpoint.experiment)
            self._settings.clear()
        elif load is not None and not load.keep_state:
            checkpoint = None
        start = [command for command in (checkpoint, load) if command is not None]
        return [*self._aims.values(), *start, *self._settings.values()]

    def start_afresh(self) -> None:
        """Forget the checkpoint: the next Load starts from its own start."""
        self._checkpoint = None
