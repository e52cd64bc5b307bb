"""Plain English for points on the plane of valence and arousal (1 to 9), for music prompts, times and counts."""

from __future__ import annotations

from pipelines.catalogue import MUSICGEN_LICENCE
from pipelines.records import Emotion, MusicPrompt, Score
from pipelines.waveform.grammar import listed

LOW, HIGH = 4.2, 5.8  # between them lies the middle third of what pictures and music reach
WORDS = (
    ("sad and calm", "quiet and calm", "tender and calm"),
    ("sad", "even-tempered", "glad"),
    ("tense and agitated", "lively and restless", "joyful and lively"),
)  # by arousal, then by valence
NEARNESS = ((0.7, "very close"), (1.4, "close"), (2.4, "some way off"))


def feeling(valence: float, arousal: float) -> str:
    """Such as "sad and calm"."""
    return WORDS[_third(arousal)][_third(valence)]


def _third(value: float) -> int:
    return 0 if value < LOW else 2 if value > HIGH else 1


def picture_sentence(emotion: Emotion) -> str:
    """What was read in the picture, with how sure the reader is."""
    return (
        f"It feels {feeling(emotion.valence, emotion.arousal)}: "
        f"valence {emotion.valence:.1f} ± {emotion.valence_sd:.1f}, "
        f"arousal {emotion.arousal:.1f} ± {emotion.arousal_sd:.1f} (scale 1 to 9)."
    )


def chosen_sentence(emotion: Emotion) -> str:
    """What the visitor chose instead."""
    return (
        f"You chose {feeling(emotion.valence, emotion.arousal)}: valence {emotion.valence:.1f}, "
        f"arousal {emotion.arousal:.1f} (scale 1 to 9)."
    )


def heard_sentence(wanted: Emotion, heard: Emotion, music: str = "the music") -> str:
    """What was asked for, what is heard in `music`, and how far they lie apart."""
    asked, got = feeling(wanted.valence, wanted.arousal), feeling(heard.valence, heard.arousal)
    also = "also " if asked == got else ""
    distance = wanted.distance(heard)
    return f"Asked for {asked}; {music} is {also}heard as {got}: {distance:.1f} apart, {nearness(distance)}."


def nearness(distance: float) -> str:
    """A distance on the plane in words."""
    return next((words for limit, words in NEARNESS if distance < limit), "far off")


def bar_count(score: Score, bars: int) -> str:
    """How far a growing score is, `bars` being all bars of its form."""
    return f"bar {min(score.bars_begun, bars)} of {bars}" if bars else ""


def seconds(duration_s: float) -> str:
    """Such as "30 seconds" or "1 minute 30"."""
    whole = round(duration_s)
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{whole} seconds"
    unit = "minute" if minutes == 1 else "minutes"
    return f"{minutes} {unit} {rest}" if rest else f"{minutes} {unit}"


def prompt_parts(prompt: MusicPrompt) -> list[tuple[str, str]]:
    """What a prompt asks for, each part with its name."""
    return [
        ("mood", prompt.mood),
        ("genre", prompt.genre),
        ("tempo", f"{prompt.tempo_bpm:.0f} BPM"),
        ("key", prompt.mode),
        ("melody", prompt.melody),
        ("instruments", listed(prompt.instruments)),
    ]


def prompt_caption(prompt: MusicPrompt) -> str:
    """The asked-for music in one line."""
    with_instruments = f" with {listed(prompt.instruments)}" if prompt.instruments else ""
    return f"{prompt.mood.capitalize()} {prompt.genre}{with_instruments}, {prompt.tempo_bpm:.0f} BPM, {prompt.mode}."


def licence_sentence(licence: str) -> str:
    """What the licence of the weights means for the sound, where it matters to a visitor."""
    if licence == MUSICGEN_LICENCE:
        return f"Made with weights under {licence}: not for commercial use."
    return ""
