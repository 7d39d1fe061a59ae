"""Where the cameras stand: one, an orbit, a sphere of directions, or the 26 directions of a cube."""

from __future__ import annotations

import itertools

import numpy as np

from core.experiment import ViewsSpec
from kernels.camera import look_at, orbit_eye
from kernels.types import CameraView

HELD_OUT_PHASE = 1.3
"""Radians by which held-out directions are turned against fitted ones (own choice; any irrational share of the golden
angle keeps the two sets apart)."""


def fitted_views(spec: ViewsSpec) -> list[CameraView]:
    """The views a fit sees."""
    if spec.kind == "single":
        return [_orbit(spec, spec.azimuth, spec.elevation, "view")]
    if spec.kind == "orbit":
        step = 360.0 / spec.count
        return [_orbit(spec, spec.azimuth + i * step, spec.elevation, f"view {i}") for i in range(spec.count)]
    if spec.kind == "sphere":
        return [_orbit(spec, a, e, f"view {i}") for i, (a, e) in enumerate(spread_directions(spec.count, 0.0, 0.93))]
    if spec.kind == "cube":
        return [
            CameraView(look_at(spec.distance * direction), spec.width, spec.height, name=f"view {i}")
            for i, direction in enumerate(cube_directions())
        ]
    raise ValueError(f"views.kind {spec.kind!r}")


def held_out_views(spec: ViewsSpec) -> list[CameraView]:
    """Views that are never fitted: well spread directions, turned against the fitted ones."""
    directions = spread_directions(spec.held_out, HELD_OUT_PHASE, 0.85)
    return [_orbit(spec, a, e, f"held out {i}") for i, (a, e) in enumerate(directions)]


def spread_directions(count: int, phase: float, reach: float) -> list[tuple[float, float]]:
    """`count` (azimuth, elevation) pairs in degrees on a Fibonacci spiral, |sin elevation| below `reach`."""
    i = np.arange(count)
    height = reach * (1.0 - 2.0 * (i + 0.5) / max(count, 1))
    azimuth = np.degrees(np.pi * (3.0 - np.sqrt(5.0)) * i + phase)
    return [(float(a), float(e)) for a, e in zip(azimuth, np.degrees(np.arcsin(height)))]


def cube_directions() -> list[np.ndarray]:
    """The 6 face, 12 edge and 8 corner directions of a cube (SDFDiff, Sec. 4), unit length."""
    steps = [np.array(d, np.float64) for d in itertools.product((-1, 0, 1), repeat=3) if any(d)]
    steps.sort(key=lambda d: (int(np.abs(d).sum()), -d[2], -d[0], -d[1]))
    return [d / np.linalg.norm(d) for d in steps]


def _orbit(spec: ViewsSpec, azimuth: float, elevation: float, name: str) -> CameraView:
    eye = orbit_eye(azimuth, elevation, spec.distance)
    return CameraView(look_at(eye), spec.width, spec.height, name=name)
