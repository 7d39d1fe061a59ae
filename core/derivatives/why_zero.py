"""Why a pixel's derivative is zero: the true cause, from what the method did and what really happens at the pixel.

A pixel counts in a step by dL/dI * dI/dtheta * (is theta free). The first factor that is zero is the cause, from the
right: dI/dtheta, held against central differences of the hard render around the pixel (core/derivatives/window_truth.py), then
dL/dI, then the parameter.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.derivatives.elements import element_of
from core.derivatives.questions import Layer, Why
from core.derivatives.window_truth import Truth, layers_at, truth_at
from core.inspection import Rendered
from kernels.types import Shape

TITLE, WRONG_TITLE = "Why is this zero?", "Why is this wrong?"

WRONG = 0.2
"""Of the larger of the two derivatives: by so much the method's and the truth's differ where a missing term shows. At a
silhouette two right answers differ by a few percent: the samples of a pixel are not the same."""

METHOD_ZERO = 1e-4
"""Of the derivative image's largest value: below, the method says zero (rounding of float32 sums)."""

LEAST_SCALE = 0.02
"""Per unit of theta, of images between 0 and 1: where nothing in sight changes more, "zero" is held against this, since
rounding alone makes 1e-6 (a whole shape that moves by a unit changes an edge's pixel by 10)."""

TRUTH_ZERO = 2e-3
"""Of the same, for the difference of 256 samples."""

LEAST_COVERAGE = 1e-3
"""Less than this of a pixel is no hit: Gaussians reach everywhere, if only with 1e-18."""

SHADING = ("light.direction", "light.intensity", "pose.rotation", "vertices", "values")
"""What turns normals or light: in shadow the clamped cosine hides it. What shifts the surface is hidden where it is
curved."""

COLOUR_ONLY = ("light.", "surface.colour", "vertex_colours", "texture", "background", "appearance")
"""Parameters, by how their names begin, that change colour and no other channel."""


OF_GAUSSIANS = ("means", "precision_factors", "log_weights")
"""Parameters of metaballs: each Gaussian has a share in every pixel, however small, and no silhouette of its own."""


class Cause(enum.StrEnum):
    """What made the pixel's contribution zero, or NONE."""

    NONE = "not zero"
    CHANNEL = "not in this channel"
    NO_HIT = "no hit"
    OCCLUDED = "occluded"
    ELSEWHERE = "elsewhere"
    OUTSIDE_BAND = "outside the narrow band"
    NOT_ON_SILHOUETTE = "not on a silhouette"
    NO_SHARE = "no share in this pixel"
    CLAMPED = "clamped"
    FLAT = "nothing changes here"
    NO_SILHOUETTE_TERM = "no silhouette term"
    NO_OCCLUSION_TERM = "no occlusion term"
    NO_INTERSECTION_TERM = "no intersection term"
    BETWEEN_SAMPLES = "between the samples"
    MASKED = "mask applied after the estimator"
    RESIDUAL = "loss residual zero"
    NOT_FREE = "not free"


@dataclass(frozen=True)
class Evidence:
    """What is known about one pixel and one theta.

    by_method: dI/dtheta at the pixel (C,). largest: of the method's whole derivative image. place: where the element
    that theta moves lies ("seen", "occluded", "elsewhere", "outside"), "whole" where theta moves the whole shape.
    loss_gradient: |dL/dI| at the pixel over all channels; largest_loss_gradient of the image. masked: the loss leaves
    the pixel out.
    """

    method: str
    moves: frozenset[str]
    theta: str
    channel: str
    by_method: np.ndarray
    largest: float
    truth: Truth
    layers: tuple[Layer, ...]
    place: str
    loss_gradient: float
    largest_loss_gradient: float
    masked: bool
    free: bool


@dataclass(frozen=True)
class Counted:
    """What makes a derivative count: size (H, W) of dL/dI, where the loss leaves pixels out (H, W) bool, and whether
    theta is free."""

    loss_gradient: np.ndarray
    masked: np.ndarray
    free: bool


