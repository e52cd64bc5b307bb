"""What a listener could go by in a Score: notes in, a vector of named numbers out.

Comes in: a Score, or the arrays of its notes in seconds. Goes out: one float64 vector a window of about 15 s, in the
order of :func:`feature_names`. Pitch is MIDI's, velocity 1 to 127, time in seconds, so that a slow score with many
notes a beat and a fast one with few are measured alike, and nothing tells how a file was notated. Harmony is in
`hearing_harmony.py`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.errors import MidiError
from pipelines.hearing_harmony import harmony_features
from pipelines.records import Score

Floats = npt.NDArray[np.float64]
WINDOW_S = 15.0
CHORD_SPREAD_S = 0.03  # onsets closer than this sound as one chord


@dataclass(frozen=True, eq=False)
class NoteArrays:
    """Notes in order of start: (notes,) arrays of start and end in seconds, MIDI pitch, velocity."""

    start_s: Floats
    end_s: Floats
    pitch: Floats
    velocity: Floats

    def __len__(self) -> int:
        return len(self.pitch)

    def between(self, first_s: float, last_s: float) -> NoteArrays:
        """Notes that start in [first_s, last_s), with times from first_s and cut at the window's end."""
        keep = (self.start_s >= first_s) & (self.start_s < last_s)
        return NoteArrays(
            self.start_s[keep] - first_s,
            np.minimum(self.end_s[keep], last_s) - first_s,
            self.pitch[keep],
            self.velocity[keep],
        )


@dataclass(frozen=True, eq=False)
class Onsets:
    """Notes gathered into onsets: (onsets,) arrays of time in seconds, highest, lowest pitch and mean velocity."""

    time_s: Floats
    top: Floats
    bottom: Floats
    velocity: Floats
    size: Floats


def note_arrays(score: Score) -> NoteArrays:
    """The notes of a score in seconds, the first at 0. Raises MidiError without notes."""
    if not score.notes:
        raise MidiError("The score holds 0 notes and at least 1 is needed to hear an emotion; give a piece with notes.")
    rows = np.array([(n.start_beat, n.duration_beats, n.pitch, n.velocity) for n in score.notes], dtype=np.float64)
    order = np.lexsort((rows[:, 2], rows[:, 0]))
    start_beat, duration, pitch, velocity = rows[order].T
    start_s, end_s = _seconds(score, start_beat), _seconds(score, start_beat + duration)
    return NoteArrays(start_s - start_s[0], np.maximum(end_s, start_s + 0.01) - start_s[0], pitch, velocity)


def _seconds(score: Score, beats: Floats) -> Floats:
    mark_beats = np.array([mark.beat for mark in score.tempo_marks])
    pace = 60.0 / np.array([mark.bpm for mark in score.tempo_marks])
    mark_seconds = np.concatenate([[0.0], np.cumsum(np.diff(mark_beats) * pace[:-1])])
    index = np.maximum(np.searchsorted(mark_beats, beats, side="right") - 1, 0)
    seconds: Floats = mark_seconds[index] + (beats - mark_beats[index]) * pace[index]
    return seconds


def windows(notes: NoteArrays, *, window_s: float = WINDOW_S) -> list[NoteArrays]:
    """Cut into equal windows of about `window_s`; windows without notes are left out."""
    total_s = float(notes.end_s.max())
    count = max(1, round(float(notes.start_s[-1]) / window_s))
    if count == 1:
        return [notes]
    edges = np.linspace(0.0, max(total_s, float(notes.start_s[-1]) + 1e-6), count + 1)
    parts = [notes.between(a, b) for a, b in itertools.pairwise(edges)]
    return [_from_first(part) for part in parts if len(part)]


def _from_first(notes: NoteArrays) -> NoteArrays:
    return replace(notes, start_s=notes.start_s - notes.start_s[0], end_s=notes.end_s - notes.start_s[0])


def score_features(score: Score) -> Floats:
    """Features of a score, (windows, features) float64, a row a window of about 15 s. Raises MidiError if empty."""
    return np.stack([window_features(part) for part in windows(note_arrays(score))])


def feature_names() -> tuple[str, ...]:
    """Names of the features, in the order of the vector."""
    return tuple(_feature_dict(_EXAMPLE))


def window_features(notes: NoteArrays) -> Floats:
    """Features of one window, (features,) float64, all finite."""
    return np.fromiter(_feature_dict(notes).values(), dtype=np.float64)


def _feature_dict(notes: NoteArrays) -> dict[str, float]:
    onsets = gather_onsets(notes)
    span_s = max(1.0, float(notes.end_s.max()))
    return {
        **_density(notes, onsets, span_s),
        **_rhythm(onsets),
        **_pulse(onsets, span_s),
        **_touch(notes, onsets, span_s),
        **_register(notes, onsets),
        **_line("melody", *skyline(notes, onsets)),
        **_line("bass", onsets.time_s, onsets.bottom),
        **_trends(notes, onsets, span_s),
        **harmony_features(notes.start_s, notes.end_s, notes.pitch, onsets.time_s),
    }


