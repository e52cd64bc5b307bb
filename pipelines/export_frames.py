"""The frames of a video: the picture on a dark ground, below it the notes or the waveform with a moving playhead.

In: a Picture, a :class:`pipelines.export_strips.Strip`, a look. Out: frame after frame (height, width, 3) uint8. Any
picture's format fits: it is scaled whole into the upper part, and the ground takes its colours, blurred and darkened.
A strip longer than the view begins to move once the playhead has reached the middle, and stands still at its end.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter, ImageFont, ImageOps

from pipelines.export_strips import BAND, FAINTEST, LINE, Strip
from pipelines.records import Picture

# The colours of the page's dark theme (assets/ui/page.css); the accent is that of the emotion's label.
GROUND, PANEL, INK, SOFT = (24, 21, 18), (31, 27, 23), (240, 232, 220), (185, 173, 156)
ACCENTS = {
    "Happy": (227, 173, 78),
    "Angry": (229, 122, 105),
    "Sad": (141, 177, 218),
    "Fun": (231, 141, 187),
    "Neutral": (156, 192, 160),
}
PLAIN_ACCENT = (221, 154, 120)
AMBIENCE = 0.2  # how much of the picture's own colours the ground takes
LARGEST_ENLARGEMENT = 4.0
AHEAD, PLAYED, LIT = 0.5, 0.92, 1.0  # how strongly the accent shows in what is to come, has been, and sounds
EDGE_PX = 36  # over which a moving strip fades at its ends
LIT_LEAST, LIT_DECAY_S, LIT_TAIL_S = 0.7, 0.4, 0.25  # a struck note flares, glows while it is held, then fades
HEAD_PX, GLOW_PX, GLOW = 1.1, 7.0, 0.32  # the playhead's line and the glow about it

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Layout:
    """Where things are in a frame of `width` and `height` pixels."""

    width: int
    height: int

    @property
    def margin(self) -> int:
        """Free space at the sides."""
        return round(min(self.width, self.height) * 0.045)

    @property
    def panel(self) -> Box:
        """The rounded field on which the strip lies."""
        height, footer = round(self.height * 0.28), round(min(self.width, self.height) * 0.065)
        return Box(self.margin, self.height - footer - height, self.width - 2 * self.margin, height)

    @property
    def view(self) -> Box:
        """The part of the panel in which the strip shows; its width is even, so that its middle is a pixel."""
        panel, inset = self.panel, max(4, self.margin // 4)
        return Box(panel.left + inset, panel.top + inset, (panel.width - 2 * inset) // 2 * 2, panel.height - 2 * inset)

    @property
    def picture(self) -> Box:
        """Where the picture may lie."""
        gap = round(self.margin * 0.8)
        return Box(self.margin, self.margin, self.width - 2 * self.margin, self.panel.top - gap - self.margin)

    @property
    def text_px(self) -> int:
        """Size of the letters."""
        return max(9, round(min(self.width, self.height) * 0.025))


class Scene:
    """Everything that stands still, drawn once; :meth:`frame` adds what moves. Nothing changes: threads may share it.

    `label` is a line of text below the panel; `accent` the colour (red, green, blue) of what sounds.
    """

    def __init__(
        self,
        picture: Picture,
        strip: Strip,
        layout: Layout,
        *,
        duration_s: float,
        frame_rate_hz: int,
        label: str = "",
        accent: Colour = PLAIN_ACCENT,
    ) -> None:
        self.strip, self.layout = strip, layout
        self.duration_s, self.frame_rate_hz = duration_s, frame_rate_hz
        self.frames = max(1, round(duration_s * frame_rate_hz))
        self._still = _still(picture, layout, label)
        self._tables = tuple(_table(accent, strength) for strength in (AHEAD, PLAYED, LIT))
        self._accent = np.array(accent, np.float32)
        self._fade = _fade(layout.view.width)
        self._clock = functools.lru_cache(maxsize=4)(self._draw_clock)

    def frame(self, number: int) -> Image:
        """The frame of that number, from 0."""
        second = number / self.frame_rate_hz
        view = self.layout.view
        image = self._still.copy()
        image[view.top : view.top + view.height, view.left : view.left + view.width] = self._view(second)
        text = self._clock(int(second))
        left, top = self.layout.width - self.layout.margin - text.shape[1], _footer_top(self.layout)
        image[top : top + text.shape[0], left : left + text.shape[1]] = text
        return image

    def _view(self, second: float) -> Image:
        view, codes = self.layout.view, self.strip.codes
        head = self.strip.scale.x_at(second)
        offset = int(min(max(0.0, head - view.width // 2), codes.shape[1] - view.width))
        shown = codes[:, offset : offset + view.width]
        ahead, played, _ = self._tables
        split = min(view.width, max(0, round(head) - offset))
        image = np.concatenate((played[shown[:, :split]], ahead[shown[:, split:]]), axis=1)
        self._light(image, offset, second)
        if codes.shape[1] > view.width:
            self._fade_ends(image)
        self._draw_head(image, head - offset)
        return image

    def _light(self, image: Image, offset: int, second: float) -> None:
        """Light what sounds, most at its beginning."""
        strip, lit = self.strip, self._tables[2]
        soon = second + 0.5 / self.frame_rate_hz
        for thing in np.nonzero((strip.starts_s <= soon) & (strip.ends_s + LIT_TAIL_S > second))[0]:
            left, right, top, bottom = strip.boxes[thing]
            first, last = max(0, left - offset), min(image.shape[1], right - offset)
            if first >= last:
                continue
            area = image[top:bottom, first:last]
            bright = lit[strip.codes[top:bottom, first + offset : last + offset]]
            strength = self._strength(second - strip.starts_s[thing], second - strip.ends_s[thing])
            area[:] = np.rint(area + (bright.astype(np.float32) - area) * strength)

    @staticmethod
    def _strength(since_start_s: float, since_end_s: float) -> float:
        """How brightly something shows that began and ended so long ago: 1 at its beginning, 0 after its end."""
        glow = LIT_LEAST + (1 - LIT_LEAST) * float(np.exp(-max(0.0, since_start_s) / LIT_DECAY_S))
        return glow * min(1.0, max(0.0, 1 - since_end_s / LIT_TAIL_S))

    def _fade_ends(self, image: Image) -> None:
        panel = np.array(PANEL, np.float32)
        for part in (slice(0, EDGE_PX), slice(image.shape[1] - EDGE_PX, None)):
            image[:, part] = np.rint(panel + (image[:, part] - panel) * self._fade[None, part, None])

    def _draw_head(self, image: Image, x: float) -> None:
        """The playhead: a line with a glow in the accent's colour."""
        reach = int(3 * GLOW_PX)
        first, last = max(0, int(x) - reach), min(image.shape[1], int(x) + reach + 1)
        if first >= last:
            return
        away = np.abs(np.arange(first, last) + 0.5 - x)[None, :, None]
        area = image[:, first:last].astype(np.float32)
        area += (self._accent - area) * GLOW * np.exp(-0.5 * (away / GLOW_PX) ** 2)
        area += (np.array(INK, np.float32) - area) * np.clip(HEAD_PX + 0.5 - away, 0.0, 1.0)
        image[:, first:last] = np.rint(area)

    def _draw_clock(self, second: int) -> Image:
        """The time, such as "0:07 / 0:31", on the ground behind it."""
        text = f"{_minutes(second)} / {_minutes(round(self.duration_s))}"
        font, top = _font(self.layout.text_px), _footer_top(self.layout)
        width = int(font.getlength("00:00 / 00:00")) + 4
        left = self.layout.width - self.layout.margin - width
        ground = self._still[top : self.layout.height, left : left + width]
        image = Pillow.fromarray(np.ascontiguousarray(ground))
        ImageDraw.Draw(image).text((width - 1, 0), text, font=font, fill=SOFT, anchor="ra")
        return np.asarray(image)


