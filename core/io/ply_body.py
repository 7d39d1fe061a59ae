"""What follows a PLY file's header: rows of numbers, text or binary, as columns.

The caller has held the header's promises against the file's size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError


@dataclass(frozen=True)
class Property:
    """count_type: type of the length of a list, None for a scalar."""

    name: str
    type: str
    count_type: str | None = None


@dataclass(frozen=True)
class Element:
    name: str
    count: int
    properties: tuple[Property, ...]

    def smallest(self, order: str) -> int:
        """Fewest bytes one row can take: a text number needs a digit and a separator."""
        if not order:
            return 2 * len(self.properties)
        return sum(np.dtype(p.count_type or p.type).itemsize for p in self.properties)


Columns = dict[str, Any]
"""Property name -> (n,) array, or (counts, flat values) for a list."""


# ---------------------------------------------------------------------------------------------- binary


def read_binary(data: bytes, start: int, order: str, elements: list[Element], path: Path) -> Mapping[str, Columns]:
    """Element name -> columns, from byte `start` on; order: "<" or ">". Raises RimlightError where rows are missing."""
    tables: dict[str, Columns] = {}
    for element in elements:
        lists = [p for p in element.properties if p.count_type]
        try:
            if not lists or not element.count:
                row = np.dtype([(p.name, order + p.type) for p in element.properties if not p.count_type])
                table = np.frombuffer(data, row, element.count if row.itemsize else 0, start)
                columns = {name: table[name] for name in row.names or ()}
                start += row.itemsize * element.count
            else:
                columns, start = _read_equal_lists(data, start, order, element) or _read_lists(
                    data, start, order, element
                )
        except (ValueError, IndexError) as error:
            raise RimlightError(
                f"{path.name}: the file ends inside its {element.count:,} {element.name} rows (cut off?); export it again"
            ) from error
        tables[element.name] = columns
    return tables


def _read_equal_lists(data: bytes, start: int, order: str, element: Element) -> tuple[Columns, int] | None:
    """All rows at once, where each list has the same length in every row (a triangle mesh); else None."""
    fields: list[tuple] = []
    at = start
    for p in element.properties:
        if p.count_type:
            count = int(np.frombuffer(data, order + p.count_type, 1, at)[0])
            if not 0 <= count < 256:
                return None
            fields += [(f"count of {p.name}", order + p.count_type), (p.name, order + p.type, (count,))]
        else:
            fields.append((p.name, order + p.type))
        at = start + np.dtype(fields).itemsize
    row = np.dtype(fields)
    if start + row.itemsize * element.count > len(data):
        return None
    table = np.frombuffer(data, row, element.count, start)
    columns: Columns = {}
    for p in element.properties:
        if not p.count_type:
            columns[p.name] = table[p.name]
            continue
        counts = table[f"count of {p.name}"]
        if (counts != counts[0]).any():
            return None
        columns[p.name] = (counts, table[p.name].reshape(-1))
    return columns, start + row.itemsize * element.count


def _read_lists(data: bytes, start: int, order: str, element: Element) -> tuple[Columns, int]:
    """Row after row, for lists of different lengths."""
    kinds = [
        (p.name, np.dtype(order + p.count_type) if p.count_type else None, np.dtype(order + p.type))
        for p in element.properties
    ]
    counts: dict[str, list[int]] = {name: [] for name, _, _ in kinds}
    values: dict[str, list[np.ndarray]] = {name: [] for name, _, _ in kinds}
    for _ in range(element.count):
        for name, count_type, value_type in kinds:
            count = 1
            if count_type is not None:
                count = int(np.frombuffer(data, count_type, 1, start)[0])
                start += count_type.itemsize
            if count < 0:
                raise ValueError(count)
            values[name].append(np.frombuffer(data, value_type, count, start) if count else np.empty(0, value_type))
            counts[name].append(count)
            start += count * value_type.itemsize
    columns: Columns = {}
    for name, count_type, _ in kinds:
        flat = np.concatenate(values[name])
        columns[name] = flat if count_type is None else (np.array(counts[name]), flat)
    return columns, start


# ---------------------------------------------------------------------------------------------- text


def read_text(body: bytes, elements: list[Element], header_lines: int, path: Path) -> Mapping[str, Columns]:
    """Element name -> columns. header_lines: before the body, so that messages name the file's lines."""
    rows = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    tables: dict[str, Columns] = {}
    at = 0
    for element in elements:
        while at < len(rows) and not rows[at].strip():
            at += 1
        lines = [row.split() for row in rows[at : at + element.count]]
        first = header_lines + at + 1
        if len(lines) < element.count or (lines and not lines[-1]):
            raise RimlightError(
                f"{path.name}: the header promises {element.count:,} {element.name} rows but the file ends earlier; "
                "export it again"
            )
        tables[element.name] = _text_columns(lines, element, first, path)
        at += element.count
    return tables


def _text_columns(lines: list[list[bytes]], element: Element, first: int, path: Path) -> Columns:
    """Rows of words, the first of them on line `first`, -> columns."""
    scalars: dict[str, list[float]] = {p.name: [] for p in element.properties if not p.count_type}
    lists: dict[str, tuple[list[int], list[float]]] = {p.name: ([], []) for p in element.properties if p.count_type}
    for number, words in enumerate(lines, first):
        try:
            numbers = list(map(float, words))
            at = 0
            for p in element.properties:
                if not p.count_type:
                    scalars[p.name].append(numbers[at])
                    at += 1
                    continue
                count = int(numbers[at])
                if count < 0 or at + 1 + count > len(numbers):
                    raise IndexError
                lists[p.name][0].append(count)
                lists[p.name][1].extend(numbers[at + 1 : at + 1 + count])
                at += 1 + count
        except IndexError as error:
            raise RimlightError(
                f"{path.name}: line {number}: {element.name} row with {len(words)} numbers, needs more; export it again"
            ) from error
        except (ValueError, OverflowError) as error:
            raise RimlightError(
                f"{path.name}: line {number}: '{b' '.join(words)[:30].decode('latin-1')}' is not a row of numbers; "
                "export it again"
            ) from error
    columns: Columns = {}
    for p in element.properties:
        if not p.count_type:
            values = np.array(scalars[p.name], dtype=np.float64)
            if p.type in ("u1", "u2"):  # colours keep their type, which says what full light is
                values = np.clip(np.nan_to_num(values), 0, np.iinfo(p.type).max).astype(p.type)
            columns[p.name] = values
    for name, (counts, values) in lists.items():
        columns[name] = (np.array(counts, dtype=np.int64), np.nan_to_num(np.array(values, dtype=np.float64), nan=-1))
    return columns
