"""Whole iterations as a fit runs them: sample, evaluate, gradient, update, at 256 x 256.

Pose from one silhouette with two layers, at three mesh sizes, beside a NumPy pass over the vertices taken in turns with
it (the paper's V100 needs 16 / 16 / 17 ms for the same); then vertices of a 70K mesh from four views.
Run as: python -m benchmarks.bench_pose [pose] [vertices]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_sampler import MESHES, SIZE, displaced_sphere
from benchmarks.timing import compare, least_of_medians, machine
from core.experiment import PoseSpec, SceneSpec, TermSpec
from core.optimization.stepping import step
from core.parameters import scene_values, tangent_shape
from core.problem import Problem, State, Target, initial_state
from core.registry import methods
from core.shapes.mesh import Mesh
from kernels.camera import look_at, orbit_eye
from kernels.types import CHANNELS, CameraView

TARGETS_MS = {"2.5K": 2.5, "326K": 8.0, "2M": 17.0}
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def fit_problem(
    mesh: Mesh, name: str, chosen: dict[str, Any], free: tuple[str, ...], sees: str, views: int, size: int = SIZE
) -> tuple[Problem, State]:
    """A fit to a shifted image of the mesh itself; what it converges to does not matter here."""
    values = {**scene_values(SceneSpec(), PoseSpec(rotation=(5.0, 10.0, 0.0)), 40.0), **mesh.parameters()}
    cameras = tuple(
        CameraView(look_at(orbit_eye(20.0 + 360.0 * i / views, 25.0, 3.2)), size, size) for i in range(views)
    )
    row, column = np.mgrid[:size, :size] / size - 0.5
    disc = ((row - 0.03) ** 2 + (column + 0.04) ** 2 < 0.09).astype(np.float32)
    target = Target({sees: tuple(0.5 * disc for _ in range(CHANNELS[sees]))}, disc)
    method = methods()[name]
    problem = Problem(
        shape=mesh,
        method=method,
        settings=method.Settings(**chosen),
        views=cameras,
        targets=(target,) * views,
        terms=(TermSpec(loss="l2", sees=sees),),
        channels=(sees,),
        masks={n: np.ones(tangent_shape(n, values[n]), np.float32) for n in free},
        optimizer="adam",
        hyper={"beta1": np.float32(0.9), "beta2": np.float32(0.99), "epsilon": np.float32(1e-10)},
        constants=mesh.constants(),
    )
    return problem, initial_state(problem, values)


def stepper(problem: Problem, state: State, rate: float) -> Callable[[], None]:
    """A call that steps; the rate is tiny, so that every call meets the same scene."""
    held = [state]
    batch = range(len(problem.views))

    def call() -> None:
        held[0] = step(problem, held[0], batch, rate)[0]

    return call


def pose() -> None:
    print(f"Pose iteration, one silhouette, {SIZE} x {SIZE}, 2 layers; milliseconds, least of 20 medians")
    print("mesh    triangles   edge-grad  ratio   splat  ratio   1-layer edge-grad   anchor   target")
    cases = {"edge-grad": ("edge-grad", {}), "splat": ("splat", {}), "one": ("edge-grad", {"crossings": False})}
    for size, (around, rings) in MESHES.items():
        vertices, faces = displaced_sphere(around, rings)
        mesh = Mesh(vertices / np.linalg.norm(vertices, axis=1).max(), faces)
        matrix = np.eye(3, 4, dtype=np.float32).T[:3].copy()
        calls: dict[str, Callable[[], Any]] = {"anchor": lambda v=mesh.vertices, m=matrix: v @ m}
        for key, (name, chosen) in cases.items():
            built = fit_problem(mesh, name, chosen, ("pose.rotation", "pose.translation"), "silhouette", 1)
            calls[key] = stepper(*built, 1e-7)
        ms = compare(calls, medians=20, repeats=15)
        ratios = {key: ms[key] / ms["anchor"] for key in cases}
        print(
            f"{size:6}  {len(faces):9,}  {ms['edge-grad']:9.2f}  {ratios['edge-grad']:6.1f}  {ms['splat']:6.2f}"
            f"  {ratios['splat']:6.1f}  {ms['one']:17.2f}  {ms['anchor']:7.3f}  {TARGETS_MS[size]:7.1f}",
            flush=True,
        )


def vertices() -> None:
    path = DATA / "bunny_70k.ply"
    if path.is_file():
        from core.io.meshes import load_mesh

        mesh, name = Mesh.from_data(load_mesh(path)), path.name
    else:
        points, faces = displaced_sphere(186, 187)
        mesh, name = Mesh(points / np.linalg.norm(points, axis=1).max(), faces), "displaced sphere"
    print(f"\nVertex fit, 4 views {SIZE} x {SIZE}, {name}, {len(mesh.faces):,} triangles; target 20 steps/s")
    print("method              sees          ms    steps/s")
    for label, method, chosen, sees in (
        ("edge-grad", "edge-grad", {}, "silhouette"),
        ("edge-grad", "edge-grad", {}, "colour"),
        ("edge-grad, 1 layer", "edge-grad", {"crossings": False}, "colour"),
        ("splat, 1 layer", "splat", {"layers": 1}, "colour"),
        ("splat", "splat", {}, "silhouette"),
    ):
        call = stepper(*fit_problem(mesh, method, chosen, ("vertices",), sees, 4), 1e-9)
        ms = least_of_medians(call, medians=20, calls=3)
        print(f"{label:18}  {sees:10}  {ms:6.1f}  {1e3 / ms:8.1f}", flush=True)


def main(wanted: list[str]) -> None:
    print(machine())
    for part in (pose, vertices):
        if not wanted or part.__name__ in wanted:
            part()


if __name__ == "__main__":
    main(sys.argv[1:])