def gather_onsets(notes: NoteArrays, *, spread_s: float = CHORD_SPREAD_S) -> Onsets:
    """Gather notes that begin within `spread_s` of one another into onsets."""
    first = np.flatnonzero(np.diff(notes.start_s, prepend=-1.0) > spread_s)
    size = np.diff(np.append(first, len(notes))).astype(np.float64)
    return Onsets(
        notes.start_s[first],
        np.maximum.reduceat(notes.pitch, first),
        np.minimum.reduceat(notes.pitch, first),
        np.add.reduceat(notes.velocity, first) / size,
        size,
    )


def skyline(notes: NoteArrays, onsets: Onsets) -> tuple[Floats, Floats]:
    """Melody by the skyline: onset times and top pitches, without those under a higher note that still sounds."""
    held = (notes.start_s[None] < onsets.time_s[:, None] - CHORD_SPREAD_S) & (
        notes.end_s[None] > onsets.time_s[:, None] + 0.1
    )
    covered = (held & (notes.pitch[None] > onsets.top[:, None])).any(axis=1)
    return onsets.time_s[~covered], onsets.top[~covered]


def spread(name: str, values: Floats, *, empty: float = 0.0) -> dict[str, float]:
    """Mean, standard deviation, 10th, 50th and 90th percentile of values; `empty` for none."""
    if not len(values):
        return {f"{name}_{part}": empty if part != "sd" else 0.0 for part in ("mean", "sd", "low", "median", "high")}
    ordered = np.sort(values)
    low, median, high = (float(ordered[round(q * (len(ordered) - 1))]) for q in (0.1, 0.5, 0.9))
    mean = float(ordered.mean())
    sd = math.sqrt(max(0.0, float((ordered * ordered).mean()) - mean * mean))
    return {f"{name}_mean": mean, f"{name}_sd": sd, f"{name}_low": low, f"{name}_median": median, f"{name}_high": high}


def entropy(counts: Floats) -> float:
    """Shannon entropy of counts, in bits; 0 without any."""
    total = counts.sum()
    if total <= 0:
        return 0.0
    p = counts[counts > 0] / total
    return float(-(p * np.log2(p)).sum())


def _density(notes: NoteArrays, onsets: Onsets, span_s: float) -> dict[str, float]:
    seconds = max(2, math.ceil(span_s / 2))
    counts = np.bincount((notes.start_s / 2).astype(int), minlength=seconds)[:seconds] / 2.0
    tops = np.bincount((onsets.time_s / 2).astype(int), minlength=seconds)[:seconds] / 2.0
    playing_s = max(1.0, float(notes.start_s[-1]) + 0.5)
    return {
        "notes_per_s": len(notes) / span_s,
        "log_notes_per_s": math.log(0.2 + len(notes) / playing_s),
        "onsets_per_s": len(onsets.time_s) / span_s,
        "log_onsets_per_s": math.log(0.2 + len(onsets.time_s) / playing_s),
        "density_max": float(counts.max()),
        "density_sd": float(counts.std()),
        "density_min": float(counts.min()),
        "onset_density_max": float(tops.max()),
        "onset_density_sd": float(tops.std()),
        "loudness_rate": float((notes.velocity / 80.0).sum()) / span_s,
        "notes_per_onset": float(onsets.size.mean()),
        "chord_share": float((onsets.size >= 3).mean()),
        "single_share": float((onsets.size == 1).mean()),
    }


def _rhythm(onsets: Onsets) -> dict[str, float]:
    ioi = np.diff(onsets.time_s)
    logs = np.log2(np.clip(ioi, 0.03, 8.0))
    bins = np.histogram(logs, np.array([-6.0, -3.3, -2.8, -2.3, -1.8, -1.3, -0.8, 0.0, 9.0]))[0]
    shares = bins / max(1, len(ioi))
    change = np.abs(np.diff(logs))
    fine = np.bincount(np.round(4 * (logs + 6)).astype(int)) if len(logs) else np.zeros(1)
    return {
        **spread("ioi_log", logs, empty=1.0),
        **{f"ioi_share_{i}": float(share) for i, share in enumerate(shares)},
        "ioi_change": float(change.mean()) if len(change) else 0.0,
        "ioi_same": float((change < 0.15).mean()) if len(change) else 0.0,
        "ioi_dotted": float(((change > 1.3) & (change < 1.8)).mean()) if len(change) else 0.0,
        "ioi_entropy": entropy(fine.astype(np.float64)),
        "ioi_longest": float(min(8.0, ioi.max())) if len(ioi) else 8.0,
    }


def _pulse(onsets: Onsets, span_s: float) -> dict[str, float]:
    frames = math.ceil(span_s / 0.04) + 1
    struck = np.bincount((onsets.time_s / 0.04).astype(int), onsets.velocity * np.sqrt(onsets.size), frames)
    envelope = np.convolve(struck, (0.5, 1.0, 0.5))
    power = np.abs(np.fft.rfft(envelope - envelope.mean(), 1024)) ** 2
    lagged = np.fft.irfft(power)[:64]
    lagged = lagged / max(1e-9, float(lagged[0]))
    best = 5 + int(np.argmax(lagged[5:32]))
    return {
        "pulse_strength": float(lagged[best]),
        "pulse_log_s": math.log2(best * 0.04),
        "pulse_fast": float(lagged[4:10].max()),
        "pulse_slow": float(lagged[32:64].max()),
    }


