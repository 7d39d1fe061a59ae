"""The bundled sphere with a texture: a ball of coloured tiles, stripes and fine dots, as OBJ, MTL and PNG.

Tiles of many sizes on purpose: what a blur or a missing mip-map loses is the finest of them.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

AROUND, RINGS = 40, 20
HEIGHT, WIDTH = 256, 512
NAME = "textured-sphere"


def picture() -> np.ndarray:
    """[HEIGHT, WIDTH, 3] uint8 sRGB."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    hue = x / WIDTH
    base = 0.5 + 0.42 * np.cos(2 * np.pi * (hue[..., None] + np.array([0.0, 0.33, 0.67])))
    tiles = ((x // 32 + y // 32) % 2)[..., None]
    fine = ((x // 4 + y // 4) % 2)[..., None]
    band = ((y // 32) % 4 == 1)[..., None]
    stripes = ((x // 8) % 2)[..., None]
    colour = np.where(tiles == 1, base, 0.35 * base + 0.55)
    colour = np.where(band & (stripes == 1), 0.12, colour)
    colour = np.where(((y // 32) % 4 == 3)[..., None] & (fine == 1), 0.92, colour)
    return np.rint(255 * np.clip(colour, 0, 1)).astype(np.uint8)


def files() -> dict[str, bytes]:
    """File name -> content."""
    ring, column = np.meshgrid(np.arange(RINGS + 1), np.arange(AROUND + 1), indexing="ij")
    theta, phi = np.pi * ring / RINGS, 2 * np.pi * column / AROUND
    points = np.stack([np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)], -1).reshape(-1, 3)
    coordinates = np.stack([column / AROUND, 1 - ring / RINGS], -1).reshape(-1, 2)
    lines = ["# A unit sphere with a texture (Rimlight, assets/textured.py)", f"mtllib {NAME}.mtl", "usemtl tiles"]
    lines += [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points + 0.0]
    lines += [f"vt {u:.4f} {v:.4f}" for u, v in coordinates]
    number = 1 + np.arange(len(points)).reshape(RINGS + 1, AROUND + 1)
    for i in range(RINGS):
        for j in range(AROUND):
            a, b, c, d = number[i, j], number[i + 1, j], number[i + 1, j + 1], number[i, j + 1]
            if i < RINGS - 1:
                lines.append(f"f {a}/{a} {b}/{b} {c}/{c}")
            if i > 0:
                lines.append(f"f {a}/{a} {c}/{c} {d}/{d}")
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "PNG", optimize=True)
    return {
        f"{NAME}.obj": ("\n".join(lines) + "\n").encode(),
        f"{NAME}.mtl": f"newmtl tiles\nKd 1 1 1\nmap_Kd {NAME}.png\n".encode(),
        f"{NAME}.png": buffer.getvalue(),
    }


def triangles() -> int:
    return 2 * AROUND * (RINGS - 1)
