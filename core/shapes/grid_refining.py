"""What a stage makes of a grid: more (or fewer) nodes over the same box, trilinearly, as SDFDiff goes from coarse to fine;
distances to its surface again, without specks.

An eikonal term alone does not keep values distances: a field may have slope 1 everywhere and yet valleys that run along
zero far from any surface, where a little noise makes a piece of one node. Pictures whose pixels are not smaller than a
cell hardly see it, so that nothing takes it away. Distances have no such valleys.
"""

from __future__ import annotations

import numpy as np

from core.redistance import grid_distances

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


def redistanced(values: np.ndarray, origin: np.ndarray, spacing: np.ndarray, least: int) -> tuple[np.ndarray, str]:
    """(distances (nx, ny, nz) to the surface of `values` without its specks, what was left out in words, "" for nothing).

    Specks: pieces of the inside and cavities that have fewer nodes than `least`, told apart as marching cubes does. The
    largest piece of each side stays.
    """
    inside = values < 0
    specks, pieces = _small_parts(inside, least, 1)
    holes, cavities = _small_parts(~inside, least, 2)
    cleared = np.where(specks, np.abs(values), values)
    cleared = np.where(holes, -np.maximum(values, np.finfo(np.float32).tiny), cleared)
    found = [
        f"{parts} {one if parts == 1 else many} ({nodes.sum()} node{'s' if nodes.sum() > 1 else ''})"
        for nodes, parts, one, many in ((specks, pieces, "piece", "pieces"), (holes, cavities, "cavity", "cavities"))
        if parts
    ]
    note = f"left out {' and '.join(found)}" if found else ""
    return grid_distances(cleared.astype(np.float32), origin, spacing), note


def _small_parts(side: np.ndarray, least: int, reach: int) -> tuple[np.ndarray, int]:
    """The nodes of `side` (nx, ny, nz) in parts of fewer than `least` nodes, never in the largest; how many parts.

    reach: 1 joins neighbours along an edge of a cell, as marching cubes joins the inside (kernels/marching_cubes_table.py);
    2 also those across a face of it, as it joins the outside.
    """
    from scipy.ndimage import generate_binary_structure, label

    parts = np.zeros(side.shape, np.int32)
    label(side, generate_binary_structure(3, reach), parts)
    sizes = np.bincount(parts.ravel())[1:]
    small = sizes < least
    if len(sizes):
        small[np.argmax(sizes)] = False
    return np.concatenate([[False], small])[parts], int(small.sum())
