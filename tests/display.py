"""Run a command under a virtual display: `python -m tests.display COMMAND...`.

Uses Xvfb where it is installed (also when a real display exists, so that tests never steal the focus); otherwise runs
the command as it is. Sets the Qt platform to xcb, since the offscreen one has no GL.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys

SCREEN = ["-screen", "0", "2400x1600x24", "+extension", "GLX"]


def own_display() -> contextlib.ExitStack:
    """A virtual display of this process's own, until the stack is closed; where Xvfb is missing, the one there is. Two
    test processes on one display would take the keyboard from each other's windows."""
    stack = contextlib.ExitStack()
    if not sys.platform.startswith("linux") or not shutil.which("Xvfb"):
        return stack
    told, tell = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(tell), *SCREEN, "-nolisten", "tcp"], pass_fds=[tell], stderr=subprocess.DEVNULL
    )
    stack.callback(server.wait)
    stack.callback(server.terminate)
    os.close(tell)
    with os.fdopen(told) as answer:
        number = answer.readline().strip()
    if number:
        os.environ.pop("WAYLAND_DISPLAY", None)
        os.environ.update(DISPLAY=f":{number}", QT_QPA_PLATFORM="xcb")
    return stack


def main(command: list[str]) -> int:
    environment = dict(os.environ)
    if sys.platform.startswith("linux") and shutil.which("xvfb-run"):
        environment.pop("WAYLAND_DISPLAY", None)
        environment["QT_QPA_PLATFORM"] = "xcb"
        command = ["xvfb-run", "-a", "-s", " ".join(SCREEN), *command]
    return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
