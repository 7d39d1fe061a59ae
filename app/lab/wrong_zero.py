"""Where the method says zero and the truth does not: the pixel a teacher wants to show."""

from __future__ import annotations

import numpy as np

from core.protocol import Snapshot

NOT_READY = "The derivative images of this step are not ready yet"
NO_WRONG_ZERO = "No pixel is wrongly zero: wherever the truth is large, the method says something"

ZERO, LARGE = 1e-4, 0.02
"""Of the largest derivative in either image what counts as zero, and of the largest truth what is worth a look."""


def wrong_zero(shown: Snapshot) -> tuple[int, int] | None:
    """The pixel (x, y) of the largest truth among those where the method says nothing; None where there is none."""
    method, truth = (np.abs(shown.arrays[name]).max(axis=-1) for name in ("derivative", "reference"))
    zero = method <= ZERO * max(float(method.max()), float(truth.max()))
    size = np.where(zero, truth, 0.0)
    if float(size.max()) <= LARGE * float(truth.max()):
        return None
    y, x = np.unravel_index(int(size.argmax()), size.shape)
    return int(x), int(y)


def up_to_date(shown: Snapshot) -> bool:
    """Whether both derivative images are there and of this very step."""
    return all(
        name in shown.arrays and shown.stamps.get(name) == shown.iteration for name in ("derivative", "reference")
    )
