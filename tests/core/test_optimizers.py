"""First steps by hand, and that hyper-parameters are traced."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.experiment import OptimizerSpec, StopSpec
from core.optimization.optimizers import OPTIMIZERS
from core.optimization.schedule import learning_rate_at, stop_reason
from kernels.settings import split_settings


def hyper(name, rate, **changes):
    info = OPTIMIZERS[name]
    return {**split_settings(info.Settings(**changes))[0], "learning_rate": np.float32(rate)}


def test_adam_uniform_first_step_is_the_papers():
    # Large Steps, AdamUniform: rate .1, gradient (3, -1, 0) -> step (-.1, +.0333, 0).
    info = OPTIMIZERS["adam-uniform"]
    gradient = {"x": jnp.array([3.0, -1.0, 0.0])}
    step, _ = info.update(gradient, info.init(gradient), hyper("adam-uniform", 0.1))
    np.testing.assert_allclose(np.asarray(step["x"]), [-0.1, 0.1 / 3, 0.0], rtol=1e-5)


def test_adam_first_step_has_the_rate_as_length_in_every_component():
    info = OPTIMIZERS["adam"]
    gradient = {"x": jnp.array([3.0, -1.0])}
    step, _ = info.update(gradient, info.init(gradient), hyper("adam", 0.1))
    np.testing.assert_allclose(np.asarray(step["x"]), [-0.1, 0.1], rtol=1e-5)


def test_sgd_momentum_adds_up():
    info = OPTIMIZERS["sgd"]
    gradient = {"x": jnp.array([2.0])}
    settings = hyper("sgd", 0.5, momentum=0.5)
    step, state = info.update(gradient, info.init(gradient), settings)
    np.testing.assert_allclose(np.asarray(step["x"]), [-1.0])
    step, _ = info.update(gradient, state, settings)
    np.testing.assert_allclose(np.asarray(step["x"]), [-1.5])


@pytest.mark.parametrize("name", sorted(n for n, info in OPTIMIZERS.items() if not info.least_squares))
def test_every_optimizer_finds_the_bottom_of_a_bowl_and_never_retraces(name):
    info = OPTIMIZERS[name]
    traces = []

    @jax.jit
    def advance(x, state, settings):
        traces.append(1)
        step, state = info.update({"x": 2 * x["x"]}, state, settings)
        return {"x": x["x"] + step["x"]}, state

    x = {"x": jnp.array([1.0, -2.0])}
    state = info.init(x)
    for i in range(200):
        x, state = advance(x, state, hyper(name, 0.1 * 0.97**i))
    assert float(jnp.abs(x["x"]).max()) < 0.02
    assert len(traces) == 1


def test_rates_decay_to_their_share_and_fits_stop_for_the_stated_reason():
    spec = OptimizerSpec(learning_rate=0.1, decay=0.01)
    assert learning_rate_at(spec, 0, 101) == pytest.approx(0.1)
    assert learning_rate_at(spec, 50, 101) == pytest.approx(0.01)
    assert learning_rate_at(spec, 500, 101) == pytest.approx(0.001)
    assert stop_reason(StopSpec(steps=5), 4, [1.0]) is None
    assert "5 steps" in (stop_reason(StopSpec(steps=5), 5, [1.0]) or "")
    assert "below" in (stop_reason(StopSpec(steps=9, loss=0.1), 1, [0.05]) or "")
    assert "no progress" in (stop_reason(StopSpec(steps=99, stall=0.01, patience=3), 9, [1.0] * 9) or "")
    assert stop_reason(StopSpec(steps=99, stall=0.01, patience=3), 9, [0.5**i for i in range(9)]) is None
