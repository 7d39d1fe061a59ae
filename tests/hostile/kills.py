"""An engine that is killed at random moments, a whole program that is, and what was lost each time.

    python -m tests.display python -m tests.hostile.kills [--kills N] [--programs N] [--seed S]     (`make kills`)

At each round: load, trace, compile, step, derive or export begins; a moment later the process gets SIGKILL, aborts or
gets no more memory. The window's side must live on, say so, and after a restart stand at most a second before the last
step it had told. A program that was killed offers its run at the next start, at most a second before what it had shown.
What an export wrote must open after every kill. Exits with 1 where any of this is not so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import psutil

from app.launcher import EngineClient
from core import protocol
from core.experiment import Experiment
from core.protocol import Event, Status, StatusChanged
from core.record.files import read_session
from tests.hostile.program import KEPT

PATIENCE_S = 400.0
LONGEST_POLL_S = 0.1
"""What passes between two polls of a process that is not stopped."""
MOST_LOST_S = 1.0
"""What may be missing after a restart (issue 7, "at most one second before")."""


class Told(NamedTuple):
    """When a step was told, seconds of the watcher's clock and of the fit's own, and which."""

    at: float
    own: float
    step: int


@dataclass
class Watched:
    """A client with what it was told, and when each step was: by a clock that rests while this process is stopped, and by
    the fit's own, which counts what was spent in its steps."""

    client: EngineClient
    events: deque[Event] = field(default_factory=deque)
    told: list[Told] = field(default_factory=list)
    clock: float = 0.0
    exported: int = 0
    _own: float = 0.0
    _seconds: float = 0.0
    _polled: float = field(default_factory=time.monotonic)

    def poll(self) -> None:
        fresh = self.client.poll_events()
        self.client.take_snapshot()
        now = time.monotonic()
        self.clock, self._polled = self.clock + min(now - self._polled, LONGEST_POLL_S), now
        for loaded in (e for e in fresh if isinstance(e, protocol.Loaded)):  # steps beyond it belong to the past
            self.told = [t for t in self.told if loaded.continued and t.step <= loaded.iteration]
        for step in (e for e in fresh if isinstance(e, protocol.Scalars)):
            self._own += max(0.0, step.seconds - self._seconds)  # another engine's begins elsewhere
            self._seconds = step.seconds
            self.told.append(Told(self.clock, self._own, step.iteration))
        self.exported += sum(isinstance(e, protocol.Exported) for e in fresh)
        self.events += fresh

    def until(self, hit: Callable[[Event], bool]) -> Event:
        """The next event that `hit` accepts; what came before it is forgotten. A process that the system had stopped has
        not waited."""
        end, seen = self.clock + PATIENCE_S, []
        while self.clock < end:
            self.poll()
            while self.events:
                seen.append(self.events.popleft())
                if hit(seen[-1]):
                    return seen[-1]
            time.sleep(0.005)
        raise TimeoutError(str(seen[-5:]))

    def for_seconds(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.poll()
            time.sleep(0.005)


def is_status(status: Status) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, StatusChanged) and event.status is status


def begin(moment: str, watched: Watched, experiment: Experiment, folder: Path) -> None:
    """Bring the engine to the beginning of `moment`."""
    send = watched.client.send
    if moment == "load":
        send(protocol.Load(experiment))
        return
    send(protocol.Play())
    watched.until(lambda event: isinstance(event, protocol.Scalars))
    if moment in ("trace", "compile"):
        views = replace(experiment.views, count=experiment.views.count % 6 + 1)
        send(protocol.Load(replace(experiment, views=views), keep_state=True))
        send(protocol.Play())
        if moment == "trace":
            watched.until(is_status(Status.COMPILING))
    elif moment == "derive":
        send(protocol.Derive("pose.translation.x"))
    elif moment == "export":
        send(protocol.Export("all", str(folder)))


MOMENTS = ("load", "trace", "compile", "step", "derive", "export")
DELAY_S = {"trace": 0.2, "load": 1.0}
"""Longest wait from a moment's beginning to the kill; 2 s for the others."""
FINISHED = 0.5
"""Share of the exports that are let finish before the kill: their files must open afterwards."""
ENDINGS = ("SIGKILL", "SIGABRT", "SIGSEGV", "no memory")
SPARE_BYTES = 2 << 20
"""What an engine that is to run out of memory may still take."""


