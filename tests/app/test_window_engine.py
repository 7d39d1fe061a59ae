"""The window on the real engine in its own process: what a user does from opening a file to closing in mid-compile."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from app.launcher import FACTORY, EngineClient
from core.catalog import ASSETS
from core.experiment import Experiment, ShapeSpec
from core.experiments.files import load_experiment, save_experiment
from core.protocol import Status

pytestmark = pytest.mark.window


def small_lesson() -> Experiment:
    """Lesson 2 with a cube and one small view, without an end."""
    lesson = load_experiment(ASSETS / "lessons" / "02-silhouette.toml")
    views = replace(lesson.views, count=1, held_out=0, width=48, height=48)
    shape = ShapeSpec(primitive="cube", start=lesson.shape.start)
    return replace(lesson, shape=shape, views=views, stop=replace(lesson.stop, steps=10**6))


@pytest.fixture
def stage(qapp: Any, tmp_path: Path) -> Iterator[Any]:
    from tests.hostile.stage import Stage

    qapp.setStyle("Fusion")
    save_experiment(small_lesson(), tmp_path / "small.toml")
    made: Any = Stage(tmp_path, lambda: EngineClient(FACTORY), path=str(tmp_path / "small.toml"))
    yield made
    made.close()


def stands(c: Any) -> Callable[[], bool]:
    return lambda: c.status is Status.PAUSED and c.shown is not None and c.settled


def test_open_run_pause_change_step_reset_be_killed_and_go_on(stage: Any) -> None:
    c = stage.window.controller
    heard: dict[int, tuple[float, float]] = {}  # iteration -> loss, and when the window was told
    c.stepped.connect(lambda batch: heard.update({s.iteration: (s.loss, time.monotonic()) for s in batch}))
    assert stage.wait(stands(c))
    picture = stage.window.panes.panes["render"].picture
    assert stage.wait(lambda: stage.window.panes.panes["disagreement"].array is not None)
    before, drawn = np.array(stage.window.panes.panes["render"].array), picture.grab().toImage()
    c.play()
    assert stage.wait(lambda: c.last is not None and c.last.iteration >= 15)
    c.pause()
    assert stage.wait(
        lambda: stands(c)() and c.shown.iteration == c.last.iteration
    )  # the last picture is a step behind
    stood = c.last.iteration
    assert stood == c.shown.iteration >= 15
    assert list(heard) == list(range(1, stood + 1))  # every step is told
    assert heard[stood][0] < 0.5 * heard[1][0]
    assert np.abs(np.array(stage.window.panes.panes["render"].array) - before).max() > 0.1
    assert picture.grab().toImage() != drawn

    c.edit("method", replace(c.experiment, method=replace(c.experiment.method, name="splat", settings={})))
    c.settle()
    assert stage.wait(lambda: c.loaded.experiment.method.name == "splat" and stands(c)())
    c.step(2)
    assert stage.wait(lambda: c.last.iteration == stood + 2 and stands(c)())
    assert [run.method for run in c.runs.runs] == ["edge-grad", "splat"]

    c.play()
    assert stage.wait(lambda: c.last.iteration >= stood + 10)
    os.kill(c.client.process_id, signal.SIGKILL)
    assert stage.wait(lambda: c.status is Status.DEAD)
    assert [message.remedy for message in stage.messages if message.level == "error"] == ["Restart engine"]
    killed = c.last.iteration
    c.restart()
    assert stage.wait(stands(c))
    assert c.loaded.continued
    assert heard[killed][1] - heard[c.loaded.iteration][1] <= 1.0  # seconds of the fit that are lost

    c.reset()
    assert stage.wait(lambda: c.shown is not None and c.shown.iteration == 0 and stands(c)())
    assert np.abs(stage.window.panes.panes["render"].array - before).mean() < 0.02  # but for the other method's edges


def test_closing_in_mid_compile_ends_the_engine(stage: Any) -> None:
    c = stage.window.controller
    assert stage.wait(stands(c))
    engine = psutil.Process(c.client.process_id)
    views = replace(c.experiment.views, width=52, height=52)  # compiled by nobody before
    c.edit("views", replace(c.experiment, views=views))
    c.settle()
    c.play()
    assert stage.wait(lambda: c.status is Status.COMPILING)
    stage.window.close()
    assert c.closed
    engine.wait(10)
