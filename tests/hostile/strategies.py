"""Files as Hypothesis draws them, part by part, so that what breaks a reader shrinks to the part that does.

Each strategy gives bytes: mostly a file of its kind, in which counts, indices, numbers and words are now and then wrong.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import Any

import numpy as np
from hypothesis import strategies as st

SMALL = st.integers(-3, 6)
WHOLE = st.one_of(SMALL, SMALL, st.sampled_from([2**31 - 1, 2**31, 2**63, 10**20, 10**400, -(2**31)]))
REAL = st.one_of(
    st.floats(-2, 2),
    st.floats(-2, 2),
    st.floats(-2, 2),
    SMALL.map(float),
    st.floats(allow_nan=True, allow_infinity=True),
)
"""Mostly of a size that is meant; now and then anything that a float can be."""
WORD = st.one_of(
    REAL.map(repr), REAL.map(repr), REAL.map(repr), WHOLE.map(str),
    st.sampled_from(["", "nan", "1e999", "1,5", "0x10", "é", "\0", "9" * 400, "--1", "1e-400"]),
)  # fmt: skip
"""A number as text."""


def _lines(rows: list[str]) -> bytes:
    return "\n".join([*rows, ""]).encode()


def _joined(words: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[str]:
    return st.lists(words, min_size=least, max_size=most).map(" ".join)


_INDEX = st.one_of(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), WHOLE).map(str)
_CORNER = st.one_of(_INDEX, _INDEX, st.tuples(_INDEX, _INDEX, _INDEX).map("/".join), _INDEX.map(lambda i: f"{i}//"))
_ROW = st.one_of(
    _joined(WORD, 3, 3).map("v ".__add__),
    _joined(WORD, 0, 7).map("v ".__add__),
    _joined(WORD, 2, 2).map("vt ".__add__),
    _joined(_CORNER, 3, 4).map("f ".__add__),
    _joined(_CORNER, 0, 5).map("f ".__add__),
    st.sampled_from(["# note", "", "g a", "usemtl x", "mtllib ../x.mtl", "v 1 2 \\", "s off", "l 1 2", "\t"]),
)
_CORNERS = ["v 0 0 0", "v 1 0 0", "v 0 1 0", "v 0 0 1", "f 1 2 3"]

obj_files: st.SearchStrategy[bytes] = st.lists(_ROW, max_size=12).map(lambda rows: _lines([*_CORNERS, *rows]))
"""A triangle, and rows after it."""


_CORNERS_OF_ONE = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]
"""A triangle that has an area."""

_TYPES = {"float": "f4", "double": "f8", "int": "i4", "short": "i2", "uchar": "u1"}
"""Of PLY -> NumPy's."""


@st.composite
def ply_files(draw: Any) -> bytes:
    """A header, whose counts and types need not be those of the body."""
    order = draw(st.sampled_from(["ascii", "binary_little_endian", "binary_big_endian"]))
    kind = draw(st.sampled_from([*["float"] * 5, *["double"] * 3, "int", "list uchar float", "quad"]))
    index = draw(st.sampled_from(["int", "int", "uchar", "short"]))
    points = [*_CORNERS_OF_ONE, *draw(st.lists(st.tuples(REAL, REAL, REAL), max_size=3))]
    face = st.one_of(*[st.just([0, 1, 2])] * 3, st.lists(st.integers(-1, 5), max_size=5))
    faces = [[0, 1, 2], *draw(st.lists(face, max_size=3))]
    stated = lambda true: draw(st.one_of(st.just(true), st.just(true), st.just(true), WHOLE))
    extra = draw(
        st.sampled_from([*[[]] * 4, ["comment é"], ["property uchar red"], ["element edge 1", "property int a"]])
    )
    head = ["ply", f"format {order} 1.0", f"element vertex {stated(len(points))}"]
    head += [f"property {kind} {axis}" for axis in "xyz"]
    head += [*extra, f"element face {stated(len(faces))}", f"property list uchar {index} vertex_indices", "end_header"]
    if order == "ascii":
        rows = [" ".join(map(repr, point)) for point in points]
        return _lines([*head, *rows, *(" ".join(map(str, [len(face), *face])) for face in faces)])
    packed = lambda values, name: _packed(values, ("<" if "little" in order else ">") + _TYPES.get(name, "f4"))
    body = [packed(point, kind) for point in points]
    body += [bytes([len(face)]) + packed(face, index) for face in faces]
    return _lines(head) + b"".join(body)


def _packed(values: Any, kind: str) -> bytes:
    """Numbers in binary, whatever becomes of those that do not fit."""
    with np.errstate(all="ignore"):
        wide = np.asarray(values, np.float64)
        whole = np.nan_to_num(np.clip(wide, -1e9, 1e9)).astype(np.int64)
        return (wide if kind[1] == "f" else whole).astype(kind).tobytes()


@st.composite
def _facet(draw: Any, numbers: st.SearchStrategy[Any]) -> list[list[Any]]:
    """Three corners, moved a little, now and then one number of them replaced."""
    shift = draw(st.integers(0, 3))
    corners: list[list[Any]] = [[x + shift, y, z] for x, y, z in _CORNERS_OF_ONE]
    for corner, axis in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=1)):
        corners[corner][axis] = draw(numbers)
    return corners


