"""Resampling a grid: more (or fewer) nodes over the same box, trilinearly, as SDFDiff goes from coarse to fine."""

from __future__ import annotations

import numpy as np

LEAST_NODES = 4
"""Nodes a side: normals need a neighbourhood of four."""


def resampled(values: np.ndarray, spacing: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """(values, spacing) of the same box with `resolution` nodes along its longest side; the first node stays.

    values (nx, ny, nz), spacing (3,). The other sides get as many as make cells as cubic as can be, at least four.
    """
    from scipy.ndimage import map_coordinates

    extent = np.asarray(spacing, np.float64) * (np.array(values.shape) - 1)
    wanted = np.rint(extent / extent.max() * (resolution - 1)).astype(int) + 1
    nodes = np.maximum(wanted, LEAST_NODES)
    axes = [np.linspace(0.0, old - 1.0, new) for old, new in zip(values.shape, nodes)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"))
    finer = map_coordinates(values.astype(np.float64), places, order=1, mode="nearest")
    return finer.astype(np.float32), extent / (nodes - 1)
