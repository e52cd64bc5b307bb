"""File to a checked picture.

In: the path or the bytes of a picture in a format of :data:`FORMATS`. Out: :class:`pipelines.records.Picture`,
(height, width, 3) uint8: the first frame, upright by EXIF, transparency on white, every colour mode brought to RGB.
The size is checked from the header, before a pixel is decoded. No setting of Pillow is changed and no file written, so
threads may read at once.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from pipelines.errors import (
    EmptyPictureError,
    NotAPictureError,
    PictureError,
    PictureTooLargeError,
    PictureTooSmallError,
    TruncatedPictureError,
)
from pipelines.records import Picture

MOST_PIXELS = 50_000_000
FEWEST_PIXELS_A_SIDE = 16
MOST_BYTES = 500_000_000
# Named, since among all that Pillow opens are formats that start other programs (EPS starts Ghostscript).
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF", "PPM")
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"GIF8")
AVIF_BRANDS = (b"avif", b"avis")
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
ADVICE = "open it in a picture program and save it again as JPEG or PNG"

# Our own limit is lower and an error; Pillow's warning would only say it twice on standard error.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def read_picture(source: str | Path | bytes, *, name: str | None = None) -> Picture:
    """Read a picture from a path or from its bytes; `name` stands in messages, by default the file's name.

    Raises EmptyPictureError, NotAPictureError, TruncatedPictureError, PictureTooLargeError (over 50 megapixels),
    PictureTooSmallError (under 16 pixels on a side), or PictureError when the file cannot be opened at all.
    """
    if isinstance(source, bytes):
        name, data = name or "The picture", source
    else:
        name = name or Path(source).name
        data = _read_bytes(Path(source), name)
    if not data:
        raise EmptyPictureError(f"{name} is empty (0 bytes); choose a file that holds a picture.")
    with _open(data, name) as image:
        _check_size(image.size, name)
        rgb = _decode(image, name)
    return Picture(rgb, name, hashlib.sha256(data).hexdigest())


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise PictureTooLargeError(
                f"{name} has {size / 1e6:.0f} MB, more than the {MOST_BYTES / 1e6:.0f} MB allowed; make it smaller."
            )
        return path.read_bytes()
    except OSError as cause:
        raise PictureError(f"{name} cannot be opened; check that the file is there and may be read.") from cause


def _open(data: bytes, name: str) -> Image.Image:
    """Read the header only."""
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.init()
    known = [name for name in FORMATS if name in Image.OPEN]
    try:
        return Image.open(io.BytesIO(data), formats=known)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as cause:
        raise _too_large(name, "far more") from cause
    except UnidentifiedImageError as cause:
        raise _unidentified(data, name) from cause
    except Exception as cause:  # a header may fail in as many ways as there are formats
        raise _damaged(name) from cause


def _unidentified(data: bytes, name: str) -> PictureError:
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        return NotAPictureError(f"{name} is a HEIC picture, which needs the pip package pillow-heif; or {ADVICE}.")
    if _begins_like_a_picture(data):
        return _damaged(name)
    return NotAPictureError(f"{name} is not a picture; choose a JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF file.")


def _begins_like_a_picture(data: bytes) -> bool:
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    bmp = data[:2] == b"BM" and data[6:10] == b"\0\0\0\0"
    avif = data[4:8] == b"ftyp" and data[8:12] in AVIF_BRANDS
    return webp or bmp or avif or data.startswith(SIGNATURES)


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise _too_large(name, f"{width} × {height} pixels ({width * height / 1e6:.0f} megapixels), more")
    if min(size) < FEWEST_PIXELS_A_SIDE:
        raise PictureTooSmallError(
            f"{name} has {width} × {height} pixels; each side needs at least {FEWEST_PIXELS_A_SIDE}."
        )


def _too_large(name: str, what: str) -> PictureTooLargeError:
    return PictureTooLargeError(f"{name} has {what} than the {MOST_PIXELS // 1_000_000} megapixels allowed; shrink it.")


def _damaged(name: str) -> TruncatedPictureError:
    return TruncatedPictureError(f"{name} is damaged or was cut short; copy it again, or {ADVICE}.")


def _decode(image: Image.Image, name: str) -> npt.NDArray[np.uint8]:
    """Decode the first frame to (height, width, 3) uint8."""
    try:
        image.load()
    except Exception as cause:  # as many ways as there are decoders
        raise _damaged(name) from cause
    try:
        rgb = _on_white(_upright(_eight_bit(image)))
    except ValueError as cause:
        raise PictureError(f"{name} has the colour mode {image.mode}, which cannot be read; {ADVICE}.") from cause
    return np.asarray(rgb, dtype=np.uint8).copy()


def _upright(image: Image.Image) -> Image.Image:
    """Turn by the EXIF orientation; damaged EXIF is no reason to refuse a picture."""
    with suppress(Exception):
        return ImageOps.exif_transpose(image)
    return image


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale grey of 16 or 32 bits or in floating point to 8 bits, where Pillow itself would clip it.

    Whole numbers up to 65535 are divided by 257; floating point up to 1 is multiplied by 255; anything else is
    stretched from its least to its greatest value.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    elif image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    grey = Image.fromarray(np.rint(scaled).astype(np.uint8))
    grey.info["exif"] = image.getexif().tobytes()
    return grey


def _on_white(image: Image.Image) -> Image.Image:
    """Bring any 8-bit mode to RGB, with what is transparent laid on white."""
    if "transparency" not in image.info and image.mode not in ("RGBA", "LA", "PA", "RGBa", "La"):
        return image.convert("RGB")
    layered = image.convert("RGBA")
    white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layered).convert("RGB")
