"""The words that a music prompt may use, with what they mean in numbers: moods, genres, instruments, melodies.

The prompt writers choose among these words, the parser looks for them in a user's own text, and the ensemble plays
them. Valence and arousal lie on 1 to 9; tempi are in beats a minute; programs are those of General MIDI, from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

DRUMS = "drums"


@dataclass(frozen=True)
class Instrument:
    """An instrument by the name that prompts use, its General MIDI program, and other words for it.

    `family` is one of keys, plucked, bowed, wind, brass, voice, synth, mallet, bass, drums.
    """

    name: str
    program: int
    family: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Genre:
    """A genre: its usual tempi, instruments (the first leads), the feelings (labels) it suits, and its drum pattern.

    `beat` names the pattern of the percussion, "" for a genre without any.
    """

    name: str
    tempo_bpm: tuple[float, float]
    instruments: tuple[str, ...]
    labels: tuple[str, ...]
    beat: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mood:
    """A word for a mood and its place on the plane."""

    word: str
    valence: float
    arousal: float


def _named(*instruments: Instrument) -> dict[str, Instrument]:
    return {instrument.name: instrument for instrument in instruments}


INSTRUMENTS = _named(
    Instrument("piano", 0, "keys", ("grand piano", "pianos", "keyboard")),
    Instrument("electric piano", 4, "keys", ("rhodes", "e-piano")),
    Instrument("harpsichord", 6, "keys"),
    Instrument("celesta", 8, "mallet"),
    Instrument("glockenspiel", 9, "mallet", ("bells",)),
    Instrument("music box", 10, "mallet"),
    Instrument("vibraphone", 11, "mallet", ("vibes",)),
    Instrument("marimba", 12, "mallet", ("xylophone",)),
    Instrument("organ", 19, "keys", ("church organ", "pipe organ")),
    Instrument("accordion", 21, "keys", ("concertina",)),
    Instrument("acoustic guitar", 24, "plucked", ("guitar", "guitars", "nylon guitar", "ukulele", "classical guitar")),
    Instrument("electric guitar", 27, "plucked", ("clean guitar", "electric guitars")),
    Instrument("distorted guitar", 30, "plucked", ("distorted guitars", "heavy guitar", "heavy guitars")),
    Instrument("double bass", 32, "bass", ("upright bass", "contrabass", "acoustic bass")),
    Instrument("electric bass", 33, "bass", ("bass guitar", "bass")),
    Instrument("synth bass", 38, "bass"),
    Instrument("violin", 40, "bowed", ("fiddle", "violins")),
    Instrument("viola", 41, "bowed"),
    Instrument("cello", 42, "bowed", ("cellos", "violoncello")),
    Instrument("pizzicato strings", 45, "plucked", ("pizzicato",)),
    Instrument("harp", 46, "plucked", ("harps",)),
    Instrument("timpani", 47, "drums", ("kettledrums",)),
    Instrument("strings", 48, "bowed", ("string section", "string quartet", "string orchestra", "orchestra")),
    Instrument("choir", 52, "voice", ("voices", "vocals", "chorus")),
    Instrument("trumpet", 56, "brass", ("trumpets",)),
    Instrument("trombone", 57, "brass", ("trombones",)),
    Instrument("french horn", 60, "brass", ("horn", "horns", "french horns")),
    Instrument("brass", 61, "brass", ("brass section",)),
    Instrument("saxophone", 65, "wind", ("sax", "alto sax", "tenor sax")),
    Instrument("oboe", 68, "wind"),
    Instrument("bassoon", 70, "wind"),
    Instrument("clarinet", 71, "wind"),
    Instrument("flute", 73, "wind", ("flutes", "whistle", "recorder")),
    Instrument("pan flute", 75, "wind", ("panpipes",)),
    Instrument("synth lead", 81, "synth", ("synth", "synthesizer", "synths", "synthesizers")),
    Instrument("synth pad", 89, "synth", ("pad", "pads", "synth pads", "warm pad")),
    Instrument(DRUMS, 0, "drums", ("drum", "percussion", "drum kit", "beat", "beats")),
)

GENRES = {
    genre.name: genre
    for genre in (
        Genre("classical", (60, 132), ("strings", "piano", "flute"), ("Happy", "Neutral", "Sad"), "", ("orchestral",)),
        Genre("chamber music", (54, 112), ("violin", "cello", "piano"), ("Sad", "Neutral", "Happy"), "", ("chamber",)),
        Genre("cinematic", (56, 140), ("french horn", "strings", "timpani"), ("Angry", "Sad", "Neutral"), "epic", ("film score", "soundtrack", "epic")),
        Genre("ambient", (50, 84), ("synth pad", "piano", "harp"), ("Neutral", "Sad", "Happy"), "", ("new age", "meditation", "drone")),
        Genre("lullaby", (54, 84), ("music box", "harp", "strings"), ("Neutral", "Happy", "Sad"), "", ("cradle song",)),
        Genre("folk", (76, 132), ("acoustic guitar", "flute", "double bass"), ("Happy", "Neutral", "Fun"), "light", ("acoustic", "country", "celtic")),
        Genre("bossa nova", (92, 132), ("acoustic guitar", "flute", "double bass", DRUMS), ("Happy", "Neutral"), "bossa", ("bossa", "latin", "samba")),
        Genre("jazz", (76, 168), ("saxophone", "piano", "double bass", DRUMS), ("Fun", "Happy", "Neutral", "Sad"), "swing", ("swing", "blues")),
        Genre("lo-fi", (66, 90), ("electric piano", "electric bass", DRUMS), ("Neutral", "Sad"), "lofi", ("lofi", "chillout", "hip hop", "hip-hop")),
        Genre("pop", (92, 132), ("piano", "electric guitar", "electric bass", DRUMS), ("Happy", "Fun"), "pop", ("soft pop", "indie")),
        Genre("funk", (96, 124), ("electric piano", "brass", "electric bass", DRUMS), ("Fun",), "funk", ("soul", "disco")),
        Genre("ragtime", (100, 168), ("piano", "clarinet", "double bass"), ("Fun",), "", ("circus", "cabaret")),
        Genre("rock", (104, 168), ("electric guitar", "distorted guitar", "electric bass", DRUMS), ("Angry", "Fun"), "rock", ("hard rock", "punk")),
        Genre("metal", (112, 180), ("distorted guitar", "electric bass", DRUMS), ("Angry",), "metal", ("heavy metal", "thrash")),
        Genre("electronic", (96, 150), ("synth lead", "synth pad", "synth bass", DRUMS), ("Fun", "Happy", "Angry"), "electronic", ("techno", "house", "edm", "dance", "trance")),
    )
}  # fmt: skip

MOODS = tuple(
    Mood(word, valence, arousal)
    for word, valence, arousal in (
        ("serene", 7.0, 2.2), ("peaceful", 7.0, 2.5), ("tender", 6.6, 3.2), ("warm", 7.0, 4.0), ("content", 6.8, 3.8),
        ("happy", 7.6, 5.8), ("cheerful", 7.8, 6.2), ("bright", 7.2, 5.6), ("radiant", 8.2, 6.4), ("hopeful", 6.8, 5.0),
        ("playful", 7.0, 7.2), ("joyful", 8.0, 7.2), ("lively", 6.8, 7.4), ("exuberant", 7.8, 8.4), ("exciting", 6.6, 8.2),
        ("calm", 5.6, 2.2), ("quiet", 5.2, 2.0), ("dreamy", 5.8, 2.8), ("thoughtful", 5.0, 3.6), ("balanced", 5.2, 4.6),
        ("curious", 5.4, 5.4), ("restless", 4.6, 6.4), ("dramatic", 4.4, 7.2), ("driving", 5.4, 7.8),
        ("wistful", 4.2, 3.2), ("melancholic", 3.2, 3.2), ("sad", 2.6, 3.2), ("mournful", 1.8, 2.6), ("lonely", 2.8, 2.4),
        ("sombre", 3.0, 3.8), ("bleak", 2.0, 3.4), ("dark", 2.6, 4.8), ("uneasy", 3.4, 5.4), ("tense", 3.2, 6.6),
        ("anxious", 2.8, 6.8), ("angry", 2.2, 7.6), ("menacing", 2.2, 6.6), ("furious", 1.6, 8.4), ("violent", 1.4, 8.0),
    )
)  # fmt: skip
