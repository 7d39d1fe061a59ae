"""A sibling of every row of the shared table of malformed files: another file of the same class, written here.

`SIBLINGS`: row -> (file name, its bytes, verdict, words its line must hold). Verdicts as in the table: ERROR, WARN, LOAD.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tests.hostile.seeds import FACES, SEEDS, VERTICES, ball, obj, ply, toml

IDENTITY = [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 4.0], [0, 0, 0, 1.0]]
TRIANGLES = [tuple(face) for face in FACES]


class Sibling(NamedTuple):
    """name: the file's. words: in its one line, or in its warning."""

    name: str
    content: Callable[[], bytes]
    verdict: str
    words: str = ""


def off(points: Any, faces: Any) -> bytes:
    rows = [" ".join(map(repr, map(float, p))) for p in points]
    rows += [f"{len(face)} " + " ".join(map(str, face)) for face in faces]
    return "\n".join(["OFF", f"{len(points)} {len(faces)} 0", *rows, ""]).encode()


def doubles(points: np.ndarray) -> bytes:
    """A cube in a binary PLY of 64-bit floats."""
    head = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\nproperty double x\nproperty double y\n"
        "property double z\nelement face 12\nproperty list uchar int vertex_indices\nend_header\n"
    )
    return head.encode() + points.astype("<f8").tobytes() + b"".join(struct.pack("<B3i", 3, *f) for f in FACES)


def solid(triangles: np.ndarray) -> bytes:
    """(n, 3, 3) -> binary STL."""
    body = b"".join(struct.pack("<12fH", 0, 0, 0, *t.reshape(-1), 0) for t in triangles)
    return b"".ljust(80) + struct.pack("<I", len(triangles)) + body


def arrays(**named: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **named)
    return file.getvalue()


def array(values: np.ndarray, *, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=pickled)
    return file.getvalue()


def grid(values: np.ndarray) -> bytes:
    return arrays(sdf=values, origin=np.full(3, -1.0), spacing=np.full(3, 0.4))


def picture(mode: str, kind: str, value: Any = 255, ground: Any = 0, **options: Any) -> bytes:
    """12 x 10 pixels of `ground` with a box of `value`."""
    image = Image.new(mode, (12, 10), ground)
    image.paste(value, (3, 2, 9, 8))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def depth16() -> bytes:
    """A 16-bit grey TIFF."""
    pixels = np.zeros((10, 12), np.uint16)
    pixels[2:8, 3:9] = 65535
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "TIFF")
    return file.getvalue()


def cameras(matrix: Any = None, **more: Any) -> bytes:
    """Two frames; None removes a key."""
    frame = {"file_path": "./seed.png", "transform_matrix": matrix or IDENTITY}
    aside = {"file_path": "./seed.png", "transform_matrix": changed(0, 3, 0.5)}
    document: dict[str, Any] = {"camera_angle_x": 0.7, "frames": [frame, aside], **more}
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


def changed(row: int, column: int, value: float) -> list[list[float]]:
    matrix = [list(line) for line in IDENTITY]
    matrix[row][column] = value
    return matrix


def mirrored_glb() -> bytes:
    """The cube of the seed, its node mirrored."""
    data = SEEDS["seed.glb"]()
    length = struct.unpack("<I", data[12:16])[0]
    document = json.loads(data[20 : 20 + length])
    document["nodes"][0]["scale"] = [-1, 2, 1]
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + data[20 + length :]
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def cut(data: bytes, share: float = 0.6) -> bytes:
    return data[: int(len(data) * share)]


def nan_vertex() -> bytes:
    points = VERTICES.astype(np.float64)
    points[5, 1] = np.inf
    return doubles(points)


def relative_corners() -> bytes:
    """Each face relative to the vertices before it, with texture and normal indices between."""
    rows = ["vt 0 0", "vn 0 0 1", *(f"v {x} {y} {z}" for x, y, z in VERTICES)]
    return "\n".join([*rows, *("f " + " ".join(f"{i - 8}/-1/-1" for i in f) for f in FACES)]).encode()


def crlf_ply() -> bytes:
    return ply("ascii").replace(b"comment cube", b"comment \xe9t\xe9").replace(b"\n", b"\r\n")


def pentagon() -> bytes:
    """Five corners, one of them a notch; 3 triangles of area 3 together."""
    return off([(0, 0, 0), (2, 0, 0), (2, 2, 0), (1, 1, 0), (0, 2, 0)], [(0, 1, 2, 3, 4)])


def unused_vertex() -> bytes:
    return off([*VERTICES, (1e3, 0, 0)], TRIANGLES)


def sized_fit() -> bytes:
    """A fit whose view has another shape than its picture."""
    text = toml().decode().partition("[views]")[0] + '[target]\nkind = "image"\nfile = "seed.png"\n'
    return (
        (text + toml().decode()[len(toml().decode().partition("[views]")[0]) :])
        .replace('kind = "orbit"\ncount = 2', 'kind = "single"')
        .encode()
    )


