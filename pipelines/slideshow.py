"""Several pictures in order to one continuous piece, and both to a video.

picture files → emotion of each → a plan (:mod:`pipelines.symbolic.path_plan`) → piano music that follows it → MP4 whose
pictures change on the music's bar lines. Every picture is looked at before any work begins, so that one that cannot be
read stops it at once. Pictures are read one by one and kept no larger than the video.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.bundle import check_writable, plain, versions
from pipelines.chain import never
from pipelines.errors import SettingsError, StoppedError
from pipelines.export_ffmpeg import Tags, find_ffmpeg
from pipelines.models import check_models, default_models
from pipelines.path import Path as FeelingPath
from pipelines.path import stepped_path
from pipelines.records import Audio, Emotion, Score, Step
from pipelines.settings import LONGEST_S, SHORTEST_S, check_duration
from pipelines.slideshow_video import FrameSettings, Planes, planes_of, write_slideshow_video
from pipelines.symbolic.path_composer import PathComposer, PathSettings, load_path_composer
from pipelines.symbolic.path_plan import PathPlan, plan_pictures

if TYPE_CHECKING:
    from pipelines.records import Picture

FEWEST_PICTURES, MOST_PICTURES = 2, 20
SHORTEST_A_PICTURE_S = 4.0
TAIL_S = 1.2  # within the length asked for, in which the last chord dies away
END_FADE_S = 0.6
FILES = {"video": "slideshow.mp4", "audio": "slideshow.wav", "score": "slideshow.mid"}
RECORD = "slideshow.json"
READ, COMPOSED = 0.12, 0.45  # of the progress: the emotions are read; the music is there

Told = Callable[[str, float], None]


@dataclass(frozen=True)
class SlideshowSettings:
    """The whole length in seconds (10 to 180), or seconds a picture (4 or more) where it is None; and the rest.

    `frames` is the video's size, rate and cross-fade; `music` the composer's seed, strength and candidates; `models`
    reads the emotions: "auto", "embedded" or "paper".
    """

    duration_s: float | None = None
    seconds_a_picture: float = 8.0
    frames: FrameSettings = field(default_factory=FrameSettings)
    music: PathSettings = field(default_factory=PathSettings)
    models: str = field(default_factory=default_models)

    def length_s(self, pictures: int) -> float:
        """Seconds of the whole for so many pictures."""
        return self.duration_s if self.duration_s is not None else pictures * self.seconds_a_picture

    def check(self, pictures: int) -> None:
        """Raise SettingsError for a value out of range, or that does not fit so many pictures."""
        if not FEWEST_PICTURES <= pictures <= MOST_PICTURES:
            raise SettingsError(
                f"A slideshow cannot have {pictures} picture{'s' * (pictures != 1)}; "
                f"choose {FEWEST_PICTURES} to {MOST_PICTURES}."
            )
        length_s = self.length_s(pictures)
        if self.duration_s is None and not SHORTEST_S <= length_s <= LONGEST_S:
            low, high = max(SHORTEST_A_PICTURE_S, SHORTEST_S / pictures), LONGEST_S / pictures
            raise SettingsError(
                f"{pictures} pictures of {self.seconds_a_picture:g} seconds last {length_s:g} seconds; choose "
                f"{low:g} to {high:g} seconds a picture, so that they last {SHORTEST_S:g} to {LONGEST_S:g}."
            )
        check_duration(length_s)
        if length_s / pictures < SHORTEST_A_PICTURE_S:
            raise SettingsError(
                f"{length_s:g} seconds are too short for {pictures} pictures; choose at least "
                f"{pictures * SHORTEST_A_PICTURE_S:g} seconds, {SHORTEST_A_PICTURE_S:g} a picture."
            )
        self.frames.check()
        self.music.check()
        check_models(self.models)


@dataclass(frozen=True)
class Slide:
    """A picture of the show: its name and hash, what it feels like, and from when to when it is seen, in seconds."""

    name: str
    sha256: str
    emotion: Step
    begin_s: float
    end_s: float


@dataclass(frozen=True)
class Slideshow:
    """A finished show: its slides, the music, the path that it was to follow, and the files on disk by name."""

    slides: tuple[Slide, ...]
    score: Score
    path: FeelingPath
    duration_s: float
    files: Mapping[str, Path]

    @property
    def cuts_s(self) -> tuple[float, ...]:
        """Seconds at which the pictures after the first begin; each is on a bar line."""
        return tuple(slide.begin_s for slide in self.slides[1:])


def untold(_: str, __: float) -> None:
    """Nobody is told how far it is."""


def make_slideshow(
    pictures: Sequence[str | Path],
    folder: str | Path,
    settings: SlideshowSettings | None = None,
    *,
    names: Sequence[str] | None = None,
    emotions: Mapping[int, Emotion] | None = None,
    progress: Told = untold,
    cancelled: Callable[[], bool] = never,
) -> Slideshow:
    """Make a slideshow of picture files, in their order, and write its files into a folder, all or none.

    `names` stand for the pictures in messages; `emotions` replaces what would be read in some, by their number from 0.
    `progress` is told what is being done and how far it is, 0 to 1. Raises SettingsError, PictureError (it names the
    picture) before any work; SoundError without ffmpeg; StoppedError once `cancelled` answers True.
    """
    settings, folder = settings or SlideshowSettings(), Path(folder)
    settings.check(len(pictures))
    check_writable(folder)
    find_ffmpeg()
    shown = [Path(path).name for path in pictures] if names is None else names
    planes, hashes = _look_at(pictures, shown, settings.frames, progress, cancelled)
    found = _emotions(pictures, shown, settings, emotions or {}, progress, cancelled)
    composer = load_path_composer()
    length_s = settings.length_s(len(pictures))
    plan = plan_music([step.value for step in found], length_s, composer, settings.music)
    score, audio = perform(plan, composer, settings.music, length_s, progress, cancelled)
    cuts = [score.seconds_at(beat) for beat in plan.cut_beats]
    slides = tuple(Slide(*slide) for slide in zip(shown, hashes, found, [0.0, *cuts], [*cuts, length_s], strict=True))
    path = stepped_path([(s.emotion.value.valence, s.emotion.value.arousal) for s in slides], cuts, length_s)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".slideshow-") as name:
        scratch = Path(name)
        progress("Making the video…", COMPOSED)
        write_slideshow_video(
            planes,
            cuts,
            audio,
            scratch / FILES["video"],
            settings.frames,
            tags=Tags("Slideshow", f"piano music by Ekphonia for {len(slides)} pictures; seed {settings.music.seed}"),
            progress=lambda part: progress("Making the video…", COMPOSED + (1 - COMPOSED) * 0.99 * part),
            cancelled=cancelled,
        )
        _write_music(score, audio, scratch)
        record = slideshow_record(slides, score, settings, length_s)
        (scratch / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        files = _put_in_place(scratch, folder)
    progress("Finished.", 1.0)
    return Slideshow(slides, score, path, length_s, files)


def _stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise StoppedError("The slideshow was stopped.")


def _look_at(
    paths: Sequence[str | Path],
    names: Sequence[str],
    frames: FrameSettings,
    progress: Told,
    cancelled: Callable[[], bool],
) -> tuple[list[Planes], list[str]]:
    """Read every picture: its frame, and the hash of its file."""
    planes, hashes = [], []
    for number, (path, name) in enumerate(zip(paths, names, strict=True)):
        _stop_if(cancelled)
        progress(f"Looking at picture {number + 1} of {len(paths)}…", READ / 2 * number / len(paths))
        picture = _read(path, name)
        planes.append(planes_of(picture, frames))
        hashes.append(picture.sha256)
    return planes, hashes


def _read(path: str | Path, name: str) -> Picture:
    from pipelines.picture import read_picture

    return read_picture(path, name=name)


def _emotions(
    paths: Sequence[str | Path],
    names: Sequence[str],
    settings: SlideshowSettings,
    given: Mapping[int, Emotion],
    progress: Told,
    cancelled: Callable[[], bool],
) -> list[Step]:
    from pipelines.chain import emotion_step, wanted
    from pipelines.emotion import EmotionSource

    source = EmotionSource(settings.models, None)
    steps: list[Step] = []
    for number, (path, name) in enumerate(zip(paths, names, strict=True)):
        _stop_if(cancelled)
        progress(f"Feeling picture {number + 1} of {len(paths)}…", READ / 2 * (1 + number / len(paths)))
        said = {"emotion": given[number]} if number in given else {}
        step = emotion_step(None if said else _read(path, name), said, source)
        wanted(step)
        assert step is not None  # wanted() has seen to it
        steps.append(step)
    return steps


def plan_music(emotions: Sequence[Emotion], length_s: float, composer: PathComposer, music: PathSettings) -> PathPlan:
    """The form of the piece for some emotions, which ends so early that the last chord dies away within the length."""
    feelings = [(emotion.valence, emotion.arousal) for emotion in emotions]
    beats = composer.beats_per_bar(feelings[0], music)

    def tempo_of(valence: float, arousal: float, mode: str) -> float:
        return composer.tempo_bpm(valence, arousal, mode, beats_per_bar=beats, strength=music.strength)

    return plan_pictures(feelings, length_s - TAIL_S, tempo_of, beats_per_bar=beats, whole_s=length_s)


def perform(
    plan: PathPlan,
    composer: PathComposer,
    music: PathSettings,
    length_s: float,
    progress: Told = untold,
    cancelled: Callable[[], bool] = never,
) -> tuple[Score, Audio]:
    """Compose and play a plan: the whole score, and the sound of exactly `length_s` at -16 LUFS."""
    import numpy as np

    from pipelines.chain import whole_audio
    from pipelines.symbolic.synthesize import open_synthesizer

    chunks: list[Audio] = []
    bars = sum(phrase.section.bars for phrase in plan.phrases)
    with open_synthesizer() as synthesizer:
        played = 0
        for score in composer.compose(plan, music, cancelled=cancelled):
            done = score.bars_begun
            progress(f"Composing bar {done} of {bars}…", READ + (COMPOSED - READ) * done / bars)
            synthesizer.add(score.notes[played:], score)
            chunks.append(synthesizer.render_until(score.seconds_at(done * score.beats_per_bar)))
            played = len(score.notes)
        chunks.append(synthesizer.finish_at(length_s, fade_s=END_FADE_S))
    whole = whole_audio(chunks)
    frames = round(length_s * whole.sample_rate_hz)
    exact = np.zeros((frames, whole.samples.shape[1]), np.float32)
    exact[: len(whole.samples)] = whole.samples[:frames]
    return score, Audio(exact, whole.sample_rate_hz)


def _write_music(score: Score, audio: Audio, folder: Path) -> None:
    from pipelines.sound import write_wav
    from pipelines.symbolic.midi import write_midi

    write_wav(audio, folder / FILES["audio"])
    write_midi(score, folder / FILES["score"])


def slideshow_record(
    slides: Sequence[Slide], score: Score, settings: SlideshowSettings, length_s: float
) -> dict[str, Any]:
    """What made a slideshow, ready for JSON."""
    return {
        "slides": [
            {
                "name": slide.name,
                "sha256": slide.sha256,
                "begin_s": round(slide.begin_s, 4),
                "end_s": round(slide.end_s, 4),
                "emotion": plain(slide.emotion.value),
                "made_by": slide.emotion.made_by,
            }
            for slide in slides
        ],
        "duration_s": length_s,
        "score": plain(score),
        "settings": asdict(settings),
        "versions": versions(),
    }


def _put_in_place(scratch: Path, folder: Path) -> dict[str, Path]:
    for file in (*FILES.values(), RECORD):
        shutil.move(scratch / file, folder / file)
    return {file: folder / file for file in (*FILES.values(), RECORD)}
