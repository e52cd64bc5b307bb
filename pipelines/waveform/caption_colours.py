"""Colours by their common names: how much of a picture has which, and how a person would say it.

In: RGB, (height, width, 3) uint8. Out: :class:`Palette`, and a phrase such as "deep blue and white with a touch of
orange".

Conventions
-----------
Colours are compared in OKLab (Ottosson 2020), where equal distances look about equally different: lightness 0 to 1,
a from green to red, b from blue to yellow, both about -0.4 to 0.4; chroma is the length of (a, b). A pixel bears the
name of the nearest of :data:`NAMED`, differences of hue counting more than those of lightness, as they do to a person
who names a colour. Shades of one colour are told together, under the name that most of them bear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.waveform.grammar import listed

Floats = npt.NDArray[np.float64]
SIDE_PX = 72
CHROMA_WEIGHT = 1.7
GREYS = "grey"


@dataclass(frozen=True)
class Shade:
    """A common name of a colour, its family, and examples of it in sRGB hexadecimals."""

    name: str
    family: str
    examples: tuple[str, ...]


NAMED = (
    Shade("black", "black", ("000000", "101010", "1a1614", "0d0f14")),
    Shade("dark grey", GREYS, ("303030", "454545", "4a4744")),
    Shade("grey", GREYS, ("6a6a6a", "808080", "989898", "8a867f", "868a90")),
    Shade("light grey", GREYS, ("b4b4b4", "cccccc", "c4c0ba", "bfc5ca")),
    Shade("white", "white", ("ffffff", "eeeeee", "f6f3ec", "e8ecf0")),
    Shade("cream", "cream", ("fbf0d4", "f3e3bd", "efe4cc")),
    Shade("beige", "cream", ("d8c5a0", "cbb58f", "dccbb3")),
    Shade("peach", "pink", ("ffcfb0", "f2b799", "e8b8a0")),
    Shade("light brown", "brown", ("b08a5c", "c09a6b", "a98467", "b98a72")),
    Shade("brown", "brown", ("7b4f2a", "8b5e3c", "6b4a33", "8a5a44", "75604a")),
    Shade("dark brown", "brown", ("3b2616", "4a3320", "33211a", "443a2e")),
    Shade("reddish brown", "brown", ("8c3f22", "9c4a2f", "6e2f1c")),
    Shade("red", "red", ("e01818", "c8161d", "f03a2e", "d83a3a")),
    Shade("dark red", "red", ("7a0c12", "5a0a0e", "8e1a20")),
    Shade("pink", "pink", ("f7a6c0", "f48fb1", "ec7fa6", "f9c9d6")),
    Shade("deep pink", "pink", ("e0218a", "d6336c", "e84a8f", "c2185b")),
    Shade("orange", "orange", ("f57c1c", "ff8f1f", "e8641b", "ef8e3c")),
    Shade("gold", "yellow", ("d9a520", "c8941f", "e3b341")),
    Shade("yellow", "yellow", ("f7dd2b", "ffe94a", "f2cf3a")),
    Shade("pale yellow", "yellow", ("fbf3a6", "f3e68a")),
    Shade("olive green", "green", ("6b6b2a", "7d7a2f", "595a2b", "8a8a4a")),
    Shade("yellowish green", "green", ("a4c639", "b5d33d", "8fae2e", "9cc04c")),
    Shade("green", "green", ("2f9e3f", "3fae4c", "4c8c3a", "5d9a4a", "3d7a35")),
    Shade("light green", "green", ("a5d6a0", "b8dcae", "8fcf8a", "9dbb94")),
    Shade("dark green", "green", ("14451f", "1e3a1c", "274a2a", "2c3d1f")),
    Shade("teal", "turquoise", ("0f7f83", "14696e", "2b8a87")),
    Shade("turquoise", "turquoise", ("3fcfc8", "58d3cf", "2fb5b5")),
    Shade("pale turquoise", "turquoise", ("b5e3e1", "a3dbd8")),
    Shade("light blue", "blue", ("a9d3ef", "c3e0f3", "8fc4ea", "b5cce6")),
    Shade("sky blue", "blue", ("5fb0e8", "4a9fe0", "6ab7e6")),
    Shade("blue", "blue", ("1f5fd0", "2a6fd6", "3b78c2", "1e88e5", "3f6fb0")),
    Shade("deep blue", "blue", ("123a94", "1a2fa0", "16408a", "1c3f7a")),
    Shade("dark blue", "blue", ("0c1638", "14224a", "1b2a4a", "20304c")),
    Shade("blue-grey", "blue-grey", ("6f8296", "7f92a6", "5c6c7e", "94a5b5", "48566a")),
    Shade("violet", "violet", ("7e4fc0", "8a5fd0", "6a3fb5", "5b3aa8")),
    Shade("purple", "violet", ("6a1b7a", "7b2a8a", "9a3fae", "4a1560", "5a2a5e")),
    Shade("lavender", "violet", ("c3b1e1", "b5a3d6", "d3c6ea", "a596b8")),
    Shade("magenta", "pink", ("d02fc0", "c724b1", "e45bd0")),
)

MOSTLY, PRESENT, TOUCH = 0.62, 0.13, 0.015
VIVID = 0.12
FEWER_COLOURS = 0.028
ALL_BUT = 95.0
PRINT_CONTRAST = 0.3
ALIKE = 0.03  # less than a glance tells apart
EXTREMES = 0.2


@dataclass(frozen=True)
class Hue:
    """A colour of a picture: the family's most common name in it, and its share of the area, 0 to 1."""

    name: str
    family: str
    share: float
    chroma: float


