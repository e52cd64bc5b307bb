"""Folders of sound in, mono samples at the rate that a measure wants out.

Sound is float32 in -1 to 1, channels averaged. Files are read by libsndfile: WAV, FLAC, OGG, MP3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError, SoundError
from pipelines.records import Audio

Samples = npt.NDArray[np.float32]
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


def sound_paths(folder: Path) -> tuple[Path, ...]:
    """The sound files of a folder, by name.

    Raises:
        DataMissingError: the folder is not there or holds none.
    """
    if not folder.is_dir():
        raise DataMissingError(f"There is no folder {folder}; give one that holds sound files.")
    paths = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES))
    if not paths:
        raise DataMissingError(f"No sound is in {folder}; give a folder of {', '.join(SUFFIXES)} files.")
    return paths


def titles_of(folders: Sequence[Path]) -> list[str]:
    """The folders' names, or the folders as they were given where two have one name."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def read_sound(path: Path) -> Audio:
    """Read a file as it is. Raises SoundError for a file that is no sound, is empty or holds what is no number."""
    import soundfile

    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as cause:
        raise SoundError(f"{path.name} cannot be read as sound; give {', '.join(SUFFIXES)}.") from cause
    if not len(samples) or not np.isfinite(samples).all():
        raise SoundError(f"{path.name} holds no sound or samples that are no numbers; make it anew.")
    return Audio(samples, int(rate_hz))


def mono_at(audio: Audio, sample_rate_hz: int) -> Samples:
    """The mean of the channels at a rate in Hz, (samples,) float32, by polyphase filtering."""
    from scipy.signal import resample_poly

    mixed = audio.samples.mean(axis=1)
    if audio.sample_rate_hz != sample_rate_hz:
        divisor = math.gcd(sample_rate_hz, audio.sample_rate_hz)
        mixed = resample_poly(mixed, sample_rate_hz // divisor, audio.sample_rate_hz // divisor)
    return np.asarray(mixed, np.float32)
