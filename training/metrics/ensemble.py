"""Measure the embedded ensemble: `python -m training.metrics.ensemble [--seeds 4] [--append training/RESULTS.md]`.

Every genre is played for several seeds, each with another of the genre's feelings and another tempo; then four feelings
are each played in genres that suit them. Printed: a table of figures, one of the genres, and who is taken for whom when
each piece is given the genre of its nearest neighbour in sound (leave one out).
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.hearing_audio import hear_audio_point
from pipelines.records import Audio, Emotion, MusicPrompt, Note, Score
from pipelines.sound import loudness_lufs
from pipelines.symbolic.key import estimate_key
from pipelines.waveform.arrange import Arrangement
from pipelines.waveform.arrange_cast import DRUM_CHANNEL, cast_for
from pipelines.waveform.arrange_harmony import Chord
from pipelines.waveform.arrange_patterns import chord_at
from pipelines.waveform.ensemble import (
    SAMPLE_RATE_HZ,
    EnsembleSettings,
    compose_arrangement,
    counted_tempo,
    perform,
    play,
)
from pipelines.waveform.vocabulary import GENRES
from training.metrics.ensemble_sound import (
    descriptors,
    heard_tempo,
    level_figures,
    mel_decibels,
    spectral_distance,
    tempo_error,
)

Floats = npt.NDArray[np.float64]
POINTS = {"Happy": (7.6, 6.0), "Fun": (7.0, 7.6), "Angry": (2.2, 7.6), "Sad": (2.6, 3.0), "Neutral": (5.4, 3.0)}
FEELINGS = {
    "happy": ((7.8, 6.2), ("classical", "folk", "pop", "bossa nova")),
    "sad": ((2.4, 2.8), ("classical", "chamber music", "lo-fi", "cinematic")),
    "angry": ((2.0, 7.8), ("rock", "metal", "cinematic", "electronic")),
    "calm": ((6.8, 2.2), ("ambient", "lullaby", "classical", "chamber music")),
}
TEMPO_TOLERANCE = 0.04


@dataclass(frozen=True, eq=False)
class Take:
    """A piece that was played: what was asked, what was written, what sounds, and how long it took."""

    prompt: MusicPrompt
    emotion: Emotion
    score: Score
    arrangement: Arrangement
    audio: Audio
    settings: EnsembleSettings
    first_s: float
    seconds: float


def prompt_for(genre: str, emotion: Emotion, tempo_share: float) -> MusicPrompt:
    """The genre's own prompt at a share of its range of tempi, in the mode that fits the valence."""
    known = GENRES[genre]
    low, high = known.tempo_bpm
    mode = "major" if emotion.valence >= 5 else "minor"
    tempo = round(low + tempo_share * (high - low))
    return MusicPrompt(f"{genre}, {tempo} BPM", "", genre, tempo, mode, "", known.instruments)


def take(prompt: MusicPrompt, emotion: Emotion, settings: EnsembleSettings) -> Take:
    """Play a prompt, chunk by chunk."""
    score, arrangement = compose_arrangement(prompt, emotion, settings)
    started, first_s, parts = time.monotonic(), 0.0, []
    for chunk in play(prompt, emotion, settings):
        first_s = first_s or time.monotonic() - started
        parts.append(chunk.samples)
    audio = Audio(np.concatenate(parts), SAMPLE_RATE_HZ)
    return Take(prompt, emotion, score, arrangement, audio, settings, first_s, time.monotonic() - started)


def genre_takes(seeds: int, duration_s: float) -> list[Take]:
    """Every genre with several seeds, each with another feeling and tempo."""
    takes = []
    for genre, known in GENRES.items():
        for seed in range(seeds):
            emotion = Emotion.at(*POINTS[known.labels[seed % len(known.labels)]])
            prompt = prompt_for(genre, emotion, (0.2, 0.8, 0.5, 0.35, 0.65)[seed % 5])
            takes.append(take(prompt, emotion, EnsembleSettings(duration_s=duration_s, seed=seed)))
    return takes


def feeling_takes(seeds: int, duration_s: float) -> dict[str, list[Take]]:
    """Each of four feelings in genres that suit it."""
    result: dict[str, list[Take]] = {}
    for name, (point, genres) in FEELINGS.items():
        emotion = Emotion.at(*point)
        share = (emotion.arousal - 1) / 8
        result[name] = [
            take(prompt_for(genre, emotion, share), emotion, EnsembleSettings(duration_s=duration_s, seed=100 + seed))
            for genre in genres
            for seed in range(seeds)
        ]
    return result


