"""Meshes and cages in the course of a fit: health, defects, subdivision, remeshing, patches."""
