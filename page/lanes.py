"""The two lanes while they run: each takes in its chain's steps and says what its panels show and how far it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar

from page.job import Job
from page.music_panel import Music
from page.sound import Sound
from page.texts import say
from page.wave_panel import Wave
from page.words import bar_count, key_name, seconds
from page.words_panel import words_value
from pipelines.bundle import FILES, Part
from pipelines.catalogue import entry_for
from pipelines.chain import given_step
from pipelines.chains import ChainSettings
from pipelines.records import MusicPrompt, Score, Step


class Lane(ABC):
    """What both lanes have: the steps so far, the sound, what is being done, and what went wrong."""

    chain: ClassVar[str]
    panel: ClassVar[str]

    def __init__(self, job: Job, settings: ChainSettings) -> None:
        self.settings = settings
        self.sound = Sound(job.number, job.folder, self.panel, settings.duration_s)
        self.steps: list[Step] = []
        self.doing, self.detail = "", ""
        self.progress = 0.0
        self.trouble = ""

    @property
    def sound_file(self) -> str:
        """Name of the whole sound among the take's files."""
        return FILES[self.chain]["audio"]

    @property
    def made(self) -> bool:
        """Whether its music is whole."""
        return not self.trouble and any(step.name == "audio" for step in self.steps)

    @property
    @abstractmethod
    def done(self) -> str:
        """What was made, for the line that says that all is finished."""

    def take(self, step: Step) -> dict[str, Any]:
        """Take in a step and say which panels change."""
        if step.final:
            self.steps.append(step)
        if step.name == "audio" and step.final:
            self.doing, self.detail, self.progress = say("status.listening_back"), "", 0.97
        if step.name == "heard":
            self.doing, self.progress = "", 1.0
        return {}

    def fail(self, trouble: str) -> None:
        """The chain has ended early."""
        self.trouble, self.doing, self.detail, self.progress = trouble, "", "", 1.0

    def part(self) -> Part:
        """The lane's part of the take."""
        return Part(tuple(self.steps), asdict(self.settings))

    @abstractmethod
    def values(self, panel: str) -> dict[str, Any]:
        """The values of the lane's panels, made when they are sent."""

    def whole(self, name: str) -> Any:
        """The final value of a step."""
        return next(step.value for step in self.steps if step.name == name)


class NotesLane(Lane):
    """The symbolic chain: notes and piano sound."""

    chain, panel = "symbolic", "music"

    def __init__(self, job: Job, settings: ChainSettings) -> None:
        super().__init__(job, settings)
        self.music = Music(self.sound)

    def take(self, step: Step) -> dict[str, Any]:
        """Take in a step and say which panels change."""
        super().take(step)
        if step.name == "score":
            self.music.show_score(step.value, step.made_by)
            self._tell(step)
            return {self.panel: self}
        if step.name == "audio" and not step.final:
            self.sound.add(step.value, step.made_by)
            return {self.panel: self}
        return {}

    def _tell(self, step: Step) -> None:
        score: Score = step.value
        bars = sum(section.bars for section in score.sections)
        self.doing = say("status.finishing_piano" if step.final else "status.composing")
        self.detail = "" if step.final else bar_count(score, bars)
        self.progress = 0.9 * score.bars_begun / bars if bars else 0.0

    def fail(self, trouble: str) -> None:
        """The chain has ended early."""
        super().fail(trouble)
        self.music.trouble = trouble

    @property
    def done(self) -> str:
        """Such as "30 seconds of piano in C major"."""
        score: Score = self.whole("score")
        return say("made.piano", length=seconds(score.duration_s), key=key_name(score))

    def values(self, panel: str) -> dict[str, Any]:
        """The music panel's value."""
        return {panel: self.music.value()}


class WordsLane(Lane):
    """The waveform chain: caption, prompt, sound."""

    chain, panel = "waveform", "wave"

    def __init__(self, job: Job, settings: ChainSettings) -> None:
        super().__init__(job, settings)
        self.wave = Wave(self.sound)
        self.found = {name: given_step(name, job.own[name]) for name in ("caption", "prompt") if name in job.own}

    def take(self, step: Step) -> dict[str, Any]:
        """Take in a step and say which panels change."""
        super().take(step)
        if step.name in ("caption", "prompt"):
            self.found[step.name] = step
            self._tell(step)
            return {"words": words_value(self.found.get("caption"), self.found.get("prompt")), self.panel: self}
        if step.name == "audio" and not step.final:
            slow = step.made_by != entry_for("audio").made_by
            self.sound.add(step.value, step.made_by, step.licence, patient=slow)
            self.wave.note = step.note
            self.detail = say("status.words_part", part=self.sound.part)
            self.progress = 0.2 + 0.75 * self.sound.part
            return {self.panel: self}
        return {}

    def _tell(self, step: Step) -> None:
        if step.name == "caption":
            self.doing, self.progress = say("status.writing_prompt"), 0.1
        else:
            self.wave.prompt = step.value
            self.doing, self.progress = say("status.making_words"), 0.2

    def fail(self, trouble: str) -> None:
        """The chain has ended early."""
        super().fail(trouble)
        self.wave.trouble = trouble

    @property
    def done(self) -> str:
        """Such as "30 seconds of warm folk"."""
        prompt: MusicPrompt = self.whole("prompt")
        return say("made.words", length=seconds(self.settings.duration_s), mood=prompt.mood, genre=prompt.genre)

    def values(self, panel: str) -> dict[str, Any]:
        """The wave panel's value."""
        return {panel: self.wave.value()}
