"""The small meshes of the lessons, made of a few numbers: `python -m assets.lesson_meshes`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assets.structured import icosphere

FOLDER = Path(__file__).parent / "lessons" / "meshes"

RED, GREEN = (0.85, 0.3, 0.15), (0.2, 0.65, 0.45)
"""sRGB."""

GAP = 0.002
"""Of a triangle's size: a hundredth of a pixel in the lesson's pictures, and enough that no reader joins the corners."""

ONE = ((-0.75, -0.6, 0.0), (0.8, -0.35, 0.0), (-0.1, 0.8, 0.0))
FRONT = ((-0.8, -0.7, 0.0), (0.8, -0.7, 0.0), (0.0, 0.8, 0.0))
CROSSING = ((-0.7, 0.6, 0.5), (0.7, 0.6, -0.5), (0.0, -0.8, 0.35))
CROSSED = (*CROSSING[:2], (0.0, -0.8, -0.35))
"""CROSSING with its lower corner moved backwards: the box around all corners, and so the unit sphere, stay the same."""


def obj_text(title: str, triangles: list[tuple], colours: list[tuple]) -> str:
    """Triangles with corners of their own, each in one colour."""
    lines = [f"# {title}, made by assets/lesson_meshes.py, MIT"]
    for triangle, colour in zip(triangles, colours):
        tint = " ".join(f"{c:g}" for c in colour)
        lines += [f"v {' '.join(f'{x:g}' for x in corner)} {tint}" for corner in triangle]
    lines += [f"f {3 * i + 1} {3 * i + 2} {3 * i + 3}" for i in range(len(triangles))]
    return "\n".join(lines) + "\n"


def ball_text(title: str, gap: float) -> str:
    """An icosphere of 320 triangles; with a gap every triangle has corners of its own, drawn in by that share."""
    vertices, faces = icosphere(2)
    if gap:
        corners = vertices[faces]
        middle = corners.mean(axis=1, keepdims=True)
        vertices = (middle + (1.0 - gap) * (corners - middle)).reshape(-1, 3)
        faces = np.arange(len(vertices)).reshape(-1, 3)
    tint = " ".join(f"{c:g}" for c in GREEN)
    lines = [f"# {title}, made by assets/lesson_meshes.py, MIT"]
    lines += [f"v {x:.5f} {y:.5f} {z:.5f} {tint}" for x, y, z in vertices]
    return "\n".join([*lines, *(f"f {a} {b} {c}" for a, b, c in faces + 1)]) + "\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, triangles in {
        "one-triangle": [ONE],
        "crossing": [FRONT, CROSSING],
        "crossed": [FRONT, CROSSED],
    }.items():
        text = obj_text(name, triangles, [RED, GREEN][: len(triangles)])
        (FOLDER / f"{name}.obj").write_text(text, encoding="utf-8")
    for name, gap in (("soup", GAP), ("ball", 0.0)):
        (FOLDER / f"{name}.obj").write_text(ball_text(name, gap), encoding="utf-8")


if __name__ == "__main__":
    main()
