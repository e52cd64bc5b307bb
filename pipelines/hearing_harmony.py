"""Harmony as numbers: arrays of notes in seconds in, named features out.

Key and mode go by the correlation of the pitch classes' sounding time with the key profiles of Krumhansl (1990,
table 2.1, after Krumhansl and Kessler 1982); chords by the nearest of eight kinds on twelve roots; dissonance by the
interval classes that sound together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
CHORD_KINDS = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "dominant": (0, 4, 7, 10),
    "minor_seventh": (0, 3, 7, 10),
    "major_seventh": (0, 4, 7, 11),
    "suspended": (0, 5, 7),
}
FRAME_S = 0.5
FRAMES_PER_KEY = 8


def _rotations(profile: tuple[float, ...]) -> Floats:
    """The (12, 12) unit-length profiles about 0 for the tonics 0 to 11."""
    rows = np.stack([np.roll(profile, tonic) for tonic in range(12)])
    rows = rows - rows.mean(axis=1, keepdims=True)
    unit: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _templates() -> Floats:
    rows = np.zeros((len(CHORD_KINDS), 12, 12))
    for kind, tones in enumerate(CHORD_KINDS.values()):
        for root in range(12):
            rows[kind, root, [(root + tone) % 12 for tone in tones]] = 1.0
    unit: Floats = rows / np.linalg.norm(rows, axis=2, keepdims=True)
    return unit.reshape(-1, 12)


KEYS = np.concatenate([_rotations(MAJOR_PROFILE), _rotations(MINOR_PROFILE)])
TEMPLATES = _templates()
IN_MAJOR = np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11))
IN_MINOR = np.isin(np.arange(12), (0, 2, 3, 5, 7, 8, 10, 11))


def key_correlations(pitch_classes: Floats) -> Floats:
    """Correlation of pitch-class weights (..., 12) with the 24 keys (12 major, 12 minor), (..., 24) in -1 to 1."""
    centred = pitch_classes - pitch_classes.mean(axis=-1, keepdims=True)
    norm = np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-9)
    result: Floats = (centred / norm) @ KEYS.T
    return result


def pitch_class_weights(pitch: Floats, weight: Floats) -> Floats:
    """Sum of weights over each of the 12 pitch classes, scaled to sum 1."""
    counts = np.bincount(pitch.astype(int) % 12, weight, 12)
    shares: Floats = counts / max(1e-9, float(counts.sum()))
    return shares


def harmony_features(start_s: Floats, end_s: Floats, pitch: Floats, onset_s: Floats) -> dict[str, float]:
    """Key, mode, chords and dissonance of notes given as (notes,) arrays, and the (onsets,) times they begin at."""
    frames = _frame_chroma(start_s, end_s, pitch)
    return {
        **_key_features(pitch, np.minimum(end_s - start_s, 4.0)),
        **_key_course(frames),
        **_chord_features(frames),
        **_dissonance(start_s, end_s, pitch, onset_s),
    }


def _frame_chroma(start_s: Floats, end_s: Floats, pitch: Floats) -> Floats:
    """Sounding seconds of each pitch class in frames of half a second, (frames, 12)."""
    edges = np.arange(0.0, max(FRAME_S, float(start_s[-1]) + FRAME_S), FRAME_S)[:, None]
    sounding = np.minimum(end_s[None], edges + FRAME_S) - np.maximum(start_s[None], edges)
    classes = np.arange(12)[None] == (pitch.astype(int) % 12)[:, None]
    chroma: Floats = np.maximum(sounding, 0.0) @ classes.astype(np.float64)
    return chroma


def _key_features(pitch: Floats, length: Floats) -> dict[str, float]:
    weights = pitch_class_weights(pitch, np.sqrt(length))
    keys = key_correlations(weights)
    major, minor = float(keys[:12].max()), float(keys[12:].max())
    best = int(np.argmax(keys))
    others = np.delete(keys, best)
    centred = np.roll(weights, -(best % 12))
    allowed = IN_MAJOR if best < 12 else IN_MINOR
    positive = weights[weights > 0]
    return {
        "key_major": major,
        "key_minor": minor,
        "key_mode": major - minor,
        "key_clarity": float(keys[best] - others.max()),
        "key_share": float(centred[allowed].sum()),
        "third_mode": float(centred[4] - centred[3]),
        "sixth_mode": float(centred[9] - centred[8]),
        "seventh_mode": float(centred[11] - centred[10]),
        "second_mode": float(centred[2] - centred[1]),
        "tonic_share": float(centred[0]),
        "fourth_share": float(centred[5]),
        "tritone_share": float(centred[6]),
        "fifth_share": float(centred[7]),
        "class_entropy": float(-(positive * np.log2(positive)).sum()),
        "class_kinds": float((weights > 0.01).sum()),
    }


def _key_course(frames: Floats) -> dict[str, float]:
    """Keys of windows of 4 s, a frame apart: how major, how clear, how steady."""
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(frames, axis=0)])
    width = min(FRAMES_PER_KEY, len(frames))
    keys = key_correlations(np.sqrt(np.maximum(total[width:] - total[:-width], 0.0)))
    major, minor = keys[:, :12].max(axis=1), keys[:, 12:].max(axis=1)
    best = keys.argmax(axis=1)
    whole = key_correlations(np.sqrt(frames.sum(axis=0)))
    return {
        "local_mode": float((major - minor).mean()),
        "local_mode_sd": float((major - minor).std()),
        "local_major_share": float((major > minor).mean()),
        "local_clarity": float(np.maximum(major, minor).mean()),
        "key_steady": float((best == int(np.argmax(whole))).mean()),
        "key_kinds": float(len(np.unique(best))),
    }


def _chord_features(frames: Floats) -> dict[str, float]:
    smooth = frames.copy()
    smooth[1:] += 0.5 * frames[:-1]
    norm = np.linalg.norm(smooth, axis=1)
    smooth = smooth[norm > 0] / norm[norm > 0, None]
    fits = smooth @ TEMPLATES.T
    by_kind = fits.reshape(len(fits), len(CHORD_KINDS), 12).max(axis=2)
    best = by_kind.argmax(axis=1)
    change = np.linalg.norm(np.diff(smooth, axis=0), axis=1)
    centre = by_kind.mean(axis=1)
    return {
        **{f"chord_{name}": float((by_kind[:, i] - centre).mean()) for i, name in enumerate(CHORD_KINDS)},
        **{f"best_{name}": float((best == i).mean()) for i, name in enumerate(CHORD_KINDS)},
        "chord_mode": float((by_kind[:, 0] - by_kind[:, 1]).mean()),
        "chord_mode_sd": float((by_kind[:, 0] - by_kind[:, 1]).std()),
        "chord_fit": float(fits.max(axis=1).mean()),
        "chord_change": float(change.mean()) if len(change) else 0.0,
        "root_change": float((np.diff(fits.argmax(axis=1) % 12) != 0).mean()) if len(fits) > 1 else 0.0,
    }


def _dissonance(start_s: Floats, end_s: Floats, pitch: Floats, onset_s: Floats) -> dict[str, float]:
    """Intervals among the notes that sound just after each onset."""
    at = onset_s[:, None] + 0.035
    sounding = (start_s[None] <= at) & (end_s[None] > at)
    keys = np.zeros((len(pitch), 128))
    keys[np.arange(len(pitch)), pitch.astype(int)] = 1.0
    roll = np.minimum(sounding.astype(np.float64) @ keys, 1.0)
    close = np.array([(roll[:, lag:] * roll[:, :-lag]).sum(axis=1) for lag in range(1, 13)])
    pairs = max(1.0, float(close.sum()))
    shares = close.sum(axis=1) / pairs
    low = roll[:, :52]
    muddy = sum(float((low[:, lag:] * low[:, :-lag]).sum()) for lag in (1, 2, 3, 4))
    rough = close[[0, 1, 10]].sum(axis=0) + 0.5 * close[5]
    return {
        **{f"interval_{lag + 1}": float(shares[lag]) for lag in range(12)},
        "close_pairs": pairs / len(onset_s),
        "muddy": muddy / len(onset_s),
        "rough": float(rough.mean()),
        "rough_share": float((rough > 0.9).mean()),
        "sounding": float(roll.sum(axis=1).mean()),
    }
