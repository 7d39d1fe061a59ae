"""An engine that is killed at random moments, and what was lost each time.

    python -m tests.hostile.kills [--kills N] [--seed S]     (`make kills`)

At each round: load, trace, compile, step, derive or export begins; a moment later the process gets SIGKILL, or aborts.
The window's side must live on, say so, and after a restart stand at most a second before the last step it had told.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.launcher import EngineClient
from core import protocol
from core.experiment import Experiment
from core.protocol import Event, Status, StatusChanged

PATIENCE_S = 100.0


@dataclass
class Watched:
    """A client with what it was told, and when each step was."""

    client: EngineClient
    events: deque[Event] = field(default_factory=deque)
    told: list[tuple[float, int]] = field(default_factory=list)

    def poll(self) -> None:
        fresh = self.client.poll_events()
        self.client.take_snapshot()
        now = time.monotonic()
        self.told += [(now, e.iteration) for e in fresh if isinstance(e, protocol.Scalars)]
        self.events += fresh

    def until(self, hit: Callable[[Event], bool]) -> Event:
        """The next event that `hit` accepts; what came before it is forgotten."""
        end, seen = time.monotonic() + PATIENCE_S, []
        while time.monotonic() < end:
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
    if moment == "compile":
        views = replace(experiment.views, count=experiment.views.count % 6 + 1)
        send(protocol.Load(replace(experiment, views=views), keep_state=True))
        send(protocol.Play())
    elif moment == "derive":
        send(protocol.Derive("pose.translation.x"))
    elif moment == "export":
        send(protocol.Export("all", str(folder)))


MOMENTS = ("load", "compile", "step", "derive", "export")


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
    watched.for_seconds(draw.uniform(0.0, 2.0))
    pid = watched.client.process_id
    assert pid is not None
    ending = draw.choice(("SIGKILL", "SIGABRT", "SIGSEGV")) if hasattr(signal, "SIGKILL") else "SIGTERM"
    os.kill(pid, getattr(signal, ending))
    said = watched.until(lambda e: isinstance(e, protocol.Message) and e.level == "error")
    assert isinstance(said, protocol.Message)
    assert "\n" not in said.text
    assert said.remedy == "Restart engine", said
    watched.poll()
    last = watched.told[-1] if watched.told else (time.monotonic(), 0)
    watched.client.restart()
    loaded = watched.until(lambda e: isinstance(e, protocol.Loaded))
    assert isinstance(loaded, protocol.Loaded)
    watched.until(is_status(Status.PAUSED))
    at: Any = next((when for when, step in watched.told if step >= loaded.iteration), last[0])
    lost = max(0, last[1] - loaded.iteration) if loaded.continued else 0
    return Loss(moment, ending, last[0] - at if lost else 0.0, lost)


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--kills", type=int, default=30)
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
    worst = max(loss.seconds for loss in losses)
    print(f"{len(losses)} kills survived; at most {worst:.2f} s lost; half-written files: {left or 'none'}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
