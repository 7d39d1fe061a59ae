"""Lenses of imported cameras: focal lengths, principal point and the polynomial distortion that can be taken out.

Pixel positions have x right, y down, the first pixel's centre at (0.5, 0.5), as COLMAP's and ours have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.errors import RimlightError
from core.optimization.resampling import resized

SQUARE_TOLERANCE = 1e-4
"""Largest relative gap between two focal lengths that are taken for one: a tenth of a pixel at 1,000 pixels."""


LARGEST_SIDE = 1_000_000
"""Pixels of a picture that a lens is about; cameras of today have 15,000."""
FOCAL = (1e-3, 1e5)
"""Focal length over the longer side: fields of view of 179.9 degrees, and of 2 seconds of arc, a telescope's."""
OFF_CENTRE = 100.0
"""Longer sides that the principal point may lie away: a crop of a hundredth of a picture (own choice)."""
MOST_BENT = 1e9
"""Of a distortion's coefficient: they multiply powers of the tangent, tiny where the focal length is long."""


@dataclass(frozen=True)
class Intrinsics:
    """One lens. width, height: pixels the numbers are about. fx, fy, cx, cy: pixels.

    distortion: k1, k2 (radial) and p1, p2 (tangential) of the Brown-Conrady model, as OpenCV and COLMAP have them.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def plain(self) -> bool:
        """Square pixels and straight lines: a pinhole that needs no resampling."""
        return abs(self.fx - self.fy) <= SQUARE_TOLERANCE * self.fy and not any(self.distortion)

    def resized(self, width: int, height: int) -> Intrinsics:
        """The same lens for a picture of another size."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self, width=width, height=height, fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy
        )

    def pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a direction (x, y, 1), x right and y down, falls in the picture, distortion included."""
        k1, k2, p1, p2 = self.distortion
        squared = x * x + y * y
        radial = 1.0 + squared * (k1 + squared * k2)
        bent_x = x * radial + 2.0 * p1 * x * y + p2 * (squared + 2.0 * x * x)
        bent_y = y * radial + p1 * (squared + 2.0 * y * y) + 2.0 * p2 * x * y
        return self.fx * bent_x + self.cx, self.fy * bent_y + self.cy


def checked_lens(lens: Intrinsics, where: str) -> Intrinsics:
    """The lens, where it can be one: beyond these bounds its numbers do not fit the floats that a fit computes in.

    Raises RimlightError, beginning with `where`.
    """
    side = max(lens.width, lens.height)
    if min(lens.width, lens.height) < 1 or side > LARGEST_SIDE:
        raise RimlightError(
            f"{where}: the lens is about a picture of {lens.width:.6g} x {lens.height:.6g} pixels; allowed: 1 to "
            f"{LARGEST_SIDE:,}; export it again"
        )
    for focal in (lens.fx, lens.fy):
        if not FOCAL[0] * side <= focal <= FOCAL[1] * side:
            raise RimlightError(
                f"{where}: a focal length of {focal:.4g} pixels does not suit a picture of {lens.width} x "
                f"{lens.height}; export it again"
            )
    if max(abs(lens.cx), abs(lens.cy)) > OFF_CENTRE * side:
        raise RimlightError(
            f"{where}: the principal point {lens.cx:.4g}, {lens.cy:.4g} is far outside its picture of {lens.width} x "
            f"{lens.height}; export it again"
        )
    if max(map(abs, lens.distortion)) > MOST_BENT:
        raise RimlightError(
            f"{where}: the distortion {max(lens.distortion, key=abs):.4g} is none of a lens; export it again"
        )
    return lens


def rectified_pixels(pixels: np.ndarray, lens: Intrinsics, width: int, height: int, focal: float) -> np.ndarray:
    """[H, W, C] float32 as a pinhole of `focal` pixels would have seen it, its principal point in the middle.

    Sampled linearly at enough points a pixel that none of the picture's is skipped; the border goes on outside.
    """
    from scipy.ndimage import map_coordinates

    own = lens.resized(pixels.shape[1], pixels.shape[0])
    samples = max(1, int(np.ceil(max(own.fx, own.fy) / focal)))
    across = (np.arange(width * samples) + 0.5) / samples - 0.5 * width
    down = (np.arange(height * samples) + 0.5) / samples - 0.5 * height
    x, y = np.meshgrid(across / focal, down / focal)
    u, v = own.pixels(x, y)
    planes = [
        map_coordinates(pixels[..., i], [v - 0.5, u - 0.5], order=1, mode="nearest", output=np.float32)
        for i in range(pixels.shape[2])
    ]
    return np.stack([resized(plane, height, width) for plane in planes], axis=-1)
