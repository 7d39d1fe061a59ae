"""Whether forward and reverse mode are each other's transposes: <Ju, w> = <u, J^T w> for seeded pairs."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any

import jax
import numpy as np

from core.inspection import Rendered
from core.parameters import retract, zero_tangent
from kernels.camera import lens_of
from kernels.settings import split_settings
from kernels.types import CHANNELS
from tests.kernels.scenes import QUICK, as_float64

PAIRS = 20


def products(rendered: Rendered, free: Collection[str], wide: bool, seed: int = 1) -> np.ndarray:
    """(PAIRS, 3): <Ju, w>, <u, J^T w> and |Ju||w| for seeded u and w; wide: in float64, under jax.enable_x64."""
    shape, method, settings, values, view, channels = (
        rendered.shape, rendered.method, rendered.settings, rendered.values, rendered.view, rendered.channels,
    )  # fmt: skip
    names = frozenset(free)
    samples = method.sample(shape, values, view, settings, names, channels)
    fixed = (values, samples, lens_of(view), split_settings(settings)[0])
    fixed = as_float64(fixed) if wide else fixed

    def image(fixed: Any, delta: Any) -> Any:
        values, samples, lens, traced = fixed
        return method.evaluate(shape, retract(values, delta), samples, lens, traced, settings, channels, names)

    zero = zero_tangent(fixed[0], names)
    push = jax.jit(lambda fixed, u: jax.jvp(functools.partial(image, fixed), (zero,), (u,))[1], compiler_options=QUICK)
    pull = jax.jit(lambda fixed, w: jax.vjp(functools.partial(image, fixed), zero)[1](w)[0], compiler_options=QUICK)
    rng = np.random.default_rng(seed)
    draw = lambda shape: rng.standard_normal(shape).astype(np.float64 if wide else np.float32)
    rows = []
    for _ in range(PAIRS):
        u = {n: draw(np.shape(z)) for n, z in zero.items()}
        w = {c: tuple(draw((view.height, view.width)) for _ in range(CHANNELS[c])) for c in channels}
        pushed = push(fixed, u)
        assert not wide or all(leaf.dtype == np.float64 for leaf in jax.tree.leaves(pushed))
        rows.append((dot(pushed, w), dot(u, pull(fixed, w)), np.sqrt(dot(pushed, pushed) * dot(w, w))))
    return np.array(rows)


def dot(a: Any, b: Any) -> float:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b))
    return sum(float(np.vdot(np.asarray(x, np.float64), np.asarray(y, np.float64))) for x, y in pairs)


def assert_transposes(rendered: Rendered, free: Collection[str], wide: bool) -> None:
    """1e-5 of |Ju||w| in float64, 1e-3 in float32, at most."""
    with jax.enable_x64(wide):
        rows = products(rendered, free, wide)
    assert (rows[:, 2] > 0).all()
    worst = np.max(np.abs(rows[:, 0] - rows[:, 1]) / rows[:, 2])
    assert worst <= (1e-5 if wide else 1e-3), f"<Ju, w> and <u, J^T w> differ by {worst:.1e} |Ju||w|"
