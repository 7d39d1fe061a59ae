"""Small valid files of every kind that is read."""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

VERTICES = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
FACES = np.array(
    [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4),
     (1, 5, 7), (1, 7, 3)],
    np.int32,
)  # fmt: skip
"""A cube."""


def obj() -> bytes:
    lines = ["mtllib none.mtl", *(f"v {x} {y} {z}" for x, y, z in VERTICES), "vt 0 0", "vn 0 0 1", "usemtl red"]
    faces = ["f " + " ".join(f"{i + 1}/1/1" for i in face) for face in FACES]
    return "\n".join(["# cube", *lines, *faces, "f 1 2 -1 4", ""]).encode()


def ply(kind: str) -> bytes:
    header = (
        f"ply\nformat {kind} 1.0\ncomment cube\nelement vertex 8\nproperty float x\nproperty float y\n"
        "property float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nelement face 12\n"
        "property list uchar int vertex_indices\nend_header\n"
    ).encode()
    if kind == "ascii":
        rows = [f"{x} {y} {z} 255 0 10" for x, y, z in VERTICES] + ["3 " + " ".join(map(str, f)) for f in FACES]
        return header + "\n".join([*rows, ""]).encode()
    order = "<" if "little" in kind else ">"
    body = b"".join(struct.pack(order + "3f3B", *v, 255, 0, 10) for v in VERTICES)
    return header + body + b"".join(struct.pack(order + "B3i", 3, *f) for f in FACES)


def stl(text: bool) -> bytes:
    corners = VERTICES[FACES]
    if text:
        facet = "facet normal 0 0 0\nouter loop\n{}endloop\nendfacet\n"
        body = "".join(facet.format("".join(f"vertex {x} {y} {z}\n" for x, y, z in face)) for face in corners)
        return f"solid cube\n{body}endsolid cube\n".encode()
    body = b"".join(struct.pack("<12fH", 0, 0, 0, *face.reshape(-1), 0) for face in corners)
    return b"cube".ljust(80, b" ") + struct.pack("<I", len(corners)) + body


def off() -> bytes:
    rows = [f"{x} {y} {z}" for x, y, z in VERTICES] + ["3 " + " ".join(map(str, f)) for f in FACES]
    return "\n".join(["OFF", "8 12 0", *rows, ""]).encode()


def glb() -> bytes:
    positions, indices = VERTICES.tobytes(), FACES.astype(np.uint16).tobytes()
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "translation": [1, 2, 3]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3", "min": [0] * 3, "max": [1] * 3},
            {"bufferView": 1, "componentType": 5123, "count": 36, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(positions)},
            {"buffer": 0, "byteOffset": len(positions), "byteLength": len(indices)},
        ],
        "buffers": [{"byteLength": len(positions) + len(indices)}],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    data = positions + indices
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def ball(nodes: int = 6) -> np.ndarray:
    x = np.linspace(-1, 1, nodes)
    return (np.sqrt(x[:, None, None] ** 2 + x[None, :, None] ** 2 + x[None, None] ** 2) - 0.6).astype(np.float32)


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, sdf=ball(), origin=np.full(3, -1.0), spacing=np.full(3, 0.4))
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, ball())
    return file.getvalue()


def picture(kind: str) -> bytes:
    pixels = np.zeros((6, 5, 4 if kind == "PNG" else 3), np.uint8)
    pixels[2:4, 1:3] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def exr() -> bytes:
    """An uncompressed file of one part: scan lines of three half-float channels."""

    def attribute(name: str, kind: str, data: bytes) -> bytes:
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<I", len(data)) + data

    width, height = 3, 2
    channels = b"".join(c + b"\0" + struct.pack("<iB3xii", 1, 0, 1, 1) for c in (b"B", b"G", b"R")) + b"\0"
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = b"".join([
        attribute("channels", "chlist", channels), attribute("compression", "compression", b"\0"),
        attribute("dataWindow", "box2i", window), attribute("displayWindow", "box2i", window),
        attribute("lineOrder", "lineOrder", b"\0"), attribute("pixelAspectRatio", "float", struct.pack("<f", 1)),
        attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        attribute("screenWindowWidth", "float", struct.pack("<f", 1)),
    ])  # fmt: skip
    head = struct.pack("<II", 20000630, 2) + header + b"\0"
    row = np.full((3, width), 0.5, np.float16).tobytes()
    at = len(head) + 8 * height
    offsets = b"".join(struct.pack("<Q", at + y * (8 + len(row))) for y in range(height))
    return head + offsets + b"".join(struct.pack("<iI", y, len(row)) + row for y in range(height))


def transforms() -> bytes:
    matrix = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 1]]
    frames = [{"file_path": "./seed", "transform_matrix": matrix}] * 2
    return json.dumps({"camera_angle_x": 0.7, "frames": frames}, indent=1).encode()


