import numpy as np
import pytest

from pipelines.records import Emotion, MusicPrompt, Note, Score, Section, TempoMark
from pipelines.waveform.arrange import Arranger, arranged
from pipelines.waveform.arrange_cast import DRUM_CHANNEL, cast_for
from pipelines.waveform.arrange_form import closing_share, energy_of, plan_bar
from pipelines.waveform.arrange_human import Feel, humanised, swung
from pipelines.waveform.arrange_styles import STYLES, Style, style_of
from pipelines.waveform.drums import BEATS, IN_THREE, STROKES, DrumBar, drum_bar
from pipelines.waveform.instruments import PLAYING
from pipelines.waveform.vocabulary import DRUMS, GENRES, INSTRUMENTS

MIDDLE = Emotion.at(6.0, 5.0)
CHORDS = ((0, 4, 7), (9, 0, 4), (5, 9, 0), (7, 11, 2))
TUNE = (72, 76, 74, 77)


def prompt(genre: str, instruments: tuple[str, ...] | None = None, *, melody: str = "", tempo: float = 100.0):
    return MusicPrompt("", "", genre, tempo, "major", melody, instruments or GENRES[genre].instruments)


def piece(*, beats: int = 4, bars: int = 8, bpm: float = 100.0) -> Score:
    """A tune over C, A minor, F and G, in sections A, A', B, A' of two bars; the last bar is a held C major chord."""
    notes = []
    for bar in range(bars - 1):
        chord, begin = CHORDS[bar % 4], float(bar * beats)
        notes += [Note(begin, 36 + chord[0], float(beats), 70)]
        notes += [Note(begin + i, 48 + chord[i % 3], 1.0, 60) for i in range(beats)]
        notes += [Note(begin + i, TUNE[bar % 4] + (2 * i) % 3, 1.0, 80) for i in range(beats)]
    last = float((bars - 1) * beats)
    notes += [Note(last, pitch, float(beats), 70) for pitch in (48, 64, 67, 72)]
    length = bars // 4
    sections = tuple(Section(name, i * length, length) for i, name in enumerate(("A", "A'", "B", "A'")))
    return Score(tuple(sorted(notes)), (TempoMark(0.0, bpm),), beats, 0, "major", sections)


def first_bars(score: Score, bars: int) -> Score:
    notes = tuple(score.notes_between(0.0, bars * score.beats_per_bar))
    return Score(notes, score.tempo_marks, score.beats_per_bar, score.tonic, score.mode, score.sections)


def test_tables_cover_the_vocabulary():
    assert set(STYLES) == set(GENRES)
    assert set(PLAYING) == set(INSTRUMENTS)
    assert {genre.beat for genre in GENRES.values() if genre.beat} == set(BEATS)
    for style in STYLES.values():
        named = [name for name in (style.lead_by, style.comp_by, style.pad_by, style.bass_by) if name]
        assert set(named) <= set(PLAYING)


def patterns(style: Style):
    for pairs, steps in (((style.comp, style.bass, style.pad), 16), ((style.comp3, style.bass3), 12)):
        for pair in pairs:
            for pattern in pair:
                yield from ((row, steps) for row in pattern.split(" | ") if row)


@pytest.mark.parametrize("genre", sorted(STYLES))
def test_every_pattern_fills_its_bar(genre):
    rows = list(patterns(STYLES[genre]))
    assert len(rows) >= 8
    assert [row for row, steps in rows if len(row) != steps] == []
    assert set("".join(row for row, _ in rows)) <= set("-.xXsdDu01234567pPmbBRFOTANrf")


@pytest.mark.parametrize(("table", "steps"), [(BEATS, 16), (IN_THREE, 12)])
def test_every_drum_row_fills_its_bar(table, steps):
    rows = [row for pair in table.values() for rows in pair for text in rows.values() for row in text.split(" | ")]
    assert {len(row) for row in rows} == {steps}
    assert set("".join(rows)) <= {*STROKES, "."}


