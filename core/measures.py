"""What a fit is measured by, while it runs and in its report: pose errors, overlap and PSNR, on held-out views too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.build import Report, Scene, pose_spec_is_same_shape
from core.metrics import iou, pose_errors, psnr
from core.problem import Target
from core.reference import hard_image
from core.thumbnails import over_background
from kernels.types import CameraView

MOST_VIEWS = 8
"""Fitted views that are measured (the first ones): more would hold a running fit up."""


class Measures:
    """Measures of one scene; held-out targets are rendered at the first call that needs them."""

    def __init__(self, scene: Scene, report: Report) -> None:
        self._scene, self._report = scene, report
        self._held_out: Sequence[Target] | None = None

    def moved_to(self, scene: Scene) -> Measures:
        """Measures of the scene that a stage has made of this one; targets that still fit are kept."""
        moved = Measures(scene, self._report)
        if scene.held_out is self._scene.held_out:
            moved._held_out = self._held_out
        return moved

    def pose(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Pose errors where the target is the very shape that is fitted, else nothing."""
        if self._scene.target_values is None or not pose_spec_is_same_shape(self._scene.experiment):
            return {}
        small = {n: np.asarray(values[n]) for n in ("pose.rotation", "pose.translation", "pose.scale")}
        return pose_errors(small, self._scene.target_values)

    def images(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Mean "iou" and, where the loss sees colour, "psnr", of hard renders; "held_out_" before the others'."""
        problem = self._scene.problem
        found = self._compare(values, problem.views[:MOST_VIEWS], problem.targets, "")
        if self._scene.held_out:
            if self._held_out is None:
                self._held_out = self._scene.held_out_targets(self._report)
            found.update(self._compare(values, self._scene.held_out, self._held_out, "held_out_"))
        return found

    def _compare(
        self, values: Mapping[str, Any], views: Sequence[CameraView], targets: Sequence[Target], prefix: str
    ) -> dict[str, float]:
        problem = self._scene.problem
        sees_colour = "colour" in problem.channels
        channels = ("colour", "silhouette") if sees_colour else ("silhouette",)
        overlaps, peaks = [], []
        for view, target in zip(views, targets):
            own = hard_image(problem.shape, values, view, channels, 1)
            overlaps.append(iou(own["silhouette"][..., 0], np.asarray(target.planes["silhouette"][0])))
            if sees_colour:
                shown = over_background(target, np.asarray(values["background"]))["colour"]
                peaks.append(psnr(own["colour"], shown))
        found = {f"{prefix}iou": float(np.mean(overlaps))}
        if peaks:
            found[f"{prefix}psnr"] = float(np.mean(peaks))
        return found