def gather(
    scene: Rendered,
    theta: str,
    direction: Mapping[str, Any],
    pixel: tuple[int, int],
    channel: str,
    derivative: np.ndarray,
    counted: Counted,
) -> Evidence:
    """Look at one pixel (x, y). derivative: the method's dI/dtheta of `channel`, [H, W, C]."""
    x, y = pixel
    truth = truth_at(scene.shape, scene.values, scene.view, pixel, channel, direction)
    layers = layers_at(scene.shape, scene.values, scene.view, pixel)
    return Evidence(
        method=scene.method.name,
        moves=scene.method.moves(scene.settings),
        theta=theta,
        channel=channel,
        by_method=derivative[y, x],
        largest=float(np.abs(derivative).max()),
        truth=truth,
        layers=layers,
        place=place_of(theta, scene.shape, scene.values, truth, layers),
        loss_gradient=float(counted.loss_gradient[y, x]),
        largest_loss_gradient=float(counted.loss_gradient.max()),
        masked=bool(counted.masked[y, x]),
        free=counted.free,
    )


def explain(evidence: Evidence) -> Why:
    """The cause and a sentence for people."""
    cause = find_cause(evidence)
    if cause in (Cause.NONE, Cause.NOT_FREE):  # a wrong derivative is wrong whether it moves anything or not
        missing, truth = _missing(evidence), evidence.truth.change[1, 1]
        apart = float(np.abs(evidence.by_method - truth).max())
        if missing and apart > WRONG * max(float(np.abs(evidence.by_method).max()), float(np.abs(truth).max())):
            return Why(Cause.NONE, WRONG_TITLE, _sentence(missing[0], evidence), zero=False)
    if cause is Cause.NONE:
        return Why(cause, "", _what_is_there(evidence), zero=False)
    derivative_there = cause in (Cause.RESIDUAL, Cause.MASKED, Cause.NOT_FREE)
    title = "Why does this not count?" if derivative_there else TITLE
    return Why(cause, title, _sentence(cause, evidence), zero=not derivative_there)


def find_cause(e: Evidence) -> Cause:
    """The first zero factor, see the module docstring."""
    scale = max(e.largest, float(np.abs(e.truth.change).max()), LEAST_SCALE)
    if float(np.abs(e.by_method).max()) > METHOD_ZERO * scale:
        return _counted_cause(e)
    middle = float(np.abs(e.truth.change[1, 1]).max())
    if e.channel != "colour" and e.theta.startswith(COLOUR_ONLY):
        return Cause.CHANNEL
    if e.theta.partition(".")[0] in OF_GAUSSIANS:
        return Cause.NO_SHARE
    hidden = {"outside": Cause.OUTSIDE_BAND, "occluded": Cause.OCCLUDED, "elsewhere": Cause.ELSEWHERE}
    if e.place in hidden:
        return hidden[e.place]
    if e.truth.covered.max() <= LEAST_COVERAGE and middle <= TRUTH_ZERO * scale:
        return Cause.NO_HIT
    if middle <= TRUTH_ZERO * scale:
        return _still_cause(e)
    return next(iter(_missing(e)), Cause.BETWEEN_SAMPLES)


def _missing(e: Evidence) -> list[Cause]:
    """The discontinuities at the pixel that the method has no term for, the commonest first. Coverage changes at
    silhouettes alone: where one surface takes another's place the pixel is covered all the same."""
    kinds = ("silhouette",) if e.channel == "silhouette" else ("silhouette", "occlusion", "intersection")
    return [Cause(f"no {kind} term") for kind in kinds if kind in e.truth.edges - e.moves]


def _counted_cause(e: Evidence) -> Cause:
    """dI/dtheta is not zero: whether it counts."""
    if e.masked:
        return Cause.MASKED
    if e.loss_gradient <= 1e-6 * e.largest_loss_gradient or e.loss_gradient == 0.0:
        return Cause.RESIDUAL
    return Cause.NONE if e.free else Cause.NOT_FREE


