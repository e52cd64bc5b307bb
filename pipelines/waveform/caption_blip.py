"""The paper's captioner: BLIP large, conditioned on the emotion's label.

In: :class:`pipelines.records.Picture` and :class:`pipelines.records.Emotion`. Out: :class:`pipelines.records.Caption`.

Source: "Bridging Paintings and Music", section III-B: BLIP large as it was trained, "conditioned on the emotion
labels". The paper does not say how. Its one caption, "sad man in a sailor's hat sitting at a table" (Table I), opens
with the label, as a caption does that BLIP was made to continue; so the label in lower case is the text prefix here.
Neither does it say how words are chosen: here by the beam search of BLIP's own paper (Li et al. 2022: 3 beams, at
least 5 tokens), which gives the same caption for the same picture and label.

Conventions
-----------
The label stands once at the head of the caption. "araffe", "arafed" and the like are no words, though this checkpoint
is known to say them, and are left out. What is no caption after that is a :class:`pipelines.errors.ModelFailedError`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.catalogue import ModelEntry
from pipelines.chain import Cancelled, never
from pipelines.errors import ModelFailedError
from pipelines.records import LABELS, Caption, Emotion, Picture
from pipelines.waveform.hub_model import CAPTIONING, asking, failures_told, load_whole, open_parts, stop_if

BEAMS = 3
NEW_TOKENS = (4, 30)
NO_WORD = re.compile(r"\baraf\w*\b")
LEAST_WORDS = 3
LONGEST_REPEAT = 5
NO_LAST_WORDS = frozenset(
    ("a", "an", "the", "and", "or", "of", "in", "on", "at", "with", "to", "by", "for", "from", "is", "that")
)


@dataclass(frozen=True, eq=False)
class BlipCaptioner:
    """A loaded BLIP: transformers' processor and model, and the entry that says whose weights they are."""

    entry: ModelEntry
    processor: Any
    model: Any

    @property
    def made_by(self) -> str:
        """What the page shows beside the caption."""
        return self.entry.made_by

    @property
    def licence(self) -> str:
        """Licence of the weights."""
        return self.entry.licence

    def caption(self, picture: Picture, emotion: Emotion, *, cancelled: Cancelled = never) -> Caption:
        """Describe the picture in a sentence that opens with the emotion's label.

        Raises:
            ModelFailedError: the model ran out of memory or broke, or what it said is no caption.
            StoppedError: `cancelled` answered True; it is asked before the picture is seen and for every word.
        """
        label = emotion.label.lower()
        with failures_told(self.entry, "failed at this picture"):
            said = self._say(picture, label, cancelled=cancelled)
        return Caption(tidy(said, prefix=label))

    def _say(self, picture: Picture, prefix: str, *, cancelled: Cancelled = never) -> str:
        """What BLIP says after the prefix, with it."""
        import torch
        from PIL import Image

        stop_if(cancelled, CAPTIONING)
        inputs = self.processor(images=Image.fromarray(picture.rgb), text=prefix, return_tensors="pt")
        inputs = inputs.to(self.model.device, self.model.dtype)
        least, most = NEW_TOKENS
        with torch.inference_mode():
            tokens = self.model.generate(
                **inputs,
                num_beams=BEAMS,
                do_sample=False,
                min_new_tokens=least,
                max_new_tokens=most,
                no_repeat_ngram_size=3,
                stopping_criteria=[asking(cancelled, CAPTIONING)],
            )
        said: str = self.processor.decode(tokens[0], skip_special_tokens=True)
        return said


def open_blip(entry: ModelEntry) -> BlipCaptioner:
    """Load the BLIP of a catalogue's entry from this machine, once per process; in half precision where there is CUDA.

    Raises:
        ModelMissingError: it is not on this machine.
        ModelFailedError: its files are broken or incomplete, or memory does not suffice.
    """
    processor, model = open_parts(entry, _load)
    return BlipCaptioner(entry, processor, model)


def _load(folder: Path) -> tuple[Any, Any]:
    from transformers import BlipForConditionalGeneration, BlipProcessor

    processor = BlipProcessor.from_pretrained(folder, local_files_only=True)
    model = load_whole(BlipForConditionalGeneration, folder)
    _check_words(processor.tokenizer)
    return processor, model


def _check_words(tokenizer: Any) -> None:
    """Without its files a tokenizer comes up empty, and any prefix would be unknown."""
    unknown = [label for label in LABELS if tokenizer.unk_token_id in tokenizer(label.lower())["input_ids"]]
    if unknown:
        raise ValueError(f"the vocabulary lacks the words {', '.join(unknown)}")


def tidy(said: str, *, prefix: str) -> str:
    """Make a caption of what BLIP said: the prefix once, repeats trimmed, a capital and a full stop.

    Raises:
        ModelFailedError: no caption is left.
    """
    words = re.sub(r"\s+", " ", NO_WORD.sub("", said.lower())).strip(" .,;:!?-").split()
    while words and words[0] == prefix:
        words = words[1:]
    words = without_repeats(words)
    while words and words[-1] in NO_LAST_WORDS:
        words.pop()
    real = [word for word in words if re.fullmatch(r"[a-z][a-z'-]+", word)]
    if len(real) < LEAST_WORDS or len(set(real)) * 2 < len(words):
        raise ModelFailedError(f"BLIP found no words for this picture ({said.strip()[:60]!r}); edit the caption.")
    text = " ".join([prefix, *words])
    return f"{text[0].upper()}{text[1:]}."


def without_repeats(words: list[str]) -> list[str]:
    """Leave out what says again the words right before it, up to :data:`LONGEST_REPEAT` of them."""
    kept: list[str] = []
    for word in words:
        kept.append(word)
        for length in range(1, min(LONGEST_REPEAT, len(kept) // 2) + 1):
            if kept[-length:] == kept[-2 * length : -length]:
                del kept[-length:]
                break
    return kept
