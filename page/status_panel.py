"""What goes on, in one line: a live region for screen readers, with a thin bar of progress.

Value: `text`, which is read out when it changes; `detail`, such as how many bars, which is only shown; `kind` idle,
busy, done, stopped or warning; `progress` 0 to 1.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from page.own import own_component
from page.texts import say

INVITATION = "status.invitation"  # its key


def status(text: str, kind: str = "busy", progress: float = 0.0, *, detail: str = "") -> dict[str, Any]:
    """The panel's value."""
    return {"text": text, "detail": detail, "kind": kind, "progress": round(min(1.0, max(0.0, progress)), 3)}


def status_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("status", status(say(INVITATION), "idle"))
