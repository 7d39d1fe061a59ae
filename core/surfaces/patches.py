"""From a control cage to bicubic patches: Catmull-Clark subdivision as a matrix, and every face's 16 points.

A face whose corners are regular (four faces around each, or a smooth border) is one uniform bicubic B-spline patch
exactly (Catmull and Clark 1978); around other corners the cage is subdivided LEVELS times, and what is still irregular
becomes a patch through the corners' limit positions. Borders get phantom points, so that the surface reaches them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

LEVELS = 2
"""Rounds of subdivision of a cage with irregular corners: what is no exact spline shrinks to a sixteenth of the faces
around each."""


@dataclass(frozen=True)
class Patches:
    """matrix: (points, control points) sparse. ids: (patches, 16), into the points, rows of v, columns of u.

    exact: (patches,) bool, False for the bilinear ones around irregular corners.
    """

    matrix: sparse.csr_matrix
    ids: np.ndarray
    exact: np.ndarray


class Cage:
    """Faces of four corners (ids), each edge with at most two faces that pass it in opposite directions."""

    def __init__(self, faces: list[tuple[int, ...]], count: int) -> None:
        self.faces, self.count = faces, count
        self.edges: dict[tuple[int, int], int] = {}
        self.around: list[list[int]] = [[] for _ in range(count)]
        for number, face in enumerate(faces):
            for i, corner in enumerate(face):
                edge = (corner, face[(i + 1) % len(face)])
                if edge in self.edges:
                    raise ValueError(f"faces {self.edges[edge] + 1} and {number + 1} pass one edge the same way")
                self.edges[edge] = number
                self.around[corner].append(number)
        self.border: list[list[int]] = [[] for _ in range(count)]
        for a, b in self.edges:
            if (b, a) not in self.edges:
                self.border[a].append(b)
                self.border[b].append(a)

    def regular(self, corner: int) -> bool:
        """Four faces all round, or on the border two (one at a corner of the sheet)."""
        if self.border[corner]:
            return len(self.border[corner]) == 2 and len(self.around[corner]) in (1, 2)
        return len(self.around[corner]) == 4

    def after(self, face: int, corner: int, steps: int) -> int:
        """The corner `steps` further along a face."""
        corners = self.faces[face]
        return corners[(corners.index(corner) + steps) % len(corners)]

    def neighbours(self, corner: int) -> set[int]:
        """The other ends of a corner's edges."""
        ends = {self.after(face, corner, 1) for face in self.around[corner]}
        return ends | {self.after(face, corner, -1) for face in self.around[corner]}


def subdivided(cage: Cage) -> tuple[Cage, sparse.csr_matrix]:
    """One round of Catmull-Clark: the finer cage of quads, and the matrix (finer, coarser). Borders are smooth curves."""
    faces, count = cage.faces, cage.count
    pairs = sorted({(min(e), max(e)) for e in cage.edges})
    edge_id = {pair: count + i for i, pair in enumerate(pairs)}
    face_id = [count + len(pairs) + i for i in range(len(faces))]
    places, weights = _refinement(cage, edge_id)
    shape = (count + len(pairs) + len(faces), count)
    matrix = sparse.csr_matrix((weights, tuple(zip(*places))), shape=shape)  # places named twice are added up
    quads = []
    for number, face in enumerate(faces):
        for i, corner in enumerate(face):
            ahead, behind = face[(i + 1) % len(face)], face[i - 1]
            edges = [edge_id[(min(corner, end), max(corner, end))] for end in (ahead, behind)]
            quads.append((corner, edges[0], face_id[number], edges[1]))
    return Cage(quads, shape[0]), matrix


def _refinement(cage: Cage, edge_id: dict[tuple[int, int], int]) -> tuple[list[tuple[int, int]], list[float]]:
    """(row, column) and weights of one round's matrix: old corners, then edges, then faces."""
    places: list[tuple[int, int]] = []
    weights: list[float] = []

    def add(row: int, column: int, weight: float) -> None:
        places.append((row, column))
        weights.append(weight)

    def add_mean(row: int, face: int, weight: float) -> None:
        for corner in cage.faces[face]:
            add(row, corner, weight / len(cage.faces[face]))

    for number in range(len(cage.faces)):
        add_mean(cage.count + len(edge_id) + number, number, 1.0)
    for (a, b), row in edge_id.items():
        sides = [cage.edges[e] for e in ((a, b), (b, a)) if e in cage.edges]
        for end in (a, b):
            add(row, end, 0.25 if len(sides) == 2 else 0.5)
        for face in sides if len(sides) == 2 else ():
            add_mean(row, face, 0.25)
    for corner in range(cage.count):
        n, ends = len(cage.around[corner]), cage.border[corner]
        if ends or n < 3:
            smooth = len(ends) == 2 and n > 1
            add(corner, corner, 0.75 if smooth else 1.0)
            for end in ends if smooth else ():
                add(corner, end, 0.125)
            continue
        for face in cage.around[corner]:
            add_mean(corner, face, 1.0 / n**2)
        for end in cage.neighbours(corner):
            add(corner, end, 1.0 / n**2)
        add(corner, corner, (n - 2) / n)
    return places, weights


