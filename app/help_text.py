"""The text of the help window and of the shortcut sheet, made from the catalog and the window's actions."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from app.actions import Actions
from app.keymap import key_text
from core.catalog import entries

TOUR = (
    (
        "Look",
        "The window opens on a lesson, paused. The viewport shows the shape where it starts and, as a ghost, where it "
        "should be; the pyramids are the cameras. Drag to turn, with the right button to pan, wheel to zoom, F to fit; with "
        "Ctrl the object moves (right button: turns) instead.",
    ),
    (
        "Run",
        "Press Space. The loss falls, the shape moves onto its ghost, and every picture follows. Space pauses; a full "
        "stop takes one step; R goes back to the start. Nothing you can see waits for the fit.",
    ),
    (
        "See the derivative",
        "Panes 4 to 6 show how each pixel changes with one parameter θ: by the method, by finite differences of a "
        "supersampled render, and what is left between them. Click θ beside any row of the parameter tree to choose "
        "another. Blue is negative, orange positive, and empty is zero.",
    ),
    (
        "Change the method",
        "Choose another one in the Experiment panel. The fit goes on from where it is; the curve before stays, thinner. "
        "Sliders take effect at once, while the fit runs; choices that change the program compile for a moment.",
    ),
    (
        "Ask a pixel",
        "Move over an image: the Inspector shows this pixel in all of them, and why its derivative is zero where it is. "
        "A click keeps the pixel.",
    ),
    (
        "Go back",
        "The timeline keeps the fit's past. Click a picture, and viewport and panes show that step; L goes back to now. "
        "Fork here begins another run at the step on screen; the first one stays, and its rail is drawn below.",
    ),
    (
        "Compare",
        "Press C. The method races against two others from the same start: their pictures share zoom, cursor and range, "
        "their curves one plot, their numbers one table. A card's menu changes its method, shape, optimizer, settings or "
        "rate, and adds a repeat, which says which differences are noise. The rimlight compare command does the same.",
    ),
    (
        "Keep and show",
        "Save session writes the experiment, its data, its runs and their steps into one file that opens anywhere. Record "
        "makes a video while the fit goes on; Export has the rest, down to a Python script. F5 is for lecture rooms. A "
        "program that was killed offers its last run when it is opened again.",
    ),
    (
        "Bring your own",
        "Drop a mesh, a grid, a picture or an experiment on the window, or a shape and its target together. Save writes "
        "the experiment as a TOML file that gives the same numbers again, here and with rimlight fit (on a graphics card, "
        "to rounding).",
    ),
    (
        "Sculpt",
        "Click a vertex, or a place on a grid's surface, to derive by it; drag it, and the fit goes on from there. What a "
        "hand changed is kept with the run: Export, Python script does it again, step by step.",
    ),
    (
        "Fit a network",
        "Under Shape, Network puts the weights of a distance network in place of triangles or a grid. For two cores: width "
        "64, 4 layers, 4 levels, pictures of 64 x 64, one view and 1,024 random pixels a step, and beside a radiance network "
        "a rate of distances of 0.02; python -m benchmarks.bench_spot fits spot so in minutes, without masks. The papers' "
        "own is width 256, 8 layers, 6 levels and a radiance network, the warp with k = 7 to 14: give that to a graphics "
        "card (pip install '.[cuda]', which the engine then uses, as its words at the top right say), where larger pictures and more pixels a step fit too.",
    ),
    ("Your keys", "Change shortcuts, in the Help menu, gives any action another key, or its own back."),
)


def help_html() -> str:
    """Everything, as rich text."""
    parts = ["<h2>A tour of five minutes</h2>"]
    parts += [f"<p><b>{escape(title)}.</b> {escape(text)}</p>" for title, text in TOUR]
    parts.append("<h2>Images</h2>")
    parts.append(_definitions(entries("heatmaps")))
    parts.append("<h2>Gradient methods</h2>")
    for method in entries("methods"):
        lines = [method["summary"], method["cannot"], method["paper"]]
        parts.append(f"<h3>{escape(method['title'])} <code>{escape(method['name'])}</code></h3>")
        parts += [f"<p>{escape(line)}</p>" for line in lines if line]
        parts.append(_definitions(method["settings"]))
    parts.append("<h2>Losses</h2>")
    parts.append(_definitions(entries("losses")))
    parts.append("<h2>Optimizers</h2>")
    for optimizer in entries("optimizers"):
        parts.append(f"<h3>{escape(optimizer['title'])}</h3><p>{escape(optimizer['help'])}</p>")
        parts.append(_definitions(optimizer["settings"]))
    return "\n".join(parts)


def _definitions(items: Sequence[Any]) -> str:
    rows = "".join(
        f"<tr><td style='padding: 2px 14px 2px 0'><b>{escape(_capital(item['title']))}</b></td>"
        f"<td style='padding: 2px 0'>{escape(item['help'])}</td></tr>"
        for item in items
    )
    return f"<table>{rows}</table>" if rows else ""


def _capital(title: str) -> str:
    """A title with a capital, but dI/dθ as it is."""
    return title.capitalize() if title.islower() else title


def shortcuts_html(actions: Actions) -> str:
    """All keys as they are now, as rich text."""
    panes = list(actions.panes.values())
    rows = [(key, actions.tip(a)) for a in actions.all if a not in panes and (key := key_text(a))]
    keys = [key for pane in panes if (key := key_text(pane))]
    if keys:
        rows.append((" ".join(keys), "Show one image alone, or all again"))
    rows.append(("Left, Right", "In the timeline: the step before, the next. In the views: the view before, the next"))
    rows.append(("Return", "Press the focused button, tick the tree's current row"))
    rows.append(("Tab", "To the next control"))
    cells = "".join(
        f"<tr><td style='padding: 3px 22px 3px 0'><b>{escape(key)}</b></td>"
        f"<td style='padding: 3px 0'>{escape(tip)}</td></tr>"
        for key, tip in rows
    )
    return f"<table>{cells}</table>"