def clash_share(notes: Sequence[Note], chords: Sequence[Chord]) -> float:
    """Share of sounding time, in steps of a thirty-second, in which notes a semitone or a minor ninth apart sound.

    Two tones of the chord of the time, such as a major seventh's, do not count.
    """
    table = np.array([(note.start_beat, note.end_beat, note.pitch) for note in notes])
    clashing = sounding = 0
    for step in np.arange(0.0, table[:, 1].max(), 0.125) + 0.0625:
        pitches = np.unique(table[(table[:, 0] <= step) & (table[:, 1] > step), 2]).astype(int)
        sounding += len(pitches) > 0
        chord = set(chord_at(chords, step).tones)
        clashing += any(
            high - low in (1, 13) and not {low % 12, high % 12} <= chord
            for low, high in itertools.combinations(pitches.tolist(), 2)
        )
    return clashing / max(1, sounding)


def clashes(one: Take) -> tuple[float, float]:
    """The share of clashes in the arrangement and in the piano piece that it was made of."""
    voices = [note for stem in one.arrangement.stems if stem.channel != DRUM_CHANNEL for note in stem.notes]
    chords = one.arrangement.chords
    return clash_share(voices, chords), clash_share(one.score.notes, chords)


def melody_level_db(one: Take) -> float:
    """Loudness of who leads (and doubles) against everybody else together, in LU."""
    cast = cast_for(one.prompt)
    leads = {cast.lead, *cast.seconds}
    others = set(range(len(cast.parts))) - leads
    return loudness_lufs(perform(one.arrangement, one.prompt, one.emotion, one.settings, only=leads)) - loudness_lufs(
        perform(one.arrangement, one.prompt, one.emotion, one.settings, only=others)
    )


def nearest_genres(takes: Sequence[Take]) -> tuple[list[str], float]:
    """The genre of each take's nearest neighbour by descriptors scaled to unit spread, and the share that is right."""
    table = np.array([list(descriptors(one.audio).values()) for one in takes])
    scaled = (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-9)
    apart = np.linalg.norm(scaled[:, None] - scaled[None], axis=2) + np.eye(len(takes)) * 1e9
    genres = [one.prompt.genre for one in takes]
    guessed = [genres[int(i)] for i in apart.argmin(axis=1)]
    right = float(np.mean([a == b for a, b in zip(genres, guessed, strict=True)]))
    return guessed, right


def pair_ratios(takes: Sequence[Take]) -> dict[tuple[str, str], float]:
    """For each pair of genres: mean spectral distance between them over the mean distance of two seeds within them."""
    spectra = [mel_decibels(one.audio) for one in takes]
    genres = [one.prompt.genre for one in takes]
    names = list(dict.fromkeys(genres))
    means = np.zeros((len(names), len(names)))
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            values = [
                spectral_distance(spectra[a], spectra[b])
                for a in range(len(takes))
                for b in range(len(takes))
                if a != b and genres[a] == first and genres[b] == second
            ]
            means[i, j] = float(np.mean(values))
    return {
        (names[i], names[j]): float(means[i, j] / (0.5 * (means[i, i] + means[j, j])))
        for i in range(len(names))
        for j in range(i)
    }


def sound_rows(takes: Sequence[Take]) -> dict[str, float]:
    """Figures over all takes: tempo, mode, level, silence, clashes, time."""
    levels = [level_figures(one.audio) for one in takes]
    asked = [counted_tempo(one.prompt.tempo_bpm, one.settings.duration_s) for one in takes]
    written = [one.score.tempo_bpm for one in takes]
    off = np.array([tempo_error(heard_tempo(one.audio), bpm) for one, bpm in zip(takes, asked, strict=True)])
    shares = np.array([clashes(one) for one in takes])
    modes = [estimate_key(one.score.notes).mode == one.prompt.mode for one in takes]
    melody = np.array([melody_level_db(one) for one in takes])
    loud = np.array([level["loudness"] for level in levels])
    return {
        "written tempo off the asked (mean, %)": 100 * float(np.mean(np.abs(np.array(written) / asked - 1))),
        "written tempo off the asked (most, %)": 100 * float(np.max(np.abs(np.array(written) / asked - 1))),
        "heard tempo within 4 % (octaves apart)": float((off < TEMPO_TOLERANCE).mean()),
        "written in the asked mode (Krumhansl)": float(np.mean(modes)),
        "loudness of the chunks, mean (LUFS)": float(loud.mean()),
        "loudness of the chunks, spread (LU)": float(loud.std()),
        "highest peak (dBFS)": max(level["peak"] for level in levels),
        "clipped samples": sum(level["clipped"] for level in levels),
        "longest dead air (s)": max(level["dead_air_s"] for level in levels),
        "longest silence at the end (s)": max(level["end_silence_s"] for level in levels),
        "level of the last 50 ms (dB, most)": max(level["last_db"] for level in levels),
        "melody against the rest (LU, mean)": float(melody.mean()),
        "melody against the rest (LU, least)": float(melody.min()),
        "clashing time, arrangement": float(shares[:, 0].mean()),
        "clashing time, piano piece": float(shares[:, 1].mean()),
        "seconds to the first sound (median)": float(np.median([one.first_s for one in takes])),
        "seconds for a piece (median)": float(np.median([one.seconds for one in takes])),
    }