@pytest.mark.parametrize("genre", sorted(GENRES))
@pytest.mark.parametrize("beats", [4, 3])
def test_every_genre_in_every_metre_stays_in_range_and_ends_together(genre, beats):
    score = piece(beats=beats)
    arrangement = arranged(score, prompt(genre), MIDDLE, seed=3)
    cast = cast_for(prompt(genre))
    end = 8 * beats
    for part, stem in zip(cast.parts, arrangement.stems, strict=True):
        assert all(0 <= note.start_beat < note.end_beat <= end + 0.1 for note in stem.notes)
        assert all(8 <= note.velocity <= 127 for note in stem.notes)
        if stem.channel != DRUM_CHANNEL:
            assert all(part.playing.low <= note.pitch <= part.playing.high for note in stem.notes)
    lead, bass = arrangement.stems[cast.lead], arrangement.stems[cast.bass]
    assert lead.notes[-1].pitch % 12 == 0
    assert bass.notes[-1].pitch % 12 == 0
    latest = [stem.notes[-1].start_beat for stem in arrangement.stems if stem.notes]
    assert max(latest) == pytest.approx(end - beats, abs=0.3)


def test_drums_play_where_the_genre_has_them():
    for genre, known in GENRES.items():
        cast = cast_for(prompt(genre))
        assert (cast.drums is not None) == bool(known.beat)
    asked = cast_for(prompt("classical", ("piano", DRUMS)))
    assert asked.beat == "light"
    assert asked.parts[asked.drums].channel == DRUM_CHANNEL


def test_every_instrument_of_the_prompt_is_heard():
    for genre, known in GENRES.items():
        for extra in ((), ("oboe",), ("marimba",)):
            asked = prompt(genre, known.instruments + extra)
            arrangement = arranged(piece(), asked, MIDDLE)
            sounding = {stem.name.split(" (")[0] for stem in arrangement.stems if stem.notes}
            assert set(asked.instruments) <= sounding, genre


def test_unknown_words_are_played_all_the_same():
    asked = MusicPrompt("", "", "zydeco", 100.0, "major", "", ("washboard", "accordion"))
    arrangement = arranged(piece(), asked, MIDDLE)
    assert arrangement.stems[0].name == "accordion"
    assert style_of("zydeco") is STYLES["classical"]


def test_the_contrasting_section_is_led_by_another():
    asked = prompt("chamber music", ("violin", "oboe", "piano"))
    cast = cast_for(asked)
    arrangement = arranged(piece(), asked, MIDDLE)
    section_b = [
        sum(16 - 0.2 <= note.start_beat < 24 - 0.2 for note in arrangement.stems[index].notes)
        for index in (cast.lead, cast.seconds[0])
    ]
    assert section_b[1] >= 8 > section_b[0]


