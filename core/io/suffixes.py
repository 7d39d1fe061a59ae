"""Which endings belong to which kind of file. Nothing is imported, so that anybody can ask."""

from __future__ import annotations

MESH_SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".gltf", ".off")
GRID_SUFFIXES = (".npz", ".npy", ".sdf", ".vol", ".nrrd", ".vti")
BODY_SUFFIXES = (".bodies",)
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".exr", ".webp", ".bmp", ".tif", ".tiff")
POINT_SUFFIXES = (".xyz", ".csv", ".txt")
"""Tables of x y z; a PLY without faces is a point cloud too."""
METABALLS_SUFFIX = NEURAL_SUFFIX = ".npz"
CAGE_SUFFIXES = (".obj",)
CAMERA_SUFFIXES = (".json", ".txt")
LABEL_LIST_SUFFIXES = (".txt", ".csv", ".npy")
PARTS, COLOURS = "parts", "colours"
LABEL_WORDS = ("", PARTS, COLOURS)
"""What labels.shape and labels.target may be beside a file: nothing, connected parts, vertex colours."""
EXPERIMENT_SUFFIXES = (".toml",)

SHAPE_SUFFIXES: dict[str, tuple[str, ...]] = {
    "mesh": MESH_SUFFIXES,
    "textured-mesh": MESH_SUFFIXES,
    "sdf-grid": (*GRID_SUFFIXES, *MESH_SUFFIXES),
    "sdf-analytic": BODY_SUFFIXES,
    "sdf-network": (*GRID_SUFFIXES, *MESH_SUFFIXES),
    "spline-patches": CAGE_SUFFIXES,
    "metaballs": (METABALLS_SUFFIX, *MESH_SUFFIXES, *POINT_SUFFIXES),
    "neural-mesh": (*MESH_SUFFIXES, NEURAL_SUFFIX),
}
"""Kind of shape -> endings of its files. Where two kinds share one, the first is what a bare file is taken for."""


def shape_kind(file: str) -> str:
    """The kind of shape that a file of this name holds; "mesh" for an unknown ending."""
    ending = file[file.rfind(".") :].lower()
    return next((kind for kind, endings in SHAPE_SUFFIXES.items() if ending in endings), "mesh")
