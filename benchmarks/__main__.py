"""`make bench`: every benchmark in turn, one at a time (these machines have few cores). Name some to run only those.

Speeds are the least of at least 20 medians, beside ratios to an anchor of the same run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main(wanted: list[str]) -> int:
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    status = 0
    for name in names:
        if not wanted or name.removeprefix("bench_") in wanted:
            print(f"\n# {name.removeprefix('bench_')}", flush=True)
            status |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
