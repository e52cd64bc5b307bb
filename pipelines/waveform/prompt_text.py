"""The parts of a prompt → its text: two lines of whole sentences, as a musician would write them.

The first line says mood, genre, mode and tempo, the second the melody, what it is like, and who plays ("Include details
like mood, genre, tempo, and melody in 2 lines", the paper's Table 1). Every part stands there in a word that
:func:`pipelines.waveform.prompt_parse.parse_prompt` reads back.
"""

from __future__ import annotations

import random

from pipelines.records import VA_MIDDLE, Emotion, MusicPrompt
from pipelines.waveform.grammar import article, listed
from pipelines.waveform.vocabulary import GENRES

PACES = ((66, "very slow"), (84, "slow"), (100, "unhurried"), (120, "moderate"), (140, "brisk"), (156, "fast"))
FASTEST = "very fast"
PLURAL = frozenset(("strings", "pizzicato strings", "drums", "timpani", "brass"))
SOFT_UNDER, LOUD_OVER = 3.6, 6.8
LOUDNESS = {
    "soft": ("played softly", "soft in tone", "played very softly"),
    "glad": ("played with energy", "full in sound", "played loudly"),
    "hard": ("at full force", "played loudly", "loud and hard"),
}

FIRST_LINES = (
    "{A_mood} {noun} in a {mode} key, {pace} at {bpm} BPM{loudness}.",
    "{A_pace}, {mood} {noun} in a {mode} key at {bpm} BPM{loudness}.",
    "{A_mood} {noun} in a {mode} key{loudness}. The tempo is {pace}, {bpm} BPM.",
)
SECOND_LINES = (
    "{The_lead} {carries} {a_contour}, {articulation} melody in the {register}{over}, like {image}.",
    "{The_lead} {takes} the melody, {contour} and {articulation} in the {register}, like {image}{under}.",
    "{The_lead} {leads} with {a_contour}, {articulation} line in the {register}, like {image}{under}.",
)
CARRIES = ("carry", "play"), ("carries", "plays")


def two_lines(parts: MusicPrompt, emotion: Emotion, *, image: str, seed: int = 0) -> str:
    """Write the two lines; `image` is what the melody is like, the `seed` chooses among wordings."""
    draw = random.Random(seed)
    words = _words(parts, emotion, image)
    first = draw.choice(FIRST_LINES).format(**words, loudness=_loudness(emotion, draw))
    number = parts.instruments[0] not in PLURAL
    verbs = {"carries": draw.choice(CARRIES[number]), "takes": "takes" if number else "take"}
    second = draw.choice(SECOND_LINES).format(**words, **verbs, leads="leads" if number else "lead")
    return f"{first}\n{second}"


def _words(parts: MusicPrompt, emotion: Emotion, image: str) -> dict[str, str]:
    contour, articulation, register = parts.melody.split(", ")
    lead, *others = parts.instruments
    pace = pace_word(parts.tempo_bpm)
    return {
        "A_mood": article(parts.mood).capitalize() + f" {parts.mood}",
        "A_pace": article(pace).capitalize() + f" {pace}",
        "mood": parts.mood,
        "noun": GENRES[parts.genre].noun,
        "mode": parts.mode,
        "pace": pace,
        "bpm": f"{parts.tempo_bpm:.0f}",
        "The_lead": f"The {lead}",
        "contour": contour,
        "a_contour": f"{article(contour)} {contour}",
        "articulation": articulation,
        "register": register,
        "image": image,
        "over": f" over {listed(others)}" if others else "",
        "under": f", with {listed(others)} underneath" if others else "",
    }


def _loudness(emotion: Emotion, draw: random.Random) -> str:
    """How loud, after the emotion's arousal: loudness follows it as tempo does (Juslin and Laukka)."""
    if SOFT_UNDER <= emotion.arousal <= LOUD_OVER:
        return ""
    kind = "soft" if emotion.arousal < SOFT_UNDER else "glad" if emotion.valence > VA_MIDDLE else "hard"
    return f", {draw.choice(LOUDNESS[kind])}"


def pace_word(tempo_bpm: float) -> str:
    """A plain word for a tempo in beats a minute."""
    return next((word for under, word in PACES if tempo_bpm < under), FASTEST)
