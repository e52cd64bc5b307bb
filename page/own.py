"""The page's own components: a `gr.HTML` from NAME.html and NAME.js of assets/ui.

The templates are static, for a template that holds a value would run it as code: the JavaScript writes the value in
with textContent and draws it. `gr.HTML` values are dictionaries fit for JSON, stated in each panel's module; a text in
them is a message of :mod:`page.texts`, which the browser says in the visitor's language, or English.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData
from gradio.route_utils import API_PREFIX
from gradio_client.utils import encode_file_path

from page.texts import REFERENCE, TEXTS, for_browser

UI_DIR = Path(__file__).resolve().parent.parent / "assets" / "ui"


class Own(gr.HTML):
    """A `gr.HTML` whose messages go to the browser as keys and values."""

    is_template = True  # it looks as a gr.HTML does, and has no frontend of its own

    def postprocess(self, value: Any) -> Any:
        """The value as the browser gets it."""
        return super().postprocess(for_browser(value))


def read_ui(name: str) -> str:
    """Text of a file in assets/ui."""
    return (UI_DIR / name).read_text(encoding="utf-8")


def own_component(name: str, value: dict[str, Any] | None = None, **options: Any) -> gr.HTML:
    """Component `name`, with the element id "ek-NAME" and, where there is a NAME.js, its behaviour."""
    script = read_ui(f"{name}.js") if (UI_DIR / f"{name}.js").is_file() else None
    return Own(
        value,
        html_template=read_ui(f"{name}.html"),
        js_on_load=script,
        elem_id=f"ek-{name}",
        elem_classes=["ek-own"],
        apply_default_css=False,
        **options,
    )


def heading(number: int, title: str, hint: str = "") -> gr.HTML:
    """A panel's heading with its place in the story, and a hint below it; both by the keys of their texts."""
    note = marked("span", hint, "ek-hint") if hint else ""
    markup = f'<h2 class="ek-heading"><span aria-hidden="true">{number}</span>{marked("b", title)}</h2>{note}'
    return gr.HTML(markup, elem_classes=["ek-own", "ek-headrow"], apply_default_css=False, js_on_load=None)


def marked(element: str, key: str, classes: str = "") -> str:
    """An element of HTML that holds a text of the page, English until the browser has put in its own language."""
    styled = f' class="{classes}"' if classes else ""
    return f'<{element}{styled} data-text="{key}">{html.escape(TEXTS[REFERENCE][key])}</{element}>'


def file_address(path: Path) -> str:
    """Where the browser may fetch a file of the page's cache, below the page's root.

    For values that hold many files: Gradio looks at each :func:`file_data` anew with every message.
    """
    return f"{API_PREFIX}/file={encode_file_path(str(path))}"


def file_data(path: Path, *, download_name: str | None = None) -> dict[str, Any]:
    """A file for a value: Gradio adds the address from which the browser may fetch it."""
    return FileData(path=str(path), orig_name=download_name or path.name).model_dump()
