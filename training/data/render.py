"""MIDI to sound: a file is played by FluidSynth and cut into pieces of one length, many files at once.

In: MIDI files. Out: for each a folder of WAV files, 32 kHz mono 16-bit, all of `clip_s` seconds, named by their place
in the music (a dropped one leaves a gap), and `done.json`, written last, which says that the folder is whole: what is
there is not rendered again.

Conventions
-----------
The file is played as it is, all instruments, drums and pedals, unlike in the page, which plays its own scores. Silence
before the first sound is cut off; then piece follows piece without overlap. A rest of at least :data:`LEAST_SHARE` of a
piece is kept and filled up with silence, a shorter one is dropped, and so is a piece of which more than half is silent.
Each piece is brought to -16 LUFS, its peaks under -1 dBFS.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import MidiError, SettingsError, SoundError
from pipelines.records import Audio
from pipelines.sound import LOUDNESS_LUFS, Samples, amplitude, normalise_loudness, write_wav
from pipelines.symbolic.soundfont import find_soundfont

DONE = "done.json"
SAMPLE_RATE_HZ = 32_000  # MusicGen's
LEAST_SHARE = 0.9
FRAME_S = 0.1
SILENCE_DB = -50.0  # below the file's loudest frame
MOST_SILENCE = 0.5
FADE_S = 0.01
TIMEOUT_S = 300.0
LONGEST_MIDI_S = 1800.0
GAIN = 0.3  # FluidSynth's; the sound is in floating point, so it only must not be lost in the noise
INSTALL = "install the Debian package fluidsynth (apt install fluidsynth)"


@dataclass(frozen=True)
class RenderSettings:
    """How MIDI becomes pieces of sound; the soundfont is told by its name and size."""

    clip_s: float = 30.0
    sample_rate_hz: int = SAMPLE_RATE_HZ
    loudness_lufs: float = LOUDNESS_LUFS

    def __post_init__(self) -> None:
        if not 1 <= self.clip_s <= 300:
            raise SettingsError(f"A piece cannot last {self.clip_s:g} seconds; choose 1 to 300.")


def play_midi(path: Path, soundfont: Path, *, sample_rate_hz: int) -> Samples:
    """Play a MIDI file by the program fluidsynth: (frames,) float32, mono.

    Raises:
        MidiError: the file holds no notes, lasts more than half an hour, takes too long, or FluidSynth refuses it.
        SoundError: the program is missing or cannot be started, which no other file would change.
    """
    import soundfile

    if midi_length_s(path) > LONGEST_MIDI_S:
        raise MidiError(f"{path.name} lasts more than {LONGEST_MIDI_S / 60:g} minutes; leave it out or cut it.")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "sound.wav"
        options = ["-n", "-i", "-q", "-F", str(wav), "-T", "wav", "-O", "float", "-r", str(sample_rate_hz)]
        tuned = ["-g", str(GAIN), "-o", "synth.dynamic-sample-loading=1", "-o", "synth.chorus.active=0"]
        try:
            command = ["fluidsynth", *options, *tuned, str(soundfont), str(path.resolve())]
            subprocess.run(command, check=True, timeout=TIMEOUT_S, capture_output=True, stdin=subprocess.DEVNULL)
            samples, _ = soundfile.read(wav, dtype="float32", always_2d=True)
        except FileNotFoundError as cause:
            raise SoundError(f"FluidSynth is not on this machine; {INSTALL}.") from cause
        except subprocess.TimeoutExpired as cause:
            raise MidiError(f"{path.name} took more than {TIMEOUT_S:g} s to play; leave it out.") from cause
        except OSError as cause:
            raise SoundError(f"FluidSynth cannot be started here; {INSTALL} anew.") from cause
        except (subprocess.CalledProcessError, soundfile.LibsndfileError) as cause:
            raise MidiError(f"FluidSynth could not play {path.name}; check the file and the soundfont.") from cause
    return samples.mean(axis=1, dtype=np.float32)


def midi_length_s(path: Path) -> float:
    """Seconds to the end of a MIDI file's last note.

    Raises MidiError where it cannot be read, holds no notes, or tells no time (no ticks a beat).
    """
    import symusic

    try:
        score: Any = symusic.Score(path)  # symusic's stubs know the base class only
        score = score.to("second")
    except Exception as cause:  # symusic raises plain RuntimeErrors of many texts
        raise MidiError(f"{path.name} cannot be read as MIDI; export it again as a Standard MIDI File.") from cause
    if not any(len(track.notes) for track in score.tracks):
        raise MidiError(f"{path.name} holds no notes; leave it out.")
    length_s = float(score.end())
    if not math.isfinite(length_s):
        raise MidiError(f"{path.name} has impossible times; export it again as a Standard MIDI File.")
    return length_s


def pieces_in(length_s: float, clip_s: float) -> int:
    """How many pieces a sound of that length gives, if none is silent."""
    return int(length_s / clip_s + (1 - LEAST_SHARE))


def cut(samples: Samples, settings: RenderSettings) -> list[Audio]:
    """Cut (frames,) into pieces of one length as the module says: (frames, 1) each, levelled."""
    rate = settings.sample_rate_hz
    sounding = _sounding(samples, rate)
    if not sounding.any():
        return []
    frame, length = round(FRAME_S * rate), round(settings.clip_s * rate)
    samples = samples[int(sounding.argmax()) * frame :]
    pieces = []
    for number in range(pieces_in(len(samples) / rate, settings.clip_s)):
        piece = samples[number * length : (number + 1) * length]
        if np.mean(_sounding(piece, rate, loudest=float(np.abs(samples).max()))) >= 1 - MOST_SILENCE:
            padded = np.pad(_faded(piece, rate), (0, length - len(piece)))
            audio = Audio(padded[:, None].astype(np.float32), rate, number * settings.clip_s)
            pieces.append(normalise_loudness(audio, target_lufs=settings.loudness_lufs))
    return pieces


def _sounding(samples: Samples, rate: int, *, loudest: float | None = None) -> npt.NDArray[np.bool_]:
    """Whether each tenth of a second sounds: its peak against the loudest sample."""
    frame = round(FRAME_S * rate)
    peaks = np.abs(np.pad(samples, (0, -len(samples) % frame))).reshape(-1, frame).max(axis=1)
    threshold = max(amplitude(-90.0), (loudest or float(peaks.max(initial=0.0))) * amplitude(SILENCE_DB))
    return np.asarray(peaks > threshold)


def _faded(samples: Samples, rate: int) -> Samples:
    """Both ends faded over 10 ms, since a cut through a sounding note clicks."""
    frames = min(round(FADE_S * rate), len(samples) // 2)
    ramp = np.linspace(0.0, 1.0, frames, dtype=np.float32)
    faded = samples.copy()
    faded[:frames] *= ramp
    faded[len(faded) - frames :] *= ramp[::-1]
    return faded


def render_file(path: Path, cache: Path, settings: RenderSettings) -> list[Path]:
    """The WAV files of a MIDI file, rendered into a folder of `cache` unless they are there whole.

    Raises MidiError for a file that cannot be read or played, SoundError or SoundfontError where none could.
    """
    soundfont = find_soundfont()
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as cause:
        raise MidiError(f"{path.name} cannot be read; check that it is there and yours to read.") from cause
    said = {"midi": digest, **asdict(settings)}
    said |= {"soundfont": [soundfont.name, soundfont.stat().st_size]}
    folder = cache / f"{path.stem}-{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]}"
    if not (folder / DONE).is_file():
        pieces = cut(play_midi(path, soundfont, sample_rate_hz=settings.sample_rate_hz), settings)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for piece in pieces:
            write_wav(piece, folder / f"{round(piece.start_s / settings.clip_s):03d}.wav")
        part = folder / f"{DONE}.part"
        part.write_text(json.dumps(said | {"pieces": len(pieces)}))
        part.replace(folder / DONE)
    return sorted(folder.glob("*.wav"))


def render_files(
    paths: Sequence[Path], cache: Path, settings: RenderSettings, *, processes: int
) -> Iterator[tuple[Path, list[Path] | MidiError]]:
    """Render files side by side; each with its WAV files, or with why it has none, in the order in which they end.

    Raises SoundError or SoundfontError where none could be played.
    """
    with ProcessPoolExecutor(max(1, processes)) as pool:
        under_way = {pool.submit(render_file, path, cache, settings): path for path in paths}
        try:
            for done in as_completed(under_way):
                trouble = done.exception()
                if isinstance(trouble, MidiError):
                    yield under_way[done], trouble
                else:
                    yield under_way[done], done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
