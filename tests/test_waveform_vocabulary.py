"""The words of a prompt: each means one thing, and genres name instruments that exist."""

from collections import Counter

from pipelines.records import LABELS
from pipelines.waveform.prompt_images import IMAGES, SUGGESTED
from pipelines.waveform.prompt_parse import MODES, TEMPO_WORDS, Said, read
from pipelines.waveform.prompt_text import FASTEST, LOUDNESS, PACES
from pipelines.waveform.vocabulary import ARTICULATIONS, CONTOURS, DRUMS, GENRES, INSTRUMENTS, MOODS, REGISTERS

FAMILIES = {"keys", "plucked", "bowed", "wind", "brass", "voice", "synth", "mallet", "bass", "drums"}


def test_no_word_means_two_things() -> None:
    melody = (*CONTOURS, *ARTICULATIONS, *REGISTERS)
    words = [w for i in INSTRUMENTS.values() for w in (i.name, *i.aliases)]
    words += [w for g in GENRES.values() for w in (g.name, *g.aliases)]
    words += [w for mood in (*MOODS, *melody) for w in (mood.word, *mood.aliases)]
    words += [w for mode, others in MODES.items() for w in (mode, *others)]
    words += [w for terms in TEMPO_WORDS.values() for w in terms]
    assert [word for word, count in Counter(words).items() if count > 1] == []
    assert [word for word in words if word != word.lower()] == []


def test_instruments_are_those_of_general_midi() -> None:
    for name, instrument in INSTRUMENTS.items():
        assert instrument.name == name
        assert 0 <= instrument.program <= 127
        assert instrument.family in FAMILIES
        assert 1 <= instrument.arousal[0] < instrument.arousal[1] <= 9
    assert len({i.program for i in INSTRUMENTS.values() if i.name != DRUMS}) == len(INSTRUMENTS) - 1


def test_genres_have_instruments_and_labels_that_exist() -> None:
    for genre in GENRES.values():
        assert set(genre.instruments) | set(genre.guests) <= set(INSTRUMENTS)
        assert not set(genre.instruments) & set(genre.guests)
        assert set(genre.labels) <= set(LABELS)
        assert 40 <= genre.tempo_bpm[0] < genre.tempo_bpm[1] <= 180
        assert read(genre.noun).genre == genre.name
        assert bool(genre.beat) or DRUMS not in genre.instruments
    for label in LABELS:
        assert sum(label in genre.labels for genre in GENRES.values()) >= 4


def test_moods_and_melodies_lie_on_the_plane() -> None:
    for word in (*MOODS, *CONTOURS, *ARTICULATIONS, *REGISTERS):
        assert 1 <= word.valence <= 9
        assert 1 <= word.arousal <= 9


def test_likenesses_say_nothing_that_the_parser_would_take_for_music() -> None:
    assert {image.text: read(f"like {image.text}.") for image in IMAGES if read(f"like {image.text}.") != Said()} == {}
    assert set(SUGGESTED) <= set(INSTRUMENTS)


def test_words_for_loudness_and_pace_read_back() -> None:
    assert [words for kind in LOUDNESS.values() for words in kind if read(words) != Said()] == []
    for _, word in PACES:
        assert read(word).tempo_bpm is not None
    assert read(FASTEST).tempo_bpm == (156.0, 184.0)
