"""SDFGen's text grids (.sdf): node counts, origin, spacing, then the values, x fastest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.grid_checks import require_size


def read_sdfgen(path: Path) -> dict[str, np.ndarray]:
    """ "sdf" (nx, ny, nz), "origin" and "spacing" (3,). Raises RimlightError naming the file, and the line of its head."""
    try:
        with path.open(encoding="ascii") as file:
            shape = tuple(int(n) for n in _numbers(path, file.readline(), 1, (3,), "three node counts", int))
            require_size(path, shape, "the grid")
            origin = _numbers(path, file.readline(), 2, (3,), "an origin of three numbers", float)
            spacing = _numbers(path, file.readline(), 3, (1, 3), "a spacing", float)
            values = np.array(file.read().split(), dtype=np.float64)
    except UnicodeDecodeError as error:
        raise RimlightError(
            f"{path.name}: is no text grid of SDFGen's (bytes that are no text); export it again"
        ) from error
    except ValueError as error:
        raise RimlightError(f"{path.name}: a value is no number ({error}); export it again") from error
    except OSError as error:
        raise RimlightError(f"{path.name}: cannot be read ({error.strerror}); check its permissions") from error
    wanted = int(np.prod(shape))
    if values.size != wanted:
        raise RimlightError(
            f"{path.name}: {values.size:,} values follow, but {' x '.join(map(str, shape))} nodes need {wanted:,}; "
            "the file is cut off or damaged"
        )
    return {
        "sdf": values.reshape(shape[::-1]).transpose(2, 1, 0),
        "origin": np.array(origin, np.float64),
        "spacing": np.array(np.broadcast_to(np.array(spacing, np.float64), 3)),
    }


def _numbers(path: Path, line: str, number: int, counts: tuple[int, ...], what: str, kind: type) -> list:
    words = line.split()
    try:
        found = [kind(word) for word in words]
    except ValueError:
        found = []
    if len(found) not in counts:
        raise RimlightError(
            f"{path.name}: line {number}: expected {what}, found {line.strip()[:60]!r}; export it again"
        )
    return found