def _minutes(second: int) -> str:
    return f"{second // 60}:{second % 60:02d}"


def _fade(width: int) -> npt.NDArray[np.float32]:
    """How much of a strip shows at each x of the view."""
    x = np.arange(width) + 0.5
    return np.clip(np.minimum(x, width - x) / EDGE_PX, 0.0, 1.0).astype(np.float32)


def _table(accent: Colour, strength: float) -> Image:
    """The colour of each code, (256, 3) uint8; a strength of 1 brightens the accent towards white."""
    panel, colour = np.array(PANEL, np.float64), np.array(accent, np.float64)
    if strength >= LIT:
        colour += (255 - colour) * 0.7
    part = np.clip((np.arange(256) - FAINTEST) / (255 - FAINTEST), 0.0, 1.0)[:, None]
    table = panel + (colour - panel) * part * min(1.0, strength)
    table[BAND] = panel + 7
    table[LINE] = panel + 24
    return np.rint(table).astype(np.uint8)


def _still(picture: Picture, layout: Layout, label: str) -> Image:
    """All that stands still: ground, picture with its shadow, panel, label."""
    whole = Pillow.fromarray(picture.rgb)
    image = Pillow.fromarray(_ground(whole, layout))
    fitted = _fitted(whole, layout.picture)
    left = layout.picture.left + (layout.picture.width - fitted.width) // 2
    top = layout.picture.top + (layout.picture.height - fitted.height) // 2
    shadow = Pillow.new("L", image.size, 0)
    around = (left, top + layout.margin // 8, left + fitted.width, top + fitted.height + layout.margin // 8)
    ImageDraw.Draw(shadow).rectangle(around, fill=150)
    image.paste((0, 0, 0), mask=shadow.filter(ImageFilter.GaussianBlur(layout.margin / 3)))
    image.paste(fitted, (left, top))
    _draw_panel(image, layout.panel, radius=layout.margin / 3)
    _draw_label(image, layout, label)
    return np.asarray(image).copy()


def _ground(whole: Pillow.Image, layout: Layout) -> Image:
    """The ground: the picture's colours far out of focus, dark, with a trace of noise against banding."""
    small = ImageOps.fit(whole.convert("RGB"), (64, 36), Pillow.Resampling.BOX)
    soft = small.filter(ImageFilter.GaussianBlur(7)).resize((layout.width, layout.height), Pillow.Resampling.BICUBIC)
    colours = np.array(GROUND, np.float32) * (1 - AMBIENCE) + np.asarray(soft, np.float32) * AMBIENCE
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, colours.shape[:2]).astype(np.float32)
    return np.clip(np.rint(colours + noise[..., None]), 0, 255).astype(np.uint8)


