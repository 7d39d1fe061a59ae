"""Lenses of imported cameras: focal lengths, principal point and the polynomial distortion that can be taken out.

Pixel positions have x right, y down, the first pixel's centre at (0.5, 0.5), as COLMAP's and ours have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.optimization.resampling import resized

SQUARE_TOLERANCE = 1e-4
"""Largest relative gap between two focal lengths that are taken for one: a tenth of a pixel at 1,000 pixels."""


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
