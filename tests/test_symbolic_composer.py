"""The composer with a tiny random network (what holds whatever was learned), then with the shipped weights."""

import itertools

import numpy as np
import pytest
import torch

from pipelines.errors import SettingsError, StoppedError, WeightsError
from pipelines.records import Score, Section
from pipelines.symbolic.composer import Composer, ComposerSettings, load_composer
from pipelines.symbolic.composer_model import ComposerConfig, ComposerModel
from pipelines.symbolic.sampling import Temperature


@pytest.fixture(scope="module")
def untaught() -> Composer:
    torch.manual_seed(0)
    return Composer(ComposerModel(ComposerConfig(width=32, layers=1, heads=2, feed_forward=32, head_width=16)))


def last(composer: Composer, valence: float, arousal: float, **settings: float) -> Score:
    return list(composer.compose(valence, arousal, ComposerSettings(**settings)))[-1]  # type: ignore[arg-type]


def longest_silence_s(score: Score) -> float:
    sounding, longest = 0.0, 0.0
    for note in score.notes:
        longest = max(longest, score.seconds_at(note.start_beat) - sounding)
        sounding = max(sounding, score.seconds_at(note.end_beat))
    return longest


@pytest.mark.parametrize(("duration_s", "seed"), [(10.0, 0), (10.0, 1), (30.0, 2), (47.5, 3), (180.0, 4)])
def test_every_piece_lasts_exactly_and_is_whole(untaught: Composer, duration_s: float, seed: int) -> None:
    score = last(untaught, 3.0, 7.0, duration_s=duration_s, seed=seed, candidates=2)
    assert score.duration_s == pytest.approx(duration_s, abs=1e-6)
    bars = {int(note.start_beat // score.beats_per_bar) for note in score.notes}
    assert bars == set(range(score.bar_count))  # no bar without a note
    assert score.notes[0].start_beat == 0.0
    assert longest_silence_s(score) < 2.0
    for i, note in enumerate(score.notes):  # no key is struck while it sounds
        assert all(n.pitch != note.pitch or n.start_beat >= note.end_beat - 1e-9 for n in score.notes[i + 1 :])
    assert all(12 <= n.velocity <= 120 and 21 <= n.pitch <= 108 and n.duration_beats > 0 for n in score.notes)


def test_phrases_return_and_the_tonic_ends(untaught: Composer) -> None:
    score = last(untaught, 6.0, 6.0, seed=5, candidates=1)
    beats, (first, answer, *_, repeat) = score.beats_per_bar, score.sections
    assert (first.name, answer.name, repeat.name) == ("A", "A'", "A'")

    def places(section: Section, bars: int) -> list[tuple[int, int]]:
        start = section.first_bar * beats
        notes = score.notes_between(start, start + bars * beats)
        return [(round((n.start_beat - start) * 12), n.pitch) for n in notes]

    assert places(first, first.bars // 2) == places(answer, first.bars // 2)
    assert places(first, first.bars - 2) == places(repeat, first.bars - 2)
    ending = score.notes_between((score.bar_count - 1) * beats, np.inf)
    assert min(ending, key=lambda n: n.pitch).pitch % 12 == score.tonic


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("duration_s", [10.0, 30.0])
def test_the_dominant_leads_to_the_final_chord(untaught: Composer, duration_s: float, seed: int) -> None:
    score = last(untaught, 3.0 + seed, 5.0, duration_s=duration_s, seed=seed, candidates=2)
    final_bar = (score.bar_count - 1) * score.beats_per_bar
    lead = score.notes_between(final_bar - 2, final_bar)
    assert (lead[0].pitch - score.tonic) % 12 == 7
    sounding = [n for n in lead if n.start_beat == lead[0].start_beat]
    assert min(n.pitch for n in sounding) == lead[0].pitch


def test_the_piece_grows_bar_by_bar_and_keeps_what_it_has(untaught: Composer) -> None:
    growing = list(untaught.compose(5.0, 5.0, ComposerSettings(seed=1, candidates=2)))
    assert [score.bars_begun for score in growing] == list(range(1, growing[-1].bar_count + 1))
    for before, after in itertools.pairwise(growing):
        assert after.notes[: len(before.notes)] == before.notes


def test_a_seed_gives_the_same_notes_again_and_another_seed_others(untaught: Composer) -> None:
    first, again, other = (last(untaught, 2.0, 3.0, duration_s=12.0, seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first.notes != other.notes


def test_one_seed_gives_different_feelings_different_keys(untaught: Composer) -> None:
    def key(valence: float) -> int:
        return next(untaught.compose(valence, 5.0, ComposerSettings(duration_s=10.0, candidates=1))).tonic

    assert len({key(valence) for valence in (2.0, 3.5, 5.0, 6.5, 8.0)}) >= 3


def test_stopping_stops(untaught: Composer) -> None:
    answers = iter([False] * 8 + [True] * 10**6)
    with pytest.raises(StoppedError):
        list(untaught.compose(5.0, 5.0, cancelled=lambda: next(answers)))


@pytest.mark.parametrize(("valence", "arousal"), [(0.9, 5.0), (5.0, 9.1), (float("nan"), 5.0)])
def test_an_emotion_off_the_plane_is_refused(untaught: Composer, valence: float, arousal: float) -> None:
    with pytest.raises(SettingsError, match="choose 1 to 9"):
        next(untaught.compose(valence, arousal))


@pytest.mark.parametrize(
    "settings",
    [
        {"duration_s": 5.0},
        {"strength": 9.0},
        {"candidates": 0},
        {"candidates": 2.5},
        {"seed": -1},
        {"seed": 0.5},
        {"temperature": Temperature(0.0, 0.9)},
        {"temperature": Temperature(1.0, 0.0)},
    ],
)
def test_settings_out_of_range_are_refused(untaught: Composer, settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="choose"):
        next(untaught.compose(5.0, 5.0, ComposerSettings(**settings)))  # type: ignore[arg-type]


def test_other_files_are_no_weights(tmp_path) -> None:
    path = tmp_path / "composer.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match=r"composer\.safetensors"):
        load_composer(path)


def test_the_shipped_composer_is_heard_where_it_was_asked() -> None:
    from pipelines.hearing import hear

    def heard(valence: float, arousal: float) -> tuple[float, float]:
        points = [hear(last(load_composer(), valence, arousal, seed=seed)) for seed in range(2)]
        return float(np.mean([p.valence for p in points])), float(np.mean([p.arousal for p in points]))

    sad, angry, fun, content = heard(2, 2), heard(2, 8), heard(8, 8), heard(8, 3)
    assert fun[0] - angry[0] > 1.5
    assert content[0] - sad[0] > 2.5
    assert angry[1] - sad[1] > 4
    assert fun[1] - content[1] > 2.5


def test_the_shipped_composer_keeps_its_key() -> None:
    from pipelines.symbolic.key import Key

    score = last(load_composer(), 7.0, 4.0, seed=3)
    key = Key(score.tonic, score.mode, 1.0)
    assert np.mean([key.contains(note.pitch) for note in score.notes]) > 0.85
