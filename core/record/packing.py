"""Arrays and plain facts as bytes, without pickle: what checkpoints, forks and session files are made of.

Layout: the signature, the length of a JSON header (uint64, little endian), the header, then the arrays one after the
other in C order. Facts are whatever JSON can say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.errors import RimlightError

SIGNATURE = b"RIMPACK1"
_LENGTH = np.dtype("<u8")
_KINDS = "biufc"
"""NumPy kinds that may cross: booleans and numbers, never objects."""


def pack(facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """One byte string. Raises TypeError for arrays of objects."""
    sources = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in sources.items():
        if array.dtype.kind not in _KINDS:
            raise TypeError(f"array {name!r} holds {array.dtype}, which cannot be packed")
    entries = [[name, a.dtype.str, list(a.shape)] for name, a in sources.items()]
    header = json.dumps({"facts": dict(facts), "arrays": entries}).encode()
    head = SIGNATURE + np.array(len(header), _LENGTH).tobytes() + header
    return b"".join([head, *(np.ascontiguousarray(a).data for a in sources.values())])


def unpack(packed: bytes | np.ndarray) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `pack` was given, of bytes or an array of them; the arrays are views of it, nothing is copied. Raises
    RimlightError for anything else."""
    start = len(SIGNATURE) + _LENGTH.itemsize
    try:
        data = packed.data if isinstance(packed, np.ndarray) else memoryview(packed)
        if data[: len(SIGNATURE)] != SIGNATURE:
            raise ValueError("another signature")
        length = int(np.frombuffer(data, _LENGTH, 1, len(SIGNATURE))[0])
        header = json.loads(bytes(data[start : start + length]))
        offset, arrays = start + length, {}
        for name, kind, shape in header["arrays"]:
            dtype = np.dtype(kind)
            if dtype.kind not in _KINDS or any(side < 0 for side in shape):
                raise ValueError(f"array {name!r} is no array of numbers")
            count = int(np.prod(shape, dtype=np.int64))
            arrays[name] = np.frombuffer(data, dtype, count, offset).reshape(shape)
            offset += count * dtype.itemsize
        if not isinstance(header["facts"], dict):
            raise TypeError("its facts are no table")
        return header["facts"], arrays
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError, SyntaxError) as error:
        raise RimlightError(f"a stored state is damaged ({error}); start the fit anew") from error
