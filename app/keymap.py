"""Which key does what: every action's own key, the ones that were changed, and who has a key already.

Convention: keys are written as QKeySequence.PortableText, "" for none; the settings hold only what was changed.
"""

from __future__ import annotations

import re

from PyQt6.QtCore import QKeyCombination, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QKeySequence

from app.settings import Settings

RESERVED = {
    "Tab": "moves to the next control", "Backtab": "moves to the control before", "Shift+Tab": "moves to the control before",
    "Return": "presses the focused button", "Enter": "presses the focused button", "Esc": "closes and gives up",
    "Left": "moves within timeline and lists", "Right": "moves within timeline and lists",
    "Up": "moves within lists", "Down": "moves within lists",
}  # fmt: skip
"""Keys that the focused control needs, and what for."""

MODIFIERS = (Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr)


class KeyMap(QObject):
    """`changed(action)`: it has another key. An action's name is made from its first text: "save-experiment-as"."""

    changed = pyqtSignal(object)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._actions: dict[str, QAction] = {}
        self._own: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._stored = settings.keys
        """What was changed, of actions that this version does not have too: another one may."""

    def add(self, action: QAction, text: str, key: str) -> None:
        """An action with the key it has by itself."""
        name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        if name in self._actions:
            raise ValueError(f"two actions are called {name}: their keys could not be told apart")
        action.setObjectName(name)
        self._actions[name] = action
        self._own[name] = QKeySequence(key).toString()
        self._titles[name] = text.replace("…", "")
        action.setShortcut(QKeySequence(key))

    def recall(self) -> None:
        """Give every action the key that the settings hold; one whose own key was given to another has none."""
        taken = {key for name, key in self._stored.items() if key and name in self._actions}
        for name, action in self._actions.items():
            key = self._stored.get(name, "" if self._own[name] in taken else self._own[name])
            self._put(action, key)

    def title(self, action: QAction) -> str:
        """What an action is called, whatever its text says at the moment: "Run", also while it reads Pause."""
        return self._titles[action.objectName()]

    def key(self, action: QAction) -> str:
        return action.shortcut().toString()

    def own_key(self, action: QAction) -> str:
        """The key it has where nothing was changed."""
        return self._own[action.objectName()]

    def is_changed(self, action: QAction) -> bool:
        return self.key(action) != self.own_key(action)

    def any_changed(self) -> bool:
        return any(self.is_changed(action) for action in self._actions.values())

    def holder(self, key: str, but: QAction) -> QAction | None:
        """Another action that has `key` already."""
        others = (action for action in self._actions.values() if action is not but)
        return next((action for action in others if key and self.key(action) == key), None)

    def assign(self, action: QAction, key: str) -> None:
        """Give `action` a key, "" for none; whoever had it has none then."""
        holder = self.holder(key, action)
        if holder is not None:
            self._put(holder, "")
        self._put(action, key)
        self._keep()

    def reset(self, action: QAction | None = None) -> None:
        """One action's own key back, or everybody's."""
        if action is not None:
            self.assign(action, self.own_key(action))
            return
        for name, each in self._actions.items():
            self._put(each, self._own[name])
        self._keep()

    def _put(self, action: QAction, key: str) -> None:
        if key != self.key(action):
            action.setShortcut(QKeySequence(key))
            self.changed.emit(action)

    def _keep(self) -> None:
        unknown = {name: key for name, key in self._stored.items() if name not in self._actions}
        known = {name: self.key(a) for name, a in self._actions.items() if self.is_changed(a)}
        self._stored = self._settings.keys = {**unknown, **known}


def key_text(action: QAction) -> str:
    """An action's key as the desktop writes it, "" for none."""
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def pressed(combination: QKeyCombination, text: str) -> str | None:
    """The key that was pressed; None for a modifier alone. "?" is one key wherever it lies, so its Shift is left out."""
    key, modifiers = combination.key(), combination.keyboardModifiers()
    if key in MODIFIERS or key == Qt.Key.Key_unknown:
        return None
    if text and text.isprintable() and not text.isalnum() and not text.isspace():
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    modifiers &= ~Qt.KeyboardModifier.KeypadModifier
    return QKeySequence(QKeyCombination(modifiers, key)).toString()
