"""Labels of a surface's points as planes: one a label, the background's (0) first, that sum to 1 on the surface.

A table of labels is (n, C), one row a vertex, or [height, width, C], a one-hot texture seen through "const.label_uv"
(m, 3, 2), v upwards. Labels are never free: their picture changes because the surface moves, and no method blurs them
but by what it does to every channel (EdgeGrad, Sec. 4: segmentation passed through as it is).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from kernels.host_texture import corner_planes, look_up_on_host
from kernels.raster.interpolate import interpolate
from kernels.texture import look_up
from kernels.types import Fragments, Planes, Values

LABELS, LABEL_UV = "const.labels", "const.label_uv"


def sampled_labels(values: Values, fragments: Fragments) -> np.ndarray:
    """Host: the labels at fragments with corners and barycentrics, (K, C, H, W) float32, 0 where empty."""
    table = np.asarray(values[LABELS], np.float32)
    if table.ndim == 2:
        return interpolate(table, fragments)
    face_id = np.asarray(fragments.face_id)
    uv = corner_planes(np.asarray(values[LABEL_UV]), face_id, np.asarray(fragments.bary))
    return look_up_on_host(table, uv, None, face_id)


def labels_at(values: Values, samples: Any, bary: Any, k: int) -> Planes:
    """Traced: the label planes of layer k, from the samples (SurfaceSamples) where they are there, else by `bary`,
    through which they slide with the triangle under each pixel."""
    if samples.labels is not None:
        return tuple(samples.labels[k][c] for c in range(len(samples.labels[k])))
    table, fragments = jnp.asarray(values[LABELS]), samples.fragments
    if table.ndim == 2:
        rows = table.at[fragments.corners[k]].get(mode="promise_in_bounds")
        return tuple(sum(bary[i] * rows[i][..., c] for i in range(3)) for c in range(table.shape[1]))
    corners = jnp.asarray(values[LABEL_UV])[jnp.maximum(fragments.face_id[k], 0)]
    u, v = (sum(bary[i] * corners[..., i, axis] for i in range(3)) for axis in (0, 1))
    return look_up(table, u, v, None, moving=True)


def label_count(values: Values, samples: Any) -> int:
    """C, the background among them; 0 for a surface without labels."""
    if samples.labels is not None:
        return len(samples.labels[0])
    return values[LABELS].shape[-1] if LABELS in values else 0
