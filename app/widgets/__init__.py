"""The small widgets everything in the window is built of."""

from app.widgets.basics import (
    SHORTER,
    Elided,
    Item,
    Themed,
    clear,
    current_theme,
    frame,
    hbox,
    hint,
    label,
    restyle,
    rule,
    set_current_theme,
    set_tone,
    vbox,
)
from app.widgets.buttons import IconButton, Segment, follow, mini
from app.widgets.flow import Flow
from app.widgets.heads import Head, Section
from app.widgets.painted import Bar, Dot, Glyph, Mark, Spinner, paint_mark

__all__ = [
    "SHORTER",
    "Bar",
    "Dot",
    "Elided",
    "Flow",
    "Glyph",
    "Head",
    "IconButton",
    "Item",
    "Mark",
    "Section",
    "Segment",
    "Spinner",
    "Themed",
    "clear",
    "current_theme",
    "follow",
    "frame",
    "hbox",
    "hint",
    "label",
    "mini",
    "paint_mark",
    "restyle",
    "rule",
    "set_current_theme",
    "set_tone",
    "vbox",
]
