"""What a distance network is made of, its parameters' names and sizes, and its first weights. Free of JAX: readers need it.

All weights but one lie in one flat array "network.weights", layer after layer, each its weight (out, in) and then its
bias; the last bias of the distance is "network.bias", whose change by one moves the whole field by one.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

WEIGHTS, BIAS, RADIANCE, TURN = "network.weights", "network.bias", "radiance.weights", "const.turn"
VIEW_LEVELS = 4
"""Of the encoded view direction, IDR's."""
RADIANCE_LAYERS = 4
SHARPNESS = 100.0
"""Beta of softplus, IDR's: close to a ramp, and still smooth."""
LIKE_SPHERE, LIKE_POINTS, LIKE_THEIRS = 1.2, 2000, 1e-5
"""Where the first weights make a sphere (object units: where rays are traced), by how many points, and how much the last
layer's own weights count, relative to the points."""


class Architecture(NamedTuple):
    """What compiled code depends on. width: of every hidden layer. layers: how many. levels: of positional encoding.
    radiance: whether a second network gives colours."""

    width: int = 256
    layers: int = 8
    levels: int = 6
    radiance: bool = False

    @property
    def encoded(self) -> int:
        return 3 + 6 * self.levels

    @property
    def skip(self) -> int:
        """The layer that sees the input again: the middle one."""
        return self.layers // 2

    def distance_shapes(self) -> list[tuple[int, int]]:
        """(out, in) of every linear layer; the one before the skip gives way to the input that is put beside it."""
        sizes = [self.encoded, *[self.width] * self.layers, 1 + self.width]
        narrowed = lambda i: sizes[i + 1] - (self.encoded if i + 1 == self.skip else 0)
        return [(narrowed(i), sizes[i]) for i in range(self.layers + 1)]

    def radiance_shapes(self) -> list[tuple[int, int]]:
        """Point, encoded direction, normal and features in, colour out."""
        sizes = [3 + 3 + 6 * VIEW_LEVELS + 3 + self.width, *[self.width] * RADIANCE_LAYERS, 3]
        return [(b, a) for a, b in itertools.pairwise(sizes)]


def sizes_of(arch: Architecture) -> dict[str, int]:
    """Length of each flat array."""
    flat = lambda shapes: sum(out * into + out for out, into in shapes)
    sizes = {WEIGHTS: flat(arch.distance_shapes()) - 1}
    return {**sizes, RADIANCE: flat(arch.radiance_shapes())} if arch.radiance else sizes


def initial(arch: Architecture, seed: int, radius: float) -> dict[str, np.ndarray]:
    """Geometric initialisation (Atzmon and Lipman 2020, as IDR has it): close to the distance to a sphere of `radius`,
    whatever the seed. Weights of the encoded inputs begin at zero; colours begin at middle grey.

    Of a narrow network that is a lump of some other size; so the last layer is solved for the sphere, and stays as
    close to theirs as that allows.
    """
    rng = np.random.default_rng(seed)
    shapes, layers, seen = arch.distance_shapes(), [], arch.encoded - 3
    for i, (out, into) in enumerate(shapes):
        last = i == len(shapes) - 1
        mean, spread = (math.sqrt(math.pi / into), 1e-4) if last else (0.0, math.sqrt(2.0 / out))
        weight, bias = rng.normal(mean, spread, (out, into)), np.zeros(out)
        if not last and seen and i in (0, arch.skip):
            weight[:, into - seen :] = 0.0
        bias[:] = -radius if last else 0.0
        layers.append((weight, bias))
    _solve_last(arch, layers, radius, rng)
    whole = np.concatenate([part.reshape(-1) for layer in layers for part in layer]).astype(np.float32)
    place = whole.size - shapes[-1][0]
    found = {WEIGHTS: np.delete(whole, place), BIAS: whole[place].reshape(())}
    if arch.radiance:
        found[RADIANCE] = _initial_radiance(arch, rng)
    return found


def _solve_last(arch: Architecture, layers: list[tuple[np.ndarray, np.ndarray]], radius: float, rng: Any) -> None:
    """Change what the last layer makes the distance of, so that it is |x| - radius in the ball of LIKE_SPHERE."""
    points = rng.normal(size=(LIKE_POINTS, 3))
    points *= LIKE_SPHERE * rng.random((LIKE_POINTS, 1)) / np.linalg.norm(points, axis=1, keepdims=True)
    start = np.concatenate([points, np.zeros((LIKE_POINTS, arch.encoded - 3))], axis=1)
    hidden = start
    for i, (weight, bias) in enumerate(layers[:-1]):
        if i == arch.skip and i > 0:
            hidden = np.concatenate([hidden, start], axis=1) * math.sqrt(0.5)
        hidden = np.logaddexp(0.0, SHARPNESS * (hidden @ weight.T + bias)) / SHARPNESS
    known = np.concatenate([hidden, np.ones((LIKE_POINTS, 1))], axis=1)
    weight, bias = layers[-1]
    error = np.linalg.norm(points, axis=1) - radius - known @ np.append(weight[0], bias[0])
    stiff = LIKE_THEIRS * np.trace(known.T @ known) / known.shape[1] * np.eye(known.shape[1])
    change = np.linalg.solve(known.T @ known + stiff, known.T @ error)
    weight[0] += change[:-1]
    bias[0] += change[-1]


def _initial_radiance(arch: Architecture, rng: np.random.Generator) -> np.ndarray:
    """He et al. 2015 for the hidden layers, a small last one: grey at first."""
    flat = []
    for i, (out, into) in enumerate(arch.radiance_shapes()):
        scale = 0.1 if i == RADIANCE_LAYERS else 1.0
        flat += [(scale * rng.normal(0.0, math.sqrt(2.0 / into), (out, into))).reshape(-1), np.zeros(out)]
    return np.concatenate(flat).astype(np.float32)
