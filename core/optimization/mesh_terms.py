"""Regularisers of a mesh: what holds its vertices together while images pull at them.

Every one is (values) -> scalar with "vertices" (n, 3) in unit-sphere lengths, "const.faces" and "const.edges" (e, 2);
some need more, which `mesh_constants` makes once a topology: "const.face_pairs" (p, 2), faces that share an edge, and
"const.rest" (n, 3), the vertices a fit (or its last stage) began with. Means, so that weights survive a subdivision.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

SQUARINGS = 6
"""Of Davenport's matrix: its largest eigenvector after 64 steps of the power method, more than float32 can tell."""

TINY = 1e-12


def mesh_constants(wanted: Collection[str], constants: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `wanted` ("face_pairs", "rest") for a mesh with these constants and host values; {} for other shapes."""
    found: dict[str, Any] = {}
    if "const.faces" not in constants or "vertices" not in values:
        return found
    if "face_pairs" in wanted:
        from core.io.topology import find_edges

        first, second, _ = find_edges(np.asarray(constants["const.faces"])).pairs()
        found["const.face_pairs"] = np.stack([first, second], axis=1).astype(np.int32)
    if "rest" in wanted:
        found["const.rest"] = np.asarray(values["vertices"], np.float32)
    return found


def laplacian(values: Mapping[str, Any]) -> Any:
    """Uniform-Laplacian smoothness: mean over vertices of |v - mean of its neighbours|^2."""
    vertices, edges = values["vertices"], values["const.edges"]
    return _mean_offset(vertices, edges, jnp.ones(edges.shape[0], vertices.dtype))


def cotangent_laplacian(values: Mapping[str, Any]) -> Any:
    """As `laplacian`, with neighbours weighted by the cotangents of the opposite angles, so that the vertices of a flat
    region may lie unevenly. The weights are those of the current shape, held constant; negative ones count as 0.
    """
    vertices, faces = values["vertices"], values["const.faces"]
    corners = jax.lax.stop_gradient(vertices)[faces]
    ends, weights = [], []
    for i in range(3):
        a, b = corners[:, (i + 1) % 3] - corners[:, i], corners[:, (i + 2) % 3] - corners[:, i]
        across = jnp.sqrt(jnp.sum(jnp.square(jnp.cross(a, b)), axis=1) + TINY)
        weights.append(jnp.clip(jnp.sum(a * b, axis=1) / across, 0.0, 1e3))
        ends.append(faces[:, [(i + 1) % 3, (i + 2) % 3]])
    return _mean_offset(vertices, jnp.concatenate(ends), jnp.concatenate(weights))


def _mean_offset(vertices: Any, edges: Any, weights: Any) -> Any:
    """Mean over vertices of |v - weighted mean of its neighbours|^2; 0 where it has none."""
    first, second = edges[:, 0], edges[:, 1]
    w = weights[:, None]
    total = jnp.zeros_like(vertices).at[first].add(w * vertices[second]).at[second].add(w * vertices[first])
    degree = jnp.zeros(vertices.shape[0], vertices.dtype).at[first].add(weights).at[second].add(weights)
    linked = degree > 1e-6
    mean = total / jnp.where(linked, degree, 1.0)[:, None]
    return jnp.sum(jnp.square(jnp.where(linked[:, None], vertices - mean, 0.0))) / vertices.shape[0]


def edge_length(values: Mapping[str, Any]) -> Any:
    """Even edges: mean over edges of (length / mean length - 1)^2; the mean length is held constant."""
    vertices, edges = values["vertices"], values["const.edges"]
    lengths = jnp.sqrt(jnp.sum(jnp.square(vertices[edges[:, 0]] - vertices[edges[:, 1]]), axis=1) + TINY)
    return jnp.mean(jnp.square(lengths / jax.lax.stop_gradient(jnp.mean(lengths)) - 1.0))


def normal_consistency(values: Mapping[str, Any]) -> Any:
    """Mean over inner edges of 1 - cosine of the angle between the normals of their two faces: 0 flat, 2 folded over."""
    corners = values["vertices"][values["const.faces"]]
    normal = jnp.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = normal / jnp.sqrt(jnp.sum(jnp.square(normal), axis=1, keepdims=True) + TINY)
    pairs = values["const.face_pairs"]
    return jnp.mean(1.0 - jnp.sum(normal[pairs[:, 0]] * normal[pairs[:, 1]], axis=1))


def as_rigid_as_possible(values: Mapping[str, Any]) -> Any:
    """As-rigid-as-possible energy (Sorkine and Alexa 2007, eq. 3) against "const.rest", with uniform weights.

    Mean over vertices of the mean over neighbours of |(v_i - v_j) - R_i (r_i - r_j)|^2, R_i the rotation that fits the
    neighbourhood best. It minimises the energy, so it is constant in its gradient.
    """
    vertices, rest, edges = values["vertices"], jnp.asarray(values["const.rest"]), values["const.edges"]
    both = jnp.concatenate([edges, edges[:, ::-1]])
    moved, still = vertices[both[:, 0]] - vertices[both[:, 1]], rest[both[:, 0]] - rest[both[:, 1]]
    count = vertices.shape[0]
    outer = jax.lax.stop_gradient(still[:, :, None] * moved[:, None, :])
    covariance = jnp.zeros((count, 3, 3), vertices.dtype).at[both[:, 0]].add(outer)
    turned = jnp.einsum("eij,ej->ei", _best_rotations(covariance)[both[:, 0]], still)
    degree = jnp.zeros(count, vertices.dtype).at[both[:, 0]].add(1.0)
    each = jnp.sum(jnp.square(moved - turned), axis=1) / degree[both[:, 0]]
    return jnp.sum(each) / count


def _best_rotations(covariance: Any) -> Any:
    """(n, 3, 3) sums of rest x moved -> rotations (n, 3, 3) that take rest to moved best (Horn 1987, by quaternions).

    The largest eigenvector of Davenport's 4 x 4 matrix is found by squaring it: always a rotation, never a reflection,
    without a loop over vertices.
    """
    c = covariance / (jnp.sqrt(jnp.sum(jnp.square(covariance), axis=(1, 2), keepdims=True)) + TINY)
    trace = c[:, 0, 0] + c[:, 1, 1] + c[:, 2, 2]
    axis = jnp.stack([c[:, 1, 2] - c[:, 2, 1], c[:, 2, 0] - c[:, 0, 2], c[:, 0, 1] - c[:, 1, 0]], axis=1)
    lower = c + jnp.swapaxes(c, 1, 2) - trace[:, None, None] * jnp.eye(3)
    top = jnp.concatenate([trace[:, None], axis], axis=1)[:, None, :]
    matrix = jnp.concatenate([top, jnp.concatenate([axis[:, :, None], lower], axis=2)], axis=1)
    matrix = matrix + 2.0 * jnp.eye(4)  # its eigenvalues lie above -sqrt(3), so this makes the largest the dominant one

    def square(m: Any, _: Any) -> tuple[Any, None]:
        m = jnp.einsum("nij,njk->nik", m, m)
        return m / jnp.max(jnp.abs(m), axis=(1, 2), keepdims=True), None

    power, _ = jax.lax.scan(square, matrix, None, length=SQUARINGS)
    column = jnp.argmax(jnp.sum(jnp.square(power), axis=1), axis=1)
    q = jnp.take_along_axis(power, column[:, None, None], axis=2)[:, :, 0]
    q = q / jnp.sqrt(jnp.sum(jnp.square(q), axis=1, keepdims=True))
    w, v = q[:, :1, None], q[:, 1:]
    x, y, z = v[:, 0], v[:, 1], v[:, 2]
    zero = jnp.zeros_like(x)
    skew = jnp.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    return jnp.eye(3) + 2.0 * w * skew + 2.0 * jnp.einsum("nij,njk->nik", skew, skew)
