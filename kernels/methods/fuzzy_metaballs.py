"""Fuzzy Metaballs: Gaussians met ray by ray in closed form and blended; every pixel depends on every Gaussian.

The forward pass is smooth, so plain derivatives of it are the method's gradients. Nothing is sampled on the host: the
samples are the pixel centres, whose counts say how large the image is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kernels.metaballs import Gaussians, Quadrics, quadrics, to_camera
from kernels.metaballs_render import render_rays
from kernels.rotation import quaternion_matrix
from kernels.settings import setting
from kernels.shading import shade
from kernels.surface import background_image, needs_normals
from kernels.types import CHANNELS, CameraView, Face, Image, Lens, Method, Planes, Shape, Values


@dataclass(frozen=True)
class Settings:
    intersection: str = setting(
        "linear",
        "Where a ray meets a Gaussian: its most probable point, the ellipsoid of one deviation, or the steepest slope.",
        choices=("linear", "quadratic", "cubic"),
    )
    form: str = setting(
        "code",
        "Weights and coverage as in the authors' code (alpha = 1 - exp of the summed density) or as in the paper "
        "(a sigmoid of it, eqs. 5, 9 and 10).",
        choices=("code", "paper"),
    )
    normals: str = setting(
        "analytic",
        "Normals blended from the Gaussians' own, or from differences of the depth image.",
        choices=("analytic", "depth"),
    )
    beta1: float = setting(
        1.284,
        "How much a hit near a Gaussian's middle counts in depth, against a grazing one (the code's exp(0.25)).",
        low=0.05,
        high=50.0,
        log=True,
    )
    beta2: float = setting(
        7.389,
        "How much the nearest hit counts in depth: higher hides what lies behind, lower melts it together (exp(2)).",
        low=0.1,
        high=200.0,
        log=True,
    )
    beta3: float = setting(
        3.14,
        "Paper's form: how sharply what lies behind the camera is ruled out (the code's form cuts it off).",
        low=0.1,
        high=50.0,
        log=True,
    )
    beta4: float = setting(7.2, "Paper's form: how steeply coverage rises with density.", low=0.1, high=200.0, log=True)
    beta5: float = setting(
        -5.0, "Paper's form: coverage where there is no density, before the sigmoid (-5 is 0.7 %).", low=-12.0, high=0.0
    )
    eta: float = setting(
        1.0, "The object's rough size, in bounding spheres: beta2 and beta3 count depth in it.", low=0.05, high=20.0, log=True
    )  # fmt: skip


class PixelCentres(NamedTuple):
    """columns and rows: pixel centres, in pixels from the image's middle, over its height. (W,) and (H,) of a whole
    image, (1, P) each of P pixels picked from it. pixel: (), a pixel in the same unit."""

    columns: Any
    rows: Any
    pixel: Any


class FuzzyMetaballs(Method):
    name = "fuzzy-metaballs"
    title = "Fuzzy Metaballs"
    summary = "Gaussians met in closed form and blended: smooth depth and silhouettes everywhere."
    paper = "Keselman and Hebert 2022, Approximate Differentiable Rendering with Algebraic Surfaces, eqs. 5 to 10"
    face = Face.GAUSSIANS
    Settings = Settings
    pixelwise = True
    cannot = "Edges are soft and hidden parts shine through a little: it trades sharpness for good gradients."
    misses = "sharp edges"

    def sample(
        self,
        shape: Shape,
        values: Values,
        view: CameraView,
        settings: Settings,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
    ) -> PixelCentres:
        across = (np.arange(view.width) + 0.5 - 0.5 * view.width) / view.height
        down = (np.arange(view.height) + 0.5) / view.height - 0.5
        return PixelCentres(across.astype(np.float32), down.astype(np.float32), np.float32(1.0 / view.height))

    def at_pixels(self, samples: PixelCentres, pixels: np.ndarray) -> PixelCentres:
        row, column = np.divmod(pixels, len(samples.columns))
        return samples._replace(columns=samples.columns[column][None], rows=samples.rows[row][None])

    def evaluate(
        self,
        shape: Shape,
        values: Values,
        samples: PixelCentres,
        lens: Lens,
        traced: Mapping[str, Any],
        settings: Settings,
        channels: tuple[str, ...],
        free: frozenset[str],
    ) -> Image:
        gaussians = shape.gaussians(values)  # type: ignore[attr-defined]
        wanted = _wanted(channels, settings.normals)
        planes = self.planes(gaussians, values, samples, lens, traced, settings, wanted)
        if settings.normals == "depth" and needs_normals(channels):
            planes["normals"] = depth_normals(planes["depth"], *_rays(samples, lens), _zoom(values))
        return _image(values, lens, planes, channels)

    def planes(
        self,
        gaussians: Gaussians,
        values: Values,
        samples: PixelCentres,
        lens: Lens,
        traced: Mapping[str, Any],
        settings: Settings,
        wanted: frozenset[str],
    ) -> dict[str, Any]:
        """What render_rays gives ("alpha", "depth", ...), as (H, W) planes that no background has been mixed into."""
        x, y = _rays(samples, lens)
        rendered = render_rays(
            camera_quadrics(gaussians, values, lens),
            gaussians.colours,
            x.reshape(-1),
            y.reshape(-1),
            {**traced, "eta": traced["eta"] * values["pose.scale"]},
            intersection=settings.intersection,
            form=settings.form,
            wanted=wanted,
        )
        return jax.tree.map(lambda flat: flat.reshape(x.shape), rendered)


def _rays(samples: PixelCentres, lens: Lens) -> tuple[Any, Any]:
    """x and y (H, W) of every pixel's ray (or (1, P) of those picked), in heights of the image, shifted as the lens is."""
    x, y = samples.columns - lens.shift[0] * samples.pixel, samples.rows - lens.shift[1] * samples.pixel
    if y.ndim == 2:
        return x, y
    size = (y.shape[0], x.shape[0])
    return jnp.broadcast_to(x, size), jnp.broadcast_to(y[:, None], size)


