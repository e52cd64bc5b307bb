"""Plans along a path, and the composer that follows them, with a tiny random network."""

import itertools
import math

import numpy as np
import pytest
import torch

from pipelines.errors import SettingsError, StoppedError
from pipelines.path import iso_path
from pipelines.records import Note, Score
from pipelines.symbolic.composer import Composer
from pipelines.symbolic.composer_model import ComposerConfig, ComposerModel
from pipelines.symbolic.events import encode
from pipelines.symbolic.path_composer import PathComposer, PathSettings
from pipelines.symbolic.path_draft import moved_pitch, varied
from pipelines.symbolic.path_plan import (
    PathPlan,
    journey_names,
    modes_along,
    plan_journey,
    plan_pictures,
    split_bars,
)
from pipelines.symbolic.synthesize import open_synthesizer

FEELINGS = [(6.0, 3.0), (3.0, 7.0), (8.0, 5.0), (6.5, 3.5), (2.5, 2.5), (7.0, 7.0)]


def usual_tempo(valence: float, arousal: float, mode: str) -> float:
    return 60.0 + 12.0 * (arousal - 1)


def seconds_at(plan: PathPlan, beat: float) -> float:
    return Score((), plan.tempo_marks, plan.beats_per_bar).seconds_at(beat)


@pytest.fixture(scope="module")
def untaught() -> PathComposer:
    torch.manual_seed(0)
    model = ComposerModel(ComposerConfig(width=32, layers=1, heads=2, feed_forward=32, head_width=16))
    return PathComposer(Composer(model))


@pytest.mark.parametrize("length_s", [24.0, 45.0, 60.0, 180.0])
@pytest.mark.parametrize("beats", [3, 4])
def test_a_plan_lasts_exactly_and_cuts_near_equal_shares_on_bar_lines(length_s: float, beats: int) -> None:
    plan = plan_pictures(FEELINGS, length_s - 1.2, usual_tempo, beats_per_bar=beats, whole_s=length_s)
    bars = sum(phrase.section.bars for phrase in plan.phrases)
    assert seconds_at(plan, bars * beats) == pytest.approx(length_s - 1.2, abs=1e-9)
    assert len(plan.cut_beats) == 5
    assert all(beat % beats == 0 for beat in plan.cut_beats)
    longest_bar_s = beats * 60 / min(mark.bpm for mark in plan.tempo_marks)
    for number, beat in enumerate(plan.cut_beats, 1):
        assert abs(seconds_at(plan, beat) - number * length_s / 6) < longest_bar_s
    assert all(a.bpm / b.bpm == pytest.approx(1, abs=0.1) for a, b in itertools.pairwise(plan.tempo_marks))


def test_each_picture_has_its_feeling_and_the_opening_idea_returns() -> None:
    plan = plan_pictures(FEELINGS, 90.0, usual_tempo)
    by_group = {phrase.group: phrase for phrase in plan.phrases}
    assert [by_group[i].feeling for i in range(6)] == FEELINGS
    assert [by_group[i].mode for i in range(6)] == ["major", "minor", "major", "major", "minor", "major"]
    names = [phrase.section.name for phrase in plan.phrases]
    assert names[0] == "A"
    assert names[-1] == "A'"
    fourth = next(phrase for phrase in plan.phrases if phrase.group == 3)  # feels as the first does
    assert fourth.section.name == "A'"
    assert fourth.taken_bars >= 1
    assert plan.phrases[fourth.origin or 0].section.name.startswith("A")
    firsts = list(itertools.accumulate((p.section.bars for p in plan.phrases), initial=0))
    assert [phrase.section.first_bar for phrase in plan.phrases] == firsts[:-1]


def test_a_mode_stays_where_valence_wavers() -> None:
    assert modes_along([(4.5, 5), (5.0, 5), (4.7, 5), (5.3, 5), (4.7, 5), (4.2, 5)]) == [
        "minor",
        "minor",
        "minor",
        "major",
        "major",
        "minor",
    ]


