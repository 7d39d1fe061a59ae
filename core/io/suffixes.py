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
COLMAP_NAMES = ("cameras.txt", "images.txt", "points3D.txt", "frames.txt", "rigs.txt")
"""Files of COLMAP's text model; any other .txt is a table of points."""
LABEL_LIST_SUFFIXES = (".txt", ".csv", ".npy")
PARTS, COLOURS = "parts", "colours"
LABEL_WORDS = ("", PARTS, COLOURS)
"""What labels.shape and labels.target may be beside a file: nothing, connected parts, vertex colours."""
EXPERIMENT_SUFFIXES = (".toml",)
SESSION_SUFFIX = ".rimlight"

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


EXPERIMENT, MESH, GRID, BODIES, POINTS, PICTURE, CAMERAS = (
    "experiment", "mesh", "grid", "bodies", "points", "picture", "cameras",
)  # fmt: skip
_GROUPS: dict[str, tuple[str, ...]] = {
    EXPERIMENT: EXPERIMENT_SUFFIXES,
    MESH: MESH_SUFFIXES,
    GRID: GRID_SUFFIXES,
    BODIES: BODY_SUFFIXES,
    POINTS: POINT_SUFFIXES,
    PICTURE: IMAGE_SUFFIXES,
    CAMERAS: CAMERA_SUFFIXES,
}
OPENED_SUFFIXES = tuple(dict.fromkeys(ending for endings in _GROUPS.values() for ending in endings))
"""Endings of every file that can be opened by itself."""


def group_of(name: str) -> str | None:
    """What a file of this name, without its folder, is opened as, wherever it is opened; None for no kind that is read.
    GRID is any of the kinds that share .npz (core/io/file_kinds.py)."""
    if name in COLMAP_NAMES:
        return CAMERAS
    dot = name.rfind(".")
    ending = name[dot:].lower() if dot >= 0 else ""
    return next((group for group, endings in _GROUPS.items() if ending in endings), None)
