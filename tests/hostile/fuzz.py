"""`make fuzz`: look for bytes that a reader of ours does not survive. Coverage-guided by atheris where it is installed.

    python -m tests.hostile.fuzz [--seconds N] [--random] [--crashes FOLDER] [NAME...]

NAME: seeds of tests/hostile/seeds.py to start from (default: all). What breaks the contract is written to the folder
(default out/fuzz), and the exit status is 1.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import random
import subprocess
import sys
import time
import traceback
from pathlib import Path

from tests.hostile.files import judge, spoil
from tests.hostile.seeds import SEEDS
from tests.hostile.test_files import folder

READERS = (
    "core.io.obj", "core.io.ply", "core.io.off", "core.io.stl", "core.io.gltf", "core.io.gltf_checks", "core.io.grids",
    "core.io.cameras", "core.io.colmap", "core.io.nrrd", "core.io.vti",
    "core.io.grid_text", "core.io.grid_volume", "core.io.grid_numpy", "core.io.metaballs_files", "core.io.cages", "core.io.exr", "core.io.images", "core.io.polygons", "core.io.mesh_cleaning", "core.io.topology",
    "core.experiments.files", "core.experiments.schema", "core.experiments.rules",
)  # fmt: skip
"""What atheris watches: the readers written here, not the libraries under them."""


class Log:
    """Counts inputs and keeps one file for each kind of failure."""

    def __init__(self, crashes: Path) -> None:
        self.crashes, self.room = crashes, folder()
        self.count: collections.Counter[str] = collections.Counter()
        self.failures: dict[tuple, Path] = {}

    def attempt(self, name: str, data: bytes) -> None:
        path = self.room / f"fuzz_{name}"
        path.write_bytes(data)
        try:
            self.count["loaded" if judge(path) else "refused"] += 1
        except Exception as error:
            self.count["failed"] += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            kind = (Path(name).suffix, type(error).__name__, last.filename, last.lineno)
            if kind not in self.failures:
                self.crashes.mkdir(parents=True, exist_ok=True)
                kept = self.crashes / f"{len(self.failures):02}_{name}"
                kept.write_bytes(data)
                self.failures[kind] = kept
                print(f"{kept}: {type(error).__name__} at {last.filename}:{last.lineno}: {error}", flush=True)

    def summary(self) -> str:
        return f"{self.count.total():,} inputs: {dict(self.count)}; {len(self.failures)} kinds of failure"


def at_random(log: Log, names: list[str], seconds: float) -> None:
    draw, end = random.Random(0), time.monotonic() + seconds
    seeds = {name: SEEDS[name]() for name in names}
    while time.monotonic() < end:
        for name in names:
            log.attempt(name, spoil(seeds[name], draw))
    print(log.summary(), flush=True)


def guided(log: Log, names: list[str], seconds: float) -> None:
    """atheris: the first byte chooses the kind of file, the rest is the file. Ends the process, without a word."""
    import atheris

    with atheris.instrument_imports(include=list(READERS)):
        for module in READERS:
            __import__(module)
    corpus = log.room / "corpus"
    corpus.mkdir()
    for index, name in enumerate(names):
        (corpus / name).write_bytes(bytes([index]) + SEEDS[name]())

    def one(data: bytes) -> None:
        if data:
            log.attempt(names[data[0] % len(names)], data[1:])
            if log.count.total() % 200 == 0:
                print(log.summary(), flush=True)

    def own(data: bytes, largest: int, seed: int) -> bytes:
        """Half of the time spoil as the tests do, which knows words; else as atheris does, which knows coverage."""
        if seed % 2 or len(data) < 2:
            return atheris.Mutate(data, largest)
        return (data[:1] + spoil(data[1:], random.Random(seed)))[:largest]

    options = [sys.argv[0], str(corpus), f"-max_total_time={int(seconds)}", "-verbosity=0", "-max_len=8192"]
    atheris.Setup(options, one, custom_mutator=own)
    atheris.Fuzz()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("--seconds", type=float, default=300.0)
    options.add_argument("--random", action="store_true", help="without coverage, even where atheris is installed")
    options.add_argument("--crashes", type=Path, default=Path("out/fuzz"))
    options.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    names = chosen.names or list(SEEDS)
    if chosen.random or importlib.util.find_spec("atheris") is None:
        log = Log(chosen.crashes)
        at_random(log, names, chosen.seconds)
        return 1 if log.failures else 0
    if chosen.child:
        guided(Log(chosen.crashes), names, chosen.seconds)
    return watched([*sys.argv[1:], "--child"])


def watched(arguments: list[str]) -> int:
    """Run the guided search in a process of its own and pass on what it finds, and its last count."""
    command, last, failed = [sys.executable, "-m", "tests.hostile.fuzz", *arguments], "no inputs", False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if " inputs: " in line:
                last = line.strip()
            else:
                failed = True
                print(line, end="", flush=True)
    print(last, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
