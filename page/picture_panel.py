"""The picture: dropped, pasted, taken by the camera, or one of the drawn examples."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from page.own import own_component
from page.texts import say, text
from pipelines.errors import PictureError

EXAMPLES_DIR = Path(__file__).resolve().parent.parent / "assets" / "examples"
ROW = re.compile(r"^\|\s*`(?P<file>[\w-]+\.\w+)`\s*\|\s*(?P<title>[^|]+?)\s*\|\s*(?P<alt>[^|]+?)\s*\|", re.MULTILINE)
THUMBNAIL_PX = (360, 270)


class PictureFile(gr.Image):
    """A `gr.Image` that hands on the file as it came, since our own reader says better what is wrong with one."""

    is_template = True  # it looks as a gr.Image does, and has no frontend of its own

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path of the file, which Gradio has already found to be an upload of this page."""
        return None if payload is None else payload.path


@dataclass(frozen=True)
class Example:
    """A drawn picture: its file, what it is meant as, and what it shows in words."""

    path: Path
    title: str
    alt: str


@dataclass(frozen=True)
class PicturePanel:
    """The panel's components."""

    picture: PictureFile
    examples: gr.HTML


@cache
def examples() -> tuple[Example, ...]:
    """The examples as the table in assets/examples/README.md lists them."""
    table = (EXAMPLES_DIR / "README.md").read_text(encoding="utf-8")
    return tuple(Example(EXAMPLES_DIR / row["file"], _title(row["title"]), row["alt"]) for row in ROW.finditer(table))


def _title(meant_as: str) -> str:
    """What stands behind the colon: "Sad: rain at dusk" is called "Rain at dusk"."""
    name = meant_as.rpartition(":")[2].strip()
    return name[:1].upper() + name[1:]


def example_path(number: Any) -> Path:
    """File of an example by its place in the row; raises PictureError for what the browser could not have sent."""
    shown = examples()
    if not isinstance(number, int) or not 0 <= number < len(shown):
        raise PictureError(say("picture.no_example", number=repr(number), n=len(shown)))
    return shown[number].path


def _thumbnail(path: Path) -> str:
    from PIL import Image

    with Image.open(path) as image:
        image.thumbnail(THUMBNAIL_PX)
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def picture_panel() -> PicturePanel:
    """Build the panel."""
    invitation: Any = text("picture.placeholder")  # Gradio translates it, though it asks for a plain string
    picture = PictureFile(
        type="filepath",
        sources=["upload", "clipboard", "webcam"],
        label=text("picture.label"),
        show_label=False,
        height=330,
        elem_id="ek-picture",
        buttons=[],
        placeholder=invitation,
    )
    shown = [{"src": _thumbnail(e.path), "title": e.title, "alt": e.alt, "name": e.path.stem} for e in examples()]
    return PicturePanel(picture, own_component("examples", {"examples": shown}))
