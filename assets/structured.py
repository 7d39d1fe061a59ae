"""The bundled shapes with a regular triangulation: sphere, torus, cube, trefoil knot, gear, chess pawn.

Every function returns (vertices (n, 3) float64, faces (m, 3) int, colours (n, 3) linear in [0, 1]); y is up, faces are
wound counter-clockwise seen from outside. Sizes are arbitrary: the writer centres and scales to the unit sphere.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

Mesh = tuple[np.ndarray, np.ndarray, np.ndarray]


def linear(*hex_colours: str) -> np.ndarray:
    """sRGB hex strings -> (k, 3) linear colours."""
    codes = np.array([[int(h[i : i + 2], 16) for i in (1, 3, 5)] for h in hex_colours]) / 255.0
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def ramp(t: np.ndarray, colours: np.ndarray, *, periodic: bool = False) -> np.ndarray:
    """Smooth colour ramp: t in [0, 1] (n,) through k colours (k, 3), mixed in linear light."""
    knots = np.vstack([colours, colours[:1]]) if periodic else colours
    position = np.linspace(0.0, 1.0, len(knots))
    if periodic:
        return np.clip(CubicSpline(position, knots, bc_type="periodic")(t % 1.0), 0.0, 1.0)
    return np.clip(PchipInterpolator(position, knots)(np.clip(t, 0.0, 1.0)), 0.0, 1.0)


def grid_faces(rows: int, columns: int, *, close_rows: bool) -> np.ndarray:
    """Triangles of a (rows, columns) lattice, closed around the columns and, if asked, around the rows.

    Diagonals alternate (a checkerboard), so that the pattern has no handedness.
    """
    i = np.arange(rows if close_rows else rows - 1)[:, None]
    j = np.arange(columns)[None]
    a, b = i * columns + j, ((i + 1) % rows) * columns + j
    c, d = ((i + 1) % rows) * columns + (j + 1) % columns, i * columns + (j + 1) % columns
    odd = ((i + j) % 2 == 1)[..., None]
    first = np.where(odd, np.stack([a, b, d], -1), np.stack([a, b, c], -1))
    second = np.where(odd, np.stack([b, c, d], -1), np.stack([a, c, d], -1))
    return np.stack([first, second], -2).reshape(-1, 3)


def outward(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Faces turned so that the signed volume is positive."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return faces if np.einsum("ij,ij->", a, np.cross(b, c)) > 0 else faces[:, ::-1]


def subdivide(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each triangle into four, at the midpoints of its edges."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, index = np.unique(edges, axis=0, return_inverse=True)
    m = index.reshape(-1, 3) + len(vertices)
    a, b, c = faces.T
    parts = [[a, m[:, 0], m[:, 2]], [b, m[:, 1], m[:, 0]], [c, m[:, 2], m[:, 1]], [m[:, 0], m[:, 1], m[:, 2]]]
    return np.vstack([vertices, vertices[unique].mean(axis=1)]), np.concatenate([np.stack(p, -1) for p in parts])


def icosphere(levels: int) -> tuple[np.ndarray, np.ndarray]:
    """20 * 4^levels triangles on the unit sphere, turned outwards: vertices (n, 3), faces (m, 3)."""
    g = 0.5 * (1.0 + np.sqrt(5.0))
    v = np.array([[0, s, t * g] for s in (-1, 1) for t in (-1, 1)], float)
    vertices = np.vstack([v, v[:, [2, 0, 1]], v[:, [1, 2, 0]]])
    distance = np.linalg.norm(vertices[:, None] - vertices[None], axis=-1)
    near = (distance > 1.9) & (distance < 2.1)
    faces = np.array(
        [(i, j, k) for i in range(12) for j in range(i) for k in range(j) if near[i, j] and near[j, k] and near[i, k]]
    )
    inward = np.einsum("ij,ij->i", vertices[faces[:, 0]], np.cross(vertices[faces[:, 1]], vertices[faces[:, 2]])) < 0
    faces[inward] = faces[inward][:, ::-1]
    for _ in range(levels):
        vertices, faces = subdivide(vertices, faces)
        vertices = vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
    return vertices, faces


def sphere() -> Mesh:
    """An icosphere of 5,120 triangles, with soft swirling bands."""
    vertices, faces = icosphere(4)
    x, y, z = vertices.T
    swirl = 1.6 * y + 0.35 * np.sin(2.0 * np.arctan2(x, z)) * (1.0 - y * y)
    palette = linear("#f3e4c9", "#f0a868", "#c95d63", "#3f6c88", "#4fb5a5")
    return vertices, faces, ramp(0.5 + 0.5 * np.sin(2.2 * swirl + 0.6), palette)


def torus() -> Mesh:
    """Radii 0.68 and 0.27 about the y axis, 5,760 triangles; the colour goes round."""
    u, v = np.meshgrid(np.arange(80) / 80, np.arange(36) / 36, indexing="ij")
    a, b = 2 * np.pi * u.ravel(), 2 * np.pi * v.ravel()
    ring = 0.68 + 0.27 * np.cos(b)
    vertices = np.stack([ring * np.sin(a), 0.27 * np.sin(b), ring * np.cos(a)], -1)
    palette = linear("#4fb5a5", "#dfe3c0", "#f0a868", "#c95d63", "#5d5f97")
    colours = ramp(u.ravel() + 0.03 * np.sin(2 * b), palette, periodic=True)
    faces = grid_faces(80, 36, close_rows=True)
    return vertices, outward(vertices, faces), colours


def cube() -> Mesh:
    """A cube with edges rounded at 0.16 of its half side, 3,072 triangles, a muted colour a face."""
    n, radius = 16, 0.16
    t = np.linspace(-1.0, 1.0, n + 1)
    t = t + 0.12 * np.sin(np.pi * t)  # denser towards the rounded edges
    position, which = [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            p = np.full((n + 1, n + 1, 3), sign)
            p[..., (axis + 1) % 3], p[..., (axis + 2) % 3] = np.meshgrid(t, sign * t, indexing="ij")
            position.append(p)
            which.append(2 * axis + int(sign > 0))
    faces = []
    for f, p in enumerate(position):
        i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
        a = f * (n + 1) ** 2 + i * (n + 1) + j
        b, c, d = a + n + 1, a + n + 2, a + 1
        rising = ((i < n // 2) == (j < n // 2))[..., None]  # diagonals run towards the corners
        one = np.where(rising, np.stack([a, b, c], -1), np.stack([a, b, d], -1))
        two = np.where(rising, np.stack([a, c, d], -1), np.stack([b, c, d], -1))
        faces.append(np.stack([one, two], -2).reshape(-1, 3))
        del p
    points = np.concatenate([p.reshape(-1, 3) for p in position])
    _, keep, index = np.unique(np.round(points, 9), axis=0, return_index=True, return_inverse=True)
    inner = np.clip(points[keep], radius - 1.0, 1.0 - radius)
    normal = points[keep] - inner
    normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    vertices = inner + radius * normal
    palette = linear("#5d5f97", "#c95d63", "#8a6f5a", "#efe2c6", "#3f6c88", "#4fb5a5")
    weight = np.stack([np.maximum(s * normal[:, k], 0.0) ** 4 for k in range(3) for s in (-1.0, 1.0)], -1)
    weight = weight / weight.sum(axis=1, keepdims=True)
    faces = index.ravel()[np.concatenate(faces)]
    return vertices, outward(vertices, faces), weight @ palette


def trefoil_knot() -> Mesh:
    """A tube of radius 0.34 along the trefoil (sin t + 2 sin 2t, cos t - 2 cos 2t, -sin 3t), 7,680 triangles.

    The frame is carried along without twist, and the angle left over at the closing is spread evenly.
    """
    rows, columns = 192, 20
    fine = np.linspace(0.0, 2 * np.pi, 8193)
    curve = lambda t: np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -1.1 * np.sin(3 * t)], -1)
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve(fine), axis=0), axis=1))])
    t = np.interp(np.arange(rows) / rows * arc[-1], arc, fine)
    centre, step = curve(t), 1e-5
    tangent = curve(t + step) - curve(t - step)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.zeros_like(tangent)
    current = np.cross(tangent[0], [0.0, 0.0, 1.0])
    for i in range(rows + 1):
        current = current - tangent[i % rows] * (current @ tangent[i % rows])
        current = current / np.linalg.norm(current)
        if i < rows:
            normal[i] = current
    left_over = np.arctan2(np.cross(normal[0], current) @ tangent[0], normal[0] @ current)
    angle = 2 * np.pi * np.arange(columns)[None] / columns - left_over * np.arange(rows)[:, None] / rows
    binormal = np.cross(tangent, normal)
    offset = np.cos(angle)[..., None] * normal[:, None] + np.sin(angle)[..., None] * binormal[:, None]
    vertices = (centre[:, None] + 0.56 * offset).reshape(-1, 3)
    palette = linear("#c95d63", "#f0a868", "#f3e4c9", "#4fb5a5", "#3f6c88", "#5d5f97")
    colours = ramp(np.repeat(np.arange(rows) / rows, columns), palette, periodic=True)
    return vertices, outward(vertices, grid_faces(rows, columns, close_rows=True)), colours


def gear_outline(teeth: int, per_tooth: int) -> tuple[np.ndarray, np.ndarray]:
    """Radius and angle of the toothed outline at even arc length: trapezoid teeth with rounded corners."""
    fine = np.linspace(0.0, 1.0, 2001)
    half = np.abs(fine - 0.5)  # distance from the middle of the tooth, in pitches
    rise = np.clip((0.335 - half) / 0.125, 0.0, 1.0)
    radius = 0.78 + 0.22 * (rise * rise * (3.0 - 2.0 * rise))
    angle = fine * 2 * np.pi / teeth
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    at = np.interp(np.arange(per_tooth) / per_tooth * arc[-1], arc, fine)
    turn = (np.arange(teeth)[:, None] + at[None]) * 2 * np.pi / teeth
    return np.tile(np.interp(at, fine, radius), teeth), turn.ravel()


def gear() -> Mesh:
    """Twelve teeth, a bore, a recessed web and bevelled rims: a torus-like lattice of 8,064 triangles, facing +z."""
    outline, turn = gear_outline(12, 12)
    columns = len(turn)
    # The cross-section, from the bore outwards: (radius fraction, half thickness); 1 is the toothed outline.
    fraction = np.array([0.24, 0.24, 0.265, 0.36, 0.4, 0.43, 0.52, 0.61, 0.635, 0.68, 0.80, 0.965, 1.0])
    half = np.array([0.07, 0.2, 0.235, 0.235, 0.2, 0.125, 0.11, 0.125, 0.17, 0.185, 0.185, 0.185, 0.15])
    fraction, half = np.append(fraction, 1.0)[:, None], np.append(half, 0.05)[:, None]
    section = np.vstack([np.hstack([fraction, half]), np.hstack([fraction, -half])[::-1]])
    even = 2 * np.pi * np.arange(columns) / columns
    toothed = np.clip((section[:, 0] - 0.6) / 0.2, 0.0, 1.0)[:, None]
    angle = (1.0 - toothed) * even[None] + toothed * turn[None]
    fraction = section[:, 0][:, None]
    rim = np.clip((fraction - 0.68) / 0.32, 0.0, 1.0)
    radius = (1.0 - rim) * np.minimum(fraction, 0.68) + rim * outline[None]
    depth = np.repeat(section[:, 1][:, None], columns, axis=1)
    vertices = np.stack([radius * np.cos(angle), radius * np.sin(angle), depth], -1).reshape(-1, 3)
    faces = outward(vertices, grid_faces(len(section), columns, close_rows=True))
    brass, pale, dark = linear("#c99a4b", "#ecd9a0", "#6d5a3c")
    r = np.hypot(vertices[:, 0], vertices[:, 1])
    web = np.exp(-(((r - 0.52) / 0.075) ** 4))[:, None]
    tip = np.clip((r - 0.82) / 0.18, 0.0, 1.0)[:, None]
    return vertices, faces, (1 - web) * ((1 - tip) * brass + tip * pale) + web * dark


def chess_pawn() -> Mesh:
    """A lathe of a spline profile, 72 segments, poles closed by fans: boxwood on a green felt foot."""
    profile = np.array(  # (radius, height), from the foot to the top of the head
        [[0.0, 0.0], [0.30, 0.0], [0.46, 0.0], [0.50, 0.03], [0.505, 0.10], [0.48, 0.16], [0.425, 0.19], [0.415, 0.225]]
        + [[0.435, 0.26], [0.42, 0.31], [0.34, 0.38], [0.25, 0.50], [0.20, 0.64], [0.175, 0.80], [0.175, 0.88]]
        + [[0.20, 0.915], [0.285, 0.935], [0.30, 0.96], [0.275, 0.985], [0.19, 1.005], [0.165, 1.025]]
        + [[0.25 * np.sin(a), 1.21 - 0.25 * np.cos(a)] for a in np.linspace(0.85, np.pi, 12)]
    )
    chord = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    smooth = PchipInterpolator(chord, profile)(np.linspace(0.0, chord[-1], 4001))
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(smooth, axis=0), axis=1))])
    at = np.linspace(0.0, arc[-1], 58)[1:-1]
    radius, height = (np.interp(at, arc, smooth[:, k]) for k in range(2))
    columns, rows = 72, len(at)
    angle = 2 * np.pi * (np.arange(columns)[None] + 0.5 * (np.arange(rows)[:, None] % 2)) / columns
    ring = np.stack([radius[:, None] * np.sin(angle), height[:, None] + 0 * angle, radius[:, None] * np.cos(angle)], -1)
    bottom, top = rows * columns, rows * columns + 1
    vertices = np.vstack([ring.reshape(-1, 3), [[0.0, 0.0, 0.0], [0.0, 1.46, 0.0]]])
    j, k = np.arange(columns), (np.arange(columns) + 1) % columns
    last = (rows - 1) * columns
    fans = [np.stack([np.full(columns, bottom), k, j], -1), np.stack([np.full(columns, top), last + j, last + k], -1)]
    faces = np.concatenate([staggered_faces(rows, columns), *fans])
    wood, light, dark, felt = linear("#d9b27c", "#f1dcb2", "#8c5a35", "#2f6b4f")
    y = vertices[:, 1][:, None]
    grain = 0.5 + 0.5 * np.sin(30.0 * y + 2.0 * np.sin(3.0 * vertices[:, :1] + 5.0 * vertices[:, 2:]))
    colours = wood + (light - wood) * (0.35 * grain + 0.35 * np.clip((y - 0.95) / 0.4, 0.0, 1.0))
    for centre, width in ((0.205, 0.022), (0.895, 0.018), (1.015, 0.018)):
        line = np.exp(-(((y - centre) / width) ** 2))
        colours = colours + (dark - colours) * 0.75 * line
    colours = np.where(y < 0.004, felt, colours)
    return vertices, outward(vertices, faces), colours


def staggered_faces(rows: int, columns: int) -> np.ndarray:
    """Triangles of a lattice whose odd rows are shifted by half a column: near-equilateral strips."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    k = (j + 1) % columns
    a, d, b, c = i * columns + j, i * columns + k, (i + 1) * columns + j, (i + 1) * columns + k
    odd = (i % 2 == 1)[..., None]
    first = np.where(odd, np.stack([a, d, c], -1), np.stack([a, d, b], -1))
    second = np.where(odd, np.stack([a, c, b], -1), np.stack([d, c, b], -1))
    return np.stack([first, second], -2).reshape(-1, 3)