def _touch(notes: NoteArrays, onsets: Onsets, span_s: float) -> dict[str, float]:
    length = np.minimum(notes.end_s - notes.start_s, 6.0)
    following = np.append(onsets.time_s, span_s)[np.searchsorted(onsets.time_s, notes.start_s + CHORD_SPREAD_S)]
    ratio = np.clip(length / np.maximum(following - notes.start_s, 0.03), 0.0, 6.0)
    edges = np.sort(notes.end_s)
    sounding = np.arange(1, len(notes) + 1) - np.searchsorted(edges, notes.start_s + 1e-3)
    reach = np.maximum.accumulate(notes.end_s)
    gaps = np.maximum(0.0, notes.start_s[1:] - reach[:-1])
    accents = np.diff(onsets.velocity)
    return {
        **spread("length_log", np.log2(length)),
        **spread("velocity", notes.velocity),
        **spread("articulation", ratio),
        "staccato_share": float((ratio < 0.6).mean()),
        "overlap_share": float((ratio > 1.5).mean()),
        "polyphony": float(length.sum()) / span_s,
        "polyphony_max": float(sounding.max()),
        "silence_share": float(gaps.sum()) / span_s,
        "accent": float(np.abs(accents).mean()) if len(accents) else 0.0,
    }


def _register(notes: NoteArrays, onsets: Onsets) -> dict[str, float]:
    length = np.minimum(notes.end_s - notes.start_s, 6.0)
    pitch = notes.pitch
    return {
        **spread("pitch", pitch),
        "pitch_max": float(pitch.max()),
        "pitch_min": float(pitch.min()),
        "pitch_by_length": float((pitch * length).sum() / length.sum()),
        "below_48": float((pitch < 48).mean()),
        "below_40": float((pitch < 40).mean()),
        "above_72": float((pitch >= 72).mean()),
        "above_84": float((pitch >= 84).mean()),
        "hands_apart": float((onsets.top - onsets.bottom).mean()),
        "top_mean": float(onsets.top.mean()),
        "bottom_mean": float(onsets.bottom.mean()),
        "pitch_kinds": float(len(np.unique(pitch))),
        "pitch_entropy": entropy(np.bincount(pitch.astype(int)).astype(np.float64)),
    }


def _line(name: str, time_s: Floats, pitch: Floats) -> dict[str, float]:
    steps = np.diff(pitch)
    size = np.abs(steps)
    count = max(1, len(steps))
    pairs = steps[1:] * 64 + steps[:-1]
    kinds = np.bincount(np.clip(size, 0, 24).astype(int), minlength=25).astype(np.float64)
    return {
        f"{name}_mean": float(pitch.mean()),
        f"{name}_sd": float(pitch.std()),
        f"{name}_rate": len(pitch) / max(1.0, float(time_s[-1] - time_s[0])),
        f"{name}_step": float(size.mean()) if len(size) else 0.0,
        f"{name}_repeats": float(kinds[0]) / count,
        f"{name}_semitones": float(kinds[1]) / count,
        f"{name}_tones": float(kinds[2]) / count,
        f"{name}_thirds": float(kinds[3:5].sum()) / count,
        f"{name}_fourths": float(kinds[5:8].sum()) / count,
        f"{name}_leaps": float(kinds[8:].sum()) / count,
        f"{name}_tritones": float(kinds[6]) / count,
        f"{name}_rising": float((steps > 0).sum()) / count,
        f"{name}_turns": float((steps[1:] * steps[:-1] < 0).mean()) if len(steps) > 1 else 0.0,
        f"{name}_entropy": entropy(kinds),
        f"{name}_novelty": len(np.unique(pairs)) / max(1, len(pairs)),
    }


def _trends(notes: NoteArrays, onsets: Onsets, span_s: float) -> dict[str, float]:
    late = notes.start_s > span_s / 2
    share = float(late.mean())
    whole = 0.05 < share < 0.95
    first_third = float((notes.start_s < span_s / 3).mean())
    return {
        "late_share": share,
        "early_share": first_third,
        "pitch_trend": float(notes.pitch[late].mean() - notes.pitch[~late].mean()) if whole else 0.0,
        "velocity_trend": float(notes.velocity[late].mean() - notes.velocity[~late].mean()) if whole else 0.0,
        "last_top": float(onsets.top[-1] - onsets.top.mean()),
        "last_length": float(min(6.0, notes.end_s[-1] - notes.start_s[-1])),
    }


_EXAMPLE = NoteArrays(
    np.array([0.0, 0.5, 1.0]),
    np.array([0.5, 1.0, 2.0]),
    np.array([60.0, 64.0, 67.0]),
    np.array([80.0, 80.0, 80.0]),
)
