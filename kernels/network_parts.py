"""What a distance network is made of, its parameters' names and sizes, and its first weights. Free of JAX: readers need it.

All weights but one lie in one flat array "network.weights", layer after layer, each its weight (out, in) and then its
bias; the last bias of the distance is "network.bias", whose change by one moves the whole field by one.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

WEIGHTS, BIAS, RADIANCE, TURN = "network.weights", "network.bias", "radiance.weights", "const.turn"
VIEW_LEVELS = 4
"""Of the encoded view direction, IDR's."""
RADIANCE_LAYERS = 4


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
    whatever the seed. Weights of the encoded inputs begin at zero; colours begin at middle grey."""
    rng = np.random.default_rng(seed)
    shapes, flat, seen = arch.distance_shapes(), [], arch.encoded - 3
    for i, (out, into) in enumerate(shapes):
        last = i == len(shapes) - 1
        mean, spread = (math.sqrt(math.pi / into), 1e-4) if last else (0.0, math.sqrt(2.0 / out))
        weight, bias = rng.normal(mean, spread, (out, into)), np.zeros(out)
        if not last and seen and i in (0, arch.skip):
            weight[:, into - seen :] = 0.0
        bias[:] = -radius if last else 0.0
        flat += [weight.reshape(-1), bias]
    whole = np.concatenate(flat).astype(np.float32)
    place = whole.size - shapes[-1][0]
    found = {WEIGHTS: np.delete(whole, place), BIAS: np.float32(-radius).reshape(())}
    if arch.radiance:
        found[RADIANCE] = _initial_radiance(arch, rng)
    return found


def _initial_radiance(arch: Architecture, rng: np.random.Generator) -> np.ndarray:
    """He et al. 2015 for the hidden layers, a small last one: grey at first."""
    flat = []
    for i, (out, into) in enumerate(arch.radiance_shapes()):
        scale = 0.1 if i == RADIANCE_LAYERS else 1.0
        flat += [(scale * rng.normal(0.0, math.sqrt(2.0 / into), (out, into))).reshape(-1), np.zeros(out)]
    return np.concatenate(flat).astype(np.float32)
