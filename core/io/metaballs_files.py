"""Metaballs on disk: .npz with a version, in the units the shape came in.

Entries: version (1), means (n, 3), factors (n, 3, 3) lower triangular with precision = factors^T factors,
log_weights (n,), colours (n, 3) linear, centre (3,) and scale (the frame: unit sphere = (file - centre) / scale).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.archives import read_archive
from core.io.atomic import write_bytes
from core.io.files import MEBIBYTE

VERSION = 1
LIMIT = 64 * MEBIBYTE
MOST = 4096
"""Gaussians that are read: every pixel meets every one of them."""
_NEEDED = ("means", "factors", "log_weights")


@dataclass(frozen=True)
class MetaballsData:
    """Object space (unit sphere); centre (3,) and scale give file units back: file = unit * scale + centre."""

    means: np.ndarray
    factors: np.ndarray
    log_weights: np.ndarray
    colours: np.ndarray | None
    centre: np.ndarray
    scale: float


def load_metaballs(path: str | Path) -> MetaballsData:
    """Read metaballs. Raises RimlightError naming the file and the cause."""
    path = Path(path)
    arrays = read_archive(path, "metaballs", _NEEDED, VERSION, LIMIT, "metaballs files are written by rimlight convert")
    return _checked(path, arrays)


def _checked(path: Path, arrays: dict[str, np.ndarray]) -> MetaballsData:
    count = len(arrays["means"]) if arrays["means"].ndim == 2 else 0
    if not 1 <= count <= MOST:
        raise RimlightError(f"{path.name}: 'means' has shape {arrays['means'].shape}, expected (1 to {MOST}, 3)")
    shapes = {"means": (count, 3), "factors": (count, 3, 3), "log_weights": (count,), "colours": (count, 3)}
    for name, shape in shapes.items():
        if name not in arrays:
            continue
        if arrays[name].shape != shape or arrays[name].dtype.kind not in "fiu":
            raise RimlightError(f"{path.name}: '{name}' has shape {arrays[name].shape}, expected {shape}")
        if not np.isfinite(arrays[name]).all():
            raise RimlightError(f"{path.name}: '{name}' is not finite everywhere; write it again")
    factors = np.asarray(arrays["factors"], np.float64)
    if np.abs(np.triu(factors, 1)).max() > 0 or (np.diagonal(factors, axis1=1, axis2=2) <= 0).any():
        raise RimlightError(f"{path.name}: 'factors' must be lower triangular with a positive diagonal")
    means = np.asarray(arrays["means"], np.float64)
    centre, scale = _frame(path, arrays, means, factors)
    return MetaballsData(
        means=(means - centre) / scale,
        factors=factors * scale,
        log_weights=np.asarray(arrays["log_weights"], np.float64),
        colours=np.asarray(arrays["colours"], np.float32) if "colours" in arrays else None,
        centre=centre,
        scale=scale,
    )


def _frame(
    path: Path, arrays: dict[str, np.ndarray], means: np.ndarray, factors: np.ndarray
) -> tuple[np.ndarray, float]:
    """centre and scale as stored, else those of the box of all ellipsoids at one deviation."""
    if "centre" in arrays and "scale" in arrays:
        centre, scale = np.asarray(arrays["centre"], np.float64), float(arrays["scale"])
        if centre.shape != (3,) or not np.isfinite(centre).all() or not (np.isfinite(scale) and scale > 0):
            raise RimlightError(f"{path.name}: 'centre' and 'scale' must be three numbers and a positive one")
        return centre, scale
    inverse = np.linalg.inv(factors)
    reach = np.sqrt(np.sum(inverse**2, 2))
    low, high = (means - reach).min(0), (means + reach).max(0)
    return 0.5 * (low + high), float(0.5 * np.linalg.norm(high - low))


def save_metaballs(path: str | Path, data: MetaballsData) -> None:
    """Write `data` in file units, atomically."""
    arrays = {
        "version": np.array(VERSION),
        "means": data.means * data.scale + data.centre,
        "factors": data.factors / data.scale,
        "log_weights": data.log_weights,
        "centre": data.centre,
        "scale": np.array(data.scale),
    }
    if data.colours is not None:
        arrays["colours"] = data.colours
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(Path(path), buffer.getvalue())