def camera_quadrics(gaussians: Gaussians, values: Values, lens: Lens) -> Quadrics:
    """Object-space Gaussians as the camera of `lens` sees them, for rays in units of the image's height.

    The focal length is part of the transform (x and y grow by `_zoom`), so that rays are constants.
    """
    turn = quaternion_matrix(values["pose.rotation"])
    view, zoom, scale = lens.world_to_camera, _zoom(values), values["pose.scale"]
    down = jnp.stack([zoom, -zoom, jnp.full_like(zoom, -1.0)])  # camera y is up and looks along -z
    matrix = down[:, None] * (view[:3, :3] @ turn)
    inverse = (turn.T @ view[:3, :3].T) / down / scale
    offset = down * (view[:3, :3] @ values["pose.translation"] + view[:3, 3])
    return quadrics(to_camera(gaussians, matrix * scale, inverse, offset), zoom)


def _zoom(values: Values) -> Any:
    """Focal length over the image's height."""
    return 0.5 / jnp.tan(0.5 * jnp.asarray(values["camera.fov"]))


def _wanted(channels: tuple[str, ...], normals: str) -> frozenset[str]:
    wanted = {"alpha"}
    if "depth" in channels:
        wanted.add("depth")
    if "colour" in channels or "normals" in channels:
        wanted.add("normals" if normals == "analytic" else "depth")
    if "colour" in channels:
        wanted.add("colours")
    return frozenset(wanted)


def _image(values: Values, lens: Lens, planes: dict[str, Any], channels: tuple[str, ...]) -> Image:
    """What was rendered, over the background by its coverage."""
    alpha = planes["alpha"]
    seen: Image = {"silhouette": (alpha,)}
    if "depth" in channels:
        seen["depth"] = (planes["depth"],)
    if "normals" in planes:
        back = lens.world_to_camera[:3, :3].T
        x, y, z = planes["normals"][0], -planes["normals"][1], -planes["normals"][2]
        seen["normals"] = tuple(back[i, 0] * x + back[i, 1] * y + back[i, 2] * z for i in range(3))
        if "colour" in channels:
            seen["colour"] = shade(values, planes["colours"], seen["normals"], None, lens)
    background = background_image(values, lens, channels)
    over = lambda plane, empty: alpha * plane + (1.0 - alpha) * empty
    return {
        name: seen[name] if name == "silhouette" else tuple(map(over, seen[name], background[name]))
        for name in channels
    }


def depth_normals(depth: Any, x: Any, y: Any, zoom: Any) -> Planes:
    """Unit normals (camera space, y down, towards the camera) of a depth plane (H, W), by central differences."""
    point = (x * depth / zoom, y * depth / zoom, depth)
    across = [_central(p, 1) for p in point]
    down = [_central(p, 0) for p in point]
    n = [across[(i + 2) % 3] * down[(i + 1) % 3] - across[(i + 1) % 3] * down[(i + 2) % 3] for i in range(3)]
    inverse = jax.lax.rsqrt(jnp.maximum(sum(c * c for c in n), 1e-20))
    return tuple(c * inverse for c in n)


def _central(plane: Any, axis: int) -> Any:
    """Difference of the neighbours along an axis, one-sided at the border; its length does not matter."""
    size = plane.shape[axis]
    take = lambda start, stop: jax.lax.slice_in_dim(plane, start, stop, axis=axis)
    after = jnp.concatenate([take(1, size), take(size - 1, size)], axis)
    before = jnp.concatenate([take(0, 1), take(0, size - 1)], axis)
    return after - before


METHOD = FuzzyMetaballs()
