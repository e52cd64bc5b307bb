"""The paper's prompt writer: Falcon-RW-1B, asked in its three-part form.

In: a caption and an emotion. Out: :class:`pipelines.records.MusicPrompt`, made of what the model answers by
`prompt_response.py`.

Source: "Bridging Paintings and Music", section III-C: system message, instruction and response, word for word from
Table 1. The paper does not say how words are chosen. This is a base model, which left to its likeliest words says them
again and again, so here they are drawn: temperature 0.7, the likeliest 90 %, repeats made less likely by 1.15, at most
80 tokens; the same for the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.catalogue import ModelEntry
from pipelines.chain import Cancelled, never
from pipelines.errors import ModelFailedError
from pipelines.records import Caption, Emotion, MusicPrompt
from pipelines.waveform.hub_model import PROMPTING, asking, failures_told, load_whole, open_parts, stop_if
from pipelines.waveform.prompt_form import SYSTEM, instruction
from pipelines.waveform.prompt_response import ECHO, prompt_of, sentences

if TYPE_CHECKING:
    import torch

FORM = "System Message: {system}\nInstruction: {user}\nResponse:"
TEMPERATURE, TOP_P, REPETITION_PENALTY = 0.7, 0.9, 1.15
NEW_TOKENS = 80
TRIES = 2  # a base model's first answer is sometimes none
ENOUGH_SENTENCES = 3


@dataclass(frozen=True, eq=False)
class FalconPrompter:
    """A loaded Falcon: transformers' tokenizer and model, and the entry that says whose weights they are."""

    entry: ModelEntry
    tokenizer: Any
    model: Any

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
            ModelFailedError: the model ran out of memory or broke, or twice made no sense.
            StoppedError: `cancelled` answered True; it is asked for every token.
        """
        for attempt in range(TRIES):
            with failures_told(self.entry, "failed at this caption"):
                response = self.respond(caption.text, seed=seed * TRIES + attempt, cancelled=cancelled)
            try:
                return prompt_of(response, emotion, caption=caption.text)
            except ModelFailedError as failure:
                senseless = failure
        raise ModelFailedError(f"{self.entry.name} wrote no prompt that fits this picture.") from senseless

    def respond(self, caption: str, *, seed: int, cancelled: Cancelled = never) -> str:
        """What the model answers, as it is. Raises StoppedError once `cancelled` answers True."""
        import torch

        stop_if(cancelled, PROMPTING)
        text = FORM.format(system=SYSTEM, user=instruction(caption))
        tokens = self.tokenizer(text, return_tensors="pt").input_ids.to(self.model.device)
        with torch.inference_mode():
            output = self.model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                do_sample=False,
                max_new_tokens=NEW_TOKENS,
                pad_token_id=self.tokenizer.eos_token_id,
                logits_processor=_drawing(seed, tokens.shape[1]),
                stopping_criteria=[asking(cancelled, PROMPTING), self._enough(tokens.shape[1])],
            )
        return self._text(output[0, tokens.shape[1] :])

    def _text(self, tokens: torch.Tensor) -> str:
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return text

    def _enough(self, asked: int) -> Any:
        """Stop once the answer has its sentences, or begins to ask itself."""
        from transformers import StoppingCriteria

        text = self._text

        class Enough(StoppingCriteria):
            def __call__(self, tokens: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
                import torch

                said = text(tokens[0, asked:])
                done = bool(ECHO.search(said)) or len(sentences(said)) >= ENOUGH_SENTENCES
                return torch.full((len(tokens),), done, dtype=torch.bool, device=tokens.device)

        return Enough()


def _drawing(seed: int, asked: int) -> Any:
    """Processors of scores that draw the next token with a generator of their own.

    `generate` can only draw with the process's generator, which other threads share. So it is told to take the best
    score, and Gumbel noise from this seed makes the best one a draw. Repeats count in the answer, not the instruction.
    """
    import torch
    from transformers import (
        LogitsProcessor,
        LogitsProcessorList,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopPLogitsWarper,
    )

    generator = torch.Generator().manual_seed(seed)

    class Draw(LogitsProcessor):
        def __call__(self, tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            noise = torch.empty(scores.shape).exponential_(generator=generator).log()
            return scores.float() - noise.to(scores.device)

    return LogitsProcessorList(
        [
            RepetitionPenaltyLogitsProcessor(REPETITION_PENALTY, prompt_ignore_length=asked),
            TemperatureLogitsWarper(TEMPERATURE),
            TopPLogitsWarper(TOP_P),
            Draw(),
        ]
    )


def open_falcon(entry: ModelEntry) -> FalconPrompter:
    """Load the Falcon of a catalogue's entry from this machine, once per process; with CUDA in half precision.

    Raises:
        ModelMissingError: it is not on this machine.
        ModelFailedError: its files are broken or incomplete, or memory does not suffice.
    """
    tokenizer, model = open_parts(entry, _load)
    return FalconPrompter(entry, tokenizer, model)


def _load(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoTokenizer, FalconForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer, load_whole(FalconForCausalLM, folder)
