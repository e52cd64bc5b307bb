"""English grammar for captions and prompts: the article before a word, words in a list."""

from __future__ import annotations

from collections.abc import Sequence


def article(words: str) -> str:
    """The article that goes before some words, "a" or "an"."""
    return "an" if words[0] in "aeiou" else "a"


def listed(words: Sequence[str]) -> str:
    """Such as "piano, harp and strings"; "" of no words."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
