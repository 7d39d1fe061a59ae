"""Who listens to whom: the window's parts, its actions and the controller, joined once when the window is made.

Convention: a connection says nothing of its own; what takes more than one call is a handler of the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.availability import carry_out
from app.widgets import follow

if TYPE_CHECKING:
    from app.window import MainWindow


def connect_engine(w: MainWindow) -> None:
    """What the engine tells, to whoever shows it."""
    c = w.controller
    c.experiment_changed.connect(w.on_experiment)
    c.loaded_changed.connect(w.on_loaded)
    c.status_changed.connect(w.on_status)
    c.stepped.connect(w.on_steps)
    c.snapshot_shown.connect(w.on_snapshot)
    c.frames_changed.connect(w.on_frames)
    c.agreement_changed.connect(w.panes.set_agreement)
    c.message_posted.connect(w.status.show_message)
    c.progress_changed.connect(w.on_progress)
    c.derive_changed.connect(w.on_derive)
    c.view_changed.connect(w.viewport.set_view)
    c.thumbnails.pictured.connect(w.viewport.set_pictures)
    c.undo_changed.connect(w.refresh_actions)


def connect_parts(w: MainWindow) -> None:
    """What a hand does in one part, to the controller or another part."""
    c = w.controller
    w.viewport.view_chosen.connect(c.look)
    w.viewport.maximise_requested.connect(w.on_maximize_viewport)
    w.panes.theta_changed.connect(w.on_theta_picked)
    w.panes.derive_options_changed.connect(c.set_derive_options)
    w.panes.reference_requested.connect(c.derive_again)
    w.panes.channel_chosen.connect(lambda channel: setattr(c.darkroom, "channel", channel))
    w.panes.failed.connect(lambda text: c.say("error", text))
    w.panes.cursor_moved.connect(w.inspector.set_pixel)
    w.panes.pixel_pinned.connect(w.on_pixel_pinned)
    w.timeline.chosen.connect(c.show_frame)
    w.timeline.live_wanted.connect(c.go_live)
    w.curves.expanded.connect(w.docks.expand_curves)
    w.lesson.opened.connect(w.files.open_lesson)
    w.lesson.do.connect(lambda command: carry_out(command, c))
    w.lesson.closed.connect(lambda: w.docks.show_lesson(False))
    w.docks.lesson.visibilityChanged.connect(w.actions_.lesson_text.setChecked)
    w.files.opened.connect(w.on_opened)
    w.panel.save.clicked.connect(w.files.save)
    w.panel.shape.source.choose_file = w.files.choose_shape
    w.panel.target.choose_file = w.files.choose_target
    w.docks.rail.help_wanted.connect(w.help.show_help)
    w.status.cancelled.connect(c.cancel)
    w.status.remedy_chosen.connect(w.on_remedy)
    w.status.details_wanted.connect(w.on_details)


def connect_actions(w: MainWindow) -> None:
    """Menus, keys and buttons, to what they do."""
    a, c = w.actions_, w.controller
    a.run.triggered.connect(lambda: c.pause() if c.running else c.play())
    for action in (a.run, a.step, a.reset):
        action.triggered.connect(w.status.acted)
    for action, do in (
        (a.step, c.step),
        (a.reset, c.reset),
        (a.cancel, c.cancel),
        (a.restart, c.restart),
        (a.open, w.files.open_dialog),
        (a.save, w.files.save),
        (a.save_as, w.files.save_as),
        (a.save_session, w.files.save_session),
        (a.export_script, w.files.save_script),
        (a.record, w.recorder.toggle),
        (a.film, w.recorder.film),
        (a.quit, w.close),
        (a.undo, c.undo),
        (a.redo, c.redo),
        (a.theta, w.panel.parameters.tree.choose_current),
        (a.fit, w.viewport.fit),
        (a.live, c.go_live),
        (a.fork, c.fork),
        (a.export_compare, w.compare.export),
        (a.reset_layout, w.docks.reset),
        (a.help, w.help.show_help),
        (a.shortcuts, w.help.show_shortcuts),
        (a.change_keys, w.help.change_keys),
        (a.about, w.help.show_about),
    ):
        action.triggered.connect(lambda _checked, do=do: do())
    follow(w.timeline.fork, a.fork)
    w.recorder.changed.connect(lambda: a.record.setChecked(w.recorder.recording))
    a.filmed.triggered.connect(lambda action: setattr(w.recorder, "what", action.data()))
    a.derive.toggled.connect(c.set_derive)
    a.compare.triggered.connect(w.compare.toggle)
    a.present.triggered.connect(w.presentation.toggle)
    a.lesson_text.triggered.connect(w.docks.show_lesson)
    for key, action in a.panes.items():
        action.triggered.connect(lambda _, k=key: w.panes.maximise(k))
    for what, action in a.exports.items():
        action.triggered.connect(lambda _, name=what: w.files.export(name))
    for action in a.themes.actions():
        action.setChecked(action.data() == w.settings.theme)
    a.themes.triggered.connect(lambda action: w.choose_theme(action.data()))
