"""What the metaballs experiments look at: a mesh, seeded views of it, their masks and depths, and disturbed poses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.derivatives.reference import hard_image
from core.experiment import PoseSpec, SceneSpec, ViewsSpec
from core.io.meshes import MeshData, load_mesh
from core.metaballs.convert import Conversion, convert_mesh
from core.parameters import scene_values
from core.shapes.loading import load_shape
from core.shapes.metaballs import Metaballs
from core.shapes.primitives import primitive_path
from core.targets.views import fitted_views, held_out_views
from kernels.camera import look_at
from kernels.rotation import quaternion_from_vector, quaternion_matrix
from kernels.types import CameraView, Shape

FOV = 40.0
"""Degrees, vertical: Rimlight's own camera. The paper does not state its."""
DISTANCE = 3.2
POSE_DISTANCE = 4.0
"""Camera to object where poses are disturbed: half a unit to the side must stay in the picture."""
CLIP = 1e-6
"""Coverage is kept this far from 0 and 1 before its logarithm is taken (section 7.1)."""


@dataclass(frozen=True)
class Subject:
    """A mesh to experiment on. size: three times the mean standard deviation of its vertices (the authors' measure of
    an object's scale, eta), in unit-sphere units."""

    name: str
    mesh: Any
    data: MeshData
    size: float

    def values(self, shape: Shape, rotation: Any = (0.0, 0.0, 0.0), shift: Any = (0.0, 0.0, 0.0)) -> dict:
        """Host values of `shape` at a pose (degrees, unit-sphere units) in the plain scene."""
        pose = PoseSpec(tuple(rotation), tuple(shift))
        return {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), pose, FOV)}

    def look(self, view: CameraView, channels: tuple[str, ...] = ("silhouette", "depth")) -> dict[str, np.ndarray]:
        """Hard images of the mesh, one sample a pixel: channel -> (h, w)."""
        images = hard_image(self.mesh, self.values(self.mesh), view, channels, 1)
        return {name: image[..., 0] for name, image in images.items()}


def subject(name: str) -> Subject:
    """A mesh file, or a bundled mesh by name. Raises RimlightError."""
    path = Path(name) if Path(name).suffix else primitive_path(name, "mesh")
    data = load_mesh(path)
    return Subject(path.stem, load_shape("mesh", str(path), None, None), data, 3.0 * float(data.vertices.std(0).mean()))


@dataclass(frozen=True)
class Options:
    """trials: of poses, a shape. seeds: of carvings, a shape."""

    components: int = 40
    trials: int = 100
    seeds: int = 5
    seed: int = 0


def fitted(one: Subject, options: Options, init: str = "surface") -> Metaballs:
    """The subject's mesh as metaballs."""
    return Metaballs.from_data(convert_mesh(one.data, Conversion(options.components, init, options.seed)))


def mixtures(one: Subject) -> tuple[str, ...]:
    """The mixtures that the subject's mesh can be made into: a volume needs a closed one."""
    return ("surface", "volume") if one.data.facts.get("watertight") else ("surface",)


def mask_error(alpha: np.ndarray, mask: np.ndarray) -> float:
    """Cross-entropy of a coverage in [0, 1] against a hard silhouette (eq. 11)."""
    a = np.clip(alpha.astype(np.float64), CLIP, 1.0 - CLIP)
    return float(-np.mean(mask * np.log(a) + (1.0 - mask) * np.log(1.0 - a)))


def silhouette_views(count: int = 32, side: int = 64) -> tuple[list[CameraView], list[CameraView]]:
    """(fitted, novel) views, `count` of each, well spread and turned against each other."""
    spec = ViewsSpec(kind="sphere", count=count, held_out=count, width=side, height=side, distance=DISTANCE, fov=FOV)
    return fitted_views(spec), held_out_views(spec)


@dataclass(frozen=True)
class Trial:
    """A view of the object in its rest pose, and a disturbed pose to start from (rotation vector in degrees)."""

    view: CameraView
    rotation: np.ndarray
    shift: np.ndarray

    def matrix(self) -> np.ndarray:
        return np.asarray(quaternion_matrix(quaternion_from_vector(np.radians(self.rotation))))


def trials(
    count: int, size: float, seed: int, width: int, height: int, degrees: float = 45.0, share: float = 0.5
) -> list[Trial]:
    """Random view directions; rotations up to `degrees` about random axes and shifts up to `share` of the size."""
    rng = np.random.default_rng(seed)

    def direction() -> np.ndarray:
        draw = rng.standard_normal(3)
        return draw / np.linalg.norm(draw)

    found = []
    for _ in range(count):
        view = CameraView(look_at(POSE_DISTANCE * direction()), width, height)
        rotation = direction() * rng.uniform(0, degrees)
        found.append(Trial(view, rotation, direction() * rng.uniform(0, share) * size))
    return found


def pose_error(angle: float, shift: np.ndarray, size: float) -> float:
    """Geometric mean of rotation error in degrees and translation error in percent of the size (section 6)."""
    return float(np.sqrt(max(angle, 0.0) * 100.0 * float(np.linalg.norm(shift)) / size))
