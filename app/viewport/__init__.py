"""The 3D view of the window."""

from app.viewport.viewport import Viewport

__all__ = ["Viewport"]
