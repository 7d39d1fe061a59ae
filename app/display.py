"""Whether a display answers, asked before Qt is: Qt ends the program where none does, with a page of advice."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys

from core.errors import RimlightError

ANSWER_S = 3.0
"""A display beyond the network gets so long."""
_DISPLAY = re.compile(r"(?P<host>[^:]*):(?P<number>\d+)(\.\d+)?$")
X_PORT = 6000


def require_display() -> None:
    """Raise RimlightError, one line, where the window cannot open."""
    if sys.platform in ("win32", "darwin"):
        return
    remedy = "start it on a desktop, or use rimlight fit EXPERIMENT --out DIR"
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if os.environ.get("WAYLAND_DISPLAY") or (platform and "xcb" not in platform):
        return
    name = os.environ.get("DISPLAY", "")
    if not name:
        raise RimlightError(f"no display for the window; {remedy}")
    if not answers(name):
        raise RimlightError(f"the display {name} does not answer (DISPLAY); {remedy}")


def answers(name: str) -> bool:
    """Whether an X server listens at a DISPLAY; a name of another form is left to Qt."""
    match = _DISPLAY.match(name)
    if match is None:
        return True
    host, number = match["host"], int(match["number"])
    if host not in ("", "unix"):
        with contextlib.suppress(OSError), socket.create_connection((host, X_PORT + number), ANSWER_S):
            return True
        return False
    path = f"/tmp/.X11-unix/X{number}"
    for address in (path, f"\0{path}"):  # the file, and Linux's abstract name
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address)
            return True
    return False
