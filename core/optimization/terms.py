"""Terms of the objective: image losses on what a view sees, and regularisers on the parameters.

Each image loss is (planes, target planes) -> scalar mean over pixels and planes, so that weights mean the same at every
resolution; a pyramid averages it over box-filtered levels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from core.errors import RimlightError
from core.experiment import LIVE_TERM_NUMBERS, TermSpec
from core.optimization.grid_terms import eikonal, grid_laplacian
from core.optimization.mesh_terms import (
    as_rigid_as_possible,
    cotangent_laplacian,
    edge_length,
    laplacian,
    mesh_constants,
    normal_consistency,
)
from kernels.network_parts import WEIGHTS
from kernels.types import BACK_FACES, SEEN, SEGMENTATION, Image, Planes

EVERY = tuple(c for c in SEEN if c != BACK_FACES)
SILHOUETTE_FLOOR = 0.01
"""Hard silhouettes are exactly 0 or 1, where a clipped logarithm has no gradient at all: the cross-entropy sees
floor + (1 - 2 floor) * alpha instead. Own choice: bounds a wrong pixel's pull to 100 times a right one's."""


def _mean(planes: list[Any]) -> Any:
    return sum(jnp.mean(p) for p in planes) / len(planes)


def l1(image: Planes, target: Planes) -> Any:
    return _mean([jnp.abs(a - b) for a, b in zip(image, target)])


def l2(image: Planes, target: Planes) -> Any:
    return _mean([jnp.square(a - b) for a, b in zip(image, target)])


def cross_entropy(image: Planes, target: Planes) -> Any:
    """Binary cross-entropy of soft coverage, floored (SILHOUETTE_FLOOR); zero gradient only where both agree."""
    alpha = SILHOUETTE_FLOOR + (1.0 - 2.0 * SILHOUETTE_FLOOR) * image[0]
    return -jnp.mean(target[0] * jnp.log(alpha) + (1.0 - target[0]) * jnp.log(1.0 - alpha))


def iou(image: Planes, target: Planes) -> Any:
    """1 - intersection over union of two coverages, each the least and the greatest of the two; 0 for two empty ones.

    Soft Rasterizer's products say the same of crisp silhouettes, but of two equal pictures of half-covered pixels they
    make a loss, which is least where pixels are full: at coarse levels of a pyramid the least loss lay beside the target.
    """
    cover, wanted = image[0], target[0]
    below = (cover < wanted) | ((cover == wanted) & (wanted > 0.5))  # where they are equal: a full pixel can only lose
    intersection = jnp.sum(jnp.where(below, cover, wanted))
    union = jnp.sum(jnp.where(below, wanted, cover))
    empty = union < 1e-6
    return jnp.where(empty, 0.0, 1.0 - intersection / jnp.where(empty, 1.0, union))


CLEARANCE = "clearance"
"""Name, beside the channels, of how closely each ray passes the surface (kernels/clearance.py), world units."""


def idr_mask(image: Planes, target: Planes, passing: Planes, sharpness: Any) -> Any:
    """IDR's mask loss (Yariv et al. 2020, eq. 7): cross-entropy of sigmoid(-alpha min f) over alpha, over the pixels
    that do not hit inside the mask; the mean over all pixels. sharpness: alpha, per world unit."""
    done = (image[0] > 0.5) & (target[0] > 0.5)
    logit = -sharpness * passing[0]
    # log(1 + exp(logit)) - target logit, in a form that neither over- nor underflows.
    entropy = jnp.maximum(logit, 0.0) - target[0] * logit + jnp.log1p(jnp.exp(-jnp.abs(logit)))
    return jnp.mean(jnp.where(done, 0.0, entropy)) / sharpness


def label_cross_entropy(image: Planes, target: Planes) -> Any:
    """Cross-entropy of the labels' shares of each pixel, floored as `cross_entropy` is: mean over pixels of
    -sum_c target_c log(floor + (1 - C floor) share_c)."""
    floor, rest = SILHOUETTE_FLOOR, 1.0 - len(image) * SILHOUETTE_FLOOR
    return -jnp.mean(sum(b * jnp.log(floor + rest * a) for a, b in zip(image, target)))


def back_faces(image: Planes, target: Planes) -> Any:
    """Mean square of the picture of triangles seen from behind (EdgeGrad, supplement B): a clean surface shows none."""
    return jnp.mean(jnp.square(image[0]))


@dataclass(frozen=True)
class LossInfo:
    """A term as data. sees: channels it accepts, () for a regulariser. needs: parameters it acts on, any of them.

    clearance: the function takes the rays' clearance and the term's sharpness too; the shape must have a field.
    banded: the function takes the term's `band` too. constants: what it needs beside them (core/optimization/mesh_terms.py).
    """

    title: str
    help: str
    function: Callable[..., Any]
    sees: tuple[str, ...] = EVERY
    needs: tuple[str, ...] = ()
    banded: bool = False
    clearance: bool = False
    constants: tuple[str, ...] = ()

    @property
    def compares(self) -> bool:
        """Whether it holds the image against a target; a fit needs a term that does."""
        return bool(self.sees) and self.sees != (BACK_FACES,)


LOSSES: dict[str, LossInfo] = {
    "l1": LossInfo("L1", "Mean absolute difference.", l1),
    "l2": LossInfo("L2", "Mean squared difference.", l2),
    "silhouette-cross-entropy": LossInfo(
        "Cross-entropy", "Binary cross-entropy of the silhouette, floored at 0.01.", cross_entropy, ("silhouette",)
    ),
    "iou": LossInfo("IoU", "1 minus intersection over union of the silhouettes.", iou, ("silhouette",)),
    "idr-mask": LossInfo(
        "IDR mask",
        "Pushes the field up along rays that should miss and down along rays that should hit, where they pass it "
        "closest: the outline's pull for methods that have no silhouette term.",
        idr_mask,
        ("silhouette",),
        clearance=True,
    ),
    "label-cross-entropy": LossInfo(
        "Cross-entropy of labels",
        "How surprising the target's labels are, floored at 0.01.",
        label_cross_entropy,
        (SEGMENTATION,),
    ),
    "back-face": LossInfo(
        "Back faces",
        "How much of the image shows triangles from behind, which a closed surface without folds never does. EdgeGrad: "
        "weight 10.",
        back_faces,
        (BACK_FACES,),
        ("vertices",),
    ),
    "laplacian": LossInfo(
        "Smoothness",
        "Uniform Laplacian: each vertex stays near the mean of its neighbours.",
        laplacian,
        (),
        ("vertices",),
    ),
    "cotangent-laplacian": LossInfo(
        "Smoothness, cotangent",
        "Cotangent Laplacian: smooths the shape, and lets vertices lie unevenly where it is flat.",
        cotangent_laplacian,
        (),
        ("vertices",),
    ),
    "arap": LossInfo(
        "As rigid as possible",
        "Each neighbourhood may turn, but not stretch, against the start (or the last stage's).",
        as_rigid_as_possible,
        (),
        ("vertices",),
        constants=("rest",),
    ),
    "edge-length": LossInfo("Even edges", "Edges as long as the mean edge.", edge_length, (), ("vertices",)),
    "normal-consistency": LossInfo(
        "Flat edges",
        "Faces that share an edge look the same way.",
        normal_consistency,
        (),
        ("vertices",),
        constants=("face_pairs",),
    ),
    "eikonal": LossInfo(
        "Eikonal",
        "Gradients of length 1: a grid's values, or what a network says, stay distances.",
        eikonal,
        (),
        ("values", WEIGHTS),
        banded=True,
    ),
    "grid-laplacian": LossInfo(
        "Grid smoothness", "The field bends as little as it can.", grid_laplacian, (), ("values",), banded=True
    ),
}


def term_numbers(terms: Sequence[TermSpec]) -> np.ndarray:
    """(2 n,) float32, the `weights` of image_terms: every term's weight, then every term's sharpness."""
    return np.array([getattr(term, name) for name in LIVE_TERM_NUMBERS for term in terms], np.float32)


def term_constants(
    terms: Sequence[TermSpec], constants: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """A shape's constants, and what the terms need beside them of a shape that stands at `values`."""
    wanted = {name for term in terms for name in LOSSES[term.loss].constants}
    return {**constants, **mesh_constants(wanted, constants, values)}


