"""Evaluating a triangle surface at its fragments: parameters + samples -> G-buffer, differentiable in what is free.

Fast paths decide the speed of a fit: what is not free comes as planes from the sampler and is never gathered inside
jit; what is free is gathered once for the three corners of every fragment, so that the transpose is one scatter-add.
Planes are (height, width); layer 0 is the nearest; normals are smooth (per vertex), area-weighted.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax.numpy as jnp

from kernels.barycentrics import attached_barycentrics
from kernels.camera import lens_matrix, object_to_world, object_to_world_planes, project_planes, rotate_planes
from kernels.labels import label_count, labels_at
from kernels.linear import linear_map
from kernels.planes import stored
from kernels.rigid_planes import rigid_planes
from kernels.rotation import quaternion_matrix
from kernels.shading import face_viewer, shade, unit_planes
from kernels.types import BACK_FACES, SEGMENTATION, Fragments, GBuffer, Image, Lens, Plane, Planes, Values

NORMALS = "derived.normals"
"""Name under which a shape's `prepare` hands on vertex normals, computed once a step instead of once a view."""

LATTICE = frozenset({"sweep.ring", "sweep.radius", "spheres.centres", "spheres.radii"})
"""Parameters of shapes evaluated on a lattice (kernels/lattice_fields.py)."""

GEOMETRY = (
    frozenset(
        {
            "pose.rotation",
            "pose.translation",
            "pose.scale",
            "vertices",
            "values",
            "camera.fov",
            "control_points",
            "profile",
        }
    )
    | LATTICE
)
"""Parameters that move fragments on the screen; without any of them free, an edge term would be zero throughout."""


class SurfaceSamples(NamedTuple):
    """Fragments, and the attributes that are not free, interpolated on the host; what is not needed is None.

    normals: (K, 3, H, W) smooth normals, object space, any length. colours: (K, 3, H, W) linear albedo. These and
    fragments.position may be held as K tuples of three planes, which jit takes without slicing. uv: (K, 2, H, W) texture
    coordinates and level: (K, H, W) mip levels, of shapes that have a texture. labels: (K, C, H, W), see kernels/labels.py.
    behind: (K, H, W) float32, 1 where a triangle is seen from behind. unprojection: (4, 4), see pixel_to_object; for
    fragments without positions, which lie on their pixel's centre.
    """

    fragments: Fragments
    normals: Any
    colours: Any
    uv: Any = None
    level: Any = None
    labels: Any = None
    behind: Any = None
    unprojection: Any = None


def surface_samples(samples: Any) -> SurfaceSamples:
    """The part of any shape's samples that this module evaluates: they are it, or hold it as `surface`."""
    return samples if isinstance(samples, SurfaceSamples) else samples.surface


def with_surface(samples: Any, **changes: Any) -> Any:
    """Any shape's samples with other fragments, normals or colours."""
    if isinstance(samples, SurfaceSamples):
        return samples._replace(**changes)
    return samples._replace(surface=samples.surface._replace(**changes))


GATHERED = frozenset({"vertices", "vertex_colours"})
"""What is gathered at the corners inside jit where fragments are attached to their pixels."""


def needs_normals(channels: tuple[str, ...]) -> bool:
    return "colour" in channels or "normals" in channels


def vertex_normals(vertices: Any, faces: Any) -> Any:
    """Smooth unit normals (n, 3): face normals weighted by area; 0 at vertices without a face (gradient 0 there)."""
    vertices = jnp.asarray(vertices)
    corner = vertices.at[faces].get(mode="promise_in_bounds")
    a, b, c = corner[:, 0], corner[:, 1], corner[:, 2]
    face_normal = jnp.cross(b - a, c - a)
    spread = jnp.broadcast_to(face_normal[:, None, :], corner.shape)
    total = jnp.zeros_like(vertices).at[faces].add(spread, mode="promise_in_bounds")
    return jnp.stack(unit_planes((total[:, 0], total[:, 1], total[:, 2])), axis=-1)


def evaluate_fragments(
    values: Values,
    samples: SurfaceSamples,
    lens: Lens,
    *,
    channels: tuple[str, ...],
    free: frozenset[str],
    attached: bool = False,
) -> GBuffer:
    """G-buffer of a triangle surface; differentiable in the names of `free` and no others.

    `values` holds "vertices", "vertex_colours" and "const.faces" only where they are free. Fragments ride on the
    surface (frozen barycentrics), unless `attached` to their pixel centre: then barycentrics follow the triangle's
    motion under the pixel, attributes slide along, x and y do not move, and `values` must hold them; only a surface of
    one colour has no "vertex_colours", but samples.colours to hold it. SoftFragments may lie beyond their triangle: their barycentrics are clipped.
    """
    fragments = samples.fragments
    layers, height, width = fragments.inverse_depth.shape
    masks, xs, ys, inverses, images = [], [], [], [], []
    tables = _free_tables(values, channels, GATHERED if attached else free)
    view = lens_matrix(values, lens, height, width)
    rigid = None if samples.unprojection is None else view @ object_to_world(values) @ samples.unprojection
    for k in range(layers):
        mask = fragments.inverse_depth[k] > 0
        bary = None if fragments.bary is None else fragments.bary[k]
        if attached:
            bary = attached_barycentrics(values, fragments, lens, k)
        position, normal, colour = _attributes(samples, tables, bary, attached, k, channels)
        world = None if position is None else stored(object_to_world_planes(values, position))
        places = rigid_planes(rigid, fragments.inverse_depth[k]) if world is None else project_planes(view, world, mask)
        x, y, inverse = places
        masks.append(mask)
        xs.append(x)
        ys.append(y)
        inverses.append(inverse)
        image = _shaded(values, lens, world, mask, inverse, normal, colour, channels)
        if SEGMENTATION in channels:
            found = labels_at(values, samples, bary, k)
            image[SEGMENTATION] = tuple(jnp.where(mask, plane, 0.0) for plane in found)
        if BACK_FACES in channels:
            image[BACK_FACES] = (jnp.where(mask, samples.behind[k], 0.0),)
        images.append(image)
    slope = () if fragments.slope is None else (fragments.slope[0], fragments.slope[1])
    background = background_image(values, lens, channels, label_count(values, samples))
    return GBuffer(tuple(masks), tuple(xs), tuple(ys), tuple(inverses), slope, tuple(images), background)


