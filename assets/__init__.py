"""Bundled shapes, grids, lessons and icons, all made by scripts in this folder or written for this project."""
