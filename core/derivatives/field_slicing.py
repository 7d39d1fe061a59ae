"""A plane through a shape's distances, or through the last step's gradient by them, as a picture for the 3D view.

Where the distances lie on nodes, the plane is the layer of nodes nearest to the place asked for: nothing is interpolated
across it, and the gradient is that of these very numbers. Other fields are evaluated on SIDE x SIDE points.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core.colour_maps import SIGNED_DARK, SIGNED_LIGHT
from core.derivatives.questions import Answer, FieldSlice, FieldSliced, Unanswered
from core.field_slices import BLACK, WHITE, gradient_picture, isoline_spacing, slice_picture, upright
from core.pictures import robust_range
from kernels.types import Shape, Values

if TYPE_CHECKING:
    from core.session import Session

SIDE = 97
"""Points along each axis of a plane through a field without nodes."""
HALF = 1.15
"""Such a plane spans [-HALF, HALF]: the unit sphere and some room, as the lattice shapes have."""
COARSE = 17
"""Points a side of the box that tell the range of all such planes: colours and isolines stay while the plane moves."""
PIXELS = 384
"""Of a picture's longer side."""
OUTSIDE = 190
"""Opacity, of 255, where the plane lies outside the shape: what stands behind it is seen through."""
DEEPEST = 2.0
"""The colours span so many times the deepest distance inside, so that inside and outside are told apart."""


class Plane(NamedTuple):
    """distance (n, m). gradient (n, m) or None. low, high: corners (3,). limits: +- of the whole field and its gradient.
    span: of the whole field's values. nodes: layers across."""

    distance: np.ndarray
    gradient: np.ndarray | None
    low: np.ndarray
    high: np.ndarray
    limits: tuple[float, float]
    span: float
    nodes: int


def field_slice(session: Session, question: FieldSlice) -> Iterator[Answer | None]:
    """One answer: FieldSliced, or Unanswered where the shape is no field."""
    shape, values = session.problem.shape, session.host()
    gradient = session.last.gradient.get("values") if session.last is not None else None
    plane = plane_of(shape, values, None if gradient is None else np.asarray(gradient), question)
    if plane is None:
        yield Unanswered(question)
        return
    spacing = 0.0 if question.gradient else isoline_spacing(plane.span)
    low, high = ((float(c[0]), float(c[1]), float(c[2])) for c in (plane.low, plane.high))
    yield FieldSliced(
        question,
        session.state.iteration,
        _picture(plane, question, spacing),
        low,
        high,
        low[question.axis],
        plane.limits[int(question.gradient)],
        spacing,
        plane.nodes,
    )


def plane_of(shape: Shape, values: Values, gradient: np.ndarray | None, question: FieldSlice) -> Plane | None:
    """The plane that is asked for; None where the shape is no field. gradient: by the nodes, of their shape, or None."""
    lattice = lattice_of(shape, values)
    if lattice is None:
        return _evaluated(shape, values, question)
    grid, origin, spacing = lattice
    axis, nodes = question.axis, grid.shape[question.axis]
    slope = None if gradient is None or gradient.shape != grid.shape else gradient
    layer = int(np.clip(round(question.place * (nodes - 1)), 0, nodes - 1))
    low, high = origin.copy(), origin + spacing * (np.array(grid.shape) - 1)
    low[axis] = high[axis] = origin[axis] + layer * spacing[axis]
    taken = lambda array: np.array(np.take(array, layer, axis=axis), np.float32)
    limits = (_limit(grid), 0.0 if slope is None else robust_range(slope))
    return Plane(taken(grid), None if slope is None else taken(slope), low, high, limits, float(np.ptp(grid)), nodes)


def lattice_of(shape: Shape, values: Values) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """(distances (nx, ny, nz), origin (3,), spacing (3,)) of a shape whose distances lie on nodes, object units."""
    own: Any = shape
    if "values" in values:
        grid = np.asarray(values["values"], np.float32)
    elif hasattr(own, "grid"):
        grid = own.grid(values)
    else:
        return None
    return grid, np.asarray(own.origin, np.float64), np.asarray(own.spacing, np.float64)


def _evaluated(shape: Shape, values: Values, question: FieldSlice) -> Plane | None:
    own: Any = shape
    if not hasattr(own, "distance_at"):
        return None
    across = np.linspace(-HALF, HALF, SIDE)
    low, high = np.full(3, -HALF), np.full(3, HALF)
    low[question.axis] = high[question.axis] = HALF * (2.0 * question.place - 1.0)
    axes = [low[i : i + 1] if i == question.axis else across for i in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    coarse = np.linspace(-HALF, HALF, COARSE)
    everywhere = np.stack(np.meshgrid(coarse, coarse, coarse, indexing="ij"), -1).reshape(-1, 3)
    distance = np.asarray(own.distance_at(values, np.concatenate([points, everywhere])), np.float32)
    plane = distance[: SIDE * SIDE].reshape(SIDE, SIDE)
    return Plane(plane, None, low, high, (_limit(distance), 0.0), float(np.ptp(distance)), 0)


def _limit(distance: np.ndarray) -> float:
    """+- what the colours of distances span."""
    deepest, largest = -float(distance.min()), float(np.abs(distance).max())
    return min(DEEPEST * deepest, largest) if deepest > 0 else largest or 1.0


def _picture(plane: Plane, question: FieldSlice, spacing: float) -> np.ndarray | None:
    """uint8 [h, w, 4] in the theme's colours; None where a gradient is asked for and there is none."""
    anchors, line = (SIGNED_DARK, WHITE) if question.dark else (SIGNED_LIGHT, BLACK)
    if not question.gradient:
        picture = slice_picture(plane.distance, plane.limits[0], spacing, anchors, line, PIXELS)
    elif plane.gradient is None:
        return None
    else:
        picture = gradient_picture(plane.gradient, plane.distance, plane.limits[1], anchors, line, PIXELS)
    opacity = np.where(upright(plane.distance, PIXELS) < 0, 255, OUTSIDE).astype(np.uint8)
    return np.concatenate([picture, opacity[..., None]], axis=-1)
