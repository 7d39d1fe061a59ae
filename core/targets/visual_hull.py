"""The visual hull: the largest shape whose silhouettes lie inside all masks, carved from a grid and meshed.

Every node takes the largest signed distance to the masks' outlines over the views, turned from pixels to world units at
the node's depth, so that the surface is smoother than the grid (Laurentini, "The visual hull concept", 1994).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from core.errors import RimlightError
from core.problem import Target
from core.shapes.mesh import Mesh
from kernels.camera import camera_eye, world_to_pixel
from kernels.marching_cubes import extract
from kernels.raster.interpolate import vertex_normals
from kernels.types import CameraView

MOST_VIEWS = 64
"""Views carved from, evenly spread over the fitted ones: more change the chair's hull by less than a cell."""
REACH = 1.04
"""Half the grid's side: the unit sphere and a cell around it."""
SETTLED = 3.0
"""Cells outside a mask beyond which a node's distance can no longer touch the surface between two nodes."""
COLOUR_VIEWS = 32
VISIBLE = 0.06
"""How far behind the nearest vertex of its coarse pixel a vertex may lie and still be taken for visible, world units."""

Report = Callable[[str, float | None], None]


def carve(
    views: Sequence[CameraView], masks: Callable[[int], np.ndarray], fov: float, resolution: int, report: Report
) -> tuple[np.ndarray, float]:
    """Signed distances (n, n, n), negative inside, over [-REACH, REACH]^3, and the spacing. fov: vertical, radians.

    masks(i): coverage (H, W) of view i. What no view sees is kept; what lies outside the unit sphere is not.
    """
    axis = np.linspace(-REACH, REACH, resolution)
    spacing = float(axis[1] - axis[0])
    nodes = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    field = (np.linalg.norm(nodes, axis=1) - 1.0).astype(np.float32)
    chosen = [int(i) for i in np.unique(np.linspace(0, len(views) - 1, min(MOST_VIEWS, len(views))).round())]
    for position, index in enumerate(chosen):
        report("Carving the visual hull", position / len(chosen))
        view = views[index]
        open_ones = np.flatnonzero(field < SETTLED * spacing)  # what is far outside one mask stays outside
        outside = _outside(nodes[open_ones], view, masks(index), fov)
        field[open_ones] = np.maximum(field[open_ones], outside)
    return field.reshape(resolution, resolution, resolution), spacing


def _outside(nodes: np.ndarray, view: CameraView, mask: np.ndarray, fov: float) -> np.ndarray:
    """How far outside a view's silhouette every node (n, 3) is, world units; -inf where the view does not see it."""
    from scipy.ndimage import distance_transform_edt, map_coordinates

    inside = mask > 0.5
    depth_in, depth_out = (np.asarray(distance_transform_edt(side)) for side in (inside, ~inside))
    distance = np.where(inside, 0.5 - depth_in, depth_out - 0.5)
    matrix = world_to_pixel(fov, view)
    projected = nodes @ matrix[:, :3].T + matrix[:, 3]
    depth = projected[:, 2]
    seen = depth > view.near
    pixels = projected[:, :2] / np.where(seen, depth, 1.0)[:, None]
    seen &= (pixels >= 0).all(axis=1) & (pixels[:, 0] < view.width) & (pixels[:, 1] < view.height)
    at = [pixels[seen, 1] - 0.5, pixels[seen, 0] - 0.5]
    focal = 0.5 * view.height / np.tan(0.5 * fov)
    result = np.full(len(nodes), -np.inf, np.float32)
    result[seen] = map_coordinates(distance.astype(np.float32), at, order=1, mode="nearest") * depth[seen] / focal
    return result


def hull_mesh(
    views: Sequence[CameraView],
    targets: Sequence[Target],
    fov: float,
    resolution: int,
    plain: tuple[float, float, float],
    report: Report,
) -> Mesh:
    """The hull of the targets' silhouettes as a mesh, coloured by the targets where they have colours.

    fov: vertical, radians. resolution: nodes a side. Raises RimlightError where masks are missing or share nothing.
    """
    if "silhouette" not in targets[0].planes:
        raise RimlightError("shape.primitive: a visual hull is carved from silhouettes, and these targets have none")
    mask = lambda i: np.asarray(targets[i].planes["silhouette"][0])
    field, spacing = carve(views, mask, fov, resolution, report)
    surface = extract(field, np.full(3, -REACH), np.full(3, spacing))
    if not len(surface.faces):
        raise RimlightError(
            "shape.primitive: the silhouettes have no common part, so the visual hull is empty; check the cameras, "
            "target.centre and target.radius"
        )
    vertices, faces = surface.vertices.astype(np.float32), surface.faces
    colours = np.broadcast_to(np.asarray(plain, np.float32), vertices.shape)
    if "colour" in targets[0].planes:
        colours = seen_colours(vertices, vertex_normals(vertices, faces), views, targets, fov, plain)
    facts = {"summary": f"visual hull, {len(vertices):,} vertices, {len(faces):,} triangles"}
    return Mesh(vertices, faces, colours, facts=facts)


def seen_colours(
    vertices: np.ndarray,
    normals: np.ndarray,
    views: Sequence[CameraView],
    targets: Sequence[Target],
    fov: float,
    plain: tuple[float, float, float],
) -> np.ndarray:
    """Mean colour (n, 3) of each vertex in the views that see it, weighted by how squarely; `plain` where none does.

    What hides what is judged on a coarse depth picture of the vertices themselves: good enough for a start.
    """
    total, weight = np.zeros((len(vertices), 3)), np.zeros(len(vertices))
    homogeneous = np.concatenate([vertices, np.ones((len(vertices), 1), np.float32)], axis=1).astype(np.float64)
    for index in np.unique(np.linspace(0, len(views) - 1, min(COLOUR_VIEWS, len(views))).round()).astype(int):
        view, target = views[index], targets[index]
        projected = homogeneous @ world_to_pixel(fov, view).T
        depth = projected[:, 2]
        x, y = (projected[:, i] / np.maximum(depth, view.near) for i in (0, 1))
        there = (depth > view.near) & (x >= 0) & (y >= 0) & (x < view.width) & (y < view.height)
        column, row = np.where(there, x, 0).astype(int), np.where(there, y, 0).astype(int)
        towards = camera_eye(view) - vertices
        facing = np.einsum("ij,ij->i", towards, normals) / np.linalg.norm(towards, axis=1)
        coarse = max(1, max(view.width, view.height) // 64)
        cell = (row // coarse) * (view.width // coarse + 1) + column // coarse
        nearest = np.full(cell.max() + 1, np.inf)
        np.minimum.at(nearest, cell[there], depth[there])
        alpha = np.asarray(target.alpha)[row, column]
        counts = there & (facing > 0) & (depth < nearest[cell] + VISIBLE) & (alpha > 0.99)
        share = np.where(counts, facing**2, 0.0)
        total += share[:, None] * np.stack([np.asarray(p)[row, column] for p in target.planes["colour"]], axis=-1)
        weight += share
    return np.where(weight[:, None] > 0, total / np.maximum(weight, 1e-9)[:, None], plain).astype(np.float32)