def toml() -> bytes:
    return b"""title = "Seed"
seed = 3
[shape]
kind = "mesh"
primitive = "torus"
start = { rotation = [0, 30, 0], translation = [0.2, 0, 0], scale = 1.0 }
[views]
kind = "orbit"
count = 2
width = 64
height = 64
[method]
name = "edge-grad"
[[term]]
loss = "l2"
sees = "silhouette"
weight = 1.0
[optimizer]
name = "adam"
learning_rate = 0.02
[parameters]
free = ["pose.rotation", "pose.translation.x"]
[stop]
steps = 3
"""


def sdfgen() -> bytes:
    values = ball().transpose(2, 1, 0).reshape(-1)
    return ("6 6 6\n-1 -1 -1\n0.4\n" + "\n".join(f"{v:.4f}" for v in values) + "\n").encode()


def mitsuba() -> bytes:
    head = struct.pack("<3sBiiiii6f", b"VOL", 3, 1, 6, 6, 6, 1, -1, -1, -1, 1, 1, 1)
    return head + ball().transpose(2, 1, 0).astype("<f4").tobytes()


def nrrd() -> bytes:
    head = (
        "NRRD0004\n# ball\ntype: float\ndimension: 3\nsizes: 6 6 6\nspacings: 0.4 0.4 0.4\nendian: little\n"
        "encoding: raw\n\n"
    )
    return head.encode() + ball().transpose(2, 1, 0).astype("<f4").tobytes()


def vti() -> bytes:
    numbers = " ".join(f"{v:.4f}" for v in ball().transpose(2, 1, 0).reshape(-1))
    return (
        '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian">'
        '<ImageData WholeExtent="0 5 0 5 0 5" Origin="-1 -1 -1" Spacing="0.4 0.4 0.4"><Piece Extent="0 5 0 5 0 5">'
        f'<PointData Scalars="sdf"><DataArray type="Float32" Name="sdf" format="ascii">{numbers}</DataArray>'
        "</PointData></Piece></ImageData></VTKFile>"
    ).encode()


def balls() -> bytes:
    file = io.BytesIO()
    factors = np.tile(3 * np.eye(3), (2, 1, 1))
    np.savez(file, version=1, means=np.array([[0, 0, 0], [0.5, 0, 0]]), factors=factors, log_weights=np.zeros(2))
    return file.getvalue()


def cage() -> bytes:
    rows = [f"v {x} {y} {z}" for x, y, z in VERTICES]
    return "\n".join([*rows, "f 1 2 4 3", "f 5 7 8 6", "f 1 5 6 2", "f 3 4 8 7", "f 1 3 7 5", "f 2 6 8 4", ""]).encode()


