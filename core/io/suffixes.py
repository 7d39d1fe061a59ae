"""Which endings belong to which kind of file. Nothing is imported, so that anybody can ask."""

from __future__ import annotations

MESH_SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".gltf", ".off")
GRID_SUFFIXES = (".npz", ".npy")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".exr", ".webp", ".bmp", ".tif", ".tiff")
CAMERA_SUFFIXES = (".json", ".txt")
EXPERIMENT_SUFFIXES = (".toml",)
