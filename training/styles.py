"""Changes of style that leave what a picture shows as it is: colour, tone and texture, as in paintings.

In: an RGB picture, (height, width, 3) uint8, and a random generator. Out: the same picture in another style, same
shape and type.

Conventions
-----------
:data:`TRAINED` are the styles that the emotion reader is fitted with, :data:`UNSEEN` those that only the check of its
robustness uses. A style draws its own strength from the generator, so that the same seed gives the same picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

Rgb = npt.NDArray[np.uint8]
Style = Callable[[Rgb, np.random.Generator], Rgb]
LUMA = np.array([0.299, 0.587, 0.114])
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


def _to_rgb(values: npt.NDArray[np.floating]) -> Rgb:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def grey(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """No colour: luma alone."""
    return _to_rgb(np.repeat((rgb @ LUMA)[..., None], 3, axis=2))


def sepia(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """The brown of an old print."""
    return _to_rgb(rgb @ SEPIA.T)


def hue(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """All hues turned by 45 to 315 degrees."""
    hsv = np.array(Image.fromarray(rgb).convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(rng.integers(32, 225))) % 256
    return np.asarray(Image.fromarray(hsv, "HSV").convert("RGB")).copy()


def saturation(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Colours nearly washed out (a quarter) or more than doubled."""
    strength = 0.25 if rng.random() < 0.5 else 2.2
    return np.asarray(ImageEnhance.Color(Image.fromarray(rgb)).enhance(strength)).copy()


def tone(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Darker or lighter by a gamma of 1.7 or 0.6, with a cast of warm or cold light."""
    gamma = 1.7 if rng.random() < 0.5 else 0.6
    cast = 1 + rng.uniform(-0.15, 0.15) * np.array([1.0, 0.0, -1.0])
    return _to_rgb(255 * (rgb / 255.0) ** gamma * cast)


def canvas(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Softened, and multiplied by the weave of a canvas."""
    height, width = rgb.shape[:2]
    period = max(3.0, min(height, width) / 80)
    y, x = np.mgrid[:height, :width] * (2 * np.pi / period)
    weave = 1 + 0.12 * (np.sin(x) * np.cos(y)) + rng.normal(0, 0.06, (height, width))
    soft = np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(period / 3)))
    return _to_rgb(soft * weave[..., None])


def posterise(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Four levels in each channel, as in a screen print."""
    return _to_rgb(np.floor(rgb / 64.0) * 85)


def oil(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Flat strokes: the median about each pixel, few levels, edges kept, more colour."""
    size = max(3, min(rgb.shape[:2]) // 45 | 1)
    strokes = Image.fromarray(rgb).filter(ImageFilter.MedianFilter(size)).quantize(24, kmeans=1).convert("RGB")
    smooth = strokes.filter(ImageFilter.ModeFilter(size))
    return np.asarray(ImageEnhance.Color(smooth).enhance(1.3)).copy()


TRAINED: dict[str, Style] = {"grey": grey, "hue": hue, "saturation": saturation, "tone": tone, "canvas": canvas}
UNSEEN: dict[str, Style] = {"sepia": sepia, "posterise": posterise, "oil": oil}
STYLES: dict[str, Style] = {**TRAINED, **UNSEEN}
