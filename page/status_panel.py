"""What goes on, in one line: a live region for screen readers, with a thin bar of progress.

Value: `text`; `kind` idle, busy, done, stopped or warning; `progress` 0 to 1.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from page.own import own_component

INVITATION = "Choose a picture and the music begins."


def status(text: str, kind: str = "busy", progress: float = 0.0) -> dict[str, Any]:
    """The panel's value."""
    return {"text": text, "kind": kind, "progress": round(min(1.0, max(0.0, progress)), 3)}


def status_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("status", status(INVITATION, "idle"))
