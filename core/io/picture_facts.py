"""What a picture is and whether a fit would take it, at a fraction of what its floats cost: 8,000 x 8,000 pixels are
1 GiB as a fit has them, and a quarter of that as Pillow decodes them.

Everything that core/io/images.py refuses is refused here in the same words: its own functions say them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.io.files import checked_path
from core.io.images import (
    FILE_LIMIT,
    ImageData,
    alpha_oddities,
    empty_silhouette,
    image_of,
    load_image,
    no_silhouette,
    open_picture,
    picture_summary,
    silhouette_of,
)

if TYPE_CHECKING:
    from PIL import Image

BYTE_MODES = ("RGB", "RGBA", "L", "1")
"""Pillow's modes whose least and greatest values tell all that is asked: one byte a channel, decoded by a rising curve."""


@dataclass(frozen=True)
class PictureFacts:
    """grey: of one channel, which is then its own mask. alpha: it has one; cut_out: which leaves something out."""

    path: Path
    width: int
    height: int
    grey: bool
    alpha: bool
    cut_out: bool
    warnings: tuple[str, ...]

    @property
    def outlined(self) -> bool:
        """Whether it brings a silhouette of its own."""
        return self.grey or self.alpha

    @property
    def summary(self) -> str:
        return picture_summary(self.width, self.height, self.grey, self.alpha)


def picture_facts(
    path: str | Path,
    encoding: str = "srgb",
    background: Sequence[float] | None = None,
    need: bool | None = None,
    *,
    may_be_empty: bool = False,
) -> PictureFacts:
    """Look at a picture. background, need: as for silhouette_of; need None: of whatever silhouette it has. may_be_empty:
    no silhouette is asked for, as of one view among many.

    Raises RimlightError where load_image or silhouette_of would.
    """
    path = checked_path(path, FILE_LIMIT)
    if path.suffix.lower() == ".exr":
        return _of_image(load_image(path, encoding), background, need, may_be_empty)
    picture, warnings = open_picture(path)
    if picture.mode not in BYTE_MODES:
        return _of_image(image_of(path, picture, warnings, encoding), background, need, may_be_empty)
    grey, alpha = picture.mode in ("L", "1"), picture.mode == "RGBA"
    bands = _ranges(picture)
    least, greatest = bands[-1] if alpha else (255, 255)
    facts = PictureFacts(
        path, *picture.size, grey, alpha, least < 255, (*warnings, *(alpha_oddities(least / 255) if alpha else ()))
    )
    if may_be_empty:
        return facts
    if background is not None:
        _require_other_than(picture, facts, encoding, background)
    elif alpha and not greatest > 0:
        raise empty_silhouette(path, keyed=False)
    elif (grey if need is None else need) and not alpha:
        if not grey:
            raise no_silhouette(path)
        if not bands[0][1] > 0:
            raise empty_silhouette(path, keyed=False, grey=True)
    return facts


def _of_image(
    image: ImageData, background: Sequence[float] | None, need: bool | None, may_be_empty: bool
) -> PictureFacts:
    """The same by way of the floats."""
    grey, alpha = image.mask is not None, image.alpha is not None
    if not may_be_empty:
        silhouette_of(image, background, (grey or alpha) if need is None else need)
    cut_out = image.alpha is not None and bool(image.alpha.min() < 1)
    return PictureFacts(image.path, image.width, image.height, grey, alpha, cut_out, image.warnings)


def _require_other_than(picture: Image.Image, facts: PictureFacts, encoding: str, key: Sequence[float]) -> None:
    """Raise RimlightError where every pixel has the colour that is keyed out. Two colours cannot both be at no distance
    from it, so that only a picture of a single one is compared."""
    colours = picture.convert("RGB") if picture.mode != "RGB" else picture
    if all(low == high for low, high in _ranges(colours)):
        one = picture.crop((0, 0, 1, 1))
        silhouette_of(image_of(facts.path, one, [], encoding), key)


def _ranges(picture: Image.Image) -> list[tuple[float, float]]:
    """Least and greatest value of each channel."""
    found: Any = picture.getextrema()
    return [found] if len(picture.getbands()) == 1 else list(found)