@pytest.mark.parametrize("bars", range(1, 40))
def test_phrases_are_of_one_to_five_bars(bars: int) -> None:
    lengths = split_bars(bars)
    assert sum(lengths) == bars
    assert max(lengths) <= 5
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("minutes", [1, 5, 15])
@pytest.mark.parametrize("ceiling", [70.0, 110.0, 211.0])
def test_a_journey_lasts_exactly_and_keeps_under_its_tempo(minutes: int, ceiling: float) -> None:
    path = iso_path((3.0, 8.0), (7.0, 2.0), minutes * 60.0)
    plan = plan_journey(path, usual_tempo, tempo_ceiling_bpm=ceiling)
    bars = sum(phrase.section.bars for phrase in plan.phrases)
    assert seconds_at(plan, 4 * bars) == pytest.approx(minutes * 60.0, abs=1e-6)
    assert max(mark.bpm for mark in plan.tempo_marks) <= ceiling
    arousals = [phrase.feeling[1] for phrase in plan.phrases]
    assert arousals == sorted(arousals, reverse=True)
    assert (plan.phrases[0].mode, plan.phrases[-1].mode) == ("minor", "major")
    assert sum(a.mode != b.mode for a, b in itertools.pairwise(plan.phrases)) == 1


def test_names_of_a_journey_return_to_the_opening_every_four_phrases() -> None:
    assert journey_names(12) == ["A", "A'", "B", "A'", "C", "C'", "B'", "A'", "D", "D'", "C'", "A'"]
    assert all(journey_names(n)[-1] == "A'" and len(journey_names(n)) == n for n in range(2, 120))


def test_an_idea_moves_between_the_relative_keys_and_back() -> None:
    assert [moved_pitch(pitch, 2) for pitch in (57, 60, 64, 68, 69)] == [60, 64, 67, 71, 72]  # A minor's to C major's
    assert [moved_pitch(moved_pitch(pitch, -2), 2) for pitch in (60, 62, 64, 65, 67, 69, 71)] == [
        60,
        62,
        64,
        65,
        67,
        69,
        71,
    ]


def test_a_returning_idea_is_louder_where_arousal_has_risen_and_doubles_nothing() -> None:
    notes = [Note(0, 57, 1, 60), Note(0, 67, 1, 60), Note(0, 68, 1, 60), Note(4, 64, 1, 60)]
    events = encode(notes, 4).astype(np.int64)
    changed = varied(events, "minor", "major", arousal_change=4.0)
    assert changed[:, 2].tolist() == [60 - 21, 71 - 21, 67 - 21]  # G and G sharp both go to B
    assert changed[:, 4].tolist() == [event + 2 for event in events[[0, 1, 3], 4]]
    assert changed[:, 0].tolist() == [0, 0, 1]
    assert varied(events, "minor", "minor", arousal_change=0.0).tolist() == events.tolist()


@pytest.fixture(scope="module")
def shown(untaught: PathComposer) -> tuple[PathPlan, list[Score]]:
    plan = plan_pictures(FEELINGS, 60.0, usual_tempo)
    return plan, list(untaught.compose(plan, PathSettings(seed=4, candidates=3)))


