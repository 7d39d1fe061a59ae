"""Fits to completion: how many of ten seeded starts arrive, and how fast a sphere becomes another shape.

Reads bunny_6k.obj and spot from ../shared/data where that is present, else bundled shapes stand in (and are named).
Run as: python -m benchmarks.bench_fits [pose] [race] [vertices] [fresh] [colour | silhouette]; fresh: the race from thirty starts
that no setting was chosen by; colour, silhouette: of the race, only that.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.timing import machine
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.metrics import flipped_triangles
from core.optimization.basin import seeded_start
from core.parameters import scene_values
from core.session import Session

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True)
class PoseCase:
    """views: silhouettes. degrees, offset: how far the start is. A fit arrives below the two tolerances."""

    method: str
    views: int
    degrees: float
    offset: float
    tolerance: tuple[float, float]
    rate: float = 0.08
    target: str = "supersampled"


CASES = (
    PoseCase("edge-grad", 4, 60, 0.3, (0.2, 0.002)),
    PoseCase("splat", 4, 30, 0.2, (0.2, 0.002)),
    PoseCase("splat", 4, 60, 0.3, (0.2, 0.002)),
    PoseCase("edge-grad", 1, 30, 0.2, (0.5, 0.005)),
    # Against an unsplatted target the splat's blur shifts one silhouette's optimum by about 0.008.
    PoseCase("splat", 1, 30, 0.2, (0.5, 0.005), target="method"),
    PoseCase("naive", 4, 30, 0.2, (0.2, 0.002)),
)


def bunny() -> ShapeSpec:
    path = DATA / "bunny_6k.obj"
    return ShapeSpec(file=str(path)) if path.exists() else ShapeSpec(primitive="creature")


def pose_experiment(case: PoseCase, start: PoseSpec, steps: int = 100) -> Experiment:
    return Experiment(
        shape=replace(bunny(), start=start),
        target=TargetSpec(render=case.target),
        views=ViewsSpec("orbit" if case.views > 1 else "single", case.views),
        method=MethodSpec(case.method),
        optimizer=OptimizerSpec("adam", case.rate, 0.02),
        stop=StopSpec(steps),
    )


@dataclass(frozen=True)
class PoseResult:
    """degrees, offsets: where each seeded start ended. milliseconds: of a step, on average."""

    case: PoseCase
    degrees: np.ndarray
    offsets: np.ndarray
    milliseconds: float

    @property
    def arrived(self) -> int:
        near = (self.degrees < self.case.tolerance[0]) & (self.offsets < self.case.tolerance[1])
        return int(np.count_nonzero(near))

    def line(self) -> str:
        case = self.case
        return (
            f"{case.method:<10} {case.views} view(s), {case.degrees:.0f} deg / {case.offset} off"
            f"{', splatted target' if case.target == 'method' else ''}: {self.arrived}/{len(self.degrees)} within "
            f"{case.tolerance[0]} deg / {case.tolerance[1]}; median {np.median(self.degrees):.3f} deg / "
            f"{np.median(self.offsets):.4f}; {self.milliseconds:.1f} ms a step"
        )


def run_pose(case: PoseCase, seeds: int = 10, steps: int = 100) -> PoseResult:
    """Fit from `seeds` seeded starts, `steps` iterations each."""
    session, errors, seconds = None, [], 0.0
    for seed in range(seeds):
        experiment = pose_experiment(case, seeded_start(seed, case.degrees, case.offset), steps)
        if session is None:
            session = Session(experiment)
            session.compile()
        session.scene.values.update(scene_values(experiment.scene, experiment.shape.start, experiment.views.fov))
        session.reset()
        while session.finished() is None:
            session.step()
        seconds += session.seconds
        found = session.pose_metrics()
        errors.append((found["rotation_error_degrees"], found["translation_error"]))
    angle, shift = np.array(errors).T
    return PoseResult(case, angle, shift, 1e3 * seconds / (steps * seeds))


NEAR = 0.05
"""Degrees below which a pose of the race is found."""


def race_experiment(optimizer: OptimizerSpec, views: int, shape: ShapeSpec, sees: tuple[str, ...]) -> Experiment:
    return Experiment(
        shape=shape,
        views=ViewsSpec("orbit" if views > 1 else "single", views),
        method=MethodSpec("edge-grad"),
        terms=tuple(TermSpec("l2", channel) for channel in sees),
        optimizer=optimizer,
        stop=StopSpec(12 if optimizer.name == "levenberg-marquardt" else 100),
    )


FRESH = (1000, 2000, 3000)
"""First seeds of starts that were not looked at while settings were chosen."""


def run_race(
    optimizer: OptimizerSpec, views: int, shape: ShapeSpec, sees: tuple[str, ...], first: int = 0, seeds: int = 10
) -> str:
    """Ten starts 30 degrees and 0.2 off: how many end below NEAR, after how many iterations they stay there, and when.

    An iteration of Levenberg-Marquardt is a Jacobian and one trial, kept or not; a fit of it ends when it has converged.
    """
    session = Session(race_experiment(optimizer, views, shape, sees))
    session.compile()
    ends, arrivals, times, totals = [], [], [], []
    for seed in range(first, first + seeds):
        start = seeded_start(seed, 30, 0.2)
        session.scene.values.update(scene_values(session.experiment.scene, start, session.experiment.views.fov))
        session.reset()
        track = []
        while session.finished() is None:
            error = session.step().metrics["rotation_error_degrees"]
            track.append((error, session.seconds))
        outside = [i for i, (error, _) in enumerate(track) if error >= NEAR]
        arrival = outside[-1] + 1 if outside else 0
        ends.append(track[-1][0])
        totals.append(track[-1][1])
        if arrival < len(track):
            arrivals.append(arrival + 1)
            times.append(track[arrival][1])
    reached = (
        f"after {np.median(arrivals):.0f} (at most {max(arrivals)}), {np.median(times):.2f} s" if arrivals else "never"
    )
    return (
        f"{optimizer.name:<20} {views} view(s), {' + '.join(sees)}: {sum(e < NEAR for e in ends)}/{seeds} below {NEAR} deg, "
        f"median {np.median(ends):.3f}; there {reached}; a fit takes {np.median(totals):.2f} s"
    )


def races(firsts: tuple[int, ...] = (0,), only: str = "") -> Iterator[str]:
    """Levenberg-Marquardt beside Adam on the bunny's silhouettes and on the colour picture alone of textured spot."""
    spot = DATA / "spot_textured" / "cow.obj"
    textured = ShapeSpec("textured-mesh", primitive="textured-sphere")
    colour = ShapeSpec("textured-mesh", file=str(spot)) if spot.exists() else textured
    solvers = (OptimizerSpec("levenberg-marquardt"), OptimizerSpec("adam", 0.08, 0.02))
    cases = (4, bunny(), ("silhouette",)), (1, bunny(), ("silhouette",)), (1, colour, ("colour",))
    for views, shape, sees in cases:
        if only in ("", *sees):
            for solver, first in itertools.product(solvers, firsts):
                yield f"seeds {first}..{first + 9}: {run_race(solver, views, shape, sees, first)}"