def _still_cause(e: Evidence) -> Cause:
    """The pixel really does not change: why."""
    if e.channel == "silhouette" and "silhouette" not in e.truth.edges:
        return Cause.NOT_ON_SILHOUETTE
    turned = e.theta.startswith(SHADING) or e.truth.curved
    return Cause.CLAMPED if e.truth.shadowed and turned else Cause.FLAT


def place_of(theta: str, shape: Shape, values: Mapping[str, Any], truth: Truth, layers: tuple[Layer, ...]) -> str:
    """Where the vertex or grid node of `theta` lies for this pixel; "whole" for all other thetas."""
    element = element_of(theta, values)
    if element is None or element.name not in ("vertices", "values"):
        return "whole"
    if element.name == "values":
        return "whole" if _in_band(element.index[:3], np.asarray(values["values"])) else "outside"
    faces = shape.display_mesh(values)[1]
    around = {int(i) for i in np.flatnonzero((faces == element.index[0]).any(axis=1))}
    if around & truth.triangles:
        return "seen"
    behind = {layer.triangle for layer in layers[1:]}
    return "occluded" if around & behind else "elsewhere"


def _in_band(node: tuple[int, ...], grid: np.ndarray) -> bool:
    """Whether a cell at this node is crossed by the surface."""
    box = grid[tuple(slice(max(i - 1, 0), i + 2) for i in node)]
    return bool(box.min() < 0 <= box.max())


def _what_is_there(e: Evidence) -> str:
    """A line about a pixel that does count."""
    triangle = e.layers[0].triangle if e.layers else None
    inside = "the surface" if triangle is None else f"triangle {triangle}"
    if "occlusion" in e.truth.edges:
        return f"Occlusion: {inside} before a farther part."
    if "silhouette" in e.truth.edges:
        return f"Silhouette: {inside} over the background." if e.layers else "Silhouette: just outside the surface."
    if "intersection" in e.truth.edges:
        return "Intersection: two surfaces meet here."
    return f"Inside {inside}: shading slides." if e.layers else "Background beside the surface."


def _sentence(cause: Cause, e: Evidence) -> str:
    front = e.layers[0].triangle if e.layers else None
    sees = "the background" if not e.layers else "the surface" if front is None else f"triangle {front}"
    element = e.theta.rsplit(".", 1)[0] if e.theta.rsplit(".", 1)[-1] in ("x", "y", "z", "normal") else e.theta
    return {
        Cause.CHANNEL: f"The loss sees only the {e.channel}, and {e.theta} changes colour alone.",
        Cause.NO_HIT: "No hit: no surface in this pixel or beside it.",
        Cause.OCCLUDED: f"Occluded: {element} lies behind {sees}.",
        Cause.ELSEWHERE: f"{element} lies elsewhere: this pixel sees {sees}.",
        Cause.OUTSIDE_BAND: f"Outside the narrow band: the surface crosses no cell at {element}.",
        Cause.NOT_ON_SILHOUETTE: "Not on a silhouette: coverage stays as it is inside and outside.",
        Cause.NO_SHARE: f"{element} has next to no share, exp(-d²/2), in this pixel's ray, or coverage is full already.",
        Cause.CLAMPED: "Clamped: the surface is turned from the light, and max(0, n·l) is 0 here.",
        Cause.FLAT: f"Nothing changes here when {e.theta} moves: finite differences are zero too.",
        Cause.NO_SILHOUETTE_TERM: f"{e.method} keeps {sees} here: it has no silhouette term.",
        Cause.NO_OCCLUSION_TERM: f"{e.method} keeps {sees} here: it has no term where one part covers another.",
        Cause.NO_INTERSECTION_TERM: f"{e.method} does not see the line move where two surfaces meet.",
        Cause.BETWEEN_SAMPLES: f"An edge crosses this pixel between the samples that {e.method} compares; "
        "a neighbour has its share.",
        Cause.MASKED: "The mask is applied after the estimator: the derivative is there, and the loss leaves it out.",
        Cause.RESIDUAL: "dL/dI is zero: the render equals the target here, so the pixel pulls at nothing.",
        Cause.NOT_FREE: f"{e.theta} is not free: tick it in the tree and the fit moves it.",
    }[cause]
