"""Autosaves of programs that ended unexpectedly: the newest is offered at the next start, the oldest go.

A file's name tells whose it is: the process and when that was born. What a program that lives has written is never touched.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path

from app.autosave import BESIDE
from core.io.suffixes import SESSION_SUFFIX
from core.record.files import session_title

MOST = 8
"""Runs that are kept: a crash and what was tried after it. A state has up to some ten megabytes."""
PROCESSES = Path("/proc")
"""Where Linux tells of its processes."""


class LeftBehind:
    """Files of programs that are gone, in a folder that other windows write to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def own(self) -> Path:
        """A file of this program's, by a name that nobody else takes."""
        return self._folder / f"{os.getpid()}-{_birth(os.getpid())}-{secrets.token_hex(4)}{SESSION_SUFFIX}"

    def files(self) -> list[Path]:
        """What can be restored, the newest first."""
        return sorted(self._orphans(), key=_written, reverse=True)

    def told(self) -> list[tuple[Path, str, str]]:
        """For a menu: each file, what was fitted and how far, and when it was last kept."""
        lines = []
        for file in self.files():
            title, iteration = session_title(file)
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(_written(file)))
            lines.append((file, f"{title or file.stem}, step {iteration}", f"Go on with it; last kept {when}"))
        return lines

    def tidy(self) -> None:
        """Keep the MOST newest; what was half written, and what has no state beside it, go in any case. A file's age does
        not count: a clock that jumps would make all but one too old."""
        runs = self.files()
        kept = {file.stem for file in runs[:MOST]}
        for file in runs:
            if file.stem not in kept:
                self.forget(file)
        strays = [file for suffix in BESIDE for file in self._orphans(suffix=suffix) if file.stem not in kept]
        half = [file for suffix in (SESSION_SUFFIX, *BESIDE) for file in self._orphans(".", suffix)]
        for file in (*strays, *half):
            with contextlib.suppress(OSError):
                file.unlink()

    def discard(self) -> int:
        """None of it is wanted; how many went."""
        runs = self.files()
        for file in runs:
            self.forget(file)
        return len(runs)

    def forget(self, file: Path) -> None:
        """It was restored, or is not wanted. Others are left alone."""
        for suffix in (SESSION_SUFFIX, *BESIDE):
            with contextlib.suppress(OSError):
                file.with_suffix(suffix).unlink(missing_ok=True)

    def _orphans(self, prefix: str = "", suffix: str = SESSION_SUFFIX) -> list[Path]:
        """Files whose program is gone. prefix: "." for those that were being written."""
        try:
            names = os.listdir(self._folder)
        except OSError:  # it is not there, or in a home that may not be looked into
            return []
        found = []
        for name in names:
            owner, birth, *_ = [*name.removeprefix(prefix).split("-"), ""]
            ours = name.startswith(prefix) and name.endswith(suffix) and owner.isdigit()
            if ours and not _alive(int(owner), birth):
                found.append(self._folder / name)
        return found


def _written(file: Path) -> float:
    """Seconds since the epoch; 0 for a file that another window has just removed."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _alive(process: int, birth: str) -> bool:
    """Whether that very process runs: one that took its number was born at another time."""
    return _birth(process) == birth


def _birth(process: int) -> str:
    """When a process began, as digits; "" where it is gone. Linux is asked directly: psutil would take 20 ms of the start."""
    if PROCESSES.is_dir():
        try:
            return (PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()[19]
        except (OSError, IndexError):
            return ""
    import psutil

    try:
        return str(round(1000 * psutil.Process(process).create_time()))
    except psutil.Error:
        return ""
