"""The cases of marching cubes, derived instead of typed in: which triangles cross a cell with given inside corners.

Corner c of a cell lies at (c & 1, c >> 1 & 1, c >> 2 & 1); bit c of a case says that it is inside. Edge e runs along axis
e // 4 from its lower corner. On a face whose inside corners touch only diagonally they are cut apart, whichever cell
looks at it, so that the surfaces of neighbouring cells always meet: the whole is closed but where the grid ends.
"""

from __future__ import annotations

import functools

import numpy as np

CORNERS = np.array([[c & 1, c >> 1 & 1, c >> 2 & 1] for c in range(8)])

EDGES = tuple((c, c | 1 << axis) for axis in range(3) for c in range(8) if not c >> axis & 1)
"""The two corners of each of the 12 edges, the lower one first."""

_EDGE = {frozenset(pair): number for number, pair in enumerate(EDGES)}


@functools.cache
def triangle_table() -> tuple[np.ndarray, np.ndarray]:
    """(counts (256,) int32, triangles (256, most, 3) int32 of edge numbers, wound outwards: away from inside)."""
    cases = [[t for loop in _loops(case) for t in _triangulate(loop)] for case in range(256)]
    table = np.zeros((256, max(map(len, cases)), 3), np.int32)
    for case, triangles in enumerate(cases):
        table[case, : len(triangles)] = np.array(triangles, np.int32).reshape(-1, 3)
    return np.array([len(t) for t in cases], np.int32), table


def _faces() -> list[list[int]]:
    """The corners of each of the six faces in turn, counter-clockwise as seen from outside the cell."""
    found = []
    for axis in range(3):
        u, v = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        ring = [0, v, u | v, u]  # clockwise about +axis: seen from below, the other way round
        found.append(ring)
        found.append([corner | 1 << axis for corner in reversed(ring)])
    return found


def _loops(case: int) -> list[list[int]]:
    """The closed polygons of a case, as edge numbers; each run of inside corners of a face is cut off by a segment."""
    after: dict[int, int] = {}
    for face in _faces():
        inside = [bool(case >> corner & 1) for corner in face]
        for start in range(4):
            if inside[start] and not inside[start - 1]:
                end = start
                while inside[(end + 1) % 4]:
                    end += 1
                entry = _EDGE[frozenset({face[start - 1], face[start]})]
                after[entry] = _EDGE[frozenset({face[end % 4], face[(end + 1) % 4]})]
    loops = []
    while after:
        first, edge = next(iter(after.items()))
        del after[first]
        loop = [first]
        while edge != first:
            loop.append(edge)
            edge = after.pop(edge)
        loops.append(loop)
    return loops


def _triangulate(loop: list[int]) -> list[tuple[int, int, int]]:
    """Triangles of a polygon, with as few diagonals in faces of the cell as can be (a neighbour could have the same)."""

    @functools.cache
    def best(first: int, last: int) -> tuple[int, tuple[tuple[int, int, int], ...]]:
        if last - first < 2:
            return 0, ()
        options = []
        for middle in range(first + 1, last):
            left, right = best(first, middle), best(middle, last)
            cost = left[0] + right[0] + _cost(loop, first, middle) + _cost(loop, middle, last)
            options.append((cost, ((loop[first], loop[middle], loop[last]), *left[1], *right[1])))
        return min(options, key=lambda option: option[0])

    return list(best(0, len(loop) - 1)[1])


def _cost(loop: list[int], a: int, b: int) -> int:
    """1 for a diagonal between two edges of one face."""
    if b - a == 1:
        return 0
    corners = CORNERS[list(EDGES[loop[a]] + EDGES[loop[b]])]
    return int((corners == corners[0]).all(axis=0).any())
