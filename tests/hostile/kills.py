"""An engine that is killed at random moments, a whole program that is, and what was lost each time.

    python -m tests.display python -m tests.hostile.kills [--kills N] [--programs N] [--seed S]     (`make kills`)

At each round: load, trace, compile, step, derive or export begins; a moment later the process gets SIGKILL, aborts or
gets no more memory. The window's side must live on, say so, and after a restart stand at most a second before the last
step it had told. A program that was killed offers its run at the next start, at most a second before what it had shown.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

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


@dataclass
class Watched:
    """A client with what it was told, and when each step was, by a clock that rests while this process is stopped."""

    client: EngineClient
    events: deque[Event] = field(default_factory=deque)
    told: list[tuple[float, int]] = field(default_factory=list)
    clock: float = 0.0
    _polled: float = field(default_factory=time.monotonic)

    def poll(self) -> None:
        fresh = self.client.poll_events()
        self.client.take_snapshot()
        now = time.monotonic()
        self.clock, self._polled = self.clock + min(now - self._polled, LONGEST_POLL_S), now
        for loaded in (e for e in fresh if isinstance(e, protocol.Loaded)):  # steps beyond it belong to the past
            self.told = [t for t in self.told if loaded.continued and t[1] <= loaded.iteration]
        self.told += [(self.clock, e.iteration) for e in fresh if isinstance(e, protocol.Scalars)]
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
ENDINGS = ("SIGKILL", "SIGABRT", "SIGSEGV", "no memory")
SPARE_BYTES = 2 << 20
"""What an engine that is to run out of memory may still take."""


@dataclass(frozen=True)
class Loss:
    """moment, how it ended, seconds and steps between the last step told and where the restarted engine stands."""

    moment: str
    ending: str
    seconds: float
    steps: int


def one_kill(watched: Watched, experiment: Experiment, draw: random.Random, folder: Path) -> Loss:
    """Kill once and restart. Raises TimeoutError or AssertionError where the promise is broken."""
    moment = draw.choice(MOMENTS)
    begin(moment, watched, experiment, folder)
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
    return Loss(moment, ending, *missing(told, loaded.iteration if loaded.continued else None))


def missing(told: list[tuple[float, int]], at: int | None) -> tuple[float, int]:
    """Seconds of stepping, and steps, between step `at` and the last that was told; None: the fit was to start anew.

    Counted from the first step that is missing, which took as long as those after it.
    """
    gone = [] if at is None else [(when, step) for when, step in told if step > at]
    if not gone:
        return 0.0, 0
    span = gone[-1][0] - gone[0][0]
    return span * (len(gone) / max(1, len(gone) - 1)), gone[-1][1] - (at or 0)


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


def program_kill(draw: random.Random, folder: Path, factory: str = "") -> tuple[float, int]:
    """Kill the whole program in a run and start it again: seconds and steps that are missing. Raises AssertionError."""
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
                told.append((float(numbers[1]), int(numbers[0])))
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


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--programs", type=int, default=5, help="kills of the whole program")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    from core.experiments.files import load_experiment

    lesson = load_experiment(Path(__file__).resolve().parents[2] / "assets" / "lessons" / "02-silhouette.toml")
    experiment = replace(lesson, stop=replace(lesson.stop, steps=10**6))
    draw, losses = random.Random(chosen.seed), []
    client = EngineClient()
    client.start()
    watched = Watched(client)
    client.send(protocol.Load(experiment))
    watched.until(is_status(Status.PAUSED))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(chosen.kills):
            loss = one_kill(watched, experiment, draw, Path(folder))
            losses.append(loss)
            print(
                f"{number + 1}: {loss.ending} in {loss.moment}: {loss.steps} steps lost, {loss.seconds:.2f} s",
                flush=True,
            )
        left = [path.name for path in Path(folder).rglob(".*")]
    client.close()
    worst = max((loss.seconds for loss in losses), default=0.0)
    print(f"{len(losses)} kills survived; at most {worst:.2f} s lost; half-written files: {left or 'none'}", flush=True)
    gone = []
    for number in range(chosen.programs):
        with tempfile.TemporaryDirectory() as name:
            gone.append(program_kill(draw, Path(name)))
        print(f"program {number + 1}: {gone[-1][1]} steps missing, {gone[-1][0]:.2f} s", flush=True)
    if gone:
        print(f"{len(gone)} programs killed, each run offered again; at most {max(gone)[0]:.2f} s missing")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
