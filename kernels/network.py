"""The IDR network: a signed distance, and features for a radiance network, at points (Yariv et al. 2020, section 4).

Batched: points are (n, 3), object space, turned by "const.turn" first. How the weights are packed is said in
kernels/network_parts.py. Bangaru et al. 2022 (section 3.5) use width 256 and 8 layers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from kernels.network_parts import BIAS, RADIANCE, SHARPNESS, TURN, VIEW_LEVELS, WEIGHTS, Architecture


class Layers(eqx.Module):
    """Linear layers out of one flat array."""

    weights: tuple[Any, ...]
    biases: tuple[Any, ...]

    @classmethod
    def unpacked(cls, flat: Any, shapes: list[tuple[int, int]]) -> Layers:
        weights, biases, start = [], [], 0
        for out, into in shapes:
            weights.append(flat[start : start + out * into].reshape(out, into))
            biases.append(flat[start + out * into : start + out * into + out])
            start += out * into + out
        return cls(tuple(weights), tuple(biases))


class DistanceNetwork(eqx.Module):
    """Points (n, 3) -> distance (n,), or distance and features (n, width)."""

    layers: Layers
    turn: Any
    arch: Architecture = eqx.field(static=True)

    @classmethod
    def of(cls, arch: Architecture, values: Mapping[str, Any]) -> DistanceNetwork:
        flat = values[WEIGHTS]
        features = arch.width  # the last layer's biases; the first of them is kept apart
        bias = jnp.asarray(values[BIAS], flat.dtype).reshape(1)
        whole = jnp.concatenate([flat[: flat.size - features], bias, flat[flat.size - features :]])
        return cls(Layers.unpacked(whole, arch.distance_shapes()), jnp.asarray(values[TURN], flat.dtype), arch)

    def __call__(self, points: Any) -> Any:
        return self._hidden(points) @ self.layers.weights[-1][0] + self.layers.biases[-1][0]

    def with_features(self, points: Any) -> tuple[Any, Any]:
        out = self._hidden(points) @ self.layers.weights[-1].T + self.layers.biases[-1]
        return out[:, 0], out[:, 1:]

    def with_gradient(self, points: Any) -> tuple[Any, Any]:
        """Distance (n,) and its gradient (n, 3), by one backward pass."""
        value, pull = jax.vjp(self, points)
        return value, pull(jnp.ones_like(value))[0]

    def _hidden(self, points: Any) -> Any:
        start = encoded(points @ self.turn, self.arch.levels)
        hidden = start
        for i in range(self.arch.layers):
            if i == self.arch.skip and i > 0:
                hidden = jnp.concatenate([hidden, start], axis=1) * math.sqrt(0.5)
            hidden = softplus(hidden @ self.layers.weights[i].T + self.layers.biases[i])
        return hidden


def radiance(arch: Architecture, values: Mapping[str, Any], points: Any, normals: Any, directions: Any) -> Any:
    """Colour (n, 3) linear in [0, 1], seen along unit `directions`, at points with unit normals; all (n, 3), object."""
    features = DistanceNetwork.of(arch, values).with_features(points)[1]
    layers = Layers.unpacked(values[RADIANCE], arch.radiance_shapes())
    hidden = jnp.concatenate([points, encoded(directions, VIEW_LEVELS), normals, features], axis=1)
    for weight, bias in zip(layers.weights[:-1], layers.biases[:-1]):
        hidden = jax.nn.relu(hidden @ weight.T + bias)
    return jax.nn.sigmoid(hidden @ layers.weights[-1].T + layers.biases[-1])


def encoded(points: Any, levels: int) -> Any:
    """(n, 3) -> (n, 3 + 6 levels): the points, then sines and cosines of 2^level times them."""
    parts = [points]
    for level in range(levels):
        parts += [jnp.sin(points * 2.0**level), jnp.cos(points * 2.0**level)]
    return jnp.concatenate(parts, axis=1)


@jax.custom_jvp
def softplus(x: Any) -> Any:
    """Its derivative is given: a sigmoid, which costs less than what follows from the stable form."""
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-SHARPNESS * jnp.abs(x))) / SHARPNESS


softplus.defjvp(lambda x, along: (softplus(*x), jax.nn.sigmoid(SHARPNESS * x[0]) * along[0]))
