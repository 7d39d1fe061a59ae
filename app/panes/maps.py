"""From image arrays to what is painted: channels, robust ranges, the signed map, resampling. NumPy only.

Images are [H, W, C] or (H, W), linear; pictures are (H, W, 3) uint8, sRGB. What is not finite is painted magenta.
"""

from __future__ import annotations

import numpy as np

from core.colour import to_bytes

CHANNELS = ("luminance", "mean", "red", "green", "blue")
"""How three channels become the one that the signed map shows."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Rec. 709 weights of linear light."""
PERCENTILE = 98.5
"""Of |value|: the few extreme pixels of a derivative image would otherwise make the rest invisible."""
SPARSE_PERCENTILE = 75.0
"""Of |value| where it is not zero: a silhouette's line may cover less of the image than 100 - PERCENTILE."""
ROUNDING = 1e-3
"""Of what is large in such an image: below it is rounding, which may cover more of it than what is to be seen."""
NOT_FINITE = np.array([255, 0, 255], np.uint8)


def plane(image: np.ndarray, channel: str = "luminance") -> np.ndarray:
    """The one value a pixel (H, W) that is shown of `image`; one channel is shown as it is."""
    image = np.asarray(image, np.float32)
    if image.ndim == 2:
        return image
    if image.shape[2] != 3:
        return image[..., 0]
    if channel == "luminance":
        return image @ LUMINANCE
    if channel == "mean":
        return image.mean(axis=2)
    return image[..., CHANNELS.index(channel) - 2]


def channel_of(image: np.ndarray, sees: frozenset[str]) -> str:
    """Which of the channels that the loss `sees` an image holds: "colour", "normals", "silhouette" or "depth"."""
    three = image.ndim == 3 and image.shape[2] == 3
    first, second = ("colour", "normals") if three else ("silhouette", "depth")
    return second if second in sees and first not in sees else first


def robust_range(values: np.ndarray) -> float:
    """r > 0 such that [-r, +r] shows `values` well."""
    size = np.abs(values.ravel())
    size = size if not not_finite(values) else size[np.isfinite(size)]
    above = int(np.count_nonzero(size))
    if not above:
        return 1.0
    place = 0.01 * PERCENTILE * (len(size) - 1)
    if above * (100.0 - SPARSE_PERCENTILE) >= len(size) * (100.0 - PERCENTILE):  # then the other cannot be larger
        return _in_order(size, place)
    seen = size[size > 0]
    limit = _in_order(seen, place - (len(size) - above))  # zeros come first in order
    large = seen[seen > ROUNDING * _in_order(seen, 0.99 * (above - 1))]
    return max(limit, _in_order(large, 0.01 * SPARSE_PERCENTILE * (len(large) - 1)))


def _in_order(sizes: np.ndarray, place: float) -> float:
    """What stands at a place of the sorted sizes, between two in proportion; 0 before the first."""
    if place < 0:
        return 0.0
    k = min(int(place), len(sizes) - 1)
    end = min(k + 1, len(sizes) - 1)
    order = np.partition(sizes, sorted({k, end}))
    return float(order[k] + (place - k) * (order[end] - order[k]))


def signed_picture(values: np.ndarray, limit: float, lut: np.ndarray) -> np.ndarray:
    """(H, W) -> (H, W, 3) through a map of 256 colours whose entry 128 is zero and 1 and 255 are -limit and +limit."""
    limit = max(limit, 1e-30)
    whole = not not_finite(values)
    known = values if whole else np.nan_to_num(values, posinf=0.0, neginf=0.0)
    scaled = np.clip(known, -limit, limit) * (127.0 / limit)
    result = lut[(np.rint(scaled) + 128).astype(np.uint8)]
    if not whole:
        result[~np.isfinite(values)] = NOT_FINITE
    return result


def natural_picture(image: np.ndarray, channel: str = "colour") -> np.ndarray:
    """An image as it looks. channel: "colour", "silhouette", "normals" (-1 to 1) or "depth" (near is light)."""
    image = np.asarray(image, np.float32)
    if image.ndim == 2:
        image = image[..., None]
    if channel == "normals":
        result = np.rint(255 * np.clip(0.5 + 0.5 * np.nan_to_num(image), 0, 1)).astype(np.uint8)
    elif channel == "depth":
        result = _depth_picture(image)
    else:
        result = to_bytes(image)
    if result.shape[2] != 3:
        result = np.repeat(result[..., :1], 3, axis=2)
    if not_finite(image):
        result[~np.isfinite(image).all(axis=2)] = NOT_FINITE
    return result


def _depth_picture(image: np.ndarray) -> np.ndarray:
    finite = image[np.isfinite(image)]
    if not len(finite):
        return np.zeros((*image.shape[:2], 1), np.uint8)
    near, far = float(finite.min()), float(finite.max())
    share = (far - np.nan_to_num(image)) / max(far - near, 1e-12)
    return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)


def not_finite(image: np.ndarray) -> int:
    """How many pixels hold NaN or infinity."""
    if np.isfinite(image.sum(dtype=np.float64)):  # float32 cannot overflow it; ten times faster than asking each
        return 0
    finite = np.isfinite(image)
    return int((~(finite.all(axis=2) if finite.ndim == 3 else finite)).sum())


def resample(picture: np.ndarray, width: int, height: int, box: tuple[float, float, float, float]) -> np.ndarray:
    """Each of width x height output pixels is the mean of what it covers of `box` = (x0, y0, x1, y1) in `picture`.

    At a whole magnification that is nearest neighbour, below 1:1 an area filter, and in between it keeps every
    pixel a square of even size with soft edges. Outside the picture its border goes on.
    """
    x0, y0, x1, y1 = box
    rows = _cover(picture.astype(np.float32), np.linspace(y0, y1, height + 1))
    columns = _cover(rows.transpose(1, 0, 2), np.linspace(x0, x1, width + 1))
    return np.rint(columns.transpose(1, 0, 2)).astype(np.uint8)


def _cover(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Means over [edges[i], edges[i + 1]] along axis 0, by the integral of a step function."""
    count = values.shape[0]
    edges = np.clip(edges, 0.0, count)
    integral = np.zeros((count + 1, *values.shape[1:]), np.float32)
    np.cumsum(values, axis=0, out=integral[1:])
    whole = np.minimum(edges.astype(int), count - 1)
    at = integral[whole] + (edges - whole).astype(np.float32)[:, None, None] * values[whole]
    widths = np.maximum(np.diff(edges), 1e-6).astype(np.float32)
    return (at[1:] - at[:-1]) / widths[:, None, None]
