"""Pictures for people: panes with colour bars, loss curves, contact sheets, animations. Pillow and NumPy only.

Images come in as [H, W, C] linear float32 and leave as uint8 sRGB.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from core.colour import to_bytes
from core.colour_maps import colourise_signed, signed_lut
from core.io.atomic import atomic_path

INK, PALE, GROUND = "#E4E7EB", "#A0A8B2", "#16191D"
RUN_COLOURS = {
    "edge-grad": "#56B4E9",
    "splat": "#E69F00",
    "antialias": "#D8CC3C",
    "soft-raster": "#CC79A7",
    "naive": "#9AA3AD",
    "sdf-local": "#4DB88C",
}
PERCENTILE = 98.5
"""Range of a derivative pane: a percentile of its nonzero magnitudes, so that a few wild pixels hide nothing."""


def font(pixels: int, bold: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Inter at a pixel size; Pillow's own face where it is missing."""
    try:
        import fontpkg_inter

        folder = Path(fontpkg_inter.__file__).parent / "files"
        found = ImageFont.truetype(str(next(p for p in sorted(folder.glob("*.ttf")) if "Italic" not in p.name)), pixels)
        if bold:
            found.set_variation_by_axes([14, 600])
        return found
    except (ImportError, StopIteration, OSError, ValueError):
        return ImageFont.load_default(pixels)


def robust_range(image: np.ndarray) -> float:
    """The magnitude that fills a signed map: PERCENTILE of the nonzero finite magnitudes, 0 for an empty image."""
    magnitude = np.abs(image[np.isfinite(image)])
    magnitude = magnitude[magnitude > 0]
    return float(np.percentile(magnitude, PERCENTILE)) if magnitude.size else 0.0


def plain(image: np.ndarray, side: int) -> np.ndarray:
    """A render or target [H, W, 1 or 3] as uint8 [side-ish, ..., 3], enlarged by whole pixels."""
    rgb = image if image.shape[-1] == 3 else np.repeat(image[..., :1], 3, axis=-1)
    return _enlarge(to_bytes(rgb), side)


def signed(image: np.ndarray, limit: float, side: int) -> np.ndarray:
    """A derivative [H, W, C] (mean over channels) through the signed map."""
    return _enlarge(colourise_signed(image.mean(axis=-1), limit), side)


def _enlarge(picture: np.ndarray, side: int) -> np.ndarray:
    factor = max(1, side // max(picture.shape[:2]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def pane(picture: np.ndarray, title: str, note: str = "", limit: float | None = None) -> Picture.Image:
    """A picture with its title above and a colour bar (-limit, 0, +limit) or a note below."""
    height, width = picture.shape[:2]
    sheet = Picture.new("RGB", (width + 16, height + 62), GROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((8, 8), title, INK, font(13, bold=True))
    sheet.paste(Picture.fromarray(picture), (8, 30))
    if limit is None:
        draw.text((8, height + 38), note, PALE, font(11))
        return sheet
    bar = signed_lut()[np.linspace(1, 255, width).astype(int)]
    sheet.paste(Picture.fromarray(np.repeat(bar[None], 6, axis=0)), (8, height + 34))
    for text, x, anchor in (
        (f"−{limit:.3g}", 8, "la"),
        ("0", 8 + width // 2, "ma"),
        (f"+{limit:.3g}", 8 + width, "ra"),
    ):
        draw.text((x, height + 44), text, PALE, font(11), anchor=anchor)
    return sheet


def side_by_side(pictures: Sequence[Picture.Image]) -> Picture.Image:
    """Pictures in one row, aligned at the top."""
    sheet = Picture.new("RGB", (sum(p.width for p in pictures), max(p.height for p in pictures)), GROUND)
    x = 0
    for picture in pictures:
        sheet.paste(picture, (x, 0))
        x += picture.width
    return sheet


def stacked(pictures: Sequence[Picture.Image]) -> Picture.Image:
    """Pictures in one column."""
    sheet = Picture.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)), GROUND)
    y = 0
    for picture in pictures:
        sheet.paste(picture, (0, y))
        y += picture.height
    return sheet


def curve(
    series: Mapping[str, Sequence[float]], title: str, size: tuple[int, int] = (640, 240), tokens: Sequence[str] = ()
) -> Picture.Image:
    """Loss curves over iterations on a log scale, one colour a method (or the text colour), with a legend of several.

    tokens: the methods whose colours the curves take, where their names are not methods (lane_tokens).
    """
    width, height = size
    left, top, right, bottom = 64, 34, width - 16, height - 28
    sheet = Picture.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((8, 8), title, INK, font(13, bold=True))
    values = [np.log10(np.maximum(np.asarray(s, np.float64), 1e-12)) for s in series.values()]
    low = np.floor(min((v.min() for v in values if len(v)), default=-1.0))
    high = np.ceil(max((v.max() for v in values if len(v)), default=0.0))
    high = max(high, low + 1)
    longest = max((len(v) for v in values), default=1)
    every = max(1, int(np.ceil((high - low) / 5)))
    for power in range(int(low), int(high) + 1, every):
        y = bottom - (power - low) / (high - low) * (bottom - top)
        draw.line([(left, y), (right, y)], "#272C32")
        draw.text((left - 8, y), f"1e{power}", PALE, font(11), anchor="rm")
    place = width - 16
    for token, name in reversed(list(zip(tokens or series, series)) if len(series) > 1 else []):
        place -= int(draw.textlength(name, font(11)))
        draw.text((place, 10), name, PALE, font(11))
        draw.ellipse((place - 12, 12, place - 4, 20), RUN_COLOURS.get(token, INK))
        place -= 24
    for name, v in zip(tokens or series, values):
        x = left + np.arange(len(v)) / max(longest - 1, 1) * (right - left)
        y = bottom - (v - low) / (high - low) * (bottom - top)
        if len(v) > 1:
            draw.line(list(zip(x.tolist(), y.tolist())), RUN_COLOURS.get(name, INK), width=2)
    draw.text((left, bottom + 8), "0", PALE, font(11))
    draw.text((right, bottom + 8), f"iteration {longest}", PALE, font(11), anchor="ra")
    return sheet


def save_animation(path: Path, frames: Sequence[np.ndarray], seconds: float = 6.0) -> None:
    """A looping GIF of uint8 [H, W, 3] frames that lasts about `seconds`, the last frame held."""
    if not frames:
        return
    pictures = [Picture.fromarray(f).quantize(128, dither=Picture.Dither.NONE) for f in frames]
    each = int(np.clip(1000 * seconds / len(frames), 30, 200))
    durations = [each] * (len(pictures) - 1) + [1500]
    with atomic_path(path) as temporary:
        pictures[0].save(
            temporary, save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=False
        )


def png_bytes(picture: Picture.Image) -> bytes:
    """A picture as the content of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
