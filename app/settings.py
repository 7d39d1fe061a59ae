"""What the window remembers between starts: its layout, theme, folders and recent files. One small INI file."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QByteArray, QSettings

RECENT = 8
"""Files in the Open recent menu."""

LAYOUT_VERSION = 1
"""Raised when docks are added or renamed, so that an old arrangement is not forced on a new window."""


class Settings:
    """Typed access to QSettings. Where it lies: QSettings' user scope, organisation and application "rimlight"."""

    def __init__(self) -> None:
        self._store = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "rimlight", "window")

    @property
    def theme(self) -> str:
        """ "system", "dark" or "light"."""
        value = str(self._store.value("theme", "system"))
        return value if value in ("system", "dark", "light") else "system"

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

    @property
    def keys(self) -> dict[str, str]:
        """Shortcuts that were changed: name of the action -> key, "" for none (app/keymap.py)."""
        self._store.beginGroup("keys")
        found = {name: str(self._store.value(name, "")) for name in self._store.childKeys()}
        self._store.endGroup()
        return found

    @keys.setter
    def keys(self, keys: dict[str, str]) -> None:
        self._store.remove("keys")
        for name, key in keys.items():
            self._store.setValue(f"keys/{name}", key)
        self._store.sync()

    @property
    def folder(self) -> str:
        """Where the last file was opened or saved."""
        folder = str(self._store.value("folder", ""))
        return folder if folder and Path(folder).is_dir() else str(Path.home())

    @folder.setter
    def folder(self, path: str) -> None:
        self._store.setValue("folder", path)

    @property
    def recent(self) -> list[str]:
        """Files opened last, newest first, those that still exist."""
        value = self._store.value("recent", [])
        files = [value] if isinstance(value, str) else list(value or [])
        return [file for file in files if Path(file).is_file()]

    def add_recent(self, path: str) -> None:
        self._store.setValue("recent", [path, *(file for file in self.recent if file != path)][:RECENT])

    def layout(self) -> tuple[QByteArray | None, QByteArray | None, bool]:
        """(geometry, dock state or None, whether the docks follow our own arrangement)."""
        geometry = self._store.value("geometry", None)
        if int(self._store.value("layout_version", 0) or 0) != LAYOUT_VERSION:
            return geometry, None, True
        return geometry, self._store.value("docks", None), str(self._store.value("arranged", "true")) == "true"

    def set_layout(self, geometry: QByteArray, docks: QByteArray, arranged: bool) -> None:
        self._store.setValue("geometry", geometry)
        self._store.setValue("docks", docks)
        self._store.setValue("arranged", "true" if arranged else "false")
        self._store.setValue("layout_version", LAYOUT_VERSION)
        self._store.sync()

    @property
    def location(self) -> str:
        """The file, for About."""
        return self._store.fileName()
