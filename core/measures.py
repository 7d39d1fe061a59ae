"""What a fit is measured by, while it runs and in its report: pose errors, overlap, PSNR and SSIM, on held-out views too.

Pictures are compared in the values they are stored in (sRGB where they are sRGB), over the render's background, as the
literature does; targets that are rendered are compared in linear light.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.build import Report, Scene, pose_spec_is_same_shape
from core.colour import linear_to_srgb
from core.derivatives.reference import as_arrays, hard_image
from core.metrics import iou, label_iou, pose_errors, psnr, ssim
from core.parameters import components_of
from core.problem import Target
from core.surfaces.health import mesh_health
from core.targets.camera_frame import spread
from core.targets.thumbnails import over_background
from kernels.types import SEGMENTATION, CameraView

AT_A_TIME = 8
"""Fitted views measured while a fit runs (evenly spread), and held-out ones measured at a time: more would hold it up.
The next held-out ones follow at the next call; what is told is the mean over the newest measure of each."""
MOST_VIEWS = 256
"""Views of a kind measured for a report, evenly spread."""


class Measures:
    """Measures of one scene; held-out targets are made when their turn comes."""

    def __init__(self, scene: Scene, report: Report) -> None:
        self._scene, self._report = scene, report
        self._newest: dict[int, dict[str, float]] = {}
        self._next = 0

    def moved_to(self, scene: Scene) -> Measures:
        """Measures of the scene that a stage has made of this one."""
        return Measures(scene, self._report)

    def pose(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Pose errors where the target is the very shape that is fitted, else nothing."""
        if self._scene.target_values is None or not pose_spec_is_same_shape(self._scene.experiment):
            return {}
        small = {n: np.asarray(values[n]) for n in ("pose.rotation", "pose.translation", "pose.scale")}
        return pose_errors(small, self._scene.target_values)

    def images(self, values: Mapping[str, Any], everything: bool = False) -> dict[str, float]:
        """Mean "iou" and, where the loss sees colour or labels, "psnr" or "label_iou" of hard renders; "held_out_" before the others', with "ssim".

        everything: all views (at most MOST_VIEWS of a kind) as they are now, for a report; else a few at a time.
        """
        problem, scene = self._scene.problem, self._scene
        most = MOST_VIEWS if everything else AT_A_TIME
        rows = []
        for i in spread(len(problem.views), most):
            rows.append(self._one(values, problem.views[i], problem.targets[i], everything))
        found = _means(rows, "")
        if scene.held_out:
            count = len(scene.held_out)
            turn = spread(count, most) if everything else [(self._next + i) % count for i in range(min(most, count))]
            for position, i in enumerate(turn):
                if everything and count > AT_A_TIME:
                    self._report("Measuring held-out views", position / len(turn))
                self._newest[i] = self._one(values, scene.held_out[i], scene.held_out_targets[i], True)
            self._next = (turn[-1] + 1) % count
            rows = [self._newest[i] for i in turn] if everything else list(self._newest.values())
            found.update(_means(rows, "held_out_"))
        return found

    def mesh(self, values: Mapping[str, Any], everything: bool = False) -> dict[str, float]:
        """Health of a mesh whose vertices move: "flipped_triangles", ... everything: of any mesh, however large."""
        moving = "vertices" in self._scene.problem.free
        if "vertices" not in values or "const.faces" not in values or not (moving or everything):
            return {}
        faces = np.asarray(values["const.faces"])
        return mesh_health(np.asarray(values["vertices"]), faces, everything=everything)

    def _one(self, values: Mapping[str, Any], view: CameraView, target: Target, structure: bool) -> dict[str, float]:
        """The measures of one view."""
        problem = self._scene.problem
        sees_colour = "colour" in problem.channels
        wanted = [c for c in ("colour", SEGMENTATION) if c in problem.channels]
        own = hard_image(problem.shape, values, view, (*wanted, "silhouette"), 1)
        found = {}
        if "silhouette" in target.planes:
            found["iou"] = iou(own["silhouette"][..., 0], np.asarray(target.planes["silhouette"][0]))
        if sees_colour:
            pair = own["colour"], over_background(target, np.asarray(values["background"]))["colour"]
            a, b = (self._as_stored(image) for image in pair)
            found["psnr"] = psnr(a, b)
            if structure:
                found["ssim"] = ssim(a, b)
        if SEGMENTATION in own and SEGMENTATION in target.planes:
            found["label_iou"] = label_iou(own[SEGMENTATION], as_arrays(target.planes)[SEGMENTATION])
        return found

    def _as_stored(self, image: np.ndarray) -> np.ndarray:
        target = self._scene.experiment.target
        if target.kind == "shape":
            return image
        shown = np.clip(image, 0.0, 1.0)
        return linear_to_srgb(shown) if target.encoding == "srgb" else shown


def gradient_norms(gradient: Mapping[str, Any]) -> dict[str, float]:
    """The length of each parameter's gradient, and each of its components ("pose.translation", "pose.translation.x")."""
    norms: dict[str, float] = {}
    for name, values in gradient.items():
        array = np.asarray(values, np.float64)
        norms[name] = float(np.linalg.norm(array))
        for component, value in zip(components_of(name), array.reshape(-1)):
            norms[f"{name}.{component}"] = float(value)
    return norms


def _means(rows: list[dict[str, float]], prefix: str) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {f"{prefix}{name}": float(np.mean([row[name] for row in rows if name in row])) for name in names}
