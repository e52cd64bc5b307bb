"""A prompt's instruments in, a cast out: who leads, accompanies, plays chords, bass and drums, on which channel.

What the prompt names is heard: whatever is left after lead, accompaniment, pad and bass leads in a contrasting section
or answers the melody. What it leaves open is filled as the genre would (`arrange_styles.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.records import MusicPrompt
from pipelines.waveform.arrange_styles import Style, style_of
from pipelines.waveform.drums import SOFT
from pipelines.waveform.instruments import BASS, COMP, KIT, LEAD, PAD, PLAYING, TIMPANI, Playing
from pipelines.waveform.vocabulary import DRUMS, GENRES, INSTRUMENTS

DRUM_CHANNEL = 9
SECOND = "second"
MOST_SECONDS = 3
# Loudness of each part beside the lead when all play at one velocity.
LEVEL_DB = {LEAD: 0.0, SECOND: -0.5, COMP: -2.0, PAD: -8.5, BASS: -3.0, TIMPANI: -7.0, KIT: -3.0}
SOFT_KIT_DB = -1.0
SLOW_BASS_DB_PER_S = 28.0


@dataclass(frozen=True)
class Part:
    """A voice of the ensemble: its role, instrument, General MIDI program and channel (9 the drums), level in dB."""

    role: str
    instrument: str
    program: int
    channel: int
    level_db: float

    @property
    def playing(self) -> Playing:
        """How the instrument is played."""
        return PLAYING[self.instrument]


@dataclass(frozen=True)
class Cast:
    """All parts; `lead`, `comp`, `pad`, `bass`, `timpani`, `drums` index them, None for nobody, `seconds` the rest."""

    parts: tuple[Part, ...]
    lead: int
    seconds: tuple[int, ...]
    comp: int | None
    pad: int | None
    bass: int | None
    timpani: int | None
    drums: int | None
    beat: str


def cast_for(prompt: MusicPrompt) -> Cast:
    """Choose the parts for a prompt; names that the vocabulary lacks are passed over."""
    style = style_of(prompt.genre)
    names = [name for name in dict.fromkeys(prompt.instruments) if name in PLAYING]
    lead = _lead(names, style)
    comp = _comp(names, lead, style)
    pad = _pad(names, (lead, comp), style)
    bass = next((name for name in names if INSTRUMENTS[name].family == "bass"), style.bass_by)
    beat = _beat(prompt.genre, names)
    seconds = _seconds(names, lead, comp, pad)
    roles = [(LEAD, lead), *((SECOND, name) for name in seconds), (COMP, comp), (PAD, pad), (BASS, bass)]
    roles += [(TIMPANI, "timpani" if "timpani" in names else ""), (KIT, DRUMS if beat else "")]
    parts = tuple(_parts(roles, style, beat))
    return _indexed(parts, beat)


def _lead(names: Sequence[str], style: Style) -> str:
    """The first that leads by nature; else the first that can; else the genre's."""
    able = [name for name in names if PLAYING[name].can(LEAD)]
    natural = [name for name in able if PLAYING[name].roles[0] != PAD]
    return next(iter([*natural, *able]), style.lead_by)


def _comp(names: Sequence[str], lead: str, style: Style) -> str:
    """Another than the lead that can accompany; else the lead itself if it can; else the genre's."""
    able = [name for name in names if PLAYING[name].can(COMP)]
    others = [name for name in able if name != lead]
    return next(iter([*others, *able]), style.comp_by)


def _pad(names: Sequence[str], taken: Sequence[str], style: Style) -> str:
    able = [name for name in names if PLAYING[name].can(PAD) and name not in taken]
    return next(iter(able), style.pad_by)


def _seconds(names: Sequence[str], lead: str, comp: str, pad: str) -> list[str]:
    """Who leads where the lead rests: those without a part, else the pad or the accompaniment if the prompt has it."""
    able = [name for name in names if PLAYING[name].can(LEAD) and name != lead]
    free = [name for name in able if name not in (comp, pad)]
    busy = [name for name in able if name in (comp, pad)]
    return (free or busy)[:MOST_SECONDS]


def _beat(genre: str, names: Sequence[str]) -> str:
    """The genre's drum pattern; a light one where the prompt asks for drums and the genre has none."""
    known = GENRES.get(genre)
    beat = known.beat if known else ""
    return beat or ("light" if DRUMS in names else "")


def _parts(roles: Sequence[tuple[str, str]], style: Style, beat: str) -> Iterator[Part]:
    channels = iter([channel for channel in range(16) if channel != DRUM_CHANNEL])
    for role, name in roles:
        if not name:
            continue
        level = LEVEL_DB[role] + {COMP: style.comp_db, PAD: style.pad_db, KIT: style.kit_db}.get(role, 0.0)
        if role == BASS:  # who speaks slowly is measured too soft for notes as long as the bass's
            level -= SLOW_BASS_DB_PER_S * PLAYING[name].attack_s
        if role == KIT:
            level += SOFT_KIT_DB if beat in SOFT else 0.0
            yield Part(role, name, style.kit, DRUM_CHANNEL, level)
        else:
            program = style.program(name, INSTRUMENTS[name].program)
            yield Part(role, name, program, next(channels), level)


def _indexed(parts: tuple[Part, ...], beat: str) -> Cast:
    roles = [part.role for part in parts]

    def find(role: str) -> int | None:
        return roles.index(role) if role in roles else None

    seconds = tuple(i for i, role in enumerate(roles) if role == SECOND)
    return Cast(parts, 0, seconds, find(COMP), find(PAD), find(BASS), find(TIMPANI), find(KIT), beat)
