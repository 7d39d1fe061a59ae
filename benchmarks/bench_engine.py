"""The engine in its process, as the window meets it: starts, first step, pause, cancel, close, lateness, transport.

    python -m benchmarks.bench_engine [--quick]

Prints medians, and for lateness percentiles: how much later than asked a loop wakes that polls the client every
16 ms and does nothing else, in this process, while the engine traces, compiles and steps in its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.launcher import EngineClient
from benchmarks.timing import load
from core import protocol
from core.engine.mailbox import MailboxWriter, Room
from core.experiment import Experiment
from core.experiments.files import load_experiment
from core.protocol import Event, Status, StatusChanged

TICK_S = 0.016
LESSON = Path(__file__).resolve().parents[1] / "assets" / "lessons" / "02-silhouette.toml"


class Consumer:
    """A window's timer without a window: polls every TICK_S and records how late it woke."""

    def __init__(self, client: EngineClient) -> None:
        self.client = client
        self.late_ms: list[float] = []
        self.seen: list[tuple[float, Event]] = []
        self.snapshots = 0
        self.began = time.perf_counter()

    def tick(self) -> list[Event]:
        due = time.perf_counter() + TICK_S
        time.sleep(TICK_S)
        now = time.perf_counter()
        self.late_ms.append(1e3 * (now - due))
        events = self.client.poll_events()
        self.seen += [(now - self.began, event) for event in events]
        self.snapshots += self.client.take_snapshot() is not None
        return events

    def until(self, hit: Callable[[Event], bool], limit_s: float = 120.0) -> float:
        """Seconds until an event that `hit` accepts."""
        start = time.perf_counter()
        while time.perf_counter() - start < limit_s:
            if any(hit(event) for event in self.tick()):
                return time.perf_counter() - start
        raise TimeoutError(str(self.seen[-3:]))

    def until_status(self, status: Status) -> float:
        return self.until(lambda event: isinstance(event, StatusChanged) and event.status is status)

    def for_seconds(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.tick()

    def report(self, what: str) -> None:
        p50, p99 = np.percentile(self.late_ms, [50, 99])
        print(f"  lateness {what:<28} p50 {p50:6.2f}  p99 {p99:6.2f}  max {max(self.late_ms):6.2f} ms", flush=True)
        self.late_ms = []


def is_step(event: Event) -> bool:
    return isinstance(event, protocol.Scalars)


def start(experiment: Experiment) -> tuple[EngineClient, Consumer]:
    client = EngineClient()
    consumer = Consumer(client)
    client.start()
    client.send(protocol.Load(experiment))
    return client, consumer


def first_step(experiment: Experiment, what: str) -> None:
    """From process start to the first step, as a user would see it."""
    client, consumer = start(experiment)
    imported = consumer.until_status(Status.LOADING)
    loaded = imported + consumer.until_status(Status.PAUSED)
    consumer.report(f"import, load ({what})")
    client.send(protocol.Play())
    stepped = loaded + consumer.until(is_step)
    consumer.report(f"trace, compile ({what})")
    client.close()
    print(f"  first step, {what}: imported {imported:.2f} s, picture {loaded:.2f} s, step {stepped:.2f} s", flush=True)


def running(experiment: Experiment, seconds: float) -> None:
    """Lateness, refresh rates and latencies of a fit that runs, without and with derivative images."""
    client, consumer = start(experiment)
    consumer.until_status(Status.PAUSED)
    client.send(protocol.Play())
    consumer.until(is_step)
    for theta in (None, "pose.translation.x"):
        client.send(protocol.Derive(theta))
        consumer.for_seconds(seconds / 2)  # what is new compiles
        consumer.late_ms, consumer.seen, consumer.snapshots = [], [], 0
        consumer.for_seconds(seconds)
        steps = sum(is_step(event) for _, event in consumer.seen)
        images = sum(isinstance(event, protocol.Agreement) for _, event in consumer.seen)
        consumer.report(f"stepping, theta {theta}")
        print(
            f"  {steps / seconds:.1f} steps/s, {consumer.snapshots / seconds:.1f} snapshots/s, "
            f"{images / seconds:.2f} derivative images/s",
            flush=True,
        )
        pauses(client, consumer, 1000 * seconds / max(steps, 1))
    client.close()


def pauses(client: EngineClient, consumer: Consumer, step_ms: float, count: int = 10) -> None:
    """From Pause sent to PAUSED seen, polling fast."""
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        client.send(protocol.Pause())
        while not any(isinstance(event, StatusChanged) for event in client.poll_events()):
            time.sleep(0.0005)
        taken.append(1e3 * (time.perf_counter() - begin))
        consumer.for_seconds(0.1)
        client.send(protocol.Play())
        consumer.until(is_step)
        consumer.for_seconds(0.2)
    print(
        f"  pause: median {statistics.median(taken):.1f} ms, most {max(taken):.1f} ms "
        f"(bound, 20 ms after the running step: {step_ms + 20:.1f} ms)",
        flush=True,
    )


def cancel_and_close(experiment: Experiment) -> None:
    """With an empty cache, so that there is a compile to cancel."""
    client, consumer = start(experiment)
    consumer.until_status(Status.PAUSED)
    client.send(protocol.Play())
    consumer.until_status(Status.COMPILING)
    consumer.for_seconds(0.3)
    client.cancel_compile()
    free = consumer.until_status(Status.STARTING)
    back = free + consumer.until_status(Status.PAUSED)
    client.send(protocol.Play())
    consumer.until_status(Status.COMPILING)
    begin = time.perf_counter()
    client.close()
    closed = time.perf_counter() - begin
    print(f"  cancel: window free after {1e3 * free:.0f} ms, state back after {back:.2f} s", flush=True)
    print(f"  close in mid-compile: {1e3 * closed:.0f} ms", flush=True)


def transport(megabytes: float) -> None:
    """A snapshot's way through shared memory, in one process: what writing and reading cost each side."""
    arrays = {f"image {i}": np.zeros((256, 256, 3), np.float32) for i in range(round(megabytes / 0.75))}
    room = Room.create(int(1.1 * megabytes * (1 << 20)))
    writer = MailboxWriter(Room.attach(room.name))
    anchor, written, read = [], [], []
    for _ in range(30):
        times = [time.perf_counter()]
        copies = [array.copy() for array in arrays.values()]
        times.append(time.perf_counter())
        del copies
        writer.post(None, arrays)
        times.append(time.perf_counter())
        room.read()
        times.append(time.perf_counter())
        for record, (a, b) in zip((anchor, written, read), itertools.pairwise(times)):
            record.append(1e3 * (b - a))
    a, w, r = (statistics.median(record) for record in (anchor, written, read))
    print(f"  {megabytes} MB: write {w:.2f} ms ({w / a:.1f} x a copy), read {r:.2f} ms ({r / a:.1f} x)", flush=True)
    writer.close()
    room.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--quick", action="store_true", help="shorter measurements")
    seconds = 4.0 if options.parse_args().quick else 10.0
    lesson = load_experiment(LESSON)
    experiment = dataclasses.replace(lesson, stop=dataclasses.replace(lesson.stop, steps=10**6))
    print(f"engine: {os.cpu_count()} processors{load()}")
    transport(6.0)
    with tempfile.TemporaryDirectory() as cold:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = cold
        first_step(experiment, "empty cache")
        first_step(experiment, "filled cache")
        running(experiment, seconds)
    with tempfile.TemporaryDirectory() as cold:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = cold
        cancel_and_close(experiment)


if __name__ == "__main__":
    main()
