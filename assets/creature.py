"""The bundled creature, a young dragon: smooth unions of ellipsoids and tapered capsules, meshed and painted.

It stands on y = -1 or so, looks along +z and is symmetric about x = 0 but for its tail. The field is negative
inside; it is not a distance (ellipsoids), only its zero level and its sign are used.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from skimage.measure import marching_cubes

from assets.remesh import field_gradient, remesh
from assets.structured import Mesh, linear, outward

EYE = np.array([0.235, 0.375, 0.605])
EYE_RADIUS = 0.115
TAIL = np.array(
    [[0.0, -0.42, -0.42], [0.02, -0.52, -0.72], [0.1, -0.44, -1.0], [0.22, -0.2, -1.14], [0.26, 0.04, -1.1]]
)
TAIL_RADII = np.array([0.23, 0.165, 0.12, 0.085, 0.05])
SPINES = [  # (base y, base z, height, outward direction in the y-z plane in degrees from +y towards -z)
    (0.73, 0.2, 0.17, 5),
    (0.66, -0.02, 0.19, 40),
    (0.42, -0.14, 0.18, 72),
    (0.06, -0.3, 0.18, 62),
    (-0.15, -0.52, 0.17, 48),
    (-0.36, -0.74, 0.13, 35),
]


def length(points: np.ndarray) -> np.ndarray:
    return np.sqrt((points * points).sum(axis=-1))


def ellipsoid(p: np.ndarray, centre, radii) -> np.ndarray:
    """Close to a distance near the surface: |q| (|q| - 1) / |q / r|, q = (p - centre) / radii."""
    q = (p - np.asarray(centre)) / np.asarray(radii)
    k = length(q)
    return k * (k - 1.0) / (length(q / np.asarray(radii)) + 1e-9)


def capsule(p: np.ndarray, a, b, ra: float, rb: float) -> np.ndarray:
    """A segment from a to b whose radius goes linearly from ra to rb."""
    a, axis = np.asarray(a), np.asarray(b) - np.asarray(a)
    t = np.clip((p - a) @ axis / (axis @ axis), 0.0, 1.0)
    return length(p - a - t[..., None] * axis) - (ra + (rb - ra) * t)


def blend(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """Smooth union: the polynomial minimum, which differs from min only where |a - b| < width."""
    h = np.maximum(width - np.abs(a - b), 0.0) / width
    return np.minimum(a, b) - 0.25 * width * h * h


def carve(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """Smooth difference: a without b."""
    return -blend(-a, b, width)


def mirrored(p: np.ndarray) -> np.ndarray:
    return np.stack([np.abs(p[..., 0]), p[..., 1], p[..., 2]], -1)


def spines(p: np.ndarray) -> np.ndarray:
    """The soft crest along head and back."""
    field = np.full(p.shape[:-1], 1e3)
    for y, z, height, degrees in SPINES:
        out = np.array([0.0, np.cos(np.radians(degrees)), -np.sin(np.radians(degrees))])
        base = np.array([0.0, y, z])
        field = blend(field, capsule(p * [1.15, 1, 1], base - 0.06 * out, base + height * out, 0.105, 0.034), 0.02)
    return field


def tail_tip(p: np.ndarray) -> np.ndarray:
    """A flat spade at the end of the tail: two lobes and a point."""
    q = p - np.array([0.265, 0.1, -1.09])
    q = np.stack([1.9 * q[..., 0], q[..., 1], np.abs(q[..., 2])], -1)
    lobe = ellipsoid(q, (0.0, 0.05, 0.07), (0.1, 0.1, 0.11))
    return blend(lobe, capsule(q, (0.0, 0.07, 0.0), (0.0, 0.29, 0.0), 0.12, 0.025), 0.06)


def horns(m: np.ndarray) -> np.ndarray:
    return blend(
        capsule(m, (0.205, 0.66, 0.22), (0.26, 0.82, 0.2), 0.09, 0.066),
        capsule(m, (0.26, 0.82, 0.2), (0.285, 0.97, 0.12), 0.066, 0.03),
        0.012,
    )


def ears(m: np.ndarray) -> np.ndarray:
    """Frilled, leaf-shaped ears that point sideways, with a shallow dish in front."""
    turn = np.radians(24.0)
    q = m - np.array([0.56, 0.47, 0.16])
    along = np.cos(turn) * q[..., 0] + np.sin(turn) * q[..., 1]
    across = -np.sin(turn) * q[..., 0] + np.cos(turn) * q[..., 1]
    leaf = ellipsoid(np.stack([along, across, q[..., 2] + 0.25 * along], -1), (0.0, 0.0, 0.0), (0.29, 0.15, 0.07))
    dish = ellipsoid(np.stack([along, across, q[..., 2] + 0.25 * along], -1), (0.02, 0.0, 0.085), (0.19, 0.085, 0.06))
    return carve(leaf, dish, 0.05)


def eyes(m: np.ndarray) -> np.ndarray:
    return length(m - EYE) - EYE_RADIUS


def nostrils(m: np.ndarray) -> np.ndarray:
    return ellipsoid(m, (0.08, 0.265, 0.845), (0.026, 0.02, 0.035))


def smile(m: np.ndarray) -> np.ndarray:
    """Distance to the line of the mouth, which is painted, not carved."""
    points = np.array(
        [[0.0, 0.165, 0.9], [0.06, 0.15, 0.89], [0.13, 0.15, 0.84], [0.2, 0.185, 0.74], [0.235, 0.225, 0.68]]
    )
    return np.min([capsule(m, a, b, 0.0, 0.0) for a, b in pairwise(points)], axis=0)


def torso(p: np.ndarray, m: np.ndarray) -> np.ndarray:
    body = blend(
        ellipsoid(p, (0.0, -0.36, -0.13), (0.39, 0.4, 0.42)), ellipsoid(p, (0.0, -0.18, 0.06), (0.29, 0.34, 0.27)), 0.2
    )
    for a, b, ra, rb in zip(TAIL[:-1], TAIL[1:], TAIL_RADII[:-1], TAIL_RADII[1:]):
        body = blend(body, capsule(p, a, b, ra, rb), 0.06)
    hind = blend(
        ellipsoid(m, (0.3, -0.56, -0.22), (0.19, 0.27, 0.25)),
        ellipsoid(m, (0.33, -0.83, -0.1), (0.155, 0.105, 0.21)),
        0.08,
    )
    fore = blend(
        capsule(m, (0.22, -0.4, 0.2), (0.225, -0.76, 0.29), 0.135, 0.115),
        ellipsoid(m, (0.23, -0.835, 0.345), (0.135, 0.1, 0.165)),
        0.07,
    )
    wing_root = ellipsoid(m, (0.3, -0.02, -0.2), (0.1, 0.09, 0.1))
    return blend(blend(blend(body, hind, 0.1), fore, 0.12), wing_root, 0.1)


def head(p: np.ndarray, m: np.ndarray) -> np.ndarray:
    skull = ellipsoid(p, (0.0, 0.37, 0.24), (0.45, 0.4, 0.4))
    cheeks = ellipsoid(m, (0.2, 0.2, 0.43), (0.22, 0.17, 0.2))
    snout = ellipsoid(p, (0.0, 0.19, 0.66), (0.225, 0.145, 0.22))
    face = blend(blend(skull, cheeks, 0.15), snout, 0.14)
    return carve(face, nostrils(m), 0.02)


def wings(m: np.ndarray) -> np.ndarray:
    """Small folded wings: two fingers and a thin membrane between them."""
    root, elbow = np.array([0.3, -0.02, -0.2]), np.array([0.56, 0.2, -0.42])
    first, second = np.array([0.86, 0.16, -0.58]), np.array([0.68, -0.12, -0.66])
    arm = blend(capsule(m, root, elbow, 0.065, 0.045), capsule(m, elbow, first, 0.045, 0.024), 0.04)
    arm = blend(arm, capsule(m, elbow, second, 0.04, 0.024), 0.04)
    arm = blend(arm, capsule(m, root, np.array([0.42, -0.2, -0.52]), 0.05, 0.03), 0.04)
    return blend(arm, membrane(m, [root, elbow, first, second, np.array([0.42, -0.2, -0.52])]), 0.05)


def membrane(m: np.ndarray, corners: list[np.ndarray]) -> np.ndarray:
    """Thick triangles of the fan elbow-first-second and elbow-second-root."""
    root, elbow, first, second, low = corners
    field = np.full(m.shape[:-1], 1e3)
    for a, b, c in ((elbow, first, second), (elbow, second, low), (elbow, low, root)):
        field = np.minimum(field, triangle_distance(m, a, b, c) - 0.034)
    return field


def triangle_distance(p: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Unsigned distance from points (..., 3) to a triangle; a, b, c may be (..., 3) as well."""
    normal = np.cross(b - a, c - a)
    unit = normal / (length(normal)[..., None] + 1e-30)
    inside = np.ones(p.shape[:-1], bool)
    best = np.full(p.shape[:-1], np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        edge = end - start
        inside &= (np.cross(edge, p - start) * unit).sum(axis=-1) >= 0
        t = np.clip(((p - start) * edge).sum(axis=-1) / ((edge * edge).sum(axis=-1) + 1e-30), 0.0, 1.0)
        best = np.minimum(best, length(p - start - t[..., None] * edge))
    return np.where(inside, np.abs(((p - a) * unit).sum(axis=-1)), best)


def field(p: np.ndarray) -> np.ndarray:
    """The creature's implicit field at points (..., 3)."""
    m = mirrored(p)
    whole = blend(torso(p, m), head(p, m), 0.1)
    whole = blend(whole, ears(m), 0.06)
    whole = blend(whole, horns(m), 0.03)
    whole = blend(whole, wings(m), 0.04)
    whole = blend(blend(whole, spines(p), 0.035), tail_tip(p), 0.05)
    return blend(whole, eyes(m), 0.012)


def edge_length(p: np.ndarray) -> np.ndarray:
    """Wanted edge length: short at the eyes and the mouth, medium on thin parts."""
    m = mirrored(p)
    fine = np.minimum(np.abs(eyes(m)), np.minimum(smile(m), np.abs(nostrils(m))))
    thin = np.minimum(np.minimum(horns(m), spines(p)), np.minimum(wings(m), np.minimum(ears(m), tail_tip(p))))
    medium = np.clip(0.034 + 0.3 * np.maximum(np.abs(thin) - 0.01, 0.0), 0.034, 0.056)
    return np.minimum(medium, np.clip(0.018 + 0.22 * np.maximum(fine - 0.012, 0.0), 0.018, 0.056))


def paint(p: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Linear colours (n, 3): teal skin, cream belly, coral crest, ears and wings, dark glinting eyes."""
    m = mirrored(p)
    skin, back, cream, coral, horn, dark = linear("#57bfa8", "#2f8f8d", "#f6e7c6", "#ee8a63", "#f4dfb4", "#15181f")
    soft = lambda d, width: (
        np.clip(0.5 - d / width, 0.0, 1.0)[:, None] ** 2 * (3 - 2 * np.clip(0.5 - d / width, 0.0, 1.0)[:, None])
    )
    mix = lambda base, colour, weight: base + (colour - base) * weight
    colour = mix(
        np.broadcast_to(skin, p.shape), back, 0.8 * np.clip(0.75 * normal[:, 1:2] - 0.5 * normal[:, 2:], 0.0, 1.0)
    )
    spots = np.sin(9.0 * p[:, 0] + 2.0) * np.sin(8.0 * p[:, 1] + 1.0) * np.sin(9.0 * p[:, 2])
    colour = mix(colour, back, 0.45 * soft(0.45 - spots, 0.25) * (p[:, 2:] < 0.15))
    belly = ellipsoid(p, (0.0, -0.42, 0.17), (0.25, 0.43, 0.28))
    colour = mix(colour, cream, soft(belly, 0.08))
    muzzle = ellipsoid(p, (0.0, 0.07, 0.66), (0.26, 0.165, 0.32))
    colour = mix(colour, cream, soft(muzzle, 0.08))
    blush = ellipsoid(m, (0.34, 0.2, 0.55), (0.1, 0.065, 0.12))
    colour = mix(colour, coral, 0.6 * soft(blush, 0.1))
    colour = mix(colour, coral, soft(spines(p) - 0.012, 0.04))
    colour = mix(colour, coral, soft(tail_tip(p) - 0.01, 0.05))
    inner = ellipsoid(m, (0.6, 0.49, 0.18), (0.22, 0.13, 0.1))
    colour = mix(colour, coral, 0.85 * soft(inner, 0.06) * (m[:, :1] > 0.42) * np.clip(2 * normal[:, 2:], 0.0, 1.0))
    web = wings(m)
    colour = mix(colour, coral, soft(web - 0.01, 0.03) * np.clip((m[:, :1] - 0.36) / 0.12, 0.0, 1.0))
    colour = mix(colour, horn, soft(horns(m) - 0.012, 0.03))
    colour = mix(colour, dark, 0.8 * soft(nostrils(m) - 0.008, 0.02))
    colour = mix(colour, linear("#7a4a3c"), 0.85 * soft(smile(m) - 0.014, 0.02) * (p[:, 2:] > 0.6))
    iris, white = linear("#3b2a3f", "#ffffff")
    eye = np.where((length(m - EYE - EYE_RADIUS * unit([0.12, -0.1, 1.0])) < 0.075)[:, None], dark, iris)
    eye = np.where((length(p - EYE * glint_side(p) - EYE_RADIUS * unit([0.28, 0.5, 0.8])) < 0.038)[:, None], white, eye)
    eye = np.where(
        (length(p - EYE * glint_side(p) - EYE_RADIUS * unit([-0.35, -0.3, 0.85])) < 0.02)[:, None], white, eye
    )
    return mix(colour, eye, soft(eyes(m) - 0.005, 0.012))


def unit(vector) -> np.ndarray:
    return np.asarray(vector) / np.linalg.norm(vector)


def glint_side(p: np.ndarray) -> np.ndarray:
    """(n, 3) factors that put the eye's centre on the point's own side; glints are not mirrored."""
    return np.stack([np.where(p[:, 0] < 0, -1.0, 1.0), np.ones(len(p)), np.ones(len(p))], -1)


def creature() -> Mesh:
    """The mesh: marching cubes at 0.032, remeshed to edges of 0.018 in the face and up to 0.056 elsewhere."""
    low, high, step = np.array([-1.05, -1.1, -1.4]), np.array([1.05, 1.15, 1.05]), 0.032
    axes = [np.arange(a, b, step) for a, b in zip(low, high)]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    vertices, faces, _, _ = marching_cubes(field(lattice), 0.0, spacing=(step,) * 3)
    faces = outward(vertices, faces.astype(np.int64))
    vertices, faces = remesh(vertices.astype(np.float64) + low, faces, field, edge_length)
    normal = field_gradient(field, vertices)
    return vertices, faces, paint(vertices, normal / length(normal)[:, None])
