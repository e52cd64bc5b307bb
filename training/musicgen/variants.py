"""The paper's four variants of MusicGen-small, and the settings of a fine-tuning run.

Source: "Bridging Paintings and Music", sections III-D (variants) and IV-C (batch 16, 40 epochs, AdamW at 1e-5, early
stopping, cosine schedule with 100 warm-up steps). What the paper leaves open has a default here that can be changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pipelines.catalogue import MUSICGEN_SMALL
from pipelines.errors import SettingsError
from training.musicgen.batches import frames_in
from training.musicgen.model import TunedParts

OPTIMIZED_FROZEN_SHARE = 0.75
PRECISIONS = ("no", "bf16", "fp16")


@dataclass(frozen=True)
class Variant:
    """Which text conditions the music, whether encoders work beforehand, and the share of layers that stay frozen."""

    condition: str
    stored: bool
    frozen_share: float


VARIANTS = {
    "emotive": Variant("emotive", stored=False, frozen_share=0.0),
    "narrative": Variant("narrative", stored=False, frozen_share=0.0),
    "lyrical": Variant("lyrical", stored=False, frozen_share=0.0),
    "optimized": Variant("optimized", stored=True, frozen_share=OPTIMIZED_FROZEN_SHARE),
}


@dataclass(frozen=True)
class FinetuneSettings:
    """How to fine-tune. A step learns from `batch` pairs over all processes, `part` at a time on each.

    `patience` epochs without a better validation loss end the run; `dropped_text` is the probability of
    classifier-free dropout; `minutes` of steps end it earlier (0: no limit). After `warmup_steps` the learning rate
    falls by a cosine to 0 at the last epoch.
    """

    variant: str = "lyrical"
    base: str = MUSICGEN_SMALL
    epochs: int = 40
    patience: int = 5
    batch: int = 16
    part: int = 4
    learning_rate: float = 1e-5
    warmup_steps: int = 100
    weight_decay: float = 0.01
    largest_gradient: float = 1.0
    dropped_text: float = 0.2
    clip_s: float = 30.0
    mixed_precision: str = "no"
    save_every_steps: int = 200
    minutes: float = 0.0
    seed: int = 0
    use_lower: bool = False
    parts: TunedParts = field(default_factory=TunedParts)

    def check(self) -> None:
        """Raise SettingsError for values that cannot be."""
        if self.variant not in VARIANTS:
            raise SettingsError(f"The variant {self.variant!r} is unknown; choose one of {', '.join(VARIANTS)}.")
        if self.mixed_precision not in PRECISIONS:
            raise SettingsError(
                f"The precision {self.mixed_precision!r} is unknown; choose one of {', '.join(PRECISIONS)}."
            )
        for name in ("epochs", "patience", "batch", "part", "save_every_steps"):
            if getattr(self, name) < 1:
                raise SettingsError(f"The setting {name} cannot be {getattr(self, name)}; choose 1 or more.")
        for name in ("learning_rate", "weight_decay", "warmup_steps", "minutes", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SettingsError(f"The setting {name} cannot be {getattr(self, name):g}; choose 0 or more.")
        frames_in(self.clip_s)
        if not self.largest_gradient > 0:
            raise SettingsError(f"A largest gradient of {self.largest_gradient:g} cannot be; choose more than 0.")
        if not 0 <= self.dropped_text <= 1:
            raise SettingsError(f"A probability of {self.dropped_text:g} cannot be; choose 0 to 1.")
        if self.use_lower and not self.parts.frozen_share:
            raise SettingsError("Stored lower states need frozen layers; choose a frozen share above 0.")
