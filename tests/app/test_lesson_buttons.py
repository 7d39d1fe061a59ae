"""Lessons are not read once from top to bottom: a button does what its text says whatever was pressed before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.availability import carry_out
from app.controller import Controller
from app.lessons import Lesson, bundled_lessons
from core import protocol
from core.catalog import entry
from core.experiment import Experiment
from core.experiments.files import load_experiment


def complete(experiment: Experiment) -> Experiment:
    """With the settings that stand at their defaults, too."""
    method, optimizer = experiment.method, experiment.optimizer
    known = {s["name"]: s["default"] for s in entry("methods", method.name)["settings"]}
    own = {s["name"]: s["default"] for s in entry("optimizers", optimizer.name)["settings"]}
    return replace(
        experiment,
        method=replace(method, settings={**known, **method.settings}),
        optimizer=replace(optimizer, settings={**own, **optimizer.settings}),
    )


def after(fake_engine, lesson: Lesson, *commands: str) -> Experiment:
    """The experiment when the lesson was opened and these of its buttons were pressed; no engine is asked."""
    controller = Controller(fake_engine.FakeClient)
    controller.open(load_experiment(lesson.path))
    for command in commands:
        carry_out(command, controller)
    controller.close()
    return complete(controller.experiment)


@pytest.mark.parametrize("lesson", bundled_lessons(), ids=lambda lesson: lesson.name)
def test_a_button_does_the_same_whatever_was_pressed_before(qapp, fake_engine, lesson):
    """One that runs the fit runs the same problem; one that only looks looks through the same method."""
    commands = [command for block in lesson.blocks() for _, command in block.buttons]
    different = []
    for command in commands:
        fresh = after(fake_engine, lesson, command)
        for before in commands:
            found = after(fake_engine, lesson, before, command)
            same = found.method.name == fresh.method.name or not {"method", "setting"} & parts(command)
            if "run" in parts(command):
                mine, its = ((e.method, e.terms, e.lanes, e.optimizer, e.parameters) for e in (found, fresh))
                same = mine == its
            if not same:
                different.append(f"{before} before {command}")
    assert different == []


def test_a_button_loads_what_it_asks_for_once(qapp, fake_engine):
    """The steps between are nobody's wish, and each would compile."""
    client = fake_engine.FakeClient()
    controller = Controller(lambda: client)
    lesson = next(lesson for lesson in bundled_lessons() if lesson.name == "09-vertices")
    controller.open(load_experiment(lesson.path))
    controller.start()
    client.sent.clear()
    carry_out("afresh+large-steps=0+optimizer=adam:0.03+weight=2:5+reset+run", controller)
    assert sum(isinstance(command, protocol.Load) for command in client.sent) == 1
    assert isinstance(client.sent[-1], protocol.Play)
    assert isinstance(client.sent[-2], protocol.Reset)
    carry_out("afresh", controller)
    assert controller.experiment == load_experiment(lesson.path)
    controller.undo()
    assert controller.experiment.optimizer.name == "adam"
    controller.close()


def parts(command: str) -> set[str]:
    """What a button asks for, without the values."""
    return {part.partition("=")[0] for part in command.split("+")}