def test_a_piece_grows_with_its_sections():
    arrangement = arranged(piece(), prompt("pop"), Emotion.at(6.0, 4.5))
    counts = [0, 0, 0, 0]
    for stem in arrangement.stems:
        for note in stem.notes:
            counts[min(3, int((note.start_beat + 0.2) // 8))] += 1
    assert counts[1] > counts[0]


def test_a_growing_score_gives_the_same_notes_as_the_whole():
    score, asked = piece(), prompt("jazz")
    whole = arranged(score, asked, MIDDLE, seed=5)
    arranger = Arranger(asked, MIDDLE, 5)
    grown = {i: [] for i in range(len(arranger.cast.parts))}
    for bar in range(8):
        for part, notes in arranger.bar(first_bars(score, min(8, bar + 2)), bar).items():
            grown[part] += notes
    assert [tuple(sorted(grown[i])) for i in grown] == [stem.notes for stem in whole.stems]


def test_seeds_differ_by_little_and_repeat_exactly():
    first, again, other = (arranged(piece(), prompt("pop"), MIDDLE, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    pairs = list(zip(first.stems[0].notes, other.stems[0].notes, strict=True))
    assert max(abs(a.start_beat - b.start_beat) for a, b in pairs) < 0.1
    assert [a.pitch for a, _ in pairs] == [b.pitch for _, b in pairs]


def test_velocities_are_not_robotic_and_follow_arousal():
    calm, wild = (arranged(piece(), prompt("pop"), Emotion.at(6.0, arousal)).stems[0].notes for arousal in (2.0, 8.0))
    assert np.std([note.velocity for note in calm]) > 1.5
    assert np.mean([note.velocity for note in wild]) > np.mean([note.velocity for note in calm]) + 15


def test_the_words_on_the_melody_are_heeded():
    low, high = (
        arranged(piece(), prompt("pop", melody=f"rising, {word}"), MIDDLE).stems[0].notes
        for word in ("low register", "high register")
    )
    assert np.mean([n.pitch for n in high]) - np.mean([n.pitch for n in low]) >= 11
    short, long = (
        arranged(piece(), prompt("classical", melody=word), MIDDLE).stems[0].notes for word in ("staccato", "legato")
    )
    assert np.mean([n.duration_beats for n in short[:12]]) < 0.7 * np.mean([n.duration_beats for n in long[:12]])


def test_swing_moves_only_what_lies_off_the_beat():
    assert [swung(beat, 0.64) for beat in (0.0, 1.0, 3.0)] == [0.0, 1.0, 3.0]
    assert swung(1.5, 0.64) == pytest.approx(1.64)
    assert swung(0.25, 0.64) == pytest.approx(0.32)
    assert swung(1 + 1 / 3, 0.64) == pytest.approx(1 + 1 / 3)
    assert swung(0.25, 0.6, 0.5) == pytest.approx(0.30)


def test_players_deviate_by_milliseconds():
    score = piece(bpm=60.0)
    notes = [Note(float(i), 60, 0.9, 80) for i in range(1, 400)]
    played = humanised(notes, Feel(timing_sd_s=0.008, late_s=-0.05), score, np.random.default_rng(0))
    late = np.array([note.start_beat for note in played]) - np.arange(1, 400)
    assert late.mean() == pytest.approx(-0.05, abs=0.002)
    assert 0.005 < late.std() < 0.011
    assert np.abs(late + 0.05).max() < 0.03


def test_plans_follow_the_form():
    score, cast = piece(), cast_for(prompt("chamber music", ("violin", "oboe", "piano")))
    plans = [plan_bar(score, bar, cast, 0.5) for bar in range(8)]
    assert [plan.opens for plan in plans] == [True, False] * 4
    assert [plan.closes for plan in plans] == [False, True, False, True, False, True, False, False]
    assert [plan.final for plan in plans] == [False] * 7 + [True]
    assert [plan.lead for plan in plans] == [0, 0, 0, 0, 1, 1, 0, 0]
    assert plans[0].velocity < plans[6].velocity
    assert energy_of(Emotion.at(5.0, 9.0)) == 1.0


def test_the_final_chord_is_let_go_before_the_end():
    assert closing_share(piece(bpm=60.0)) == pytest.approx(1 - 1.2 / 4)
    assert closing_share(piece(bpm=240.0)) == pytest.approx(0.3)


def test_a_fill_closes_a_section_and_a_cymbal_opens_one():
    rng = np.random.default_rng(0)
    plain = drum_bar("rock", DrumBar(0, 4, False, False, True, 90.0), 8.0, rng)
    closing = drum_bar("rock", DrumBar(1, 4, False, True, True, 90.0), 8.0, rng)
    opening = drum_bar("rock", DrumBar(0, 4, True, False, True, 90.0), 8.0, rng)
    assert all(8.0 <= note.start_beat < 12.0 for note in plain + closing + opening)
    assert {note.pitch for note in opening} - {note.pitch for note in plain} == {49}
    assert {43, 47, 50} <= {note.pitch for note in closing if note.start_beat >= 10.0}
    assert sum(note.pitch == 38 for note in plain) >= 2
