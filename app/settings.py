"""What the window remembers between starts: its layout, theme, folders and recent files. One small INI file.

A hand, a full disk or another version may have written anything into it: what is of the wrong kind is as if not there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import zlib
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QByteArray, QSettings

from core.errors import RimlightError
from core.io.atomic import write_bytes

RECENT = 8
"""Files in the Open recent menu."""

LAYOUT_VERSION = 1
"""Raised when docks are added or renamed, so that an old arrangement is not forced on a new window."""


_STREAMED = re.compile(rb"(Variant|DateTime) *[(]")
_ESCAPED = re.compile(rb"[\\](x[0-9a-fA-F]+|[0-7]{1,3})")


def without_streams(data: bytes) -> bytes:
    """An INI file's bytes without what Qt reads as a stream of its own kinds, which nothing here writes: where a length in
    one is wrong, Qt asks for that much memory and ends the program."""
    whole = re.sub(rb"[\\]\r?\n", b"", data)  # lines that go on
    plain = lambda found: bytes([int(found[1][1:], 16) & 255 if found[1][:1] == b"x" else int(found[1], 8) & 255])
    kept = [line for line in re.split(rb"[\r\n]+", whole) if not _STREAMED.search(_ESCAPED.sub(plain, line))]
    return data if len(kept) == len(re.split(rb"[\r\n]+", whole)) else b"\n".join(kept)


def _sum(geometry: QByteArray, docks: QByteArray) -> str:
    return f"crc {zlib.crc32(geometry.data() + b'/' + docks.data()):08x}"


def _store() -> QSettings:
    """What Qt may read: spoilt lines are taken out of the file first, or out of a copy where it cannot be written."""
    store = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "rimlight", "window")
    place = Path(store.fileName())
    with contextlib.suppress(OSError):
        data = place.read_bytes()
        kept = without_streams(data)
        if kept is not data:
            try:
                write_bytes(place, kept)
            except RimlightError:
                place = Path(tempfile.mkdtemp(prefix="rimlight-settings-")) / place.name
                place.write_bytes(kept)
            return QSettings(str(place), QSettings.Format.IniFormat)
    return store


class Settings:
    """Typed access to QSettings. Where it lies: QSettings' user scope, organisation and application "rimlight"."""

    def __init__(self) -> None:
        self._store = _store()

    def _value(self, name: str, otherwise: Any) -> Any:
        try:
            return self._store.value(name, otherwise)
        except TypeError:  # a kind of Qt's own that Python has no word for
            return otherwise

    def _text(self, name: str, otherwise: str) -> str:
        value = self._value(name, otherwise)
        return value if isinstance(value, str) else otherwise

    def _bytes(self, name: str) -> QByteArray | None:
        value = self._value(name, None)
        return value if isinstance(value, QByteArray) else None

    @property
    def theme(self) -> str:
        """ "system", "dark" or "light"."""
        value = self._text("theme", "system")
        return value if value in ("system", "dark", "light") else "system"

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

    @property
    def keys(self) -> dict[str, str]:
        """Shortcuts that were changed: name of the action -> key, "" for none (app/keymap.py)."""
        self._store.beginGroup("keys")
        found = {name: self._value(name, "") for name in self._store.childKeys()}
        self._store.endGroup()
        return {name: key for name, key in found.items() if isinstance(key, str)}

    @keys.setter
    def keys(self, keys: dict[str, str]) -> None:
        self._store.remove("keys")
        for name, key in keys.items():
            self._store.setValue(f"keys/{name}", key)
        self._store.sync()

    @property
    def folder(self) -> str:
        """Where the last file was opened or saved."""
        folder = self._text("folder", "")
        return folder if os.path.isdir(folder) else os.path.expanduser("~")

    @folder.setter
    def folder(self, path: str) -> None:
        self._store.setValue("folder", path)

    @property
    def recent(self) -> list[str]:
        """Files opened last, newest first, those that still exist."""
        value = self._value("recent", [])
        with contextlib.suppress(TypeError, ValueError, RecursionError):  # a list of earlier versions
            value = json.loads(value)
        files = value if isinstance(value, list) else [value]
        return [file for file in files if isinstance(file, str) and os.path.isfile(file)]

    def add_recent(self, path: str) -> None:
        files = [path, *(file for file in self.recent if file != path)][:RECENT]
        self._store.setValue("recent", json.dumps(files))  # as text: of a list of one Qt would make a stream

    def layout(self) -> tuple[QByteArray | None, QByteArray | None, bool]:
        """(geometry, dock state or None, whether the docks follow our own arrangement). None for what is not as it was
        written: Qt takes such bytes on trust, and a program that restores spoilt ones may end."""
        geometry, docks = self._bytes("geometry"), self._bytes("docks")
        if geometry is None or docks is None or self._text("layout_sum", "") != _sum(geometry, docks):
            return None, None, True
        if str(self._value("layout_version", 0)) != str(LAYOUT_VERSION):
            return geometry, None, True
        return geometry, docks, self._text("arranged", "true") == "true"

    def set_layout(self, geometry: QByteArray, docks: QByteArray, arranged: bool) -> None:
        self._store.setValue("geometry", geometry)
        self._store.setValue("docks", docks)
        self._store.setValue("layout_sum", _sum(geometry, docks))
        self._store.setValue("arranged", "true" if arranged else "false")
        self._store.setValue("layout_version", LAYOUT_VERSION)
        self._store.sync()

    @property
    def location(self) -> str:
        """The file, for About."""
        return self._store.fileName()
