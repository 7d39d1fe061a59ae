"""A session without numerics, for tests of the engine: it counts, sleeps and fails as the experiment's method says.

Settings: step_s, load_s, first_picture_s, compile_s, busy_compile, snapshot_side, fail_at, nonfinite_at, compile_slices, slices, slice_s, die_on_load,
state_bytes (what a checkpoint weighs), stop, staged_at.
"""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from core import protocol
from core.derivatives.questions import Answer, Checked, MeshCheck, Question
from core.engine.ports import Waiting
from core.errors import RimlightError
from core.experiment import Experiment, MethodSpec
from core.record.packing import pack, unpack
from core.record.past import Past, Tell

FACES = np.array([[0, 1, 2]], np.int32)


def experiment(title: str = "fake", **settings: Any) -> Experiment:
    return Experiment(title=title, method=MethodSpec("fake", settings))


class FakeSession:
    def __init__(self, experiment: Experiment, progress: Callable[[str, float | None], None]) -> None:
        self.settings = dict(experiment.method.settings)
        self.experiment = experiment
        self.progress = progress
        self.iteration = 0
        self.value = 0.0
        self.past = Past()
        self.compiled = False
        self.calls: list[str] = []
        self.include_topology: list[bool] = []
        if "load_s" in self.settings:
            progress("reading", None)
            time.sleep(self.settings["load_s"])
        if self.settings.get("die_on_load"):
            sys.stdout.flush()
            import os

            os._exit(3)
        if self.settings.get("bad"):
            raise RimlightError("fake.ply: it is bad; take another", details="where it is bad")

    def loaded(self) -> protocol.Loaded:
        return protocol.Loaded(self.experiment, {"modules": set(sys.modules)}, (), ())

    def compile_text(self) -> str:
        return "fake for 1 view"

    def needs_compile(self) -> bool:
        return not self.compiled

    def compile(self) -> None:
        self.calls.append("compile")
        seconds = self.settings.get("compile_s", 0.0)
        if self.settings.get("busy_compile"):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pass
        else:
            time.sleep(seconds)
        self.compiled = True

    def step(self) -> protocol.Scalars:
        if self.iteration + 1 == self.settings.get("nonfinite_at"):
            raise RimlightError("pose.rotation is not finite in view 2 at iteration 3; lower the learning rate")
        if self.iteration + 1 == self.settings.get("fail_at"):
            raise ZeroDivisionError("division by zero\nin two lines")
        time.sleep(self.settings.get("step_s", 0.0))
        self.iteration += 1
        self.past.append(1.0 / self.iteration, (1.0 / self.iteration,))
        # A clock that no other program can hold up: what this thread has worked, and what it was to sleep.
        own = time.thread_time() + self.iteration * self.settings.get("step_s", 0.0)
        return protocol.Scalars(self.iteration, 1.0 / self.iteration, seconds=own)

    def staged(self) -> protocol.Staged | None:
        if self.iteration != self.settings.get("staged_at") or "staged" in self.calls:
            return None
        self.calls.append("staged")
        return protocol.Staged(self.iteration - 1, "stage 1 of 1: fake", {"summary": "fake"}, (), ())

    def finished(self) -> str | None:
        return "stopped" if self.iteration >= self.settings.get("stop", 10**9) else None

    def reset(self) -> None:
        self.iteration, self.value, self.past = 0, 0.0, Past()

    def set_value(self, path: str, value: Any) -> None:
        if path == "method.unknown":
            raise RimlightError("method.unknown: no such setting; allowed: value")
        self.calls.append(path)
        self.value = value

    def snapshot(self, view: int, *, include_topology: bool = True) -> protocol.Snapshot:
        if not self.include_topology:
            time.sleep(self.settings.get("first_picture_s", 0.0))
        self.include_topology.append(include_topology)
        side = self.settings.get("snapshot_side", 4)
        arrays = {"render": np.full((side, side, 3), self.iteration, np.float32)}
        if include_topology:
            arrays["faces"] = FACES
        return protocol.Snapshot(
            self.iteration, view, arrays, dict.fromkeys(arrays, self.iteration), {"value": self.value}
        )

    def derive_begin(
        self, request: protocol.Derive, view: int
    ) -> Iterator[tuple[dict[str, np.ndarray], protocol.Agreement | None] | Waiting | None]:
        iteration = self.iteration
        self.calls.append("derive")
        for _ in range(self.settings.get("compile_slices", 0)):
            yield Waiting.COMPILING
        for _ in range(self.settings.get("slices", 3)):
            time.sleep(self.settings.get("slice_s", 0.0))
            yield None
        if request.theta == "broken":
            raise ValueError("no such theta")
        yield {"derivative": np.full((2, 2, 1), iteration, np.float32)}, None
        yield (
            {"reference": np.zeros((2, 2, 1), np.float32)},
            protocol.Agreement(iteration, "fake", str(request.theta), view, 0.1, 0.9, 0.1, 0.1, 0.25, 4, 1.0, 2.0),
        )

    def answer(self, question: Question) -> Iterator[Answer | Waiting | None]:
        self.calls.append(f"answer {type(question).__name__}")
        for _ in range(self.settings.get("slices", 3)):
            time.sleep(self.settings.get("slice_s", 0.0))
            yield None
        if getattr(question, "theta", None) == "broken":
            raise RimlightError("parameter 'broken' does not exist")
        yield Checked(MeshCheck(), self.iteration, (), {}, {})

    def metrics(self) -> dict[str, float]:
        return {"iou": 0.5}

    def export(self, what: str, path: str) -> None:
        self.calls.append(f"export {what}")

    def replace(self, experiment: Experiment) -> FakeSession:
        new = FakeSession(experiment, self.progress)
        new.iteration, new.value = self.iteration, self.value
        return new

    def state_bytes(self, tell: Tell | None = None) -> bytes:
        losses, terms, told = self.past.kept(tell)
        weight = np.zeros(self.settings.get("state_bytes", 0), np.uint8)
        facts = {"iteration": self.iteration, "value": self.value, **({"past": told} if told else {})}
        return pack(facts, {"losses": losses, "terms": terms, "weight": weight})

    def restore_state(self, data: bytes) -> None:
        facts, arrays = unpack(data)
        self.iteration, self.value = facts["iteration"], facts["value"]
        self.past = Past(*(array("d", arrays[name].tobytes()) for name in ("losses", "terms")))
