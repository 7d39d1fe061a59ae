"""Which range each signed pane shows: its own robust one, the one the locked panes share, or one that was typed."""

from __future__ import annotations

from collections.abc import Mapping

LEADERS = ("reference", "derivative")
"""Whose robust range the locked panes take, the first that exists: the truth, then the method."""


class Ranges:
    """`locked` names the panes that share; a typed range stays until it is reset."""

    def __init__(self, locked: set[str]) -> None:
        self.locked = set(locked)
        self._typed: dict[str, float] = {}
        self._typed_shared: float | None = None

    def lock(self, name: str, locked: bool) -> None:
        (self.locked.add if locked else self.locked.discard)(name)

    def type(self, name: str, limit: float | None) -> None:
        """A typed r for the pane, and with it for all locked ones if it is locked; None is automatic again."""
        if name in self.locked:
            self._typed_shared = limit
        elif limit is None:
            self._typed.pop(name, None)
        else:
            self._typed[name] = limit

    def reset(self) -> None:
        self._typed, self._typed_shared = {}, None

    def limits(self, own: Mapping[str, float | None]) -> dict[str, tuple[float | None, bool]]:
        """own: robust range a pane, None for an empty one -> (r, whether it was typed) a pane."""
        leaders = [name for name in (*LEADERS, *own) if name in LEADERS or name in self.locked]
        shared = next((limit for name in leaders if (limit := own.get(name)) is not None), None)
        result: dict[str, tuple[float | None, bool]] = {}
        for name, limit in own.items():
            typed = self._typed_shared if name in self.locked else self._typed.get(name)
            if limit is None or typed is not None:
                result[name] = (None if limit is None else typed, typed is not None)
            else:
                result[name] = (shared if name in self.locked else limit, False)
        return result
