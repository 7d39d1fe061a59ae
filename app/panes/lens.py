"""Zoom and pan of a picture, shared by linked panes: what part of the image lies where, in whole device pixels.

Image coordinates: x right, y down, pixel (i, j) covers [i, i + 1] x [j, j + 1].
"""

from __future__ import annotations

from dataclasses import dataclass

LADDER = (1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96)
"""Device pixels an image pixel, for zooming: whole in both directions, so that every pixel has the same size."""
SHORT, LONG = 0.88, 1.04
"""A fitted picture takes the next whole magnification if that is so much smaller or larger."""


@dataclass(frozen=True)
class Placement:
    """The image's place in a widget: `left`, `top` its corner and `scale` device pixels an image pixel."""

    left: int
    top: int
    scale: float

    @property
    def whole(self) -> bool:
        return self.scale >= 1 and self.scale == int(self.scale)

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Device pixels in the widget -> image coordinates."""
        return (x - self.left) / self.scale, (y - self.top) / self.scale


@dataclass(frozen=True)
class Lens:
    """scale: device pixels an image pixel, None = fitted. centre: image coordinates in the widget's middle."""

    scale: float | None = None
    centre: tuple[float, float] = (0.0, 0.0)

    def place(self, size: tuple[int, int], image: tuple[int, int]) -> Placement:
        """size: the widget's (width, height) in device pixels. image: the picture's (width, height)."""
        if self.scale is None:
            scale = fitted_scale(size, image)
            return Placement(
                round(0.5 * (size[0] - scale * image[0])), round(0.5 * (size[1] - scale * image[1])), scale
            )
        left, top = (round(0.5 * side - self.scale * at) for side, at in zip(size, self.centre))
        return Placement(left, top, self.scale)

    def zoomed(self, steps: int, x: float, y: float, size: tuple[int, int], image: tuple[int, int]) -> Lens:
        """So many rungs in (+) or out (-), keeping the image under device pixel (x, y); below the fit it is fitted."""
        now = self.place(size, image)
        scale, fitted = now.scale, fitted_scale(size, image)
        for _ in range(abs(steps)):
            rungs = [rung for rung in LADDER if (rung > scale * 1.001 if steps > 0 else rung < scale / 1.001)]
            if not rungs:
                break
            scale = rungs[0] if steps > 0 else rungs[-1]
        if scale <= fitted * 1.001:
            return Lens()
        px, py = now.to_image(x, y)
        return Lens(scale).moved_to(px + (0.5 * size[0] - x) / scale, py + (0.5 * size[1] - y) / scale, image)

    def panned(self, dx: float, dy: float, size: tuple[int, int], image: tuple[int, int]) -> Lens:
        """The picture follows the pointer by (dx, dy) device pixels; a fitted one stays."""
        if self.scale is None:
            return self
        return self.moved_to(self.centre[0] - dx / self.scale, self.centre[1] - dy / self.scale, image)

    def moved_to(self, x: float, y: float, image: tuple[int, int]) -> Lens:
        return Lens(self.scale, (min(max(x, 0.0), float(image[0])), min(max(y, 0.0), float(image[1]))))


def fitted_scale(size: tuple[int, int], image: tuple[int, int]) -> float:
    """The picture as large as it fits, at a whole magnification where one is near enough."""
    scale = min(size[0] / max(image[0], 1), size[1] / max(image[1], 1))
    for whole in (int(scale) + 1, int(scale)):
        if whole >= 1 and SHORT <= whole / max(scale, 1e-9) <= LONG:
            return float(whole)
    return max(scale, 1e-3)
