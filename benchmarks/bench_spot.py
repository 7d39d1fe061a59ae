"""A network fitted to 24 pictures of spot in colour, without masks: the warp, naive autodiff, and IDR (naive) with masks.

Targets: the textured spot of ../shared/data (5,856 triangles, its 1,024^2 texture), 4 x 4 samples a pixel, in the usual
sun; without the file the bundled textured sphere stands in. Every run begins with the same sphere
and the same weights, sees the same pixels, and is judged by the same render: 4 x 4 samples a pixel of 8 views that no
run has seen. PSNR of linear colours, background included. Seconds are those of the processor, both cores together, and
those of a clock. Run as: python -m benchmarks.bench_spot [warp] [naive] [idr] [--out DIR]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.timing import machine
from core import pictures
from core.derivatives.reference import hard_image
from core.experiment import (
    Experiment,
    MethodSpec,
    NetworkSpec,
    OptimizerSpec,
    ParametersSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.io.atomic import write_bytes
from core.metrics import iou, psnr
from core.problem import composite_target
from core.session import Session

SPOT = Path(__file__).resolve().parents[2] / "shared" / "data" / "spot_textured" / "cow.obj"
SIZE, RAYS, STEPS = 64, 1024, 3000
JUDGED = 4
"""Samples a pixel side of the pictures that are compared."""
NAIVE = MethodSpec("naive", {"face": "field"})
WARP = MethodSpec("warp", {"samples": 2, "outline_samples": 2, "edge_samples": 2, "points": 64, "top_k": 5})
MASKS = TermSpec("idr-mask", "silhouette", 1.0)
RUNS = {"warp": (WARP, ()), "naive": (NAIVE, ()), "idr": (NAIVE, (MASKS,))}
TITLES = {"warp": "warp, no masks", "naive": "naive, no masks", "idr": "IDR: naive, masks"}


def experiment(run: str, steps: int = STEPS) -> Experiment:
    method, masks = RUNS[run]
    target = TargetSpec(shape_kind="textured-mesh", primitive="textured-sphere")
    return Experiment(
        title=f"Spot from 24 pictures: {TITLES[run]}",
        shape=ShapeSpec("sdf-network", primitive="sphere-network", network=NetworkSpec(64, 4, 4, "network", 0.4)),
        target=replace(target, file=str(SPOT), primitive=None) if SPOT.exists() else target,
        views=ViewsSpec("sphere", count=24, held_out=8, width=SIZE, height=SIZE, batch=1, rays=RAYS),
        method=method,
        terms=(TermSpec("l1", "colour"), *masks, TermSpec("eikonal", weight=0.1)),
        optimizer=OptimizerSpec("adam", 1.6e-3, decay=0.1),
        parameters=ParametersSpec(("network.weights", "network.bias", "radiance.weights"), distance_rate=0.04),
        stages=(StageSpec(at=150, learning_rate=5e-3),),
        stop=StopSpec(steps),
    )


def judged(session: Session) -> tuple[float, float, list[np.ndarray]]:
    """(mean PSNR, mean IoU) of the held-out views, and their pictures: ours above the truth."""
    values, scene = session.host(), session.scene
    found, cover, shown = [], [], []
    for view, target in zip(scene.held_out, scene.held_out_targets):
        image = hard_image(session.problem.shape, values, view, ("colour", "silhouette"), JUDGED)
        goal = composite_target(target, np.asarray(values["background"]))
        truth = np.stack([np.asarray(plane) for plane in goal["colour"]], axis=-1)
        found.append(psnr(np.clip(image["colour"], 0, 1), np.clip(truth, 0, 1)))
        cover.append(iou(image["silhouette"][..., 0], np.asarray(goal["silhouette"][0])))
        shown.append(np.concatenate([image["colour"], truth], axis=0).clip(0, 1))
    return float(np.mean(found)), float(np.mean(cover)), shown


def report(run: str, steps: int, out: Path | None) -> None:
    clock, processor = time.perf_counter(), time.process_time()
    session = Session(experiment(run, steps))
    while session.finished() is None:
        done = session.step().iteration
        if done % 100 == 0:
            print(f"{TITLES[run]}: step {done}, loss {np.mean(session.losses[-100:]):.4f}", file=sys.stderr, flush=True)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    quality, cover, shown = judged(session)
    print(
        f"{TITLES[run]:18} {session.state.iteration:6,} {quality:8.2f} {cover:7.3f} {processor:11.0f} {clock:9.0f}",
        flush=True,
    )
    if out is not None:
        session.export("shape", str(out / f"{run}.npz"))
        sheet = pictures.plain(np.concatenate(shown, axis=1), 2 * SIZE * len(shown))
        note = f"fitted above the truth, {len(shown)} held-out views: {quality:.1f} dB, IoU {cover:.3f}"
        write_bytes(out / f"{run}.png", pictures.png_bytes(pictures.pane(sheet, TITLES[run], note)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", help=f"of {', '.join(RUNS)}; all where none is named")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    print(machine())
    print(f"{SIZE} x {SIZE} pixels, {RAYS} of one view a step; the same start and judge for all")
    print("                    steps  PSNR dB     IoU  processor s   clock s   (held-out views)")
    for run in options.runs or list(RUNS):
        report(run, options.steps, options.out)


if __name__ == "__main__":
    main()
