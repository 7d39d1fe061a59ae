"""What the window asks the engine beside a fit, and the answers: probes, step sweeps, loss landscapes, slices, mesh health.

Free of JAX. Questions are answered between steps (core/engine/answer_service.py); of each kind only the last one is. Pixels
are (x, y), row 0 at the top. `iteration` is that of the state an answer belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHANNEL_WEIGHTS: dict[str, tuple[float, float, float]] = {
    "luminance": (0.2126, 0.7152, 0.0722),
    "mean": (1 / 3, 1 / 3, 1 / 3),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}
"""How a colour becomes the one value that is probed; luminance has Rec. 709 weights of linear light."""

SWEEP_STEPS = tuple(float(s) for s in np.round(np.geomspace(0.002, 8.0, 13), 5))
"""Pixels: from where rounding drowns a float32 difference to where it is no derivative any more."""


# ---------------------------------------------------------------------------------------------- questions


@dataclass(frozen=True)
class Probe:
    """One row of the Jacobian: how every vertex, cell or element moves one value of one pixel, by reverse mode.

    channel: a key of CHANNEL_WEIGHTS. theta: what "Why is this zero?" is asked about, and whose group's small
    parameters are listed too; None for neither. count: how many of the largest are listed.
    """

    view: int
    pixel: tuple[int, int]
    channel: str = "luminance"
    theta: str | None = None
    count: int = 8


@dataclass(frozen=True)
class Sweep:
    """Finite differences of theta over many steps (pixels of motion), against the method's derivative."""

    view: int
    theta: str
    supersampling: int = 4
    steps: tuple[float, ...] = SWEEP_STEPS


@dataclass(frozen=True)
class Axis:
    """A parameter that a landscape runs along: `low` to `high` in displayed units, at `count` places."""

    theta: str
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Landscape:
    """The loss over one or two parameters, all else as it is, over all views the fit sees."""

    axes: tuple[Axis, ...]
    step_pixels: float = 0.25
    supersampling: int = 4


@dataclass(frozen=True)
class WarpLook:
    """What the warp does: the quadrature along the ray through a pixel's centre, and pictures of all pixels. theta: what
    the motion is a derivative by; None for no motion."""

    view: int
    pixel: tuple[int, int]
    theta: str | None = None


SLICED_SHAPES = ("sdf-grid", "sdf-analytic", "sdf-network", "swept-sphere", "random-spheres")
"""Kinds of shapes that a FieldSlice can be taken of."""


@dataclass(frozen=True)
class FieldSlice:
    """A picture of the field on a plane across an object-space axis (0, 1, 2: x, y, z), `place` from 0 to 1 of the way
    through; gradient: of the loss's derivative by the distances there. dark: in the colours of the dark theme."""

    axis: int
    place: float
    gradient: bool = False
    dark: bool = True


@dataclass(frozen=True)
class MeshCheck:
    """What is wrong with the current triangles."""


@dataclass(frozen=True)
class Thumbnails:
    """Small pictures of these fitted views' targets, which are read or rendered for it."""

    views: tuple[int, ...]


@dataclass(frozen=True)
class Measure:
    """How far the current state is from its targets: overlap and pose errors, a few views."""


Question = Probe | Sweep | Landscape | WarpLook | FieldSlice | MeshCheck | Thumbnails | Measure


@dataclass(frozen=True)
class Drop:
    """Give up a question of this kind ("Probe", "Sweep", "Landscape", "WarpLook", "FieldSlice", "MeshCheck", ...), or what
    is left of the derivative images ("Derive"): those that are ready stay."""

    kind: str


# ---------------------------------------------------------------------------------------------- answers


@dataclass(frozen=True)
class Why:
    """What a pixel's derivative is made of, or why it is zero. cause: see core/derivatives/why_zero.py. zero: whether it is."""

    cause: str
    title: str
    text: str
    zero: bool


@dataclass(frozen=True)
class Layer:
    """One surface under a pixel's centre, nearest first. triangle: its id, None for a field."""

    triangle: int | None
    depth: float


@dataclass(frozen=True)
class Mover:
    """One vertex, cell or element that moves the pixel. theta: what to derive by to see its image.

    size: Euclidean norm of the derivative. vector: its components ((3,) for a vertex, (1,) for a cell).
    """

    label: str
    theta: str
    size: float
    vector: tuple[float, ...]


