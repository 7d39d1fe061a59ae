"""Noise on what a fit is given, as SDFDiff tries itself (Jiang et al. 2020, Fig. 6): on pictures, and on camera poses.

Every view has its own seeded draw, so that a target made twice is the same. Silhouettes and labels stay as they are: they are
measured by.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.experiment import Experiment
from core.problem import Target
from kernels.camera import camera_eye
from kernels.rotation import quaternion_from_vector, quaternion_matrix
from kernels.types import SEGMENTATION, CameraView

PICTURES, POSES = 1, 2
"""Streams of the experiment's seed."""


def noisy_target(target: Target, experiment: Experiment, index: int) -> Target:
    """View `index`'s target with Gaussian noise of standard deviation target.noise on colours, depths and normals."""
    if experiment.target.noise <= 0:
        return target
    rng = np.random.default_rng((experiment.seed, PICTURES, index))
    spoil = lambda plane: (plane + experiment.target.noise * rng.standard_normal(plane.shape)).astype(np.float32)
    planes = {
        name: found if name in (SEGMENTATION, "silhouette") else tuple(spoil(plane) for plane in found)
        for name, found in target.planes.items()
    }
    return target._replace(planes=planes)


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
