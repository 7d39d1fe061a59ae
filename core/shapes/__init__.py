"""Shapes, one a file; a scan in core/registry.py finds them."""
