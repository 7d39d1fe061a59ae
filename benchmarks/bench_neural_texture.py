"""A neural texture (EdgeGrad, supplement B.1): a step of its fit at several resolutions, and its file written and read.

The bundled textured sphere at 256 x 256 pixels, edge-grad, features and decoder free; files as the export writes them.
Run as: python -m benchmarks.bench_neural_texture
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.timing import machine, median_ms
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    ShapeSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.io.neural_files import load_neural
from core.session import Session

RESOLUTIONS = (128, 1024)
"""Texels a side: our default, and EdgeGrad's."""


def experiment(resolution: int) -> Experiment:
    return Experiment(
        shape=ShapeSpec("neural-mesh", primitive="textured-sphere", feature_resolution=resolution),
        target=TargetSpec(shape_kind="textured-mesh", primitive="textured-sphere"),
        views=ViewsSpec("single"),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l2", "colour"),),
        optimizer=OptimizerSpec("adam", 0.01),
        parameters=ParametersSpec(("texture", "decoder")),
    )


def line(resolution: int) -> str:
    session = Session(experiment(resolution))
    session.compile()
    session.step()
    step = median_ms(session.step, 9)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ball.ply"
        stored = path.with_suffix(".npz")
        save = median_ms(lambda: session.problem.shape.save(path, session.host()), 3)  # type: ignore[attr-defined]
        load, size = median_ms(lambda: load_neural(stored), 3), stored.stat().st_size / 2**20
    return (
        f"{resolution} x {resolution} texels: {step:.0f} ms a step at 256 x 256 pixels; written in {save:.0f} ms "
        f"({size:.1f} MiB), read in {load:.0f} ms"
    )


def main() -> None:
    print(machine())
    for resolution in RESOLUTIONS:
        print(line(resolution), flush=True)


if __name__ == "__main__":
    main()
