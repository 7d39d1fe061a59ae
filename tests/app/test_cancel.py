"""A load that is given up, in whichever part of it, leaves no trace: the panels stand where the engine stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.launcher import EngineClient
from core.experiment import Experiment, ShapeSpec
from core.experiments.files import save_experiment
from core.protocol import Status

pytestmark = pytest.mark.window
LONG_S = 300.0


@pytest.fixture(scope="module")
def shared(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A window on an engine process whose session only counts."""
    from tests.hostile.stage import Stage

    qapp.setStyle("Fusion")
    folder = tmp_path_factory.mktemp("cancel")
    save_experiment(Experiment(title="a", shape=ShapeSpec(primitive="cube")), folder / "a.toml")
    client = lambda: EngineClient("tests.fakes.fake_session:FakeSession")
    made: Any = Stage(folder, client, path=str(folder / "a.toml"))
    made.told = []
    made.window.controller.progress_changed.connect(lambda event: event.done or made.told.append(event.task))
    yield made
    made.close()
    assert not made.window.controller.client.is_alive


@pytest.fixture
def stage(shared: Any) -> Any:
    """That window, paused at step 3 of the file a.toml."""
    c = shared.window.controller
    assert shared.wait(lambda: c.shown is not None and c.status is Status.PAUSED)
    shared.window.files.open_path(shared.window.settings.recent[0])
    c.step(3)
    assert shared.wait(lambda: c.shown is not None and c.shown.iteration == 3 and c.status is Status.PAUSED)
    assert shared.wait(lambda: c.settled)
    shared.told.clear()
    shared.messages.clear()
    return shared


def slow(experiment: Experiment, part: str, seconds: float = LONG_S) -> Experiment:
    """The same, but `part` of loading it takes for ever, or `seconds`."""
    return replace(experiment, method=replace(experiment.method, settings={part: seconds}))


def given_up(stage: Any, part: str) -> None:
    """Wait until `part` of a load goes on, cancel it, and wait for the engine that takes over."""
    c, word = stage.window.controller, "reading" if part == "load_s" else "Compiling the first picture"
    assert stage.wait(lambda: word in stage.told, 30)
    before = c.client.process_id
    c.cancel()
    assert stage.wait(lambda: c.client.process_id != before and c.status is Status.PAUSED and not c.loading, 30)


def stands_at(stage: Any, title: str, step: int) -> None:
    """The panels and the engine agree on what is open, and it goes on."""
    c = stage.window.controller
    assert (c.experiment.title, c.loaded.experiment.title, c.loaded.iteration) == (title, title, step)
    c.step(1)
    assert stage.wait(lambda: c.last is not None and c.last.iteration == step + 1)


@pytest.mark.parametrize("part", ["load_s", "first_picture_s"])
def test_cancelling_what_was_opened_goes_back_to_what_was_there(stage: Any, part: str, tmp_path: Path) -> None:
    c = stage.window.controller
    before, frames, path = c.experiment, list(c.replay.frames), stage.window.files.path
    c.open(slow(replace(before, title="b", shape=ShapeSpec(primitive="torus")), part))
    c.origin = (tmp_path / "b.toml", None)
    given_up(stage, part)
    assert c.experiment == before
    assert stage.window.files.path == path  # saving must not write over what was given up
    assert stage.window.panel.shape.source.name.text() == "Cube"
    assert c.replay.frames[: len(frames)] == frames
    assert list(c.runs.runs[0].loss.x) == [1, 2, 3]
    stands_at(stage, "a", 3)
    assert "the last state is back" in " ".join(message.text for message in stage.messages)


def test_cancelling_an_edit_takes_it_back(stage: Any) -> None:
    """Two edits in a row, the second of another problem: the runs and the timeline of before are there again."""
    c = stage.window.controller
    before = c.experiment
    c.edit("method", slow(before, "first_picture_s"))
    c.settle()
    c.edit("shape", replace(c.experiment, shape=ShapeSpec(primitive="torus")))
    c.settle()
    given_up(stage, "first_picture_s")
    assert c.experiment == before
    assert (c.undo_stack.next_undo(), c.undo_stack.next_redo()) == ("", "method")
    assert [len(run.loss) for run in c.runs.runs][:1] == [3]
    stands_at(stage, "a", 3)


def test_cancelling_the_second_of_two_shows_the_first(stage: Any) -> None:
    """Opened while the first was being read: the engine has finished that, so that is where it goes back to."""
    c, first = stage.window.controller, ShapeSpec(primitive="sphere")
    before = c.experiment
    c.open(slow(replace(before, title="b", shape=first), "load_s", 0.3))
    assert stage.wait(lambda: "reading" in stage.told, 30)
    stage.told.clear()
    c.open(slow(replace(before, title="c", shape=ShapeSpec(primitive="torus")), "load_s"))
    given_up(stage, "load_s")
    assert (c.experiment.shape, stage.window.panel.shape.source.name.text()) == (first, "Sphere")
    stands_at(stage, "b", 0)


def test_an_engine_that_died_of_a_load_comes_back_with_its_panels(stage: Any) -> None:
    c = stage.window.controller
    before = c.experiment
    c.open(replace(slow(before, "die_on_load"), title="b"))
    assert stage.wait(lambda: c.status is Status.DEAD)
    c.restart()
    assert stage.wait(lambda: c.status is Status.PAUSED and not c.loading, 30)
    assert c.experiment == before
    stands_at(stage, "a", 3)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_broken_file_opened_after_the_engine_died_loses_nothing(stage: Any, restarted: bool) -> None:
    """On its own, or while the new engine is on its way and the file supersedes the state it was to restore."""
    c = stage.window.controller
    before, frames = c.experiment, len(c.replay.frames)
    c.open(replace(slow(before, "die_on_load"), title="b"))  # which it saves its state before
    assert stage.wait(lambda: c.status is Status.DEAD, 30)
    bad = replace(before, title="c", method=replace(before.method, settings={"bad": True}))
    if restarted:
        c.restart()
    c.open(bad)
    assert stage.wait(lambda: any("it is bad" in message.text for message in stage.messages), 30)
    assert stage.wait(lambda: c.status is Status.PAUSED and not c.loading and c.settled, 30)
    assert c.experiment == before
    assert len(c.replay.frames) >= frames
    assert [len(run.loss) for run in c.runs.runs][:1] == [3]
    stands_at(stage, "a", 3)


def test_what_comes_after_a_load_that_failed_is_followed(stage: Any) -> None:
    """An edit that cannot be built is taken back; another one was on its way already, and the engine takes it."""
    c = stage.window.controller
    before = c.experiment
    bad = {"load_s": 0.7, "bad": True}
    c.edit("method", replace(before, method=replace(before.method, settings=bad)))
    c.settle()
    assert stage.wait(lambda: "reading" in stage.told, 30)
    c.edit("shape", replace(before, title="c", shape=ShapeSpec(primitive="torus")))
    c.settle()
    assert stage.wait(lambda: c.loaded.experiment.title == "c" and c.status is Status.PAUSED, 30)
    assert any("fake.ply: it is bad" in message.text for message in stage.messages)
    assert stage.window.panel.shape.source.name.text() == "Torus"
    stands_at(stage, "c", 0)
    c.open(slow(replace(c.experiment, title="d", shape=ShapeSpec(primitive="sphere")), "load_s"))
    stage.told.clear()
    given_up(stage, "load_s")
    stands_at(stage, "c", 1)
