"""The image panes of the window."""

from app.panes.grid import PaneGrid

__all__ = ["PaneGrid"]
