"""What widgets show, by their pixels, and what the panes and the 3D view are given to show."""

from __future__ import annotations

import numpy as np
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication

from app.theme import DARK
from core.colour_maps import hex_to_rgb
from tests.fakes.fake_scene import loaded, moved, snapshot, sphere

SIDE = 64
THETA = "pose.translation.x"
WIDE = 1185
"""Pixels of the panes."""
WIDTH, HEIGHT = 480, 320
"""Of the 3D view."""


def rgb(colour: str) -> np.ndarray:
    return np.rint(255 * hex_to_rgb(colour)).astype(int)


def grabbed(picture) -> np.ndarray:
    """What a picture widget shows, device pixels, (h, w, 3) int."""
    image = picture.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return image_pixels(image)


def image_pixels(image: QImage) -> np.ndarray:
    data = image.constBits()
    assert data is not None
    data.setsize(image.sizeInBytes())
    rows = np.frombuffer(data, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), -1, 4)[..., 2::-1].astype(int)


def pixels(widget) -> np.ndarray:
    """The 3D picture without what lies over it, (h, w, 3) int."""
    QApplication.processEvents()
    return image_pixels(widget.surface.grabFramebuffer().convertToFormat(QImage.Format.Format_RGB32))


def covered(picture: np.ndarray, theme=DARK) -> np.ndarray:
    """Where something other than the empty ground is drawn."""
    return np.abs(picture - rgb(theme.viewport)).max(-1) > 24


def show_sphere(widget, **more) -> None:
    vertices, faces = sphere()
    widget.show_snapshot(snapshot(vertices=vertices, faces=faces, model=moved(), **more))


def bare(widget) -> None:
    """Nothing but the shape, from the front."""
    widget.set_loaded(loaded(views=()))
    widget.set_cameras_visible(False)
    widget.set_ghost_visible(False)


def at(pane, x: int, y: int) -> np.ndarray:
    """The colour in the middle of image pixel (x, y)."""
    middle = pane.picture.pixel_box((x, y)).center()
    return grabbed(pane.picture)[int(middle.y()), int(middle.x())]


def blocks(size: float = 2.0, channels: int = 3) -> np.ndarray:
    """Zero, but for a block of +size at the left and one of -size at the right."""
    image = np.zeros((SIDE, SIDE, channels), np.float32)
    image[20:44, 8:24] = size
    image[20:44, 40:56] = -size
    return image


def derived(iteration: int = 5, theta: str = THETA, **more):
    arrays = {"derivative": blocks(2.0), "reference": blocks(4.0), "disagreement": blocks(-2.0), **more}
    return snapshot(iteration, theta=theta, **arrays)