STEPS = 250
"""Of a sphere's fit."""

STAGES = (StageSpec(30, subdivide=1), StageSpec(80, subdivide=1))
"""642 -> 2,562 -> 10,242 vertices."""


INSIDE = {"normals": 0.5, "colour": 1.0}
"""What else the loss may see, inside the outline, and its weight."""


def vertex_experiment(method: str, sphere: str, *, large: bool = True, inside: str = "normals") -> Experiment:
    """A sphere to spot, 16 views, by silhouettes and `inside`: normals tell naive the shape, too, shading does not.
    large: large steps with AdamUniform; else plain Adam and the Laplacian weight that folds least among 1 and 5, the two
    that were tried."""
    spot = DATA / "spot_textured" / "cow.obj"
    target = TargetSpec(file=str(spot)) if spot.exists() else TargetSpec(primitive="creature")
    terms = (TermSpec("l2", "silhouette"), TermSpec("l2", inside, INSIDE[inside]))
    return Experiment(
        shape=ShapeSpec(file=sphere, start=PoseSpec(scale=0.6)),
        target=replace(target, colour=(0.72, 0.7, 0.67)),
        views=ViewsSpec("sphere", 16, held_out=8, batch=4),
        method=MethodSpec(method, {"crossings": False} if method == "edge-grad" else {}),
        terms=terms if large else (*terms, TermSpec("laplacian", weight=5.0)),
        optimizer=OptimizerSpec("adam-uniform", 0.3, 0.05) if large else OptimizerSpec("adam", 0.03, 0.05),
        parameters=ParametersSpec(("vertices",), large_steps=8.0 if large else 0.0),
        stages=STAGES,
        stop=StopSpec(STEPS),
    )


def run_vertices(method: str, sphere: str, *, large: bool = True, inside: str = "normals") -> Iterator[str]:
    """Seconds are of stepping: compiling after a stage, and measuring, are not counted."""
    session = Session(vertex_experiment(method, sphere, large=large, inside=inside))
    reached: dict[float, tuple[int, float]] = {}
    overlap = 0.0
    while session.finished() is None:
        if session.needs_compile():
            session.compile()
        session.step()
        if session.state.iteration % 10 == 0:
            overlap = session.metrics()["held_out_iou"]
            for level in (0.985, 0.989):
                if overlap >= level:
                    reached.setdefault(level, (session.state.iteration, session.seconds))
    faces = np.asarray(session.host()["const.faces"])
    flipped = flipped_triangles(session.host()["vertices"], faces)
    when = "; ".join(f"{level} after {i} steps, {s:.2f} s of stepping" for level, (i, s) in reached.items())
    yield (
        f"{method:<10} {'large steps' if large else 'plain Adam':<11} silhouettes and {inside}, 642 to {len(session.host()['vertices']):,} vertices, "
        f"16 views, 4 a step: held-out IoU {overlap:.4f} after {session.state.iteration} steps ({session.seconds:.1f} s); "
        f"{when or '0.985 not reached'}; {flipped} of {len(faces):,} flipped; "
        f"{1e3 * session.seconds / session.state.iteration:.1f} ms a step"
    )


def icosphere_file() -> str:
    """A 1,280-triangle icosphere, written beside the benchmark's temporary files."""
    import tempfile

    import trimesh

    path = Path(tempfile.gettempdir()) / "rimlight_icosphere_3.ply"
    trimesh.creation.icosphere(3).export(path)
    return str(path)


def main(what: list[str]) -> None:
    print(machine())
    print(f"shapes: {'bunny_6k and spot' if DATA.is_dir() else 'the bundled creature (no shared data)'}")
    start = time.perf_counter()
    if not what or "pose" in what:
        for case in CASES:
            print(run_pose(case).line(), flush=True)
    if not what or {"race", "fresh"} & set(what):
        for line in races(
            FRESH if "fresh" in what else (0,), next((c for c in ("colour", "silhouette") if c in what), "")
        ):
            print(line, flush=True)
    if not what or "vertices" in what:
        sphere = icosphere_file()
        for method, large, inside in (
            ("edge-grad", True, "normals"), ("edge-grad", False, "normals"), ("naive", True, "normals"),
            ("edge-grad", True, "colour"), ("naive", True, "colour"),
        ):  # fmt: skip
            for line in run_vertices(method, sphere, large=large, inside=inside):
                print(line, flush=True)
    print(f"total {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
