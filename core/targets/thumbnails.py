"""Small sRGB pictures of targets and renders, for view buttons, frusta and the timeline."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from core import protocol
from core.colour import linear_to_srgb
from core.derivatives.questions import Thumbnailed, Thumbnails
from core.derivatives.reference import as_arrays
from core.errors import RimlightError
from core.label_colours import as_shown
from core.problem import Target
from core.targets.lazy_targets import LazyTargets
from kernels.types import SEGMENTATION

if TYPE_CHECKING:
    from core.build import Scene

AT_A_TIME = 16
"""Pictures in one answer."""

THUMBNAIL_SIDE = 96
"""Pixels of the longer side."""


def thumbnail(image: np.ndarray, side: int = THUMBNAIL_SIDE) -> np.ndarray:
    """[H, W, 1 or 3] linear float -> uint8 [h, w, 3] sRGB, area-filtered so that the longer side is about `side`."""
    factor = max(1, int(np.ceil(max(image.shape[:2]) / side)))
    height, width = (image.shape[0] // factor) * factor, (image.shape[1] // factor) * factor
    small = image[:height, :width].reshape(height // factor, factor, width // factor, factor, -1).mean(axis=(1, 3))
    if small.shape[-1] == 1:
        small = np.repeat(small, 3, axis=-1)
    return np.round(255 * linear_to_srgb(np.clip(np.nan_to_num(small), 0, 1))).astype(np.uint8)


def over_background(target: Target, background: np.ndarray) -> dict[str, np.ndarray]:
    """A target's channels [H, W, C], its colour over `background` (3,): composite_target on the host."""
    arrays = as_arrays(target.planes)
    if "colour" in arrays:
        arrays["colour"] = arrays["colour"] + (1.0 - np.asarray(target.alpha))[..., None] * np.asarray(background)
    return arrays


def known_thumbnail(scene: Scene, view: int) -> Any:
    """The picture of a fitted view's target, where that is in memory already; None where it would have to be made."""
    target = scene.problem.targets.held(view) if isinstance(scene.problem.targets, LazyTargets) else None
    return None if target is None else target_thumbnail(target, scene.values["background"])


def target_thumbnail(target: Target, background: np.ndarray) -> np.ndarray:
    """The picture of a target: its colours over the background, else its labels or silhouette, else what it has."""
    planes = over_background(target, background)
    shown = next(c for c in ("colour", SEGMENTATION, "silhouette", *planes) if c in planes)
    return thumbnail(as_shown(shown, planes[shown]))


def thumbnails_of(scene: Scene, question: Thumbnails) -> Iterator[Thumbnailed | None]:
    """Pictures a few at a time; None between views. A target that cannot be read has none: the step will say why."""
    ready: dict[int, np.ndarray] = {}
    for view in question.views:
        if 0 <= view < len(scene.problem.targets):
            with contextlib.suppress(RimlightError):
                ready[view] = target_thumbnail(scene.problem.targets[view], scene.values["background"])
        if len(ready) >= AT_A_TIME:
            yield Thumbnailed(question, ready)
            ready = {}
        yield None
    if ready:
        yield Thumbnailed(question, ready)


def view_infos(scene: Scene) -> tuple[protocol.ViewInfo, ...]:
    """Every camera, fitted first, with its target's picture where there is one."""
    problem = scene.problem
    fov = float(scene.values["camera.fov"])
    infos = []
    for i, view in enumerate((*problem.views, *scene.held_out)):
        held_out = i >= len(problem.views)
        picture = None if held_out else known_thumbnail(scene, i)
        infos.append(
            protocol.ViewInfo(
                view.name, view.world_to_camera, fov, view.width, view.height, held_out, picture, view.shift
            )
        )
    return tuple(infos)
