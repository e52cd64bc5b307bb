"""The composer's grammar: tables, round trips, and agreement with MidiTok's Octuple."""

import numpy as np
import pytest

from pipelines.records import Note
from pipelines.symbolic.events import (
    DURATIONS,
    GRID,
    PITCH_LOW,
    TEMPI_BPM,
    VELOCITIES,
    Header,
    decode,
    encode,
    home_shift,
    onsets,
    transpose,
)
from pipelines.symbolic.key import Key

TUNE = [
    Note(0.0, 48, 4.0, 79),
    Note(0.0, 64, 1.0, 95),
    Note(1.0, 67, 0.5, 87),
    Note(1.5, 65, 1 / 3, 87),
    Note(4.0, 60, 2.0, 71),
    Note(8.25, 62, 0.25, 63),
]


def random_notes(seed: int, count: int = 200) -> list[Note]:
    """Notes that never strike a key which still sounds, as a MIDI file could not say that."""
    rng = np.random.default_rng(seed)
    notes: list[Note] = []
    for start in sorted(rng.integers(0, 16 * GRID, count) / GRID):
        note = Note(float(start), int(rng.integers(21, 109)), float(rng.choice(DURATIONS)), int(rng.choice(VELOCITIES)))
        if all(other.pitch != note.pitch or other.end_beat <= note.start_beat for other in notes):
            notes.append(note)
    return sorted(notes)


def test_a_tune_round_trips() -> None:
    assert decode(encode(TUNE, 4), 4) == TUNE


@pytest.mark.parametrize("beats_per_bar", [3, 4])
def test_random_notes_round_trip(beats_per_bar: int) -> None:
    notes = random_notes(beats_per_bar)
    assert decode(encode(notes, beats_per_bar), beats_per_bar) == notes


def test_bars_are_relative_and_positions_on_the_grid() -> None:
    events = encode(TUNE, 4)
    assert events[:, 0].tolist() == [0, 0, 0, 0, 1, 1]
    assert events[:, 1].tolist() == [0, 0, 12, 18, 0, 3]
    assert onsets(events, 4).tolist() == [note.start_beat for note in TUNE]


def test_a_key_struck_twice_at_once_is_kept_once_the_longer() -> None:
    events = encode([Note(0.0, 60, 1.0, 79), Note(0.01, 60, 2.0, 79)], 4)
    assert len(events) == 1
    assert DURATIONS[events[0, 3]] == 2.0


def test_header_tempo_goes_to_the_nearest_in_ratio() -> None:
    assert Header(4, "minor", 120.0).ids()[:2] == (0, 1)
    assert TEMPI_BPM[Header(3, "major", 120.0).ids()[2]] == pytest.approx(121.26, abs=0.01)
    assert Header.of((1, 0, 0)) == Header(3, "major", 40.0)


@pytest.mark.parametrize(
    ("tonic", "mode", "shift"), [(0, "major", 0), (9, "minor", 0), (7, "major", 5), (2, "major", -2), (4, "minor", 5)]
)
def test_home_shift(tonic: int, mode: str, shift: int) -> None:
    assert home_shift(Key(tonic, mode, 1.0)) == shift


def test_transposing_keeps_notes_on_the_piano() -> None:
    moved = transpose([Note(0, 21, 1, 64), Note(0, 108, 1, 64), Note(1, 60, 1, 64)], 3)
    assert sorted(note.pitch for note in moved) == [24, 63, 99]
    assert [n.pitch for n in transpose([Note(0, 21, 1, 64)], -3)] == [30]


def test_fields_are_those_of_miditok_octuple() -> None:
    miditok = pytest.importorskip("miditok")
    from pipelines.records import Score, TempoMark
    from pipelines.symbolic.midi import midi_bytes

    symusic = pytest.importorskip("symusic")
    config = miditok.TokenizerConfig(
        pitch_range=(21, 109),
        beat_res={(0, 2): 12, (2, 4): 6, (4, 8): 2, (8, 16): 1},
        num_velocities=16,
        use_programs=False,
        use_tempos=False,
        use_time_signatures=False,
        remove_duplicated_notes=True,
    )
    tokenizer = miditok.Octuple(config)
    notes = random_notes(7, 120)
    file = symusic.Score.from_midi(midi_bytes(Score(tuple(notes), (TempoMark(0, 120.0),))))
    tokens = tokenizer(file)[0].tokens
    events = encode(notes, 4)
    bars = np.cumsum(events[:, 0])
    assert len(tokens) == len(events)
    for token, bar, (_, position, pitch, duration, velocity) in zip(tokens, bars, events, strict=True):
        named = dict(part.split("_") for part in token)
        beats, fraction, resolution = (int(x) for x in named["Duration"].split("."))
        assert int(named["Pitch"]) == pitch + PITCH_LOW
        assert int(named["Bar"]) == bar
        assert int(named["Position"]) == position
        assert beats + fraction / resolution == pytest.approx(DURATIONS[duration])
        assert int(named["Velocity"]) == VELOCITIES[velocity]
