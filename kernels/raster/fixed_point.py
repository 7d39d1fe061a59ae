"""The sampler's fixed-point convention, shared by the fast kernels and their slow twin.

Screen positions are int32 in 1/4096 pixel, x right and y DOWN; the centre of pixel (row, column) lies at
(column + 1/2, row + 1/2) pixels, an integer. A sample exactly on an edge belongs to the triangle that has it as a left
or a top edge, which is the same as sampling an infinitesimal step right and (far smaller) down of the centre.
"""

from __future__ import annotations

SUBPIXEL_BITS = 12
"""4,096 positions a pixel: snapping moves a vertex by at most 1.2e-4 pixel."""

ONE = 1 << SUBPIXEL_BITS
HALF = ONE >> 1

GUARD = 1 << 25
"""Snapped coordinates stay within +-GUARD (8,192 pixels): triangles beyond are clipped. Differences then fit 2^26 and
edge functions 2^53, so that they are exact in int64 and in float64 alike."""

MAX_SIZE = GUARD // ONE
"""Largest image side in pixels."""

BEHIND = 0xFFFF
"""Cell, in x and in y, of a vertex nearer than the near plane or not finite: differs from every cell of the image."""

MAX_LAYERS = 8
