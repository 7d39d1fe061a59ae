"""The sizes of a neural texture's decoder, and what one begins with. NumPy only: readers of files ask without JAX.

The weights are one vector (kernels/neural_texture.py): layer after layer, a matrix (inputs, outputs) and its bias.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

FEATURES, WIDTH, LAYERS = 8, 32, 4
"""EdgeGrad, supplement B.1."""

SIZES = (FEATURES + 3, *(WIDTH,) * (LAYERS - 1), 3)
WEIGHTS = sum((a + 1) * b for a, b in itertools.pairwise(SIZES))
"""Numbers of the network: each layer a matrix (inputs, outputs), then its bias."""


def initial_decoder(seed: int) -> np.ndarray:
    """(WEIGHTS,) float32: weights of variance 2 / inputs (He et al. 2015), the last layer's a tenth of that and its
    bias one half, so that a fit begins near grey."""
    rng, parts = np.random.default_rng((seed, 1)), []
    for i, (a, b) in enumerate(itertools.pairwise(SIZES)):
        last = i == LAYERS - 1
        parts += [rng.standard_normal(a * b) * np.sqrt((0.2 if last else 2.0) / a), np.full(b, 0.5 if last else 0.0)]
    return np.concatenate(parts).astype(np.float32)


def initial_features(height: int, width: int, seed: int) -> np.ndarray:
    """[height, width, FEATURES] float32, small and random, so that no two are alike."""
    rng = np.random.default_rng((seed, 2))
    return (0.1 * rng.standard_normal((height, width, FEATURES))).astype(np.float32)


def turned_decoder(decoder: np.ndarray, rotation: Any) -> np.ndarray:
    """The decoder that sees rays (row vectors) as `decoder` sees ray @ rotation (3, 3): that goes into the rows of the
    first layer which the ray meets."""
    turned = np.array(decoder, np.float32)
    rows = turned[FEATURES * WIDTH : (FEATURES + 3) * WIDTH].reshape(3, WIDTH)
    rows[:] = np.asarray(rotation, np.float32) @ rows
    return turned