def feeling_rows(takes: dict[str, list[Take]]) -> dict[str, float]:
    """Correlation of asked and heard over the four feelings, and the heard differences between them."""
    heard = {name: np.array([hear_audio_point(one.audio) for one in group]) for name, group in takes.items()}
    asked = np.concatenate([np.tile(FEELINGS[name][0], (len(group), 1)) for name, group in takes.items()])
    every = np.concatenate(list(heard.values()))
    mean = {name: points.mean(axis=0) for name, points in heard.items()}
    rows = {
        "asked against heard, valence (r)": float(np.corrcoef(asked[:, 0], every[:, 0])[0, 1]),
        "asked against heard, arousal (r)": float(np.corrcoef(asked[:, 1], every[:, 1])[0, 1]),
        "happy less sad, heard valence": float(mean["happy"][0] - mean["sad"][0]),
        "happy less sad, heard arousal": float(mean["happy"][1] - mean["sad"][1]),
        "angry less calm, heard arousal": float(mean["angry"][1] - mean["calm"][1]),
        "calm less angry, heard valence": float(mean["calm"][0] - mean["angry"][0]),
    }
    for name, point in mean.items():
        rows |= {f"{name}: heard valence": float(point[0]), f"{name}: heard arousal": float(point[1])}
    return rows


def table(rows: dict[str, float]) -> str:
    """A Markdown table of figures."""
    lines = ["| figure | ensemble |", "|---|---|", *(f"| {name} | {value:.3g} |" for name, value in rows.items())]
    return "\n".join(lines)


def genre_table(takes: Sequence[Take], guessed: Sequence[str]) -> str:
    """Which genre each one's pieces are nearest to."""
    lines = ["| genre | right | taken for |", "|---|---|---|"]
    for genre in dict.fromkeys(one.prompt.genre for one in takes):
        named = [guess for one, guess in zip(takes, guessed, strict=True) if one.prompt.genre == genre]
        wrong = ", ".join(guess for guess in named if guess != genre) or "–"
        lines.append(f"| {genre} | {named.count(genre)} of {len(named)} | {wrong} |")
    return "\n".join(lines)


def measure(seeds: int, duration_s: float) -> str:
    """All tables, as Markdown."""
    takes = genre_takes(seeds, duration_s)
    guessed, right = nearest_genres(takes)
    ratios = pair_ratios(takes)
    values = np.array(list(ratios.values()))
    closest = min(ratios, key=lambda pair: ratios[pair])
    rows = sound_rows(takes)
    rows |= {
        f"genre told by the nearest neighbour (chance {1 / len(GENRES):.2f})": right,
        "spectral distance of genres over that of seeds (median)": float(np.median(values)),
        "pairs of genres with a ratio over 1.5": float((values > 1.5).mean()),
        f"the closest pair, {closest[0]} and {closest[1]}": ratios[closest],
    }
    rows |= feeling_rows(feeling_takes(max(2, seeds // 2), duration_s))
    return f"{table(rows)}\n\n{genre_table(takes, guessed)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.metrics.ensemble", description="Measure the ensemble.")
    parser.add_argument("--seeds", type=int, default=4, help="pieces a genre (4)")
    parser.add_argument("--duration", type=float, default=30.0, help="seconds a piece (30)")
    parser.add_argument("--append", type=Path, help="Markdown file to add the tables to, with command and date")
    options = parser.parse_args(arguments)
    text = measure(options.seeds, options.duration)
    print(text)
    if options.append:
        command = f"python -m training.metrics.ensemble --seeds {options.seeds} --duration {options.duration:g}"
        with options.append.open("a") as file:
            file.write(f"\n`{command}`, {datetime.date.today().isoformat()}\n\n{text}\n")


if __name__ == "__main__":
    main()
