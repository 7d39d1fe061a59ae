"""What the largest problems need: peak memory of a process that takes two steps of each, and seconds a step.

Each runs in a process of its own. Run as: python -m benchmarks.bench_large [CASE ...]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.timing import machine
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)

CASES = {
    "an image of 4096 x 4096": (4096, "", ("pose.rotation", "pose.translation")),
    "two million free vertices": (512, "vertices", ("vertices",)),
    "two million triangles, a pose": (512, "triangles", ("pose.rotation", "pose.translation")),
}
"""Title -> pixels a side, what there are two million of, what is free."""
STEPS = 2


def experiment(side: int, many: str, free: tuple[str, ...], folder: Path) -> Experiment:
    shape = ShapeSpec(primitive="creature", start=PoseSpec((10.0, 20.0, 0.0)))
    if many:
        shape = ShapeSpec(file=str(displaced_file(many, folder)), start=shape.start)
    return Experiment(
        shape=shape,
        target=TargetSpec(primitive="sphere") if not many else TargetSpec(file=shape.file),
        views=ViewsSpec(count=1, held_out=0, width=side, height=side),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l2", "silhouette"),),
        optimizer=OptimizerSpec("adam", 0.01),
        parameters=ParametersSpec(free),
        stop=StopSpec(STEPS),
    )


def displaced_file(many: str, folder: Path) -> Path:
    """A noise-displaced sphere of two million triangles, or vertices, as PLY."""
    import trimesh

    from benchmarks.bench_sampler import displaced_sphere

    vertices, faces = displaced_sphere(1000, 1001 if many == "triangles" else 2001)
    path = folder / "displaced.ply"
    trimesh.Trimesh(vertices, faces, process=False).export(path)
    return path


def run(title: str) -> None:
    from core.engine import caches

    caches.configure()
    from core.session import Session

    side, many, free = CASES[title]
    with tempfile.TemporaryDirectory() as folder:
        session = Session(experiment(side, many, free, Path(folder)))
    session.step()
    begin = time.perf_counter()
    session.step()
    print(f"{time.perf_counter() - begin:.2f} s a step", flush=True)


def peak_of(title: str) -> tuple[int, str]:
    """Most resident bytes of a process that runs a case, by looks 20 ms apart, and what it says."""
    command = [sys.executable, "-m", "benchmarks.bench_large", "--run", title]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        process, most = psutil.Process(child.pid), 0
        while child.poll() is None:
            try:
                most = max(most, process.memory_info().rss)
            except psutil.Error:
                break
            time.sleep(0.02)
        assert child.stdout is not None
        said = child.stdout.read().strip()
    return most, said if child.returncode == 0 else f"failed with {child.returncode}"


def main(wanted: list[str]) -> None:
    if wanted[:1] == ["--run"]:
        run(wanted[1])
        return
    print(machine())
    for title in CASES:
        if not wanted or any(word in title for word in wanted):
            most, said = peak_of(title)
            print(f"{title}: at most {most / 1e9:.1f} GB, {said}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
