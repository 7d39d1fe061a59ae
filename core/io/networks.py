"""Distance networks on disk: .npz with a version, weights as kernels/network.py packs them, and where the shape stands.

Entries: version (1), architecture (4,) whole numbers: width, layers, levels of positional encoding, radiance (0 or 1);
network.weights, network.bias, radiance.weights or surface.colour (3,) linear, turn (3, 3), centre (3,) and scale:
file = centre + scale * x, with the network seeing x @ turn.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.experiment import NETWORK_LAYERS, NETWORK_LEVELS, NETWORK_WIDTH
from core.io.archives import read_archive
from core.io.atomic import write_bytes
from core.io.files import MEBIBYTE
from kernels.network_parts import Architecture, sizes_of

VERSION = 1
LIMIT = 64 * MEBIBYTE
_NEEDED = ("architecture", "network.weights", "network.bias", "turn", "centre", "scale")


@dataclass(frozen=True)
class NetworkData:
    """architecture: width, layers, levels, radiance. values: the flat arrays, and surface.colour, by name."""

    architecture: tuple[int, int, int, bool]
    values: Mapping[str, np.ndarray]
    turn: np.ndarray
    centre: np.ndarray
    scale: float


def load_network(path: str | Path) -> NetworkData:
    """Read a network. Raises RimlightError naming the file and the cause."""
    path = Path(path)
    arrays = read_archive(path, "a network", _NEEDED, VERSION, LIMIT, "networks are written by a fit's export")
    return _checked(path, arrays)


def _checked(path: Path, arrays: dict[str, np.ndarray]) -> NetworkData:
    numbers = arrays["architecture"]
    if numbers.shape != (4,) or numbers.dtype.kind not in "iu":
        raise RimlightError(f"{path.name}: 'architecture' has shape {numbers.shape}, expected 4 whole numbers")
    width, layers, levels, seen = (int(n) for n in numbers)
    limits = zip((width, layers, levels, seen), (NETWORK_WIDTH, NETWORK_LAYERS, NETWORK_LEVELS, (0, 1)))
    if any(not low <= number <= high for number, (low, high) in limits):
        raise RimlightError(
            f"{path.name}: 'architecture' is {numbers.tolist()}, which is larger or smaller than is read"
        )
    shapes: dict[str, tuple[int, ...]] = {
        n: (s,) for n, s in sizes_of(Architecture(width, layers, levels, bool(seen))).items()
    }
    shapes |= {"network.bias": (), "turn": (3, 3), "centre": (3,), "scale": ()}
    shapes |= {} if seen else {"surface.colour": (3,)}
    for name, shape in shapes.items():
        found = arrays.get(name)
        if found is None or found.shape != shape or found.dtype.kind != "f" or not np.isfinite(found).all():
            what = "is missing" if found is None else f"has shape {found.shape} of {found.dtype}"
            raise RimlightError(f"{path.name}: '{name}' {what}, expected finite numbers of shape {shape}")
    if not arrays["scale"] > 0 or not np.allclose(arrays["turn"] @ arrays["turn"].T, np.eye(3), atol=1e-3):
        raise RimlightError(f"{path.name}: 'scale' or 'turn' is none; save the network again")
    names = [n for n in shapes if n not in ("turn", "centre", "scale")]
    values = {n: arrays[n].astype(np.float32) for n in names}
    frame = (arrays["turn"].astype(np.float64), arrays["centre"].astype(np.float64), float(arrays["scale"]))
    return NetworkData((width, layers, levels, bool(seen)), values, *frame)


def save_network(path: str | Path, data: NetworkData) -> None:
    """Raises RimlightError where the file cannot be written."""
    buffer = io.BytesIO()
    frame = {"turn": data.turn, "centre": data.centre, "scale": np.float64(data.scale)}
    architecture = np.array(data.architecture, np.int64)
    np.savez(buffer, allow_pickle=False, version=np.int64(VERSION), architecture=architecture, **frame, **data.values)
    write_bytes(path, buffer.getvalue())
