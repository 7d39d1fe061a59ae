"""What bodies analytic fields are made of, and what their parameters are called. Free of JAX: readers need it too."""

from __future__ import annotations

from typing import NamedTuple

PARTS: dict[str, dict[str, int]] = {
    "sphere": {"centre": 3, "radius": 0},
    "box": {"centre": 3, "size": 3, "rounding": 0},
    "torus": {"centre": 3, "radius": 0, "tube": 0},
}
"""Kind of body -> its parameters and how many numbers each has (0: a scalar).

size: half the box's sides, rounding included. rounding: radius of its edges. A torus lies in its own xy plane; radius
to the middle of the tube, tube: the tube's radius.
"""

SMOOTHING = "union.smoothing"
"""Where the difference of two distances is below it, their union is blended; 0 is a hard union."""

KINDS = tuple(PARTS)


class Body(NamedTuple):
    """name: of its parameters. kind: one of KINDS."""

    name: str
    kind: str


Bodies = tuple[Body, ...]


def parameter_sizes(bodies: Bodies) -> dict[str, int]:
    """Dotted name -> how many numbers (0: a scalar), in order; the smoothing where there is more than one body."""
    names = {f"{body.name}.{part}": count for body in bodies for part, count in PARTS[body.kind].items()}
    return {**names, **({SMOOTHING: 0} if len(bodies) > 1 else {})}
