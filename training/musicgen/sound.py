"""Sound files in, float32 samples out: whole or in pieces, mono, checked to have the rate that a model needs.

Conventions: (frames,) float32 in -1 to 1, the mean of the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError, SoundError

Samples = npt.NDArray[np.float32]


def sound_files(folder: Path) -> list[Path]:
    """The WAV and FLAC files of a folder and of those in it, by name.

    Raises:
        DataMissingError: there is none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".wav", ".flac"))
    if not found:
        raise DataMissingError(f"The folder {folder} holds no WAV or FLAC files; name one that does.")
    return found


def digest_of(paths: Sequence[Path]) -> str:
    """A hash of what files hold; raises SoundError for one that cannot be read."""
    digest = sha256()
    for path in paths:
        try:
            digest.update(sha256(path.read_bytes()).digest())
        except OSError as cause:
            raise SoundError(f"The sound file {path.name} cannot be read; make it anew.") from cause
    return digest.hexdigest()


def length_of(path: Path) -> int:
    """Number of frames of a sound file; raises SoundError for a file that cannot be read."""
    import soundfile

    try:
        return int(soundfile.info(str(path)).frames)
    except (soundfile.LibsndfileError, OSError) as cause:
        raise SoundError(f"The sound file {path.name} cannot be read; make it anew.") from cause


def read_sound(path: Path, sample_rate_hz: int, *, start: int = 0, frames: int = -1) -> Samples:
    """Samples of a sound file from a frame on, at most as many as `frames` (-1: to the end).

    Raises:
        SoundError: the file cannot be read, or has another sample rate.
    """
    import soundfile

    try:
        samples, rate = soundfile.read(str(path), start=start, frames=frames, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as cause:
        raise SoundError(f"The sound file {path.name} cannot be read; make it anew.") from cause
    if rate != sample_rate_hz:
        raise SoundError(
            f"The sound file {path.name} has {rate} Hz, but the model needs {sample_rate_hz} Hz; bring it to that rate."
        )
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    return mono


def piece_of(path: Path, sample_rate_hz: int, frames: int, rng: np.random.Generator) -> Samples:
    """A piece from a random place of a file, `frames` long, zeros after the end of one that is shorter."""
    spare = length_of(path) - frames
    start = int(rng.integers(spare + 1)) if spare > 0 else 0
    found = read_sound(path, sample_rate_hz, start=start, frames=frames)
    return np.pad(found, (0, frames - len(found)))
