"""Plain words for points on the plane of valence and arousal (1 to 9), for music prompts, times and counts.

All are messages of :mod:`page.texts`, but :func:`prompt_caption`, whose words are the prompt's own: English.
"""

from __future__ import annotations

from page.texts import joined, say
from pipelines.catalogue import MUSICGEN_LICENCE
from pipelines.records import Emotion, MusicPrompt, Score
from pipelines.waveform.grammar import listed

LOW, HIGH = 4.2, 5.8  # between them lies the middle third of what pictures and music reach
WORDS = (
    ("feeling.sad_calm", "feeling.quiet_calm", "feeling.tender_calm"),
    ("feeling.sad", "feeling.even", "feeling.glad"),
    ("feeling.tense", "feeling.lively", "feeling.joyful"),
)  # by arousal, then by valence
TRAITS = ("mostly low", "mostly high", "soft", "loud", "sparse", "busy", "growing denser", "thinning out")
NEARNESS = ((0.7, "nearness.very_close"), (1.4, "nearness.close"), (2.4, "nearness.some_way_off"))


def feeling(valence: float, arousal: float) -> str:
    """Such as "sad and calm"."""
    return say(WORDS[_third(arousal)][_third(valence)])


def _third(value: float) -> int:
    return 0 if value < LOW else 2 if value > HIGH else 1


def picture_sentence(emotion: Emotion) -> str:
    """What was read in the picture, with how sure the reader is."""
    return say(
        "feeling.sentence",
        feeling=feeling(emotion.valence, emotion.arousal),
        valence=emotion.valence,
        valence_sd=emotion.valence_sd,
        arousal=emotion.arousal,
        arousal_sd=emotion.arousal_sd,
    )


def chosen_sentence(emotion: Emotion) -> str:
    """What the visitor chose instead."""
    words = feeling(emotion.valence, emotion.arousal)
    return say("feeling.chosen", feeling=words, valence=emotion.valence, arousal=emotion.arousal)


def heard_sentence(wanted: Emotion, heard: Emotion, music: str | None = None, *, by_prompt: bool = False) -> str:
    """What was asked for, by the visitor's own prompt or not, what is heard in `music`, and how far they lie apart."""
    asked, got = feeling(wanted.valence, wanted.arousal), feeling(heard.valence, heard.arousal)
    distance = wanted.distance(heard)
    key = "heard.by_prompt" if by_prompt else "heard.sentence"
    key = f"{key}_same" if asked == got else key
    heard_in = music or say("lane.the_music")
    return say(key, asked=asked, music=heard_in, got=got, distance=distance, nearness=nearness(distance))


def nearness(distance: float) -> str:
    """A distance on the plane in words."""
    return say(next((words for limit, words in NEARNESS if distance < limit), "nearness.far_off"))


def bar_count(score: Score, bars: int) -> str:
    """How far a growing score is, `bars` being all bars of its form."""
    return say("status.bar", bar=min(score.bars_begun, bars), bars=bars) if bars else ""


def key_name(score: Score) -> str:
    """The key of a score, such as "A minor"."""
    return say(f"key.{score.key_name.lower().replace(' ', '_')}")


def score_sentence(score: Score, *, spoken: bool = False) -> str:
    """The music in one sentence, as :func:`pipelines.symbolic.piano_roll.describe` tells it; `spoken` without signs."""
    from pipelines.symbolic.piano_roll import describe

    told = describe(score)
    if not score.notes:
        return say("music.none")
    traits = (
        say(f"music.{word.replace(' ', '_')}")
        for word in TRAITS
        if word in told.partition(";")[0].rstrip(".").split(", ")
    )
    form = " ".join(section.name for section in score.sections) if len(score.sections) > 1 else ""
    metre = {"n": score.bar_count, "metre": f"{score.beats_per_bar}/4", "bpm": round(score.tempo_bpm)}
    said = joined(
        say("music.bars_spoken" if spoken else "music.bars", **metre, key=key_name(score)),
        *traits,
        between="list.commas",
    )
    return say("music.with_form", music=said, form=form) if form else say("music.whole", music=said)


def label_name(label: str) -> str:
    """One of :data:`pipelines.records.LABELS` for a person."""
    return say(f"label.{label.lower()}")


def seconds(duration_s: float) -> str:
    """Such as "30 seconds" or "1 minute 30"."""
    minutes, rest = divmod(round(duration_s), 60)
    if not minutes:
        return say("length.seconds", n=rest)
    return say("length.minutes_seconds", n=minutes, seconds=rest) if rest else say("length.minutes", n=minutes)


def prompt_parts(prompt: MusicPrompt) -> list[tuple[str, str]]:
    """What a prompt asks for, each part with its name."""
    return [
        (say("prompt.mood"), prompt.mood),
        (say("prompt.genre"), prompt.genre),
        (say("prompt.tempo"), say("prompt.bpm", bpm=round(prompt.tempo_bpm))),
        (say("prompt.key"), say(f"mode.{prompt.mode}")),
        (say("prompt.melody"), prompt.melody),
        (say("prompt.instruments"), listed(prompt.instruments)),
    ]


def parts_said(prompt: MusicPrompt) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The parts of a prompt of the visitor's own that its text says, and those that the band chose to go with them."""
    from pipelines.waveform.prompt_parse import read

    said = read(prompt.text)
    melody, words = prompt.melody.split(", "), (said.contour, said.articulation, said.register)
    mood, genre, tempo, key, *_ = prompt_parts(prompt)
    single = [(mood, said.moods), (genre, said.genre), (tempo, said.tempo_bpm), (key, said.mode)]
    both = [[part for part, wish in single if bool(wish) == by_text] for by_text in (True, False)]
    for parts, by_text in zip(both, (True, False), strict=True):
        parts.append((say("prompt.melody"), ", ".join(word for word in melody if (word in words) == by_text)))
        names = tuple(name for name in prompt.instruments if (name in said.instruments) == by_text)
        parts.append((say("prompt.instruments"), listed(names) if names else ""))
    asked, chosen = ([(name, text) for name, text in parts if text] for parts in both)
    return asked, chosen


def prompt_caption(prompt: MusicPrompt) -> str:
    """The asked-for music in one line."""
    with_instruments = f" with {listed(prompt.instruments)}" if prompt.instruments else ""
    return f"{prompt.mood.capitalize()} {prompt.genre}{with_instruments}, {prompt.tempo_bpm:.0f} BPM, {prompt.mode}."


def licence_sentence(licence: str) -> str:
    """What the licence of the weights means for the sound, where it matters to a visitor."""
    if licence == MUSICGEN_LICENCE:
        return say("wave.licence", licence=licence)
    return ""
