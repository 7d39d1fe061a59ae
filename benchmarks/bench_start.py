"""From the process's start to the window's first paint, beside what Python, NumPy and Qt alone take on the same machine.

The anchor is a process that imports NumPy and Qt's widgets and makes a QApplication: what any window of this kind pays.
Both are started in turns, after one start that fills the caches of bytecode and files. Without a display: start it under
Xvfb (`python -m tests.display python -m benchmarks.bench_start`). Milliseconds.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys

from benchmarks.timing import machine

STARTS = 12
BOUND = 700
ANCHOR = """
from app.main import process_start
import time, numpy
from PyQt6.QtWidgets import QApplication
application = QApplication([])
print(f"first paint {1000 * (time.time() - process_start()):.0f} ms")
"""


def start(arguments: list[str]) -> float:
    """Milliseconds that one process says it took. Raises RuntimeError where it says nothing."""
    environment = {**os.environ, "RIMLIGHT_FIRST_PAINT": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=120)
    told = re.search(r"first paint (\d+) ms", done.stdout)
    if told is None:
        raise RuntimeError(f"no first paint: {done.stderr.strip()[-300:]}")
    return float(told[1])


def main() -> None:
    print(machine())
    window, anchor = ["-m", "app"], ["-c", ANCHOR]
    start(window)
    pairs = [(start(window), start(anchor)) for _ in range(STARTS)]
    shown, alone = [sorted(times) for times in zip(*pairs, strict=True)]
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"first paint    least {shown[0]:.0f}, median {statistics.median(shown):.0f}, most {shown[-1]:.0f} (bound {BOUND})"
    )
    print(
        f"Python and Qt  least {alone[0]:.0f}, median {statistics.median(alone):.0f}, most {alone[-1]:.0f}; ratio {ratio:.2f}"
    )


if __name__ == "__main__":
    main()
