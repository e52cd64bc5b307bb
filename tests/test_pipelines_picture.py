import hashlib
import io
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, features

from pipelines.errors import (
    EmptyPictureError,
    NotAPictureError,
    PictureError,
    PictureTooLargeError,
    PictureTooSmallError,
    TruncatedPictureError,
)
from pipelines.picture import read_picture

LEFT, RIGHT = (200, 40, 30), (20, 60, 180)


def two_halves(width: int = 64, height: int = 32) -> Image.Image:
    """Red on the left, blue on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = LEFT, RIGHT
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def mean_of(part: np.ndarray) -> list[float]:
    return part.reshape(-1, 3).mean(axis=0).tolist()


def noise(width: int = 300, height: int = 200) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "PPM"])
def test_every_format(kind, tmp_path):
    if kind in ("AVIF", "WEBP") and not features.check(kind.lower()):
        pytest.skip(f"this Pillow has no {kind}")
    data = encoded(two_halves(), kind)
    path = tmp_path / f"halves.{kind.lower()}"
    path.write_bytes(data)
    picture = read_picture(path)
    assert picture.rgb.shape == (32, 64, 3)
    assert picture.rgb.dtype == np.uint8
    assert (picture.name, picture.sha256) == (path.name, hashlib.sha256(data).hexdigest())
    assert mean_of(picture.rgb[:, 4:28]) == pytest.approx(LEFT, abs=12)
    assert mean_of(picture.rgb[:, 36:60]) == pytest.approx(RIGHT, abs=12)
    assert np.array_equal(read_picture(data, name="x").rgb, picture.rgb)


@pytest.mark.parametrize(
    ("mode", "left"),
    [("CMYK", LEFT), ("P", LEFT), ("RGBA", LEFT), ("L", (87, 87, 87)), ("LA", (87, 87, 87)), ("1", None)],
)
def test_every_colour_mode(mode, left):
    rgb = read_picture(encoded(two_halves().convert(mode), "TIFF")).rgb
    assert rgb.shape == (32, 64, 3)
    if left is not None:
        assert mean_of(rgb[:, :32]) == pytest.approx(left, abs=3)


def test_cmyk_jpeg_is_not_inverted():
    rgb = read_picture(encoded(two_halves().convert("CMYK"), "JPEG", quality=95)).rgb
    assert mean_of(rgb[:, 4:28]) == pytest.approx(LEFT, abs=8)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(kind):
    ramp = np.repeat(np.linspace(0, 65535, 256).astype(np.uint16)[None], 32, axis=0)
    rgb = read_picture(encoded(Image.fromarray(ramp), kind)).rgb
    assert np.abs(rgb[0, :, 0].astype(int) - np.arange(256)).max() <= 1
    assert np.array_equal(rgb[..., 0], rgb[..., 2])


def test_floating_point_grey_is_scaled():
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None], 32, axis=0)
    assert (
        np.abs(read_picture(encoded(Image.fromarray(ramp), "TIFF")).rgb[0, :, 1].astype(int) - np.arange(256)).max()
        <= 1
    )
    wide = read_picture(encoded(Image.fromarray(ramp * 4000 - 50), "TIFF")).rgb
    assert (wide.min(), wide.max()) == (0, 255)


@pytest.mark.parametrize(
    ("orientation", "shape", "red_at"),
    [
        (1, (32, 64), "left"),
        (2, (32, 64), "right"),
        (3, (32, 64), "right"),
        (6, (64, 32), "top"),
        (8, (64, 32), "bottom"),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_turns_the_picture_upright(kind, orientation, shape, red_at):
    exif = Image.Exif()
    exif[0x0112] = orientation
    rgb = read_picture(encoded(two_halves(), kind, exif=exif.tobytes())).rgb
    assert rgb.shape[:2] == shape
    sides = {"left": rgb[:, :8], "right": rgb[:, -8:], "top": rgb[:8], "bottom": rgb[-8:]}
    assert mean_of(sides[red_at]) == pytest.approx(LEFT, abs=12)


def test_damaged_exif_is_no_reason_to_refuse():
    data = encoded(two_halves(), "JPEG", exif=b"Exif\0\0MM\0*" + b"\xff" * 40)
    assert read_picture(data).rgb.shape == (32, 64, 3)


def test_transparency_lies_on_white():
    image = two_halves().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat(np.repeat([[0, 128]], 32, axis=1), 32, axis=0).astype(np.uint8)))
    rgb = read_picture(encoded(image, "PNG")).rgb
    assert rgb[0, 0].tolist() == [255, 255, 255]
    assert mean_of(rgb[:, 32:]) == pytest.approx([(255 + channel) / 2 for channel in RIGHT], abs=1)


def test_transparent_palette_colour_and_first_frame_of_a_gif():
    first = Image.new("P", (32, 32), 0)
    first.putpalette([255, 0, 0, 0, 0, 255])
    first.paste(1, (16, 0, 32, 32))
    data = encoded(first, "GIF", transparency=0, save_all=True, append_images=[Image.new("RGB", (32, 32), "lime")])
    rgb = read_picture(data).rgb
    assert rgb[5, 5].tolist() == [255, 255, 255]
    assert rgb[5, 25].tolist() == [0, 0, 255]


def test_transparent_colour_of_an_rgb_png():
    data = encoded(two_halves(), "PNG", transparency=LEFT)
    rgb = read_picture(data).rgb
    assert rgb[0, 0].tolist() == [255, 255, 255]
    assert rgb[0, 63].tolist() == list(RIGHT)


def test_empty_file(tmp_path):
    (tmp_path / "nothing.jpg").write_bytes(b"")
    with pytest.raises(EmptyPictureError, match=r"nothing\.jpg is empty"):
        read_picture(tmp_path / "nothing.jpg")


@pytest.mark.parametrize(
    "data",
    [
        b"Dear diary, this is not a picture.\n" * 50,
        b"\0" * 999,
        b"BMW and RIFF",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"x",
    ],
)
def test_text_with_a_pictures_name(data, tmp_path):
    (tmp_path / "diary.png").write_bytes(data)
    with pytest.raises(NotAPictureError, match=r"diary\.png is not a picture"):
        read_picture(tmp_path / "diary.png")


def test_heic_without_its_plugin_names_it():
    with pytest.raises((NotAPictureError, TruncatedPictureError), match=r"pillow-heif|damaged"):
        read_picture(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + b"\0" * 100, name="IMG_1.HEIC")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF"])
@pytest.mark.parametrize("kept", [0.08, 0.5, 0.9])
def test_cut_short(kind, kept):
    if kind in ("AVIF", "WEBP") and not features.check(kind.lower()):
        pytest.skip(f"this Pillow has no {kind}")
    data = encoded(noise(), kind)
    with pytest.raises(TruncatedPictureError, match="cut short"):
        read_picture(data[: int(len(data) * kept)], name="half")


def test_signature_alone_counts_as_cut_short():
    with pytest.raises(TruncatedPictureError):
        read_picture(encoded(noise(), "JPEG")[:12])


@pytest.mark.parametrize(("width", "height"), [(7072, 7072), (10000, 10000), (30000, 30000), (2_000_000, 2_000_000)])
def test_too_many_pixels_are_refused_before_decoding(width, height):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureTooLargeError, match="50 megapixels"):
            read_picture(png_header(width, height), name="bomb.png")


def test_decompression_bomb_of_a_real_picture():
    data = encoded(Image.new("1", (9000, 9000)), "PNG")
    assert len(data) < 20_000
    with pytest.raises(PictureTooLargeError, match="9000 × 9000 pixels \\(81 megapixels\\)"):
        read_picture(data, name="bomb.png")


@pytest.mark.parametrize("size", [(15, 64), (64, 15), (1, 1)])
def test_too_small(size):
    with pytest.raises(PictureTooSmallError, match="at least 16"):
        read_picture(encoded(Image.new("RGB", size), "PNG"))


def test_sixteen_pixels_are_enough():
    assert read_picture(encoded(Image.new("RGB", (16, 16)), "PNG")).rgb.shape == (16, 16, 3)


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "gone.jpg", tmp_path):
        with pytest.raises(PictureError, match="cannot be opened"):
            read_picture(path)


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    limit = Image.MAX_IMAGE_PIXELS
    (tmp_path / "a.jpg").write_bytes(encoded(noise(), "JPEG")[:900])
    with pytest.raises(TruncatedPictureError):
        read_picture(tmp_path / "a.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
    assert limit == Image.MAX_IMAGE_PIXELS


def test_threads_read_at_once():
    good, bad = encoded(noise(), "JPEG"), encoded(noise(), "JPEG")[:5000]
    results: list[bool] = []

    def work(number: int) -> None:
        try:
            results.append(read_picture(bad if number % 2 else good).width == 300)
        except TruncatedPictureError:
            results.append(number % 2 == 1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 12
