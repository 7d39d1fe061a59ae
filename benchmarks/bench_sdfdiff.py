"""SDFDiff's multi-view fits (Jiang et al. 2020, Table 1): 26 views, 8 to 64 nodes a side, from a sphere.

The torus by sdf-local, as lesson 11 runs it; the bunny by edge-grad through marching cubes, whose silhouettes let thin
parts grow back that a coarse stage has carved away. Two-sided Hausdorff distance, 100K samples, over the longest side of
the bounding box; the paper's figures are 0.0156 and 0.0267. Reads bunny_6k.obj from ../shared/data; without it, the
bundled creature stands in. Run as: python -m benchmarks.bench_sdfdiff [torus] [bunny]
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.timing import machine
from core.experiment import (
    Experiment,
    GridSpec,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    SceneSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.defaults import experiment_for_file
from core.metrics import surface_distances
from core.session import Session

ROOT = Path(__file__).resolve().parents[1]
BUNNY = ROOT.parent / "shared" / "data" / "bunny_6k.obj"
LIMITS = {"torus": 0.0156, "bunny": 0.0267}
GREY = (0.8, 0.8, 0.8)


def torus() -> Experiment:
    return experiment_for_file(ROOT / "assets" / "lessons" / "11-sdf-local.toml")


def bunny() -> Experiment:
    target = TargetSpec(primitive="creature", colour=GREY)
    stages = ((250, 16, 40), (500, 32, 72), (750, 64, 128))
    return Experiment(
        title="Bunny from 26 views",
        shape=ShapeSpec("sdf-grid", primitive="sphere", grid=GridSpec(resolution=8), colour=GREY),
        target=replace(target, file=str(BUNNY), primitive=None) if BUNNY.exists() else target,
        views=ViewsSpec("cube", 26, width=24, height=24, order="greedy"),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l2", "colour"), TermSpec("l2", "silhouette", 0.5), TermSpec("eikonal", weight=0.02)),
        optimizer=OptimizerSpec("adam-uniform", 0.03, decay=0.25),
        parameters=ParametersSpec(("values",)),
        stages=tuple(StageSpec(at=at, resolution=n, width=p, height=p, learning_rate=0.04) for at, n, p in stages),
        stop=StopSpec(2050),
        scene=SceneSpec(light="camera", light_intensity=1.0, light_ambient=0.0, background=(0.0, 0.0, 0.0)),
    )


def report(name: str) -> None:
    started = time.perf_counter()
    session = Session({"torus": torus, "bunny": bunny}[name]())
    while session.finished() is None:
        session.step()
    seconds = time.perf_counter() - started
    truth = session.target_mesh()
    assert truth is not None
    gaps = surface_distances(session.world_mesh(), truth)
    print(
        f"{name:6} {session.problem.method.name:10} {session.state.iteration:6,}  {gaps['hausdorff']:9.4f}  "
        f"{LIMITS[name]:8.4f}  {gaps['chamfer']:8.4f}  {seconds:7.0f}  {session.seconds:7.0f}",
        flush=True,
    )


def main(wanted: list[str]) -> None:
    print(machine())
    print("shape  method      steps  Hausdorff  at most   chamfer  seconds  of them stepping and compiling")
    for name in wanted or list(LIMITS):
        report(name)


if __name__ == "__main__":
    main(sys.argv[1:])
