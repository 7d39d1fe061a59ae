"""`rimlight doctor`: versions, OpenGL, devices, where files are kept; the lines are core/doctor.py's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any


def add_doctor(commands: Any) -> None:
    """Add the command to a parser's commands."""
    commands.add_parser("doctor", help="versions, OpenGL, devices, where files are kept")


def run_doctor() -> int:
    from core.engine import caches

    caches.configure()
    from core.doctor import device_lines, display_line, folder_lines, system_lines, version_lines

    lines = [*version_lines(), display_line()]
    probe = [sys.executable, "-m", "app.gl_probe"]
    try:
        answer = subprocess.run(
            probe, capture_output=True, text=True, timeout=30, check=False, cwd=Path(__file__).parents[1]
        )
        lines.append(("opengl", answer.stdout.strip() if answer.returncode == 0 else "none (no display, or no driver)"))
    except (OSError, subprocess.TimeoutExpired):
        lines.append(("opengl", "no answer in 30 s"))
    lines += [*device_lines(), *system_lines(), *folder_lines()]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        print(f"{name:<{width}}  {value}")
    return 0