def patches_of(faces: list[tuple[int, ...]], count: int) -> Patches:
    """Patches of a cage of `count` control points. Raises ValueError where the faces are no surface."""
    cage, matrix = Cage(faces, count), sparse.identity(count, format="csr")
    whole = all(len(face) == 4 for face in faces) and all(cage.regular(c) for c in range(count) if cage.around[c])
    for _ in range(0 if whole else LEVELS):
        cage, finer = subdivided(cage)
        matrix = finer @ matrix
    extra = _Extra(cage.count)
    ids, exact = [], []
    for number, face in enumerate(cage.faces):
        exact.append(all(cage.regular(corner) for corner in face))
        ids.append(_spline_ids(cage, number, extra) if exact[-1] else _bilinear_ids(cage, number, extra))
    full = sparse.vstack([sparse.identity(cage.count, format="csr"), extra.matrix()]) @ matrix
    return Patches(full.tocsr(), np.array(ids, np.int32), np.array(exact))


class _Extra:
    """Further points, each a sum of a cage's points with weights; equal ones are made once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._rows: dict[tuple, int] = {}

    def point(self, parts: dict[int, float]) -> int:
        """The id of sum weight * point."""
        known = {i: w for i, w in parts.items() if w != 0.0}
        if len(known) == 1 and next(iter(known.values())) == 1.0:
            return next(iter(known))
        key = tuple(sorted((i, round(w, 9)) for i, w in known.items()))
        return self._count + self._rows.setdefault(key, len(self._rows))

    def matrix(self) -> sparse.csr_matrix:
        rows = [r for r, key in enumerate(self._rows) for _ in key]
        columns = [i for key in self._rows for i, _ in key]
        weights = [w for key in self._rows for _, w in key]
        return sparse.csr_matrix((weights, (rows, columns)), shape=(len(self._rows), self._count))


def _sum(*parts: tuple[dict[int, float], float]) -> dict[int, float]:
    total: dict[int, float] = {}
    for mix, share in parts:
        for i, weight in mix.items():
            total[i] = total.get(i, 0.0) + share * weight
    return total


def _spline_ids(cage: Cage, face: int, extra: _Extra) -> list[int]:
    """The 16 points around a regular face; beyond a border, the reflection 2 P0 - P1 (the border's curve is a spline)."""
    grid: dict[tuple[int, int], dict[int, float]] = {}
    a, b, c, d = cage.faces[face]
    inner = {(1, 1): a, (1, 2): b, (2, 2): c, (2, 1): d}  # (row, column)
    for place, corner in inner.items():
        grid[place] = {corner: 1.0}
    # Each side: its two corners in the face's direction, where the two points beyond them go, and those within.
    sides = (
        (a, b, (0, 1), (0, 2), d, c),
        (b, c, (1, 3), (2, 3), a, d),
        (c, d, (3, 2), (3, 1), b, a),
        (d, a, (2, 0), (1, 0), c, b),
    )
    beyond: list[int | None] = []
    for first, second, near_first, near_second, in_first, in_second in sides:
        across = cage.edges.get((second, first))
        beyond.append(across)
        if across is None:
            grid[near_first] = {first: 2.0, in_first: -1.0}
            grid[near_second] = {second: 2.0, in_second: -1.0}
        else:
            grid[near_first] = {cage.after(across, first, 1): 1.0}
            grid[near_second] = {cage.after(across, second, -1): 1.0}
    # Each corner of the 4 x 4: the face's corner beside it, and the sides that lie beyond a row and beyond a column.
    for (row, column), corner, of_row, of_column in (
        ((0, 0), a, beyond[0], beyond[3]),
        ((0, 3), b, beyond[0], beyond[1]),
        ((3, 3), c, beyond[2], beyond[1]),
        ((3, 0), d, beyond[2], beyond[3]),
    ):
        if of_row is not None and of_column is not None:
            fourth = next(f for f in cage.around[corner] if f not in (face, of_row, of_column))
            grid[(row, column)] = {cage.after(fourth, corner, 2): 1.0}
        elif of_row is None:
            near, far = (1, 2) if row == 0 else (2, 1)
            grid[(row, column)] = _sum((grid[(near, column)], 2.0), (grid[(far, column)], -1.0))
        else:
            near, far = (1, 2) if column == 0 else (2, 1)
            grid[(row, column)] = _sum((grid[(row, near)], 2.0), (grid[(row, far)], -1.0))
    return [extra.point(grid[(row, column)]) for row in range(4) for column in range(4)]


def _bilinear_ids(cage: Cage, face: int, extra: _Extra) -> list[int]:
    """16 points whose spline is the bilinear surface through the limit positions of the face's corners."""
    a, b, c, d = (_limit(cage, corner) for corner in cage.faces[face])
    ids = []
    for v in (-1.0, 0.0, 1.0, 2.0):
        for u in (-1.0, 0.0, 1.0, 2.0):
            shares = ((1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v)
            ids.append(extra.point(_sum(*zip((a, b, c, d), shares))))
    return ids


def _limit(cage: Cage, corner: int) -> dict[int, float]:
    """Where a corner of a cage of quads ends up on the surface (Halstead et al. 1993), as a sum of points."""
    n, ends = len(cage.around[corner]), cage.border[corner]
    if ends:
        smooth = len(ends) == 2 and n > 1
        return {corner: 4 / 6, ends[0]: 1 / 6, ends[1]: 1 / 6} if smooth else {corner: 1.0}
    whole = n * (n + 5)
    parts = {corner: n * n / whole}
    for end in cage.neighbours(corner):
        parts[end] = parts.get(end, 0.0) + 4 / whole
    for number in cage.around[corner]:
        diagonal = cage.after(number, corner, 2)
        parts[diagonal] = parts.get(diagonal, 0.0) + 1 / whole
    return parts
