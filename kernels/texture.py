"""Looking up a texture: bilinear between texels, linear between levels of a 2 x 2 box pyramid (trilinear mip-mapping).

A texture is [height, width, C] (three of linear colour; labels, features), row 0 at the top; u runs right, v UPWARDS, both repeat, and texel centres
are at half-integers. Differentiable in the texture and, where asked, in the place that is looked up.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels.linear import linear_map
from kernels.planes import displacement
from kernels.types import Plane, Planes


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes of the pyramid: halved as long as both sides are even."""
    sizes = [(height, width)]
    while sizes[-1][0] % 2 == 0 and sizes[-1][1] % 2 == 0:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def pyramid_table(texture: Any, levels: int) -> Any:
    """All texels of the first `levels` levels, (N, C): each level is the 2 x 2 mean of the one before."""
    rows, level = [], jnp.asarray(texture)
    for i in range(levels):
        if i:
            height, width = level.shape[0] // 2, level.shape[1] // 2
            level = level.reshape(height, 2, width, 2, -1).mean(axis=(1, 3))
        rows.append(level.reshape(-1, level.shape[-1]))
    return jnp.concatenate(rows)


def look_up(texture: Any, u: Plane, v: Plane, level: Plane | None, *, moving: bool = False) -> Planes:
    """C planes of the texture at u, v (any shape); level: mip level, 0 the finest, None for no mip-mapping.

    moving: u and v are differentiated too (levels never are).
    """
    sizes = level_sizes(*texture.shape[:2])[: None if level is not None else 1]
    table = pyramid_table(texture, len(sizes))
    places, weights = _taps(sizes, u, v, level)
    fixed = tuple(jax.lax.stop_gradient(w) for w in weights)
    planes = linear_map(_mix, lambda r, g: _scatter(table.shape, r, g), (places, fixed), table)
    if moving:
        rows = jax.lax.stop_gradient(table).at[places].get(mode="promise_in_bounds")
        drift = [displacement(w) for w in weights]
        planes = tuple(p + sum(d * rows[t][..., c] for t, d in enumerate(drift)) for c, p in enumerate(planes))
    return planes


def _taps(sizes: list[tuple[int, int]], u: Plane, v: Plane, level: Plane | None) -> tuple[Any, Planes]:
    """(indices into the table (T, ...), T weights): four texels, of two levels where there are several."""
    if level is None or len(sizes) == 1:
        return _bilinear(sizes, u, v, jnp.zeros(u.shape, jnp.int32), 1.0)
    level = jnp.clip(jax.lax.stop_gradient(level), 0.0, len(sizes) - 1.0)
    fine = jnp.minimum(jnp.floor(level).astype(jnp.int32), len(sizes) - 2)
    share = level - fine.astype(level.dtype)
    first, second = _bilinear(sizes, u, v, fine, 1.0 - share), _bilinear(sizes, u, v, fine + 1, share)
    return jnp.concatenate([first[0], second[0]]), first[1] + second[1]


def _bilinear(sizes: list[tuple[int, int]], u: Plane, v: Plane, level: Any, share: Any) -> tuple[Any, Planes]:
    areas = np.cumsum([0, *(h * w for h, w in sizes)])
    pick = lambda numbers: jnp.asarray(np.array(numbers, np.int32)).at[level].get(mode="promise_in_bounds")
    height, width, offset = (pick(n) for n in ([h for h, _ in sizes], [w for _, w in sizes], areas[:-1]))
    x = u * width.astype(u.dtype) - 0.5
    y = (1.0 - v) * height.astype(v.dtype) - 0.5
    left, top = (jnp.floor(jax.lax.stop_gradient(p)) for p in (x, y))
    fx, fy = x - left, y - top
    columns = [(left.astype(jnp.int32) + i) % width for i in (0, 1)]
    rows = [(top.astype(jnp.int32) + i) % height for i in (0, 1)]
    places = [offset + r * width + c for r in rows for c in columns]
    weights = tuple(share * a * b for a in (1.0 - fy, fy) for b in (1.0 - fx, fx))
    return jnp.stack(places), weights


def _mix(residuals: Any, table: Any) -> Planes:
    places, weights = residuals
    rows = table.at[places].get(mode="promise_in_bounds")
    mixed: Any = sum(weight[..., None] * rows[t] for t, weight in enumerate(weights))
    return tuple(mixed[..., c] for c in range(mixed.shape[-1]))


def _scatter(shape: tuple[int, ...], residuals: Any, cotangents: Planes) -> Any:
    places, weights = residuals
    g = jnp.stack(cotangents, axis=-1)
    rows = jnp.stack([weight[..., None] * g for weight in weights])
    return jnp.zeros(shape, rows.dtype).at[places].add(rows, mode="promise_in_bounds")
