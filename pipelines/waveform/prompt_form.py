"""The paper's three-part form: system message, instruction, response (its Table 1, word for word)."""

from __future__ import annotations

from pipelines.waveform.vocabulary import LONGEST_TEXT

SYSTEM = (
    "You are an enhanced description generator. You will be given with image description and you have to enhance those "
    "in musical terms."
)
INSTRUCTION = (
    'Generate a musical theme description for the following image description: "{caption}". Include details like mood, '
    "genre, tempo, and melody in 2 lines."
)


def instruction(caption: str) -> str:
    """The instruction with a caption of up to :data:`LONGEST_TEXT` characters, less its full stop as in the paper."""
    return INSTRUCTION.format(caption=caption.replace('"', "'").strip()[:LONGEST_TEXT].rstrip(" ."))
