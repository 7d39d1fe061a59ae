"""Small camera sets written by tests: pictures of a bundled shape, with the cameras in a world of their own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from core.derivatives.reference import hard_image
from core.experiment import PoseSpec, SceneSpec, ViewsSpec
from core.io.images import save_png
from core.parameters import scene_values
from core.shapes.loading import load_shape
from core.targets.views import fitted_views
from kernels.types import CameraView

SIDE, FOV = 48, 40.0
CENTRE, RADIUS = np.array([3.0, -2.0, 5.0]), 2.5
UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Our world -> the file's, which is z-up."""
FLAT = SceneSpec(light_intensity=0.0, light_ambient=1.0)


def views(count: int, held_out: bool = False) -> list[CameraView]:
    kind = ViewsSpec("sphere", count, width=SIDE, height=SIDE, fov=FOV)
    turned = ViewsSpec("orbit", count, width=SIDE, height=SIDE, fov=FOV, azimuth=17.0, elevation=35.0)
    return fitted_views(turned if held_out else kind)


def camera_to_file(view: CameraView) -> np.ndarray:
    """Camera to world (4, 4), OpenGL, in the file's world."""
    matrix = np.linalg.inv(view.world_to_camera)
    matrix[:3, 3] = UP @ matrix[:3, 3] * RADIUS + CENTRE
    matrix[:3, :3] = UP @ matrix[:3, :3]
    return matrix


def pictures(folder: Path, cameras: list[CameraView], fov: float = FOV) -> list[str]:
    """RGBA pictures of the bundled creature, in its own colours and flat light; their names."""
    shape = load_shape("mesh", None, "creature", None)
    values = {**shape.parameters(), **shape.constants(), **scene_values(FLAT, PoseSpec(), fov)}
    values["background"] = np.zeros(3, np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for i, view in enumerate(cameras):
        seen = hard_image(shape, values, view, ("colour", "silhouette"), 4)
        alpha = seen["silhouette"][..., 0]
        save_png(folder / f"r_{i}.png", seen["colour"] / np.maximum(alpha, 1e-6)[..., None], alpha)
        names.append(f"r_{i}.png")
    return names


def write_transforms(folder: Path, split: str, cameras: list[CameraView]) -> Path:
    names = pictures(folder / split, cameras)
    frames = [
        {"file_path": f"./{split}/{Path(name).stem}", "transform_matrix": camera_to_file(view).tolist()}
        for name, view in zip(names, cameras)
    ]
    path = folder / f"transforms_{split}.json"
    path.write_text(json.dumps({"camera_angle_x": np.radians(FOV), "frames": frames}))
    return path


def write_colmap(folder: Path, cameras: list[CameraView], camera: str, names: list[str]) -> Path:
    """camera: the line of cameras.txt after its id. The pictures stand in folder/images already."""
    rows = ["# a comment"]
    for i, (name, view) in enumerate(zip(names, cameras)):
        to_world = camera_to_file(view) @ np.diag([1.0, -1, -1, 1])
        to_camera = np.linalg.inv(to_world)
        x, y, z, w = Rotation.from_matrix(to_camera[:3, :3]).as_quat()
        numbers = " ".join(repr(float(v)) for v in (w, x, y, z, *to_camera[:3, 3]))
        rows += [f"{i + 1} {numbers} 1 {name}", "1.5 2.5 -1 3.5 4.5 7" if i % 2 else ""]
    (folder / "images.txt").write_text("\n".join(rows) + "\n")
    (folder / "cameras.txt").write_text(f"# a comment\n1 {camera}\n")
    return folder / "images.txt"


def rgba(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(np.float32) / 255
