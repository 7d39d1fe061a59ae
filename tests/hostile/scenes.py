"""Random scenes that upset renderers, and whether a method's image and gradients stay finite on them.

    python -m tests.hostile.scenes [--scenes N] [--first SEED] [--method NAME] [--kind KIND]     (`make hostile`)

Sizes are fixed, so that each method compiles once for each kind; what is drawn is everything else.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from core.parameters import retract, zero_tangent
from core.registry import methods
from kernels.camera import lens_of
from kernels.settings import split_settings
from kernels.types import CHANNELS, Face
from tests.hostile.scene_kinds import HEIGHT, SOURCES, WIDTH

QUICK: dict[str, Any] = {"xla_backend_optimization_level": 0}
"""For a few scenes, of which compiling is the most. Optimized code takes half as long again to compile and a sixth of
the time to run, and it is what a fit runs."""


KINDS: dict[Face, tuple[str, ...]] = {
    Face.SURFACE: ("mesh", "grid"), Face.TRIANGULATION: ("mesh", "grid"), Face.FIELD: ("grid",), Face.GAUSSIANS: ("balls",)
}  # fmt: skip
"""Which scenes a method is tried on, by the face it looks at."""
NETWORK_METHODS = ("naive", "warp")
"""Those that render a distance network."""


def trials() -> list[tuple[str, str]]:
    """Every (method, kind of scene). Raises KeyError for a face that has no scenes."""
    found = [(name, kind) for name, method in methods().items() for kind in KINDS[method.face]]
    found += [(name, "field") for name, method in methods().items() if Face.FIELD in method.other_faces]
    return found + [(name, "network") for name in NETWORK_METHODS]


def settings_of(name: str, kind: str) -> Any:
    """The method's settings that make it look at scenes of this kind."""
    method = methods()[name]
    by_field = kind in ("field", "network") and Face.FIELD in method.other_faces
    return method.Settings(**({"face": "field"} if by_field else {}))


@functools.cache
def _compiled(name: str, kind: str) -> Callable[..., Any]:
    method, shape = methods()[name], SOURCES[kind](0).shape
    channels, settings, free = tuple(CHANNELS), settings_of(name, kind), free_names(kind)

    def run(values, samples, lens, traced, direction, cotangent):
        def image(delta):
            return method.evaluate(shape, retract(values, delta), samples, lens, traced, settings, channels, free)

        zero = zero_tangent(values, free)
        planes, pull = jax.vjp(image, zero)
        return planes, pull(cotangent)[0], jax.jvp(image, (zero,), (direction,))[1]

    return jax.jit(run, compiler_options=QUICK or None)


def free_names(kind: str) -> frozenset[str]:
    """Everything that can be free in a scene of this kind."""
    names = SOURCES[kind](0).values
    return frozenset(n for n in names if not n.startswith("const."))


def complaint(name: str, kind: str, seed: int) -> str | None:
    """What is not finite in scene `seed` by method `name`, or None."""
    scene, method = SOURCES[kind](seed), methods()[name]
    free, settings, channels = free_names(kind), settings_of(name, kind), tuple(CHANNELS)
    try:
        samples = method.sample(scene.shape, scene.values, scene.view, settings, free, channels)
    except Exception as error:
        return f"{name} on {scene.what}: sampling raised {type(error).__name__}: {error}"
    rng = np.random.default_rng((seed, 1))
    direction = {n: rng.standard_normal(np.shape(z)).astype(np.float32)
                 for n, z in zero_tangent(scene.values, free).items()}  # fmt: skip
    cotangent = {
        c: tuple(rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32) for _ in range(count))
        for c, count in CHANNELS.items()
    }
    lens, traced = lens_of(scene.view), split_settings(settings)[0]
    planes, gradient, tangent = _compiled(name, kind)(scene.values, samples, lens, traced, direction, cotangent)
    for what, tree in (("image", planes), ("gradient", gradient), ("derivative image", tangent)):
        for leaf_name, leaf in tree.items():
            if not all(np.isfinite(np.asarray(part)).all() for part in jax.tree.leaves(leaf)):
                return f"{name} on {scene.what}: the {what} ({leaf_name}) is not finite"
    return None


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--scenes", type=int, default=1000)
    options.add_argument("--first", type=int, default=0, metavar="SEED", help="of the first scene")
    options.add_argument("--method", action="append", help="only these")
    options.add_argument("--kind", action="append", help="only scenes of these kinds")
    options.add_argument("--list", type=int, default=5, metavar="N", help="how many failures of each are told")
    chosen = options.parse_args()
    QUICK.clear()
    bad = 0
    for name, kind in trials():
        if (chosen.method and name not in chosen.method) or (chosen.kind and kind not in chosen.kind):
            continue
        begin, found = time.monotonic(), []
        for seed in range(chosen.first, chosen.first + chosen.scenes):
            line = complaint(name, kind, seed)
            if line:
                found.append(line)
        bad += len(found)
        seconds = time.monotonic() - begin
        print(
            f"{name}, {kind}: {chosen.scenes - len(found):,} of {chosen.scenes:,} scenes finite ({seconds:.0f} s)",
            flush=True,
        )
        for line in found[: chosen.list]:
            print(f"  {line}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
