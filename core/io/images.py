"""Reading pictures as linear float32 [height, width, channels], row 0 at the top, and writing PNGs.

Grey and colour are decoded from sRGB unless the caller says "linear"; alpha never is. EXR holds linear light.
The errors and oddities of a picture are found here; whether it fits its views is asked in core/build.py.
"""

from __future__ import annotations

import contextlib
import warnings as python_warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.colour import from_bytes, linear_to_srgb, srgb_to_linear, to_bytes
from core.errors import RimlightError
from core.io.atomic import atomic_path
from core.io.files import MEBIBYTE, checked_path, one_line
from core.io.quiet import quiet

if TYPE_CHECKING:
    from PIL import Image

FILE_LIMIT = 512 * MEBIBYTE
PIXEL_LIMIT = 64_000_000
"""Largest picture decoded: 8,000 x 8,000, 1 GiB as float32 RGBA. Asked of the header, before memory is taken."""
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)
"""EXIF's entry for how a camera was held, and the values that swap the picture's sides."""
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of the pictures whose library, libtiff, writes what it finds to the terminal (II+: BigTIFF)."""
BRIGHTEST = 1e9
"""Linear light of a pixel, 1 being white: squared and summed over a picture it fits a 32-bit float (own choice; the sun
beside a white wall is 1e5)."""
KEY_SOFTNESS = 0.1
"""Colour key: distance from the background (sRGB, 0 to sqrt 3) over which the silhouette goes from 0 to 1."""


@dataclass(frozen=True)
class ImageData:
    """colour: [H, W, 3] linear float32, straight (not premultiplied). alpha: [H, W] float32 in [0, 1], or None.

    mask: the values of a picture of one channel as stored, undecoded, [H, W] in [0, 1]; else None.
    """

    path: Path
    colour: np.ndarray
    alpha: np.ndarray | None = None
    mask: np.ndarray | None = None
    warnings: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return self.colour.shape[1]

    @property
    def height(self) -> int:
        return self.colour.shape[0]

    @property
    def summary(self) -> str:
        """One short line: size and channels."""
        return picture_summary(self.width, self.height, self.mask is not None, self.alpha is not None)


def picture_summary(width: int, height: int, grey: bool, alpha: bool) -> str:
    return f"picture, {width} x {height}, {'grey' if grey else 'colour'}{' with alpha' if alpha else ''}"


def load_image(path: str | Path, encoding: str = "srgb") -> ImageData:
    """Read a picture. encoding: "srgb" or "linear", what the file's 8- or 16-bit numbers mean.

    Raises RimlightError naming the file and the cause.
    """
    path = checked_path(path, FILE_LIMIT)
    if path.suffix.lower() == ".exr":
        from core.io.exr import read_exr

        pixels = read_exr(path, PIXEL_LIMIT)
        return _from_float(path, pixels)
    return image_of(path, *open_picture(path), encoding)


def image_of(path: Path, picture: Image.Image, warnings: Sequence[str], encoding: str) -> ImageData:
    """What `open_picture` gave, as linear floats. Raises RimlightError."""
    decode = srgb_to_linear if encoding == "srgb" else (lambda values: values.astype(np.float32))
    if picture.mode in ("I;16", "I;16B", "I;16L", "I", "F", "L", "1"):
        mask = _grey_values(picture, path)
        with np.errstate(over="ignore"):
            light = _checked_light(path, decode(mask))
        return ImageData(path, np.repeat(light[..., None], 3, axis=2), None, mask, tuple(warnings))
    pixels = np.asarray(picture)
    decode_bytes = from_bytes if encoding == "srgb" else (lambda values: values.astype(np.float32) / np.float32(255))
    colour = decode_bytes(pixels[..., :3])
    alpha = pixels[..., 3].astype(np.float32) / np.float32(255) if pixels.shape[2] == 4 else None
    odd = alpha_oddities(float(alpha.min())) if alpha is not None else ()
    return ImageData(path, np.ascontiguousarray(colour), alpha, None, (*warnings, *odd))


def alpha_oddities(least: float) -> tuple[str, ...]:
    """What is said of an alpha by its least value."""
    everywhere = "alpha is 1 everywhere: as a target its silhouette would be the whole picture"
    return (everywhere,) if least == 1 else ()


def picture_size(path: str | Path) -> tuple[int, int]:
    """Width and height, from the header alone. Raises RimlightError."""
    path = checked_path(path, FILE_LIMIT)
    if path.suffix.lower() == ".exr":
        from core.io.exr import display_size

        return display_size(path)
    with pillow(path) as picture:
        return picture.size


def upright_size(path: str | Path) -> tuple[int, int]:
    """Width and height as load_image gives them, turned as the EXIF says; from the header alone. Raises RimlightError."""
    width, height = picture_size(path)
    if Path(path).suffix.lower() == ".exr":
        return width, height
    with pillow(Path(path).expanduser()) as picture:
        try:
            sideways = picture.getexif().get(ORIENTATION, 1) in SIDEWAYS
        except Exception:  # damaged entries: then it is not turned (_upright)
            sideways = False
    return (height, width) if sideways else (width, height)


@contextlib.contextmanager
def pillow(path: Path) -> Iterator[Image.Image]:
    """A picture as Pillow opens it, not decoded yet. Whatever a broken file does to Pillow inside, in its many readers,
    becomes a RimlightError."""
    from PIL import Image, UnidentifiedImageError

    with path.open("rb") as file:
        hush = quiet() if file.read(4) in TIFF_MAGIC else contextlib.nullcontext()
    try:
        with hush, python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")  # Pillow's size warning; PIXEL_LIMIT is stricter
            with Image.open(path) as picture:
                yield picture
    except (RimlightError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise RimlightError(
            f"{path.name}: not a picture that can be read; PNG, JPEG and EXR are (or the file is damaged)"
        ) from error
    except Image.DecompressionBombError as error:  # of a size that Pillow itself refuses, before ours is asked
        raise RimlightError(f"{path.name}: {one_line(error)}; make the picture smaller") from error
    except Exception as error:
        raise RimlightError(
            f"{path.name}: the picture is cut off or damaged ({one_line(error)}); export it again"
        ) from error


def open_picture(path: Path) -> tuple[Image.Image, list[str]]:
    """A decoded Pillow image of mode RGB, RGBA or one of the grey modes, upright, and what was odd about it."""
    warnings: list[str] = []
    with pillow(path) as picture:
        _require_decodable(picture.size, path)
        frames = getattr(picture, "n_frames", 1)
        picture.load()
        upright = _upright(picture, warnings)
        if frames > 1:
            warnings.insert(0, f"holds {frames} pictures; the first is used")
        return _plain_mode(upright, warnings), warnings


def _upright(picture: Image.Image, warnings: list[str]) -> Image.Image:
    """The picture as its EXIF says that it was held."""
    from PIL import ImageOps

    try:
        turned = ImageOps.exif_transpose(picture)
        told = picture.getexif().get(ORIENTATION, 1) != 1
    except Exception:  # damaged entries, of which Pillow makes whatever they hold
        warnings.append("its EXIF is damaged; taken as it is stored")
        return picture
    if told or turned.size != picture.size:
        warnings.append("turned upright, as its EXIF orientation says")
    return turned


def _plain_mode(picture: Image.Image, warnings: list[str]) -> Image.Image:
    mode = picture.mode
    if mode in ("RGB", "RGBA", "L", "1", "I", "F") or mode.startswith("I;16"):
        return picture.convert("RGBA") if "transparency" in picture.info and mode != "RGBA" else picture
    if mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        if mode != "YCbCr":
            warnings.append(f"{mode} picture, converted to RGB without a colour profile: colours may be off")
        return picture.convert("RGB")
    has_alpha = mode in ("LA", "La", "PA", "RGBa") or "transparency" in picture.info
    return picture.convert("RGBA" if has_alpha else "RGB")


def _grey_values(picture: Image.Image, path: Path) -> np.ndarray:
    """One channel -> [H, W] float32 in [0, 1]: 16-bit values over 65535, 8-bit over 255, floats as they are."""
    if picture.mode == "1":
        return np.asarray(picture).astype(np.float32)
    values = np.asarray(picture).astype(np.float32)
    if picture.mode == "F":
        if not np.isfinite(values).all():
            raise RimlightError(f"{path.name}: {_count_bad(values)} pixels are not finite; export it again")
        return values
    return values / np.float32(255 if picture.mode == "L" else 65535)


def _from_float(path: Path, pixels: np.ndarray) -> ImageData:
    """[H, W, 4] premultiplied linear floats, the fourth channel all ones where the file has no alpha."""
    if not np.isfinite(pixels).all():
        raise RimlightError(f"{path.name}: {_count_bad(pixels)} pixels are not finite; render or export it again")
    alpha = np.clip(pixels[..., 3], 0, 1)
    if alpha.min() == 1:
        return ImageData(path, _checked_light(path, np.ascontiguousarray(pixels[..., :3])))
    with np.errstate(over="ignore"):
        colour = pixels[..., :3] / np.maximum(alpha, 1e-6)[..., None]  # straight; 0 / tiny stays 0
    return ImageData(path, _checked_light(path, np.ascontiguousarray(colour)), alpha)


def _checked_light(path: Path, light: np.ndarray) -> np.ndarray:
    """Linear light (...), none of it brighter than can be computed with. Raises RimlightError."""
    most = max(float(light.max()), -float(light.min()))
    if not most <= BRIGHTEST:
        raise RimlightError(
            f"{path.name}: holds light of {most:.3g}, more than the {BRIGHTEST:g} that is taken (1 is white); scale its "
            "values down"
        )
    return light


def _count_bad(values: np.ndarray) -> int:
    finite = np.isfinite(values)
    return int((~(finite if values.ndim == 2 else finite.all(axis=2))).sum())


def _require_decodable(size: tuple[int, int], path: Path) -> None:
    width, height = size
    if width * height > PIXEL_LIMIT:
        raise RimlightError(
            f"{path.name}: {width} x {height} pixels are more than the {PIXEL_LIMIT // 1_000_000} million this "
            "reader takes; make the picture smaller"
        )


# ---------------------------------------------------------------------------------------------- targets


def silhouette_of(image: ImageData, background: Sequence[float] | None = None, need: bool = True) -> np.ndarray:
    """The silhouette of a target picture, [H, W] float32 in [0, 1].

    `background` (linear RGB), where given, is keyed out; else alpha is the silhouette; else a one-channel picture is
    itself the mask. With none of these the whole picture is, unless a loss has need of a silhouette: that, and an
    empty silhouette, raises RimlightError.
    """
    if background is not None:
        distance = np.linalg.norm(linear_to_srgb(image.colour) - linear_to_srgb(np.asarray(background)), axis=-1)
        result = np.clip(distance / KEY_SOFTNESS, 0, 1).astype(np.float32)
    elif image.alpha is not None:
        result = image.alpha
    elif not need:
        return np.ones(image.colour.shape[:2], np.float32)
    elif image.mask is not None:
        result = np.clip(image.mask, 0, 1)
    else:
        raise no_silhouette(image.path)
    if not result.max() > 0:
        raise empty_silhouette(image.path, background is not None, image.alpha is None)
    return result


def no_silhouette(path: Path) -> RimlightError:
    return RimlightError(
        f"{path.name}: has no alpha, so it has no silhouette; give target.background, the colour to key out"
    )


def empty_silhouette(path: Path, keyed: bool, grey: bool = False) -> RimlightError:
    """keyed: by a background's colour. grey: by its only channel."""
    remedy = (
        "another background colour" if keyed else f"a picture whose {'pixels are' if grey else 'alpha is'} not all zero"
    )
    return RimlightError(f"{path.name}: target silhouette is empty; choose {remedy}")


# ---------------------------------------------------------------------------------------------- writing


def save_png(path: str | Path, colour: np.ndarray, alpha: np.ndarray | None = None) -> None:
    """Write a linear picture [H, W, 3], [H, W, 1] or [H, W] as an 8-bit sRGB PNG, atomically. alpha: [H, W]."""
    from PIL import Image

    colour = np.asarray(colour)
    if colour.ndim == 2:
        colour = colour[..., None]
    pixels = to_bytes(colour)
    pixels = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    if alpha is not None:
        opacity = np.rint(np.clip(np.nan_to_num(alpha), 0, 1) * 255).astype(np.uint8)
        pixels = np.concatenate([pixels, opacity[..., None]], axis=2)
    with atomic_path(path) as temporary:
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG")