def check_terms(terms: tuple[TermSpec, ...], values: Mapping[str, Any]) -> None:
    """Raise RimlightError where a term cannot be evaluated on this problem."""
    if not any(LOSSES[t.loss].compares for t in terms):
        raise RimlightError("term: no term looks at the image; add one with loss l1, l2, iou or cross-entropy")
    for i, term in enumerate(terms):
        info = LOSSES[term.loss]
        if info.sees and term.sees not in info.sees:
            raise RimlightError(f"term[{i}].sees: {term.loss} sees {' or '.join(info.sees)}, found {term.sees!r}")
        if info.needs and not set(info.needs) & set(values):
            needed = " or ".join(info.needs)
            raise RimlightError(f"term[{i}].loss: {term.loss} needs {needed}, which this shape does not have")


def channels_seen(terms: tuple[TermSpec, ...]) -> tuple[str, ...]:
    """The channels the terms look at, in the order of SEEN."""
    seen = {t.sees for t in terms if LOSSES[t.loss].sees}
    return tuple(c for c in SEEN if c in seen)


def halve(planes: Planes) -> Planes:
    """2 x 2 box filter as two small matrix products (2 to 4 times faster than reduce_window on XLA:CPU).

    An odd last row or column is averaged alone.
    """
    height, width = planes[0].shape
    rows, columns = _halving(height, planes[0].dtype), _halving(width, planes[0].dtype)
    return tuple(rows @ jax.lax.optimization_barrier(p) @ columns.T for p in planes)