def drawn(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """12 x 10 pixels with a box, in any of Pillow's kinds and modes."""
    if mode == "I;16":
        pixels = np.zeros((10, 12), np.uint16)
        pixels[2:8, 3:9] = 60000
        image = Image.fromarray(pixels)
    else:
        values: dict[str, Any] = {"RGB": (200, 9, 9), "RGBA": (200, 9, 9, 255), "F": 0.5, "CMYK": (9, 99, 9, 9), "P": 3}
        image = Image.new(mode, (12, 10))
        image.paste(values[mode], (3, 2, 9, 8))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif() -> bytes:
    """Turned on its side, 35 mm on film, and on a sensor of 100 pixels a millimetre."""
    entries = Image.Exif()
    entries[0x0112] = 6
    entries.get_ifd(0x8769).update({0x920A: 35.0, 0xA20E: 100.0, 0xA210: 3, 0xA405: 35})
    return entries.tobytes()


def gltf() -> bytes:
    """The cube of the .glb as text, with a texture, everything inside."""
    data = glb()
    length = struct.unpack("<I", data[12:16])[0]
    document = json.loads(data[20 : 20 + length])
    inline = lambda kind, content: f"data:{kind};base64,{base64.b64encode(content).decode()}"
    document["buffers"][0]["uri"] = inline("application/octet-stream", data[20 + length + 8 :])
    document["images"] = [{"uri": inline("image/png", picture("PNG"))}]
    document["textures"] = [{"source": 0}]
    document["materials"] = [
        {"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 1], "baseColorTexture": {"index": 0}}}
    ]
    document["meshes"][0]["primitives"][0]["material"] = 0
    return json.dumps(document, indent=1).encode()


def bodies() -> bytes:
    listed = [
        {"kind": "torus", "radius": 0.6, "tube": 0.25, "centre": [0, 0, 0], "rotation": [90, 0, 0], "name": "ring"},
        {"kind": "sphere", "radius": 0.5},
        {"kind": "box", "size": [1, 0.5, 1], "rounding": 0.1},
    ]
    return json.dumps({"format": "rimlight-bodies", "smoothing": 0.1, "bodies": listed}, indent=1).encode()


def points(separator: str = " ") -> bytes:
    rows = ["# points", *(separator.join(f"{v:g}" for v in (x + 0.1, y, z)) for x, y, z in VERTICES)]
    return "\n".join([*rows, ""]).encode()


def archive(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def network() -> bytes:
    from kernels.network_parts import Architecture, sizes_of

    shape = (48, 2, 0, False)
    sizes = sizes_of(Architecture(*shape))
    draw = np.random.default_rng(0)
    weights = {name: draw.standard_normal(size).astype(np.float32) for name, size in sizes.items()}
    weights |= {"network.bias": np.float32(0.1), "surface.colour": np.full(3, 0.5, np.float32)}
    frame = {"turn": np.eye(3), "centre": np.zeros(3), "scale": np.float64(1)}
    return archive(version=np.int64(1), architecture=np.array(shape, np.int64), **frame, **weights)


def neural() -> bytes:
    from kernels.neural_parts import FEATURES, WEIGHTS

    return archive(
        version=np.int64(1), vertices=VERTICES.astype(np.float64), faces=FACES, corner_uv=np.zeros((12, 3, 2)),
        texture=np.zeros((2, 2, FEATURES), np.float32), decoder=np.zeros(WEIGHTS, np.float32),
    )  # fmt: skip


def labels() -> bytes:
    """One a vertex of the cube."""
    file = io.BytesIO()
    np.save(file, np.array([0, 1, 2, 1, 0, 1, 2, 1]))
    return file.getvalue()


MTL = b"newmtl red\nKd 1 0 0\nmap_Kd -s 1 1 1 seed.png\nnewmtl blue\nKd 0 0 1\n"
POINTS3D = b"# points\n1 0.5 1 2 3 0 0 0.1 1 2\n2 0.6 1 2 3 0 0 0.1 1 2\n"

SEEDS: dict[str, Callable[[], bytes]] = {
    "seed.obj": obj,
    "ascii.ply": lambda: ply("ascii"),
    "little.ply": lambda: ply("binary_little_endian"),
    "big.ply": lambda: ply("binary_big_endian"),
    "text.stl": lambda: stl(True),
    "binary.stl": lambda: stl(False),
    "seed.off": off,
    "seed.glb": glb,
    "seed.npz": npz,
    "seed.npy": npy,
    "seed.png": lambda: picture("PNG"),
    "seed.jpg": lambda: picture("JPEG"),
    "seed.exr": exr,
    "transforms.json": transforms,
    "seed.toml": toml,
    "seed.sdf": sdfgen,
    "seed.vol": mitsuba,
    "seed.nrrd": nrrd,
    "seed.vti": vti,
    "balls.npz": balls,
    "cage.obj": cage,
    "cameras.txt": lambda: b"# cameras\n1 PINHOLE 5 6 5.0 5.0 2.5 3.0\n",
    "images.txt": lambda: b"# images\n1 1 0 0 0 0 0 4 1 seed.png\n\n2 0.8 0.6 0 0 0 0 4 1 seed.png\n1.0 2.0 -1\n",
    "seed.gltf": gltf,
    "seed.bodies": bodies,
    "points.xyz": points,
    "points.csv": lambda: points(","),
    "points.txt": points,
    "network.npz": network,
    "neural.npz": neural,
    "plain.tif": lambda: drawn("TIFF", "RGBA"),
    "lzw.tif": lambda: drawn("TIFF", compression="tiff_lzw"),
    "deflate.tiff": lambda: drawn("TIFF", compression="tiff_adobe_deflate"),
    "deep.tif": lambda: drawn("TIFF", "I;16"),
    "float.tif": lambda: drawn("TIFF", "F"),
    "seed.bmp": lambda: drawn("BMP"),
    "seed.webp": lambda: drawn("WEBP", "RGBA", lossless=True),
    "exif.webp": lambda: drawn("WEBP", exif=exif()),
    "exif.jpg": lambda: drawn("JPEG", exif=exif()),
    "exif.png": lambda: drawn("PNG", exif=exif()),
    "inks.jpeg": lambda: drawn("JPEG", "CMYK"),
    "indexed.png": lambda: drawn("PNG", "P"),
    "library.mtl": lambda: MTL,
    "points3D.txt": lambda: POINTS3D,
    "labels.npy": labels,
    "labels.csv": lambda: b"0,1,2,1\n0,1,2,1\n",
    "labels.png": lambda: drawn("PNG", "P"),
}
"""File name -> its valid bytes."""
