"""Control cages of the bundled spline surfaces: a lathe of eight rings, a torus, and a cube that rounds to a ball."""

from __future__ import annotations

import numpy as np

Cage = tuple[np.ndarray, list[tuple[int, ...]]]

RINGS, AROUND = 8, 12
"""A profile of eight radii, as in Cole et al. 2021, Fig. 8; twelve points around keep a circle round to 0.1 %."""


def _grid(rows: int, columns: int, closed: bool) -> list[tuple[int, ...]]:
    """Quads between rings of points that go around; closed: the last ring meets the first. Wound outwards where rings
    go up and points counter-clockwise seen from above (x towards z is backwards)."""
    faces = []
    for row in range(rows if closed else rows - 1):
        above = (row + 1) % rows
        for column in range(columns):
            beside = (column + 1) % columns
            faces.append(
                (row * columns + column, row * columns + beside, above * columns + beside, above * columns + column)
            )
    return faces


PIECE = (0.35, 0.50, 0.24, 0.16, 0.16, 0.33, 0.31, 0.06)
"""Radii of a chess piece, from the foot up. The lowest is the cylinder's, so that both cages are scaled alike."""


def lathe(radii: tuple[float, ...] = (0.35,) * RINGS) -> Cage:
    """A cylinder of radius 0.35, or what other radii make of it, open at both ends."""
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    height = np.linspace(-0.93, 0.93, RINGS)
    ring = lambda r, y: np.stack([r * np.sin(angle), np.full(AROUND, y), r * np.cos(angle)], axis=-1)
    points = np.concatenate([ring(r, y) for r, y in zip(radii, height)])
    return points, _grid(RINGS, AROUND, closed=False)


def torus() -> Cage:
    """Eight by twelve points: regular all over, so that every patch is exact."""
    around, tube = 12, 8
    a = 2 * np.pi * np.arange(around) / around
    b = 2 * np.pi * np.arange(tube) / tube
    radius = 0.66 + 0.34 * np.cos(b)
    rows = [np.stack([r * np.sin(a), np.full(around, 0.34 * np.sin(t)), r * np.cos(a)], -1) for r, t in zip(radius, b)]
    return np.concatenate(rows), _grid(tube, around, closed=True)


def cube() -> Cage:
    """Eight corners of three faces each: the irregular case."""
    points = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / np.sqrt(3.0)
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return points, faces


def cage_text(cage: Cage) -> str:
    """A cage as OBJ; positions rounded to 1e-6, so that the last bit of a platform's libm is not stored."""
    points, faces = cage
    lines = ["# control cage of a spline surface"]
    lines += ["v " + " ".join(f"{c:.6f}" for c in np.round(point, 6) + 0.0) for point in points]
    lines += ["f " + " ".join(str(i + 1) for i in face) for face in faces]
    return "\n".join(lines) + "\n"