@dataclass(frozen=True)
class Palette:
    """The colours of a picture, the largest share first.

    `colourless` where it is of black, white and greys, `sepia` where it is of one brown, as an old print, `even` where
    it is one plain colour all over.
    """

    hues: tuple[Hue, ...]
    colourless: bool
    sepia: bool
    even: bool = False


def oklab(rgb: npt.NDArray[np.uint8]) -> Floats:
    """OKLab of sRGB, (…, 3) uint8 to (…, 3) float64."""
    value = rgb.astype(np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_cones = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
    to_lab = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
              [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip
    lab: Floats = np.cbrt(linear @ np.array(to_cones).T) @ np.array(to_lab).T
    return lab


def small(rgb: npt.NDArray[np.uint8], *, side_px: int = SIDE_PX) -> npt.NDArray[np.uint8]:
    """The picture squeezed to side by side pixels, each the mean of what it covers."""
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).resize((side_px, side_px), Image.Resampling.BOX))


def palette(lab: Floats) -> Palette:
    """The colours of a small picture in OKLab, (height, width, 3)."""
    flat = lab.reshape(-1, 3)
    chroma = np.hypot(flat[:, 1], flat[:, 2])
    shades = _nearest(flat)
    hues = tuple(
        sorted(
            (_hue(family, flat, shades, chroma) for family in {NAMED[shade].family for shade in shades}),
            key=lambda hue: -hue.share,
        )
    )
    colourless = float(np.percentile(chroma, ALL_BUT)) < FEWER_COLOURS
    even = float(np.abs(flat - flat.mean(axis=0)).max()) < ALIKE
    return Palette(hues, colourless, _is_sepia(flat, chroma), even)


def _nearest(flat: Floats) -> npt.NDArray[np.intp]:
    """Index in :data:`NAMED` of each colour."""
    owner = np.array([index for index, shade in enumerate(NAMED) for _ in shade.examples])
    texts = [text for shade in NAMED for text in shade.examples]
    examples = oklab(np.array([list(bytes.fromhex(text)) for text in texts], np.uint8))
    scale = np.array([1.0, CHROMA_WEIGHT, CHROMA_WEIGHT])
    examples *= scale
    distance = (examples**2).sum(axis=1) - 2 * (flat * scale) @ examples.T
    return np.asarray(owner[distance.argmin(axis=1)])


def _hue(family: str, flat: Floats, shades: npt.NDArray[np.intp], chroma: Floats) -> Hue:
    """Tell the shades of a family together."""
    members = [index for index, shade in enumerate(NAMED) if shade.family == family]
    counts = [int((shades == index).sum()) for index in members]
    here = np.isin(shades, members)
    name = NAMED[members[int(np.argmax(counts))]].name
    return Hue(name, family, sum(counts) / len(flat), float(chroma[here].mean()))


def _is_sepia(flat: Floats, chroma: Floats) -> bool:
    """Whether all that has colour is of one brown, as in an old print."""
    coloured = chroma > FEWER_COLOURS / 2
    if coloured.mean() < 0.5 or np.percentile(chroma, ALL_BUT) > 0.09:
        return False
    angle = np.degrees(np.arctan2(flat[coloured, 2], flat[coloured, 1]))
    low, high = np.percentile(angle, [3, 97])
    tonal = float(np.ptp(np.percentile(flat[:, 0], [5, ALL_BUT]))) > PRINT_CONTRAST
    return bool(tonal and low > 50 and high < 105 and high - low < 16)


def colour_phrase(colours: Palette) -> str:
    """How a person would say the colours, such as "mostly deep blue with a touch of orange"; not for prints."""
    first, *rest = colours.hues
    main = [first] if first.share >= MOSTLY else [first, *(hue for hue in rest if hue.share >= PRESENT)][:3]
    phrase = f"mostly {first.name}" if len(main) == 1 else listed([hue.name for hue in main])
    accent = _accent([hue for hue in rest if hue not in main])
    return phrase if accent is None else f"{phrase} with {_amount(accent)} {accent.name}"


def print_phrase(colours: Palette) -> str:
    """How a person would say the colours of a print, which has none or one: "black and white", "greys"."""
    if not colours.colourless:
        return "the browns of an old print"
    extremes = sum(hue.share for hue in colours.hues if hue.family in ("black", "white"))
    return "black and white" if extremes >= EXTREMES else "greys"


def _accent(hues: list[Hue]) -> Hue | None:
    """The most striking of the lesser colours: small, but far from grey, or large enough to be missed."""
    striking = [hue for hue in hues if hue.share >= TOUCH and (hue.chroma >= VIVID or hue.share >= PRESENT)]
    return max(striking, key=lambda hue: hue.share * (0.3 + hue.chroma), default=None)


def _amount(hue: Hue) -> str:
    return "a touch of" if hue.share < 0.06 else "some"
