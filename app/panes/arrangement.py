"""How many panes fit side by side, and how large they are. Logical pixels throughout."""

from __future__ import annotations

from app.panes.footer import HEIGHT as FOOTER_HEIGHT
from app.panes.pane import CAPTION_HEIGHT
from app.theme import PANE_GAP, TITLE_HEIGHT

LEAST_WIDTH = 154
"""Of a pane; what does not fit is left out from the right, and is still reached by its digit."""
MARGINS = (PANE_GAP, 0, PANE_GAP, 6)
"""Around the row: left, top, right, bottom."""


def room(width: int) -> int:
    """How many panes fit into a grid of this width."""
    return max(1, (width - PANE_GAP) // (LEAST_WIDTH + PANE_GAP))


def pane_width(width: int, count: int) -> float:
    """Of each of `count` panes in a grid of this width."""
    return (width - MARGINS[0] - MARGINS[2] - (count - 1) * PANE_GAP) / max(count, 1)


def grid_height(width: int, count: int, aspect: float) -> int:
    """Of the whole grid, so that `count` images of this aspect (height over width) fill their panes."""
    picture = round(pane_width(width, count) * aspect)
    return TITLE_HEIGHT + CAPTION_HEIGHT + 2 + picture + 4 + FOOTER_HEIGHT + MARGINS[3]
