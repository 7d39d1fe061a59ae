"""The triangle sampler at three mesh sizes: 256 x 256 pixels, two layers, near-plane clipping on.

Beside each time: its ratio to an anchor taken in turns with it (a NumPy pass over the vertices), and embreex, where it is
installed, which must rebuild its tree when vertices move and finds one layer.
Run as: python -m benchmarks.bench_sampler
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.timing import compare, least_of_medians, machine
from kernels.camera import look_at, orbit_eye, world_to_pixel
from kernels.raster.arrays import aligned_fragments
from kernels.raster.interpolate import interpolate, vertex_normals
from kernels.raster.sampler import Rasterizer
from kernels.types import CameraView

SIZE = 256
LAYERS = 2
MESHES = {"2.5K": (36, 36), "326K": (404, 404), "2M": (1000, 1001)}
"""Name -> segments around, rings, of a noise-displaced sphere: 2,520, 325,624 and 2,000,000 triangles."""


def displaced_sphere(around: int, rings: int, noise: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (n, 3) float32 and faces (2 around (rings - 1), 3) int32, counter-clockwise outwards, poles on +-y."""
    theta, phi = np.meshgrid(np.arange(1, rings) / rings * np.pi, np.arange(around) / around * 2 * np.pi, indexing="ij")
    bumps = np.sin(9 * phi) * np.sin(7 * theta) + 0.5 * np.sin(31 * phi) * np.sin(29 * theta) * np.sin(theta)
    radius = 1 + noise * bumps
    axes = np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)
    points = np.stack([radius * axis for axis in axes], -1).reshape(-1, 3)
    points = np.concatenate([points, [[0, 1, 0], [0, -1, 0]]]).astype(np.float32)
    i, j = np.arange(rings - 2)[:, None], np.arange(around)[None]
    a, b = i * around + j, (i + 1) * around + j
    c, d = (i + 1) * around + (j + 1) % around, i * around + (j + 1) % around
    sides = np.stack([a, b, c, a, c, d], -1).reshape(-1, 3)
    j, top, base = np.arange(around), len(points) - 2, (rings - 2) * around
    north = np.stack([np.full(around, top), j, (j + 1) % around], -1)
    south = np.stack([np.full(around, top + 1), base + (j + 1) % around, base + j], -1)
    return points, np.concatenate([sides, north, south]).astype(np.int32)


def shuffled(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same mesh in the worst order: vertices and faces at random."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(vertices))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return vertices[order], place[faces][rng.permutation(len(faces))].astype(np.int32)


def embree_ms(vertices: np.ndarray, faces: np.ndarray, view: CameraView, fov: float) -> float | None:
    """Build and first hits of SIZE x SIZE rays, or None where embreex is not installed."""
    try:
        from embreex.mesh_construction import TriangleMesh  # pyright: ignore[reportMissingImports]
        from embreex.rtcore_scene import EmbreeScene  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    to_world = np.linalg.inv(view.world_to_camera)
    offset = (np.arange(SIZE) + 0.5 - 0.5 * SIZE) / (0.5 * SIZE) * np.tan(0.5 * fov)
    x, y = np.meshgrid(offset, -offset)
    directions = np.stack([x, y, -np.ones_like(x)], -1).reshape(-1, 3) @ to_world[:3, :3].T
    directions = np.ascontiguousarray(directions, np.float32)
    origins = np.ascontiguousarray(np.broadcast_to(to_world[:3, 3], directions.shape), np.float32)
    triangles = np.ascontiguousarray(vertices[faces])

    def call():
        scene = EmbreeScene()
        TriangleMesh(scene, triangles)
        return scene.run(origins, directions)

    return least_of_medians(call, medians=3, calls=1, warm_up=1)


def report(name: str, vertices: np.ndarray, faces: np.ndarray, *, embree: bool) -> None:
    fov = np.radians(40.0)
    view = CameraView(look_at(orbit_eye(20.0, 25.0, 3.2)), SIZE, SIZE)
    matrix = world_to_pixel(fov, view)
    anchor_matrix = matrix.T.astype(np.float32)[:3].copy()
    calls: dict[str, Callable[[], Any]] = {"anchor": lambda: vertices @ anchor_matrix}
    for threads in (1, 2):
        sampler = Rasterizer(SIZE, SIZE, LAYERS, threads)
        full = aligned_fragments(LAYERS, SIZE, SIZE)
        depths = aligned_fragments(LAYERS, SIZE, SIZE, corners=False, positions=False, slopes=False)
        calls[f"{threads} all"] = lambda s=sampler, o=full: s(vertices, faces, matrix, out=o)
        calls[f"{threads} depths"] = lambda s=sampler, o=depths: s(vertices, faces, matrix, out=o)
    fragments = Rasterizer(SIZE, SIZE, LAYERS)(vertices, faces, matrix)
    normals = vertex_normals(vertices, faces)
    calls["normals"] = lambda: vertex_normals(vertices, faces)
    calls["interpolate"] = lambda: interpolate(normals, fragments)
    ms = compare(calls, medians=20, repeats=3)
    times = "  ".join(f"{ms[key]:7.2f}" for key in ("2 all", "2 depths", "1 all", "1 depths"))
    other = f"{ms['interpolate']:6.2f}  {ms['normals']:6.2f}"
    built = embree_ms(vertices, faces, view, fov) if embree else None
    print(
        f"{name:14}  {len(faces):9,}  {times}  {ms['anchor']:6.2f}  {ms['2 all'] / ms['anchor']:6.1f}  {other}  "
        + (f"{built:8.1f}" if built else "       -"),
        flush=True,
    )


def main() -> None:
    print(machine())
    print(f"{SIZE} x {SIZE}, {LAYERS} layers; milliseconds, least of 20 medians; 'depths' fills in ids and 1/w alone")
    print("mesh            triangles   2 thr. 2 depths   1 thr. 1 depths  anchor   ratio  interp  normal    embree")
    for name, (around, rings) in MESHES.items():
        vertices, faces = displaced_sphere(around, rings)
        report(name, vertices, faces, embree=True)
    report("2M shuffled", *shuffled(*displaced_sphere(*MESHES["2M"])), embree=False)


if __name__ == "__main__":
    main()
