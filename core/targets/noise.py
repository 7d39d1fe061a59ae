"""Noise on what a fit is given: on pictures and camera poses (SDFDiff, Jiang et al. 2020, Fig. 6), on depth and
silhouettes (Fuzzy Metaballs, Keselman and Hebert 2022, section 7).

Every view has its own seeded draw, so that a target made twice is the same. Views that are held out stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.experiment import Experiment
from core.metaballs.sensor_noise import stereo_depth, without_a_part
from core.problem import Target
from kernels.camera import camera_eye
from kernels.rotation import quaternion_from_vector, quaternion_matrix
from kernels.types import SEGMENTATION, CameraView

PICTURES, POSES, DEPTHS, PARTS, WHICH = 1, 2, 3, 4, 5
"""Streams of the experiment's seed."""


def noisy_target(target: Target, experiment: Experiment, index: int, count: int) -> Target:
    """View `index`'s target, of `count`, with the noise that the experiment's [target] asks for: Gaussian on all but
    silhouettes and labels, a stereo camera's on depth, and an eighth of the silhouette gone in some of the views."""
    spec, planes = experiment.target, dict(target.planes)
    draw = lambda stream: np.random.default_rng((experiment.seed, stream, index))
    if spec.noise > 0:
        rng = draw(PICTURES)
        spoil = lambda plane: (plane + spec.noise * rng.standard_normal(plane.shape)).astype(np.float32)
        planes = {
            n: found if n in (SEGMENTATION, "silhouette") else tuple(map(spoil, found)) for n, found in planes.items()
        }
    mask = np.asarray(planes["silhouette"][0]) if "silhouette" in planes else np.asarray(target.alpha)
    if spec.depth_noise > 0 and "depth" in planes:
        noisy = stereo_depth(np.asarray(planes["depth"][0]), mask, draw(DEPTHS), spec.depth_noise)
        planes["depth"] = (noisy.astype(np.float32),)
    if spec.missing > 0 and "silhouette" in planes and index in spoilt_views(experiment, count):
        planes["silhouette"] = (without_a_part(mask, draw(PARTS)),)
    return target._replace(planes=planes)


def spoilt_views(experiment: Experiment, count: int) -> set[int]:
    """Which of `count` views lose a part of their silhouette: a share target.missing of them."""
    order = np.random.default_rng((experiment.seed, WHICH)).permutation(count)
    return set(order[: round(experiment.target.missing * count)].tolist())


def shaken_view(view: CameraView, experiment: Experiment, index: int) -> CameraView:
    """The camera that really took view `index`: off by views.pose_noise (standard deviation) in each axis of its place,
    unit-sphere units, and of its rotation, radians."""
    if experiment.views.pose_noise <= 0:
        return view
    draw = experiment.views.pose_noise * np.random.default_rng((experiment.seed, POSES, index)).standard_normal(6)
    turn = np.asarray(quaternion_matrix(quaternion_from_vector(draw[:3]))) @ view.world_to_camera[:3, :3]
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = -turn @ (camera_eye(view) + draw[3:])
    return replace(view, world_to_camera=matrix)