def _halving(size: int, dtype: Any) -> Any:
    half = (size + 1) // 2
    out = jnp.arange(half)[:, None]
    inside = jnp.arange(size)[None, :] // 2 == out
    return inside.astype(dtype) / jnp.sum(inside, 1, keepdims=True).astype(dtype)


def image_terms(terms: tuple[TermSpec, ...], weights: Any, image: Image, target: Image) -> Any:
    """Weighted sum over image terms, and each term's unweighted value (a list as long as `terms`, 0 elsewhere).

    weights: term_numbers(terms); those of terms without a sharpness may be left out.
    """
    total, each = 0.0, []
    for i, term in enumerate(terms):
        info = LOSSES[term.loss]
        if not info.sees:
            each.append(jnp.zeros(()))
            continue
        a = image[term.sees]
        b, value = target[term.sees] if info.compares else a, 0.0
        if info.clearance:
            value = info.function(a, b, image[CLEARANCE], weights[len(terms) + i])
        for level in range(0 if info.clearance else term.levels):
            if level:
                a, b = halve(a), halve(b)
            value = value + info.function(a, b) / term.levels
        each.append(value)
        total = total + weights[i] * value
    return total, each


def parameter_terms(terms: tuple[TermSpec, ...], weights: Any, values: Mapping[str, Any], shape: Any = None) -> Any:
    """Weighted sum over regularisers, and each one's unweighted value (0 for image terms). A shape that has a function
    of a term's name (a network's eikonal) evaluates it itself."""
    total, each = jnp.zeros(()), []
    for i, term in enumerate(terms):
        info = LOSSES[term.loss]
        band = (term.band,) if info.banded else ()
        own = getattr(shape, term.loss, None)
        if info.sees:
            value = jnp.zeros(())
        else:
            value = own(values) if own is not None else info.function(values, *band)
        each.append(value)
        total = total + weights[i] * value
    return total, each