def _fitted(whole: Pillow.Image, box: Box) -> Pillow.Image:
    """The whole picture, as large as the box allows, no more than four times its size."""
    width, height = whole.size
    factor = min(box.width / width, box.height / height, LARGEST_ENLARGEMENT)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return whole.resize(size, Pillow.Resampling.LANCZOS)


def _draw_panel(image: Pillow.Image, panel: Box, *, radius: float) -> None:
    """A rounded field, its corners smooth by drawing it four times as large."""
    mask = Pillow.new("L", (panel.width * 4, panel.height * 4), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * 4, fill=255)
    field = Pillow.new("RGB", (panel.width, panel.height), PANEL)
    image.paste(field, (panel.left, panel.top), mask.resize(field.size, Pillow.Resampling.BOX))


def _draw_label(image: Pillow.Image, layout: Layout, label: str) -> None:
    """The line of text, cut with an ellipsis where it would run into the clock."""
    font = _font(layout.text_px)
    room = layout.width - 2 * layout.margin - font.getlength("00:00 / 00:00") - layout.margin
    text = " ".join(label.split())
    while text and font.getlength(text) > room:
        text = text[:-2].rstrip() + "…"
    ImageDraw.Draw(image).text((layout.margin, _footer_top(layout)), text, font=font, fill=SOFT)


def _footer_top(layout: Layout) -> int:
    bottom = layout.panel.top + layout.panel.height
    return bottom + (layout.height - bottom - round(layout.text_px * 1.25)) // 2


@functools.lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib."""
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size_px)
