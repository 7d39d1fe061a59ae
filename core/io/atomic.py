"""Writing files so that a reader sees the old file or the whole new one, never half of it.

Every writer of the project goes through here: a temporary neighbour is written, then renamed over the target.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import RimlightError

REFUSALS, REFUSED_S = 6, 0.03
"""How often Windows is asked again, and after which time."""


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, with the same suffix; it replaces `path` when the block ends without error.

    Missing folders are made. Raises RimlightError where the place cannot be written.
    """
    target = Path(os.path.realpath(path))  # a link keeps pointing at its file
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _replace(temporary, target)
    except OSError as error:
        raise RimlightError(
            f"{path}: cannot be written ({error.strerror or error}); choose another folder or free some space"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _replace(temporary: Path, target: Path) -> None:
    """os.replace; Windows refuses it for the moment in which a virus scanner or an index reads either file."""
    for _ in range(REFUSALS if sys.platform == "win32" else 0):
        try:
            os.replace(temporary, target)
            return
        except PermissionError:
            time.sleep(REFUSED_S)
    os.replace(temporary, target)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends to `path`, atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, data: Any) -> None:
    """Write `data` as JSON to `path`, atomically. What is not finite becomes null: JSON has no NaN and no infinity, and
    readers in other languages stop there."""
    write_text(path, json.dumps(_finite(data), indent=1, allow_nan=False))


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, list | tuple) else data
