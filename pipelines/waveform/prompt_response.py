"""What a language model answered → a prompt that agrees with the emotion, or an error.

In: the raw response of a model that was asked in the paper's form. Out: :class:`pipelines.records.MusicPrompt` in two
lines. Echoes of the instruction, lists, addresses and the markup of lyrics go; only whole sentences stay. A tempo or
a mode that contradicts the emotion is put right in its place; a sentence that contradicts it otherwise goes. What is
missing after that is said in a sentence of our own, so that text and parts agree.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pipelines.errors import ModelFailedError
from pipelines.records import Emotion, MusicPrompt
from pipelines.waveform.grammar import article, listed
from pipelines.waveform.prompt_parse import BARE_TEMPO, Said, clean, complete, read, tempo_fits, tempo_in_numbers
from pipelines.waveform.prompt_parts import at_home, choices_for, misfits, moods_fit, tempo_for
from pipelines.waveform.prompt_text import pace_word
from pipelines.waveform.vocabulary import GENRES, MOODS

ECHO = re.compile(
    r"system message|instruction\s*:|response\s*:|you are an enhanced|generate a musical|image description|in 2 lines"
    r"|\buser\s*:|###|<\||```",
    re.IGNORECASE,
)
HEADS = re.compile(r"^\s*(?:[-*•>]+|\(?\d+[.)]|[A-Za-z ]{1,20}:)\s*")
MARKUP = re.compile(r"https?:|www\.|\.com\b|@|[\[\]{}<>|_#*=~\\]|\b(?:verse|chorus|lyrics)\b\s*[\d:)]", re.IGNORECASE)
LISTED = re.compile(
    r"^\W*(?:\d+[.)]\s*)?(mood|genre|tempo|key|mode|melody|instruments?|instrumentation)\s*[:–-]\s*(\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)
SENTENCE = re.compile(r"(?:[^.!?]|[.!?](?=\S))+[.!?]+(?=\s|$)")
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
FEWEST_WORDS, MOST_SENTENCES, LONGEST = 4, 3, 320


def prompt_of(response: str, emotion: Emotion, *, caption: str = "") -> MusicPrompt:
    """Make a prompt of a model's response.

    Raises:
        ModelFailedError: nothing in it is a whole sentence on music that agrees with the emotion.
    """
    kept = [put_right(sentence, emotion) for sentence in sentences(response, caption=caption)]
    kept = [sentence for sentence in kept if not contradicts(read(sentence), emotion)]
    while len(" ".join(kept)) > LONGEST or len(kept) > MOST_SENTENCES:
        kept.pop()
    said = read(" ".join(kept))
    if said == Said():
        kept, said = [], listed_parts(response, emotion)
    if said == Said():
        raise ModelFailedError("The language model's answer says nothing of music that fits the picture.")
    parts = complete(said, emotion)
    text = "\n".join(_lines(kept, said, parts))
    if misfits(parts, emotion) or complete(read(text), emotion) != parts:
        raise ModelFailedError("The language model's answer contradicts itself.")
    return replace(parts, text=text)


def _lines(kept: list[str], said: Said, parts: MusicPrompt) -> tuple[str, str]:
    """The sentences that were kept and what was missing in them; all in our own words where none was kept."""
    if not kept:
        return _kind(Said(), parts), _melody(Said(), parts)
    own = missing(said, parts)
    return (" ".join(kept), own) if own else (kept[0], " ".join(kept[1:]) or _pace(parts))


def listed_parts(response: str, emotion: Emotion) -> Said:
    """What a list such as "Mood: sad" says, one part a line, of those lines that agree with the emotion."""
    text = ECHO.split(clean(response), maxsplit=1)[0]
    lines = [f"{name} {put_right(value, emotion)}" for name, value in LISTED.findall(text)]
    return read("; ".join(line for line in lines if not contradicts(read(line), emotion)))


def sentences(response: str, *, caption: str = "") -> list[str]:
    """The whole sentences of a response before it echoes its instruction, each once, without the heads of lists."""
    text = ECHO.split(clean(response), maxsplit=1)[0].replace('"', "")
    found: dict[str, str] = {}
    for line in text.split("\n"):
        for match in SENTENCE.finditer(HEADS.sub("", line)):
            sentence = re.sub(r"\s+", " ", match[0]).strip()
            if _whole(sentence) and not _echoes(sentence, caption):
                found.setdefault(sentence.lower(), sentence[0].upper() + sentence[1:])
    return list(found.values())


def _whole(sentence: str) -> bool:
    """Whether it reads like a sentence: enough words, not the same again and again, no markup."""
    words = [word.lower() for word in WORD.findall(sentence)]
    varied = len(set(words)) * 5 >= len(words) * 3
    return len(words) >= FEWEST_WORDS and varied and not MARKUP.search(sentence) and sentence[0].isalpha()


def _echoes(sentence: str, caption: str) -> bool:
    """Whether a sentence only says the caption again."""
    words, known = set(WORD.findall(sentence.lower())), set(WORD.findall(caption.lower()))
    return len(words & known) * 5 >= len(words) * 4


def put_right(sentence: str, emotion: Emotion) -> str:
    """The sentence with a tempo in numbers and a mode that fit the emotion in place of those that do not."""
    said, choices = read(sentence), choices_for(emotion)
    number = tempo_in_numbers(sentence.lower())
    if number and said.tempo_bpm and not _in_range(said.tempo_bpm, choices.tempo_bpm):
        genre = said.genre if said.genre in choices.genres else choices.genres[0]
        unit = " BPM" if number.re is BARE_TEMPO else ""
        spans = [number.span(group + 1) for group, found in enumerate(number.groups()) if found]
        bpm = f"{tempo_for(emotion, genre):.0f}{unit}"
        sentence = sentence[: spans[0][0]] + bpm + sentence[spans[-1][1] :]
    if said.mode and said.mode not in choices.modes:
        sentence = re.sub(rf"\b{said.mode}\b", choices.modes[0], sentence, flags=re.IGNORECASE)
    return sentence


def _in_range(tempo_bpm: tuple[float, float], allowed: tuple[float, float]) -> bool:
    return allowed[0] <= tempo_bpm[0] and tempo_bpm[1] <= allowed[1]


def contradicts(said: Said, emotion: Emotion) -> bool:
    """Whether anything that was said does not fit the emotion."""
    choices = choices_for(emotion)
    moods = [mood for mood in MOODS if mood.word in said.moods]
    own = GENRES[said.genre].instruments if said.genre else ()
    fits = (
        moods_fit(moods, emotion),
        said.genre in (None, *choices.genres),
        said.mode in (None, *choices.modes),
        said.tempo_bpm is None or tempo_fits(said.tempo_bpm, emotion),
        said.contour in (None, *choices.contours),
        said.articulation in (None, *choices.articulations),
        said.register in (None, *choices.registers),
        all(name in own or at_home(name, emotion) for name in said.instruments),
    )
    return not all(fits)


def missing(said: Said, parts: MusicPrompt) -> str:
    """A sentence or two on the parts that were not said; "" where all were."""
    return " ".join(part for part in (_kind(said, parts), _melody(said, parts)) if part)


def _kind(said: Said, parts: MusicPrompt) -> str:
    """A sentence such as "A wistful folk tune in a minor key at 84 BPM", "" where nothing is missing."""
    named = said.tempo_bpm is not None and said.tempo_bpm[0] == said.tempo_bpm[1]
    mood = "" if said.moods else f"{parts.mood} "
    noun = "piece" if said.genre else GENRES[parts.genre].noun
    mode = "" if said.mode else f" in a {parts.mode} key"
    tempo = "" if named else f" at {parts.tempo_bpm:.0f} BPM"
    if said.moods and said.genre and not mode:
        return _pace(parts) if tempo else ""
    if not (mood or mode or tempo or not said.genre):
        return ""
    return f"{article(mood or noun).capitalize()} {mood}{noun}{mode}{tempo}."


def _pace(parts: MusicPrompt) -> str:
    return f"The tempo is {pace_word(parts.tempo_bpm)}, {parts.tempo_bpm:.0f} BPM."


def _melody(said: Said, parts: MusicPrompt) -> str:
    """A sentence such as "A falling, legato melody in the low register comes from the cello, with piano", or ""."""
    contour, articulation, register = parts.melody.split(", ")
    words = [w for w, known in ((contour, said.contour), (articulation, said.articulation)) if not known]
    lies = "" if said.register else f" in the {register}"
    if not words and not lies and said.instruments:
        return ""
    melody = f"{', '.join(words)} melody{lies}".strip()
    melody = f"{article(melody)} {melody}"
    if said.instruments:
        return f"It has {melody}."
    lead, *others = parts.instruments
    return f"{melody.capitalize()} comes from the {lead}{', with ' + listed(others) if others else ''}."
