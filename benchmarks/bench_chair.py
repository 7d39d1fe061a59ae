"""The NeRF-synthetic chair at 200 x 200: a visual hull carved from the training masks, then vertices and colours fitted.

Prints PSNR (sRGB values over white, as the literature has it), SSIM and silhouette IoU on the whole test split: of the
hull, of edge-grad, and of naive autodiff in the same run from the same start. Reads ../shared/data/nerf_chair_200.
Run as: python -m benchmarks.bench_chair [STEPS]; the experiment is left in chair.toml with --save FOLDER.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.timing import machine
from core.experiment import (
    Experiment,
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
from core.experiments.files import save_experiment
from core.session import Session

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nerf_chair_200" / "transforms_train.json"
STEPS = 600
LOOKS = 6
"""How often a fit is measured on the way: naive is judged by its best, not by where it has drifted to."""


def chair(steps: int, data: Path = DATA) -> Experiment:
    """96 nodes a side (12,378 vertices), subdivided once after two thirds; large steps smooth what the photos do not say."""
    return Experiment(
        title="Chair from 100 pictures",
        shape=ShapeSpec(primitive="visual-hull", hull_resolution=96),
        target=TargetSpec("cameras", file=str(data)),
        views=ViewsSpec("cameras", width=200, height=200, batch=4, held_out=20),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l1", "colour"), TermSpec("l2", "silhouette")),
        optimizer=OptimizerSpec("adam", 0.01, 0.05),
        parameters=ParametersSpec(("vertices", "vertex_colours"), large_steps=10.0),
        stages=(StageSpec(at=2 * steps // 3, subdivide=1),),
        scene=SceneSpec(light_intensity=0.0, light_ambient=1.0, background=(1.0, 1.0, 1.0)),
        stop=StopSpec(steps),
    )


def told(found: dict[str, float]) -> str:
    psnr, ssim, iou = (found[f"held_out_{name}"] for name in ("psnr", "ssim", "iou"))
    return f"PSNR {psnr:5.2f} dB  SSIM {ssim:.4f}  IoU {iou:.4f}"


def run(experiment: Experiment) -> tuple[dict[str, float], float]:
    """The last measures and the best PSNR on the way; prints one line a look."""
    begin = time.perf_counter()
    session = Session(experiment)
    found, best = session.all_metrics(), 0.0
    name, every = experiment.method.name, max(1, experiment.stop.steps // LOOKS)
    print(f"{name:10} start       {told(found)}  loaded in {time.perf_counter() - begin:.0f} s", flush=True)
    while session.finished() is None:
        done = session.step().iteration
        if done % every == 0 or session.finished() is not None:
            found = session.all_metrics()
            best = max(best, found["held_out_psnr"])
            count = len(session.host()["vertices"])
            print(f"{name:10} {done:5} steps {told(found)}  {count:,} vertices, {session.seconds:.0f} s of stepping, "
                  f"{time.perf_counter() - begin:.0f} s in all", flush=True)  # fmt: skip
    return found, best


def main(arguments: list[str]) -> int:
    if not DATA.is_file():
        print(f"the chair is not there: {DATA}")
        return 0
    print(machine(), flush=True)
    if "--save" in arguments:
        folder = Path(arguments[arguments.index("--save") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        save_experiment(chair(STEPS), folder / "chair.toml")
        return 0
    steps = int(arguments[0]) if arguments else STEPS
    fitted, _ = run(chair(steps))
    naive, best = run(replace(chair(steps), method=MethodSpec("naive")))
    gap = fitted["held_out_psnr"] - max(best, naive["held_out_psnr"])
    print(f"edge-grad is {gap:.2f} dB above naive's best on the test split")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
