"""The windows of help: the tour and the catalog, all keys on one sheet, the page that changes them, about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QWidget

from app import dialogs, help_text
from app.actions import Actions
from app.settings import Settings

if TYPE_CHECKING:
    from app.keys_window import KeysWindow


class HelpWindows:
    """`keys`: the page of keys once it was opened."""

    def __init__(self, window: QWidget, actions: Actions, settings: Settings) -> None:
        self._window, self._actions, self._settings = window, actions, settings
        self.keys: KeysWindow | None = None

    def show_help(self) -> None:
        dialogs.show_html(self._window, "Rimlight help", help_text.help_html())

    def show_shortcuts(self) -> None:
        sheet = help_text.shortcuts_html(self._actions)
        dialogs.show_html(self._window, "Keyboard shortcuts", sheet, (560, 640), self._actions.change_keys)

    def change_keys(self) -> None:
        """The page of all actions and their keys."""
        if self.keys is None:
            from app.keys_window import KeysWindow

            self.keys = KeysWindow(self._window, self._actions)
        self.keys.show()
        self.keys.raise_()

    def show_about(self) -> None:
        dialogs.show_html(self._window, "About Rimlight", dialogs.about_html(self._settings.location), (480, 300))
