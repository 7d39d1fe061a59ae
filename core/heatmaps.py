"""The derived images a pane can show, each computed from a snapshot (core/protocol.py): name, unit, signed or not.

Signed maps are zero-centred and use the diverging colour map; `array` is the snapshot's array.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heatmap:
    """array: name in Snapshot.arrays. unit: of a pixel's value, "" for linear light."""

    title: str
    help: str
    array: str
    unit: str = ""
    signed: bool = True


HEATMAPS: dict[str, Heatmap] = {
    "target": Heatmap("Target", "What the fit should look like.", "target", signed=False),
    "render": Heatmap("Render", "The method's own forward image.", "render", signed=False),
    "difference": Heatmap("Difference", "Render minus target.", "difference"),
    "derivative": Heatmap("dI/dθ, method", "How each pixel changes with θ, by the method.", "derivative", "1/θ"),
    "reference": Heatmap("dI/dθ, finite differences", "The same by central differences.", "reference", "1/θ"),
    "disagreement": Heatmap("Disagreement", "Method minus finite differences.", "disagreement", "1/θ"),
    "loss-gradient": Heatmap("dL/dI", "How the loss changes with each pixel.", "loss_gradient", "1/I"),
    "depth": Heatmap("Depth", "Distance along the view axis.", "depth", "unit-sphere radii", signed=False),
    "face-id": Heatmap("Triangle", "The triangle each pixel sees.", "face_id", "id", signed=False),
}