@st.composite
def stl_files(draw: Any) -> bytes:
    """Text, or binary with a count that need not be true."""
    if draw(st.booleans()):
        rows = ["solid s"]
        for corners in draw(st.lists(_facet(WORD), min_size=1, max_size=3)):
            rows += [f"facet normal {draw(WORD)} 0 1", "outer loop"]
            rows += [
                f"vertex {' '.join(map(str, corner))}" for corner in corners[: draw(st.sampled_from([3, 3, 3, 2]))]
            ]
            rows += ["endloop", "endfacet"]
        return _lines([*rows, *draw(st.sampled_from([["endsolid s"], [], ["endsolid", "solid t"]]))])
    triangles = draw(st.lists(_facet(REAL), max_size=4))
    count = draw(st.one_of(st.just(len(triangles)), st.just(len(triangles)), st.integers(0, 2**32 - 1)))
    head = draw(st.sampled_from([b"made by us", b"solid it is not", b""])).ljust(80)
    body = b"".join(_packed([[0, 0, 1], *corners], "<f4") + b"\0\0" for corners in triangles)
    return head + struct.pack("<I", count) + body


_SHAPE = st.lists(st.integers(0, 6), max_size=5).map(tuple)
_KIND = st.sampled_from(["<f4", "<f4", "<f8", ">f4", "<f2", "<i8", "u1", "?", "<c8", "<U3", "O", "V4"])
_HEADER = st.one_of(
    st.just(None), st.just(None), st.just(None),
    st.sampled_from(["{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }", "{", "", "((((" * 60, "1" * 9000,
                     "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "{'descr': [('a', '<f4')], 'shape': ()}",
                     "{'descr': '<f8', 'fortran_order': True, 'shape': (-1, 3, 3), }"]),
)  # fmt: skip
"""None: the array's own."""


@st.composite
def npy_arrays(draw: Any, side: int = 5) -> bytes:
    """An array, mostly a cube of 32-bit floats, mostly under its own header."""
    shape = draw(st.one_of(st.just((side,) * 3), st.just((side,) * 3), _SHAPE))
    values = np.linspace(-1, 1, int(np.prod(shape))).reshape(shape) if shape else np.float64(draw(REAL))
    spoilt = np.where(values == values.flat[0], draw(REAL), values) if values.size else values
    kind = draw(_KIND)
    with np.errstate(all="ignore"):
        array = (
            np.asarray(spoilt).astype(kind)
            if kind[-1] not in "O4" or kind == "<f4"
            else np.asarray(spoilt).astype("<f4")
        )
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asfortranarray(array) if draw(st.booleans()) else array, allow_pickle=False)
    header, data = draw(_HEADER), file.getvalue()
    if header is None:
        return data
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + draw(st.binary(max_size=64))


@st.composite
def npz_files(draw: Any) -> bytes:
    """Members of the names that are looked for, and of others."""
    named = st.sampled_from(["origin", "spacing", "means", "factors", "architecture", "a/b", "../x", "é"])
    members = draw(st.lists(st.tuples(named, npy_arrays()), max_size=2, unique_by=lambda member: member[0]))
    members += [("sdf", draw(npy_arrays()))] if draw(st.integers(0, 5)) else []
    three = draw(st.one_of(st.none(), st.lists(REAL, min_size=3, max_size=3)))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for name, data in members:
            archive.writestr(f"{name}.npy", data)
        if three is not None and "spacing" not in [name for name, _ in members]:
            place = io.BytesIO()
            np.save(place, np.array(three))
            archive.writestr("spacing.npy", place.getvalue())
    return file.getvalue()


_UNIT = [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 4.0], [0, 0, 0, 1.0]]
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), WHOLE, REAL, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=5,
)
_NUMBER = st.one_of(REAL, WHOLE, _JSON)


@st.composite
def transforms_files(draw: Any) -> bytes:
    """Frames with a matrix that is the identity but for an entry or two, and a lens of drawn numbers."""
    frames = []
    for _ in range(draw(st.integers(0, 3))):
        matrix: Any = [list(row) for row in _UNIT]
        for row, column in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=2)):
            matrix[row][column] = draw(_NUMBER)
        whole = {"file_path": "./seed", "transform_matrix": matrix}
        changed = draw(
            st.dictionaries(st.sampled_from(["file_path", "transform_matrix", "w", "fl_x"]), _JSON, max_size=1)
        )
        frames.append(draw(st.one_of(st.just(whole), st.just(whole), st.just({**whole, **changed}), _JSON)))
    lens = st.sampled_from(["w", "h", "fl_x", "fl_y", "cx", "cy", "k1", "k2", "p1", "camera_angle_x"])
    document: dict[str, Any] = {"camera_angle_x": 0.7, **draw(st.dictionaries(lens, _NUMBER, max_size=3))}
    document["frames"] = draw(st.one_of(st.just(frames), st.just(frames), st.just(frames), _JSON))
    return json.dumps(document).encode()


FILES: dict[str, st.SearchStrategy[bytes]] = {
    "drawn.obj": obj_files,
    "drawn.ply": ply_files(),
    "drawn.stl": stl_files(),
    "drawn.npz": npz_files(),
    "drawn.npy": npy_arrays(),
    "drawn.json": transforms_files(),
}
"""Name of the file -> what draws its content."""
