"""Problems of every kind, opened in one engine one after another: what it holds after each, and whether that grows.

    python -m tests.hostile.problems [--problems N] [--out FILE.csv] [--side PIXELS]

The bundled lessons, small, round after round, each round from another seed; two steps of each. The engine forgets compiled
code when it has grown by a bound (core/memory.py): what counts is that a later round needs no more than the one before.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from app.launcher import EngineClient
from app.lessons import bundled_lessons
from core import protocol
from core.experiment import Experiment
from core.experiments.files import load_experiment
from core.protocol import Status
from tests.hostile.gauges import handles, resident_mb, segments, threads
from tests.hostile.kills import Watched, is_status

FIELDS = ("engine_mb", "threads", "handles", "segments")
GROWTH = 0.05
"""Most that memory may grow by from the second round to the last, as a share."""


def small(experiment: Experiment, side: int, seed: int) -> Experiment:
    """The same problem with a single small view."""
    views = replace(experiment.views, width=side, height=side, count=1, held_out=0, batch=0)
    network = replace(experiment.shape.network, width=48, layers=2, warm_steps=20)
    shape = replace(experiment.shape, network=network)
    return replace(experiment, views=views, shape=shape, seed=seed, stages=())


def problems(count: int, side: int) -> Iterator[tuple[int, Experiment]]:
    """(round, problem), so many in all."""
    lessons = [load_experiment(lesson.path) for lesson in bundled_lessons()]
    for number in range(count):
        turn, place = divmod(number, len(lessons))
        yield turn, small(lessons[place], side, turn)


def open_one(watched: Watched, experiment: Experiment) -> dict[str, float] | str:
    """What the engine holds after two steps of it, or why it could not be opened."""
    watched.events.clear()
    watched.client.send(protocol.Load(experiment))
    failed = lambda event: isinstance(event, protocol.Message) and event.level == "error"
    for command, status in ((None, Status.PAUSED), (protocol.Step(2), Status.RUNNING), (None, Status.PAUSED)):
        if command is not None:
            watched.client.send(command)
        event = watched.until(lambda event, wanted=is_status(status): wanted(event) or failed(event))
        if isinstance(event, protocol.Message):
            return event.text
    pid = watched.client.process_id
    assert pid is not None
    return dict(zip(FIELDS, (resident_mb(pid), threads(pid), handles(pid), segments(os.getpid(), pid)), strict=True))


def complaints(rounds: dict[int, list[dict[str, float]]]) -> list[str]:
    """What the last whole round needs more of than the second. rounds: number -> gauges after each of its problems."""
    whole = [n for n, held in rounds.items() if len(held) == len(rounds[0])]
    if len(whole) < 3:
        return ["too few rounds to tell"]
    most = {n: {name: max(held[name] for held in rounds[n]) for name in FIELDS} for n in (whole[1], whole[-1])}
    first, last = most[whole[1]], most[whole[-1]]
    return [
        f"{name} grew from {first[name]:g} to {last[name]:g}"
        for name in FIELDS
        if last[name] > first[name] * (1 + GROWTH if name == "engine_mb" else 1)
    ]


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--problems", type=int, default=60)
    options.add_argument("--side", type=int, default=16)
    options.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "problems.csv")
    chosen = options.parse_args()
    client = EngineClient()
    client.start()
    watched, rounds, failed = Watched(client), {}, []
    with chosen.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("round", "title", *FIELDS))
        for turn, experiment in problems(chosen.problems, chosen.side):
            held = open_one(watched, experiment)
            if isinstance(held, str):
                failed.append(f"{experiment.title}: {held}")
                held = dict.fromkeys(FIELDS, 0.0)
            rounds.setdefault(turn, []).append(held)
            writer.writerow((turn, experiment.title, *(round(held[name], 1) for name in FIELDS)))
            file.flush()
    client.close()
    for turn, held in rounds.items():
        print(f"round {turn}: " + ", ".join(f"{name} at most {max(h[name] for h in held):g}" for name in FIELDS))
    found = complaints(rounds)
    print(f"{chosen.problems} problems opened, {len(failed)} refused {failed[:3]}: {found or 'level'}; {chosen.out}")
    return 1 if found or failed else 0


if __name__ == "__main__":
    sys.exit(main())
