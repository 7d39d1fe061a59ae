"""A scripted engine for the window's tests: it answers commands at once with a small painted scene, no JAX.

A sphere moves from where the experiment starts to the origin as steps go by. Convention: `poll_events` is the clock;
while it runs every call takes one step.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np

from core import protocol
from core.experiment import Experiment
from core.experiments.rules import parameter_names
from core.protocol import Command, Event, Loaded, ParameterInfo, Scalars, Snapshot, Status, StatusChanged, ViewInfo
from core.record.packing import pack, unpack
from core.record.stored_state import Checkpoint, StoredState, stored
from tests.fakes.fake_answers import fake_answer

SIDE = 48


def paint(x: float) -> tuple[np.ndarray, np.ndarray]:
    """A shaded disc at (x, 0) in [-1, 1]: image [SIDE, SIDE, 3] linear, face id (SIDE, SIDE)."""
    grid = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    u, v = np.meshgrid(grid - x, grid)
    r2 = (u**2 + v**2) / 0.36
    z = np.sqrt(np.clip(1 - r2, 0, 1))
    shade = 0.2 + 0.8 * np.clip(0.3 * u / 0.6 - 0.6 * v / 0.6 + 0.75 * z, 0, 1)
    inside = r2 < 1
    image = np.where(inside[..., None], shade[..., None] * np.array([0.7, 0.5, 0.4]), np.array([0.06, 0.07, 0.085]))
    face_id = np.where(inside, (np.arange(SIDE * SIDE) % 100).reshape(SIDE, SIDE), -1).astype(np.int32)
    return image.astype(np.float32), face_id


def tetrahedron() -> tuple[np.ndarray, np.ndarray]:
    vertices = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]], np.float32) / np.float32(np.sqrt(3))
    return vertices, np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]], np.int32)


class FakeClient:
    """Records what it was sent in `sent`; post anything more by appending to `events`."""

    def __init__(self, *, compile_polls: int = 0) -> None:
        """compile_polls: how many polls a compile takes before the first step of a load."""
        self.sent: list[Command] = []
        self.events: list[Event] = []
        self.calls: list[str] = []
        self.experiment = Experiment()
        self.iteration, self.generation, self.left = 0, 0, 0
        self.running = self.dirty = False
        self.answers = True
        """Whether questions are answered."""
        self.view, self.theta = 0, None
        self._kept: tuple | None = None
        self._stored: StoredState | None = None
        self._compile_polls, self._compiling, self._compiled = compile_polls, 0, False

    # the client's interface -----------------------------------------------------------------------------

    def start(self) -> None:
        self.calls.append("start")
        self.events.append(StatusChanged(Status.EMPTY))

    def send(self, command: Command) -> None:
        self.sent.append(command)
        match command:
            case protocol.Load(experiment, keep_state):
                self._load(experiment, keep_state)
            case protocol.Play():
                self._run(10**9)
            case protocol.Step(count):
                self._run(count)
            case protocol.Pause():
                self._pause()
            case protocol.Reset():
                self._pause()
                self.iteration, self.dirty = 0, True
            case protocol.Look(view):
                self.view, self.dirty = view, True
            case protocol.Derive():
                self.theta, self.dirty = command.theta, True
            case protocol.Restore(experiment, state, iteration):
                self._load(experiment, True, unpack(state)[0]["iteration"])
            case protocol.Fork(state, iteration):
                self.iteration, self.left, self.dirty = unpack(state)[0]["iteration"], 0, True
                assert self.iteration == iteration
                self.generation += 1
                self.events += [StatusChanged(Status.PAUSED), self.loaded(True)]
            case protocol.Export(what, path):
                self.events.append(protocol.Exported(what, path))
        answer = fake_answer(command, self.iteration) if self.answers else None
        if answer is not None:
            self.events.append(answer)

    def poll_events(self) -> list[Event]:
        if self._compiling:
            self._compiling -= 1
            if not self._compiling:
                self._compiled = True
                self.events.append(StatusChanged(Status.RUNNING))
        elif self.left > 0:
            self._step()
        events, self.events = self.events, []
        return events

    def take_snapshot(self) -> Snapshot | None:
        if not self.dirty or self.generation == 0:
            return None
        self.dirty = False
        return self.snapshot()

    def next_checkpoint(self, seconds: float) -> Checkpoint | None:
        """Called by a thread of the window's."""
        end = time.monotonic() + seconds
        while not self.calls.count("close") and time.monotonic() < end:
            stand = self.experiment, self.generation, self.iteration
            if self.generation and stand != self._kept:
                self._kept = stand
                self._stored = stored(np.frombuffer(self._state(), np.uint8), self._stored)
                return Checkpoint(self.experiment, self.iteration, self._stored)
            time.sleep(0.01)
        return None

    def cancel_compile(self) -> None:
        self.calls.append("cancel")
        self._compiling = 0
        self._pause()
        self.events.append(protocol.Message("info", "Compiling was cancelled; the last state is back"))

    def restart(self) -> None:
        self.calls.append("restart")

    def close(self) -> None:
        self.calls.append("close")

    # what it does -----------------------------------------------------------------------------------------

    def _load(self, experiment: Experiment, keep_state: bool, iteration: int | None = None) -> None:
        if Path(experiment.shape.file or "").stem == "broken":
            self.events += [
                StatusChanged(Status.LOADING, experiment.title),
                StatusChanged(Status.PAUSED if self.generation else Status.EMPTY),
                protocol.Message("error", "broken.ply: mesh has no faces; export it again", "Traceback …", "Retry"),
            ]
            return
        self.experiment, self._compiled = experiment, self._compile_polls == 0
        self.generation += 1
        self.iteration = (self.iteration if keep_state else 0) if iteration is None else iteration
        self.left, self.dirty = 0, True
        self.events += [
            StatusChanged(Status.LOADING, experiment.title),
            self.loaded(keep_state),
            StatusChanged(Status.PAUSED),
        ]

    def _run(self, count: int) -> None:
        self.left = count
        if not self._compiled:
            self._compiling = self._compile_polls
            self.events.append(StatusChanged(Status.COMPILING, f"{self.experiment.method.name} for 4 views"))
        else:
            self.events.append(StatusChanged(Status.RUNNING))

    def _pause(self) -> None:
        self.left = 0
        self.events.append(StatusChanged(Status.PAUSED))

    def offset(self) -> float:
        return 0.4 * 0.9**self.iteration

    def place(self, lane: int, ago: int = 0) -> tuple[float, ...]:
        """Translation and rotation vector of a run, some steps ago."""
        at = self.iteration - ago
        return ((1 + lane) * 0.4 * 0.9**at, 0.0, 0.0, 0.0, -12.5 - (at if self.experiment.lanes else 0), 0.0)

    def _step(self) -> None:
        self.iteration += 1
        self.left -= 1
        self.dirty = True
        self.events.append(self.scalars())
        if self.left == 0:
            self._pause()

    def scalars(self) -> Scalars:
        own = Scalars(self.iteration, self.offset() ** 2, steps_per_second=40.0, seconds=0.1 * self.iteration)
        pose = {"rotation_error_degrees": 10 * self.offset()}
        lanes = tuple(
            replace(own, loss=own.loss * (i + 1), metrics=pose, places=(self.place(i, 1), self.place(i)))
            for i in range(len(self.experiment.lanes))
        )
        return Scalars(
            self.iteration,
            self.offset() ** 2,
            lanes=lanes,
            metrics={"translation_error": self.offset(), "rotation_error_degrees": 10 * self.offset(), "iou": 0.8},
            gradients={"pose.translation": 0.5, "pose.translation.x": -0.5 * self.offset()},
            steps_per_second=40.0,
        )

    def _state(self) -> bytes:
        losses = np.array([(0.4 * 0.9**i) ** 2 for i in range(1, self.iteration + 1)])
        return pack({"iteration": self.iteration}, {"losses": losses, "terms": losses[:, None]})

    def loaded(self, continued: bool) -> Loaded:
        vertices, faces = tetrahedron()
        names = parameter_names(self.experiment.shape)
        free = self.experiment.parameters.free
        infos = tuple(ParameterInfo(n, n, max(1, len(c)), c, free=n in free) for n, c in names.items())
        camera = np.eye(4)
        camera[2, 3] = -3.2
        picture = np.full((32, 32, 3), 90, np.uint8)
        views = tuple(ViewInfo(f"view {i}", camera, 0.7, SIDE, SIDE, False, picture) for i in range(4))
        facts = {"summary": "4 triangles, 4 vertices"}
        return Loaded(
            self.experiment, facts, infos, views, vertices, faces, (), self.generation, self.iteration, continued
        )

    def snapshot(self) -> Snapshot:
        vertices, faces = tetrahedron()
        target, _ = paint(0.0)
        render, face_id = paint(self.offset())
        before, _ = paint(self.offset() - 0.01)
        reference = (render - before) / np.float32(0.01)
        inside = (face_id >= 0)[..., None]
        arrays: dict[str, np.ndarray] = {
            "vertices": vertices,
            "faces": faces,
            "model": np.eye(4, dtype=np.float32),
            "target": target,
            "render": render,
            "difference": render - target,
            "loss_gradient": 2 * (render - target),
            "face_id": face_id,
            "vertex_gradient": np.array([0.1, 0.2, 0.3, 0.4], np.float32),
            "arrow_vertices": np.array([3, 2, 1, 0], np.int32),
            "arrows": np.array([[0.4, 0, 0], [0, 0.3, 0], [0, 0, 0.2], [0.1, 0, 0]], np.float32),
            "depth": np.where(face_id >= 0, 2.6, 0).astype(np.float32),
            "state": np.frombuffer(self._state(), np.uint8),
        }
        if self.theta is not None:
            derivative = reference * (inside if self.experiment.method.name == "naive" else 1.0)
            arrays |= {"derivative": derivative.astype(np.float32), "reference": reference}
            arrays["disagreement"] = arrays["derivative"] - reference
        for lane in range(1, len(self.experiment.lanes)):
            images = ("render", "difference", "derivative", "disagreement")
            arrays |= {f"{lane}/{name}": arrays[name] * np.float32(1 - 0.2 * lane) for name in images if name in arrays}
        values: dict = {"pose.scale": 1.0}
        for lane in range(max(1, len(self.experiment.lanes))):
            place, head = self.place(lane), f"{lane}/" if lane else ""
            values |= {f"{head}pose.translation": [*place[:3]], f"{head}pose.rotation": [*place[3:]]}
        return Snapshot(
            self.iteration,
            self.view,
            arrays,
            dict.fromkeys(arrays, self.iteration),
            values,
            theta=self.theta,
            generation=self.generation,
        )

    def fail(self, text: str) -> None:
        """An error as the engine posts it: the fit pauses."""
        self._pause()
        self.events.append(protocol.Message("error", text, "Traceback …"))

    def loads(self) -> list[protocol.Load]:
        return [c for c in self.sent if isinstance(c, protocol.Load)]


def replace(record, **changes: object):  # type: ignore[no-untyped-def]
    return dataclasses.replace(record, **changes)  # type: ignore[arg-type]
