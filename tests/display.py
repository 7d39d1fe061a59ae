"""Run a command under a virtual display: `python -m tests.display COMMAND...`.

Uses Xvfb where it is installed (also when a real display exists, so that tests never steal the focus); otherwise runs
the command as it is. Sets the Qt platform to xcb, since the offscreen one has no GL.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def main(command: list[str]) -> int:
    environment = dict(os.environ)
    if sys.platform.startswith("linux") and shutil.which("xvfb-run"):
        environment.pop("WAYLAND_DISPLAY", None)
        environment["QT_QPA_PLATFORM"] = "xcb"
        command = ["xvfb-run", "-a", "-s", "-screen 0 2400x1600x24 +extension GLX", *command]
    return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
