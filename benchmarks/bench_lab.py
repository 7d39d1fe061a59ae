"""The lab as the window meets it: a pixel's parameters and a parameter's pixels, through the engine's process.

    python -m benchmarks.bench_lab [--quick] [--lesson 02-silhouette ...]

Milliseconds from sending the question to having the answer, warm, paused: least and median of 20. The window polls
every 2 ms here instead of 16, so a screen's refresh comes on top.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from app.launcher import EngineClient
from benchmarks.timing import load
from core import protocol
from core.derivatives.questions import Probe, Probed
from core.experiments.files import load_experiment

LESSONS = Path(__file__).resolve().parents[1] / "assets" / "lessons"
PIXELS = ((0.5, 0.5), (0.42, 0.4), (0.6, 0.55), (0.5, 0.35), (0.55, 0.65))
"""Where pixels are probed, as shares of width and height."""


class Window:
    """The engine's other end: events and the newest snapshot."""

    def __init__(self, client: EngineClient) -> None:
        self.client = client
        self.snapshot: protocol.Snapshot | None = None

    def until(self, hit: Callable[[list[protocol.Event]], object], limit_s: float = 240.0) -> float:
        """Milliseconds until `hit` of the events of a poll is true."""
        start = time.perf_counter()
        while time.perf_counter() - start < limit_s:
            events = self.client.poll_events()
            self.snapshot = self.client.take_snapshot() or self.snapshot
            if hit(events):
                return 1e3 * (time.perf_counter() - start)
            time.sleep(0.002)
        raise TimeoutError("the engine did not answer")

    def probe(self, question: Probe) -> tuple[float, Probed]:
        answers: list[Probed] = []
        self.client.send(question)
        spent = self.until(lambda events: answers.extend(e for e in events if isinstance(e, Probed)) or answers)
        return spent, answers[-1]

    def derive(self, theta: str) -> float:
        self.client.send(protocol.Derive(theta, reference=False))
        return self.until(
            lambda _: (
                self.snapshot is not None and self.snapshot.theta == theta and "derivative" in self.snapshot.arrays
            )
        )


def measure(name: str, rounds: int) -> None:
    experiment = load_experiment(LESSONS / f"{name}.toml")
    client = EngineClient()
    window = Window(client)
    try:
        client.start()
        client.send(protocol.Load(experiment))
        window.until(lambda events: any(isinstance(e, protocol.Loaded) for e in events))
        window.until(lambda _: window.snapshot is not None)
        client.send(protocol.Derive(None))
        width, height = experiment.views.width, experiment.views.height
        pixels = [(int(x * width), int(y * height)) for x, y in PIXELS]
        theta = experiment.derive.parameter
        thetas: list[str] = []
        for pixel in pixels:  # the first of each compiles
            _, probed = window.probe(Probe(0, pixel, theta=theta))
            thetas += [mover.theta for mover in probed.movers[:2]]
        rows = [window.probe(Probe(0, pixels[i % len(pixels)], theta=theta))[0] for i in range(rounds)]
        print(
            f"{name:<18} pixel -> parameters   least {min(rows):6.1f}  median {statistics.median(rows):6.1f} ms",
            flush=True,
        )
        if len(set(thetas)) > 1:
            thetas = list(dict.fromkeys(thetas))
            window.derive(thetas[0])
            order = [thetas[0] if i % 2 else thetas[1 + i // 2 % (len(thetas) - 1)] for i in range(rounds)]
            columns = [window.derive(each) for each in order]
            text = f"least {min(columns):6.1f}  median {statistics.median(columns):6.1f} ms"
            print(f"{name:<18} parameter -> pixels   {text}", flush=True)
    finally:
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_lab", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, one lesson")
    parser.add_argument("--lesson", nargs="+", metavar="NAME", help="only these")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores{load()}", flush=True)
    names = options.lesson or sorted(path.stem for path in LESSONS.glob("*.toml"))
    for name in names[:1] if options.quick else names:
        measure(name, 5 if options.quick else 20)


if __name__ == "__main__":
    main()