@dataclass(frozen=True)
class Loss:
    """moment, how it ended, seconds and steps between the last step told and where the restarted engine stands; own: the
    seconds by the fit's own clock."""

    moment: str
    ending: str
    seconds: float
    own: float
    steps: int


def one_kill(watched: Watched, experiment: Experiment, draw: random.Random, folder: Path) -> Loss:
    """Kill once and restart. Raises TimeoutError or AssertionError where the promise is broken."""
    moment = draw.choice(MOMENTS)
    begin(moment, watched, experiment, folder)
    if moment == "export" and draw.random() < FINISHED:
        watched.until(lambda event: isinstance(event, protocol.Exported))
    watched.for_seconds(draw.uniform(0.0, DELAY_S.get(moment, 2.0)))
    pid = watched.client.process_id
    assert pid is not None
    ending = draw.choice(ENDINGS)
    end_it(watched, pid, ending)
    said = watched.until(lambda e: isinstance(e, protocol.Message) and e.remedy == "Restart engine")
    assert isinstance(said, protocol.Message)
    assert said.level == "error"
    assert "\n" not in said.text
    watched.poll()
    told = list(watched.told)
    watched.client.restart()
    loaded = watched.until(lambda e: isinstance(e, protocol.Loaded))
    assert isinstance(loaded, protocol.Loaded)
    watched.until(is_status(Status.PAUSED))
    if moment == "load" and not loaded.continued:  # it hit the load, which was to begin anew
        told = []
    return Loss(moment, ending, *missing(told, loaded.iteration if loaded.continued else 0))


def missing(told: Sequence[Told], at: int) -> tuple[float, float, int]:
    """Seconds of stepping by the watcher's clock and by the fit's own, and steps, between step `at` and the last that was
    told. A fit that begins again from nothing stands at 0: all that was told is missing.

    Counted from the first step that is missing, which took as long as those after it. A step that is told again, with its
    metrics, is one step.
    """
    gone = list({one.step: one for one in reversed(told) if one.step > at}.values())[::-1]
    if not gone:
        return 0.0, 0.0, 0
    share = len(gone) / max(1, len(gone) - 1)
    return share * (gone[-1].at - gone[0].at), share * (gone[-1].own - gone[0].own), gone[-1].step - at


def end_it(watched: Watched, pid: int, ending: str) -> None:
    """Signal the process, or take its memory away; one that needs none within a while, or lives with it, is killed."""
    if ending != "no memory":
        os.kill(pid, getattr(signal, ending))
        return
    import resource

    with contextlib.suppress(OSError, IndexError):  # it may be gone
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + SPARE_BYTES
        resource.prlimit(pid, resource.RLIMIT_AS, (most, most))
        watched.for_seconds(3.0)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def program_kill(draw: random.Random, folder: Path, factory: str = "") -> tuple[float, float, int]:
    """Kill the whole program in a run and start it again: what is `missing`. Raises AssertionError."""
    command = [sys.executable, "-m", "tests.hostile.program", str(folder), *(["--factory", factory] if factory else [])]
    told, engine = [], 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        end = time.monotonic() + PATIENCE_S
        for line in program.stdout:
            word, *numbers = line.split()
            if word == "engine":
                engine = int(numbers[0])
            elif not told:
                end = time.monotonic() + draw.uniform(2.0, 5.0)
            if word == "told":
                told.append(Told(float(numbers[1]), float(numbers[2]), int(numbers[0])))
            if time.monotonic() > end:
                break
        program.kill()
    assert told, "the program told nothing"
    deadline = time.monotonic() + 10.0
    while psutil.pid_exists(engine) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(engine), "the engine outlives its program"
    if (folder / KEPT).exists():
        read_session(folder / KEPT, folder / "unpacked")  # old or new, never half
    done = subprocess.run([*command, "--restore"], capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False)
    word, *numbers = (done.stdout.split() or ["nothing"])[-2:]
    assert word == "restored", f"the run was not offered: {done.stdout[-200:]} {done.stderr[-500:]}"
    return missing(told, int(numbers[0]))