def background_image(values: Values, lens: Lens, channels: tuple[str, ...], labels: int = 0) -> Image:
    """What empty pixels hold: the scene's background colour, the lens' far depth, no coverage, zero normals, and the
    first of so many labels."""
    zero = jnp.zeros((), jnp.asarray(values["background"]).dtype)
    empty: Image = {
        "colour": tuple(values["background"][i] for i in range(3)),
        "silhouette": (zero,),
        "depth": (jnp.asarray(lens.background_depth),),
        "normals": (zero, zero, zero),
        SEGMENTATION: tuple(zero + (i == 0) for i in range(labels)),
        BACK_FACES: (zero,),
    }
    return {name: empty[name] for name in channels}


def _free_tables(values: Values, channels: tuple[str, ...], free: frozenset[str]) -> dict[str, Any]:
    """Per-vertex attributes that must be gathered inside jit because they are free."""
    tables = {}
    if "vertices" in free:
        tables["position"] = values["vertices"]
        if needs_normals(channels):
            derived = values.get(NORMALS)
            tables["normal"] = vertex_normals(values["vertices"], values["const.faces"]) if derived is None else derived
    if "vertex_colours" in free and "vertex_colours" in values and "colour" in channels:
        tables["colour"] = values["vertex_colours"]
    return tables


def _attributes(
    samples: SurfaceSamples, tables: dict[str, Any], bary: Any, attached: bool, k: int, channels: tuple[str, ...]
) -> tuple[Planes | None, Planes | None, Planes | None]:
    """Position, normal and albedo planes of layer k, in object space; None where nothing asks for them."""
    fragments = samples.fragments
    found: dict[str, Planes] = {}
    if tables:
        wide = jnp.concatenate(list(tables.values()), axis=1)
        if attached:
            planes = _weighted(wide.at[fragments.corners[k]].get(mode="promise_in_bounds"), bary)
        else:
            planes = interpolate_corners(wide, fragments.corners[k], bary)
        found = {name: planes[3 * i : 3 * i + 3] for i, name in enumerate(tables)}
    position = found.get("position")
    if position is None and fragments.position is not None:
        position = _planes(fragments.position[k])
    normal = colour = None
    if needs_normals(channels):
        normal = found["normal"] if "normal" in found else _planes(samples.normals[k])
    if "colour" in channels:
        colour = found["colour"] if "colour" in found else _planes(samples.colours[k])
    return position, normal, colour


def interpolate_corners(table: Any, corners: Any, bary: Any) -> Planes:
    """Vertex attributes (n, c) at fragments: corners (3, H, W) ids, constant bary (3, H, W) -> c planes.

    One fused gather; the transpose is one scatter-add of whole rows.
    """
    table = jnp.asarray(table)
    return linear_map(_mix_corners, functools.partial(_add_to_corners, table.shape), (corners, bary), table)


def _mix_corners(residuals: Any, table: Any) -> Planes:
    rows = table.at[residuals[0]].get(mode="promise_in_bounds")
    return _weighted(rows, residuals[1])


def _add_to_corners(shape: tuple[int, int], residuals: Any, cotangents: Planes) -> Any:
    corners, bary = residuals
    rows = jnp.stack(stored(cotangents), axis=-1) * bary[..., None]
    return jnp.zeros(shape, rows.dtype).at[corners].add(rows, mode="promise_in_bounds")


def _weighted(rows: Any, bary: Any) -> Planes:
    """Corner rows (3, H, W, c) and their weights -> c planes."""
    mixed = rows[0] * bary[0][..., None] + rows[1] * bary[1][..., None] + rows[2] * bary[2][..., None]
    return tuple(mixed[..., i] for i in range(rows.shape[-1]))


def _planes(stack: Any) -> Planes:
    return stack[0], stack[1], stack[2]


def _shaded(
    values: Values,
    lens: Lens,
    world: Planes | None,
    mask: Plane,
    inverse: Plane,
    normal: Planes | None,
    colour: Planes | None,
    channels: tuple[str, ...],
) -> Image:
    """The channels of one layer, 0 where `mask` is False."""
    image: Image = {}
    keep = lambda planes: tuple(jnp.where(mask, plane, 0.0) for plane in planes)
    if normal is not None:
        assert world is not None  # positions are sampled wherever normals are
        turned = stored(rotate_planes(quaternion_matrix(values["pose.rotation"]), normal))
        facing = stored(face_viewer(unit_planes(turned), world, lens))
        if colour is not None:
            image["colour"] = keep(shade(values, colour, facing, world, lens))
        if "normals" in channels:
            image["normals"] = keep(facing)
    if "silhouette" in channels:
        image["silhouette"] = (mask.astype(inverse.dtype),)
    if "depth" in channels:
        image["depth"] = keep((1.0 / jnp.where(mask, inverse, 1.0),))
    return image
