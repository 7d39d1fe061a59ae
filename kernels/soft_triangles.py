"""Triangles on the screen, as the soft sampler needs them: edge functions, outlines cut at the near plane, boxes (Numba).

Convention: pixels, x right and y down; an outline has only the parts of edges in front, the cut itself is no outline.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import kernel


@kernel
def _cut_edge(h, j, k, near, row):
    """The part of edge (j, k) in front of the near plane -> row: ax, ay, dx, dy, 1/|d|^2, 1/wa, 1/wb, start, end.

    False where nothing of it is in front. h (3, 3): homogeneous corners in pixels; start, end: shares of the edge.
    """
    wj, wk = h[j, 2], h[k, 2]
    if wj < near and wk < near:
        return False
    start, end = 0.0, 1.0
    if wj < near:
        start = (near - wj) / (wk - wj)
    if wk < near:
        end = (near - wj) / (wk - wj)
    wa, wb = wj + start * (wk - wj), wj + end * (wk - wj)
    ax, ay = (h[j, 0] + start * (h[k, 0] - h[j, 0])) / wa, (h[j, 1] + start * (h[k, 1] - h[j, 1])) / wa
    bx, by = (h[j, 0] + end * (h[k, 0] - h[j, 0])) / wb, (h[j, 1] + end * (h[k, 1] - h[j, 1])) / wb
    squared = (bx - ax) ** 2 + (by - ay) ** 2
    row[0], row[1], row[2], row[3] = ax, ay, bx - ax, by - ay
    row[4] = 1 / squared if squared > 0 else 0.0
    row[5], row[6], row[7], row[8] = 1 / wa, 1 / wb, start, end
    return True


@kernel
def set_up(vertices, faces, matrix, near, reach, cull, width, height, numbers, box, first, last):
    """Fill numbers (m, 39) and box (m, 4: columns and rows, stop exclusive) of triangles first..last; empty where unseen.

    numbers: edge functions c_i = p x + q y + r (9; c_i over their sum is the perspective-correct barycentric), the three
    depths, then nine numbers an edge, opposite corners 0, 1, 2 (`_cut_edge`); an absent edge has 1/wa = 0.
    """
    h = np.empty((3, 3))
    for face in range(first, last):
        box[face, 0] = box[face, 1] = box[face, 2] = box[face, 3] = 0
        for i in range(3):
            x, y, z = vertices[faces[face, i], 0], vertices[faces[face, i], 1], vertices[faces[face, i], 2]
            for axis in range(3):
                h[i, axis] = matrix[axis, 0] * x + matrix[axis, 1] * y + matrix[axis, 2] * z + matrix[axis, 3]
        volume = 0.0
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            numbers[face, 3 * i] = h[j, 1] * h[k, 2] - h[j, 2] * h[k, 1]
            numbers[face, 3 * i + 1] = h[j, 2] * h[k, 0] - h[j, 0] * h[k, 2]
            numbers[face, 3 * i + 2] = h[j, 0] * h[k, 1] - h[j, 1] * h[k, 0]
            numbers[face, 9 + i] = h[i, 2]
        for axis in range(3):
            volume += h[0, axis] * numbers[face, axis]
        if not (abs(volume) > 0 and abs(volume) < np.inf) or (cull and volume > 0):
            continue
        low_x, high_x, low_y, high_y, seen = np.inf, -np.inf, np.inf, -np.inf, False
        for i in range(3):
            edge = numbers[face, 12 + 9 * i : 21 + 9 * i]
            edge[:] = 0
            if _cut_edge(h, (i + 1) % 3, (i + 2) % 3, near, edge):
                seen = True
                for x in (edge[0], edge[0] + edge[2]):
                    low_x, high_x = min(low_x, x), max(high_x, x)
                for y in (edge[1], edge[1] + edge[3]):
                    low_y, high_y = min(low_y, y), max(high_y, y)
        if seen and high_x + reach > 0 and high_y + reach > 0 and low_x - reach < width and low_y - reach < height:
            box[face, 0] = np.int32(max(0.0, np.ceil(low_x - reach - 0.5)))
            box[face, 1] = np.int32(min(np.float64(width), np.floor(high_x + reach - 0.5) + 1))
            box[face, 2] = np.int32(max(0.0, np.ceil(low_y - reach - 0.5)))
            box[face, 3] = np.int32(min(np.float64(height), np.floor(high_y + reach - 0.5) + 1))
