"""Answers to the lab's questions made of NumPy alone, for the window's tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.derivatives.questions import (
    Checked,
    FieldSlice,
    FieldSliced,
    Landscape,
    Landscaped,
    Layer,
    MeshCheck,
    Mover,
    Probe,
    Probed,
    Sweep,
    SweepPoint,
    Swept,
    WarpLook,
    WarpLooked,
    Why,
)


def fake_answer(question: Any, iteration: int) -> Any:
    """What an engine with a tetrahedron might say; None for other questions."""
    match question:
        case Probe():
            movers = tuple(
                Mover(f"vertex {i}", f"vertices.{i}.normal", 1.0 / (1 + i), (1.0, 0.0, -0.5)) for i in range(4)
            )
            why = Why(
                "no silhouette term", "Why is this zero?", "naive keeps triangle 7 here: no silhouette term.", True
            )
            layers = (Layer(7, 2.5), Layer(9, 3.25))
            painted = np.array([1.0, 0.5, 0.25, 0.0], np.float32)
            return Probed(
                question, iteration, 0.5, "vertices", painted, movers, layers, (-0.25, -0.25), (("pose.scale", 0.1),), why, 12.0
            )  # fmt: skip
        case Sweep():
            points = tuple(
                SweepPoint(s, 0.01 * s, 0.3 + 0.1 * s, 0.5, 0.9, float("nan") if i == 0 else abs(np.log10(4 * s)) + 0.01, 2.0, 0.4)
                for i, s in enumerate(question.steps)
            )  # fmt: skip
            return Swept(question, iteration, points, 0.25, 1.0)
        case Landscape():
            places = [np.linspace(axis.low, axis.high, axis.count) for axis in question.axes]
            grids = np.meshgrid(*places, indexing="ij")
            loss = (0.01 + sum((g - 0.1) ** 2 for g in grids)).astype(np.float32)
            here = tuple(0.0 for _ in question.axes)
            slopes = tuple(-0.2 for _ in question.axes)
            return Landscaped(question, iteration, loss, here, 0.02, slopes, slopes, 1.0)
        case WarpLook():
            depth, weight = np.linspace(2.0, 3.0, 5), np.array([0.0, 0.1, 0.7, 0.2, 0.0])
            chosen = np.array([0.0, 0.0, 0.8, 0.2, 0.0])
            kept, motion = np.full((48, 64), 2, np.int32), np.full((48, 64, 2), 3.0, np.float32)
            near = np.arange(48 * 64).reshape(48, 64) < 1000
            return WarpLooked(
                question, iteration, depth, 0.1 * depth, weight, chosen, kept + 3, kept, near, motion if question.theta else None
            )  # fmt: skip
        case FieldSlice():
            picture = None if question.gradient else np.full((8, 8, 4), (0, 200, 40, 255), np.uint8)
            low, high = ([-1.0] * 3, [1.0] * 3)
            low[question.axis] = high[question.axis] = 0.25
            corners = (low[0], low[1], low[2]), (high[0], high[1], high[2])
            return FieldSliced(question, iteration, picture, *corners, 0.25, 0.5, 0.0 if question.gradient else 0.1, 9)
        case MeshCheck():
            return Checked(
                question, iteration, (("Flipped", 1), ("Open edges", 2), ("Duplicate vertices", 0)),
                {"Flipped": np.array([2]), "Open edges": np.array([[0, 1], [1, 2]])}, {"Flipped": "face", "Open edges": "edge"},
            )  # fmt: skip
    return None
