"""`make fuzz`: look for bytes that a reader of ours does not survive, guided by coverage (atheris), or --random without.

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
import tempfile
import time
import traceback
from pathlib import Path

from tests.hostile.files import judge, spoil
from tests.hostile.seeds import SEEDS
from tests.hostile.test_files import folder

READERS = (
    "core.io.obj", "core.io.ply", "core.io.ply_body", "core.io.off", "core.io.stl", "core.io.gltf", "core.io.gltf_checks",
    "core.io.meshes", "core.io.materials", "core.io.polygons", "core.io.mesh_cleaning", "core.io.topology", "core.io.cages",
    "core.io.grids", "core.io.grid_checks", "core.io.grid_text", "core.io.grid_volume", "core.io.grid_numpy", "core.io.npy",
    "core.io.nrrd", "core.io.vti", "core.io.archives", "core.io.file_kinds", "core.io.metaballs_files", "core.io.networks",
    "core.io.neural_files", "core.io.bodies", "core.io.points", "core.io.labels", "core.io.images", "core.io.exr",
    "core.io.picture_facts", "core.io.photo_lens", "core.io.cameras", "core.io.camera_set", "core.io.colmap",
    "core.io.lenses", "core.io.files", "core.io.check", "core.record.files", "core.experiments.files",
    "core.experiments.schema", "core.experiments.rules", "core.experiments.defaults",
)  # fmt: skip
"""What atheris watches: the readers written here, not the libraries under them."""

LIMIT_S = 2.0
"""Of processor time, that a file may take to be refused."""
LEAST = 20
"""Inputs a kind of file that a search must have tried, if it had a second for each, to have looked at all."""


TOLD_S = 0.3
"""Seconds between two counts of the guided search: it ends without a last one."""


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
            begin = time.process_time()
            self.count["loaded" if judge(path) else "refused"] += 1
            assert time.process_time() - begin < LIMIT_S, f"took {time.process_time() - begin:.1f} s"
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

    for module in READERS:
        sys.modules.pop(module, None)  # what is imported already would not be watched
    with atheris.instrument_imports(include=list(READERS)):
        for module in READERS:
            __import__(module)
    corpus = log.room / "corpus"
    corpus.mkdir()
    for index, name in enumerate(names):
        (corpus / name).write_bytes(bytes([index]) + SEEDS[name]())

    told = [0.0]

    def one(data: bytes) -> None:
        if data:
            log.attempt(names[data[0] % len(names)], data[1:])
            if time.monotonic() > told[0] + TOLD_S:
                told[0] = time.monotonic()
                print(log.summary(), flush=True)

    def own(data: bytes, largest: int, seed: int) -> bytes:
        """Half of the time spoil as the tests do, which knows words; else as atheris does, which knows coverage."""
        if seed % 2 or len(data) < 2:
            return atheris.Mutate(data, largest)
        return (data[:1] + spoil(data[1:], random.Random(seed)))[:largest]

    options = [sys.argv[0], str(corpus), f"-max_total_time={int(seconds)}", "-verbosity=0", "-max_len=32768"]
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
    if chosen.random:
        log = Log(chosen.crashes)
        at_random(log, names, chosen.seconds)
        return 1 if log.failures or short_of(log.count.total(), names, chosen.seconds) else 0
    if importlib.util.find_spec("atheris") is None:
        print(
            "atheris is not installed (pip install -e '.[fuzz]', on Linux); --random looks without it", file=sys.stderr
        )
        return 2
    if chosen.child:
        guided(Log(chosen.crashes), names, chosen.seconds)
    return watched([*sys.argv[1:], "--child"], names, chosen.seconds)


def watched(arguments: list[str], names: list[str], seconds: float) -> int:
    """Run the guided search in a process of its own and pass on what it finds, and its last count. 1 where something was
    found, where the process did not end as it should, or where it hardly tried."""
    command, count, failed = [sys.executable, "-m", "tests.hostile.fuzz", *arguments], 0, False
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as child:
            assert child.stdout is not None
            last = "0 inputs"
            for line in child.stdout:
                if " inputs: " in line:
                    last, count = line.strip(), int(line.split()[0].replace(",", ""))
                else:
                    failed = True
                    print(line, end="", flush=True)
        if child.returncode:
            failed = True
            said.seek(0)
            print(f"the search ended with exit status {child.returncode}:\n{said.read()[-3000:]}", file=sys.stderr)
    print(last, flush=True)
    return 1 if failed or short_of(count, names, seconds) else 0


def short_of(count: int, names: list[str], seconds: float) -> bool:
    """Whether so few inputs were tried that nothing can be said; it says so."""
    least = int(LEAST * min(len(names), seconds))
    if count < least:
        print(f"only {count} inputs were tried, of at least {least}", file=sys.stderr)
    return count < least


if __name__ == "__main__":
    sys.exit(main())
