"""Vertices to fixed-point screen positions, 1/w and cells; float32, the operations in the order reference.py states.

A vertex's cell is, in x and in y, the number of pixel centres before it, clamped to the image: a triangle whose three
corners share a cell in x or in y covers no centre (left- and top-inclusive), be it tiny or off the screen. That is the
whole culling test, on one 32-bit word a vertex.
"""

from __future__ import annotations

import numpy as np
from numba import types, uint32
from numba.extending import intrinsic

from kernels.jit import kernel
from kernels.raster.fixed_point import BEHIND, GUARD, HALF, ONE, SUBPIXEL_BITS

_GUARD = np.float32(GUARD)
_CLAMP = np.float32(2 * GUARD)
_BEHIND = np.uint32(BEHIND * 65536 + BEHIND)
_SHIFT = np.int32(SUBPIXEL_BITS)
_ROUND_UP = np.int32(HALF - 1)
_I = np.int32
_ZERO, _UNIT = np.float32(0), np.float32(1)


@intrinsic
def rint(typing_context, value):
    """Round half to even as one instruction (np.rint is a call per number, which also stops vectorisation)."""

    def code(context, builder, signature, arguments):
        function = builder.module.declare_intrinsic("llvm.rint", [arguments[0].type])
        return builder.call(function, arguments)

    return types.float32(types.float32), code


@kernel
def transform(vertices, matrix, near, width, height, screen, inverse, cell):
    """Fill screen (2 n,) int32, inverse (n,) float32 and cell (n,) uint32 for vertices (3 n,) float32.

    matrix (3, 4) float32 with rows 0 and 1 in sub-pixels. inverse is 1/w, or 0 where the vertex is nearer than `near`,
    beyond the guard band or not finite (its triangles are then clipped); screen is meaningless there. Flat arrays: the
    strides must be known when compiling, or the loop is not vectorised.
    """
    a0, a1, a2, a3 = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    b0, b1, b2, b3 = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    c0, c1, c2, c3 = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    last_x, last_y = _I(width), _I(height)
    for i in range(len(inverse)):
        x, y, z = vertices[3 * i], vertices[3 * i + 1], vertices[3 * i + 2]
        w = ((c0 * x + c1 * y) + c2 * z) + c3
        q = _UNIT / w
        sx = (((a0 * x + a1 * y) + a2 * z) + a3) * q
        sy = (((b0 * x + b1 * y) + b2 * z) + b3) * q
        front = (w >= near) & (sx == sx) & (sy == sy)
        sx = sx if front else _ZERO
        sy = sy if front else _ZERO
        good = front & (abs(sx) <= _GUARD) & (abs(sy) <= _GUARD)
        ix = _I(rint(min(max(sx, -_CLAMP), _CLAMP)))  # pyright: ignore[reportCallIssue]
        iy = _I(rint(min(max(sy, -_CLAMP), _CLAMP)))  # pyright: ignore[reportCallIssue]
        screen[2 * i] = ix
        screen[2 * i + 1] = iy
        inverse[i] = q if good else _ZERO
        cx = min(max(_I(ix + _ROUND_UP) >> _SHIFT, _I(0)), last_x)
        cy = min(max(_I(iy + _ROUND_UP) >> _SHIFT, _I(0)), last_y)
        cell[i] = uint32(_I(cy << _I(16)) | cx) if front else _BEHIND


def subpixel_matrix(pixel_matrix: np.ndarray) -> np.ndarray:
    """Pixel matrix (3, 4) -> float32 with rows 0 and 1 in sub-pixels (a power of two: exact)."""
    return (np.asarray(pixel_matrix, np.float64) * np.array([[ONE], [ONE], [1.0]])).astype(np.float32)
