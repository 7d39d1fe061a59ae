"""Optimizers as tangent updates: (gradient, state, hyper-parameters) -> (tangent step, state), all traced.

Hyper-parameters are arrays, so a slider never recompiles. Steps are in unit-sphere units and radians.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from kernels.settings import setting


@dataclass(frozen=True)
class AdamSettings:
    beta1: float = setting(0.9, "Decay of the mean gradient.", low=0.0, high=0.999)
    beta2: float = setting(0.99, "Decay of the mean squared gradient.", low=0.0, high=0.9999)
    epsilon: float = setting(1e-10, "Added to the divisor.", low=1e-12, high=1e-2, log=True)


@dataclass(frozen=True)
class AdamUniformSettings:
    beta1: float = setting(0.9, "Decay of the mean gradient.", low=0.0, high=0.999)
    beta2: float = setting(0.999, "Decay of the mean squared gradient.", low=0.0, high=0.9999)


@dataclass(frozen=True)
class SgdSettings:
    momentum: float = setting(0.9, "Share of the last step that is kept.", low=0.0, high=0.999)
    size: float = setting(
        1.0,
        "The object's size: the translation's gradient is multiplied by its square, so that steps do not depend on units.",
        low=0.01,
        high=100.0,
        log=True,
    )


@dataclass(frozen=True)
class LevenbergMarquardtSettings:
    damping: float = setting(0.1, "At the start, relative to the diagonal of JᵀJ.", low=1e-6, high=10.0, log=True)
    longest_step: float = setting(0.4, "Longest step of any one number.", low=1e-3, high=3.0, log=True)
    pooling: int = setting(
        64, "Residuals are first averaged under tents that reach over so many pixels.", low=1, high=64
    )
    samples: int = setting(2, "Renders a side of a sub-pixel grid, averaged in the last iterations.", low=1, high=4)


@dataclass(frozen=True)
class OptimizerInfo:
    """init(tangent) -> state; update(gradient, state, hyper) -> (step, state), step to be ADDED to the tangent.

    least_squares: it solves normal equations (core/optimization/levenberg_marquardt.py) and has no such update, nor a learning rate.
    """

    title: str
    help: str
    Settings: type
    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]
    least_squares: bool = False


def _adam(hyper: Any) -> optax.GradientTransformation:
    return optax.scale_by_adam(b1=hyper["beta1"], b2=hyper["beta2"], eps=hyper["epsilon"])


def _adam_update(gradient: Any, state: Any, hyper: Any) -> tuple[Any, Any]:
    step, state = _adam(hyper).update(gradient, state)
    return jax.tree.map(lambda s: -hyper["learning_rate"] * s, step), state


def _uniform_init(tangent: Any) -> Any:
    zero = jax.tree.map(jnp.zeros_like, tangent)
    return {"count": jnp.zeros((), jnp.int32), "mean": zero, "square": zero}


def _uniform_update(gradient: Any, state: Any, hyper: Any) -> tuple[Any, Any]:
    """AdamUniform (Nicolet et al. 2021, Large Steps, Sec. 4): one divisor a parameter, the largest sqrt(m2).

    Divides by 1e-8 + max sqrt(m2), as in the authors' code, so the direction of a vertex's step is not bent.
    """
    count = state["count"] + 1
    b1, b2 = hyper["beta1"], hyper["beta2"]
    mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state["mean"], gradient)
    square = jax.tree.map(lambda m, g: b2 * m + (1 - b2) * g * g, state["square"], gradient)

    def step(m: Any, s: Any) -> Any:
        c = count.astype(m.dtype)
        divisor = 1e-8 + jnp.sqrt(jnp.max(s / (1 - b2**c)))
        return -hyper["learning_rate"] * (m / (1 - b1**c)) / divisor

    return jax.tree.map(step, mean, square), {"count": count, "mean": mean, "square": square}


def _sgd_update(gradient: Any, state: Any, hyper: Any) -> tuple[Any, Any]:
    """The translation's gradient times size^2: Keselman and Hebert 2022, section 7.1."""
    if "pose.translation" in gradient:
        gradient = {**gradient, "pose.translation": gradient["pose.translation"] * hyper["size"] ** 2}
    step, state = optax.trace(decay=hyper["momentum"]).update(gradient, state)
    return jax.tree.map(lambda s: -hyper["learning_rate"] * s, step), state


def _damped_init(tangent: Any) -> Any:
    """Damping 0: the settings' is taken at the first step."""
    return {"damping": jnp.float32(0.0), **{name: jnp.int32(0) for name in ("level", "still", "tried")}}


def _no_update(gradient: Any, state: Any, hyper: Any) -> tuple[Any, Any]:
    raise TypeError("a least-squares optimizer takes no gradient steps")


OPTIMIZERS: dict[str, OptimizerInfo] = {
    "adam": OptimizerInfo(
        "Adam",
        "Each number has its own step length. Good for poses; unstable for grid values that no pixel constrains: "
        "AdamUniform or SGD there.",
        AdamSettings,
        lambda tangent: optax.scale_by_adam().init(tangent),
        _adam_update,
    ),
    "adam-uniform": OptimizerInfo(
        "AdamUniform",
        "One step length for each whole parameter, so vertices keep their direction.",
        AdamUniformSettings,
        _uniform_init,
        _uniform_update,
    ),
    "sgd": OptimizerInfo(
        "SGD with momentum",
        "The gradient itself, with momentum. Step lengths depend on the loss's scale.",
        SgdSettings,
        lambda tangent: optax.trace(decay=0.0).init(tangent),
        _sgd_update,
    ),
    "levenberg-marquardt": OptimizerInfo(
        "Levenberg-Marquardt",
        "Solves for all free numbers at once, at most 64, from l2 terms. Poses in under ten iterations.",
        LevenbergMarquardtSettings,
        _damped_init,
        _no_update,
        least_squares=True,
    ),
}