@dataclass(frozen=True)
class Probed:
    """parameter: whose row it is ("vertices", "values"), "" where the shape has no such.

    painted: (n,) size of the row at each display vertex, float32, or None. by_theta: dI/dtheta at the pixel by forward
    and by reverse mode, which are the same number found in two ways. components: (name, dI/d name) of theta's group.
    """

    question: Probe
    iteration: int
    value: float
    parameter: str
    painted: np.ndarray | None
    movers: tuple[Mover, ...]
    layers: tuple[Layer, ...]
    by_theta: tuple[float, float] | None
    components: tuple[tuple[str, float], ...]
    why: Why | None
    milliseconds: float


@dataclass(frozen=True)
class SweepPoint:
    """One step of a sweep. step: pixels. amount: the same in units of theta.

    error, silhouette_error: the method's derivative against this difference, relative L2. cosine likewise. change:
    relative L2 between this difference and the one at the next smaller step, which shows where noise ends; NaN for the
    smallest. size: the Euclidean norm of the difference image. own: relative L2 of the method's derivative against
    the difference of its own forward image at the same step.
    """

    step: float
    amount: float
    error: float
    silhouette_error: float
    cosine: float
    change: float
    size: float
    own: float


@dataclass(frozen=True)
class Swept:
    """points: from the smallest step on, as many as are ready. best: the step where `change` is least."""

    question: Sweep
    iteration: int
    points: tuple[SweepPoint, ...]
    best: float | None
    fraction: float


@dataclass(frozen=True)
class Landscaped:
    """loss: (count of axis 0,) or (count 0, count 1) float32, NaN where not computed yet. here: where the state stands.

    slopes: d loss / d axis by the method's reverse mode and by finite differences of the supersampled hard render, per
    axis in displayed units; None until they are known. loss_here: the loss at `here`, by the method's forward image.
    """

    question: Landscape
    iteration: int
    loss: np.ndarray
    here: tuple[float, ...]
    loss_here: float
    by_method: tuple[float, ...] | None
    by_reference: tuple[float, ...] | None
    fraction: float


@dataclass(frozen=True)
class WarpLooked:
    """Along the ray, (n,) each, in the order of tracing: depth along the view axis; distance, object units; weight,
    normalised, of all points (eq. 12); chosen, of the top k (eq. 14). Pictures, (H, W): traced, points a ray has; kept,
    points with a weight; near, whether the pixel is warped at all. motion: [H, W, 2] pixels per unit of theta, how far
    samples follow the surfaces, or None."""

    question: WarpLook
    iteration: int
    depth: np.ndarray
    distance: np.ndarray
    weight: np.ndarray
    chosen: np.ndarray
    traced: np.ndarray
    kept: np.ndarray
    near: np.ndarray
    motion: np.ndarray | None


@dataclass(frozen=True)
class FieldSliced:
    """picture: uint8 [h, w, 4] sRGB, the later of the two other axes upwards; None where there is no gradient (no step
    yet, or the distances are no parameters). low, high (3,): the plane's corners, object space; at: where it cuts its
    axis. limit: +- what the colours span. spacing: between isolines, 0 for none. nodes: layers that it could be, 0 where
    the field has no nodes."""

    question: FieldSlice
    iteration: int
    picture: np.ndarray | None
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    at: float
    limit: float
    spacing: float
    nodes: int


@dataclass(frozen=True)
class Checked:
    """counts: name -> how many, in order of display. marks: name -> ids of what is marked; kinds: name -> "face",
    "edge" (vertex pairs (n, 2)) or "vertex". facts: further numbers as text."""

    question: MeshCheck
    iteration: int
    counts: tuple[tuple[str, int], ...]
    marks: dict[str, np.ndarray]
    kinds: dict[str, str]


@dataclass(frozen=True)
class Thumbnailed:
    """pictures: view -> uint8 [h, w, 3] sRGB; some of those asked for, more follow."""

    question: Thumbnails
    pictures: dict[int, np.ndarray]


@dataclass(frozen=True)
class Measured:
    """metrics: "iou", "psnr", ..., as Scalars have them."""

    question: Measure
    iteration: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Unanswered:
    """A question was given up: another problem came, or it failed (the message says why)."""

    question: Question


Answer = Probed | Swept | Landscaped | WarpLooked | FieldSliced | Checked | Thumbnailed | Measured | Unanswered
