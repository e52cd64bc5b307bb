"""Tokens in, numbers out, and back: the vocabulary of the symbolic paper's models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipelines.errors import SettingsError
from pipelines.symbolic.tokens_grammar import END, PAD, START, Token, read_token

KINDS_ALIKE = {"note": ("note", "chord", "rest"), "chord": ("chord", "note", "rest"), "rest": ("rest",)}


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by their ids: 0 is `<pad>`, put in front where `tokens` lacks it, and no token stands twice.

    A token that is not in it goes to the nearest of its kind: to the same pitches with the nearest length (of a note:
    the same name; then the same pitch class at the nearest octave; then the nearest pitch), of a chord to that which
    shares most pitch classes, of a tempo to the nearest in ratio. Raises SettingsError for text that is no token.
    """

    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        distinct = dict.fromkeys((PAD, *self.tokens))
        for token in distinct:
            read_token(token)
        object.__setattr__(self, "tokens", tuple(distinct))

    @property
    def size(self) -> int:
        """Number of tokens, padding included."""
        return len(self.tokens)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.tokens)}

    @cached_property
    def _read(self) -> tuple[Token, ...]:
        return tuple(read_token(token) for token in self.tokens)

    def ids(self, tokens: Iterable[str]) -> npt.NDArray[np.int32]:
        """Ids (n,) int32 of tokens, those unknown by the nearest of their kind.

        Raises SettingsError for text that is no token, or one of a kind of which the vocabulary holds none.
        """
        return np.array([self._id(token) for token in tokens], np.int32)

    def _id(self, token: str) -> int:
        known = self._index.get(token)
        if known is None:
            known = self._index[token] = self._nearest(token)
        return known

    def _nearest(self, text: str) -> int:
        token = read_token(text)
        for kind in KINDS_ALIKE.get(token.kind, (token.kind,)):
            alike = [i for i, other in enumerate(self._read) if other.kind == kind]
            if alike and kind != "mark":
                return min(alike, key=lambda i: (*_distance(token, self._read[i]), i))
        raise SettingsError(f"The vocabulary has no token like {text}; build it over sequences that hold such tokens.")

    def names(self, ids: Iterable[int] | npt.NDArray[np.integer]) -> list[str]:
        """Tokens of ids. Raises SettingsError for an id that is not 0 to size - 1."""
        named = []
        for i in ids:
            if not 0 <= int(i) < self.size:
                raise SettingsError(f"The id {int(i)} is not in the vocabulary; use 0 to {self.size - 1}.")
            named.append(self.tokens[int(i)])
        return named


def _distance(token: Token, other: Token) -> tuple[float, ...]:
    """How far two tokens are, by pitch before length."""
    length = abs(float(token.value - other.value))
    if token.kind == "tempo":
        return (abs(np.log(float(token.value / other.value))),)
    if token.kind == "note" and other.kind == "note":
        a, b = token.pitches[0], other.pitches[0]
        return float(a % 12 != b % 12), float(abs(a - b)), length
    mine, theirs = ({pitch % 12 for pitch in one.pitches} for one in (token, other))
    return float(len(mine ^ theirs)), length


def build_vocabulary(sequences: Iterable[Sequence[str]]) -> Vocabulary:
    """Vocabulary of some sequences: padding, `<start>`, `<end>`, the rest by falling count, equal ones by name."""
    counts = Counter(token for sequence in sequences for token in sequence)
    return Vocabulary((PAD, START, END, *sorted(counts, key=lambda token: (-counts[token], token))))
