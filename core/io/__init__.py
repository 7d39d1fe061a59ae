"""Readers and writers: meshes, grids, images, experiments."""
