"""Which endings belong to which kind of file. Nothing is imported, so that anybody can ask."""

from __future__ import annotations

MESH_SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".gltf", ".off")
GRID_SUFFIXES = (".npz", ".npy", ".sdf", ".vol", ".nrrd", ".vti")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".exr", ".webp", ".bmp", ".tif", ".tiff")
POINT_SUFFIXES = (".xyz", ".csv", ".txt")
"""Tables of x y z; a PLY without faces is a point cloud too."""
METABALLS_SUFFIX = ".npz"
CAGE_SUFFIXES = (".obj",)
CAMERA_SUFFIXES = (".json", ".txt")
EXPERIMENT_SUFFIXES = (".toml",)
