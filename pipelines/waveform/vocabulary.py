"""The words that a music prompt may use, with what they mean in numbers: moods, genres, instruments, melodies.

The prompt writers choose among these words, the parser looks for them in a user's own text, and the ensemble plays
them. Valence and arousal lie on 1 to 9; tempi are in beats a minute; programs are those of General MIDI, from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

DRUMS = "drums"
LONGEST_TEXT = 500  # characters of a caption or a prompt


@dataclass(frozen=True)
class Instrument:
    """An instrument by the name that prompts use, its General MIDI program, and other words for it.

    `family` is one of keys, plucked, bowed, wind, brass, voice, synth, mallet, bass, drums. `arousal` is the range in
    which its sound is at home: a music box does not rage.
    """

    name: str
    program: int
    family: str
    aliases: tuple[str, ...] = ()
    arousal: tuple[float, float] = (1.0, 9.0)


@dataclass(frozen=True)
class Genre:
    """A genre: its usual tempi, instruments (the first leads), the feelings (labels) it suits, and its drum pattern.

    `beat` names the pattern of the percussion, "" for a genre without any. `noun` is what a sentence calls a piece of
    it; `guests` are instruments that may join for a picture's sake.
    """

    name: str
    tempo_bpm: tuple[float, float]
    instruments: tuple[str, ...]
    labels: tuple[str, ...]
    beat: str = ""
    aliases: tuple[str, ...] = ()
    noun: str = ""
    guests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mood:
    """A word for a mood, its place on the plane, and other words for it."""

    word: str
    valence: float
    arousal: float
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class MelodyWord:
    """A word for how a melody moves, is touched, or lies, its place on the plane, and other words for it."""

    word: str
    valence: float
    arousal: float
    aliases: tuple[str, ...] = ()


def _named(*instruments: Instrument) -> dict[str, Instrument]:
    return {instrument.name: instrument for instrument in instruments}


INSTRUMENTS = _named(
    Instrument("piano", 0, "keys", ("grand piano", "pianos", "keyboard")),
    Instrument("electric piano", 4, "keys", ("rhodes", "e-piano"), (1.5, 7.5)),
    Instrument("harpsichord", 6, "keys", (), (3.5, 8.5)),
    Instrument("celesta", 8, "mallet", ("celeste",), (1.0, 5.5)),
    Instrument("glockenspiel", 9, "mallet", ("bells",), (1.5, 7.5)),
    Instrument("music box", 10, "mallet", (), (1.0, 4.5)),
    Instrument("vibraphone", 11, "mallet", ("vibes",), (1.5, 6.5)),
    Instrument("marimba", 12, "mallet", ("xylophone",), (3.5, 8.5)),
    Instrument("organ", 19, "keys", ("church organ", "pipe organ")),
    Instrument("accordion", 21, "keys", ("concertina",), (2.0, 8.5)),
    Instrument("acoustic guitar", 24, "plucked", ("guitar", "guitars", "ukulele", "classical guitar"), (1.0, 8.0)),
    Instrument("electric guitar", 27, "plucked", ("clean guitar", "electric guitars"), (3.0, 9.0)),
    Instrument("distorted guitar", 30, "plucked", ("distorted guitars", "heavy guitar", "heavy guitars"), (5.5, 9.0)),
    Instrument("double bass", 32, "bass", ("upright bass", "contrabass", "acoustic bass")),
    Instrument("electric bass", 33, "bass", ("bass guitar", "bass", "bassline", "bass line")),
    Instrument("synth bass", 38, "bass"),
    Instrument("violin", 40, "bowed", ("fiddle", "violins")),
    Instrument("viola", 41, "bowed", (), (1.0, 6.5)),
    Instrument("cello", 42, "bowed", ("cellos", "violoncello")),
    Instrument("pizzicato strings", 45, "plucked", ("pizzicato",), (4.0, 8.0)),
    Instrument("harp", 46, "plucked", ("harps",), (1.0, 6.0)),
    Instrument("timpani", 47, "drums", ("kettledrums",), (4.5, 9.0)),
    Instrument("strings", 48, "bowed", ("string section", "string quartet", "string orchestra", "orchestra")),
    Instrument("choir", 52, "voice", ("voices", "vocals", "chorus")),
    Instrument("trumpet", 56, "brass", ("trumpets",), (4.0, 9.0)),
    Instrument("trombone", 57, "brass", ("trombones",), (3.5, 9.0)),
    Instrument("french horn", 60, "brass", ("horn", "horns", "french horns"), (2.5, 9.0)),
    Instrument("brass", 61, "brass", ("brass section",), (5.0, 9.0)),
    Instrument("saxophone", 65, "wind", ("sax", "alto sax", "tenor sax"), (2.0, 9.0)),
    Instrument("oboe", 68, "wind", (), (1.5, 6.0)),
    Instrument("bassoon", 70, "wind", (), (1.5, 7.0)),
    Instrument("clarinet", 71, "wind", (), (1.5, 8.5)),
    Instrument("flute", 73, "wind", ("flutes", "whistle", "recorder"), (1.0, 7.5)),
    Instrument("pan flute", 75, "wind", ("panpipes",), (1.0, 6.0)),
    Instrument("synth lead", 81, "synth", ("synth", "synthesizer", "synths", "synthesizers"), (4.0, 9.0)),
    Instrument("synth pad", 89, "synth", ("pad", "pads", "synth pads", "warm pad")),
    Instrument(DRUMS, 0, "drums", ("drum", "percussion", "drum kit", "beat", "beats"), (3.5, 9.0)),
)  # fmt: skip

GENRES = {
    genre.name: genre
    for genre in (
        Genre(
            "classical", (60, 132), ("strings", "piano", "flute"), ("Happy", "Neutral", "Sad"), "",
            ("orchestral",), "classical piece",
            ("oboe", "clarinet", "harp", "french horn", "cello", "trumpet", "choir", "organ"),
        ),
        Genre(
            "chamber music", (54, 112), ("violin", "cello", "piano"), ("Sad", "Neutral", "Happy"), "",
            ("chamber",), "chamber piece",
            ("viola", "oboe", "clarinet", "harp", "flute", "bassoon", "harpsichord", "organ", "choir"),
        ),
        Genre(
            "cinematic", (56, 140), ("french horn", "strings", "timpani"), ("Angry", "Sad", "Neutral"), "epic",
            ("film score", "soundtrack", "epic"), "cinematic score",
            ("cello", "choir", "brass", "piano", "organ", "synth pad"),
        ),
        Genre(
            "ambient", (50, 84), ("synth pad", "piano", "harp"), ("Neutral", "Sad", "Happy"), "",
            ("new age", "meditation", "drone"), "ambient piece",
            ("pan flute", "choir", "celesta", "cello", "vibraphone"),
        ),
        Genre(
            "lullaby", (54, 84), ("music box", "harp", "strings"), ("Neutral", "Happy", "Sad"), "",
            ("cradle song",), "lullaby", ("celesta", "flute", "acoustic guitar", "glockenspiel", "clarinet"),
        ),
        Genre(
            "folk", (76, 132), ("acoustic guitar", "flute", "double bass"), ("Happy", "Neutral", "Fun"), "light",
            ("acoustic", "country", "celtic"), "folk tune", ("violin", "accordion", "harp", "pan flute", "clarinet"),
        ),
        Genre(
            "bossa nova", (92, 132), ("acoustic guitar", "flute", "double bass", DRUMS), ("Happy", "Neutral"), "bossa",
            ("bossa", "latin", "samba"), "bossa nova", ("saxophone", "piano", "vibraphone", "marimba"),
        ),
        Genre(
            "jazz", (76, 168), ("saxophone", "piano", "double bass", DRUMS), ("Fun", "Happy", "Neutral", "Sad"),
            "swing", ("swing", "blues"), "jazz tune", ("trumpet", "clarinet", "vibraphone", "trombone"),
        ),
        Genre(
            "lo-fi", (66, 90), ("electric piano", "electric bass", DRUMS), ("Neutral", "Sad"), "lofi",
            ("lofi", "chillout", "hip hop", "hip-hop"), "lo-fi track",
            ("vibraphone", "acoustic guitar", "flute", "saxophone"),
        ),
        Genre(
            "pop", (92, 132), ("piano", "electric guitar", "electric bass", DRUMS), ("Happy", "Fun"), "pop",
            ("soft pop", "indie"), "pop song", ("acoustic guitar", "strings", "glockenspiel", "synth lead"),
        ),
        Genre(
            "funk", (96, 124), ("electric piano", "brass", "electric bass", DRUMS), ("Fun",), "funk",
            ("soul", "disco"), "funk groove", ("saxophone", "electric guitar", "trumpet"),
        ),
        Genre(
            "ragtime", (100, 168), ("piano", "clarinet", "double bass"), ("Fun",), "",
            ("circus", "cabaret"), "ragtime number", ("accordion", "trumpet", "trombone", "violin"),
        ),
        Genre(
            "rock", (104, 168), ("electric guitar", "distorted guitar", "electric bass", DRUMS), ("Angry", "Fun"),
            "rock", ("hard rock", "punk"), "rock song", ("organ", "piano", "synth lead"),
        ),
        Genre(
            "metal", (112, 180), ("distorted guitar", "electric bass", DRUMS), ("Angry",), "metal",
            ("heavy metal", "thrash"), "metal track", ("electric guitar", "choir", "organ", "strings"),
        ),
        Genre(
            "electronic", (96, 150), ("synth lead", "synth pad", "synth bass", DRUMS), ("Fun", "Happy", "Angry"),
            "electronic", ("techno", "house music", "deep house", "edm", "dance", "trance"), "electronic track",
            ("marimba", "electric piano", "choir", "glockenspiel"),
        ),
    )
}  # fmt: skip

MOODS = tuple(
    Mood(word, valence, arousal, aliases)
    for word, valence, arousal, aliases in (
        ("serene", 7.0, 2.2, ("tranquil", "serenity")), ("peaceful", 7.0, 2.5, ("peace", "restful")),
        ("tender", 6.6, 3.2, ("romantic", "loving", "gentle")), ("warm", 7.0, 4.0, ("cosy", "cozy")),
        ("content", 6.8, 3.8, ("contented", "pleasant")), ("happy", 7.6, 5.8, ("happiness", "glad")),
        ("cheerful", 7.8, 6.2, ("upbeat", "merry", "jolly")), ("bright", 7.2, 5.6, ("sunny",)),
        ("radiant", 8.2, 6.4, ("triumphant", "uplifting")), ("hopeful", 6.8, 5.0, ("hope", "optimistic")),
        ("playful", 7.0, 7.2, ("fun", "funny", "humorous", "mischievous")), ("joyful", 8.0, 7.2, ("joy", "joyous")),
        ("lively", 6.8, 7.4, ("vivid", "spirited")), ("exuberant", 7.8, 8.4, ("euphoric", "ecstatic", "jubilant")),
        ("exciting", 6.6, 8.2, ("excited", "energetic", "thrilling", "excitement")),
        ("calm", 5.6, 2.2, ("calming", "relaxing", "relaxed", "soothing")), ("quiet", 5.2, 2.0, ("hushed",)),
        ("dreamy", 5.8, 2.8, ("ethereal", "dreamlike", "dreaming")), ("balanced", 5.2, 4.6, ("neutral",)),
        ("thoughtful", 5.0, 3.6, ("pensive", "contemplative", "reflective", "introspective")),
        ("curious", 5.4, 5.4, ("mysterious", "mystery")), ("restless", 4.6, 6.4, ("nervous", "agitated")),
        ("dramatic", 4.4, 7.2, ("intense", "stormy")), ("driving", 5.4, 7.8, ("powerful", "energised", "energized")),
        ("wistful", 4.2, 3.2, ("nostalgic", "bittersweet", "longing")),
        ("melancholic", 3.2, 3.2, ("melancholy",)), ("sad", 2.6, 3.2, ("sorrowful", "sadness", "sorrow")),
        ("mournful", 1.8, 2.6, ("grieving", "grief", "funereal")),
        ("lonely", 2.8, 2.4, ("loneliness", "desolate", "lonesome")),
        ("sombre", 3.0, 3.8, ("somber", "gloomy", "solemn")), ("bleak", 2.0, 3.4, ("hopeless", "despairing")),
        ("dark", 2.6, 4.8, ("brooding", "sinister")), ("uneasy", 3.4, 5.4, ("eerie", "haunting", "unsettling")),
        ("tense", 3.2, 6.6, ("tension", "suspenseful")),
        ("anxious", 2.8, 6.8, ("fearful", "scary", "frightening", "fear")),
        ("angry", 2.2, 7.6, ("anger", "aggressive")), ("menacing", 2.2, 6.6, ("threatening", "ominous")),
        ("furious", 1.6, 8.4, ("rage", "raging", "fury")), ("violent", 1.4, 8.0, ("brutal",)),
    )
)  # fmt: skip

# Where a melody goes, how it is touched, and where it lies.
CONTOURS = (
    MelodyWord("falling", 2.6, 3.0, ("descending", "sinking", "falls", "sinks", "descends")),
    MelodyWord("hovering", 4.6, 2.4, ("static", "hovers", "sparse", "floating", "floats")),
    MelodyWord("stepwise", 6.2, 3.2, ("by step", "conjunct")),
    MelodyWord("arching", 6.4, 4.6, ("arch-shaped", "rises and falls", "wave-like", "swaying")),
    MelodyWord("circling", 4.4, 5.4, ("circles", "repeating", "repetitive", "revolving")),
    MelodyWord("rising", 7.4, 6.4, ("ascending", "climbing", "soaring", "rises", "climbs", "soars")),
    MelodyWord("leaping", 7.2, 8.0, ("jumping", "skipping", "leaps", "wide leaps", "bouncing")),
    MelodyWord("jagged", 2.4, 7.6, ("angular", "zigzag", "stabbing")),
)
ARTICULATIONS = (
    MelodyWord("legato", 3.8, 2.6, ("smooth", "sustained", "smoothly")),
    MelodyWord("singing", 6.2, 3.8, ("lyrical", "cantabile", "flowing", "expressive")),
    MelodyWord("detached", 4.6, 5.6, ("non legato", "portato", "separated")),
    MelodyWord("staccato", 7.4, 7.2, ("crisp", "short notes", "clipped")),
    MelodyWord("marcato", 3.0, 8.0, ("accented", "hammered", "pounding", "sharp accents")),
)
REGISTERS = (
    MelodyWord("low register", 2.6, 4.4, ("low-register", "low range", "deep register", "low notes", "low voice")),
    MelodyWord("middle register", 5.0, 4.4, ("mid register", "middle range", "mid-range")),
    MelodyWord("high register", 7.6, 6.0, ("high range", "upper register", "high notes", "high-register")),
)