def test_the_piece_follows_its_plan_without_a_gap(shown: tuple[PathPlan, list[Score]]) -> None:
    plan, scores = shown
    score = scores[-1]
    assert score.duration_s == pytest.approx(60.0, abs=1e-6)
    assert score.tempo_marks == plan.tempo_marks
    assert {int(n.start_beat // 4) for n in score.notes} == set(range(plan.form.bars))  # no bar without a note
    sounding, longest = 0.0, 0.0
    for note in score.notes:
        longest = max(longest, score.seconds_at(note.start_beat) - sounding)
        sounding = max(sounding, score.seconds_at(note.end_beat))
    assert longest < 2.0
    for i, note in enumerate(score.notes):  # no key is struck while it sounds
        later = score.notes[i + 1 : i + 60]
        assert all(n.pitch != note.pitch or n.start_beat >= note.end_beat - 1e-9 for n in later)


def test_it_grows_by_phrases_and_keeps_what_it_has(shown: tuple[PathPlan, list[Score]]) -> None:
    plan, scores = shown
    assert len(scores) == len(plan.phrases)
    for before, after, phrase in zip(scores, scores[1:], plan.phrases[1:], strict=False):
        assert after.notes[: len(before.notes)] == before.notes
        assert after.notes[len(before.notes)].start_beat >= phrase.section.first_bar * 4


def test_it_ends_once_on_the_tonic_after_the_dominant(shown: tuple[PathPlan, list[Score]]) -> None:
    _, scores = shown
    score = scores[-1]
    end = (score.bar_count - 1) * 4.0
    chord = score.notes_between(end, math.inf)
    assert {note.start_beat for note in chord} == {end}
    assert all(note.end_beat == end + 4 for note in chord)
    assert min(chord, key=lambda n: n.pitch).pitch % 12 == score.tonic
    lead = score.notes_between(end - 2, end)
    assert (lead[0].pitch - score.tonic) % 12 == 7


def test_the_opening_idea_is_heard_again(shown: tuple[PathPlan, list[Score]]) -> None:
    plan, scores = shown
    back = next(phrase for phrase in plan.phrases if phrase.group == 3)
    origin = plan.phrases[back.origin or 0]
    taken = back.taken_bars * 4

    def places(first_bar: int) -> list[tuple[float, int]]:
        notes = scores[-1].notes_between(first_bar * 4, first_bar * 4 + taken)
        return [(round(n.start_beat - first_bar * 4, 3), n.pitch) for n in notes]

    assert places(back.section.first_bar) == places(origin.section.first_bar)
    assert len(places(back.section.first_bar)) > 0


def test_a_seed_gives_the_same_piece_again(untaught: PathComposer) -> None:
    plan = plan_pictures(FEELINGS[:2], 20.0, usual_tempo)
    first, again, other = (list(untaught.compose(plan, PathSettings(seed=seed)))[-1] for seed in (3, 3, 5))
    assert first == again
    assert first.notes != other.notes


def test_a_long_journey_is_composed_with_the_limit_of_a_piece_far_behind(untaught: PathComposer) -> None:
    plan = plan_journey(iso_path((3.0, 5.0), (7.0, 2.0), 420.0), usual_tempo, tempo_ceiling_bpm=60.0)
    score = list(untaught.compose(plan, PathSettings(candidates=1)))[-1]
    assert score.duration_s == pytest.approx(420.0, abs=1e-6)


def test_it_stops_and_refuses_bad_settings(untaught: PathComposer) -> None:
    plan = plan_pictures(FEELINGS[:2], 20.0, usual_tempo)
    with pytest.raises(StoppedError):
        list(untaught.compose(plan, cancelled=lambda: True))
    for bad in (PathSettings(seed=-1), PathSettings(strength=9.0), PathSettings(candidates=0)):
        with pytest.raises(SettingsError, match="choose"):
            list(untaught.compose(plan, bad))


def test_phrases_played_one_by_one_sound_as_the_whole(shown: tuple[PathPlan, list[Score]]) -> None:
    _, scores = shown
    with (
        open_synthesizer(limit=False, sample_rate_hz=16000, pedal="bar") as live,
        open_synthesizer(limit=False, sample_rate_hz=16000, pedal="bar") as whole,
    ):
        played, parts = 0, []
        for score in scores:
            live.add(score.notes[played:], score)
            played = len(score.notes)
            parts.append(live.render_until(score.seconds_at(score.bars_begun * 4)).samples)
        whole.add(scores[-1].notes, scores[-1])
        at_once = whole.render_until(60.0).samples
    assert np.abs(np.concatenate(parts) - at_once).max() < 1e-6
