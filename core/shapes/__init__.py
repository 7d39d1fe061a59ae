"""Shapes, one a file; a scan in core/registry.py finds them."""

PLAIN_COLOUR = (0.72, 0.70, 0.67)
"""Linear albedo of a shape without colours of its own: a light warm grey."""
