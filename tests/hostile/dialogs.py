"""What stands in for the user's hands where the random sequences open dialogs and files (tests/hostile/actions.py)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from PyQt6.QtWidgets import QDialog, QFileDialog, QMessageBox


def write_files(folder: Path) -> None:
    """What the sequences open: mostly files that are none."""
    (folder / "broken.ply").write_bytes(b"ply\nformat ascii 1.0\nend_header\n")
    (folder / "empty.obj").write_bytes(b"")
    (folder / "nothing.toml").write_text("[shape]\nkind = 'pear'\n")
    (folder / "garbage.npz").write_bytes(bytes(range(200)))
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    rows = [f"v {x} {y} {z}" for x, y, z in corners] + ["f 1 2 4 3", "f 5 7 8 6", "f 1 5 6 2", "f 3 4 8 7"]
    (folder / "fine.obj").write_text("\n".join(rows))


class Quiet:
    """Dialogs answered at once: a file in `folder`, or dismissed. Restores everything when the block ends."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._draw = folder, random.Random(seed)
        self._kept: list[tuple[type, str, Any]] = []

    def __enter__(self) -> Quiet:
        answer = lambda *_: (str(self._folder / self._draw.choice(("out.png", "fine.obj", "broken.ply", "out"))), "")
        self._set(QFileDialog, "getOpenFileName", staticmethod(answer))
        self._set(QFileDialog, "getOpenFileNames", staticmethod(lambda *_: ([answer()[0], answer()[0]], "")))
        self._set(QFileDialog, "getSaveFileName", staticmethod(answer))
        self._set(QFileDialog, "getExistingDirectory", staticmethod(lambda *_: str(self._folder)))
        self._set(QDialog, "exec", lambda dialog: 0)
        self._set(QMessageBox, "exec", lambda box: int(QMessageBox.StandardButton.Cancel.value))
        for name in ("question", "warning", "information", "critical"):
            self._set(QMessageBox, name, staticmethod(lambda *_: QMessageBox.StandardButton.Cancel))
        return self

    def _set(self, owner: type, name: str, value: Any) -> None:
        self._kept.append((owner, name, owner.__dict__.get(name)))
        setattr(owner, name, value)

    def __exit__(self, *_: object) -> None:
        for owner, name, value in reversed(self._kept):
            delattr(owner, name) if value is None else setattr(owner, name, value)
