"""What can be done now, and why the rest cannot: the state of every action, and the hint in the status line."""

from __future__ import annotations

import json
from pathlib import Path

from PyQt6.QtGui import QAction

from app.actions import Actions
from app.controller import Controller
from app.keymap import key_text
from core.experiment import Experiment
from core.protocol import Status

LAB_COMMANDS = ("probe", "wrong-zero", "sweep", "landscape", "gradients", "health", "slice", "pane")
"""What a lesson asks of the lab (app/lab/desk.py)."""


def refresh_actions(a: Actions, c: Controller) -> None:
    """Enable what makes sense, and let each tooltip say why the rest does not."""
    stopped = c.status is Status.DEAD
    wait = (
        "" if c.ready else "The engine has stopped; restart it" if stopped else "The engine has not loaded anything yet"
    )
    a.run.setText("Pause" if c.running else "Run")
    a.explain(a.run, wait)
    a.explain(a.step, wait or ("Pause first" if c.running else ""))
    a.explain(a.reset, wait)
    a.explain(a.cancel, "" if c.cancellable else "Nothing is being compiled or loaded")
    for action in a.exports.values():
        a.explain(action, wait)
    a.explain(a.fork, wait or fork_reason(c))
    a.explain(a.compare, wait)
    a.explain(a.record, wait)
    stored = "" if len(c.replay.frames) > 1 else "The timeline has no steps yet; run the fit first"
    a.explain(a.film, wait or stored)
    a.explain(a.save_session, wait)
    a.compare.setChecked(bool(c.experiment.lanes))
    a.explain(a.export_compare, wait or ("" if c.experiment.lanes else "Switch Compare on first"))
    undo, redo = c.undo_stack.next_undo(), c.undo_stack.next_redo()
    a.undo.setText(f"Undo {undo}" if undo else "Undo")
    a.redo.setText(f"Redo {redo}" if redo else "Redo")
    a.explain(a.undo, "" if undo else "Nothing was changed yet")
    a.explain(a.redo, "" if redo else "Nothing was taken back")
    a.explain(a.live, "" if c.replaying else "The newest step is shown")


def fork_reason(c: Controller) -> str:
    """Why no run can be forked off what is on screen, "" if one can."""
    if not c.replaying or c.frame is None:
        return "Click an earlier step in the timeline first"
    return "" if c.frame.state is not None else "This step was stored without its state; choose one beside it"


def hint(c: Controller, a: Actions) -> str:
    """What may be done next, in a sentence or two; an action without a key is not named."""
    if c.replaying and c.shown is not None:
        begin, live = _press(a.fork, "begins another run here"), _press(a.live, "goes back to the newest")
        return _sentences(f"Step {c.shown.iteration} as it was", ", ".join(part for part in (begin, live) if part))
    if c.status in (Status.PAUSED, Status.EMPTY) and c.ready:
        if c.last is None:
            lesson = _press(a.lesson_text, "shows the lesson's text") if c.origin[1] is not None else ""
            steps = (_press(a.run, "runs"), lesson, _press(a.help, "is help"))
            return _sentences("Paused", ", ".join(part for part in steps if part))
        if c.last.iteration >= c.experiment.stop.steps:
            more = (_press(a.reset, "goes back to the start"), _press(a.step, "takes one step more"))
            return _sentences("Done", ", ".join(part for part in more if part))
        runs = f"the {len(c.experiment.lanes)} runs" if c.experiment.lanes else c.experiment.method.name
        return _sentences("Paused", _press(a.run, f"goes on with {runs}"))
    if c.status is Status.RUNNING:
        return _sentences(_press(a.run, "pauses"), "Sliders take effect while it runs")
    return ""


def _press(action: QAction, does: str) -> str:
    key = key_text(action)
    name = "a full stop" if key == "." else key
    return f"{name} {does}" if key else ""


def _sentences(*parts: str) -> str:
    return " ".join(f"{part[:1].upper()}{part[1:]}." for part in parts if part)


def carry_out(command: str, c: Controller) -> None:
    """A lesson's button; app/lessons.py lists what it can ask for. What it edits is loaded once, before anything that
    needs it is asked for, or at the end. Raises ValueError for anything else."""
    wanted = c.experiment
    for part in command.split("+"):
        name, _, value = part.partition("=")
        edited = _edited(name, value, wanted, c.saved)
        if edited is not None:
            wanted = edited
            continue
        c.edit("lesson's button", wanted)
        c.settle()
        _do(part, name, value, c)
        wanted = c.experiment
    c.edit("lesson's button", wanted)
    c.settle()


def _edited(name: str, value: str, experiment: Experiment, opened: Experiment) -> Experiment | None:
    """The experiment as a part of a button wants it; None where the part is no edit."""
    from app.experiment_panel.adapt import with_method, with_optimizer, with_setting, with_term
    from core.experiments.fitting import within

    first, _, rest = value.partition(":")
    match name:
        case "afresh":
            return opened
        case "method":
            return with_method(experiment, value)
        case "setting":
            return with_setting(experiment, "method", first, json.loads(rest))
        case "optimizer":
            return within(with_optimizer(experiment, first), "optimizer", learning_rate=float(rest))
        case "optimizer-setting":
            return with_setting(experiment, "optimizer", first, json.loads(rest))
        case "large-steps":
            return within(experiment, "parameters", large_steps=float(value))
        case "weight":
            return with_term(experiment, int(first), weight=float(rest))
        case "levels":
            return with_term(experiment, int(first), levels=int(rest))
        case "race":
            return _raced(value, experiment)
    return None


def _do(part: str, name: str, value: str, c: Controller) -> None:
    """A part of a button that is no edit."""
    plain = {"run": c.play, "pause": c.pause, "step": c.step, "reset": c.reset}
    first, _, rest = value.partition(":")
    if name in plain:
        plain[name]()
    elif name == "theta":
        c.set_derive(True)
        c.choose_theta(value)
    elif name == "fd":
        c.set_derive_options(float(first), int(rest or c.supersampling))
    elif name in LAB_COMMANDS:
        c.lab_wanted.emit(part)
    elif name == "view":
        c.look(int(value))
    elif name == "set":
        c.put(first, float(rest))
    else:
        raise ValueError(f"a lesson asks for {part!r}, which no button can do")


def _raced(shape: str, experiment: Experiment) -> Experiment:
    """Compared with another shape: a bundled one, a kind, or a file beside the experiment's own."""
    from core.comparison.lanes import chosen_lanes

    own = experiment.shape.file
    beside = str(Path(own).with_name(shape)) if own is not None and "." in shape else shape
    return chosen_lanes(experiment, [], [beside])
