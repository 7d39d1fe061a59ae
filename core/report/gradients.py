"""Judging methods on the report's scenes, against supersampled finite differences (core/report/run.py writes it up)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.derivatives.derive import cosine, method_derivative, method_pullback, reference_derivative, relative_error
from core.derivatives.reference import hard_image, hard_method
from core.inspection import Rendered
from core.registry import methods
from core.report.scenes import ReportScene
from kernels.types import Method, Shape

VARIANTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("edge-grad", "edge-grad without crossings", {"crossings": False}),
    ("splat", "splat with one layer", {"layers": 1}),
)
"""Method, label, settings: intersection handling (EdgeGrad) and the second layer (RtS), switched off."""

STEP_PIXELS = 0.3
"""Of the finite differences: with a scene's own supersampling, noise stays below 1 % of a total (measured)."""


@dataclass(frozen=True)
class Entry:
    """A method with settings, and what the report calls it."""

    label: str
    method: Method
    settings: Any

    def sees(self, shape: Shape) -> bool:
        """Whether the shape has the face that the method looks at."""
        return self.method.face_of(shape, self.settings) in shape.faces_offered


@dataclass(frozen=True)
class Truth:
    """A scene's reference: per view the cotangent dL/dI and the six derivative images; their totals (6,). seconds: of
    processor time that it took."""

    cotangents: list[dict[str, np.ndarray]]
    images: list[list[dict[str, np.ndarray]]]
    total: np.ndarray
    seconds: float = 0.0


@dataclass(frozen=True)
class Row:
    """One method on one scene. error, cosine: of the six total derivatives, the error relative. image_error: of one
    derivative image. seconds: of processor time, compiling among it."""

    scene: str
    method: str
    error: float
    cosine: float
    image_error: float
    total: np.ndarray
    seconds: float


def reference_truth(scene: ReportScene, samples: int | None = None, step_pixels: float = STEP_PIXELS) -> Truth:
    """Finite differences of the scene's six motions, weighted by the derivative of an L2 loss.

    samples: a pixel's side; the scene's own by default.
    """
    worked, samples = time.process_time(), samples or scene.supersampling
    hard = hard_method(scene.shape)
    cotangents, images = [], []
    for view in scene.views:
        now = hard_image(scene.shape, scene.values, view, scene.channels, 4)
        wanted = hard_image(scene.shape, scene.target, view, scene.channels, 4)
        cotangents.append({c: (2.0 * (now[c] - wanted[c])).astype(np.float32) for c in scene.channels})
        plain = Rendered(scene.shape, *hard, scene.values, view, scene.channels)
        images.append([reference_derivative(plain, d, step_pixels, samples)[1] for d in scene.directions])
    total = np.array(
        [sum(_dot(cotangents[v], images[v][i]) for v in range(len(scene.views))) for i in range(len(scene.directions))]
    )
    return Truth(cotangents, images, total, time.process_time() - worked)


def method_total(scene: ReportScene, method: Method, truth: Truth, settings: Any = None) -> np.ndarray:
    """The six total derivatives (6,) by reverse mode, summed over the views."""
    settings = method.Settings() if settings is None else settings
    names = frozenset(n for d in scene.directions for n in d)
    total = np.zeros(len(scene.directions))
    for view, cotangent in zip(scene.views, truth.cotangents):
        rendered = Rendered(scene.shape, method, settings, scene.values, view, scene.channels)
        pulled = method_pullback(rendered, names, cotangent)
        total += [sum(float(np.vdot(pulled[n], d[n])) for n in d) for d in scene.directions]
    return total


def judge(
    scene: ReportScene, method: Method, truth: Truth, settings: Any = None, label: str = ""
) -> tuple[Row, dict[str, np.ndarray]]:
    """A method's row (called `label`, or by its name), and its derivative image by the first motion in the first view."""
    worked, settings = time.process_time(), method.Settings() if settings is None else settings
    total = method_total(scene, method, truth, settings)
    rendered = Rendered(scene.shape, method, settings, scene.values, scene.views[0], scene.channels)
    image, tangent = method_derivative(rendered, scene.directions[0])
    channel = scene.channels[0]
    row = Row(
        scene.name,
        label or method.name,
        relative_error(total, truth.total),
        cosine(total, truth.total),
        relative_error(tangent[channel], truth.images[0][0][channel]),
        total,
        time.process_time() - worked,
    )
    return row, {"image": image[channel], "derivative": tangent[channel], "reference": truth.images[0][0][channel]}


def entries() -> list[Entry]:
    """Every method at its defaults, and those whose parts are worth seeing apart."""
    found = methods()
    chosen = [Entry(name, method, method.Settings()) for name, method in found.items()]
    for name, label, settings in VARIANTS:
        chosen.append(Entry(label, found[name], found[name].Settings(**settings)))
    return sorted(chosen, key=lambda entry: entry.label)


def _dot(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    return sum(float(np.vdot(a[c].astype(np.float64), b[c].astype(np.float64))) for c in a)
