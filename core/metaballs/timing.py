"""Run times of every method of Rimlight on one object, each on its own representation of it: milliseconds, sampling included."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from core.derivatives.derive import method_pullback
from core.experiment import GridSpec
from core.inspection import Rendered, forward
from core.metaballs.scene import DISTANCE, Subject
from core.registry import methods
from core.report.tables import Row
from core.shapes.loading import load_shape
from core.shapes.metaballs import Metaballs
from kernels.camera import look_at, orbit_eye
from kernels.types import CameraView, Face, Shape

SIZES = ((80, 60), (160, 120), (256, 256))
"""Pixels: the paper's CPU and CUDA sizes (Table 1), and a window's pane."""
POSE = frozenset({"pose.rotation", "pose.translation"})
CHANNELS = ("silhouette", "depth")
GRID = 48
"""Nodes along the longest side of the grid that stands for the methods of fields."""
_GEOMETRY = {Face.SURFACE: "vertices", Face.TRIANGULATION: "vertices", Face.FIELD: "values"}
"""Which parameter is the shape."""
PATIENCE = 1.0
"""Seconds after which a timing is not repeated."""


def timed_rows(one: Subject, balls: Metaballs, progress: Callable[[str, float | None], None]) -> Iterator[Row]:
    """forward: the image. pull_back: the gradient of a depth and silhouette loss by the pose, forward pass included.

    Every method on the representation it is made for: the mesh, the metaballs, a grid of GRID nodes a side.
    """
    own: dict[Face, Shape] = {Face.SURFACE: one.mesh, Face.TRIANGULATION: one.mesh, Face.GAUSSIANS: balls}
    if one.data.facts.get("watertight"):
        own[Face.FIELD] = load_shape("sdf-grid", str(one.data.path), None, None, GridSpec(resolution=GRID))
    for name, method in methods().items():
        shape = own.get(method.face)
        if shape is None:
            continue
        settings = method.Settings()
        for width, height in SIZES:
            progress(f"{one.name}: {name}, {width} x {height}", None)
            view = CameraView(look_at(orbit_eye(30.0, 20.0, DISTANCE)), width, height)
            values = one.values(shape)
            scene = Rendered(shape, method, settings, values, view, CHANNELS)
            cotangent = {c: np.full((height, width, 1), 1.0 / (width * height), np.float32) for c in CHANNELS}
            there = lambda s=scene: forward(s)
            back = lambda s=scene, w=cotangent: method_pullback(s, POSE, w)
            size = 10 * len(values["means"]) if shape is balls else int(values[_GEOMETRY[method.face]].size)
            forward_ms, back_ms = _milliseconds(there), _milliseconds(back)
            label = {"shape": one.name, "method": name, "numbers": size, "pixels": f"{width} x {height}"}
            yield {**label, "forward_ms": forward_ms, "pull_back_ms": back_ms}
            if back_ms > 1e3 * PATIENCE:
                break  # the larger pictures would take minutes, and say no more


def _milliseconds(call: Callable[[], Any], medians: int = 8, calls: int = 3) -> float:
    """Least of several medians: what an idle machine gives, even on a busy one. Fewer where a call takes long."""
    call()
    begin, found = time.perf_counter(), []
    while len(found) < medians and (not found or time.perf_counter() - begin < PATIENCE):
        times = []
        while len(times) < calls and (not times or time.perf_counter() - begin < PATIENCE):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        found.append(statistics.median(times))
    return 1e3 * min(found)
