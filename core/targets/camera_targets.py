"""Targets and views from a file of cameras: which frames are fitted and which held out, and each one's picture.

Pictures are read when they are asked for (core/targets/lazy_targets.py), brought to the views' size by a box filter in linear,
premultiplied values, and straightened where their lens is no pinhole of the common focal length.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.experiment import Experiment, TargetSpec
from core.io.camera_set import CameraSet, split_file
from core.io.cameras import load_cameras
from core.io.images import ImageData, load_image, silhouette_of
from core.io.lenses import SQUARE_TOLERANCE, rectified_pixels
from core.memo import Memo
from core.optimization.resampling import resized, same_aspect
from core.problem import Target
from core.targets.camera_frame import CameraFrame, find_frame, spread
from core.targets.labels import LabelSource, label_planes
from core.targets.lazy_targets import LazyTargets, on_device
from core.targets.picture_target import require_pictured, with_silhouette
from kernels.types import SEGMENTATION, CameraView, Planes

Report = Callable[[str, float | None], None]

EVERY = 8
"""Where one file holds all frames, every eighth is held out, as is the custom with COLMAP scenes (LLFF)."""


@dataclass(frozen=True)
class CameraScene:
    """What a fit needs of a camera file. fov: vertical, degrees. held_out: never fitted."""

    frame: CameraFrame
    fov: float
    views: tuple[CameraView, ...]
    targets: LazyTargets
    held_out: tuple[CameraView, ...]
    held_out_targets: LazyTargets
    warnings: tuple[str, ...]


def camera_scene(experiment: Experiment, channels: tuple[str, ...], labels: LabelSource, report: Report) -> CameraScene:
    """load_camera_scene, kept for the last few targets, so that editing a method reads no picture again."""
    spec, path = experiment.target, Path(experiment.target.file or "")
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    key = (spec, dataclasses.replace(experiment.views, batch=0), channels, labels, stamp)
    return _SCENES(key, lambda: load_camera_scene(experiment, channels, report, labels))


def load_camera_scene(
    experiment: Experiment, channels: tuple[str, ...], report: Report, labels: LabelSource = LabelSource()
) -> CameraScene:
    """Read the cameras of experiment.target, choose the frames, normalise the world. Raises RimlightError."""
    spec, size = experiment.target, experiment.views
    require_pictured(channels, "pictures have")
    report("Reading the cameras", None)
    fitted, held_out = _splits(spec, size.held_out)
    fitted = fitted.chosen(spread(len(fitted.pictures), size.most or len(fitted.pictures)))
    focal = float(np.median([lens.fy / lens.height for lens in fitted.lenses]))
    reader = Pictures(spec, channels, size.width, size.height, focal, labels)
    report("Finding the scene's middle and size", None)
    frame = find_frame(fitted, lambda i: reader.mask(fitted, i), spec.centre, spec.radius)
    warnings = [*fitted.warnings, *reader.remarks(fitted)]
    return CameraScene(
        frame,
        float(np.degrees(2.0 * np.arctan(0.5 / focal))),
        reader.views(fitted, frame, ""),
        LazyTargets(len(fitted.pictures), lambda i: on_device(reader.target(fitted, i))),
        reader.views(held_out, frame, "held out: ") if held_out else (),
        LazyTargets(len(held_out.pictures), lambda i: reader.target(held_out, i))
        if held_out
        else LazyTargets(0, _none),
        tuple(warnings),
    )


_SCENES: Memo[CameraScene] = Memo(2)
"""The one before an edit and the one after it."""


def _none(index: int) -> Target:
    raise IndexError(index)


def _splits(spec: TargetSpec, wanted: int) -> tuple[CameraSet, CameraSet | None]:
    """The frames to fit and those to measure; at most `wanted` of the latter, evenly spread."""
    path = Path(spec.file or "")
    everything = load_cameras(path, spec.images)
    count = len(everything.pictures)
    if spec.held_out == "every-8th":
        apart = list(range(0, count, EVERY)) if count > 1 else []
        fitted = everything.chosen([i for i in range(count) if i not in set(apart)])
        others = everything.chosen(apart) if apart and wanted else None
    else:
        fitted, others = everything, None
        if wanted:
            sibling = split_file(path, spec.held_out)
            if not sibling.is_file():
                raise RimlightError(
                    f"target.held_out: {sibling.name} is not beside {path.name}; set views.held_out = 0, or "
                    "target.held_out = 'every-8th' to keep frames of this file back"
                )
            others = load_cameras(sibling, spec.images)
    return fitted, others and others.chosen(spread(len(others.pictures), wanted))


class Pictures:
    """Reads frames as targets of one size, seen by one pinhole of `focal` picture heights."""

    def __init__(
        self,
        spec: TargetSpec,
        channels: tuple[str, ...],
        width: int,
        height: int,
        focal: float,
        labels: LabelSource = LabelSource(),
    ) -> None:
        self._spec, self._width, self._height, self._focal = spec, width, height, focal
        self._channels, self._labels = with_silhouette(channels), labels
        self._need = "silhouette" in channels

    def views(self, cameras: CameraSet, frame: CameraFrame, prefix: str) -> tuple[CameraView, ...]:
        """One view a frame; its principal point is the view's shift."""
        views = []
        for i, picture in enumerate(cameras.pictures):
            matrix = frame.world_to_camera(cameras.camera_to_world[i])
            shift = self._shift(cameras, i)
            views.append(CameraView(matrix, self._width, self._height, shift=shift, name=f"{prefix}{picture.stem}"))
        return tuple(views)

    def target(self, cameras: CameraSet, index: int) -> Target:
        """The picture of a frame. Raises RimlightError where it cannot be used."""
        image = self._image(cameras.pictures[index])
        alpha = self._alpha(image, self._need)
        straight = np.ones(image.colour.shape[:2], np.float32) if alpha is None else alpha
        pixels = np.concatenate([image.colour * straight[..., None], straight[..., None]], axis=-1)
        if self._direct(cameras, index):
            pixels = np.stack([resized(pixels[..., i], self._height, self._width) for i in range(4)], axis=-1)
        else:
            lens = cameras.lenses[index]
            pixels = rectified_pixels(pixels, lens, self._width, self._height, self._focal * self._height)
        layers = tuple(np.ascontiguousarray(pixels[..., i]) for i in range(4))
        planes = {"colour": layers[:3]}
        if alpha is not None:
            planes["silhouette"] = layers[3:]
        if SEGMENTATION in self._channels:
            planes[SEGMENTATION] = self._label_planes(cameras, index)
        return Target({c: planes[c] for c in self._channels if c in planes}, layers[3])

    def _label_planes(self, cameras: CameraSet, index: int) -> Planes:
        """The labels of a frame, from the picture of its name in the folder of labels."""
        picture = cameras.pictures[index]
        if not self._direct(cameras, index):
            raise RimlightError(
                f"{picture.name}: its lens is no common pinhole, and labels are not resampled; undistort the pictures first"
            )
        view = CameraView(np.eye(4), self._width, self._height)
        return label_planes(named_beside(picture, self._labels.source, "picture of labels"), self._labels, view)

    def mask(self, cameras: CameraSet, index: int) -> np.ndarray | None:
        """The silhouette (h, w) of a frame's picture as it is stored, None where it has none."""
        return self._alpha(self._image(cameras.pictures[index]), self._need)

    def remarks(self, cameras: CameraSet) -> list[str]:
        """What a user should know of how the pictures are brought to the views."""
        straightened = sum(not self._direct(cameras, i) for i in range(len(cameras.pictures)))
        said = [f"{straightened} pictures are resampled to one common pinhole"] if straightened else []
        first = cameras.lenses[0]
        if first.width < self._width:
            said.append(f"pictures of {first.width} x {first.height} are enlarged to {self._width} x {self._height}")
        return said

    def _image(self, path: Path) -> ImageData:
        return load_image(path, encoding=self._spec.encoding)

    def _alpha(self, image: ImageData, need: bool) -> np.ndarray | None:
        if self._spec.masks is not None:
            return silhouette_of(self._mask_file(image.path), None, True)
        if image.alpha is None and self._spec.background is None and not (need and image.mask is not None):
            return silhouette_of(image, None, True) if need else None
        return silhouette_of(image, self._spec.background, need)

    def _mask_file(self, picture: Path) -> ImageData:
        mask = load_image(named_beside(picture, self._spec.masks or "", "mask"), encoding="linear")
        return mask if mask.alpha is not None or mask.mask is not None else _as_mask(mask)

    def _direct(self, cameras: CameraSet, index: int) -> bool:
        """Whether the picture needs no straightening, only another size. Raises where its aspect is another."""
        lens = cameras.lenses[index]
        if not lens.plain or abs(lens.fy / lens.height - self._focal) > SQUARE_TOLERANCE * self._focal:
            return False
        if not same_aspect((lens.width, lens.height), (self._width, self._height)):
            raise RimlightError(
                f"{cameras.pictures[index].name}: the picture is {lens.width} x {lens.height} and the views "
                f"{self._width} x {self._height}, of another aspect; set views.width and views.height to the "
                "picture's, or both to the same part of it"
            )
        return True

    def _shift(self, cameras: CameraSet, index: int) -> tuple[float, float]:
        if not self._direct(cameras, index):
            return 0.0, 0.0
        lens = cameras.lenses[index].resized(self._width, self._height)
        return lens.cx - 0.5 * self._width, lens.cy - 0.5 * self._height


def named_beside(picture: Path, folder: str, what: str) -> Path:
    """The file of `folder` that is named like a picture. Raises RimlightError."""
    names = (picture.name, f"{picture.name}.png", f"{picture.stem}.png")
    for name in names:
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    raise RimlightError(f"{picture.name}: has no {what} in {folder}; tried {', '.join(dict.fromkeys(names))}")


def _as_mask(image: ImageData) -> ImageData:
    """A mask stored as grey in three channels."""
    return ImageData(image.path, image.colour, None, np.ascontiguousarray(image.colour.mean(axis=-1)))