def unreadable(folder: Path) -> list[str]:
    """What an export has left in a folder and cannot be opened, and what was being written: a file is old or new."""
    return [path.name for path in sorted(folder.rglob("*")) if path.is_file() and not _opens(path)]


def _opens(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    try:
        _OPENERS[path.suffix](path)
    except Exception:  # whatever a half of it does to its reader
        return False
    return True


def _open_picture(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as picture:
        for frame in range(getattr(picture, "n_frames", 1)):
            picture.seek(frame)
            picture.load()


def _open_arrays(path: Path) -> None:
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        assert all(np.isfinite(arrays[name]).all() for name in arrays.files)
        assert arrays.files


def _open_table(path: Path) -> None:
    header, *rows = path.read_text(encoding="utf-8").split("\n")
    assert rows[-1] == ""  # the last line is whole
    assert all(len([float(word) for word in row.split(",")]) == header.count(",") + 1 for row in rows[:-1])


def _open_mesh(path: Path) -> None:
    from core.io.meshes import load_mesh

    load_mesh(path)


_OPENERS: dict[str, Callable[[Path], object]] = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".csv": _open_table,
    ".npz": _open_arrays,
    ".png": _open_picture,
    ".gif": _open_picture,
    ".ply": _open_mesh,
}
"""Every kind of file that an export of a mesh's fit writes."""


def complaints(lost: Sequence[float], left: Sequence[str]) -> list[str]:
    """Why the promise is broken: seconds that each kill lost, and what could not be opened after it."""
    long = [f"{seconds:.2f} s" for seconds in lost if seconds > MOST_LOST_S]
    found = [f"more than {MOST_LOST_S:g} s lost: {', '.join(long)}"] if long else []
    return found + ([f"half-written: {', '.join(left)}"] if left else [])


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--programs", type=int, default=5, help="kills of the whole program")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    draw = random.Random(chosen.seed)
    losses, left, exports = engine_kills(chosen.kills, draw)
    worst = max((loss.seconds for loss in losses), default=0.0)
    print(
        f"{len(losses)} kills survived; at most {worst:.2f} s lost; {exports} exports finished; "
        f"half-written or not to be opened: {', '.join(left) or 'none'}",
        flush=True,
    )
    gone = []
    for number in range(chosen.programs):
        with tempfile.TemporaryDirectory() as name:
            gone.append(program_kill(draw, Path(name)))
        print(f"program {number + 1}: {gone[-1][2]} steps missing, {gone[-1][0]:.2f} s", flush=True)
    if gone:
        print(f"{len(gone)} programs killed, each run offered again; at most {max(gone)[0]:.2f} s missing")
    found = complaints([*(loss.seconds for loss in losses), *(seconds for seconds, _, _ in gone)], left)
    for complaint in found:
        print(f"error: {complaint}", file=sys.stderr)
    return 1 if found else 0


def engine_kills(kills: int, draw: random.Random) -> tuple[list[Loss], list[str], int]:
    """The losses of that many rounds, what could not be opened afterwards, and how many exports were finished."""
    from core.experiments.files import load_experiment

    lesson = load_experiment(Path(__file__).resolve().parents[2] / "assets" / "lessons" / "02-silhouette.toml")
    experiment = replace(lesson, stop=replace(lesson.stop, steps=10**6))
    losses: list[Loss] = []
    left: list[str] = []
    client = EngineClient()
    client.start()
    watched = Watched(client)
    client.send(protocol.Load(experiment))
    watched.until(is_status(Status.PAUSED))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(kills):
            loss = one_kill(watched, experiment, draw, folder)
            losses.append(loss)
            print(
                f"{number + 1}: {loss.ending} in {loss.moment}: {loss.steps} steps lost, {loss.seconds:.2f} s",
                flush=True,
            )
            left += [f"{name} after kill {number + 1}" for name in unreadable(folder)]
    client.close()
    return losses, left, watched.exported


if __name__ == "__main__":
    sys.exit(main())
