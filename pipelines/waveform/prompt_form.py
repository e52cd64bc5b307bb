"""The paper's three-part form: system message, instruction, response (its Table 1, word for word)."""

from __future__ import annotations

SYSTEM = (
    "You are an enhanced description generator. You will be given with image description and you have to enhance those "
    "in musical terms."
)
INSTRUCTION = (
    'Generate a musical theme description for the following image description: "{caption}". Include details like mood, '
    "genre, tempo, and melody in 2 lines."
)
LONGEST_CAPTION = 300


def instruction(caption: str) -> str:
    """The instruction with a caption, without its full stop as in the paper, at most 300 characters of it."""
    return INSTRUCTION.format(caption=caption.replace('"', "'").strip()[:LONGEST_CAPTION].rstrip(" ."))
