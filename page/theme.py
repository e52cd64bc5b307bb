"""The page's look: a listening room in a gallery, by day and by night.

Small text is in Source Sans Pro as Gradio carries it; headings are in Lora from assets/ui/fonts, for the Lora that
Gradio carries has no Latin letters.
"""

from __future__ import annotations

import base64

import gradio as gr
from gradio.themes.utils import fonts, sizes
from gradio.themes.utils.colors import Color

from page.own import UI_DIR, read_ui

WALL = Color(
    name="wall",
    c50="#faf7f2",
    c100="#f3eee6",
    c200="#e6dfd3",
    c300="#d2c8b8",
    c400="#a99d8b",
    c500="#857a6a",
    c600="#655b4e",
    c700="#4b433a",
    c800="#2e2924",
    c900="#221e1a",
    c950="#191613",
)
CLAY = Color(
    name="clay",
    c50="#fbf3ee",
    c100="#f6e3d8",
    c200="#ecc8b4",
    c300="#dfa688",
    c400="#cf8160",
    c500="#b96544",
    c600="#9c4f32",
    c700="#823f27",
    c800="#66311f",
    c900="#4c2618",
    c950="#2f170f",
)
# Gradio's "text_md" in rem instead of pixels, so that all text follows the size that a reader has set in the browser.
TEXT = sizes.Size(
    name="text_rem",
    xxs="0.5625rem",
    xs="0.625rem",
    sm="0.75rem",
    md="0.875rem",
    lg="1rem",
    xl="1.375rem",
    xxl="1.625rem",
)
STYLES = ("page.css", "panels.css", "takes.css")
SCRIPTS = ("texts.js", "shared.js", "player.js", "timeline.js", "spectrum.js", "twosome.js", "dock.js")
SERIF_WEIGHTS = (400, 600)


def theme() -> gr.themes.Base:
    """Gradio's own components in the page's colours, with contrast enough for small text."""
    return gr.themes.Base(
        primary_hue=CLAY,
        secondary_hue=CLAY,
        neutral_hue=WALL,
        radius_size=sizes.radius_md,
        text_size=TEXT,
        font=(fonts.LocalFont("Source Sans Pro", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif"),
        font_mono=(fonts.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"),
    ).set(
        body_background_fill="var(--ek-wall)",
        body_background_fill_dark="var(--ek-wall)",
        body_text_color="var(--ek-ink)",
        body_text_color_dark="var(--ek-ink)",
        body_text_color_subdued="var(--ek-soft)",
        body_text_color_subdued_dark="var(--ek-soft)",
        background_fill_primary="var(--ek-card)",
        background_fill_primary_dark="var(--ek-card)",
        background_fill_secondary="var(--ek-wall)",
        background_fill_secondary_dark="var(--ek-wall)",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_label_text_color="var(--ek-soft)",
        block_label_text_color_dark="var(--ek-soft)",
        block_title_text_color="var(--ek-soft)",
        block_title_text_color_dark="var(--ek-soft)",
        block_padding="0px",
        block_shadow="none",
        border_color_primary="var(--ek-line)",
        border_color_primary_dark="var(--ek-line)",
        input_background_fill="var(--ek-well)",
        input_background_fill_dark="var(--ek-well)",
        input_border_color="var(--ek-field)",
        input_border_color_dark="var(--ek-field)",
        input_border_width="1px",
        input_border_width_dark="1px",
        color_accent="var(--ek-mood-strong)",
        slider_color="var(--ek-mood)",
        slider_color_dark="var(--ek-mood)",
        button_primary_background_fill="var(--ek-mood-strong)",
        button_primary_background_fill_dark="var(--ek-mood-strong)",
        button_primary_background_fill_hover="var(--ek-mood-deep)",
        button_primary_background_fill_hover_dark="var(--ek-mood-deep)",
        button_primary_border_color="transparent",
        button_primary_border_color_dark="transparent",
        button_primary_text_color="var(--ek-on-mood)",
        button_primary_text_color_dark="var(--ek-on-mood)",
        button_primary_text_color_hover="var(--ek-on-mood)",
        button_primary_text_color_hover_dark="var(--ek-on-mood)",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        button_secondary_background_fill_hover="var(--ek-well)",
        button_secondary_background_fill_hover_dark="var(--ek-well)",
        button_secondary_border_color="var(--ek-line)",
        button_secondary_border_color_dark="var(--ek-line)",
        button_secondary_text_color="var(--ek-ink)",
        button_secondary_text_color_dark="var(--ek-ink)",
        button_border_width="1px",
        button_border_width_dark="1px",
        form_gap_width="0px",
        layout_gap="18px",
    )


def head() -> str:
    """The page's letters, styles and what its components share, for the document's head: there before it is drawn."""
    css = "\n".join((*(_serif(weight) for weight in SERIF_WEIGHTS), *(read_ui(name) for name in STYLES)))
    return f"<style>{css}</style>\n<script>{''.join(read_ui(name) for name in SCRIPTS)}</script>"


def _serif(weight: int) -> str:
    """A font face with its font inside, so that no text is drawn twice."""
    font = base64.b64encode((UI_DIR / "fonts" / f"lora-latin-{weight}-normal.woff2").read_bytes()).decode("ascii")
    source = f"url(data:font/woff2;base64,{font}) format('woff2')"
    return f"@font-face {{ font-family: Lora; font-weight: {weight}; src: {source}; }}"
