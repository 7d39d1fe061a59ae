"""One picture as the target of the one view: its colours, silhouette and labels."""

from __future__ import annotations

import numpy as np

from core.errors import RimlightError
from core.experiment import TargetSpec
from core.optimization.resampling import resized, same_aspect
from core.problem import Target
from core.targets.labels import LabelSource, label_planes
from kernels.types import BACK_FACES, SEEN, SEGMENTATION, CameraView


def with_silhouette(channels: tuple[str, ...]) -> tuple[str, ...]:
    """What a target must show: what the loss sees, and the silhouette for the metrics."""
    return tuple(c for c in SEEN if c != BACK_FACES and (c in channels or c == "silhouette"))


def image_target(
    spec: TargetSpec, views: tuple[CameraView, ...], channels: tuple[str, ...], labels: LabelSource
) -> tuple[Target, tuple[str, ...]]:
    """A picture as the target of the one view, and what is odd about it. Alpha, or a background colour, gives its silhouette; where its labels
    are all that is asked for, they do."""
    from core.io.images import load_image, silhouette_of

    require_pictured(channels, "a picture has")
    if len(views) != 1:
        raise RimlightError(
            f"views: a picture is one view, and the experiment has {len(views)}; set views.kind = 'single'"
        )
    size = views[0].height, views[0].width
    found = {}
    if SEGMENTATION in channels:
        found[SEGMENTATION] = label_planes(labels.source or spec.file or "", labels, views[0])
    if set(channels) <= {SEGMENTATION, BACK_FACES}:
        alpha = 1.0 - found[SEGMENTATION][0]
        return Target({**found, "silhouette": (alpha,)}, alpha), ()
    image = load_image(spec.file or "", encoding=spec.encoding)
    height, width = image.colour.shape[:2]
    if not same_aspect((width, height), (views[0].width, views[0].height)):
        raise RimlightError(
            f"{image.path.name}: the picture is {width} x {height} pixels and the view {views[0].width} x {views[0].height}; "
            "set views.width and views.height to the picture's, or to the same share of both"
        )
    alpha = silhouette_of(image, spec.background, need="silhouette" in channels)
    planes = {
        "colour": tuple(np.ascontiguousarray(image.colour[..., i] * alpha) for i in range(3)),
        "silhouette": (alpha,),
    }
    shown = {c: tuple(resized(p, *size) for p in planes[c]) for c in with_silhouette(channels) if c in planes}
    oddities = tuple(f"{image.path.name}: {oddity}" for oddity in image.warnings)
    return Target({**shown, **found}, resized(alpha, *size)), oddities


def require_pictured(channels: tuple[str, ...], whose: str) -> None:
    """Raise RimlightError where a loss sees what pictures do not show."""
    unseen = [c for c in channels if c not in ("colour", "silhouette", SEGMENTATION, BACK_FACES)]
    if unseen:
        raise RimlightError(
            f"term.sees: {whose} no {' or '.join(unseen)}; let the loss see colour, silhouette or segmentation"
        )
