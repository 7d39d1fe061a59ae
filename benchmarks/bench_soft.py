"""The soft rasterizer at PyTorch3D's settings (sigma 1e-4, 20 faces a pixel, blur radius ln(1e4 - 1) sigma), 2.5K triangles.

A step samples, evaluates, differentiates by every vertex and updates. PyTorch3D's forward and backward pass of the same
scene on a machine of this class stand beside it, measured once and written down. Run as: python -m benchmarks.bench_soft
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.bench_pose import fit_problem, stepper
from benchmarks.bench_sampler import MESHES, displaced_sphere
from benchmarks.timing import least_of_medians, machine, median_ms
from core.shapes.mesh import Mesh

PYTORCH3D_MS = {64: 44.0 + 670.0, 128: 325.0 + 2760.0, 256: 948.0 + 11070.0}
"""Image side -> milliseconds, forward and backward, silhouettes, two-core CPU."""


def main() -> None:
    print(machine())
    vertices, faces = displaced_sphere(*MESHES["2.5K"])
    mesh = Mesh(vertices / np.linalg.norm(vertices, axis=1).max(), faces)
    print(
        f"Soft rasterizer, {len(faces):,} triangles; milliseconds a step: least of 20 medians, median, processor time"
    )
    print("image      free      sees          least   median  processor   PyTorch3D / least")
    cases = [
        (128, ("vertices",), "silhouette"),
        (128, ("pose.rotation", "pose.translation"), "silhouette"),
        (128, ("vertices",), "colour"),
        (64, ("vertices",), "silhouette"),
        (256, ("vertices",), "silhouette"),
    ]
    for size, free, sees in cases:
        call = stepper(*fit_problem(mesh, "soft-raster", {}, free, sees, 1, size), 1e-9)
        least = least_of_medians(call, medians=20, calls=3)
        start = time.process_time()
        usual = median_ms(call, 15)
        busy = 1e3 * (time.process_time() - start) / 15
        name = "vertices" if free == ("vertices",) else "pose"
        beside = f"{PYTORCH3D_MS[size] / least:17.0f}x" if sees == "silhouette" else ""
        print(
            f"{size:3} x {size:3}  {name:8}  {sees:10}  {least:7.1f}  {usual:7.1f}  {busy:9.1f}  {beside}", flush=True
        )


if __name__ == "__main__":
    main()