SIBLINGS: dict[str, Sibling] = {
    "m01": Sibling("cut.ply", lambda: cut(ply("ascii"), 0.97), "ERROR", "12 face rows"),
    "m02": Sibling("infinite.ply", nan_vertex, "ERROR", "vertex 6"),
    "m04": Sibling("beyond.off", lambda: off(VERTICES, [*TRIANGLES, (0, 1, 8)]), "ERROR", "8"),
    "m06": Sibling("relative.obj", relative_corners, "LOAD"),
    "m07": Sibling("points.off", lambda: off(VERTICES, []), "ERROR", "no faces"),
    "m09": Sibling("empty.stl", lambda: b"solid nothing\nendsolid nothing\n", "ERROR", "no triangles"),
    "m11": Sibling("flat.off", lambda: off(VERTICES, [*TRIANGLES, (0, 0, 1), (2, 2, 2)]), "WARN", "2 degenerate"),
    "m12": Sibling("tiny.off", lambda: off(1e-12 * VERTICES, TRIANGLES), "WARN", "tiny"),
    "m14": Sibling("far.ply", lambda: doubles(0.01 * VERTICES.astype(float) + 5e6), "WARN", "far"),
    "m15": Sibling("pentagon.off", pentagon, "LOAD"),
    "m16": Sibling("unlit.obj", lambda: obj().replace(b"f 1 2 -1 4\n", b""), "WARN", "none.mtl"),
    "m17": Sibling("mirrored.glb", mirrored_glb, "LOAD"),
    "m18": Sibling("fan.off", lambda: off(VERTICES, [(0, 1, 2), (0, 1, 3), (0, 1, 4), (0, 1, 5)]), "WARN", "non-manifold"),
    "m20": Sibling("inwards.off", lambda: off(VERTICES, [face[::-1] for face in TRIANGLES]), "WARN", "inward"),
    "m22": Sibling("one.stl", lambda: solid(np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]]], np.float32)), "LOAD"),
    "m23": Sibling("noise.glb", lambda: np.random.default_rng(0).bytes(4096), "ERROR", "scene description"),
    "m27": Sibling("lines.ply", crlf_ply, "LOAD"),
    "m29": Sibling("unused.off", unused_vertex, "WARN", "1 vertex of no face"),
    "s01": Sibling("rank.npy", lambda: array(np.zeros((4, 4, 4, 2), np.float32)), "ERROR", "(4, 4, 4, 2)"),
    "s03": Sibling("infinite.npz", lambda: grid(np.where(ball() == ball()[2, 3, 4], np.inf, ball())), "ERROR", "inf"),
    "s05": Sibling("inside.npz", lambda: grid(ball() - 5), "WARN", "no zero crossing"),
    "s07": Sibling("oblong.npy", lambda: array(ball(8)[:, 1:7, 2:6]), "LOAD"),
    "s09": Sibling("halves.npz", lambda: grid(ball().astype(">f8")), "LOAD"),
    "s12": Sibling("shallow.npz", lambda: grid(ball() / 7), "WARN", "grad"),
    "s14": Sibling("words.npz", lambda: arrays(one=ball(), two=ball(), label="sdf"), "ERROR", "one"),
    "s16": Sibling("pickled.npz", lambda: arrays(sdf=np.array([{}, {}], object)), "ERROR", "pickle"),
    "t00": Sibling("grey.png", lambda: picture("LA", "PNG", (200, 255), (0, 0)), "LOAD"),
    "t01": Sibling("sized.toml", sized_fit, "ERROR", "12 x 10"),
    "t03": Sibling("deep.tif", depth16, "LOAD"),
    "t05": Sibling("inks.tif", lambda: picture("CMYK", "TIFF", (0, 99, 99, 9)), "WARN", "CMYK"),
    "t08": Sibling("clear.png", lambda: picture("LA", "PNG", (200, 0), (0, 0)), "ERROR", "empty"),
    "t10": Sibling("cut.jpg", lambda: cut(picture("RGB", "JPEG", (200, 9, 9))), "ERROR", ""),
    "c00": Sibling("pinhole.json", lambda: cameras(fl_x=300.0, w=12, h=10, camera_angle_x=None), "LOAD"),
    "c01": Sibling("frameless.json", lambda: cameras(frames=None), "ERROR", "frames"),
    "c04": Sibling("infinite.json", lambda: cameras(changed(0, 3, float("inf"))), "ERROR", "frame 0"),
    "c06": Sibling("outside.json", lambda: cameras().replace(b"./seed.png", b"gone/away.png"), "ERROR", "away.png"),
    "c08": Sibling("sheared.json", lambda: cameras(changed(0, 1, 0.8)), "ERROR", "frame 0"),
    "c11": Sibling("commas.json", lambda: cameras().replace(b"}, {", b"} {"), "ERROR", "line 1"),
}  # fmt: skip
"""Row's number -> its sibling. c00's and the pictures' experiments need seed.png beside them (`write`)."""


def write(folder: Path, row: str) -> Path:
    """The sibling's file, with what it names."""
    (folder / "seed.png").write_bytes(picture("RGBA", "PNG", (200, 99, 9, 255), (0, 0, 0, 0)))
    sibling = SIBLINGS[row]
    (folder / sibling.name).write_bytes(sibling.content())
    return folder / sibling.name
